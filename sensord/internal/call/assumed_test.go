package call

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"voiptop/protocol"
)

func findings(c *protocol.CDR) map[string]protocol.Severity {
	m := map[string]protocol.Severity{}
	for _, f := range c.Findings {
		m[f.Code] = f.Severity
	}
	return m
}

func unchecked(c *protocol.CDR, code string) (reason string) {
	for _, u := range c.Unchecked {
		for _, o := range u.Codes {
			if o == code {
				return u.Reason
			}
		}
	}
	return ""
}

// An endpoint that is assumed takes what its party announces later as well.
func TestACodecThatIsAgreedLaterIsKnownAtAnAssumedEndpoint(t *testing.T) {
	for name, heard := range map[string]string{"assumed": bobOutside, "learned": bobElsewhere} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			s.setUp(0, "", aliceInside, bobInside)
			s.talk(2.1, 200, aliceOutside, heard, 8, 0xa)
			s.talk(2.1, 200, heard, aliceOutside, 8, 0xb)
			s.sip(7, alice, bob, msg{first: inviteLine, cseq: "2 INVITE", to: "b", sdp: audioSDP(aliceInside, "RTP/AVP 96", "a=rtpmap:96 opus/48000/2")})
			s.sip(7.1, bob, alice, msg{first: ok200, cseq: "2 INVITE", to: "b", sdp: audioSDP(bobInside, "RTP/AVP 96", "a=rtpmap:96 opus/48000/2")})
			s.talk(7.2, 400, aliceOutside, heard, 96, 0xa)
			s.hangUp(20, "")
			c := s.finish(20)
			check(t, "codec", c.Streams[0].Codec, "opus")
			check(t, "codec-mismatch", string(findings(c)["codec-mismatch"]), "")
		})
	}
}

// A media address that is a name stands for that of who wrote it, not for a proxy that hands it on.
func TestMediaOfAPartyThatGivesAHostNameIsAtItsAddress(t *testing.T) {
	named := func(end string) string {
		host := netip.MustParseAddrPort(end).Addr().String()
		return strings.ReplaceAll(audioSDP(end), "IN IP4 "+host, "IN IP4 media.example.net")
	}
	s := newSim(t)
	s.sip(0, alice, proxy, msg{first: inviteLine, cseq: "1 INVITE", sdp: named(aliceRTP)})
	s.sip(0.1, proxy, bob, msg{first: inviteLine, cseq: "1 INVITE", branch: "z9-2", sdp: named(aliceRTP)})
	s.sip(2, bob, proxy, msg{first: ok200, cseq: "1 INVITE", branch: "z9-2", to: "b", sdp: named(bobRTP)})
	s.sip(2.1, proxy, alice, msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: named(bobRTP)})
	s.talk(2.2, 400, "203.0.113.1:40000", "203.0.113.99:1000", 0, 0xc) // of the proxy's host
	s.talk(2.2, 400, aliceRTP, bobRTP, 8, 0xa)
	s.hangUp(12, "")
	c := s.finish(12)
	check(t, "streams", len(c.Streams), 1)
	check(t, "stream", c.Streams[0].Src+" "+c.Streams[0].Dst, aliceRTP+" "+bobRTP)
}

func TestVideoAtAnAssumedEndpointIsVideo(t *testing.T) {
	s := newSim(t)
	av := func(end string, video int) string {
		return audioSDP(end) + "m=video " + strconv.Itoa(video) + " RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"
	}
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: av(aliceInside, 40002)})
	s.sip(2, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: av(bobInside, 50002)})
	s.talk(2.1, 200, aliceOutside, "198.51.100.20:50002", 97, 0xa)
	s.hangUp(20, "")
	c := s.finish(20)
	check(t, "codec and media", c.Streams[0].Codec+" "+c.Streams[0].Media, "H264 video")
}

func TestWhoseReceiverIsAGuessHasNoCodecMismatch(t *testing.T) {
	s := newSim(t)
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceInside, "RTP/AVP 8 0")})
	s.sip(2, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobInside, "RTP/AVP 8")})
	s.talk(2.1, 500, aliceOutside, bobElsewhere, 0, 0xa)
	s.hangUp(20, "")
	c := s.finish(20)
	check(t, "learned", s.t.count.learned, uint64(1))
	check(t, "codec-mismatch", string(findings(c)["codec-mismatch"]), "")
	check(t, "why not", unchecked(c, "codec-mismatch"), "media at addresses that no SDP announced")
}

