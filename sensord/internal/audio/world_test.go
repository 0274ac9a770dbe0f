package audio_test

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
	"voiptop/sensord/internal/capture"
)

// call is a capture that a test writes: a call between two telephones, with the voice that the test wants.
type call struct {
	t      testing.TB
	frames []frame
}

type frame struct {
	at   time.Duration
	data []byte
}

const (
	callID = "call@test"
	alice  = "192.0.2.10:10000" // the caller's audio; SIP is on port 5060
	bob    = "192.0.2.20:20000"
)

var began = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// newCall makes a call that is answered at 0 s. media is what follows the m= line's "RTP/AVP ", or a whole m= line with what
// comes after it.
func newCall(t testing.TB, offer, answer string) *call {
	c := &call{t: t}
	c.sip(-time.Second, alice, bob, "INVITE sip:bob@192.0.2.20 SIP/2.0", "1 INVITE", offer)
	c.sip(-10*time.Millisecond, bob, alice, "SIP/2.0 200 OK", "1 INVITE", answer)
	c.sip(-5*time.Millisecond, alice, bob, "ACK sip:bob@192.0.2.20 SIP/2.0", "1 ACK", "")
	return c
}

// sdp describes audio at an endpoint.
func sdp(end, formats string, lines ...string) string {
	profile := "RTP/AVP"
	if len(lines) > 0 && len(lines[0]) > 8 && lines[0][:8] == "a=crypto" {
		profile = "RTP/SAVP"
	}
	e := netip.MustParseAddrPort(end)
	s := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d %s %s\r\n", e.Addr(), e.Addr(), e.Port(), profile, formats)
	for _, l := range lines {
		s += l + "\r\n"
	}
	return s
}

// sip adds a SIP message between the hosts of two endpoints.
func (c *call) sip(at time.Duration, from, to, first, cseq, body string) {
	to2 := ""
	if cseq != "1 INVITE" || first[0] == 'S' {
		to2 = ";tag=b"
	}
	kind := ""
	if body != "" {
		kind = "Content-Type: application/sdp\r\n"
	}
	m := fmt.Sprintf("%s\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK%s\r\nFrom: <sip:alice@test>;tag=a\r\nTo: <sip:bob@test>%s\r\nCall-ID: %s\r\nCSeq: %s\r\n%sContent-Length: %d\r\n\r\n%s",
		first, cseq[:1], to2, callID, cseq, kind, len(body), body)
	host := func(e string) string { return netip.AddrPortFrom(netip.MustParseAddrPort(e).Addr(), 5060).String() }
	c.udp(at, host(from), host(to), []byte(m))
}

// bye ends the call.
func (c *call) bye(at time.Duration) {
	c.sip(at, alice, bob, "BYE sip:bob@192.0.2.20 SIP/2.0", "2 BYE", "")
	c.sip(at+10*time.Millisecond, bob, alice, "SIP/2.0 200 OK", "2 BYE", "")
}

// udp adds a datagram in an Ethernet frame.
func (c *call) udp(at time.Duration, src, dst string, payload []byte) {
	c.frames = append(c.frames, frame{at, ethernet(src, dst, payload)})
}

