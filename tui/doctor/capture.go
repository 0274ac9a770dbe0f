package doctor

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"voiptop/protocol"
	"voiptop/sensord/conf"
	"voiptop/tui/internal/plural"
)

var captureChecks = []Check{
	{Code: "interface", Group: "capture", Title: "the interfaces are there and up", Needs: []string{"conf-readable"}, Run: checkInterface},
	{Code: "promiscuous", Group: "capture", Title: "they take frames that are for others", Needs: []string{"interface", "sensord-socket"}, Run: checkPromiscuous},
	{Code: "packets-seen", Group: "capture", Title: "packets arrive", Needs: []string{"sensord-socket"}, Run: checkPackets},
	{Code: "drops", Group: "capture", Title: "none are dropped", Needs: []string{"packets-seen"}, Run: checkDrops},
	{Code: "sip-seen", Group: "capture", Title: "SIP is among them", Needs: []string{"packets-seen"}, Run: checkSIP},
	{Code: "sip-ports", Group: "capture", Title: "SIP on other ports is not missed", Needs: []string{"packets-seen"}, Run: checkPorts},
	{Code: "duplicates", Group: "capture", Title: "packets come once", Needs: []string{"packets-seen"}, Run: checkDuplicates},
	{Code: "calls-seen", Group: "capture", Title: "calls are among the SIP", Needs: []string{"sip-seen"}, Run: checkCalls},
	{Code: "rtp-seen", Group: "capture", Title: "the calls' RTP is there", Needs: []string{"calls-seen"}, Run: checkRTP},
}

func checkInterface(ctx context.Context, e *Env) Result {
	if h, err := e.Health(ctx); err == nil && replays(h) {
		return ok("sensord replays %s", sources(h))
	}
	names := e.config().Interfaces
	if e.onlyHEP() {
		return ok("none; HEP is taken at %s", e.config().HEPAddress)
	}
	if len(names) == 0 {
		return failed("interface is not set", "sensord does not know where to capture", "ip -br link ; then write interface = NAME in "+e.ConfPath)
	}
	list, err := e.Interfaces()
	if err != nil {
		return blocked(err.Error(), "ip -br link")
	}
	up := map[string]bool{}
	for _, i := range list {
		up[i.Name] = i.Flags&net.FlagUp != 0
	}
	for _, name := range names {
		isUp, there := up[name]
		switch {
		case name == "any":
		case !there:
			return failed(name+" does not exist", "sensord cannot capture there", "ip -br link ; then mend interface in "+e.ConfPath)
		case !isUp:
			return failed(name+" is down", "no packet arrives there", "ip link set "+name+" up")
		}
	}
	return ok("%s", strings.Join(names, ", "))
}

// onlyHEP reports whether the sensor captures nothing itself and only takes HEP.
func (e *Env) onlyHEP() bool { return e.config().HEP && len(e.config().Interfaces) == 0 }

// noHEP is the failure of a sensor to which no agent's message has come.
func (e *Env) noHEP(h protocol.Health) Result {
	_, port, err := net.SplitHostPort(e.config().HEPAddress)
	if err != nil {
		port = strconv.Itoa(conf.DefaultHEPPort)
	}
	if n := h.Counters["hep.listen.dropped.key"]; n > 0 {
		return failed(fmt.Sprintf("%d HEP messages, all without the authentication key", n), "the agents have no key, or another", "give the agents the hep_auth_key of "+e.ConfPath)
	}
	return failed("no HEP message in "+e.since(h.Info.Started)+" on "+sources(h), "no agent sends here, or a firewall is between", "tcpdump -ni any -c 5 port "+port)
}

// soon is how long a sensor may see nothing without anything being wrong.
const soon = time.Minute

// young reports whether the sensor has just started.
func (e *Env) young(h protocol.Health) bool {
	return h.Info.Started != 0 && e.Now().Sub(h.Info.Started.Std()) < soon
}

// notYet is a failure, or only a warning while the sensor is young.
func (e *Env) notYet(h protocol.Health, r Result) Result {
	if e.young(h) {
		r.Status = Warn
		r.Seen += " (sensord has just started)"
	}
	return r
}

