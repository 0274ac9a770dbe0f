package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/link"
)

var networkChecks = []Check{
	{Code: "dns", Group: "network", Title: "hosted's name has an address", Needs: []string{"conf-server"}, Run: checkDNS},
	{Code: "tcp-60023", Group: "network", Title: "hosted's port accepts connections", Needs: []string{"dns"}, Run: checkTCP},
	{Code: "local-firewall", Group: "network", Title: "this machine's firewall lets sensord out", Needs: []string{"dns"}, Run: checkFirewall},
}

func checkDNS(ctx context.Context, e *Env) Result {
	servers := e.config().Servers
	if len(servers) == 0 {
		return skip("server_destination is not set")
	}
	if p := e.config().Proxy; p != nil {
		servers = []string{p.Host} // it asks for hosted's address itself
	}
	var good []string
	var bad []Result
	for _, s := range servers {
		host, _, err := net.SplitHostPort(s)
		if err != nil {
			host = s
		}
		if _, err := netip.ParseAddr(host); err == nil {
			good = append(good, host+" is an address")
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, 6*time.Second)
		list, err := e.Resolve(ctx, host)
		if err == nil && len(list) > 0 {
			good = append(good, host+" is "+addresses(list))
		} else {
			bad = append(bad, e.unresolved(ctx, host, err))
		}
		cancel()
	}
	if len(bad) == 0 {
		return ok("%s", strings.Join(good, "; "))
	}
	e.reached = len(good) == 0 // there is nothing to connect to
	if len(good) > 0 {         // another server of the list can take over
		bad[0].Status = Warn
		bad[0].Seen += "; " + strings.Join(good, "; ")
	}
	return bad[0]
}

func addresses(list []netip.Addr) string {
	var v4, v6 []string
	for _, a := range list {
		if a = a.Unmap(); a.Is4() {
			v4 = append(v4, a.String())
		} else {
			v6 = append(v6, a.String())
		}
	}
	slices.Sort(v4)
	slices.Sort(v6)
	all := append(v4, v6...)
	if more := len(all) - 4; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:4], ", "), more)
	}
	return strings.Join(all, ", ")
}

// unresolved says why a name has no address. sensord asks the name servers of /etc/resolv.conf itself; the C library may
// know more ways.
func (e *Env) unresolved(ctx context.Context, host string, err error) Result {
	r := Result{Status: Fail, Why: "without an address there is no connection", Remedy: "getent ahosts " + host}
	servers := e.nameServers()
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		r.Seen = fmt.Sprintf("%s: no such name, says %s", host, servers)
		r.Remedy = "check the name in server_destination: getent ahosts " + host
	case errors.As(err, &dns) && dns.IsTimeout || errors.Is(err, context.DeadlineExceeded):
		r.Seen = fmt.Sprintf("%s: no answer from %s", host, servers)
		r.Remedy = "check the name servers: cat /etc/resolv.conf; dig " + host
	case errors.As(err, &dns) && strings.Contains(dns.Err, "connection refused"): // net keeps only the text
		r.Seen = fmt.Sprintf("%s: no name server listens at %s", host, servers)
		r.Remedy = "write a name server that answers into /etc/resolv.conf: nameserver ADDRESS"
	case errors.As(err, &dns) && strings.Contains(dns.Err, "unreachable"):
		r.Seen = fmt.Sprintf("%s: there is no route to %s", host, servers)
		r.Remedy = "ip route ; then write a name server that can be reached into /etc/resolv.conf"
	case errors.As(err, &dns) && dns.IsTemporary:
		r.Seen = fmt.Sprintf("%s: %s cannot tell (%s)", host, servers, dns.Err)
		r.Remedy = "ask who runs the name server; dig " + host
	case err == nil:
		r.Seen = fmt.Sprintf("%s: an answer without an address", host)
	default:
		r.Seen = fmt.Sprintf("%s: %v", host, err)
	}
	if e.SystemResolve == nil {
		return r
	}
	if list, err := e.SystemResolve(ctx, host); err == nil && len(list) > 0 {
		r.Seen += "; but the C library finds " + addresses(list)
		r.Why = "sensord asks /etc/hosts and the name servers of /etc/resolv.conf, not the other sources of /etc/nsswitch.conf"
		r.Remedy = fmt.Sprintf("echo '%s %s' >> /etc/hosts, or write the address into server_destination", list[0].Unmap(), host)
	}
	return r
}

