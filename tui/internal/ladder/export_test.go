package ladder

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
)

// conversation is call, and the leg that a B2BUA made of it to a second host.
func conversation() []*protocol.CDR {
	first := call()
	second := *call()
	second.CallID, second.Src, second.Dst = "leg-2", carrier, "203.0.113.7:5060"
	second.Messages = nil
	for _, m := range []struct {
		ms                   int64
		from, to, line, cseq string
	}{
		{300, carrier, second.Dst, "INVITE sip:x SIP/2.0", "1 INVITE"},
		{700, second.Dst, carrier, "SIP/2.0 180 Ringing", "1 INVITE"},
		{4200, second.Dst, carrier, "SIP/2.0 200 OK", "1 INVITE"},
		{20_000, second.Dst, carrier, "OPTIONS sip:x SIP/2.0", "7 OPTIONS"},
		{20_010, carrier, second.Dst, "SIP/2.0 200 OK", "7 OPTIONS"},
		{50_000, second.Dst, carrier, "OPTIONS sip:x SIP/2.0", "8 OPTIONS"},
		{50_010, carrier, second.Dst, "SIP/2.0 200 OK", "8 OPTIONS"},
	} {
		second.Messages = append(second.Messages, protocol.Message{T: first.Start + protocol.Time(m.ms*1000), Src: m.from, Dst: m.to, FirstLine: m.line, CSeq: m.cseq})
	}
	second.Streams = nil
	return []*protocol.CDR{first, &second}
}

func TestLegsAreMergedByTimeWithAColumnForEachHost(t *testing.T) {
	l := Build(conversation(), Options{})
	if len(l.Columns) != 4 || l.Columns[2].Name != "" || l.Columns[3].Name != "+420555123456" || l.Columns[0].Name != "1001" {
		t.Errorf("columns are %+v", l.Columns)
	}
	last := protocol.Time(0)
	legs := ""
	for _, r := range l.Rows {
		if r.T < last {
			t.Errorf("row %+v is before the one above it", r)
		}
		last = r.T
		if r.Kind != Gap {
			legs += string(rune('1' + r.Call))
		}
	}
	if legs != "1112121121111112211" {
		t.Errorf("legs are %s", legs)
	}
	if text := (View{}).Text(l, true); !strings.Contains(text, "     +0.250   2  |                             |                             |----------- INVITE --------->|") {
		t.Errorf("leg 2 does not begin as it should:\n%s", text)
	}
}

func TestOptionsAreOneRowEachWayUnlessAllAreWanted(t *testing.T) {
	count := func(o Options) (n, seen int) {
		for _, r := range Build(conversation(), o).Rows {
			if strings.Contains(r.Label, "OPTIONS") {
				n++
				seen += r.Count
			}
		}
		return n, seen
	}
	if n, seen := count(Options{}); n != 2 || seen != 4 {
		t.Errorf("%d rows for %d messages", n, seen)
	}
	if n, seen := count(Options{Repeats: true}); n != 4 || seen != 4 {
		t.Errorf("with all: %d rows for %d messages", n, seen)
	}
	for _, r := range Build([]*protocol.CDR{call()}, Options{Repeats: true}).Rows {
		if r.Count > 1 {
			t.Errorf("row %+v stands for several", r)
		}
	}
}

func TestTimesAreThoseAskedFor(t *testing.T) {
	l := Build([]*protocol.CDR{call()}, Options{})
	for mode, want := range map[Time]string{Delta: "     +0.010   ", Elapsed: "      0.010   ", Clock: "12:06:40.010  "} {
		v := View{Theme: plain, W: 80, Time: mode, Zone: time.FixedZone("x", 3600)}
		line := v.Text(l, true)
		if got := strings.Split(line, "\n")[3]; !strings.Contains(got, strings.TrimSpace(want)) {
			t.Errorf("%v: %q, want %q", mode, got, want)
		}
	}
}

// hostile has markup and control characters wherever the wire can put them.
func hostile() []*protocol.CDR {
	c := call()
	evil := `</text><script>alert("1")</script>&` + "\x00\x1b[2J\xff"
	c.Caller, c.Callee, c.Src = evil, evil, evil
	for i := range c.Messages {
		c.Messages[i].FirstLine += evil
		c.Messages[i].SDP, c.Messages[i].Src = evil, evil
	}
	c.Streams[0].DTMF = evil
	return []*protocol.CDR{c}
}

func TestThePictureIsXMLWhateverTheCall(t *testing.T) {
	for name, calls := range map[string][]*protocol.CDR{"call": {call()}, "conversation": conversation(), "hostile": hostile(), "empty": {{}}, "none": nil} {
		l := Build(calls, Options{})
		b := View{Zone: time.UTC}.SVG(l, "1001 → <b>")
		texts := 0
		for d := xml.NewDecoder(strings.NewReader(string(b))); ; {
			tok, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, b)
			}
			if e, ok := tok.(xml.StartElement); ok {
				switch e.Name.Local {
				case "text":
					texts++
				case "svg", "title", "style", "line", "rect", "path":
				default:
					t.Errorf("%s: an element %q", name, e.Name.Local)
				}
			}
		}
		if texts < len(l.Rows)+len(l.Columns) {
			t.Errorf("%s: %d texts for %d rows", name, texts, len(l.Rows))
		}
		if dir := os.Getenv("LADDER_SVG"); dir != "" { // to look at
			os.WriteFile(dir+"/"+name+".svg", b, 0o600)
		}
	}
}
