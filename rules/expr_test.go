package rules

import (
	"errors"
	"os"
	"strings"
	"testing"

	"voiptop/protocol"
)

func float(v float64) *float64 { return &v }

func someCall() Call {
	pdd := int64(1250)
	return Call{CDR: &protocol.CDR{
		Caller: "1001", Callee: "+420555123456", CallerName: "Jana \"J\" Nová", CallerDomain: "pbx.example", CalleeDomain: "carrier.example",
		Src: "10.0.0.11:5060", Dst: "[2001:db8::5]:5062", Transport: "udp", CallID: "95fb90b30002@10.0.0.11",
		Start: 1, Answer: 2, Status: 200, MOS: float(2.31), LossPct: float(6.1), PDDMS: &pdd, DurationMS: 221_000, SensorID: 7,
		UACaller: "Phone/1.0", Codecs: []string{"PCMA", "telephone-event"}, Findings: []protocol.Finding{{Code: "loss-burst"}},
		Capture: protocol.Capture{Kept: protocol.KeepNone},
	}}
}

func TestExpressionMatches(t *testing.T) {
	for expr, want := range map[string]bool{
		"":                         true,
		"caller:1001":              true,
		"caller:100":               false,
		"caller:10*":               true,
		"caller:*01":               true,
		"callee:420555*":           true, // + does not count
		"callee:00420555*":         true,
		"callee:+420555*":          true,
		"callee=420555123456":      false, // = is exact
		"callee=+420555123456":     true,
		"number:(1002 1001)":       true,
		"number!=(1002 1001)":      false,
		"number!=1003":             true,
		"src:10.0.0.0/8":           true,
		"src:10.0.0.11":            true,
		"src:10.0.0.11:5060":       true,
		"src:10.0.0.11:5061":       false,
		"dst:2001:db8::/32":        true,
		"dst:2001:db8::5":          true,
		"dst:[2001:db8::5]:5062":   true,
		"dst:(fe80:: 2001:db8::5)": true,
		"dst:2001:db8::":           false,
		"not dst:::":               true,
		"ip:(fe80::/10 10.0.0.11)": true,
		"ip!=10.0.0.11":            false,
		"mos<3.5":                  true,
		"mos>=3.5":                 false,
		"jitter<100":               false, // there is none
		"loss>5 and mos<3":         true,
		"loss>5 mos>3":             false,
		"loss>50 or mos<3":         true,
		"not (loss>50 or mos>3)":   true,
		"state:up":                 true,
		"state:UP not state:ended": true,
		"codec:pcma":               true,
		"codec:PCMU":               false,
		"finding:loss-*":           true,
		"ua~\"^Phone/\"":           true,
		"domain:*.example":         true,
		"pdd>1.2 pdd<1.3":          true,
		"duration=221":             true,
		"sensor:7":                 true,
		"555123":                   true, // a bare word is looked for everywhere
		"95FB90":                   true,
		"nová":                     true,
		"\"jana \\\"j\\\"\"":       true,
		"MOS < 2.4":                true,
		"kept:none # comment":      true,
		"caller:1001 or\ncaller:2": true,
	} {
		e, err := ParseExpr(expr)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		if got := e.Match(someCall()); got != want {
			t.Errorf("%s: got %v, want %v", expr, got, want)
		}
	}
}

func TestExpressionErrorsNameThePlaceAndTheNearestWord(t *testing.T) {
	for expr, want := range map[string]string{
		"text:486":             `1:1: found "text", expected the name of a field: only voiptop looks into all of a message, of capture files; message: asks for first lines, voipmon grep for the rest`,
		"calller:1":            `1:1: found "calller", expected the name of a field; did you mean "caller"?`,
		"mos<3.5 and":          `1:12: found the end, expected a condition such as caller:4202* or mos<3.5`,
		"mos<bad":              `1:5: found "bad", expected a number`,
		"mos~3":                `1:4: found "~", expected one of : = != < <= > >=: mos is a number`,
		"src:10.0.0.300":       `1:5: found "10.0.0.300", expected an IP address, address:port or network such as 10.0.0.0/8`,
		"state:uup":            `1:7: found "uup", expected one of trying ringing up hold ended; did you mean "up"?`,
		"(mos<3":               `1:7: found the end, expected ")"`,
		"mos<3)":               `1:6: found ")", expected "and", "or" or the end`,
		"caller:1\n  or mso>3": `2:6: found "mso", expected the name of a field; did you mean "mos"?`,
		"ua~\"(\"":             "1:4: found the text \"(\", expected a regular expression (RE2): missing closing ): `(`",
		"name:\"x":             `1:6: found a text without its closing quote, expected a text`,
		"caller:":              `1:8: found the end, expected a number or pattern`,
		"caller:()":            `1:9: found ")", expected a value`,
		"mos=>3":               `1:4: found "=>", expected one of : = != < <= > >=: mos is a number; did you mean ">="?`,
		"caller==1":            `1:7: found "==", expected one of : = != ~: caller is a number or pattern; did you mean "="?`,
		"!caller:1":            `1:1: found "!", expected a condition such as caller:4202* or mos<3.5; did you mean "not"?`,
		"caller:1 && mos<3":    `1:10: found "&&", expected a condition such as caller:4202* or mos<3.5; did you mean "and"?`,
		"or":                   `1:1: found "or", expected a condition such as caller:4202* or mos<3.5`,
	} {
		_, err := ParseExpr(expr)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%q: got %v, want an *Error", expr, err)
			continue
		}
		if got := e.Error(); !strings.HasPrefix(got, strings.TrimSuffix(want, "a text")) {
			t.Errorf("%q:\n got %s\nwant %s", expr, got, want)
		}
	}
}

func TestNestingIsBounded(t *testing.T) {
	if _, err := ParseExpr(strings.Repeat("(", 1e5)); err == nil {
		t.Error("a hundred thousand brackets were accepted")
	}
	if _, err := ParseExpr(strings.Repeat("not ", 1e5) + "mos<1"); err == nil {
		t.Error("a hundred thousand nots were accepted")
	}
}

// FuzzParseExpr: what parses can be matched, and parses again from its own text with the same answer.
func FuzzParseExpr(f *testing.F) {
	for _, s := range []string{"caller:4202* and not (mos<3.5 or src:10.0.0.0/8)", `ua~"x" "bare" dst:fe80::1`, "number!=(1 2 3)", "a:b:c", "\"", "é:1"} {
		f.Add(s)
	}
	c := someCall()
	f.Fuzz(func(t *testing.T, s string) {
		e, err := ParseExpr(s)
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an error without a text")
			}
			return
		}
		again, err := ParseExpr(e.String())
		if err != nil {
			t.Fatalf("%q was read from %q and cannot be read again: %v", e, s, err)
		}
		if e.Match(c) != again.Match(c) {
			t.Fatalf("%q and %q differ", s, e)
		}
	})
}

func TestManualNamesEveryField(t *testing.T) {
	b, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Fields() {
		if row := "| `" + f.Name + "` | " + f.Doc; !strings.Contains(string(b), row) {
			t.Errorf("docs/rules.md lacks the row %s", row)
		}
	}
}

// TestExamplesOfTheManualAreRight reads the blocks of the manual that are rule files.
func TestExamplesOfTheManualAreRight(t *testing.T) {
	b, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(b), "```rules\n")[1:]
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		if _, err := Parse("docs/rules.md", block); err != nil {
			t.Errorf("%v in\n%s", err, block)
		}
	}
	if len(blocks) < 3 {
		t.Errorf("%d blocks found", len(blocks))
	}
}
