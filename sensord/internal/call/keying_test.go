package call

import (
	"testing"

	"voiptop/protocol"
)

// zrtp makes a message of ZRTP.
func zrtp(kind string) []byte {
	b := append([]byte{0x10, 0, 0, 1}, "ZRTP\x00\x00\x00\x0a\x50\x5a\x00\x03"...)
	for len(kind) < 8 {
		kind += " "
	}
	return append(append(b, kind...), 1, 2, 3, 4)
}

// How keys are agreed is told of each stream that is encrypted, and nothing of it counts as media that was lost.
func TestHowTheKeysOfAStreamWereAgreedIsTold(t *testing.T) {
	crypto := []string{"RTP/SAVP 8", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"}
	fingerprint := []string{"UDP/TLS/RTP/SAVP 8", "a=fingerprint:sha-256 00:11"}
	dtls := append([]byte{22, 254, 253}, make([]byte, 40)...)
	for name, c := range map[string]struct {
		formats   []string
		between   [][]byte // before the media, from her
		again     bool     // described once more, in the clear
		encrypted bool
		want      protocol.Keying
	}{
		"in the clear":              {want: ""},
		"SDES":                      {formats: crypto, encrypted: true, want: protocol.KeyedBySDES},
		"DTLS":                      {formats: fingerprint, between: [][]byte{dtls}, encrypted: true, want: protocol.KeyedByDTLS},
		"DTLS that was not seen":    {formats: fingerprint, encrypted: true, want: protocol.KeyedByDTLS},
		"no key":                    {formats: []string{"RTP/SAVP 8"}, encrypted: true, want: ""},
		"ZRTP":                      {between: [][]byte{zrtp("Hello"), zrtp("Commit"), zrtp("Confirm1"), zrtp("Confirm2"), zrtp("Conf2ACK")}, encrypted: true, want: protocol.KeyedByZRTP},
		"ZRTP, and a re-INVITE":     {between: [][]byte{zrtp("Hello"), zrtp("Confirm2")}, again: true, encrypted: true, want: protocol.KeyedByZRTP},
		"ZRTP that nobody answers":  {between: [][]byte{zrtp("Hello"), zrtp("Hello"), zrtp("Hello")}, want: ""},
		"ZRTP that is not finished": {between: [][]byte{zrtp("Hello"), zrtp("HelloACK"), zrtp("Commit"), zrtp("DHPart1")}, want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP, c.formats...)})
			s.sip(2, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP, c.formats...)})
			for i, b := range c.between {
				s.t.Media(s.datagram(2.1+0.01*float64(i), aliceRTP, bobRTP, b))
			}
			if c.again {
				s.sip(2.3, alice, bob, msg{first: inviteLine, cseq: "2 INVITE", to: "b", sdp: audioSDP(aliceRTP)})
				s.sip(2.4, bob, alice, msg{first: ok200, cseq: "2 INVITE", to: "b", sdp: audioSDP(bobRTP)})
			}
			if c.encrypted { // what looks like a report is none: all behind its first eight bytes is encrypted
				report := []byte{0x81, 201, 0, 7, 0, 0, 0, 2, 9, 9, 9, 9, 0, 0, 0, 0, 0, 0, 5, 0x10, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5}
				s.t.Media(s.datagram(2.45, "192.0.2.10:40001", "198.51.100.20:50001", report))
			}
			s.talk(2.5, 300, aliceRTP, bobRTP, 8, 1)
			s.talk(2.5, 300, bobRTP, aliceRTP, 8, 2)
			s.hangUp(9, "")
			r := s.finish(9)
			for _, g := range r.Streams {
				check(t, "encrypted", g.Encrypted, c.encrypted)
				check(t, "keys", g.Keying, c.want)
				check(t, "lost", g.Lost, uint64(0))
			}
			check(t, "streams", len(r.Streams), 2)
			check(t, "unknown", s.t.count.strays, uint64(0))
			check(t, "reports that cannot be read", s.t.count.badRTCP, uint64(0))
			for _, u := range r.Unchecked {
				if u.Reason == "receivers report media that was not seen" {
					t.Errorf("unchecked %+v", u)
				}
			}
		})
	}
}

