package nft

import (
	"encoding/json"
	"net/netip"
	"strconv"
)

// Packet is the first of a TCP connection, or of what comes back.
type Packet struct {
	To   netip.AddrPort // the other end
	User *User          // whose program sends it; nil: not known
	back bool           // it is on its way from there
}

// User is one of this machine's.
type User struct {
	Name string
	UID  int
}

// far is the name of a field about the other end.
func (p *Packet) far(back, out string) string {
	if p.back {
		return back
	}
	return out
}

// known is what one knows of a condition.
type known uint8

const (
	no known = iota
	yes
	unknown
)

func (k known) not() known {
	switch k {
	case no:
		return yes
	case yes:
		return no
	}
	return unknown
}

func of(b bool) known {
	if b {
		return yes
	}
	return no
}

// matches reports whether a packet meets all conditions of a rule.
func (w *walk) matches(c *chain, l *rule) known {
	all := yes
	for _, e := range l.expr {
		for name, v := range e {
			hit := yes
			switch name {
			case "match":
				hit = w.match(c, v)
			case "xt":
				var x struct{ Type string }
				if json.Unmarshal(v, &x) != nil || x.Type == "match" {
					hit = unknown
				}
			case "limit", "quota":
				hit = unknown
			}
			if hit == no {
				return no
			}
			if hit == unknown {
				all = unknown
			}
		}
	}
	return all
}

// match compares a field of the packet with a value, a list, a range, a network or a set.
func (w *walk) match(c *chain, v json.RawMessage) known {
	var m struct {
		Op   string
		Left struct {
			Payload *struct{ Protocol, Field string }
			Meta    *struct{ Key string }
			CT      *struct{ Key string }
		}
		Right json.RawMessage
	}
	if json.Unmarshal(v, &m) != nil {
		return unknown
	}
	var test func(json.RawMessage) known // of one value
	to := w.packet.To.Addr().Unmap()
	switch left := m.Left; {
	case left.Payload != nil:
		switch p := *left.Payload; {
		case (p.Protocol == "tcp" || p.Protocol == "th") && p.Field == w.packet.far("sport", "dport"):
			test = number(int(w.packet.To.Port()))
		case (p.Protocol == "tcp" || p.Protocol == "th") && (p.Field == "sport" || p.Field == "dport"):
			test = ephemeral
		case p.Protocol == "udp" || p.Protocol == "icmp" || p.Protocol == "icmpv6" || p.Protocol == "sctp":
			return no // it is TCP
		case (p.Protocol == "ip" || p.Protocol == "ip6") && p.Field == w.packet.far("saddr", "daddr"):
			if (p.Protocol == "ip") != to.Is4() {
				return no
			}
			test = address(to)
		case p.Protocol == "ip" && p.Field == "protocol", p.Protocol == "ip6" && p.Field == "nexthdr":
			if (p.Protocol == "ip") != to.Is4() {
				return no
			}
			test = word("tcp", "6")
		}
	case left.Meta != nil:
		switch left.Meta.Key {
		case "l4proto":
			test = word("tcp", "6")
		case "nfproto":
			if to.Is4() {
				test = word("ipv4", "2")
			} else {
				test = word("ipv6", "10")
			}
		case w.packet.far("iifname", "oifname"), w.packet.far("iif", "oif"):
			test = interfaceTo(to)
		case "skuid":
			if u := w.packet.User; u != nil && !w.packet.back {
				test = word(u.Name, strconv.Itoa(u.UID))
			}
		}
	case left.CT != nil && left.CT.Key == "state":
		if test = word("new", "8"); w.packet.back {
			test = word("established", "2")
		}
	}
	if test == nil {
		return unknown
	}
	hit := w.any(c, m.Right, test)
	if m.Op == "!=" {
		return hit.not()
	}
	if m.Op != "==" && m.Op != "in" && m.Op != "" {
		return unknown
	}
	return hit
}

// any tests a value, or each of several.
func (w *walk) any(c *chain, v json.RawMessage, test func(json.RawMessage) known) known {
	var text string
	if json.Unmarshal(v, &text) == nil && len(text) > 1 && text[0] == '@' {
		list, ok := w.rules.sets[chainName{c.family, c.table, text[1:]}]
		if !ok {
			return unknown
		}
		return anyOf(list, test)
	}
	var set struct{ Set []json.RawMessage }
	if json.Unmarshal(v, &set) == nil && set.Set != nil {
		return anyOf(set.Set, test)
	}
	var list []json.RawMessage
	if json.Unmarshal(v, &list) == nil {
		return anyOf(list, test)
	}
	return test(v)
}

func anyOf(list []json.RawMessage, test func(json.RawMessage) known) known {
	hit := no
	for _, v := range list {
		var elem struct{ Elem struct{ Val json.RawMessage } } // with a timeout or a comment
		if json.Unmarshal(v, &elem) == nil && elem.Elem.Val != nil {
			v = elem.Elem.Val
		}
		switch test(v) {
		case yes:
			return yes
		case unknown:
			hit = unknown
		}
	}
	return hit
}

// number tests for a number or a range that holds n.
func number(n int) func(json.RawMessage) known {
	return func(v json.RawMessage) known {
		var one int
		if json.Unmarshal(v, &one) == nil {
			return of(one == n)
		}
		var r struct{ Range []int }
		if json.Unmarshal(v, &r) == nil && len(r.Range) == 2 {
			return of(r.Range[0] <= n && n <= r.Range[1])
		}
		return unknown
	}
}

// ephemeral tests for this end's port, of which is known only that it is none of the well-known ones.
func ephemeral(v json.RawMessage) known {
	var one int
	var r struct{ Range []int }
	switch {
	case json.Unmarshal(v, &one) == nil && one < 1024:
		return no
	case json.Unmarshal(v, &r) == nil && len(r.Range) == 2 && r.Range[1] < 1024:
		return no
	}
	return unknown
}

// address tests for an address, a network or a range that holds a.
func address(a netip.Addr) func(json.RawMessage) known {
	return func(v json.RawMessage) known {
		var one string
		if json.Unmarshal(v, &one) == nil {
			if p, err := netip.ParseAddr(one); err == nil {
				return of(p == a)
			}
			return unknown
		}
		var r struct {
			Prefix *struct {
				Addr netip.Addr
				Len  int
			}
			Range []netip.Addr
		}
		switch {
		case json.Unmarshal(v, &r) != nil:
		case r.Prefix != nil:
			return of(netip.PrefixFrom(r.Prefix.Addr, r.Prefix.Len).Contains(a))
		case len(r.Range) == 2:
			return of(r.Range[0].Compare(a) <= 0 && a.Compare(r.Range[1]) <= 0)
		}
		return unknown
	}
}

// word tests for one of two spellings.
func word(a, b string) func(json.RawMessage) known {
	return func(v json.RawMessage) known {
		var text string
		if json.Unmarshal(v, &text) == nil {
			return of(text == a || text == b)
		}
		var n int
		if json.Unmarshal(v, &n) == nil {
			return of(strconv.Itoa(n) == b)
		}
		return unknown
	}
}

// interfaceTo tests for the name of the interface by which a packet leaves, of which is known only whether it is the loopback's.
func interfaceTo(a netip.Addr) func(json.RawMessage) known {
	return func(v json.RawMessage) known {
		var text string
		switch {
		case json.Unmarshal(v, &text) != nil:
			return unknown
		case a.IsLoopback(), text == "lo":
			return of(a.IsLoopback() && text == "lo")
		}
		return unknown
	}
}
