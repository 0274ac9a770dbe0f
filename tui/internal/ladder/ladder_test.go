package ladder

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"

	"voiptop/protocol"
	"voiptop/tui/internal/style"
)

var plain = style.New(style.Options{Profile: termenv.Ascii, ASCII: true})

const (
	phone   = "10.0.0.11:5060"
	pbx     = "10.0.0.5:5060"
	carrier = "198.51.100.9:5060"
)

// call is a call through a proxy with a retransmission, media both ways and a long talk.
func call() *protocol.CDR {
	t := func(ms int64) protocol.Time { return protocol.Time(1_795_000_000_000_000 + ms*1000) }
	msg := func(ms int64, src, dst, line, cseq, sdp string) protocol.Message {
		return protocol.Message{T: t(ms), Src: src, Dst: dst, FirstLine: line, CSeq: cseq, SDP: sdp}
	}
	again := msg(550, pbx, carrier, "INVITE sip:420555123456@carrier SIP/2.0", "1 INVITE", "PCMA, PCMU")
	again.Retransmission = true
	return &protocol.CDR{
		Caller: "1001", Callee: "+420555123456", Src: phone, Dst: pbx, Start: t(0),
		Messages: []protocol.Message{
			msg(0, phone, pbx, "INVITE sip:420555123456@pbx SIP/2.0", "1 INVITE", "PCMA, PCMU"),
			msg(10, pbx, phone, "SIP/2.0 100 Trying", "1 INVITE", ""),
			msg(50, pbx, carrier, "INVITE sip:420555123456@carrier SIP/2.0", "1 INVITE", "PCMA, PCMU"),
			again,
			msg(560, carrier, pbx, "SIP/2.0 100 Trying", "1 INVITE", ""),
			msg(1250, carrier, pbx, "SIP/2.0 180 Ringing", "1 INVITE", ""),
			msg(1255, pbx, phone, "SIP/2.0 180 Ringing", "1 INVITE", ""),
			msg(4255, carrier, pbx, "SIP/2.0 200 OK", "1 INVITE", "PCMA"),
			msg(4259, pbx, phone, "SIP/2.0 200 OK", "1 INVITE", "PCMA"),
			msg(4279, phone, pbx, "ACK sip:420555123456@pbx SIP/2.0", "1 ACK", ""),
			msg(4282, pbx, carrier, "ACK sip:420555123456@carrier SIP/2.0", "1 ACK", ""),
			msg(218_000, phone, pbx, "BYE sip:420555123456@pbx SIP/2.0", "2 BYE", ""),
			msg(218_004, pbx, phone, "SIP/2.0 200 OK", "2 BYE", ""),
		},
		Streams: []protocol.Stream{
			{Src: "10.0.0.11:4000", Dst: "10.0.0.5:30000", First: t(4313), Last: t(218_000), MOSAdapt: protocol.MOS{Avg: 4.38}, Codec: "PCMA", Direction: protocol.FromCaller},
			{Src: "198.51.100.9:30008", Dst: "10.0.0.5:30002", First: t(4322), Last: t(218_000), MOSAdapt: protocol.MOS{Avg: 2.31}, LossPct: 6.1, Bursts: [10]uint32{9: 3}, Direction: protocol.FromCallee},
		},
		End: t(218_004),
	}
}

func draw(c *protocol.CDR, w int) string {
	l, v := Build([]*protocol.CDR{c}, Options{}), View{Theme: plain, W: w}
	lines := v.Header(l)
	for i := range l.Rows {
		lines = append(lines, v.Line(l, i, i == 2))
	}
	for i, s := range lines {
		lines[i] = strings.TrimRight(ansi.Strip(s), " ")
	}
	return strings.Join(lines, "\n")
}

