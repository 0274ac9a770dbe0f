package rules

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
)

func TestARuleThatAsksWhatIsForSearchesIsToldWhatToAskInstead(t *testing.T) {
	for _, f := range Fields() {
		if f.InRules() || f.Name == "header.NAME" {
			continue
		}
		_, err := Parse("", "a: keep rtp when "+f.Name+":1")
		var e *Error
		if !errors.As(err, &e) || e.Found == "" || !strings.Contains(e.Expected, "field") {
			t.Errorf("%s: %v, want what to ask instead", f.Name, err)
		}
	}
}

func TestHeadersAreAskedInAnySpelling(t *testing.T) {
	c := someCall()
	c.Headers = []Header{{"x-tenant", "acme"}, {"x-tenant", "Beta"}, {"from", "<sip:1001@pbx.example>;tag=1"}}
	for expr, want := range map[string]bool{
		"header.X-Tenant:*":            true,
		"header.X-Debug:*":             false,
		"not header.X-Debug:*":         true,
		"header.x-tenant:ACME":         true,
		"header.x-tenant=ACME":         false,
		"header.X-TENANT=Beta":         true,
		"header.X-Tenant!=acme":        false,
		"header.X-Tenant!=(a b)":       true,
		"header.x-tenant~\"^B\"":       true,
		"header.f:*1001@*":             true, // compact
		"header.From:<sip:1001@*":      false,
		"header.From:\"<sip:1001@*\"":  true,
		"header.x-tenant:(gamma beta)": true,
	} {
		e, err := ParseExpr(expr)
		if err != nil {
			if want {
				t.Errorf("%s: %v", expr, err)
			}
			continue
		}
		if got := e.Match(c); got != want {
			t.Errorf("%s: got %v", expr, got)
		}
	}
	s := mustParse(t, "a: keep sip when header.X-B:1 or not header.f:x*\nb: keep sip off when header.X-A:1 header.x-b:2")
	if got := s.Headers(); !slices.Equal(got, []string{"from", "x-a", "x-b"}) {
		t.Errorf("headers to collect: %q", got)
	}
}

func TestNumbersMatchWithAndWithoutTheInternationalPrefix(t *testing.T) {
	for expr, numbers := range map[string]map[string]bool{
		"caller:420*":   {"420555": true, "+420555": true, "00420555": true, "0420": false},
		"caller:+420*":  {"420555": true, "+420555": true, "00420555": true},
		"caller:00420*": {"420555": true, "+420555": true, "00420555": true},
		"caller:00*":    {"00420": true, "+420": false, "420": false, "00": true},
		"caller:+*":     {"+420": true, "00420": false},
		"caller:0*":     {"0420": true, "00420": true, "+420": false, "+0420": true},
		"caller:*55":    {"+4255": true, "55": true, "556": false},
		"caller:*":      {"1": true, "": false},
	} {
		e, err := ParseExpr(expr)
		if err != nil {
			t.Fatal(err)
		}
		s := mustParse(t, "a: keep sip when "+expr)
		for n, want := range numbers {
			c := Call{CDR: &protocol.CDR{Caller: n}}
			if e.Match(c) != want || (s.Decide(c, testNow) != nil) != want {
				t.Errorf("%s of %q: got %v and %v, want %v", expr, n, e.Match(c), s.Decide(c, testNow) != nil, want)
			}
		}
	}
}

