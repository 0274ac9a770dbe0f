package background

import (
	"bytes"
	"testing"
)

var answers = []struct {
	in          string
	dark, known bool
	typed       string
}{
	{"\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\\x1b[?62;4c", true, true, ""},
	{"\x1b]11;rgb:ffff/ffff/ffff\x07\x1b[?1;2c", false, true, ""},
	{"\x1b]11;rgb:fd/f6/e3\x07\x1b[?6c", false, true, ""},
	{"\x1b[?6c", false, false, ""},
	{"j\x1b]11;rgb:0000/0000/0000\x1b\\jk\x1b[?6cq", true, true, "jjkq"},
	{"q", false, false, "q"},
	{"", false, false, ""},
	{"\x1b]11;rgb:zz/0/0\x07\x1b[?6c", false, false, ""},
	{"\x1b]11;\x07\x1b[?6c", false, false, ""},
	{"\x1b]11;rgb:0000/00", false, false, ""},
}

func TestAnswersAreToldFromWhatIsTyped(t *testing.T) {
	for _, c := range answers {
		dark, known, typed := parse([]byte(c.in))
		if dark != c.dark || known != c.known || string(typed) != c.typed {
			t.Errorf("%q: dark %v, known %v, typed %q", c.in, dark, known, typed)
		}
	}
}

func TestTheEnvironmentTellsTheBackground(t *testing.T) {
	for value, dark := range map[string]bool{
		"15;0": true, "0;15": false, "0;default;15": false, "0;7": false, "7;8": true, "0;9": false,
		"": true, "15;default": true, "0;15;": true, "0;16": true, "0;-1": true, "15": false,
	} {
		if got := Told(value); got != dark {
			t.Errorf("COLORFGBG=%q: dark %v, want %v", value, got, dark)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range answers {
		f.Add([]byte(c.in))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		dark, known, typed := parse(b)
		if dark && !known {
			t.Error("dark without an answer")
		}
		if len(typed) > len(b) || !bytes.Equal(b, before) {
			t.Errorf("%q became %q; typed %q", before, b, typed)
		}
	})
}
