package rules

import (
	"strings"
	"testing"

	"voiptop/protocol"
)

func TestExplainNamesWhatTheCallHas(t *testing.T) {
	for when, want := range map[string]string{
		"mos>3 and caller:1":                    "does not match: mos>3: mos is 2.31",
		"caller:2 or src:192.0.2.0/24":          "does not match: caller:2: caller is 1001; src:192.0.2.0/24: src is 10.0.0.11:5060",
		"not caller:1*":                         "does not match: not caller:1*: caller is 1001",
		"not (caller:1* or caller:2)":           "does not match: not caller:1*: caller is 1001",
		"not (caller:1* mos<3)":                 "does not match: not caller:1*: caller is 1001; not mos<3: mos is 2.31",
		"not not caller:2":                      "does not match: caller:2: caller is 1001",
		"jitter<9":                              "does not match: jitter<9: there is no jitter",
		"header.X-A:1":                          "does not match: header.X-A:1: there is no header.x-a",
		"codec:(G729\n  opus)":                  "does not match: codec:(G729 opus): codec is PCMA, telephone-event",
		"direction:in":                          "does not match: direction:in: direction is out",
		"time:01:00-02:00":                      "does not match: time:01:00-02:00: time is 00:00 UTC",
		"day:sun":                               "does not match: day:sun: day is thu",
		"nobody":                                "does not match: nobody: looked for in numbers, names, addresses and the Call-ID",
		"caller:2 or caller:3 or mos>4 or pdd>": "",
		"caller:2 or caller:3 or mos>4 or pdd>5": "does not match: caller:2: caller is 1001; caller:3: caller is 1001; mos>4: mos is 2.31; " +
			"and so on",
		"mos<3": "matches: mos<3",
	} {
		s, err := Parse("", "a: keep rtp when "+strings.ReplaceAll(when, "\n", "\n "))
		if want == "" {
			if err == nil {
				t.Errorf("%s was read", when)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Explain(someCall(), testNow)[0].Why; got != want {
			t.Errorf("%s:\n got %s\nwant %s", when, got, want)
		}
	}
}

func TestExplainOfARunningCallSaysWhatIsNotKnownYet(t *testing.T) {
	s := mustParse(t, "a: keep rtp when mos<3 caller:10*\nb: keep none when header.X-B:1\nc: keep sip\nd: keep rtp")
	c := someCall()
	c.State = protocol.StateUp
	c.Headers = []Header{{"x-b", "2\n"}}
	var got []string
	for _, st := range s.Explain(c, testNow) {
		got = append(got, st.Rule.Name+" "+st.Why)
		if st.Open != (st.Rule.Name < "c") || st.Decides != (st.Rule.Name == "c") {
			t.Errorf("%+v", st)
		}
	}
	want := "a not known yet: mos<3: mos is known at the end\nb not known yet: header.X-B:1: header.x-b is \"2\\n\" so far\nc matches every call"
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}