// Packets that repair others are counted and not rated, and their timestamps, those of what they repair, are no jitter. Redundant audio and
// comfort noise, digits of another clock, and a codec of another rate do not disturb the stream they are in.
func TestWhatStandsBesideSoundInAStreamIsNoJitterAndNoLoss(t *testing.T) {
	formats := []string{
		"RTP/AVP 8 13 100 101 110 111 112 120", "a=rtpmap:100 red/8000", "a=fmtp:100 8/8", "a=rtpmap:101 telephone-event/8000", "a=rtpmap:110 telephone-event/48000",
		"a=rtpmap:111 ulpfec/8000", "a=rtpmap:112 rtx/8000", "a=fmtp:112 apt=8", "a=rtpmap:120 opus/48000/2",
	}
	s := newSim(t)
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP, formats...)})
	s.sip(2, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP, formats...)})
	ts := uint32(0)
	for i := range 600 {
		pt := uint8(8)
		switch {
		case i >= 300 && i < 450:
			pt = 120 // Opus, three seconds of it
			ts += 800
		case i%50 == 20:
			pt = 13
		case i%50 == 30:
			pt = 101
		case i%50 == 40:
			pt = 111
		}
		ts += 160
		stamp := ts
		if pt == 101 || pt == 111 {
			stamp -= 3200 // that of the beginning of the event, or of what is repaired
		}
		b := rtpPacket(pt, uint16(i), stamp, 1)
		if i%3 == 0 { // a header extension (RFC 8285), which only stands before the payload
			b = append(append(append([]byte{}, b[:12]...), 0xbe, 0xde, 0, 1, 0x10, 0x20, 0, 0), b[12:]...)
			b[0] |= 0x10
		}
		s.t.Media(s.datagram(2.5+0.02*float64(i), aliceRTP, bobRTP, b))
		if i%10 == 0 { // sent again, in a stream of its own
			s.t.Media(s.datagram(2.55+0.02*float64(i), aliceRTP, bobRTP, rtpPacket(112, uint16(i/10), ts-3200, 7)))
		}
	}
	s.hangUp(16, "")
	r := s.finish(16)
	check(t, "streams", len(r.Streams), 2)
	voice, again := r.Streams[0], r.Streams[1]
	check(t, "lost", voice.Lost+again.Lost, uint64(0))
	check(t, "packets", voice.Packets, uint64(600))
	check(t, "codec", voice.Codec, "PCMA")
	if voice.JitterMaxMS > 1 || voice.PDV[0] > 0 {
		t.Errorf("jitter %g ms, %d packets late", voice.JitterMaxMS, voice.PDV[0])
	}
	check(t, "sent again", again.Codec, "rtx")
	check(t, "its packets", again.Packets, uint64(60))
	check(t, "its jitter", again.JitterMaxMS, 0.0)
	check(t, "its MOS", again.MOSAdapt, protocol.MOS{})
	check(t, "codecs", len(r.Codecs), 2)
}

// Feedback (RFC 4585, RFC 5104) stands beside reports in one compound, and spoils none of it.
func TestFeedbackBesideReportsIsPassedOver(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	s.talk(2.5, 300, aliceRTP, bobRTP, 8, 0xa)
	report := []byte{0x81, 201, 0, 7, 0, 0, 0, 0xb, 0, 0, 0, 0xa, 0, 0, 0, 0, 0, 0, 5, 0x10, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0}
	for _, feedback := range [][]byte{
		{0x81, 205, 0, 3, 0, 0, 0, 0xb, 0, 0, 0, 0xa, 0, 7, 0, 0},                   // NACK
		{0x81, 206, 0, 2, 0, 0, 0, 0xb, 0, 0, 0, 0xa},                               // PLI
		{0x84, 206, 0, 4, 0, 0, 0, 0xb, 0, 0, 0, 0, 0, 0, 0, 0xa, 1, 0, 0, 0},       // FIR
		{0x8f, 206, 0, 4, 0, 0, 0, 0xb, 0, 0, 0, 0, 'R', 'E', 'M', 'B', 0, 1, 2, 3}, // what receivers reckon they can take
		{0x8f, 205, 0, 4, 0, 0, 0, 0xb, 0, 0, 0, 0xa, 0, 1, 0, 1, 0, 0, 0, 0},       // what came when
	} {
		s.t.Media(s.datagram(9, "198.51.100.20:50001", "192.0.2.10:40001", append(append([]byte{}, report...), feedback...)))
		s.t.Media(s.datagram(9, "198.51.100.20:50001", "192.0.2.10:40001", feedback)) // alone (RFC 5506)
	}
	s.hangUp(10, "")
	r := s.finish(10)
	check(t, "unparsed", s.t.count.badRTCP, uint64(0))
	check(t, "unknown", s.t.count.strays, uint64(0))
	if r.Streams[0].RTCP == nil || *r.Streams[0].RTCP.JitterMaxMS != 1 {
		t.Errorf("%+v", r.Streams[0].RTCP)
	}
}
