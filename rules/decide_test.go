package rules

import (
	"math/rand/v2"
	"testing"
	"time"

	"voiptop/protocol"
)

var testNow = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func mustParse(tb testing.TB, text string) *Set {
	tb.Helper()
	s, err := Parse("test.rules", text)
	if err != nil {
		tb.Fatalf("%v\n%s", err, text)
	}
	return s
}

func ruleName(r *Rule) string {
	if r == nil {
		return "none"
	}
	return r.Name
}

func TestCompiledSetDecidesAsTheOracle(t *testing.T) {
	rounds := 400
	if testing.Short() {
		rounds = 60
	}
	decided := map[string]int{}
	for seed := range rounds {
		r := random{rand.New(rand.NewPCG(uint64(seed), 1))}
		s := mustParse(t, r.file(1+r.IntN(150)))
		for range 50 {
			c := r.call()
			got, want := s.Decide(c, testNow), oracleDecide(s, c, testNow)
			if got != want {
				t.Fatalf("seed %d: rule %s decides, the oracle says %s: %s\n%+v\n%+v", seed, ruleName(got), ruleName(want), whenOf(got, want), *c.CDR, c.Headers)
			}
			p := r.sofar(c)
			gotRule, gotOpen := s.DecideRunning(p, testNow)
			wantRule, wantOpen := oracleRunning(s, p, testNow)
			if gotRule != wantRule || gotOpen != wantOpen {
				t.Fatalf("seed %d, running: %s and %s open, the oracle says %s and %s: %s\n%+v\n%+v",
					seed, ruleName(gotRule), gotOpen, ruleName(wantRule), wantOpen, whenOf(gotRule, wantRule), *p.CDR, p.Headers)
			}
			decided[ruleName(got)]++
		}
	}
	if len(decided) < 10 {
		t.Errorf("only %v decided: the rules and calls of this test do not meet", decided)
	}
}

func whenOf(list ...*Rule) (s string) {
	for _, r := range list {
		if r != nil {
			s += "\n" + r.Name + ": " + r.When.String()
		}
	}
	return s
}

func TestWhatARunningCallIsToldHoldsInTheEnd(t *testing.T) {
	rounds := 400
	if testing.Short() {
		rounds = 60
	}
	var open, closed int
	for seed := range rounds {
		r := random{rand.New(rand.NewPCG(uint64(seed), 2))}
		s := mustParse(t, r.file(1+r.IntN(12)))
		for range 50 {
			c := r.call()
			p := r.sofar(c)
			rule, most := s.DecideRunning(p, testNow)
			final := s.Decide(c, testNow)
			kept, now := protocol.KeepNone, protocol.KeepNone
			if final != nil {
				kept = final.Keep
			}
			if rule != nil {
				now = rule.Keep
			}
			switch {
			case most == protocol.KeepNone:
				closed++
				if kept != now || rule != final && kept != protocol.KeepNone {
					t.Fatalf("seed %d: decided as %s (%s), in the end it was %s (%s)%s", seed, ruleName(rule), now, ruleName(final), kept, whenOf(rule, final))
				}
			default:
				open++
				if kept.Rank() > max(most.Rank(), now.Rank()) {
					t.Fatalf("seed %d: at most %s or %s, in the end %s by %s%s", seed, most, now, kept, ruleName(final), whenOf(rule, final))
				}
			}
		}
	}
	if open < rounds || closed < rounds {
		t.Errorf("%d calls undecided, %d decided: the test does not see both", open, closed)
	}
}

func TestAnEarlierRuleThatMayForbidLeavesTheCallOpen(t *testing.T) {
	s := mustParse(t, "private: keep none when header.Privacy:id\nall: keep rtp")
	c := someCall()
	if r, open := s.DecideRunning(c, testNow); ruleName(r) != "all" || open != protocol.KeepRTP {
		t.Errorf("before the header: %s, %s open; want all, rtp", ruleName(r), open)
	}
	c.Headers = []Header{{"privacy", "ID"}}
	if r, open := s.DecideRunning(c, testNow); ruleName(r) != "private" || open != protocol.KeepNone {
		t.Errorf("with the header: %s, %s open; want private, decided", ruleName(r), open)
	}
}

func TestJoinAsksLocalRulesFirst(t *testing.T) {
	local := mustParse(t, "group mine: 1001\na: keep none when caller:@mine\nb: keep sip when header.X-A:*")
	hosted, err := ParseHosted("hosted", "group mine: 1002\na: keep rtp when number:(@mine 1001)\nc: keep headers when header.X-B:1")
	if err != nil {
		t.Fatal(err)
	}
	j := Join(local, hosted)
	c := someCall()
	if r := j.Decide(c, testNow); r == nil || r.Name != "a" || r.Origin != OriginLocal {
		t.Errorf("got %+v, want the local rule a", r)
	}
	c.Caller = "1002"
	if r := j.Decide(c, testNow); r == nil || r.Name != "a" || r.Origin != OriginHosted {
		t.Errorf("got %+v, want hosted's rule a with its own group", r)
	}
	if h := j.Headers(); len(h) != 2 || h[0] != "x-a" || h[1] != "x-b" {
		t.Errorf("headers %v, want those of both", h)
	}
	if got := Join(nil, nil).Decide(c, testNow); got != nil {
		t.Errorf("no rules decide %v", got)
	}
	if r := Join(nil, hosted).Decide(c, testNow); ruleName(r) != "a" {
		t.Errorf("hosted's alone: %s", ruleName(r))
	}
}
