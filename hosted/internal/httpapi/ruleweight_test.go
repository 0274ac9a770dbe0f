package httpapi

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"runtime"
	"strings"
	"testing"

	"voiptop/rules"
)

func TestRepeatsMultipliesTheCountsOfALine(t *testing.T) {
	for line, want := range map[string]int{
		"": 1, "a": 1, "a{3}": 3, "a{2}b{1,3}": 6, "a{7,}": 7, "((a{100}){100})": 1000, "a{99999999999999999999}": 1000,
		`\p{Greek}{5}`: 5, "{": 1, "{,}": 1, "{0}": 1, "{,4}": 4,
	} {
		if got := repeats(line); got != want {
			t.Errorf("%q: %d, want %d", line, got, want)
		}
	}
}

func TestRulesThatWouldTakeALotToReadAreRefusedUnread(t *testing.T) {
	lines := func(n int, line string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, line+"\n", i)
		}
		return b.String()
	}
	for name, tt := range map[string]struct {
		text string
		line int // 0: it is taken
	}{
		"counts":         {lines(20000, `r%d: keep sip when caller~"a{1000}"`), 60},
		"over lines":     {"r: keep sip when caller~\n" + strings.Repeat(" \"a{1000}\" or caller~\n", 20000), 100},
		"nested":         {lines(20000, `r%d: keep sip when caller~"((aaaaaaaaaa){30}){30}"`), 60},
		"classes":        {lines(20000, `r%d: keep sip when caller~"\pL\PL\pL\pL\pL\pL\pL"`), 4000},
		"one line":       {"a: keep sip when caller~x" + strings.Repeat(` or caller~"a{999}"`, 50000), 1},
		"ordinary rules": {lines(4000, `r%d: keep sip when caller~"^\+?420\d{9}$"`), 0},
		"no expressions": {lines(20000, `r%d: keep sip note "{1000}"`), 0},
	} {
		err := checkWeight(tt.text)
		var e *rules.Error
		switch {
		case tt.line == 0 && err != nil:
			t.Errorf("%s: %v", name, err)
		case tt.line > 0 && (!errors.As(err, &e) || e.Pos.Line > tt.line):
			t.Errorf("%s: %v, want an error in the first %d lines", name, err, tt.line)
		}
	}
}

// What is taken compiles to no more than was counted, whatever the text.
func FuzzCheckWeight(f *testing.F) {
	for _, s := range []string{"a{1000}", `(\pL{3}){4}`, "(a|b){2,5}c{0,3}", `(?i)[^x]{30}`, "((a{10}){10}){10}", `\Q{9}\E`, `[{9}]{9}`, `\x{10FFFF}{9}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		if len(expr) > 1<<10 || strings.ContainsAny(expr, "\n") {
			t.Skip()
		}
		re, err := syntax.Parse(expr, syntax.Perl)
		if err != nil {
			t.Skip()
		}
		prog, err := syntax.Compile(re.Simplify())
		if err != nil {
			t.Skip()
		}
		classes := strings.Count(expr, `\p`) + strings.Count(expr, `\P`)
		if most := 2*(len(expr)+classes*classSize)*repeats(expr) + 16; len(prog.Inst) > most {
			t.Errorf("%q compiles to %d instructions, counted as at most %d", expr, len(prog.Inst), most)
		}
	})
}

func TestTheLargestRulesThatAreReadTakeBoundedMemory(t *testing.T) {
	var b strings.Builder
	for i := 0; b.Len() < 1<<20-100; i++ {
		if fmt.Fprintf(&b, "r%d: keep sip when caller~\"ab%d\"", i, i); i < 900 {
			b.WriteString(` or callee~"a{40}"`)
		}
		b.WriteByte('\n')
	}
	text := b.String()
	if err := checkWeight(text); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	set, err := rules.ParseHosted("", text)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 400 {
		t.Errorf("%d rules in 1 MiB took %d MiB to read", len(set.Rules), took)
	} else {
		t.Logf("%d rules in 1 MiB took %d MiB to read", len(set.Rules), took)
	}
}
