package analyze

import (
	"voiptop/protocol"
	"voiptop/rules"
	"voiptop/sensord/internal/call"
)

// Decider decides what is kept of the packets of calls, see call.Decider.
type Decider = call.Decider

// Subject is a call as a Decider sees it, see call.Subject.
type Subject = call.Subject

// Decision says what is kept of a call's packets, see call.Decision.
type Decision = call.Decision

// ByRules decides by capture rules; nil when there are none. It serves one engine. The moment of a decision is the start of
// the call.
func ByRules(set *rules.Set) Decider {
	if len(set.Rules) == 0 {
		return nil
	}
	d := &byRules{set: set, names: set.Headers(), place: map[*rules.Rule]int{}}
	for i := range set.Rules {
		r := &set.Rules[i]
		d.place[r] = i
		if r.MaskDTMF {
			d.masks = append(d.masks, maskRule{i, rules.Join(&rules.Set{Rules: set.Rules[i : i+1 : i+1]}, nil)})
		}
	}
	return d
}

type byRules struct {
	set     *rules.Set
	names   []string
	headers []rules.Header // of the call that is asked about
	place   map[*rules.Rule]int
	masks   []maskRule // the rules that blank digits
}

// maskRule is a rule, by itself, and its place in the set.
type maskRule struct {
	place int
	set   *rules.Set
}

// Headers implements Decider.
func (d *byRules) Headers() []string { return d.names }

// Decide implements Decider.
func (d *byRules) Decide(s *Subject) Decision {
	d.headers = d.headers[:0]
	for _, h := range s.Headers {
		d.headers = append(d.headers, rules.Header(h))
	}
	c := rules.Call{CDR: s.CDR, State: s.State, Headers: d.headers}
	if s.State == protocol.StateEnded {
		return decision(d.set.Decide(c, s.Start.Std()))
	}
	r, open := d.set.DecideRunning(c, s.Start.Std())
	v := decision(r)
	if v.Open = open; open != protocol.KeepNone && !v.MaskDTMF {
		v.MaskDTMF = d.mayMask(c, r)
	}
	return v
}

// mayMask reports whether a rule may decide, in place of r, that blanks digits: once they are held it is too late.
func (d *byRules) mayMask(c rules.Call, r *rules.Rule) bool {
	end := len(d.set.Rules)
	if r != nil {
		end = d.place[r]
	}
	for _, m := range d.masks {
		if m.place >= end {
			return false
		}
		if _, open := m.set.DecideRunning(c, c.Start.Std()); open != protocol.KeepNone {
			return true
		}
	}
	return false
}

func decision(r *rules.Rule) Decision {
	if r == nil {
		return Decision{Keep: protocol.KeepNone}
	}
	return Decision{Rule: r.Name, Keep: r.Keep, NoAudio: r.NoAudio, MaskDTMF: r.MaskDTMF}
}

// SetDecider puts d in force, between two packets: for calls that begin, at once, and for others when they are asked about
// next. Nil keeps nothing of calls that begin.
func (e *Engine) SetDecider(d Decider) {
	e.keeping = d != nil
	e.calls.SetDecider(d)
}

// Redecide asks anew what to keep of up to n running calls behind the cursor, in the order of their start, and moves the
// cursor on; more tells whether there are others. Asked between packets, a few hundred at a time, it applies a change of rules
// without holding up the capture.
func (e *Engine) Redecide(at *Cursor, n int) (more bool) { return e.calls.Redecide(at, n) }
