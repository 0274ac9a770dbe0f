package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"

	"voiptop/tui/doctor/nft"
)

// checkFirewall looks for a rule of this machine that keeps sensord from hosted.
func checkFirewall(ctx context.Context, e *Env) Result {
	if !e.reached {
		checkTCP(ctx, e) // when only this was asked for
	}
	to, v, err := e.firewall(ctx)
	switch {
	case e.server != "" && (err != nil || !v.Drops || v.Back):
		return ok("it lets a connection to %s out", e.server)
	case errors.Is(err, errNoServer):
		return skip("%v", err)
	case errors.Is(err, errors.ErrUnsupported):
		return blocked("there is no nft to ask", "iptables -S OUTPUT ; or: apt install nftables, and again")
	case isPermission(err):
		return blocked("no right to read the firewall's rules", "sudo voipmon doctor --only network")
	case err != nil:
		return blocked(err.Error(), "nft list ruleset")
	}
	where := fmt.Sprintf("table %s, chain %s: %s", v.Table, v.Chain, v.What)
	switch {
	case v.Drops && e.server != "": // root's connection gets out
		return failed(where, "this machine's own firewall keeps the user that sensord runs as from "+to.String(), allow(v, to.Port()))
	case v.Drops:
		return failed(where, keepsFrom(v, to), allow(v, to.Port()))
	case v.Maybe:
		return warning(where+", with a condition that is not understood here", "it may keep sensord from "+to.String(), "nft -a list chain "+v.Table+" "+v.Chain)
	}
	return ok("no rule of this machine forbids TCP to %s; the fault is further away", to)
}

// firewall answers what the rules of this machine do to sensord's connection.
func (e *Env) firewall(ctx context.Context) (to netip.AddrPort, v nft.Verdict, err error) {
	if to, err = e.firstAddress(ctx); err != nil {
		return to, v, err
	}
	rules, err := e.ruleset.get(func() (*nft.Ruleset, error) {
		b, err := e.Ruleset(ctx)
		if err != nil {
			return nil, err
		}
		return nft.Parse(b)
	})
	if err != nil {
		return to, v, err
	}
	p := nft.Packet{To: to}
	if a := e.account(ctx); a != nil {
		p.User = &nft.User{Name: a.Name, UID: int(a.UID)}
	}
	return to, rules.Sent(p), nil
}

// keepsFrom says what a rule that drops means.
func keepsFrom(v nft.Verdict, to netip.AddrPort) string {
	if v.Back {
		return "this machine's own firewall drops what " + to.String() + " answers"
	}
	return "this machine's own firewall keeps sensord from " + to.String()
}

// allow is what mends a rule that drops, in the words of who wrote it.
func allow(v nft.Verdict, port uint16) string {
	switch {
	case v.Back && v.Chain == "INPUT": // iptables
		return "iptables -I INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
	case v.Back:
		return fmt.Sprintf("nft insert rule %s %s ct state established,related accept", v.Table, v.Chain)
	case strings.HasPrefix(v.Chain, "ufw"):
		return fmt.Sprintf("ufw allow out %d/tcp", port)
	case strings.HasSuffix(v.Table, " firewalld"):
		return fmt.Sprintf("firewall-cmd --permanent --policy=$(firewall-cmd --get-active-policies | head -1) --add-port=%d/tcp ; firewall-cmd --reload", port)
	case v.Chain == "OUTPUT": // iptables
		return fmt.Sprintf("iptables -I OUTPUT -p tcp --dport %d -j ACCEPT", port)
	}
	return fmt.Sprintf("nft insert rule %s %s tcp dport %d accept", v.Table, v.Chain, port)
}

// errNoServer is that there is no address to ask the firewall about.
var errNoServer = errors.New("nowhere to connect to")

// firstAddress is that of the proxy, or of the first server.
func (e *Env) firstAddress(ctx context.Context) (to netip.AddrPort, err error) {
	servers := e.config().Servers
	if p := e.config().Proxy; p != nil {
		servers = []string{p.Host}
	}
	if len(servers) == 0 {
		return to, fmt.Errorf("%w: server_destination is not set", errNoServer)
	}
	host, port, err := net.SplitHostPort(servers[0])
	if err != nil {
		return to, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return to, fmt.Errorf("port %s is no number", port)
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return netip.AddrPortFrom(a, uint16(n)), nil
	}
	list, err := e.Resolve(ctx, host)
	if err != nil || len(list) == 0 {
		return to, fmt.Errorf("%w: %s has no address", errNoServer, host)
	}
	return netip.AddrPortFrom(list[0].Unmap(), uint16(n)), nil
}

// ruleset asks nft, which needs root.
func ruleset(ctx context.Context) ([]byte, error) {
	path, err := exec.LookPath("nft")
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/nft"); err != nil { // not in everybody's PATH
			return nil, errors.ErrUnsupported
		}
	}
	out, err := exec.CommandContext(ctx, path, "-j", "list", "ruleset").Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if said := strings.ToLower(string(exit.Stderr)); strings.Contains(said, "not permitted") || strings.Contains(said, "must be root") {
			return nil, errNoRight
		}
		return nil, fmt.Errorf("nft -j list ruleset: %s", strings.TrimSpace(string(exit.Stderr)))
	}
	return out, err
}
