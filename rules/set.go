package rules

import (
	"maps"
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

	at span
}

// span is where the parts of a rule are in its text, in bytes. An editor needs it.
type span struct {
	name, keep      int // where the name begins, where what to keep ends
	off, offEnd, to int // the word off, 0 without it; the end of the rule
}

// Set is an ordered list of rules: the first that is true decides. It may be used by many goroutines at once.
type Set struct {
	Rules []Rule

	env   *env
	files []string
	index *index // nil in a set that was put together by hand
}

// Files answers the CSV files that the set's groups were read from: when one changes the rule file is to be parsed again.
func (s *Set) Files() []string { return s.files }

// Groups lists the names of the groups that the set's conditions may use, sorted.
func (s *Set) Groups() []string {
	if s.env == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(s.env.groups))
}

// Zone is the time zone that time and day are asked in.
func (s *Set) Zone() *time.Location {
	if s.env == nil {
		return time.UTC
	}
	return s.env.zone
}

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
	j.index = newIndex(j.Rules)
	return j
}

// holds reports whether the rule has effect at a moment.
func (r *Rule) holds(now time.Time) bool { return !r.Off && (r.Until.IsZero() || now.Before(r.Until)) }

// skipped says why the rule has no effect at a moment, "" when it has.
func (r *Rule) skipped(now time.Time) string {
	switch {
	case r.Off:
		return "off"
	case !r.holds(now):
		return "expired on " + r.Until.Format(time.DateOnly)
	}
	return ""
}
