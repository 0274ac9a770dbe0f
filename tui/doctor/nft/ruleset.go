// Package nft reads the firewall of this machine, as `nft -j list ruleset` prints it, and tells what it does to a packet that is sent
// from here. iptables that is built on nftables (all of today's distributions) shows in it too. It changes nothing and asks nobody:
// package doctor runs the program and calls it.
package nft

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Ruleset is the firewall of a machine.
type Ruleset struct {
	chains map[chainName]*chain
	sets   map[chainName][]json.RawMessage // elements, by family, table and name of the set
}

// chainName names a chain, or a set, of a table.
type chainName struct{ family, table, name string }

type chain struct {
	chainName
	kind, hook string
	prio       int
	policy     string
	rules      []rule
}

type rule struct {
	handle  int
	comment string
	expr    []map[string]json.RawMessage
}

// Parse reads the output of `nft -j list ruleset`.
func Parse(b []byte) (*Ruleset, error) {
	var list struct {
		Nftables []struct {
			Chain *struct {
				Family, Table, Name, Type, Hook, Policy string
				Prio                                    json.RawMessage
			}
			Set *struct {
				Family, Table, Name string
				Elem                []json.RawMessage
			}
			Rule *struct {
				Family, Table, Chain, Comment string
				Handle                        int
				Expr                          []map[string]json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, fmt.Errorf("read the output of nft -j list ruleset: %w", err)
	}
	r := &Ruleset{chains: map[chainName]*chain{}, sets: map[chainName][]json.RawMessage{}}
	for _, o := range list.Nftables {
		if c := o.Chain; c != nil {
			n := chainName{c.Family, c.Table, c.Name}
			prio := 0
			if len(c.Prio) > 0 && json.Unmarshal(c.Prio, &prio) != nil {
				prio = 0 // a name: the order among hooks of one kind is all that it tells
			}
			r.chains[n] = &chain{chainName: n, kind: c.Type, hook: c.Hook, prio: prio, policy: c.Policy}
		}
		if s := o.Set; s != nil {
			r.sets[chainName{s.Family, s.Table, s.Name}] = s.Elem
		}
	}
	for _, o := range list.Nftables {
		if l := o.Rule; l != nil {
			if c := r.chains[chainName{l.Family, l.Table, l.Chain}]; c != nil {
				c.rules = append(c.rules, rule{l.Handle, l.Comment, l.Expr})
			}
		}
	}
	return r, nil
}

// Verdict is what the firewall does to a packet.
type Verdict struct {
	Drops bool   // or rejects it
	Maybe bool   // a rule may drop it, and has a condition that is not understood here
	Table string // of the rule, with its family: "inet filter"
	Chain string
	Back  bool   // it is what comes back that is dropped
	What  string // the rule, or the policy of the chain
}

// Sent answers what the firewall does to a new connection from this machine, and to what the other end answers. It stops at the first
// chain that drops; a chain that perhaps does is told if none does for sure.
func (r *Ruleset) Sent(p Packet) Verdict {
	out := r.through(p, "output", "postrouting")
	if out.Drops {
		return out
	}
	p.back = true
	if in := r.through(p, "prerouting", "input"); in.Drops || in.Maybe && !out.Maybe {
		return in
	}
	return out
}

// through takes a packet through two hooks, one after the other.
func (r *Ruleset) through(p Packet, first, second string) (v Verdict) {
	var base []*chain
	for _, c := range r.chains {
		if c.kind == "filter" && (c.hook == first || c.hook == second) && c.family != "arp" && c.family != "bridge" && c.family != "netdev" &&
			(c.family == "inet" || (c.family == "ip") == p.To.Addr().Unmap().Is4()) {
			base = append(base, c)
		}
	}
	slices.SortFunc(base, func(a, b *chain) int {
		if a.hook != b.hook {
			if a.hook == first {
				return -1
			}
			return 1
		}
		if a.prio != b.prio {
			return a.prio - b.prio
		}
		return strings.Compare(a.table+a.name, b.table+b.name)
	})
	var perhaps Verdict
	defer func() { v.Back = p.back && (v.Drops || v.Maybe) }()
	for _, c := range base {
		w := walk{rules: r, packet: &p}
		end := w.chain(c, 0)
		switch {
		case end == dropped:
			return w.at
		case end == fellThrough && c.policy == "drop":
			v := Verdict{Drops: true, Table: c.family + " " + c.table, Chain: c.name, What: "its policy is drop, and no rule accepts it"}
			if !w.unsureAccept {
				return v
			}
			v.Drops, v.Maybe = false, true
			w.perhaps = v
		}
		if w.perhaps.Maybe && !perhaps.Maybe {
			perhaps = w.perhaps
		}
	}
	return perhaps
}

// end is how a walk through a chain ends.
type end uint8

const (
	fellThrough end = iota
	accepted
	dropped
)

// walk is the way of a packet through a chain with a hook.
type walk struct {
	rules        *Ruleset
	packet       *Packet
	at           Verdict // where it was dropped
	perhaps      Verdict
	unsureAccept bool // a rule may accept it
}

// maxDepth is the kernel's bound for chains that jump to chains.
const maxDepth = 16

func (w *walk) chain(c *chain, depth int) end {
	for i := range c.rules {
		l := &c.rules[i]
		hit := w.matches(c, l)
		if hit == no {
			continue
		}
		verdict, target := l.verdict()
		switch verdict {
		case "accept":
			if hit == yes {
				return accepted
			}
			w.unsureAccept = true
		case "drop", "reject":
			v := Verdict{Drops: hit == yes, Maybe: hit == unknown, Table: c.family + " " + c.table, Chain: c.name, What: l.text(verdict)}
			if hit == yes {
				w.at = v
				return dropped
			}
			if !w.perhaps.Maybe {
				w.perhaps = v
			}
		case "jump", "goto":
			to := w.rules.chains[chainName{c.family, c.table, target}]
			if to == nil || depth == maxDepth {
				continue
			}
			if hit == unknown { // what happens there may happen
				inner := walk{rules: w.rules, packet: w.packet}
				switch inner.chain(to, depth+1) {
				case dropped:
					if inner.at.Drops, inner.at.Maybe = false, true; !w.perhaps.Maybe {
						w.perhaps = inner.at
					}
				case accepted:
					w.unsureAccept = true
				}
				continue
			}
			if end := w.chain(to, depth+1); end != fellThrough || verdict == "goto" {
				return end
			}
		case "return":
			if hit == yes {
				return fellThrough
			}
		case "vmap": // a table of verdicts, which is not looked into
			w.unsureAccept = true
		}
	}
	return fellThrough
}

// verdict answers what the rule does with a packet that matches, "" if it only counts or the like, and the chain that it jumps to.
func (l *rule) verdict() (verdict, target string) {
	for _, e := range l.expr {
		for name, v := range e {
			switch name {
			case "accept", "drop", "reject", "return", "vmap":
				return name, ""
			case "queue": // a program decides, as a rule a filter that lets it pass
				return "accept", ""
			case "jump", "goto":
				var to struct{ Target string }
				if json.Unmarshal(v, &to) == nil {
					return name, to.Target
				}
			case "xt": // iptables' own targets
				var x struct{ Type, Name string }
				if json.Unmarshal(v, &x) == nil && x.Type == "target" && x.Name == "REJECT" {
					return "reject", ""
				}
			}
		}
	}
	return "", ""
}

func (l *rule) text(verdict string) string {
	s := fmt.Sprintf("the rule with handle %d says %s", l.handle, verdict)
	if l.comment != "" {
		s += fmt.Sprintf(" (%q)", l.comment)
	}
	return s
}
