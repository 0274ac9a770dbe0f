package analyze

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"voiptop/protocol"
	"voiptop/sensord/internal/capture"
)

// frameKeeper is a Sink that remembers which frames were kept of which call.
type frameKeeper struct {
	discard
	kept map[string][]int // lengths of frames, by Call-ID
}

func (k *frameKeeper) Keep(c *KeptCall, p *Packet, _ int) {
	k.kept[c.CallID] = append(k.kept[c.CallID], len(p.Data))
}

// segment is an IPv4 packet with a piece of a TCP stream.
func segment(at int64, seq uint32, payload string) Packet {
	b := make([]byte, 40, 40+len(payload))
	b[0], b[8], b[9], b[32], b[33] = 0x45, 64, 6, 0x50, 0x18
	binary.BigEndian.PutUint16(b[2:], uint16(40+len(payload)))
	copy(b[12:], []byte{192, 0, 2, 1, 198, 51, 100, 1})
	binary.BigEndian.PutUint16(b[20:], 5060)
	binary.BigEndian.PutUint16(b[22:], 5060)
	binary.BigEndian.PutUint32(b[24:], seq)
	b = append(b, payload...)
	return Packet{Time: at, Data: b, Length: len(b), Link: capture.LinkIPv4}
}

func inviteOver(id string) string {
	return "INVITE sip:2@example.org SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK" + id + "\r\nFrom: <sip:1@example.org>;tag=a\r\nTo: <sip:2@example.org>\r\nCall-ID: " + id +
		"\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
}

// playSegments gives the engine the pieces of one stream, 1 ms apart.
func playSegments(cfg Config, pieces []string) (*Engine, *frameKeeper) {
	k := &frameKeeper{kept: map[string][]int{}}
	e := New(cfg, k)
	seq := uint32(1000)
	for i, piece := range pieces {
		p := segment(int64(i+1)*1e6, seq, piece)
		e.Packet(&p)
		clear(p.Data) // the source uses its buffer again
		seq += uint32(len(piece))
	}
	return e, k
}

// keepAll is a Decider that keeps so much of every call.
type keepAll protocol.Keep

func (keepAll) Headers() []string          { return nil }
func (k keepAll) Decide(*Subject) Decision { return Decision{Rule: "all", Keep: protocol.Keep(k)} }

func TestEverySegmentOfAKeptMessageIsKeptOnce(t *testing.T) {
	a, b := inviteOver("call-a"), inviteOver("call-b")
	for _, c := range []struct {
		name   string
		pieces []string
		kept   map[string][]int // pieces, by number
	}{
		{"one message in four segments", []string{a[:50], a[50:90], a[90:91], a[91:]}, map[string][]int{"call-a": {0, 1, 2, 3}}},
		{"a segment with the end of one and the start of another", []string{a[:50], a[50:] + b[:20], b[20:]}, map[string][]int{"call-a": {0, 1}, "call-b": {1, 2}}},
		{"two whole messages in a segment", []string{a + b}, map[string][]int{"call-a": {0}, "call-b": {0}}},
		{
			"two messages of a call that share a segment",
			[]string{a[:50], a[50:] + strings.Replace(a, "INVITE", "INFO", 2)[:30], strings.Replace(a, "INVITE", "INFO", 2)[30:]},
			map[string][]int{"call-a": {0, 1, 2}},
		},
		{"keep-alives between", []string{"\r\n\r\n" + a[:40], a[40:], "\r\n\r\n", b}, map[string][]int{"call-a": {0, 1}, "call-b": {3}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, k := playSegments(Config{Decide: keepAll(protocol.KeepSIP)}, c.pieces)
			for id, want := range c.kept {
				var lengths []int
				for _, n := range want {
					lengths = append(lengths, 40+len(c.pieces[n]))
				}
				if fmt.Sprint(k.kept[id]) != fmt.Sprint(lengths) {
					t.Errorf("%s: kept %v, want %v", id, k.kept[id], lengths)
				}
			}
			if e.segmentBytes != 0 {
				t.Errorf("%d bytes remembered after the last message", e.segmentBytes)
			}
		})
	}
}

func TestRememberedSegmentsAreBounded(t *testing.T) {
	t.Run("of one stream", func(t *testing.T) {
		var pieces []string
		for _, c := range strings.Replace(inviteOver("call-a"), "CSeq", "Subject: "+strings.Repeat("x", 2*maxFlowSegments)+"\r\nCSeq", 1) {
			pieces = append(pieces, string(c))
		}
		pieces[0] += pieces[1] + pieces[2] + pieces[3] + pieces[4] + pieces[5] + pieces[6] + pieces[7] + pieces[8] + pieces[9] + pieces[10] + pieces[11]
		pieces = append(pieces[:1], pieces[12:]...)
		e, k := playSegments(Config{Decide: keepAll(protocol.KeepSIP)}, pieces)
		if n := len(k.kept["call-a"]); n != maxFlowSegments+1 {
			t.Errorf("kept %d of %d segments, want %d", n, len(pieces), maxFlowSegments+1)
		}
		if e.count.letGo == 0 {
			t.Error("what was let go is not counted")
		}
	})
	t.Run("of all streams", func(t *testing.T) {
		k := &frameKeeper{kept: map[string][]int{}}
		e := New(Config{Decide: keepAll(protocol.KeepSIP)}, k)
		for i := range 30000 {
			p := segment(int64(i+1)*1e3, 1, inviteOver("call")[:60]+strings.Repeat("x", 900))
			binary.BigEndian.PutUint16(p.Data[20:], uint16(1024+i))
			e.Packet(&p)
		}
		if e.segmentBytes > maxSegmentBytes || e.count.letGo == 0 {
			t.Errorf("%d bytes remembered, %d let go", e.segmentBytes, e.count.letGo)
		}
		e.Close()
		if e.segmentBytes != 0 {
			t.Errorf("%d bytes left", e.segmentBytes)
		}
	})
	t.Run("without a rule", func(t *testing.T) {
		e, _ := playSegments(Config{}, []string{inviteOver("call-a")[:80]})
		if e.segmentBytes != 0 {
			t.Errorf("%d bytes remembered for nobody", e.segmentBytes)
		}
	})
}

