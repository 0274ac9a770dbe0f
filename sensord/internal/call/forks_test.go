package call

import (
	"testing"

	"voiptop/protocol"
)

func TestTheCallEndsWithTheLastOfItsAnsweredForks(t *testing.T) {
	const bye, ok = "BYE sip:1002@198.51.100.20 SIP/2.0", "SIP/2.0 200 OK"
	for _, c := range []struct{ name, first, last string }{
		{"the fork that came late is ended", "c", "b"},
		{"the fork that came first is ended", "b", "c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t)
			s.setUp(0, "", aliceRTP, bobRTP)
			s.sip(2.01, bob, alice, msg{first: ok, cseq: "1 INVITE", to: "c", sdp: audioSDP(bobRTP)})
			for i, hop := range [][2]string{{alice, proxy}, {proxy, bob}} {
				s.sip(2.1+float64(i)/100, hop[0], hop[1], msg{first: bye, cseq: "2 BYE", to: c.first, branch: hop[0]})
				s.sip(2.2-float64(i)/100, hop[1], hop[0], msg{first: ok, cseq: "2 BYE", to: c.first, branch: hop[0]})
			}
			s.sip(9, bob, alice, msg{first: "BYE sip:1001@192.0.2.10 SIP/2.0", cseq: "77 BYE", from: c.last, to: "a"})
			s.sip(9.1, alice, bob, msg{first: ok, cseq: "77 BYE", from: c.last, to: "a"})
			r := s.finish(9)
			check(t, "end", r.End, protocol.TimeFromNanos(at(9)))
			check(t, "by", r.EndBy, protocol.PartyCallee)
			check(t, "connect", *r.ConnectMS, int64(7000))
		})
	}
}

func TestABYEOnTheOtherSideOfAB2BUAEndsTheCall(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	s.sip(1.99, bob, proxy, msg{first: "SIP/2.0 200 OK", cseq: "1 INVITE", branch: "inner", to: "c", sdp: audioSDP(bobRTP)})
	s.sip(9, proxy, bob, msg{first: "BYE sip:1002@198.51.100.20 SIP/2.0", cseq: "2 BYE", to: "c"})
	check(t, "end", s.finish(9).End, protocol.TimeFromNanos(at(9)))
}

// A sensor behind the proxy sees its tries alone: they are one call, however each ends.
func TestTheTriesOfAProxyOfWhichTheCallersSideIsNotSeenAreOneCall(t *testing.T) {
	const busy = "SIP/2.0 486 Busy Here"
	for _, c := range []struct {
		name   string
		second float64 // when the second is tried
		line   string  // how it ends
		status int
	}{
		{"one after the other, and the second answers", 3.05, "SIP/2.0 200 OK", 200},
		{"one after the other, both busy", 3.05, busy, 486},
		{"both at a time, one busy, the other answers late", 0.01, "SIP/2.0 200 OK", 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			const carol = "198.51.100.30:5060"
			s := newSim(t)
			s.sip(0, proxy, bob, msg{first: inviteLine, cseq: "1 INVITE", branch: "z9-bob", sdp: audioSDP(aliceRTP)})
			play := func() {
				s.sip(c.second, proxy, carol, msg{first: inviteLine, cseq: "1 INVITE", branch: "z9-carol", sdp: audioSDP(aliceRTP)})
			}
			if c.second < 3 {
				play()
			}
			s.sip(3, bob, proxy, msg{first: busy, cseq: "1 INVITE", branch: "z9-bob", to: "b"})
			s.sip(3.01, proxy, bob, msg{first: ackLine, cseq: "1 ACK", branch: "z9-bob", to: "b"})
			if c.second > 3 {
				play()
			}
			s.sip(20, carol, proxy, msg{first: c.line, cseq: "1 INVITE", branch: "z9-carol", to: "c"})
			if c.status == 200 {
				s.sip(30, proxy, carol, msg{first: byeLine, cseq: "2 BYE", to: "c"})
			}
			r := s.finish(30)
			check(t, "status", r.Status, c.status)
			check(t, "end", r.End, protocol.TimeFromNanos(at(map[int]float64{200: 30, 486: 20}[c.status])))
		})
	}
}
