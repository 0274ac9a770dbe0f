package rules

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"voiptop/protocol"
)

// random makes rules and calls that meet often: both take their values from the same few.
type random struct{ *rand.Rand }

func (r random) of(list ...string) string { return list[r.IntN(len(list))] }

func (r random) number() string {
	return r.of("", "+", "00", "0", "") + r.of("420", "44", "1", "10", "4") + r.of("", "2", "20", "555123456", "a", "Á")
}

func (r random) addr() string {
	return r.of("10.0.0.1", "10.0.0.2", "10.1.2.3", "192.0.2.7", "203.0.113.9", "2001:db8::5", "2001:db8:1::1", "fe80::1")
}

func (r random) net() string {
	return r.of("10.0.0.1", "10.0.0.0/8", "10.0.0.0/24", "0.0.0.0/0", "10.0.0.2:5060", "192.0.2.0/24", "2001:db8::/32", "2001:db8::5", "[2001:db8::5]:5062", "::/0", "203.0.113.0/25")
}

var someWords = []string{"Acme", "acme.example", "Phone/1.0", "phone", "zoiper", "nová", "K", "PCMU", "PCMA", "one-way-audio", "loss-burst", "bye", "udp", "tcp", "in", "out"}

func (r random) pattern() string {
	w := r.of(someWords...)
	if r.IntN(3) == 0 {
		i := r.IntN(len(w) + 1)
		for i > 0 && i < len(w) && w[i]&0xc0 == 0x80 {
			i--
		}
		w = r.of(w[:i]+"*", "*"+w[i:], w[:i]+"*"+w[i:], "*", "*"+w+"*")
	}
	return `"` + w + `"`
}

func (r random) regexp() string {
	return `"` + r.of("^420", "^(00|\\+)", "acme", "^Phone", "(?i)PHONE", "1$", "^$", "5[0-9]+6", "^PCM(A|U)$", "(x|y)z", "^Acme.exa") + `"`
}

func (r random) test() string {
	text := r.of("name", "ua", "domain", "caller-domain", "callee-domain", "callid", "codec", "finding", "header.X-Tenant", "header.from")
	num := r.of("caller", "callee", "number")
	ip := r.of("src", "dst", "ip")
	count := r.of("mos", "loss", "jitter", "duration", "connected", "pdd", "status", "sensor")
	cmp := r.of("<", "<=", ">", ">=", "=", "!=", ":")
	switch r.IntN(14) {
	case 0, 1:
		return num + r.of(":", ":", "=", "!=") + `"` + r.number() + r.of("", "*") + `"`
	case 2:
		return num + ":" + r.of("@vip", "@many", "00*", "+*", "*", "*6")
	case 3, 4:
		return ip + r.of(":", "=", "!=") + r.net()
	case 5:
		return ip + ":" + r.of("@nets", "@wide")
	case 6, 7:
		return text + r.of(":", ":", "=", "!=") + r.pattern()
	case 8:
		return r.of(text, num) + "~" + r.regexp()
	case 9:
		return count + cmp + fmt.Sprint(r.IntN(5))
	case 10:
		return r.of("time:22:00-06:00", "time:08:00-16:30", "time:(00:00-01:00 12:00-24:00)", "day:mon-fri", "day!=sat", "day:fri-mon", "direction:in", "direction:(out internal)", "direction!=transit")
	case 11:
		return r.of("transport:udp", "transport!=tcp", "end:bye", "by:caller", "end!=cancel", `"55"`, "jana", "10.0")
	case 12:
		var list []string
		for range 1 + r.IntN(12) {
			list = append(list, `"`+r.number()+r.of("", "*")+`"`)
		}
		return num + r.of(":", "=", "!=") + "(" + strings.Join(list, " ") + ")"
	}
	var list []string
	for range 1 + r.IntN(12) {
		list = append(list, r.net())
	}
	return ip + r.of(":", "!=") + "(" + strings.Join(list, " ") + ")"
}

func (r random) expr(depth int) string {
	if depth == 0 || r.IntN(3) == 0 {
		return r.test()
	}
	switch r.IntN(5) {
	case 0:
		return "not (" + r.expr(depth-1) + ")"
	case 1, 2:
		return "(" + r.expr(depth-1) + " or " + r.expr(depth-1) + ")"
	}
	return r.expr(depth-1) + r.of(" ", " and ") + r.expr(depth-1)
}