// nameServers lists those of /etc/resolv.conf.
func (e *Env) nameServers() string {
	path := e.path("/etc/resolv.conf")
	b, err := os.ReadFile(path)
	if err != nil {
		return "127.0.0.1 (" + path + " cannot be read)"
	}
	var list []string
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "nameserver" {
			list = append(list, f[1])
		}
	}
	if len(list) == 0 {
		return "127.0.0.1 (" + path + " names no server)"
	}
	return strings.Join(list, ", ")
}

func checkTCP(ctx context.Context, e *Env) Result {
	servers := e.config().Servers
	if len(servers) == 0 {
		return skip("server_destination is not set")
	}
	e.reached = true
	var bad []Result
	for _, a := range e.tryAll(ctx, servers) {
		if a.err != nil {
			bad = append(bad, e.ownFirewall(ctx, e.unconnected(a.server, a.err)))
			if a.other != "" {
				e.server = a.other
				r := bad[len(bad)-1]
				r.Status = Warn
				r.Seen += fmt.Sprintf("; hosted answers at %s, and sensord connects there instead", a.other)
				return r
			}
			continue
		}
		if e.server == "" {
			e.server = a.server
		}
		if len(bad) > 0 {
			bad[0].Status = Warn
			bad[0].Seen += fmt.Sprintf("; %s answers", a.server)
			return bad[0]
		}
		return ok("%s accepts after %d ms", a.server, a.took.Milliseconds())
	}
	return bad[0]
}

// noRoute says why an address cannot be reached: the machine may speak another IP than the address.
func (e *Env) noRoute(addr, host string) Result {
	to, err := e.firstAddress(context.Background())
	where := host
	if err == nil {
		where = to.Addr().String()
	}
	r := failed(addr+" cannot be reached: there is no route to "+where, "this machine's network does not lead there",
		"ip route get "+where+" ; a firewall that rejects looks the same: nft list ruleset")
	if v4, v6, ok := e.speaks(); err == nil && ok {
		switch is4 := to.Addr().Is4(); {
		case is4 && v6 && !v4:
			r.Why = "this machine has IPv6 addresses only, and hosted's is IPv4"
			r.Remedy = "give hosted's name an IPv6 address (AAAA), or this machine an IPv4 one or a way through NAT64"
		case !is4 && v4 && !v6:
			r.Why = "this machine has IPv4 addresses only, and hosted's is IPv6"
			r.Remedy = "give hosted's name an IPv4 address (A), or this machine an IPv6 one"
		}
	}
	return r
}

// speaks reports which addresses this machine has that lead beyond itself and its wire.
func (e *Env) speaks() (v4, v6, ok bool) {
	if e.Addresses == nil {
		return false, false, false
	}
	list, err := e.Addresses()
	if err != nil {
		return false, false, false
	}
	for _, a := range list {
		p, err := netip.ParsePrefix(a.String())
		if err != nil || !p.Addr().IsGlobalUnicast() {
			continue
		}
		if p.Addr().Unmap().Is4() {
			v4 = true
		} else {
			v6 = true
		}
	}
	return v4, v6, true
}

// ownFirewall names the rule of this machine that a connection failed by, if it did.
func (e *Env) ownFirewall(ctx context.Context, r Result) Result {
	if to, v, err := e.firewall(ctx); err == nil && v.Drops {
		seen, _, _ := strings.Cut(r.Seen, ": ")
		r = failed(fmt.Sprintf("%s: this machine's own firewall (table %s, chain %s: %s)", seen, v.Table, v.Chain, v.What), keepsFrom(v, to), allow(v, to.Port()))
	}
	return r
}

