package rules

import (
	"net/netip"
	"strings"
	"time"

	"voiptop/protocol"
)

// The oracle judges conditions as the manual says, value by value, without tables and without sharing code with what it
// checks.

func oracleDecide(s *Set, c Call, now time.Time) *Rule {
	for i := range s.Rules {
		r := &s.Rules[i]
		if r.Off || !r.Until.IsZero() && !now.Before(r.Until) {
			continue
		}
		if r.When.root == nil || oracle(r.When.root, r.When.env, c, false) == yes {
			return r
		}
	}
	return nil
}

func oracleRunning(s *Set, c Call, now time.Time) (rule *Rule, open protocol.Keep) {
	order := map[protocol.Keep]int{protocol.KeepNone: 0, protocol.KeepSIP: 1, protocol.KeepHeaders: 2, protocol.KeepRTP: 3}
	open = protocol.KeepNone
	pending := false
	for i := range s.Rules {
		r := &s.Rules[i]
		if r.Off || !r.Until.IsZero() && !now.Before(r.Until) {
			continue
		}
		t := yes
		if r.When.root != nil {
			t = oracle(r.When.root, r.When.env, c, true)
		}
		if t == unknown {
			pending = true
			if order[r.Keep] > order[open] {
				open = r.Keep
			}
		}
		if t == yes {
			if pending && open == protocol.KeepNone {
				open = r.Keep
			}
			return r, open
		}
	}
	return nil, open
}

func oracle(n *node, e *env, c Call, running bool) truth {
	switch n.op {
	case opAnd, opOr:
		var all []truth
		for _, k := range n.kids {
			all = append(all, oracle(k, e, c, running))
		}
		count := map[truth]int{}
		for _, t := range all {
			count[t]++
		}
		decisive, other := no, yes
		if n.op == opOr {
			decisive, other = yes, no
		}
		switch {
		case count[decisive] > 0:
			return decisive
		case count[unknown] > 0:
			return unknown
		}
		return other
	case opNot:
		return map[truth]truth{yes: no, no: yes, unknown: unknown}[oracle(n.kids[0], e, c, running)]
	case opAnywhere:
		w := strings.Join(n.word.parts, "")
		for _, s := range []string{c.Caller, c.Callee, c.CallerName, c.Src, c.Dst, c.CallID} {
			if strings.Contains(strings.ToLower(s), w) {
				return yes
			}
		}
		return no
	}
	t := n.test
	any := false
	for i := range t.vals {
		any = any || oracleValue(t, &t.vals[i], e, c)
	}
	is := truthOf(any)
	if running {
		switch {
		case strings.HasPrefix(t.field.Name, "header.") || t.field.Name == "ua":
			if !any {
				is = unknown
			}
		case strings.Contains(" codec end by finding status mos loss jitter duration connected pdd ", " "+t.field.Name+" "):
			is = unknown
		}
	}
	if t.not {
		return map[truth]truth{yes: no, no: yes, unknown: unknown}[is]
	}
	return is
}

