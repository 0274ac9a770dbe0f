package rules

import (
	"math/bits"
	"sync"
	"time"

	"voiptop/protocol"
)

// judgement is what deciding needs beside the rules; it is used again.
type judgement struct {
	scene
	rules bitmap // that may match
}

var judgements = sync.Pool{New: func() any { return new(judgement) }}

func (j *judgement) release() {
	j.scene = scene{ids: j.ids} // hold on to nothing of the call
	judgements.Put(j)
}

// Decide answers the rule that decides for an ended call at a moment; nil when none does, and then nothing is kept.
func (s *Set) Decide(c Call, now time.Time) *Rule {
	j := judgements.Get().(*judgement)
	defer j.release()
	j.call = c
	x := s.index
	if x == nil {
		return s.decideAll(&j.scene, now)
	}
	j.rules = x.look(&j.scene, j.rules[:0])
	for w, left := range j.rules {
		for ; left != 0; left &= left - 1 {
			r := &s.Rules[w*64+bits.TrailingZeros64(left)]
			if r.holds(now) && r.When.judge(&j.scene) == yes {
				return r
			}
		}
	}
	return nil
}

// decideAll is Decide of a set that was not parsed but put together.
func (s *Set) decideAll(sc *scene, now time.Time) *Rule {
	for i := range s.Rules {
		if r := &s.Rules[i]; r.holds(now) && r.When.judge(sc) == yes {
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
	j := judgements.Get().(*judgement)
	defer j.release()
	j.call, j.running = c, true
	x := s.index
	if x == nil {
		x = newIndex(s.Rules)
	}
	j.rules = x.look(&j.scene, j.rules[:0])
	u := undecided{set: s, j: j, now: now, rank: -1}
	for w, left := range j.rules {
		for ; left != 0 && rule == nil; left &= left - 1 {
			i := w*64 + bits.TrailingZeros64(left)
			if r := &s.Rules[i]; r.holds(now) {
				switch r.When.judge(&j.scene) {
				case yes:
					rule = r
					u.end = i
				case unknown:
					u.rank = max(u.rank, r.Keep.Rank())
				case no:
				}
			}
		}
	}
	if rule == nil {
		u.end = len(s.Rules)
	}
	// Rules that are not marked are not true, but those of x.late may become so. One for each thing to keep is enough.
	for k := len(keeps) - 1; k > u.rank; k-- {
		if x.late[k] != nil && u.any(x.late[k]) {
			u.rank = k
		}
	}
	if u.rank == 0 && rule != nil {
		u.rank = rule.Keep.Rank() // an earlier rule may yet forbid it
	}
	return rule, protocol.Keep(keeps[max(u.rank, 0)])
}

// undecided looks for rules that may become true.
type undecided struct {
	set  *Set
	j    *judgement
	now  time.Time
	end  int // the rule that decides by now, where no later one counts
	rank int // of the most that is kept by a rule that may become true, -1: there is none
}

// any reports whether one of the rules, which are not marked, may become true.
func (u *undecided) any(late bitmap) bool {
	for w := range late[:(u.end+63)/64] {
		for left := late[w] &^ u.j.rules[w]; left != 0; left &= left - 1 {
			i := w*64 + bits.TrailingZeros64(left)
			if i >= u.end {
				return false
			}
			if r := &u.set.Rules[i]; r.holds(u.now) && r.When.judge(&u.j.scene) == unknown {
				return true
			}
		}
	}
	return false
}
