package rules

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// hosted reads what strangers write: a text that is small must not take much to read, whether it is read or refused.
func TestTextsOfAMegabyteTakeBoundedMemoryToRead(t *testing.T) {
	lines := func(format string) string {
		var b strings.Builder
		for i := 0; b.Len() < maxText-200; i++ {
			fmt.Fprintf(&b, format+"\n", i)
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"ordinary rules":   lines(`r%d: keep sip when caller~"^\+?420\d{9}$"`),
		"counts":           lines(`r%d: keep sip when caller~"a{1000}"`),
		"smaller counts":   lines(`r%d: keep sip when caller~"a{40}"`),
		"nested":           lines(`r%d: keep sip when caller~"((aaaaaaaaaa){30}){30}"`),
		"classes":          lines(`r%d: keep sip when caller~"\pL\PL\pL\pL\pL\pL\pL"`),
		"all in one line":  "a: keep sip when caller~x" + strings.Repeat(` or caller~"a{999}"`, 50000),
		"over many lines":  "r: keep sip when caller~\n" + strings.Repeat(" \"a{1000}\" or caller~\n", 20000),
		"ignoring case":    lines(`r%d: keep sip when caller~"(?i)[^x]{300}"`),
		"words":            lines(`r%d: keep sip when caller:(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)`),
		"brackets":         lines(`r%d: keep sip when ((((((((((caller:1))))))))))`),
		"one group of all": "group g: " + strings.Repeat("1234 ", 20_000) + "\n" + lines(`r%d: keep sip when caller:@g`)[:maxText-120_000],
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		set, err := ParseHosted("", text)
		runtime.ReadMemStats(&after)
		n := 0
		if err == nil {
			n = len(set.Rules)
		} else if len(err.Error()) > 500 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
		took := (after.TotalAlloc - before.TotalAlloc) >> 20
		if took > 500 {
			t.Errorf("%s: %d MiB", name, took)
		}
		t.Logf("%s: %d MiB, %d rules, %.100v", name, took, n, err)
	}
}