func TestCallThroughAProxyAsALadder(t *testing.T) {
	want := strings.Trim(`
     delta  1001                                        +420555123456
            10.0.0.11:5060        10.0.0.5:5060         198.51.100.9:5060
      0.000   |----- INVITE SDP --->|                     |
     +0.010   |<------- 100 --------|                     |
>    +0.040   |                     |--- INVITE SDP x2 -->| again +0.500
     +0.510   |                     |<------- 100 --------|
     +0.690   |                     |<------- 180 --------|
     +0.005   |<------- 180 --------|                     |
     +3.000   |                     |<--- 200 SDP PCMA ---|
     +0.004   |<--- 200 SDP PCMA ---|                     |
     +0.020   |-------- ACK ------->|                     |
     +0.003   |                     |-------- ACK ------->|
     +0.031   |=== RTP 4.38 0.0% ==>|                     | PCMA
     +0.009   |                     |<== RTP 2.31 6.1% ===| gaps of 10+: 3
 ......... 3m34s media only .........
   +213.678   |-------- BYE ------->|                     |
     +0.004   |<----- 200 BYE ------|                     |
`, "\n")
	if got := draw(call(), 76); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestRetransmissionIsCountedWhereItsOriginalStands(t *testing.T) {
	l := Build([]*protocol.CDR{call()}, Options{})
	if r := l.Rows[2]; r.Count != 2 || r.Note != "again +0.500" || r.Grade != protocol.SeverityWarn {
		t.Errorf("row is %+v", r)
	}
	for _, r := range l.Rows {
		if r.Kind == Request && r.Message == 3 {
			t.Error("the retransmission has a row of its own")
		}
	}
}

func TestLongSilenceIsAGapThatSaysWhatWentOn(t *testing.T) {
	for _, withMedia := range []bool{true, false} {
		c := call()
		want := "media only"
		if !withMedia {
			c.Streams, want = nil, "nothing seen"
		}
		var gaps []Row
		for _, r := range Build([]*protocol.CDR{c}, Options{}).Rows {
			if r.Kind == Gap {
				gaps = append(gaps, r)
			}
		}
		if len(gaps) != 1 || gaps[0].Label != want {
			t.Errorf("gaps are %+v, want one of %q", gaps, want)
		}
	}
}

func TestEndpointsOnOneHostAreToldApartByPort(t *testing.T) {
	c := &protocol.CDR{
		Caller: "a", Callee: "b", Src: "127.0.0.1:5060", Dst: "127.0.0.1:5080",
		Messages: []protocol.Message{
			{T: 1, Src: "127.0.0.1:5060", Dst: "127.0.0.1:5080", FirstLine: "INVITE sip:b SIP/2.0", CSeq: "1 INVITE"},
			{T: 2, Src: "127.0.0.1:5080", Dst: "127.0.0.1:5060", FirstLine: "SIP/2.0 200 OK", CSeq: "1 INVITE"},
		},
		Streams: []protocol.Stream{{Src: "127.0.0.1:7000", Dst: "127.0.0.1:7002", First: 3, Direction: protocol.FromCallee}},
	}
	l := Build([]*protocol.CDR{c}, Options{})
	if len(l.Columns) != 2 || l.Columns[0].Name != "a" || l.Columns[1].Name != "b" {
		t.Fatalf("columns are %+v", l.Columns)
	}
	if r := l.Rows[2]; r.From != 1 || r.To != 0 {
		t.Errorf("the callee's stream goes from column %d to %d", r.From, r.To)
	}
}

func TestEveryLadderLineFitsExactlyWhateverTheMessages(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	text := []string{"INVITE sip:x SIP/2.0", "SIP/2.0 200 名前名前名前", "SIP/2.0 486 \x1b[31mBusy", "SIP/2.0", "", "\xff\xff SIP/2.0", "SIP/2.0 999999999999999999999 x", "BYE"}
	addr := []string{phone, pbx, carrier, "[2001:db8::1234:5678:9abc:def0]:5060", "", "nonsense\x1b]0;", "127.0.0.1:1", "127.0.0.1:2"}
	for range 3000 {
		c := &protocol.CDR{Caller: "名前", Callee: "\x1b[2J", Src: addr[rng.IntN(len(addr))], Dst: addr[rng.IntN(len(addr))]}
		for i := range rng.IntN(12) {
			c.Messages = append(c.Messages, protocol.Message{
				T: protocol.Time(rng.IntN(1e9)), Src: addr[rng.IntN(len(addr))], Dst: addr[rng.IntN(len(addr))],
				FirstLine: text[rng.IntN(len(text))], CSeq: text[rng.IntN(len(text))], SDP: text[rng.IntN(len(text))], Retransmission: i%2 == 0,
			})
		}
		for range rng.IntN(4) {
			c.Streams = append(c.Streams, protocol.Stream{Src: addr[rng.IntN(len(addr))], Dst: addr[rng.IntN(len(addr))], First: protocol.Time(rng.IntN(1e9)), DTMF: text[rng.IntN(len(text))]})
		}
		l, w := Build([]*protocol.CDR{c}, Options{}), 1+rng.IntN(250)
		v := View{Theme: plain, W: w}
		v.Off = rng.IntN(v.MaxOff(l) + 1)
		lines := v.Header(l)
		for i := range l.Rows {
			lines = append(lines, v.Line(l, i, i%3 == 0))
		}
		for _, s := range lines {
			if ansi.StringWidth(s) != w {
				t.Fatalf("width %d: line %q is %d cells", w, s, ansi.StringWidth(s))
			}
			if strings.Contains(strings.ReplaceAll(strings.ReplaceAll(s, "\x1b[0m", ""), "\x1b[1m", ""), "\x1b]") || strings.Contains(s, "\x1b[31m") || strings.Contains(s, "\x1b[2J") {
				t.Fatalf("line %q carries an escape sequence of the call's", s)
			}
		}
	}
}
