package rules

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
)

const someRules = `
# what the helpdesk asked for
no-board: keep none
    when number:(2000 2001)   # never the board
bad: keep sip until 2026-12-01 when mos<1
prague: keep rtp
    when callee:4205* or
         src:10.9.0.0/16
    note "ticket 4711 # open"
all: keep headers off
`

func TestFirstRuleThatMatchesDecides(t *testing.T) {
	s, err := Parse("x.rules", someRules)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	c := someCall()
	r := s.Decide(c, now)
	if r == nil || r.Name != "prague" || r.Keep != protocol.KeepRTP || r.Note != "ticket 4711 # open" {
		t.Fatalf("got %+v, want prague: keep rtp", r)
	}
	if got, want := r.When.String(), "callee:4205* or src:10.9.0.0/16"; got != want {
		t.Errorf("condition %q, want %q", got, want)
	}
	c.Caller = "2001"
	if r := s.Decide(c, now); r == nil || r.Name != "no-board" {
		t.Errorf("got %+v, want no-board, which stands first", r)
	}
	c.Caller, c.Callee = "1", "2"
	if r := s.Decide(c, now); r != nil {
		t.Errorf("got %+v, want none: the last rule is off", r)
	}
	c.MOS = float(0.5)
	if r := s.Decide(c, now); r == nil || r.Name != "bad" {
		t.Errorf("got %+v, want bad", r)
	}
	if r := s.Decide(c, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)); r != nil {
		t.Errorf("got %+v, want none: the rule has expired", r)
	}
}

func TestExplainSaysWhyEachRuleDidNotDecide(t *testing.T) {
	s, err := Parse("", someRules)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, st := range s.Explain(someCall(), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)) {
		got = append(got, st.Rule.Name+" "+st.Why)
	}
	want := "no-board does not match: number:(2000 2001): number is 1001, +420555123456\nbad expired on 2026-12-01\nprague matches: callee:4205* or src:10.9.0.0/16"
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

func TestRuleFileErrorsNameFileLineAndColumn(t *testing.T) {
	for text, want := range map[string]string{
		"a: kep rtp":                      `r:1:4: found "kep", expected "keep"; did you mean "keep"?`,
		"a: keep rpt":                     `r:1:9: found "rpt", expected what to keep: none, sip, headers or rtp; did you mean "rtp"?`,
		"a: keep":                         `r:1:8: found the end, expected what to keep: none, sip, headers or rtp`,
		"a: keep sip\na: keep rtp":        `r:2:1: found the name "a" again, expected a name of its own; line 1 has this one`,
		" a: keep sip":                    `r:1:2: found "a", expected a rule: its name in the first column, then ": keep"`,
		"a: keep sip whne mos<1":          `r:1:13: found "whne", expected when, no audio, mask dtmf, until, note, off (each once) or a new rule in the first column; did you mean "when"?`,
		"a: keep sip when\nb: keep rtp":   `r:2:1: found "b", expected a condition such as caller:4202* or mos<3.5`,
		"a: keep sip until tomorrow":      `r:1:19: found "tomorrow", expected a date such as 2027-01-31 (the rule ends as it begins, UTC)`,
		"a: keep sip when caller:\nb: x":  `r:2:1: found "b", expected a number or pattern`,
		"a keep sip":                      `r:1:3: found "keep", expected ":" behind the name of the rule`,
		"a: keep sip note unquoted":       `r:1:18: found "unquoted", expected a text in quotes`,
		"# fine\nbeef: keep sip off off ": `r:2:20: found "off", expected when, no audio, mask dtmf, until, note, off (each once) or a new rule in the first column; did you mean "off"?`,
	} {
		_, err := Parse("r", text)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

// FuzzParse: whatever parses decides as the oracle does, and every rule's condition means the same when it stands alone.
func FuzzParse(f *testing.F) {
	f.Add(someRules, uint64(1))
	f.Add("a: keep sip when x", uint64(2))
	f.Add(random{rand.New(rand.NewPCG(5, 5))}.file(8), uint64(3))
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		s, err := ParseHosted("f", text)
		if err != nil {
			return
		}
		r := random{rand.New(rand.NewPCG(seed, seed))}
		for range 3 {
			c := r.call()
			if got, want := s.Decide(c, testNow), oracleDecide(s, c, testNow); got != want {
				t.Fatalf("rule %s decides, the oracle says %s\n%s", ruleName(got), ruleName(want), text)
			}
			p := r.sofar(c)
			rule, open := s.DecideRunning(p, testNow)
			if wantRule, wantOpen := oracleRunning(s, p, testNow); rule != wantRule || open != wantOpen {
				t.Fatalf("running: %s and %s, the oracle says %s and %s\n%s", ruleName(rule), open, ruleName(wantRule), wantOpen, text)
			}
			s.Explain(p, testNow)
			for _, r := range s.Rules {
				e, err := s.ParseExpr(r.When.String())
				if err != nil {
					t.Fatalf("rule %q: condition %q does not stand alone: %v", r.Name, r.When, err)
				}
				if e.Match(c) != r.When.Match(c) {
					t.Fatalf("rule %q: condition %q means something else alone", r.Name, r.When)
				}
			}
		}
	})
}
