package doctor

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"voiptop/protocol"
)

// promiscFlag is IFF_PROMISC of netdevice(7).
const promiscFlag = 0x100

// checkPromiscuous looks whether the interfaces take frames that are addressed to others, as a mirror port sends them.
func checkPromiscuous(ctx context.Context, e *Env) Result {
	h, err := e.Health(ctx)
	c := e.config()
	switch {
	case err != nil:
		return skip("sensord does not answer")
	case replays(h) || e.onlyHEP():
		return skip("sensord does not capture")
	}
	var off, on []string
	for _, name := range c.Interfaces {
		if name == "any" || name == "lo" {
			continue
		}
		b, err := os.ReadFile(e.path("/sys/class/net/" + name + "/flags"))
		if err != nil {
			return blocked(err.Error(), "ip -d link show "+name)
		}
		flags, err := strconv.ParseUint(strings.TrimSpace(string(b)), 0, 32)
		if err != nil {
			return blocked(fmt.Sprintf("flags of %s: %v", name, err), "ip -d link show "+name)
		}
		if flags&promiscFlag == 0 {
			off = append(off, name)
		} else {
			on = append(on, name)
		}
	}
	switch {
	case len(off) > 0 && c.Promisc:
		return warning(strings.Join(off, ", ")+" is not promiscuous", "of a mirror port only what is addressed to this machine is seen; on the PBX itself that is all there is",
			"systemctl restart sensord ; grep CapEff /proc/$(pidof sensord)/status")
	case len(off) > 0:
		return ok("%s: off, as promisc = no says: what is for or from this machine is seen", strings.Join(off, ", "))
	case len(on) > 0:
		return ok("%s", strings.Join(on, ", "))
	}
	return ok("nothing to switch on %s", strings.Join(c.Interfaces, ", "))
}

// checkPorts tells of SIP that sipport keeps out.
func checkPorts(ctx context.Context, e *Env) Result {
	h, err := e.Health(ctx)
	if err != nil {
		return skip("sensord does not answer")
	}
	list := e.config().SIPPorts
	if h.Counters[protocol.CountSIPUnlisted] > 0 {
		return otherPorts(h, e, "", Warn)
	}
	if len(list) == 0 {
		return ok("any port")
	}
	return ok("%s; no SIP was seen elsewhere", ports(list))
}

// otherPorts tells of SIP on ports that sipport does not list.
func otherPorts(h protocol.Health, e *Env, before string, status Status) Result {
	seen := fmt.Sprintf("%d SIP messages on ports that sipport (%s) does not list", h.Counters[protocol.CountSIPUnlisted], ports(e.config().SIPPorts))
	if before != "" {
		seen = before + "; " + seen
	}
	return Result{
		Status: status, Seen: seen, Why: "their calls are not seen",
		Remedy: "remove sipport from " + e.ConfPath + ": SIP is found on any port; or add theirs; then systemctl restart sensord",
	}
}

// manyDuplicates is the share of packets that come twice above which it is worth saying.
const manyDuplicates = 0.1

// checkDuplicates tells of a mirror port that sends packets twice.
func checkDuplicates(ctx context.Context, e *Env) Result {
	h, err := e.Health(ctx)
	if err != nil {
		return skip("sensord does not answer")
	}
	twice, all := h.Counters[protocol.CountDuplicates], h.Counters[protocol.CountPackets]
	if all == 0 {
		return skip("there were no packets")
	}
	seen := fmt.Sprintf("%d of %d packets came a second time", twice, all)
	if float64(twice) < manyDuplicates*float64(all) {
		return ok("%s", seen)
	}
	return warning(seen, "they are left out of all figures, and cost the mirror port and this machine twice the work",
		"mirror one direction (rx) of the ports, or one VLAN, or take one interface out of interface in "+e.ConfPath)
}
