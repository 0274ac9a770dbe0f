package call

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sip"
)

// sim plays messages and packets into a Table. Times are seconds since its start.
type sim struct {
	tb    testing.TB
	t     *Table
	calls []*protocol.CDR
	kept  []keptPacket
	said  []Kept // what Decided said, in order
	ended []*Kept
	frame uint64
}

type keptPacket struct {
	id      protocol.UUID
	headers int
	said    Kept // of the call, then
	data    []byte
}

const (
	alice = "192.0.2.10:5060"
	bob   = "198.51.100.20:5060"
	proxy = "203.0.113.1:5060"

	aliceRTP = "192.0.2.10:40000"
	bobRTP   = "198.51.100.20:50000"
)

var simStart = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC).UnixNano()

func newSim(tb testing.TB, change ...func(*Config)) *sim {
	s := &sim{tb: tb}
	cfg := Config{SensorID: 7, RTPTimeout: 300 * time.Second, ByeTimeout: 1200 * time.Second, AbsoluteTimeout: 4 * time.Hour, MaxCalls: 1000, MaxMessages: 500}
	for _, f := range change {
		f(&cfg)
	}
	s.t = NewTable(cfg, s)
	return s
}

func (s *sim) Call(c *protocol.CDR) { s.calls = append(s.calls, c) }
func (s *sim) Keep(k *Kept, p *capture.Packet, headers int) {
	s.kept = append(s.kept, keptPacket{k.ID, headers, *k, bytes.Clone(p.Data)})
}

func (s *sim) Decided(k *Kept) { s.said = append(s.said, *k) }

func (s *sim) Kept(k *Kept) protocol.Capture {
	s.ended = append(s.ended, k)
	return protocol.Capture{Kept: k.Keep, Packets: uint64(len(s.kept))}
}

func at(sec float64) int64 { return simStart + int64(sec*1e9) }

func (s *sim) datagram(sec float64, src, dst string, b []byte) *decode.Datagram {
	s.frame++
	frame := make([]byte, 42+len(b))
	copy(frame[42:], b)
	return &decode.Datagram{
		Time: at(sec), Src: decode.EndpointOf(netip.MustParseAddrPort(src)), Dst: decode.EndpointOf(netip.MustParseAddrPort(dst)),
		Payload: b, Length: len(b), HeaderLen: 42, Frame: s.frame, Packet: &capture.Packet{Time: at(sec), Data: frame, Length: len(frame)},
	}
}

// msg is a message of a call from 1001 (tag a) to 1002 (tag b).
type msg struct {
	first    string
	cseq     string
	branch   string
	from, to string // tags; a fromB message has them the other way round
	id       string
	more     string // header lines
	sdp      string
}

func (m msg) bytes() []byte {
	if m.branch == "" {
		m.branch = "z9hG4bK-" + strings.ReplaceAll(m.cseq, " ", "-")
	}
	if m.from == "" {
		m.from = "a"
	}
	if m.id == "" {
		m.id = "call-1@alice"
	}
	caller, callee := `"Alice" <sip:1001@example.net>;tag=`+m.from, `<sip:1002@example.org>`
	if m.from == "b" {
		caller, callee = `<sip:1002@example.org>;tag=b`, `"Alice" <sip:1001@example.net>`
	}
	if m.to != "" {
		callee += ";tag=" + m.to
	}
	head := fmt.Sprintf("%s\r\nVia: SIP/2.0/UDP x;branch=%s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n%s", m.first, m.branch, caller, callee, m.id, m.cseq, m.more)
	if m.sdp != "" {
		head += "Content-Type: application/sdp\r\n"
	}
	return fmt.Appendf(nil, "%sContent-Length: %d\r\n\r\n%s", head, len(m.sdp), m.sdp)
}

func (s *sim) sip(sec float64, src, dst string, m msg) {
	s.tb.Helper()
	s.raw(sec, src, dst, m.bytes())
}

func (s *sim) raw(sec float64, src, dst string, b []byte) {
	s.tb.Helper()
	var v sip.Message
	if err := v.Parse(b); err != nil {
		s.tb.Fatalf("%v: %s", err, b)
	}
	s.t.SIP(s.datagram(sec, src, dst, b), &v, nil, "udp")
}

// audioSDP describes audio at an endpoint.
func audioSDP(endpoint string, formats ...string) string {
	e := netip.MustParseAddrPort(endpoint)
	if len(formats) == 0 {
		formats = []string{"RTP/AVP 8"}
	}
	family := "IP4"
	if e.Addr().Is6() {
		family = "IP6"
	}
	return fmt.Sprintf("v=0\r\no=- 1 1 IN %s %s\r\nc=IN %s %s\r\nm=audio %d %s\r\n%s", family, e.Addr(), family, e.Addr(), e.Port(), formats[0],
		strings.Join(append(formats[1:], ""), "\r\n"))
}

const (
	inviteLine = "INVITE sip:1002@example.org SIP/2.0"
	ackLine    = "ACK sip:1002@198.51.100.20 SIP/2.0"
	byeLine    = "BYE sip:1002@198.51.100.20 SIP/2.0"
	cancelLine = "CANCEL sip:1002@example.org SIP/2.0"
	ok200      = "SIP/2.0 200 OK"
	ringing    = "SIP/2.0 180 Ringing"
)

// setUp plays a call from its INVITE at sec to its ACK two seconds later. id names it; "" is the usual one.
func (s *sim) setUp(sec float64, id, callerRTP, calleeRTP string) {
	s.tb.Helper()
	s.sip(sec, alice, bob, msg{id: id, first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(callerRTP)})
	s.sip(sec+0.5, bob, alice, msg{id: id, first: ringing, cseq: "1 INVITE", to: "b"})
	s.sip(sec+2, bob, alice, msg{id: id, first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(calleeRTP)})
	s.sip(sec+2.01, alice, bob, msg{id: id, first: ackLine, cseq: "1 ACK", to: "b"})
}

// hangUp plays the caller's BYE and its answer.
func (s *sim) hangUp(sec float64, id string) {
	s.tb.Helper()
	s.sip(sec, alice, bob, msg{id: id, first: byeLine, cseq: "2 BYE", to: "b"})
	s.sip(sec+0.02, bob, alice, msg{id: id, first: ok200, cseq: "2 BYE", to: "b"})
}

func rtpPacket(pt uint8, seq uint16, ts, ssrc uint32) []byte {
	b := make([]byte, 12+160)
	b[0], b[1] = 0x80, pt
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], ts)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	return b
}

// talk plays n packets of 20 ms.
func (s *sim) talk(sec float64, n int, src, dst string, pt uint8, ssrc uint32) {
	for i := range n {
		s.t.Media(s.datagram(sec+float64(i)*0.02, src, dst, rtpPacket(pt, uint16(1000+i), uint32(160*i), ssrc)))
	}
}

// finish lets an hour pass and returns the only record.
func (s *sim) finish(sec float64) *protocol.CDR {
	s.tb.Helper()
	s.t.Tick(at(sec + 5*3600))
	if len(s.calls) != 1 {
		s.tb.Fatalf("%d records, want 1", len(s.calls))
	}
	if s.t.Running() != 0 || s.t.ends.n != 0 || s.t.flows.n != 0 || s.t.timers.n != s.t.timers.dead {
		s.tb.Errorf("left behind: %d calls, %d endpoints, %d flows, %d timers", s.t.Running(), s.t.ends.n, s.t.flows.n, s.t.timers.n-s.t.timers.dead)
	}
	return s.calls[0]
}
