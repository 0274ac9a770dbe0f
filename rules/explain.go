package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"voiptop/protocol"
)

// Step is what Explain says of one rule.
type Step struct {
	Rule    *Rule
	Decides bool
	Open    bool // of a running call: the rule may become true
	Why     string
}

// Explain says of each rule, up to the one that decides, why it did or did not. A call whose State is that of a running one
// is judged by what is known of it, as DecideRunning does; any other as it ended.
func (s *Set) Explain(c Call, now time.Time) []Step {
	var steps []Step
	sc := scene{call: c, running: c.State != "" && c.State != protocol.StateEnded}
	for i := range s.Rules {
		r := &s.Rules[i]
		st := Step{Rule: r, Why: r.skipped(now)}
		if st.Why == "" {
			st.judge(&sc)
		}
		steps = append(steps, st)
		if st.Decides {
			break
		}
	}
	return steps
}

func (st *Step) judge(sc *scene) {
	when := st.Rule.When
	switch when.judge(sc) {
	case yes:
		st.Decides = true
		if st.Why = "matches every call"; when.root != nil {
			st.Why = "matches: " + when.String()
		}
	case unknown:
		st.Open = true
		st.Why = "not known yet: " + when.root.because(sc, when.env)
	case no:
		st.Why = "does not match: " + when.root.because(sc, when.env)
	}
}

const maxReasons = 3

// because says what makes a condition what it is: the tests that settle it, with what the call has.
func (n *node) because(sc *scene, e *env) string {
	var all []string
	n.reasons(sc, e, "", func(s string) { all = append(all, s) })
	if len(all) > maxReasons {
		all = append(all[:maxReasons], "and so on")
	}
	return strings.Join(all, "; ")
}

func (n *node) reasons(sc *scene, e *env, not string, add func(string)) {
	is := n.eval(sc, e)
	switch n.op {
	case opNot:
		if not != "" {
			n.kids[0].reasons(sc, e, "", add)
			return
		}
		n.kids[0].reasons(sc, e, "not ", add)
	case opAnd, opOr:
		for _, k := range n.kids {
			if k.eval(sc, e) == is {
				k.reasons(sc, e, not, add)
				if is == no && n.op == opAnd || is == yes && n.op == opOr {
					return // one is enough
				}
			}
		}
	case opAnywhere:
		add(not + brief(n.text) + ": looked for in numbers, names, addresses and the Call-ID")
	case opTest:
		add(not + brief(n.text) + ": " + n.test.seen(sc, e))
	}
}

// seen says what a running or ended call has of the test's field.
func (t *test) seen(sc *scene, e *env) string {
	f := t.field
	if sc.running && f.known == atEnd {
		return f.Name + " is known at the end"
	}
	var all []string
	switch {
	case f.count != nil:
		if v, ok := f.count(&sc.call); ok {
			all = append(all, strconv.FormatFloat(v, 'g', -1, 64))
		}
	case f.Type == Clock:
		all = append(all, sc.call.Start.Std().In(e.zone).Format("15:04 MST"))
	case f.Type == Weekday:
		all = append(all, weekdays[sc.call.Start.Std().In(e.zone).Weekday()])
	case f.text == nil:
		all = append(all, e.direction(sc))
	default:
		for i := 0; ; i++ {
			v, more := f.text(&sc.call, i)
			if !more {
				break
			}
			all = append(all, v)
		}
	}
	all = slices.DeleteFunc(all, func(s string) bool { return s == "" })
	for i := range all {
		all[i] = printable(all[i])
	}
	so := ""
	if sc.running && f.known == growing {
		so = " so far"
	}
	if len(all) == 0 {
		return fmt.Sprintf("there is no %s%s", f.Name, so)
	}
	return fmt.Sprintf("%s is %s%s", f.Name, brief(strings.Join(all, ", ")), so)
}

// brief makes one line of a text, and a short one.
func brief(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	const most = 100
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + " ..."
	}
	return s
}

// printable shows control characters: the text is from the wire.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}