func TestTimeAndDayAreInTheZoneOfTheFile(t *testing.T) {
	s := mustParse(t, "zone Europe/Prague\nnight: keep rtp when time:22:00-06:00\nweekend: keep sip when day:sat-sun\nrest: keep none when time!=(06:00-22:00)")
	for when, want := range map[string]string{
		"2026-07-01T19:59:00Z": "none",  // 21:59 in summer
		"2026-07-01T20:00:00Z": "night", // 22:00
		"2026-12-01T20:30:00Z": "none",  // 21:30 in winter
		"2026-12-01T21:00:00Z": "night",
		"2026-12-02T04:59:59Z": "night",
		"2026-12-02T05:00:00Z": "none", // 06:00, the end is excluded
		"2026-11-28T12:00:00Z": "weekend",
		"2026-11-27T23:30:00Z": "night", // Saturday, half past midnight
	} {
		at, err := time.Parse(time.RFC3339, when)
		if err != nil {
			t.Fatal(err)
		}
		c := Call{CDR: &protocol.CDR{Start: protocol.TimeOf(at)}}
		if got := ruleName(s.Decide(c, testNow)); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
}

func TestDirectionGoesByTheGroupLocal(t *testing.T) {
	call := func(src, dst string) Call { return Call{CDR: &protocol.CDR{Src: src, Dst: dst}} }
	s := mustParse(t, "group local: 198.51.100.0/24\na: keep sip when direction:out\nb: keep rtp when direction:in")
	for _, tc := range []struct{ src, dst, private, set string }{
		{"10.0.0.1:5060", "203.0.113.1:5060", "out", "none"},
		{"203.0.113.1:5060", "[fd00::1]:5060", "in", "none"},
		{"192.168.1.1:5060", "172.16.0.1:5060", "internal", "none"},
		{"198.51.100.7:5060", "203.0.113.1:5060", "transit", "a"},
		{"10.0.0.1:5060", "198.51.100.7:5060", "out", "b"},
		{"nonsense", "10.0.0.1:5060", "", "none"},
	} {
		for _, d := range []string{"in", "out", "internal", "transit"} {
			e, err := ParseExpr("direction:" + d)
			if err != nil {
				t.Fatal(err)
			}
			if got := e.Match(call(tc.src, tc.dst)); got != (d == tc.private) {
				t.Errorf("%s > %s is %s: %v", tc.src, tc.dst, d, got)
			}
		}
		if got := ruleName(s.Decide(call(tc.src, tc.dst), testNow)); got != tc.set {
			t.Errorf("%s > %s with the group local: %s, want %s", tc.src, tc.dst, got, tc.set)
		}
	}
}

func TestOptionsOfARule(t *testing.T) {
	s := mustParse(t, "a: keep rtp no audio mask dtmf until 2027-01-31 note \"x\" off\nb: keep rtp\n  when caller:no or \"mask\"\n  MASK DTMF")
	a, b := s.Rules[0], s.Rules[1]
	if !a.NoAudio || !a.MaskDTMF || !a.Off || a.Note != "x" || a.Until.Format(time.DateOnly) != "2027-01-31" || a.Origin != OriginLocal {
		t.Errorf("a: %+v", a)
	}
	if b.NoAudio || !b.MaskDTMF || b.When.String() != `caller:no or "mask"` {
		t.Errorf("b: %+v", b)
	}
}

func TestGroupsFromCSV(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(outside, []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link.csv")); err != nil {
		t.Fatal(err)
	}
	write("vip.csv", "\ufeffnumber;name\n# ours\n1001;Jana\n\n\"+4420*\";London\n")
	write("lists/nets.csv", "192.0.2.0/24,lab\n2001:db8::/32\n")
	write("bad.csv", "ip\n10.0.0.1\n10.0.0.300\n")
	write("quote.csv", "1\n\"2\n")
	write("empty.csv", "number\n# nothing\n")
	write("big.csv", strings.Repeat("1\n", maxCSV/2+1))
	write("many.csv", strings.Repeat("1\n", maxMembers+1))

	file := filepath.Join(dir, "local.rules")
	s, err := Parse(file, "group vip: file vip.csv\ngroup nets: file \"lists/nets.csv\"\ngroup all: @nets 10.0.0.11\na: keep rtp when caller:@vip src:@all")
	if err != nil {
		t.Fatal(err)
	}
	if r := s.Decide(someCall(), testNow); ruleName(r) != "a" {
		t.Errorf("got %s, want a", ruleName(r))
	}
	want := []string{filepath.Join(dir, "vip.csv"), filepath.Join(dir, "lists/nets.csv")}
	if !slices.Equal(s.Files(), want) {
		t.Errorf("files %q, want %q", s.Files(), want)
	}
	for text, want := range map[string]string{
		"group g: file missing.csv":                              file + `:1:15: found "missing.csv", expected a CSV file that can be read, in or below the folder of the rule file`,
		"group g: file ../secret.csv":                            `path escapes`,
		"group g: file link.csv":                                 `path escapes`,
		"group g: file " + outside:                               `path escapes`,
		"group g: file lists":                                    `not a regular file`,
		"group g: file big.csv":                                  `expected a file of at most 8388608 bytes`,
		"group g: file many.csv":                                 filepath.Join(dir, "many.csv") + `:100001:1: found one value more, expected at most 100000 in a group`,
		"group g: file empty.csv":                                filepath.Join(dir, "empty.csv") + `:1:1: found no value`,
		"group g: file quote.csv":                                filepath.Join(dir, "quote.csv") + `:2:`,
		"group g: file vip.csv 1":                                `expected a new entry in the first column: a group is a file or a list`,
		"group g: file bad.csv\na: keep sip\n   when src:@g":     filepath.Join(dir, "bad.csv") + `:3:1: found "10.0.0.300", expected an IP address, address:port or network such as 10.0.0.0/8: line 3 asks src for the group g`,
		"group local: file vip.csv":                              filepath.Join(dir, "vip.csv") + `:3:1: found "1001", expected an IP address or network: direction goes by the group local`,
		"group g: 10.0.0.0/8 jana\na: keep sip when ip:(@g 1::)": file + `:1:21: found "jana", expected an IP address`,
	} {
		if _, err := Parse(file, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
	if _, err := ParseHosted("hosted", "group vip: file vip.csv"); err == nil || !strings.Contains(err.Error(), `hosted:1:17: found "vip.csv", expected the values themselves: rules that come from hosted may not name files`) {
		t.Errorf("hosted's rules name a file: %v", err)
	}
}

func TestErrorsOfGroupsAndZones(t *testing.T) {
	for text, want := range map[string]string{
		"group vip 1":                                `r:1:11: found "1", expected ":" behind the name of the group`,
		"group vip:\na: keep sip":                    `r:2:1: found "a", expected a value of the group, or file and the name of a CSV file`,
		"group vip: (1)":                             `r:1:12: found "(", expected a value of the group`,
		"group vip: 1\ngroup vip: 2":                 `r:2:7: found the group "vip" again, expected a name of its own; line 1 has this one`,
		"group vip: 1\na: keep sip when caller:@vpi": `r:2:25: found "@vpi", expected the name of a group that is written above: group NAME: values; did you mean "@vip"?`,
		"group a: @a":                                `r:1:10: found "@a", expected the name of a group that is written above`,
		"a: keep sip\ngroup vip: 1":                  `r:2:1: found "group", expected a rule: groups and the zone stand above the first rule`,
		"gruop vip: 1":                               `r:1:1: found "gruop", expected a rule, a group or a zone; did you mean "group"?`,
		"zone Europe/Prag":                           `r:1:6: found "Europe/Prag", expected the name of a time zone such as Europe/Prague, or UTC`,
		"zone UTC now":                               `r:1:10: found "now", expected a new entry in the first column`,
		"a: keep sip when state:up":                  `r:1:18: found "state", expected a field that is final when the call has ended: connected>0 is an answered call`,
		"a: keep sip when kept:rtp":                  `r:1:18: found "kept", expected a field of the call itself`,
		"a: keep sip when day:mno":                   `r:1:22: found "mno", expected a weekday or several, such as sat or mon-fri; did you mean "mon"?`,
		"a: keep sip when time:25:00-26:00":          `r:1:23: found "25:00-26:00", expected a time of day such as 22:00-06:00`,
		"a: keep sip when time<1":                    `r:1:22: found "<", expected one of : = !=: time is a time such as 22:00-06:00`,
		"a: keep sip when header.:x":                 `r:1:18: found "header.", expected the name of a SIP header field behind "header."`,
		"a: keep sip when direction:inn":             `expected one of in out internal transit; did you mean "in"?`,
		"a: keep sip no adio":                        `r:1:16: found "adio", expected when, no audio, mask dtmf, until, note, off (each once) or a new rule in the first column; did you mean "audio"?`,
		"a: keep sip when (mos<3\n)":                 `r:2:1: found ")", expected ")"`,
	} {
		_, err := Parse("r", text)
		if err == nil || !strings.HasPrefix(err.Error(), want) && !strings.Contains(err.Error(), want) {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestAFilterAsksWithTheSetsGroupsAndLeavesTheSetAlone(t *testing.T) {
	s := mustParse(t, "group vip: 1001\na: keep sip")
	e, err := s.ParseExpr("caller:@vip")
	if err != nil || !e.Match(someCall()) {
		t.Errorf("the group of the set: %v, %v", err, e.Match(someCall()))
	}
	if _, err := ParseExpr("caller:@vip"); err == nil {
		t.Error("a group without a set was understood")
	}
	if len(s.env.lists) != 0 {
		t.Error("the filter has changed the set that others use")
	}
}

func TestWhatARuleFileMayCostIsBounded(t *testing.T) {
	values := strings.Repeat("1 ", 90_000)
	if _, err := Parse("r", "group a: "+values+"\ngroup b: @a 2\ngroup c: @b 3\n"); err != nil {
		t.Fatal(err)
	}
	text := "group a: " + values + "\n"
	for _, n := range "bcdefgh" {
		text += string(n) + ": keep sip when caller:(@a 1)\n"
	}
	if _, err := Parse("r", text); err == nil || !strings.Contains(err.Error(), "too many values in all") {
		t.Errorf("got %v", err)
	}
	if _, err := ParseExpr(`ua~"(a{100}b{50}){500}"`); err == nil || !strings.Contains(err.Error(), "invalid repeat count") && !strings.Contains(err.Error(), "a smaller regular expression") {
		t.Errorf("a huge regular expression: %v", err)
	}
	if _, err := ParseExpr(`ua~"` + strings.Repeat("a{1000}", 30) + `"`); err == nil || !strings.Contains(err.Error(), "a smaller regular expression") {
		t.Errorf("a big regular expression: %v", err)
	}
	if _, err := ParseExpr(`"` + strings.Repeat("é", 1000) + `":x`); err == nil || len(err.Error()) > 400 {
		t.Errorf("a long word makes a long error: %v", err)
	}
	text = ""
	for i := range 100 {
		text += fmt.Sprintf("r%d: keep sip when ua~\"%s\"\n", i, strings.Repeat("a{1000}", 4))
	}
	if _, err := Parse("r", text); err == nil || !strings.Contains(err.Error(), "too many values in all") {
		t.Errorf("many big regular expressions: %v", err)
	}
	if _, err := ParseExpr(strings.Repeat("(", maxTokens+1)); err == nil || !strings.Contains(err.Error(), "nested too deep") {
		t.Errorf("more words than there may be: %v", err)
	}
	if _, err := ParseExpr(strings.Repeat("a ", maxTokens+1)); err == nil || !strings.Contains(err.Error(), "found more than 500000 words") {
		t.Errorf("more words than there may be: %v", err)
	}
	if _, err := Parse("r", strings.Repeat(" ", maxText+1)); err == nil {
		t.Error("a text of more than a megabyte was read")
	}
}

// FuzzGroupCSV: what is read is at most the text's values, each where it says.
func FuzzGroupCSV(f *testing.F) {
	f.Add("number;name\n1001;Jana\n\"a \"\"b\"\"\";x\n")
	f.Add("\ufeff192.0.2.0/24,lab\r\n# c\r\n\r\n10.0.0.1")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseCSV("f.csv", text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f.csv:") {
				t.Fatalf("the error does not name the file: %v", err)
			}
			return
		}
		if len(list) == 0 || len(list) > len(text) {
			t.Fatalf("%d values of %d bytes", len(list), len(text))
		}
		last := 0
		for _, m := range list {
			if m.text == "" || m.pos.Line <= last || m.pos.Col < 1 {
				t.Fatalf("%+v behind line %d", m, last)
			}
			last = m.pos.Line
		}
	})
}
