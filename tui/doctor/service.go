package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"
	"time"

	"voiptop/protocol"
)

var serviceChecks = []Check{
	{Code: "sensord-socket", Group: "service", Title: "sensord is running", Run: checkSocket},
	{Code: "sensord-problems", Group: "service", Title: "it has nothing to complain of", Needs: []string{"sensord-socket"}, Run: checkProblems},
}

func checkSocket(ctx context.Context, e *Env) Result {
	socket := e.config().Socket
	h, err := e.Health(ctx)
	switch {
	case err == nil:
		verb := "capturing"
		if replays(h) {
			verb = "replaying"
		}
		seen := fmt.Sprintf("sensord %s, up %s, %s %s", h.Info.Version, e.since(h.Info.Started), verb, sources(h))
		if h.Info.Version != protocol.Version {
			return warning(seen+"; voipmon is "+protocol.Version, "two versions are installed, or sensord was not restarted after an upgrade", "systemctl restart sensord")
		}
		return ok("%s", seen)
	case errors.Is(err, fs.ErrPermission):
		return blocked("no right to use "+socket, "sudo voipmon doctor -c "+e.ConfPath)
	case errors.Is(err, fs.ErrNotExist):
		return failed("sensord is not running: there is no "+socket, "nothing is captured", "systemctl start sensord ; journalctl -u sensord -n 20")
	case errors.Is(err, syscall.ECONNREFUSED):
		return failed("sensord is not running: nobody listens on "+socket, "it ended without cleaning up, which looks like a crash",
			"journalctl -u sensord -n 50 ; systemctl start sensord")
	case errors.Is(err, context.DeadlineExceeded):
		return failed("sensord does not answer on "+socket, "it hangs, or the machine is out of CPU or memory", "top -b -n1 | head -15 ; systemctl restart sensord")
	}
	return failed("no answer from sensord: "+err.Error(), "something else may own "+socket, "ss -xlp | grep "+socket)
}

// sources names what a sensor reads from, the first of many.
func sources(h protocol.Health) string {
	first, rest, more := strings.Cut(h.Info.Source, ", ")
	switch {
	case first == "":
		return "nothing"
	case more && replays(h):
		return fmt.Sprintf("%s and %d more", first, strings.Count(rest, ", ")+1)
	}
	return h.Info.Source
}

// replays reports whether a sensor reads files: interfaces have neither a slash nor an ending.
func replays(h protocol.Health) bool {
	return strings.Contains(h.Info.Source, "/") || strings.Contains(h.Info.Source, ".pcap") || strings.Contains(h.Info.Source, ".cap")
}

// since is how long ago t was, in words.
func (e *Env) since(t protocol.Time) string {
	if t == 0 {
		return "an unknown time"
	}
	return e.Now().Sub(t.Std()).Round(time.Second).String()
}

func checkProblems(ctx context.Context, e *Env) Result {
	h, err := e.Health(ctx)
	if err != nil {
		return skip("sensord does not answer")
	}
	if len(h.Problems) == 0 {
		return ok("none")
	}
	p := h.Problems[0]
	seen := p.Code + ": " + p.Title
	if p.Detail != "" {
		seen += ": " + p.Detail
	}
	if more := len(h.Problems) - 1; more > 0 {
		seen += fmt.Sprintf("; and %d more", more)
	}
	return warning(seen, "sensord itself says so", p.Remedy)
}

var captureChecks = []Check{
	{Code: "interface", Group: "capture", Title: "the interfaces are there and up", Needs: []string{"conf-readable"}, Run: checkInterface},
	{Code: "packets-seen", Group: "capture", Title: "packets arrive", Needs: []string{"sensord-socket"}, Run: checkPackets},
	{Code: "drops", Group: "capture", Title: "none are dropped", Needs: []string{"packets-seen"}, Run: checkDrops},
	{Code: "sip-seen", Group: "capture", Title: "SIP is among them", Needs: []string{"packets-seen"}, Run: checkSIP},
	{Code: "calls-seen", Group: "capture", Title: "calls are among the SIP", Needs: []string{"sip-seen"}, Run: checkCalls},
	{Code: "rtp-seen", Group: "capture", Title: "the calls' RTP is there", Needs: []string{"calls-seen"}, Run: checkRTP},
}

func checkInterface(ctx context.Context, e *Env) Result {
	if h, err := e.Health(ctx); err == nil && replays(h) {
		return ok("sensord replays %s", sources(h))
	}
	names := e.config().Interfaces
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
		return ok("%d packets in %s", n, e.since(h.Info.Started))
	}
	return e.notYet(h, failed("no packet in "+e.since(h.Info.Started)+" on "+sources(h),
		"the mirror port is not set up, or it is another interface", "tcpdump -ni "+firstInterface(h, e)+" -c 5"))
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
	why := "SIP does not pass here, or is encrypted (TLS)"
	switch {
	case len(c.SIPPorts) > 0:
		why = fmt.Sprintf("sipport names %v only; without it SIP is found on any port. Or SIP does not pass here, or is encrypted", c.SIPPorts)
	case c.Filter != "":
		why = fmt.Sprintf("filter = %s may keep it out. Or SIP does not pass here, or is encrypted", c.Filter)
	}
	return e.notYet(h, failed("no SIP message among the packets", why, "tcpdump -Ani "+firstInterface(h, e)+" -c 3 port 5060"))
}

