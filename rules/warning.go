package rules

import (
	"fmt"
	"time"
)

// Warning is about a rule that is right but does nothing.
type Warning struct {
	Rule *Rule
	Text string
}

// Warnings lists the rules that cannot decide at a moment though they are not off: those that have expired, and those
// behind a rule that is true of every call or has the same condition.
func (s *Set) Warnings(now time.Time) []Warning {
	var list []Warning
	var all *Rule // is true of every call
	same := map[string]*Rule{}
	for i := range s.Rules {
		r := &s.Rules[i]
		when := r.When.String()
		before := same[when]
		switch {
		case r.Off:
			continue
		case !r.holds(now):
			list = append(list, Warning{r, "has no effect any more: " + r.skipped(now)})
			continue
		case all != nil:
			list = append(list, Warning{r, fmt.Sprintf("is never asked: %q in line %d is true of every call", all.Name, all.Pos.Line)})
		case before != nil && before.When.env == r.When.env:
			list = append(list, Warning{r, fmt.Sprintf("never decides: %q in line %d has the same condition", before.Name, before.Pos.Line)})
		}
		if !r.Until.IsZero() {
			continue // those behind it have their time yet
		}
		if all == nil && r.When.root == nil {
			all = r
		}
		if before == nil {
			same[when] = r
		}
	}
	return list
}
