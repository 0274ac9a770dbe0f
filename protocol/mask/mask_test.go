package mask

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"voiptop/protocol"
)

func TestANumberKeepsItsBeginningAndAMark(t *testing.T) {
	m := New([]byte("key"))
	for number, want := range map[string]string{
		"+420777123456": "+4207********~", "00420777123456": "0042**********~", "777123": "77****~", "1001": "1***~", "7": "7~", "alice": "al***~", "žofie": "žo***~",
	} {
		got := m.Number(number)
		if !strings.HasPrefix(got, want) || len(got) != len(want)+2*markBytes {
			t.Errorf("%s becomes %s, want %s and a mark", number, got, want)
		}
		if got != m.Number(number) {
			t.Errorf("%s has two masks", number)
		}
	}
	for _, same := range []string{"", "anonymous", "Anonymous"} {
		if got := m.Number(same); got != same {
			t.Errorf("%q becomes %q", same, got)
		}
	}
	if a, b := m.Number("+420777123456"), m.Number("+420777123457"); a == b {
		t.Error("two numbers have one mask")
	}
	if a, b := m.Number("+420777123456"), New([]byte("other")).Number("+420777123456"); a == b {
		t.Error("the mark does not depend on the key")
	}
	if a, b := m.Number("+420777123456"), m.Number("420777123456"); a[len(a)-6:] != b[len(b)-6:] {
		t.Error("a number with and without + has two marks")
	}
}

func TestTextsLoseNumbersAndKeepTheRest(t *testing.T) {
	m := New([]byte("key"))
	c := &protocol.CDR{Caller: "+420777123456", Callee: "1001", CallerName: "Zoë Nováková"}
	texts := m.texts(c.CallerName, c.Caller, c.Callee)
	for text, gone := range map[string]string{
		"INVITE sip:+420777123456@10.0.0.1:5060 SIP/2.0": "420777123456",
		"INVITE sip:1001@pbx SIP/2.0":                    "1001",
		"REFER sips:bob.smith@pbx;user=phone SIP/2.0":    "bob.smith",
		"tel:+15550100":                    "15550100",
		"From Zoë Nováková to 1001.":       "Nováková",
		"called 0042077712345 three times": "0042077712345",
		"tried 17 ways to dial ...777123 within 5 minutes, this one 900777123": "777123",
		"<sip:1001>;tag=x": "!",
	} {
		got := texts.mask(text)
		if strings.Contains(got, gone) {
			t.Errorf("%q becomes %q", text, got)
		}
	}
	for _, same := range []string{
		"", "no RTP from 192.0.2.100:1001 since 2026-11-22T10:00:00.123456Z", "SSRC 0x12345678", "jitter 123.456789 ms", "10.10.01.1001", "sip:pbx.example.com:5060",
		"BYE sip:192.0.2.1:5060;transport=udp SIP/2.0", "build a1234567", "12345 packets",
	} {
		if got := texts.mask(same); got != same {
			t.Errorf("%q becomes %q, want it unchanged", same, got)
		}
	}
}

// filled is a call each of whose texts holds the numbers.
func filled(numbers string) *protocol.CDR {
	return &protocol.CDR{
		Caller: "+420777123456", Callee: "420603999888", CalleeURI: "420603999888", CallerName: "Zoe 420777123456", Reason: numbers, DTMFInfo: "420603999888",
		Findings: []protocol.Finding{{Code: "toll-fraud", Text: numbers, Evidence: numbers}},
		Streams:  []protocol.Stream{{DTMF: "420603999888", DTMFInband: "420603999888"}}, Messages: []protocol.Message{{FirstLine: "INVITE sip:420603999888@pbx SIP/2.0"}},
	}
}

func TestNothingOfACallTellsItsNumbers(t *testing.T) {
	m := New([]byte("key"))
	c := filled("from +420777123456 to sip:420603999888@pbx")
	before, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(m.CDR(c))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"777123456", "603999888", "Zoe "} {
		if strings.Contains(string(b), n) {
			t.Errorf("%s is in %s", n, b)
		}
	}
	if after, _ := json.Marshal(c); string(after) != string(before) {
		t.Error("the call itself was changed")
	}
	if l := m.Live(protocol.LiveCall{Caller: "+420777123456", Callee: "1001"}); strings.Contains(l.Caller, "777123") || l.Callee == "1001" {
		t.Errorf("running call %+v", l)
	}
	about := &protocol.StreamAbout{Caller: "+420777123456", Callee: "1001"}
	if a := m.Stream(about); strings.Contains(a.Caller, "777123") || a.Callee == "1001" || about.Callee != "1001" {
		t.Errorf("stream %+v of %+v", a, about)
	}
	r := m.Registration(protocol.Registration{AOR: "1001@pbx.example", Contact: "sip:1001@192.0.2.1:5060"})
	if strings.Contains(r.AOR+r.Contact, "1001") || !strings.HasSuffix(r.AOR, "@pbx.example") || !strings.HasSuffix(r.Contact, "@192.0.2.1:5060") {
		t.Errorf("registration %+v", r)
	}
}

// Whoever adds a text to a call is to decide whether it tells who called, or what was dialled.
func TestEveryTextOfACallIsKnown(t *testing.T) {
	for ty, known := range map[reflect.Type]string{
		reflect.TypeFor[protocol.CDR](): "ID CallID GroupID CallerDomain CalleeDomain Src Dst Transport EndCause EndBy UACaller UACallee Codecs Rule Unchecked Capture " + // stay
			"Caller Callee CallerName CalleeURI Reason DTMFInfo Findings Streams Messages",
		reflect.TypeFor[protocol.Stream](): "Src Dst Codec Direction Bursts PDV MOSF1 MOSF2 MOSAdapt Intervals Media Tones MOSBasis Via Relayed Keying " + // stay
			"DTMF DTMFInband",
		reflect.TypeFor[protocol.Message](): "Src Dst CSeq SDP FirstLine",
		reflect.TypeFor[protocol.LiveCall](): "ID CallID GroupID State Src Dst Transport Codec Trend Finding Severity Kept Held Rule " + // stay
			"Caller Callee",
	} {
		for i := range ty.NumField() {
			f := ty.Field(i)
			switch f.Type.Kind() {
			case reflect.String, reflect.Slice, reflect.Struct, reflect.Array:
				if !strings.Contains(" "+known+" ", " "+f.Name+" ") {
					t.Errorf("%s.%s: say in mask.go whether it tells a number", ty.Name(), f.Name)
				}
			}
		}
	}
}

func FuzzNoKnownNumberIsLeftInAText(f *testing.F) {
	f.Add("INVITE sip:%@host SIP/2.0")
	f.Add("a % b")
	f.Add("%\x00%é")
	m := New([]byte("key"))
	const number = "420777123456"
	f.Fuzz(func(t *testing.T, around string) {
		s := strings.ReplaceAll(around, "%", " "+number+" ")
		got := m.texts("", number).mask(s)
		if strings.Contains(" "+got+" ", " "+number+" ") {
			t.Errorf("%q becomes %q", s, got)
		}
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("%q becomes no UTF-8: %q", s, got)
		}
	})
}