func checkCalls(ctx context.Context, e *Env) Result {
	h, err := e.Health(ctx)
	if err != nil {
		return skip("sensord does not answer")
	}
	if n := h.Counters[protocol.CountCallsStarted]; n > 0 {
		return ok("%d calls, %d running", n, h.Running)
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
	return e.notYet(h, warning("calls, but no RTP packet", "media takes another way (another interface, VLAN or machine), the filter keeps it out, or no call was answered",
		"tcpdump -ni any -c 20 udp and portrange 10000-65535"))
}

const codeLastCDR = "last-cdr"

var deliveryChecks = []Check{
	{Code: "link-up", Group: "delivery", Title: "sensord's link to hosted is up", Needs: []string{"sensord-socket"}, Run: checkLink},
	{Code: "queue", Group: "delivery", Title: "no CDR waits for long", Needs: []string{"sensord-socket"}, Run: checkQueue},
	{Code: codeLastCDR, Group: "delivery", Title: "hosted has stored CDRs", Needs: []string{"sensord-socket"}, Run: checkLastCDR},
}

func checkLink(ctx context.Context, e *Env) Result {
	h, err := e.Health(ctx)
	if err != nil {
		return skip("sensord does not answer")
	}
	switch h.Link.State {
	case "up":
		seen := fmt.Sprintf("%s, for %s", h.Link.Server, e.since(h.Link.Since))
		if h.Link.Reconnects > 0 {
			seen += fmt.Sprintf(", %d reconnects", h.Link.Reconnects)
		}
		return ok("%s", seen)
	case "off":
		return failed("off: sensord runs without server_destination", "calls stay on this machine", "systemctl restart sensord, after server_destination is set")
	}
	r := failed(h.Link.State+", "+h.Link.Server, "CDRs wait on this machine until it is up", "voipmon doctor --only network,link")
	if p := h.Link.LastError; p != nil {
		r.Seen += ": " + p.Code + ": " + p.Title
		if p.Remedy != "" {
			r.Remedy = p.Remedy
		}
	}
	return r
}

// lateAfter is how long after its call began a CDR is late that hosted has not stored. Most calls are shorter.
const lateAfter = 10 * time.Minute

// late reports whether a CDR waits that hosted should have had for long.
func (e *Env) late(h protocol.Health) bool {
	return h.Journal.Oldest != 0 && e.Now().Sub(h.Journal.Oldest.Std()) > lateAfter
}

func checkQueue(ctx context.Context, e *Env) Result {
	h, err := e.Health(ctx)
	if err != nil {
		return skip("sensord does not answer")
	}
	q := h.Journal
	late := e.late(h)
	seen := fmt.Sprintf("%d CDRs wait", q.Pending)
	if q.Pending > 0 && q.Oldest != 0 {
		seen += ", the oldest call began " + e.since(q.Oldest) + " ago"
	}
	switch {
	case q.Dropped > 0:
		return failed(fmt.Sprintf("%d CDRs were dropped; %s", q.Dropped, seen), "the disk was full: they are gone",
			"df -h "+e.config().StateDir+" ; make room, then voipmon doctor --only storage,delivery")
	case q.Pending > 0 && h.Link.State != "up" && late:
		return failed(seen, "the link is "+h.Link.State+"; they are safe on disk and go up when it is up", "voipmon doctor --only network,link")
	case q.Pending > 0 && late:
		return warning(seen, "hosted is slow or the backlog is still going up", "voipmon doctor --only delivery --wait")
	}
	return ok("%s", seen)
}

func checkLastCDR(ctx context.Context, e *Env) Result {
	h, err := e.Health(ctx)
	if err != nil {
		return skip("sensord does not answer")
	}
	acked, ended := h.Counters[protocol.CountCDRsAcked], h.Counters[protocol.CountCallsEnded]
	switch {
	case h.Link.LastCDRAck != 0:
		return ok("%d stored, the last %s ago", acked, e.since(h.Link.LastCDRAck))
	case acked > 0:
		return ok("%d stored, none since sensord started", acked)
	case ended == 0 && h.Journal.Pending == 0:
		return skip("no call has ended yet")
	case h.Link.State == "up" && h.Journal.Pending > 0 && !e.late(h):
		return warning(fmt.Sprintf("none yet; %d on the way", h.Journal.Pending), "hosted answers once a batch is stored", "voipmon doctor --wait")
	}
	return e.notYet(h, failed(fmt.Sprintf("none, though %d calls have ended", ended), "hosted shows nothing of this sensor", "voipmon doctor --only link,delivery"))
}
