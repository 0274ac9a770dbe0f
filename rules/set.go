package rules

import (
	"slices"
	"time"

	"voiptop/protocol"
)

// Origin says who wrote a rule.
type Origin string

// Where rules come from.
const (
	OriginLocal  Origin = "local"  // the sensor's own file
	OriginHosted Origin = "hosted" // the tenant's rules, from the hosted service
)

// Rule says what to keep of the calls that its condition holds for.
type Rule struct {
	Name     string
	Keep     protocol.Keep
	When     Expr
	NoAudio  bool      // what is kept may not be listened to
	MaskDTMF bool      // digits are blanked in the packets that are kept
	Until    time.Time // the rule has no effect from then on; zero: always
	Note     string
	Off      bool
	Origin   Origin
	Pos      Pos // of the name in the file
}

// Set is an ordered list of rules: the first that is true decides. It may be used by many goroutines at once.
type Set struct {
	Rules []Rule

	env   *env
	files []string
}

// Files answers the CSV files that the set's groups were read from: when one changes the rule file is to be parsed again.
func (s *Set) Files() []string { return s.files }

// Join is the local rules and behind them hosted's, each in its order. Either may be nil.
func Join(local, hosted *Set) *Set {
	j := &Set{}
	for _, s := range []*Set{local, hosted} {
		if s == nil {
			continue
		}
		j.Rules = append(j.Rules, s.Rules...)
		j.files = append(j.files, s.files...)
		if j.env == nil {
			j.env = s.env
		}
	}
	return j
}

// Decide answers the rule that decides for an ended call at a moment; nil when none does, and then nothing is kept.
func (s *Set) Decide(c Call, now time.Time) *Rule {
	sc := scene{call: c}
	for i := range s.Rules {
		if r := &s.Rules[i]; r.skipped(now) == "" && r.When.judge(&sc) == yes {
			return r
		}
	}
	return nil
}

// DecideRunning decides for a call that has not ended. rule is the one that decides with what is known now, nil if none
// does. While open is not KeepNone the call is undecided: what is not known yet (mos, loss, final status, findings, a header
// not seen yet ...) may make another rule decide, and open is the most that could be kept because of that. In the end
// no more is kept than the greater of open and the rule's. When open is KeepNone what is kept is decided: it is the rule's.
func (s *Set) DecideRunning(c Call, now time.Time) (rule *Rule, open protocol.Keep) {
	sc := scene{call: c, running: true}
	open, undecided := protocol.KeepNone, false
	for i := range s.Rules {
		r := &s.Rules[i]
		if r.skipped(now) != "" {
			continue
		}
		switch r.When.judge(&sc) {
		case yes:
			if undecided && open == protocol.KeepNone {
				open = r.Keep // an earlier rule may yet forbid it
			}
			return r, open
		case unknown:
			undecided = true
			open = more(open, r.Keep)
		case no:
		}
	}
	return nil, open
}

// more answers the greater of two.
func more(a, b protocol.Keep) protocol.Keep {
	if rank(a) > rank(b) {
		return a
	}
	return b
}

func rank(k protocol.Keep) int { return slices.Index(keeps, string(k)) }

// skipped says why the rule has no effect at a moment, "" when it has.
func (r *Rule) skipped(now time.Time) string {
	switch {
	case r.Off:
		return "off"
	case !r.Until.IsZero() && !now.Before(r.Until):
		return "expired on " + r.Until.Format(time.DateOnly)
	}
	return ""
}