// file is a rule file of n rules.
func (r random) file(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "zone %s\n", r.of("UTC", "Europe/Prague", "America/New_York", "Asia/Kolkata"))
	b.WriteString("group vip: 420* +4420 10\ngroup many: @vip 1 2 3 4 5 6 7 8 9 00420555123456 *6\n")
	b.WriteString("group nets: 10.0.0.0/24 2001:db8::/32\ngroup wide: @nets 1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4 1.1.1.5 1.1.1.6 10.1.2.3:5060 203.0.113.0/24\n")
	if r.IntN(2) == 0 {
		b.WriteString("group local: 10.0.0.0/16 192.0.2.7\n")
	}
	for i := range n {
		fmt.Fprintf(&b, "r%d: keep %s", i, r.of(keeps...))
		if r.IntN(40) != 0 {
			b.WriteString(" when " + r.expr(r.IntN(4)))
		}
		switch r.IntN(12) {
		case 0:
			b.WriteString(" off")
		case 1:
			b.WriteString(" until 20" + r.of("26", "28") + "-01-01")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// call is an ended call.
func (r random) call() Call {
	figure := func() *float64 {
		if r.IntN(4) == 0 {
			return nil
		}
		return float(float64(r.IntN(5)))
	}
	millis := func() *int64 {
		if r.IntN(4) == 0 {
			return nil
		}
		v := int64(r.IntN(5)) * 1000
		return &v
	}
	port := func(a string) string {
		if strings.Contains(a, ":") {
			a = "[" + a + "]"
		}
		return a + r.of(":5060", ":5062")
	}
	c := &protocol.CDR{
		Caller: r.number(), Callee: r.number(), CallerDomain: r.of(someWords...), CalleeDomain: r.of(someWords...),
		CallerName: r.of(someWords...), CallID: r.of(someWords...), UACaller: r.of(someWords...), UACallee: r.of("", "Zoiper", "Phone/1.0"),
		Src: port(r.addr()), Dst: port(r.addr()), Transport: r.of("udp", "tcp", "tls"), SensorID: uint16(r.IntN(5)),
		Start: protocol.Time(1_790_000_000_000_000 + r.Int64N(20*86400*1e6)), Status: r.IntN(5), MOS: figure(), LossPct: figure(), JitterMS: figure(),
		DurationMS: int64(r.IntN(5)) * 1000, ConnectMS: millis(), PDDMS: millis(), EndCause: protocol.EndCause(r.of("bye", "cancel")), EndBy: "caller",
	}
	if r.IntN(10) == 0 {
		c.Src = r.of("", "nonsense")
	}
	for range r.IntN(3) {
		c.Codecs = append(c.Codecs, r.of("PCMU", "PCMA", "opus"))
		c.Findings = append(c.Findings, protocol.Finding{Code: r.of("one-way-audio", "loss-burst")})
	}
	call := Call{CDR: c, State: protocol.StateEnded}
	for range r.IntN(4) {
		call.Headers = append(call.Headers, Header{r.of("x-tenant", "from", "to"), r.of(someWords...)})
	}
	return call
}

// sofar is the call as it may have been known while it went on.
func (r random) sofar(c Call) Call {
	d := *c.CDR
	d.End, d.Status, d.MOS, d.LossPct, d.JitterMS, d.ConnectMS, d.PDDMS, d.DurationMS = 0, 0, nil, nil, nil, nil, nil, 0
	d.EndCause, d.EndBy, d.Findings = "", "", nil
	d.Codecs = d.Codecs[:r.IntN(len(d.Codecs)+1)]
	if r.IntN(2) == 0 {
		d.UACallee = ""
	}
	if r.IntN(3) == 0 { // figures so far are there, and wrong
		d.MOS, d.Status, d.DurationMS = float(4), 1, 1000
		d.Findings = []protocol.Finding{{Code: "one-way-audio"}}
	}
	return Call{CDR: &d, State: protocol.StateUp, Headers: c.Headers[:r.IntN(len(c.Headers)+1)]}
}
