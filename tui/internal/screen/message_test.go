package screen

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"voiptop/protocol"
	"voiptop/tui/source"
)

// textsOf makes messages for the records of a call, as they may have been on the wire.
func textsOf(c *protocol.CDR) (out []source.Text) {
	for i, m := range c.Messages {
		raw := m.FirstLine + "\r\nVia: SIP/2.0/UDP " + m.Src + ";branch=z9hG4bK" + fmt.Sprint(i) + "\r\nFrom: \"Front desk\" <sip:1001@pbx.example>;tag=a1\r\nTo: <sip:+420555123456@pbx.example>\r\n" +
			"Call-ID: " + c.CallID + "\r\nCSeq: " + m.CSeq + "\r\n"
		if m.SDP == "" {
			raw += "Content-Length: 0\r\n\r\n"
		} else {
			raw += "Content-Type: application/sdp\r\nContent-Length: 94\r\n\r\nv=0\r\no=- 1 1 IN IP4 10.0.0.11\r\ns=-\r\nc=IN IP4 10.0.0.11\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=rtpmap:8 " + m.SDP + "/8000\r\n"
		}
		out = append(out, source.Text{CallID: c.CallID, T: m.T, Src: m.Src, Dst: m.Dst, Transport: "udp", Raw: []byte(raw)})
	}
	return out
}

// keptCalls is a source whose bad call was kept, with all its messages.
func keptCalls() whole {
	src := pbx()
	src.texts = textsOf(src.calls[id(1)])
	src.calls[id(1)].Capture = protocol.Capture{Kept: protocol.KeepSIP, Packets: 11, Bytes: 9000}
	src.calls[id(1)].End = src.calls[id(1)].Start + 221_000_000
	return whole{src}
}

func TestMessagesLookAsTheyShould(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 10}} {
		for _, c := range []struct {
			name string
			keys []string
		}{
			{"message", []string{"enter", "enter"}},
			{"messageside", []string{"enter", "down", "down"}},
			{"diff", []string{"enter", " ", "down", " ", "="}},
			{"comparison", []string{"2", " ", "down", "down", " ", "="}},
			{"doctor", []string{"6", "n"}},
			{"columns", []string{"c", "down", "down", " "}},
			{"save", []string{"w", "right", "right", "down", "right"}},
		} {
			t.Run(fmt.Sprintf("%s_%dx%d", c.name, size[0], size[1]), func(t *testing.T) {
				src := keptCalls()
				s := newScreen(t, src, size[0], size[1], asciiLook)
				s.m.e.Dir = "/home/user"
				s.feed(src.fake)
				s.keys(c.keys...)
				golden(t, fmt.Sprintf("%s_%dx%d", c.name, size[0], size[1]), s.text())
			})
		}
	}
}

func TestAMessageIsShownWholeSearchedAndCopied(t *testing.T) {
	src := keptCalls()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src.fake)
	s.keys("enter", "enter")
	s.want(`(?m)^INVITE sip:420555123456@pbx SIP/2.0$`)
	s.want(`(?m)^a=rtpmap:8 PCMA, PCMU/8000$`)
	s.keys("/", "RTPMAP")
	s.want(`search: RTPMAP_ +1 line`)
	s.keys("enter", "y")
	b, _ := base64.StdEncoding.DecodeString(strings.Trim(strings.TrimPrefix(s.term.String(), "\x1b]52;c;"), "\a\x1b\\"))
	if string(b) != string(src.texts[0].Raw) {
		t.Errorf("copied was %q", b)
	}
	s.keys("l")
	s.want(`(?m)^SIP/2.0 100 Trying$`)
	s.keys("h", "q")
	s.keys("esc", "esc")
	s.want(`6 calls`)
}

func TestWhatIsTypedInASearchIsNoCommand(t *testing.T) {
	src := keptCalls()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src.fake)
	s.keys("enter", "enter", "/", "2w?D")
	s.want(`search: 2w\?D_ +0 lines`)
	s.keys("esc")
	s.want(`INVITE sip`)
}

func TestAMessageThatWasNotKeptSaysSoAndWhatToDo(t *testing.T) {
	src := keptCalls()
	src.texts = nil
	src.calls[id(1)].Capture = protocol.Capture{}
	s := newScreen(t, src, 120, 40, asciiLook)
	s.feed(src.fake)
	s.keys("enter")
	s.want(`no rule kept the packets`)
	s.want(`R writes a rule that keeps the next such call`)
	s.keys("enter")
	s.want(`(?s)CSeq: 1 INVITE.*no rule kept the packets.*R writes a rule`)
	s.keys("y")
	s.want(`only a summary`)
}

func TestAFleetsMessagesAreReadOnlyWhenAskedFor(t *testing.T) {
	src := keptCalls()
	s := newScreen(t, fleetOf(src), 120, 40, asciiLook)
	s.feed(src.fake)
	s.keys("enter")
	s.want(`enter reads the messages from the sensor`)
	s.keys("enter")
	s.want(`Via: SIP/2.0/UDP 10.0.0.11:5060`)
}

// fleetOf is a source of several sensors that has messages.
func fleetOf(w whole) source.Source { return wholeFleet{fleet(w), w} }

type wholeFleet struct {
	fleet
	whole whole
}

func (f wholeFleet) Texts(ctx context.Context, calls []*protocol.CDR, p source.Progress, emit func(source.Text) error) error {
	return f.whole.Texts(ctx, calls, p, emit)
}

func TestMessagesAreComparedWithTheirLikeOrTheMarkedOne(t *testing.T) {
	src := keptCalls()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src.fake)
	s.keys("enter", "down", "down", "=") // the INVITE that the proxy made of the first
	s.want(`difference +\d+ changed`)
	s.want(`(?m)^- Via: SIP/2.0/UDP 10.0.0.11:5060`)
	s.want(`(?m)^\+ Via: SIP/2.0/UDP 10.0.0.5:5060`)
	s.want(`(?m)^  Call-ID: `)
	s.keys("=")
	s.wantNot(`(?m)^  Call-ID: `)
	s.keys("esc")
	s.want(`delta`)
}

func TestLegsAreMergedAndCanBeLookedAtAlone(t *testing.T) {
	src := pbx()
	a := src.calls[id(1)]
	a.GroupID = "g"
	b := *bad()
	b.ID, b.CallID, b.GroupID, b.Start = id(2), "leg-2", "g", a.Start+100_000
	b.Src, b.Dst = "10.0.0.5:5060", "203.0.113.7:5060"
	b.Messages = []protocol.Message{
		{T: a.Start + 100_000, Src: b.Src, Dst: b.Dst, FirstLine: "INVITE sip:x SIP/2.0", CSeq: "1 INVITE"},
		{T: a.Start + 200_000, Src: b.Dst, Dst: b.Src, FirstLine: "SIP/2.0 503 Service Unavailable", CSeq: "1 INVITE"},
	}
	b.Streams = nil
	src.calls[b.ID] = &b
	for i := range src.updates {
		for k := range src.updates[i].Calls[:2] {
			src.updates[i].Calls[k].GroupID = "g"
		}
	}
	s := newScreen(t, src, 120, 40, asciiLook)
	s.feed(src)
	s.keys("enter")
	s.want(`2 legs`)
	s.want(`(?m)^ +\+0\.050   2  .*INVITE`)
	s.want(`503 Servic`)
	s.keys("x")
	s.want(`leg 1 of 2`)
	s.wantNot(`503 Serv`)
	s.keys("x", "tab", "tab")
	s.want(`loss-burst +leg 1`)
	s.keys("enter")
	s.want(`(?m)^> .*RTP 2\.31`) // the finding's evidence
}
