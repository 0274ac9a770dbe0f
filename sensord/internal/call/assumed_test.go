package call

import (
	"strconv"
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
