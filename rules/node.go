package rules

import "net/netip"

// truth is what is known of a condition; and is the least of two, or the greatest (Kleene's logic).
type truth int8

const (
	no truth = iota
	unknown
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

type nodeOp uint8

const (
	opTest nodeOp = iota
	opAnd
	opOr
	opNot
	opAnywhere // a bare word
)

// node is a condition as it was written.
type node struct {
	op   nodeOp
	kids []*node
	test *test    // of opTest
	word *pattern // of opAnywhere
	text string   // of opTest and opAnywhere, as written
}

// test is a field with an operator and its values, of which one must match.
type test struct {
	field *Field
	op    string // of the values: "=" where != was written
	not   bool   // != was written
	vals  []value
	table *table // of many values, nil for few
}

// scene is a call while it is judged, with what is worked out of it once.
type scene struct {
	call    Call
	running bool
	addr    [2]netip.AddrPort // src, dst
	read    [2]bool           // addr is worked out

	buf [foldLen]byte // for lookups
	ids []int32       // for lookups
}

// end is an end's address: 0 src, 1 dst.
func (s *scene) end(i int) netip.AddrPort {
	if !s.read[i] {
		s.read[i] = true
		text := s.call.Src
		if i == 1 {
			text = s.call.Dst
		}
		s.addr[i], _ = endpoint(text)
	}
	return s.addr[i]
}

// endpoint reads an address, with or without a port: IPv4 in IPv6 as IPv4, without a zone.
func endpoint(text string) (a netip.AddrPort, ok bool) {
	if a, err := netip.ParseAddrPort(text); err == nil {
		return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port()), true
	}
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPortFrom(a.Unmap().WithZone(""), 0), true
	}
	return a, false
}

// eval judges a condition in the surroundings (groups, zone) of its file.
func (n *node) eval(s *scene, e *env) truth {
	switch n.op {
	case opAnd:
		t := yes
		for _, k := range n.kids {
			if t = min(t, k.eval(s, e)); t == no {
				break
			}
		}
		return t
	case opOr:
		t := no
		for _, k := range n.kids {
			if t = max(t, k.eval(s, e)); t == yes {
				break
			}
		}
		return t
	case opNot:
		return yes - n.kids[0].eval(s, e)
	case opAnywhere:
		c := s.call.CDR
		return truthOf(n.word.match(c.Caller) || n.word.match(c.Callee) || n.word.match(c.CallerName) || n.word.match(c.Src) ||
			n.word.match(c.Dst) || n.word.match(c.CallID))
	}
	return n.test.eval(s, e)
}

func (t *test) eval(s *scene, e *env) truth {
	is := truthOf(t.hit(s, e))
	if s.running {
		switch t.field.known {
		case growing:
			is = max(is, unknown)
		case atEnd, forFilter:
			is = unknown
		case atInvite:
		}
	}
	if t.not {
		return yes - is
	}
	return is
}

// hit reports whether one of the field's values, as far as they are there, is one of the test's.
func (t *test) hit(s *scene, e *env) bool {
	f := t.field
	switch {
	case f.count != nil:
		v, ok := f.count(&s.call)
		if !ok {
			return false
		}
		for i := range t.vals {
			if compare(t.op, v, t.vals[i].num) {
				return true
			}
		}
	case f.counts != nil:
		return t.figure(&s.call)
	case f.ends != 0:
		for i := range 2 {
			if f.ends&(1<<i) != 0 {
				if a := s.end(i); a.IsValid() && t.inNetwork(a) {
					return true
				}
			}
		}
	case f.Type == Clock, f.Type == Weekday:
		at := s.call.Start.Std().In(e.zone)
		for i := range t.vals {
			if t.vals[i].moment.has(at) {
				return true
			}
		}
	case f.Type == Address:
		for i := 0; ; i++ {
			text, more := f.text(&s.call, i)
			if !more {
				return false
			}
			if a, ok := endpoint(text); ok && t.inNetwork(a) {
				return true
			}
		}
	case f.text == nil: // direction
		return t.word(s, e.direction(s))
	default:
		for i := 0; ; i++ {
			v, more := f.text(&s.call, i)
			if !more {
				return false
			}
			if t.word(s, v) {
				return true
			}
		}
	}
	return false
}

// figure asks a field that has several numbers.
func (t *test) figure(c *Call) bool {
	for i := 0; ; i++ {
		v, present, more := t.field.counts(c, i)
		if !more {
			return false
		}
		for k := range t.vals {
			if present && compare(t.op, v, t.vals[k].num) {
				return true
			}
		}
	}
}

func (t *test) word(s *scene, text string) bool {
	if t.table != nil {
		return t.table.word(s, t, text)
	}
	for i := range t.vals {
		if t.vals[i].match(t.op, text) {
			return true
		}
	}
	return false
}

func (t *test) inNetwork(a netip.AddrPort) bool {
	if t.table != nil && !t.table.ports {
		return t.table.nets.holds(a.Addr())
	}
	for i := range t.vals {
		if v := &t.vals[i]; v.net.Contains(a.Addr()) && (v.port == 0 || v.port == a.Port()) {
			return true
		}
	}
	return false
}

func compare(op string, a, b float64) bool {
	switch op {
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	case ">=":
		return a >= b
	}
	return a == b
}

// each calls f with every test of a condition; nil has none.
func (n *node) each(f func(*test)) {
	if n == nil {
		return
	}
	if n.op == opTest {
		f(n.test)
	}
	for _, k := range n.kids {
		k.each(f)
	}
}
