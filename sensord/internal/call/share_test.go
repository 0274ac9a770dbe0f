package call

import (
	"fmt"
	"testing"

	"voiptop/protocol"
)

func TestAStreamIsNotLentToACallThatHasGone(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "old", "192.0.2.10:41000", "198.51.100.20:51000")
	s.setUp(3, "gone", aliceRTP, bobRTP)
	s.setUp(6, "owner", aliceRTP, bobRTP)
	s.talk(8, 50, aliceRTP, bobRTP, 8, 1)
	for i := range (maxBindings - 2) / 2 { // so many endpoints that the first is forgotten
		s.sip(100+float64(i), alice, bob, msg{id: "owner", first: inviteLine, cseq: fmt.Sprint(2+i, " INVITE"), to: "b", sdp: audioSDP(fmt.Sprint("192.0.2.10:", 42000+2*i))})
	}
	s.sip(201, alice, bob, msg{id: "old", first: inviteLine, cseq: "2 INVITE", to: "b", sdp: audioSDP("192.0.2.10:41000")})
	s.t.Tick(at(330))
	check(t, "calls that are over", len(s.calls), 1)
	s.sip(340, bob, alice, msg{id: "old", first: inviteLine, cseq: "7 INVITE", from: "b", to: "a", sdp: audioSDP(bobRTP)})
	s.sip(341, alice, bob, msg{id: "new", first: inviteLine, cseq: "1 INVITE", sdp: audioSDP("192.0.2.10:43000")})
	s.hangUp(342, "owner")
	s.t.Tick(at(400))
	s.t.Close(protocol.EndUnterminated)
	for _, c := range s.calls {
		n := 0
		if c.CallID == "owner" || c.CallID == "gone" {
			n = 1
		}
		check(t, "streams of "+c.CallID, len(c.Streams), n)
	}
}