func TestAStreamIsRecognisedHoweverSmallItsFirstSegments(t *testing.T) {
	message := inviteOver("small")
	for _, size := range []int{1, 2, 3, 7, 11} {
		var pieces []string
		for range 2 * maxTries {
			pieces = append(pieces, "\r\n\r\n") // a client that keeps its connection open
		}
		for rest := message; rest != ""; {
			n := min(size, len(rest))
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		_, k := playSegments(Config{Decide: keepAll(protocol.KeepSIP)}, pieces)
		if got, want := len(k.kept["small"]), (len(message)+size-1)/size; got != want {
			t.Errorf("segments of %d bytes: %d frames kept, want %d", size, got, want)
		}
	}
}

func TestOtherStreamsAreLeftAloneAfterAWhile(t *testing.T) {
	e, _ := playSegments(Config{Decide: keepAll(protocol.KeepSIP)}, strings.Split(strings.Repeat("these are words of a text ", 200), " "))
	if len(e.flows) != 0 || e.segmentBytes != 0 {
		t.Errorf("%d streams, %d bytes remembered", len(e.flows), e.segmentBytes)
	}
}

func TestAMessageInASegmentThatIsCutIsReadAsFarAsItGoes(t *testing.T) {
	invite := inviteOver("cut")
	bye := strings.ReplaceAll(strings.Replace(invite, "INVITE", "BYE", 2), "\r\nCSeq: 1", "\r\nCSeq: 2")
	done := &discard{}
	e := New(Config{}, done)
	for i, m := range []string{invite, bye} {
		p := segment(int64(i+1)*1e9, 1000+uint32(i*len(invite)), m)
		p.Data = p.Data[:40+strings.Index(m, "Content-Length")]
		e.Packet(&p)
	}
	e.Close()
	if len(done.calls) != 1 || len(done.calls[0].Messages) != 2 {
		t.Fatalf("got %+v, want one call of two messages", done.calls)
	}
}

func TestAMessageOfWhichAPartOfTheBodyWasNotCapturedIsReadAsFarAsItGoes(t *testing.T) {
	const body = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
	invite := strings.Replace(inviteOver("gone"), "Length: 0\r\n\r\n", fmt.Sprintf("Length: %d\r\n\r\n", len(body)), 1) + body
	bye := strings.ReplaceAll(strings.Replace(invite, "INVITE", "BYE", 2), "\r\nCSeq: 1", "\r\nCSeq: 2")
	half, head := len(invite)/2, strings.Index(invite, body)+10
	for _, keep := range []bool{false, true} {
		k := &frameKeeper{kept: map[string][]int{}}
		cfg := Config{}
		if keep {
			cfg.Decide = keepAll(protocol.KeepSIP)
		}
		e := New(cfg, k)
		for _, s := range []struct {
			at   int64
			seq  int
			data string
		}{
			{1e9, 0, invite[:half]},
			{2e9, half, invite[half:head]},
			{3e9, len(invite), "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP"}, // a head that is not whole
			{4e9, 2 * len(invite), bye[:half]},
			{9e9, 2*len(invite) + half, bye[half:head]},
		} {
			p := segment(s.at, 1000+uint32(s.seq), s.data)
			e.Packet(&p)
		}
		e.Close()
		if len(k.calls) != 1 || len(k.calls[0].Messages) != 2 {
			t.Fatalf("keep %v: got %+v, want one call of two messages", keep, k.calls)
		}
		c := k.calls[0]
		if c.Messages[0].T != 2e6 || c.Messages[1].T != 9e6 || c.EndCause != protocol.EndBye {
			t.Errorf("keep %v: messages %+v, ended by %s", keep, c.Messages, c.EndCause)
		}
		if n := len(k.kept["gone"]); keep && n != 4 {
			t.Errorf("%d frames kept, want 4", n)
		}
	}
}

func TestACallIDThatIsCutMakesNoCall(t *testing.T) {
	invite := inviteOver("as-long-as-this")
	done := &discard{}
	e := New(Config{}, done)
	for i, end := range []int{len(invite), strings.Index(invite, "long-as-this"), strings.Index(invite, "CSeq")} {
		p := udpFrame(int64(i+1)*1e9, 5060, 5060, []byte(invite))
		p.Data = p.Data[:28+end]
		e.Packet(&p)
	}
	e.Close()
	if len(done.calls) != 1 || done.calls[0].CallID != "as-long-as-this" {
		t.Fatalf("got %+v, want one call", done.calls)
	}
}