func oracleValue(t *test, v *value, e *env, c Call) bool {
	some := func(list ...string) bool {
		for _, s := range list {
			if oracleText(t, v, s) {
				return true
			}
		}
		return false
	}
	number := func(x float64, ok bool) bool {
		if !ok {
			return false
		}
		switch t.op {
		case "<":
			return x < v.num
		case "<=":
			return x <= v.num
		case ">":
			return x > v.num
		case ">=":
			return x >= v.num
		}
		return x == v.num
	}
	optional := func(p *float64) bool {
		if p == nil {
			return false
		}
		return number(*p, true)
	}
	millis := func(p *int64) bool {
		if p == nil {
			return false
		}
		return number(float64(*p)/1000, true)
	}
	address := func(list ...string) bool {
		for _, s := range list {
			a, err := netip.ParseAddrPort(s)
			if err == nil && v.net.Contains(a.Addr().Unmap()) && (v.port == 0 || a.Port() == v.port) {
				return true
			}
		}
		return false
	}
	at := c.Start.Std().In(e.zone)
	switch t.field.Name {
	case "caller":
		return some(c.Caller)
	case "callee":
		return some(c.Callee)
	case "number":
		return some(c.Caller, c.Callee)
	case "src":
		return address(c.Src)
	case "dst":
		return address(c.Dst)
	case "ip":
		return address(c.Src, c.Dst)
	case "domain":
		return some(c.CallerDomain, c.CalleeDomain)
	case "caller-domain":
		return some(c.CallerDomain)
	case "callee-domain":
		return some(c.CalleeDomain)
	case "name":
		return some(c.CallerName)
	case "ua":
		return some(c.UACaller, c.UACallee)
	case "transport":
		return some(c.Transport)
	case "callid":
		return some(c.CallID)
	case "codec":
		return some(c.Codecs...)
	case "end":
		return some(string(c.EndCause))
	case "by":
		return some(string(c.EndBy))
	case "finding":
		for _, f := range c.Findings {
			if some(f.Code) {
				return true
			}
		}
		return false
	case "sensor":
		return number(float64(c.SensorID), true)
	case "status":
		return number(float64(c.Status), c.Status != 0)
	case "mos":
		return optional(c.MOS)
	case "loss":
		return optional(c.LossPct)
	case "jitter":
		return optional(c.JitterMS)
	case "duration":
		return number(float64(c.DurationMS)/1000, true)
	case "connected":
		return millis(c.ConnectMS)
	case "pdd":
		return millis(c.PDDMS)
	case "time":
		now := at.Hour()*60 + at.Minute()
		m := v.moment.from
		for m != v.moment.to { // minute by minute round the clock
			if m == now {
				return true
			}
			if m++; m == 24*60 && v.moment.to != 24*60 {
				m = 0
			}
		}
		return false
	case "day":
		first, last, ranged := strings.Cut(strings.ToLower(v.text), "-")
		if !ranged {
			last = first
		}
		name := strings.ToLower(at.Weekday().String()[:3])
		const week = "sun mon tue wed thu fri sat sun mon tue wed thu fri sat "
		days := week[strings.Index(week, first):]
		days = days[:strings.Index(days, last)+3]
		return strings.Contains(days, name)
	case "direction":
		a, aerr := netip.ParseAddrPort(c.Src)
		b, berr := netip.ParseAddrPort(c.Dst)
		if aerr != nil || berr != nil {
			return some("")
		}
		local := func(a netip.Addr) bool {
			nets := private
			if g := e.groups["local"]; g != nil {
				nets = nil
				for _, m := range g.members {
					p, _, _ := network(m.text)
					nets = append(nets, p)
				}
			}
			for _, p := range nets {
				if p.Contains(a.Unmap()) {
					return true
				}
			}
			return false
		}
		switch x, y := local(a.Addr()), local(b.Addr()); {
		case x && y:
			return some("internal")
		case x:
			return some("out")
		case y:
			return some("in")
		}
		return some("transit")
	}
	name := strings.TrimPrefix(t.field.Name, "header.")
	for _, h := range c.Headers {
		if h.Name == name && some(h.Value) {
			return true
		}
	}
	return false
}

func oracleText(t *test, v *value, s string) bool {
	switch t.op {
	case "~":
		return v.re.MatchString(s)
	case "=":
		return s == v.text
	}
	if oracleGlob(strings.ToLower(v.text), strings.ToLower(s)) {
		return true
	}
	if t.field.Type != Number {
		return false
	}
	bare := func(s string) string {
		if strings.HasPrefix(s, "+") {
			return s[1:]
		}
		return strings.TrimPrefix(s, "00")
	}
	p := bare(v.text)
	return p != "" && p[0] != '*' && oracleGlob(strings.ToLower(p), strings.ToLower(bare(s)))
}

// oracleGlob tries every way to spread a text over the stars.
func oracleGlob(pattern, s string) bool {
	if pattern == "*" {
		return s != ""
	}
	return spread(pattern, s)
}

func spread(pattern, s string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	if !strings.HasPrefix(s, head) {
		return false
	}
	for i := len(head); i <= len(s); i++ {
		if spread(rest, s[i:]) {
			return true
		}
	}
	return false
}