func checkPackets(ctx context.Context, e *Env) Result {
	h, err := e.Health(ctx)
	if err != nil {
		return skip("sensord does not answer")
	}
	if n := h.Counters[protocol.CountPackets]; n > 0 {
		return ok("%s in %s", plural.Of(n, "packet"), e.since(h.Info.Started))
	}
	if e.onlyHEP() {
		return e.notYet(h, e.noHEP(h))
	}
	why := "the mirror port is not set up, or it is another interface"
	if f := e.config().Filter; f != "" {
		why = fmt.Sprintf("filter = %s keeps all out, the mirror port is not set up, or it is another interface", f)
	}
	return e.notYet(h, failed("no packet in "+e.since(h.Info.Started)+" on "+sources(h), why, "tcpdump -ni "+firstInterface(h, e)+" -c 5"))
}

func firstInterface(h protocol.Health, e *Env) string {
	if names := e.config().Interfaces; len(names) > 0 {
		return names[0]
	}
	if name, _, _ := strings.Cut(h.Info.Source, ","); name != "" {
		return name
	}
	return "any"
}

func checkDrops(ctx context.Context, e *Env) Result {
	h, err := e.Health(ctx)
	if err != nil {
		return skip("sensord does not answer")
	}
	dropped, all := h.Counters[protocol.CountKernelDrops], h.Counters[protocol.CountPackets]
	if dropped == 0 {
		return ok("none")
	}
	pct := 100 * float64(dropped) / float64(dropped+all)
	r := warning(fmt.Sprintf("%d of %d packets (%.2f %%)", dropped, dropped+all, pct), "the kernel's ring was full: loss is reported that the network did not cause",
		fmt.Sprintf("write ringbuffer = %d in %s, then systemctl restart sensord", min(2*e.config().RingBufferMB, 2000), e.ConfPath))
	if pct >= 1 {
		r.Status = Fail
	}
	return r
}

func checkSIP(ctx context.Context, e *Env) Result {
	h, err := e.Health(ctx)
	if err != nil {
		return skip("sensord does not answer")
	}
	if n := h.Counters[protocol.CountSIP]; n > 0 {
		return ok("%d SIP messages", n)
	}
	c := e.config()
	if h.Counters[protocol.CountSIPUnlisted] > 0 {
		return e.notYet(h, otherPorts(h, e, "no SIP message on the ports that sipport lists", Fail))
	}
	why := "SIP does not pass here, or is encrypted (TLS)"
	switch {
	case len(c.SIPPorts) > 0:
		why = fmt.Sprintf("sipport names %s only; without it SIP is found on any port. Or SIP does not pass here, or is encrypted", ports(c.SIPPorts))
	case c.Filter != "":
		why = fmt.Sprintf("filter = %s may keep it out. Or SIP does not pass here, or is encrypted", c.Filter)
	}
	return e.notYet(h, failed("no SIP message among the packets", why, "tcpdump -Ani "+firstInterface(h, e)+" -c 3 port 5060"))
}

// ports names ports as sipport does: neighbours as a range.
func ports(list []uint16) string {
	list = slices.Clone(list)
	slices.Sort(list)
	var parts []string
	for i := 0; i < len(list); {
		j := i
		for j+1 < len(list) && list[j+1]-list[j] <= 1 {
			j++
		}
		if list[i] == list[j] {
			parts = append(parts, fmt.Sprint(list[i]))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", list[i], list[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ", ")
}

func checkCalls(ctx context.Context, e *Env) Result {
	h, err := e.Health(ctx)
	if err != nil {
		return skip("sensord does not answer")
	}
	if n := h.Counters[protocol.CountCallsStarted]; n > 0 {
		return ok("%s, %d running", plural.Of(n, "call"), h.Running)
	}
	if h.Counters[protocol.CountSIP] == 0 {
		return skip("there was no SIP")
	}
	return warning("SIP, but no call yet", "only registrations or keep-alives so far; perhaps nobody has called", "make a test call, then: voipmon doctor --wait")
}

func checkRTP(ctx context.Context, e *Env) Result {
	h, err := e.Health(ctx)
	if err != nil {
		return skip("sensord does not answer")
	}
	if n := h.Counters[protocol.CountRTP]; n > 0 {
		return ok("%d RTP packets", n)
	}
	if h.Counters[protocol.CountCallsStarted] == 0 {
		return skip("there was no call")
	}
	if e.onlyHEP() {
		return skip("HEP tells of the signalling")
	}
	return e.notYet(h, warning("calls, but no RTP packet", "media takes another way (another interface, VLAN or machine), the filter keeps it out, or no call was answered",
		"tcpdump -ni any -c 20 udp and portrange 10000-65535"))
}
