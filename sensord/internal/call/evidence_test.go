package call

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"voiptop/protocol"
)

// keys plays packets of payload type 101 that would be the digits 1, 2, 3, were they not encrypted.
func (s *sim) keys(sec float64, ssrc uint32) {
	for i := range 3 {
		b := rtpPacket(101, uint16(1100+i), uint32(16000+8000*i), ssrc)
		binary.BigEndian.PutUint32(b[12:], uint32(i+1)<<24|0x8a0320)
		s.t.Media(s.datagram(sec+float64(i), aliceRTP, bobRTP, b[:16]))
	}
}

func TestDigitsAreReadInTheClearOnly(t *testing.T) {
	for _, x := range []struct{ name, profile, want string }{
		{"RTP", "RTP/AVP", "123"},
		{"SRTP, whose payload is noise to who has no key", "RTP/SAVP", ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := newSim(t)
			formats := []string{x.profile + " 8 101", "a=rtpmap:101 telephone-event/8000"}
			s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP, formats...)})
			s.sip(1, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP, formats...)})
			s.sip(1.1, alice, bob, msg{first: ackLine, cseq: "1 ACK", to: "b"})
			s.talk(1.2, 100, aliceRTP, bobRTP, 8, 1)
			s.keys(3.3, 1)
			s.hangUp(9, "")
			c := s.finish(9)
			if len(c.Streams) != 1 || c.Streams[0].DTMF != x.want {
				t.Errorf("streams %+v, want digits %q", c.Streams, x.want)
			}
		})
	}
}

// A record tells what could not be looked for, and the same code is never both found and not checked.
func TestARecordSaysWhatWasNotChecked(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	s.hangUp(20, "")
	c := s.finish(20)
	reason := ""
	for _, u := range c.Unchecked {
		if slices.Contains(u.Codes, "loss-burst") {
			reason = u.Reason
		}
		for _, f := range c.Findings {
			if slices.Contains(u.Codes, f.Code) {
				t.Errorf("%s is found, and not checked because: %s", f.Code, u.Reason)
			}
		}
	}
	if reason != "no media seen" {
		t.Errorf("loss-burst is not checked because %q, want %q; %+v", reason, "no media seen", c.Unchecked)
	}
}

func TestACallThatNobodyAnswersHasNothingToCheckOfItsMedia(t *testing.T) {
	s := newSim(t)
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP)})
	s.sip(1, bob, alice, msg{first: "SIP/2.0 486 Busy Here", cseq: "1 INVITE", to: "b"})
	s.sip(1.1, alice, bob, msg{first: ackLine, cseq: "1 ACK", to: "b"})
	c := s.finish(1)
	if c.EndCause != protocol.EndRejected || len(c.Unchecked) != 0 || len(c.Findings) != 0 {
		t.Errorf("%s, findings %+v, unchecked %+v", c.EndCause, c.Findings, c.Unchecked)
	}
}

func TestDottedAddressesAreReadAsNetipReadsThem(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	parts := []string{"0", "1", "25", "255", "256", "00", "01", ".", ".", ".", "a", ":", " ", "9999999999999999999"}
	for range 100_000 {
		s := ""
		for range r.IntN(10) {
			s += parts[r.IntN(len(parts))]
		}
		want, err := netip.ParseAddr(s)
		if got, ok := dotted([]byte(s)); ok != (err == nil && want.Is4()) || ok && got != want {
			t.Fatalf("%q: %v %v, want %v %v", s, got, ok, want, err)
		}
	}
}

func TestWhoSendsComfortNoiseIsNotCutOff(t *testing.T) {
	for _, x := range []struct {
		name     string
		pt       uint8
		findings int
	}{
		{"comfort noise alone", 13, 0},
		{"digits alone", 101, 1},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := newSim(t)
			formats := []string{"RTP/AVP 8 13 101", "a=rtpmap:101 telephone-event/8000"}
			s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP, formats...)})
			s.sip(1, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP, formats...)})
			s.sip(1.1, alice, bob, msg{first: ackLine, cseq: "1 ACK", to: "b"})
			s.talk(1.2, 50, aliceRTP, bobRTP, x.pt, 1)
			s.talk(1.2, 900, bobRTP, aliceRTP, 8, 2)
			s.hangUp(20, "")
			if c := s.finish(20); len(c.Streams) != 2 || len(c.Findings) != x.findings {
				t.Errorf("%d streams, findings %+v", len(c.Streams), c.Findings)
			}
		})
	}
}

