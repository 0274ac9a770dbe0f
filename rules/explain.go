package rules

import "time"

// Step is what Explain says of one rule.
type Step struct {
	Rule    *Rule
	Decides bool
	Why     string
}

// Explain says of each rule, up to the one that decides for an ended call, why it did or did not.
func (s *Set) Explain(c Call, now time.Time) []Step {
	var steps []Step
	sc := scene{call: c}
	for i := range s.Rules {
		r := &s.Rules[i]
		st := Step{Rule: r, Why: r.skipped(now)}
		if st.Why == "" {
			st.Decides = r.When.judge(&sc) == yes
			switch {
			case !st.Decides:
				st.Why = "does not match: " + r.When.String()
			case r.When.String() == "":
				st.Why = "matches every call"
			default:
				st.Why = "matches: " + r.When.String()
			}
		}
		steps = append(steps, st)
		if st.Decides {
			break
		}
	}
	return steps
}
