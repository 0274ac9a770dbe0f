package rules

import (
	"slices"
	"strings"
	"testing"
)

// at takes the cursor, written |, out of a text.
func at(s string) (string, Pos) {
	before, after, _ := strings.Cut(s, "|")
	line := strings.Count(before, "\n")
	return before + after, Pos{line + 1, len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1}
}

func TestCompletionOffersWhatMayStandThere(t *testing.T) {
	for text, want := range map[string]struct {
		has, hasNot string // words
	}{
		"|":                                    {"group zone", "keep caller"},
		"gr|":                                  {"group", "zone"},
		"a: keep sip\n|":                       {"", "group zone"},
		"a:|":                                  {"keep", "sip"},
		"a: k|":                                {"keep", "sip"},
		"a: keep |":                            {"none sip headers rtp", "keep"},
		"a: keep h|":                           {"headers", "sip"},
		"a: keep sip |":                        {"when until note off", "caller sip"},
		"a: keep sip off |":                    {"when until", "off"},
		"a: keep sip no |":                     {"audio", ""},
		"a: keep sip mask d|":                  {"dtmf", "domain"},
		"a: keep sip when |":                   {"caller mos not header.", "and when state"},
		"a: keep sip when ca|":                 {"caller callee callid", "mos"},
		"a: keep sip when mos|":                {"mos< mos>=", "mos~"},
		"a: keep sip when mos |":               {"< >= :", "~"},
		"a: keep sip when src|":                {"src: src!=", "src~ src<"},
		"a: keep sip when mos<3 |":             {"and or caller note off", "when"},
		"a: keep sip when mos<3 and |":         {"caller not", "off or and"},
		"a: keep sip when transport:|":         {"udp tcp tls", "caller"},
		"a: keep sip when transport:(udp |":    {"tcp", "caller and"},
		"a: keep sip when day:m|":              {"mon mon-fri", "tue"},
		"a: keep sip when (day:mon |":          {"and caller", "tue"},
		"group vip: 1\na: keep sip when src:|": {"@vip", "*"},
		"group vip: 1\na: keep sip when caller:@v|\nb: kep": {"@vip", "caller"},
		"group vip: 1\ngroup all: |":                        {"file @vip", "@all"},
		"a: keep sip when note |":                           {"", "caller off"},
		"a: keep sip # when |":                              {"", "caller"},
		"a: keep sip note \"when |":                         {"", "caller"},
		"  |":                                               {"", "group"},
		"a: keep sip\n   when\n  end:re|jec":                {"rejected", "bye"},
	} {
		in, pos := at(text)
		c := Complete(in, pos)
		var got []string
		for _, k := range c.Candidates {
			got = append(got, k.Text)
			if k.Doc == "" && k.Kind != "value" {
				t.Errorf("%q: %s has no words of explanation", text, k.Text)
			}
		}
		for _, w := range strings.Fields(want.has) {
			if !slices.Contains(got, w) {
				t.Errorf("%q: %q does not offer %s", text, got, w)
			}
		}
		for _, w := range strings.Fields(want.hasNot) {
			if slices.Contains(got, w) {
				t.Errorf("%q offers %s", text, w)
			}
		}
	}
	if c := CompleteExpr("state:u", Pos{1, 8}); len(c.Candidates) != 1 || c.Candidates[0].Text != "up" || c.From != 6 || c.To != 7 {
		t.Errorf("a filter's state: %+v", c)
	}
}

// FuzzComplete: whatever is offered begins with what is there, and replaces a part of the text that holds the cursor.
func FuzzComplete(f *testing.F) {
	f.Add(editable, 7, 4)
	f.Add("group a: 1\nb: keep sip when caller:@", 2, 26)
	f.Fuzz(func(t *testing.T, text string, line, col int) {
		c := Complete(text, Pos{line, col})
		CompleteExpr(text, Pos{line, col})
		if c.From < 0 || c.From > c.To || c.To > len(text) {
			t.Fatalf("from %d to %d of %d bytes", c.From, c.To, len(text))
		}
		cursor := offset(text, Pos{line, col})
		if cursor < c.From || cursor > c.To {
			t.Fatalf("cursor %d is not within %d to %d", cursor, c.From, c.To)
		}
		for _, k := range c.Candidates {
			if !strings.EqualFold(k.Text[:min(len(k.Text), cursor-c.From)], text[c.From:cursor]) {
				t.Fatalf("%q offered for %q", k.Text, text[c.From:cursor])
			}
		}
	})
}
