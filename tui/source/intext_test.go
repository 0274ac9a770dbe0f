package source_test

import (
	"fmt"
	"strings"
	"testing"

	language "voiptop/rules"
	"voiptop/tui/source"
)

func TestTheTextOfMessagesIsAskedForBesideConditions(t *testing.T) {
	for _, c := range []struct{ in, words, rest, wrong string }{
		{in: "", words: "[]"},
		{in: "mos<3.5", words: "[]", rest: "mos<3.5"},
		{in: "text:sendonly", words: "[sendonly]"},
		{in: `TEXT:"a=sendonly x"`, words: "[a=sendonly x]"},
		{in: `text:"say \"hi\" \\ (or)"`, words: `[say "hi" \ (or)]`},
		{in: "text:a mos<3.5", words: "[a]", rest: "       mos<3.5"},
		{in: "text:a and mos<3.5", words: "[a]", rest: "           mos<3.5"},
		{in: "mos<3.5 and text:a and text:b", words: "[a b]", rest: "mos<3.5"},
		{in: "mos<3.5 and text:a and loss>1", words: "[a]", rest: "mos<3.5            and loss>1"},
		{in: "(caller:1 or caller:2) text:a", words: "[a]", rest: "(caller:1 or caller:2)"},
		{in: `callid:"text:a"`, words: "[]", rest: `callid:"text:a"`},
		{in: "number:(1 2) text:a", words: "[a]", rest: "number:(1 2)"},
		{in: "message:REFER*", words: "[]", rest: "message:REFER*"},
		{in: "not text:a", wrong: "behind no not"},
		{in: "caller:1 or text:a", wrong: "an or beside it in brackets"},
		{in: "(text:a mos<3)", wrong: "in no brackets"},
		{in: "text:", wrong: "a word"},
		{in: `text:"a`, wrong: "in quotes"},
		{in: `text:""`, wrong: "in quotes"},
	} {
		words, rest, err := source.CutText(c.in)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: %v, want %q", c.in, err, c.wrong)
			}
			continue
		}
		if err != nil || fmt.Sprint(words) != c.words || rest != c.rest {
			t.Errorf("%s: %v %q, want %s %q, %v", c.in, words, rest, c.words, c.rest, err)
		}
		if _, err := language.ParseExpr(rest); err != nil {
			t.Errorf("%s: the rest is no condition: %v", c.in, err)
		}
	}
}

func TestANarrowerFilterHoldsWhereBothDo(t *testing.T) {
	for _, c := range [][3]string{
		{"", "status=486", "status=486"},
		{"mos<3", "status=486", "mos<3 status=486"},
		{"caller:1 or caller:2", "status=486", "(caller:1 or caller:2) status=486"},
		{"(caller:1 or caller:2)", "status=486", "(caller:1 or caller:2) status=486"},
		{`text:"this or that"`, "mos<3", `text:"this or that" mos<3`},
		{"mos<3", "", "mos<3"},
	} {
		if got := source.Narrow(c[0], c[1]); got != c[2] {
			t.Errorf("%q and %q: %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

func FuzzCutText(f *testing.F) {
	for _, s := range []string{"text:a and mos<3", `text:"a b" or (c)`, `"text:x`, "not text:\\", "()((text:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words, rest, err := source.CutText(s)
		switch {
		case err != nil:
		case len(words) == 0 && rest != s:
			t.Errorf("%q without a word became %q", s, rest)
		case len(rest) > len(s):
			t.Errorf("%q grew to %q", s, rest)
		}
		for _, w := range words {
			if w == "" {
				t.Errorf("%q asks for nothing", s)
			}
		}
	})
}