func ethernet(src, dst string, payload []byte) []byte {
	s, d := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
	b := make([]byte, 12, 42+len(payload))
	b = append(b, 8, 0, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(28+len(payload)))
	b = append(b, 0, 0, 0, 0, 64, 17, 0, 0)
	b = append(append(b, s.Addr().AsSlice()...), d.Addr().AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, s.Port())
	b = binary.BigEndian.AppendUint16(b, d.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	return append(append(b, 0, 0), payload...)
}

// rtpHead is the header of an RTP packet.
func rtpHead(pt uint8, marker bool, seq uint16, stamp, ssrc uint32) []byte {
	b := []byte{0x80, pt}
	if marker {
		b[1] |= 0x80
	}
	b = binary.BigEndian.AppendUint16(b, seq)
	b = binary.BigEndian.AppendUint32(b, stamp)
	return binary.BigEndian.AppendUint32(b, ssrc)
}

// stream is a sender of RTP.
type stream struct {
	from, to string
	pt       uint8
	ssrc     uint32
	seq      uint16
	stamp    uint32
}

// send adds packets of 20 ms, one after the other, from a time on. payload gives packet i's; nil leaves it out, as if it was
// lost. late gives how late it comes; it may be nil.
func (c *call) send(s *stream, at time.Duration, n int, ticks uint32, payload func(i int) []byte, late func(i int) time.Duration) {
	for i := range n {
		if p := payload(i); p != nil {
			t := at + time.Duration(i)*20*time.Millisecond
			if late != nil {
				t += late(i)
			}
			c.udp(t, s.from, s.to, append(rtpHead(s.pt, i == 0, s.seq, s.stamp, s.ssrc), p...))
		}
		s.seq++
		s.stamp += ticks
	}
}

// tape gives the frames in the order of their time.
type tape struct {
	frames []frame
	next   int
}

func (s *tape) Next(p *capture.Packet) error {
	if s.next == len(s.frames) {
		return io.EOF
	}
	f := &s.frames[s.next]
	s.next++
	*p = capture.Packet{Time: began.Add(f.at).UnixNano(), Data: f.data, Length: len(f.data), Link: capture.LinkEthernet}
	return nil
}

func (s *tape) Stats() capture.Stats { return capture.Stats{} }
func (s *tape) Close() error         { return nil }

func (c *call) open() (analyze.Source, error) {
	slices.SortStableFunc(c.frames, func(a, b frame) int { return cmp.Compare(a.at, b.at) })
	return &tape{frames: c.frames}, nil
}

// listen finds what can be heard.
func (c *call) listen() (*analyze.Recording, error) {
	return analyze.Listen(c.t.Context(), analyze.Listening{Open: c.open, CallID: callID, Name: "call.wav"})
}

func (c *call) mustListen() *analyze.Recording {
	c.t.Helper()
	r, err := c.listen()
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// tone is 20 ms of a sine in G.711 A-law, the i-th of a stream.
func tone(hz, level float64) func(i int) []byte {
	return func(i int) []byte {
		b := make([]byte, 160)
		for k := range b {
			b[k] = aLawOf(level * math.Sin(2*math.Pi*hz*float64(i*160+k)/8000))
		}
		return b
	}
}

// aLawOf is the encoder of ITU-T G.711, by search: the code whose value is nearest.
func aLawOf(v float64) byte {
	x := int(math.Round(v * 32767))
	sign := byte(0x80)
	if x < 0 {
		sign, x = 0, -x-1
	}
	x >>= 4
	seg := 0
	for x>>(max(seg, 1)+4) > 0 && seg < 7 {
		seg++
	}
	q := x
	if seg > 0 {
		q = x >> (seg - 1)
	}
	return (sign | byte(seg<<4) | byte(q&0xf)) ^ 0x55
}

// level is the RMS of a part of a side, full scale 1, and frequency its strongest of those given.
func level(side []float64, rate int, from, to float64) float64 {
	seg := side[int(from*float64(rate)):int(to*float64(rate))]
	sum := 0.0
	for _, v := range seg {
		sum += v * v
	}
	return math.Sqrt(sum/float64(len(seg))) / 32768
}

// share is how much of the power of a part of a side is at a frequency.
func share(side []float64, rate int, from, to, hz float64) float64 {
	seg := side[int(from*float64(rate)):int(to*float64(rate))]
	var re, im, sum float64
	for i, v := range seg {
		w := 2 * math.Pi * hz * float64(i) / float64(rate)
		re += v * math.Cos(w)
		im += v * math.Sin(w)
		sum += v * v
	}
	return 2 * (re*re + im*im) / (sum*float64(len(seg)) + 1e-9)
}

func problem(err error) protocol.Problem {
	var p *protocol.Problem
	if errors.As(err, &p) {
		return *p
	}
	return protocol.Problem{}
}
