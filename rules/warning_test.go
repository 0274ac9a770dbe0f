package rules

import (
	"strings"
	"testing"
)

func TestRulesThatDoNothingAreNamed(t *testing.T) {
	s := mustParse(t, `old: keep rtp until 2026-01-01
a: keep rtp when mos<3
soon: keep sip when loss>1 until 2027-01-01
b: keep sip when loss>1
c: keep sip when mos<3   # as a
fine: keep none off
rest: keep sip
late: keep rtp when caller:1
last: keep rtp off`)
	var got []string
	for _, w := range s.Warnings(testNow) {
		got = append(got, w.Rule.Name+" "+w.Text)
	}
	want := `old has no effect any more: expired on 2026-01-01
c never decides: "a" in line 2 has the same condition
late is never asked: "rest" in line 7 is true of every call`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}