// Keys that only one side offers encrypt nothing: a telephone that would like to encrypt calls one that cannot.
func TestMediaIsEncryptedOnlyIfBothSidesHaveKeys(t *testing.T) {
	const key = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
	for _, x := range []struct {
		name          string
		offer, answer []string
		want          bool
	}{
		{"keys in offer and answer", []string{"RTP/AVP 8", key}, []string{"RTP/AVP 8", key}, true},
		{"SAVP in offer and answer", []string{"RTP/SAVP 8", key}, []string{"RTP/SAVP 8", key}, true},
		{"keys in the offer only", []string{"RTP/AVP 8", key}, []string{"RTP/AVP 8"}, false},
		{"no keys", []string{"RTP/AVP 8"}, []string{"RTP/AVP 8"}, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := newSim(t)
			s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP, x.offer...)})
			s.sip(1, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP, x.answer...)})
			s.sip(1.1, alice, bob, msg{first: ackLine, cseq: "1 ACK", to: "b"})
			s.talk(1.2, 100, aliceRTP, bobRTP, 8, 1)
			s.talk(1.2, 100, bobRTP, aliceRTP, 8, 2)
			s.hangUp(9, "")
			for _, st := range s.finish(9).Streams {
				if st.Encrypted != x.want {
					t.Errorf("from %s: encrypted %v", st.Src, st.Encrypted)
				}
			}
		})
	}
}

// A call that was offered with keys, refused, and offered again on the same port without them is not encrypted.
func TestKeysThatWereTakenBackEncryptNothing(t *testing.T) {
	s := newSim(t)
	savp := []string{"RTP/SAVP 8", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"}
	s.setUp(0, "", aliceRTP, bobRTP)
	s.talk(1.2, 100, aliceRTP, bobRTP, 8, 1)
	s.sip(4, alice, bob, msg{first: inviteLine, cseq: "2 INVITE", to: "b", sdp: audioSDP(aliceRTP, savp...)})
	s.sip(4.1, bob, alice, msg{first: "SIP/2.0 488 Not Acceptable Here", cseq: "2 INVITE", to: "b"})
	s.sip(4.2, alice, bob, msg{first: ackLine, cseq: "2 ACK", to: "b"})
	s.talk(4.3, 100, aliceRTP, bobRTP, 8, 1)
	s.hangUp(9, "")
	if c := s.finish(9); len(c.Streams) != 1 || c.Streams[0].Encrypted {
		t.Errorf("streams %+v, want one in the clear", c.Streams)
	}
}

// What SRTCP says can be read by who has the key: it is neither believed nor called broken, on a port of its own as well.
func TestSRTCPIsNotReadAsRTCP(t *testing.T) {
	s := newSim(t)
	savp := []string{"RTP/SAVP 8", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"}
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP, savp...)})
	s.sip(1, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP, savp...)})
	s.sip(1.1, alice, bob, msg{first: ackLine, cseq: "1 ACK", to: "b"})
	s.talk(1.2, 100, aliceRTP, bobRTP, 8, 1)
	s.talk(1.2, 100, bobRTP, aliceRTP, 8, 2)
	report := append([]byte{0x81, 200, 0, 12, 0, 0, 0, 1}, make([]byte, 52)...) // what follows is noise
	for i := range report[8:] {
		report[8+i] = byte(i*37 + 11)
	}
	s.t.Media(s.datagram(3, "192.0.2.10:40001", "198.51.100.20:50001", report))
	s.hangUp(9, "")
	c := s.finish(9)
	for _, u := range c.Unchecked {
		if u.Reason == "receivers report media that was not seen" {
			t.Errorf("noise was taken for a report: %+v", u)
		}
	}
	if n := s.t.count.badRTCP; n != 0 {
		t.Errorf("rtcp.unparsed %d, want 0", n)
	}
}