// attempt is what became of a connection to a server.
type attempt struct {
	server, other string // other: where hosted answers although server does not
	took          time.Duration
	err           error
}

// tryAll tries all servers at a time: where packets are dropped each takes its five seconds, and its alternative eight more.
func (e *Env) tryAll(ctx context.Context, servers []string) []attempt {
	list := make([]attempt, len(servers))
	var all sync.WaitGroup
	for i, s := range servers {
		all.Go(func() {
			a := attempt{server: s}
			if a.took, a.err = e.tryTCP(ctx, s); a.err != nil {
				if other := e.config().Alternatives[s]; other != "" && e.isHosted(ctx, other) {
					a.other = other
				}
			}
			list[i] = a
		})
	}
	all.Wait()
	return list
}

// isHosted reports whether somebody speaks the link's TLS at addr. Who it is, the check tls says.
func (e *Env) isHosted(ctx context.Context, addr string) bool {
	c := link.ClientConfig(nil, link.Trust{}, e.Now, link.ALPNUp)
	c.VerifyConnection = nil // looked at only; nothing is sent
	state, err := e.handshake(ctx, addr, c)
	return err == nil && state.NegotiatedProtocol == link.ALPNUp
}

var errClosedAtOnce = errors.New("closed at once")

// tryTCP connects, and waits a moment for somebody who accepts only to close. A TLS server waits for the client.
func (e *Env) tryTCP(ctx context.Context, addr string) (took time.Duration, err error) {
	start := e.Now()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c, err := e.dial()(ctx, "tcp", addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	took = e.Now().Sub(start)
	if err := c.SetReadDeadline(time.Now().Add(250 * time.Millisecond)); err != nil {
		return took, err
	}
	_, err = c.Read(make([]byte, 1))
	switch {
	case errors.Is(err, io.EOF):
		return took, errClosedAtOnce
	case errors.Is(err, syscall.ECONNRESET):
		return took, err
	}
	return took, nil // silence, as it should be; or a banner, which the check tls tells of
}

// unconnected says why no TCP connection came about, and whom to ask.
func (e *Env) unconnected(addr string, err error) Result {
	host, port, _ := net.SplitHostPort(addr)
	var timeout net.Error
	var p *protocol.Problem
	switch {
	case errors.As(err, &p): // the proxy's
		seen := p.Title
		if p.Detail != "" {
			seen += ": " + p.Detail
		}
		return failed(seen, "sensord goes through server_proxy, and it does not lead to hosted", p.Remedy)
	case errors.Is(err, syscall.ECONNREFUSED):
		return failed(addr+" refuses: the machine answers, and nothing listens on that port",
			"hosted is not running, the port is wrong, or a firewall answers in its place",
			"on hosted's machine: ss -ltnp | grep "+port+" ; here: voipmon doctor --only config")
	case errors.Is(err, errClosedAtOnce):
		return failed(addr+" accepts and closes at once", "a proxy or load balancer stands there and has no hosted behind it",
			"ask who runs "+host+" what listens on port "+port)
	case errors.Is(err, syscall.ECONNRESET):
		return failed(addr+" resets the connection", "a firewall between forbids it, or a load balancer has no hosted behind it",
			"allow outbound TCP "+port+" to "+host+" in the firewalls between")
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return e.noRoute(addr, host)
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		return failed(addr+": the kernel here forbids the connection", "a firewall rule of this machine",
			"voipmon doctor --only local-firewall ; iptables -S OUTPUT ; ip route show type prohibit")
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return failed(addr+" does not answer: packets are dropped on the way",
			"a firewall here or between drops outbound TCP "+port+", or the machine is down",
			"nft list ruleset ; iptables -S OUTPUT ; then allow it: nft add rule inet filter output tcp dport "+port+" accept")
	}
	return failed(fmt.Sprintf("%s: %v", addr, err), "there is no connection to hosted", "nc -vz "+host+" "+port)
}