// The codec of a joined call may have been agreed before: a re-INVITE that is refused changes nothing.
func TestAJoinedCallHasNoCodecMismatch(t *testing.T) {
	s := newSim(t)
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "5 INVITE", to: "b", sdp: audioSDP(aliceRTP, "RTP/AVP 9")})
	s.sip(0.1, bob, alice, msg{first: "SIP/2.0 488 Not Acceptable Here", cseq: "5 INVITE", to: "b"})
	s.talk(0.2, 500, bobRTP, aliceRTP, 8, 0xa)
	s.hangUp(20, "")
	c := s.finish(20)
	check(t, "streams", len(c.Streams), 1)
	check(t, "codec-mismatch", string(findings(c)["codec-mismatch"]), "")
	check(t, "why not", unchecked(c, "codec-mismatch"), "the beginning of the call was not seen")
}

// Redundant audio is rated and named as what it carries, and a stream has the clock of the codec that it is named by.
func TestTheCodecOfAStreamIsThatOfWhatMostPacketsCarry(t *testing.T) {
	t.Run("redundant audio", func(t *testing.T) {
		s := newSim(t)
		red := []string{"RTP/AVP 98 111 101", "a=rtpmap:98 red/48000/2", "a=rtpmap:111 opus/48000/2", "a=rtpmap:101 telephone-event/8000", "a=fmtp:98 111/111"}
		s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP, red...)})
		s.sip(2, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP, red...)})
		s.talk(2.1, 200, aliceRTP, bobRTP, 98, 1)
		s.hangUp(9, "")
		c := s.finish(9)
		check(t, "codec", c.Streams[0].Codec, "opus")
		check(t, "payload type", c.Streams[0].PayloadType, uint8(98))
		check(t, "codecs", c.Codecs[0], "opus")
	})
	t.Run("two clocks", func(t *testing.T) {
		s := newSim(t)
		both := []string{"RTP/AVP 8 111", "a=rtpmap:111 opus/48000/2"}
		s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP, both...)})
		s.sip(2, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP, both...)})
		for i := range 300 {
			pt, ts := uint8(8), uint32(160*i)
			if i >= 200 {
				pt, ts = 111, uint32(160*200+960*(i-200))
			}
			s.t.Media(s.datagram(2.1+0.02*float64(i), aliceRTP, bobRTP, rtpPacket(pt, uint16(i), ts, 1)))
		}
		s.hangUp(9, "")
		v := s.finish(9).Streams[0]
		check(t, "codec", v.Codec, "PCMA")
		check(t, "clock", v.ClockRate, uint32(8000))
		check(t, "jitter", v.JitterMaxMS < 0.01, true)
	})
}

// A sender that goes on numbering while the call is on hold has lost nothing.
func TestWhatWasNotSentOnHoldIsNotCalledLost(t *testing.T) {
	for name, hold := range map[string]string{"held": "a=sendonly", "not held": "a=sendrecv"} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			s.setUp(0, "", aliceRTP, bobRTP)
			s.talk(2.1, 300, aliceRTP, bobRTP, 8, 1)
			s.talk(2.1, 300, bobRTP, aliceRTP, 8, 2)
			s.sip(8.2, alice, bob, msg{first: inviteLine, cseq: "2 INVITE", to: "b", sdp: audioSDP(aliceRTP, "RTP/AVP 8", hold)})
			s.sip(8.3, bob, alice, msg{first: ok200, cseq: "2 INVITE", to: "b", sdp: audioSDP(bobRTP)})
			s.sip(18.2, alice, bob, msg{first: inviteLine, cseq: "3 INVITE", to: "b", sdp: audioSDP(aliceRTP)})
			s.sip(18.3, bob, alice, msg{first: ok200, cseq: "3 INVITE", to: "b", sdp: audioSDP(bobRTP)})
			for i := 800; i < 1400; i++ {
				s.t.Media(s.datagram(2.1+0.02*float64(i), aliceRTP, bobRTP, rtpPacket(8, uint16(1000+i), uint32(160*i), 1)))
			}
			s.hangUp(31, "")
			c := s.finish(31)
			check(t, "lost", c.Streams[0].Lost, uint64(500))
			if name == "held" {
				check(t, "loss-burst", string(findings(c)["loss-burst"]), "")
				check(t, "why not", unchecked(c, "loss-burst"), "call on hold")
			} else {
				check(t, "loss-burst", string(findings(c)["loss-burst"]), "bad")
			}
		})
	}
}
