package call

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"voiptop/protocol"
)

func check(t *testing.T, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestAnsweredCallHasItsTimes(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	s.hangUp(12, "")
	c := s.finish(12)
	check(t, "status", c.Status, 200)
	check(t, "cause", c.EndCause, protocol.EndBye)
	check(t, "by", c.EndBy, protocol.PartyCaller)
	check(t, "duration", c.DurationMS, int64(12000))
	check(t, "connect", *c.ConnectMS, int64(10000))
	check(t, "pdd", *c.PDDMS, int64(500))
	check(t, "setup", *c.SetupMS, int64(2000))
	check(t, "caller", c.Caller+" "+c.CallerDomain+" "+c.CallerName, "1001 example.net Alice")
	check(t, "callee", c.Callee+" "+c.CalleeDomain+" "+c.CalleeURI, "1002 example.org 1002")
	check(t, "end", c.End, protocol.TimeFromNanos(at(12)))
	check(t, "messages", len(c.Messages), 6)
	check(t, "codec without media", c.Codecs[0], "PCMA")
}

func TestByeOfTheCalleeIsToldByItsTag(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	s.sip(9, bob, alice, msg{first: "BYE sip:1001@192.0.2.10 SIP/2.0", cseq: "77 BYE", from: "b", to: "a", more: "Reason: Q.850;cause=16;text=\"Normal call clearing\"\r\n"})
	c := s.finish(9)
	check(t, "by", c.EndBy, protocol.PartyCallee)
	check(t, "reason", c.Reason, "Normal call clearing")
}

func TestAuthenticationRetryIsOneCall(t *testing.T) {
	s := newSim(t)
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE"})
	s.sip(0.1, bob, alice, msg{first: "SIP/2.0 407 Proxy Authentication Required", cseq: "1 INVITE", to: "x"})
	s.sip(0.2, alice, bob, msg{first: ackLine, cseq: "1 ACK", to: "x"})
	s.sip(60, alice, bob, msg{first: inviteLine, cseq: "2 INVITE"}) // somebody typed a password
	s.sip(61, bob, alice, msg{first: ringing, cseq: "2 INVITE", to: "b"})
	s.sip(62, bob, alice, msg{first: "SIP/2.0 486 Busy Here", cseq: "2 INVITE", to: "b"})
	s.sip(62.1, alice, bob, msg{first: ackLine, cseq: "2 ACK", to: "b"})
	c := s.finish(62)
	check(t, "status", c.Status, 486)
	check(t, "reason", c.Reason, "Busy Here")
	check(t, "cause", c.EndCause, protocol.EndRejected)
	check(t, "end", c.End, protocol.TimeFromNanos(at(62)))
	check(t, "retransmissions", c.Retransmissions, 0)
}

func TestChallengeThatIsNeverAnsweredRejectsTheCall(t *testing.T) {
	s := newSim(t)
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE"})
	s.sip(0.1, bob, alice, msg{first: "SIP/2.0 401 Unauthorized", cseq: "1 INVITE", to: "x"})
	c := s.finish(1)
	check(t, "status", c.Status, 401)
	check(t, "cause", c.EndCause, protocol.EndRejected)
	check(t, "end", c.End, protocol.TimeFromNanos(at(0.1)))
}

func TestResponseWithADamagedTagAndBranchAnswersTheOnlyINVITE(t *testing.T) {
	s := newSim(t)
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "2 INVITE"})
	s.sip(0.4, bob, alice, msg{first: "SIP/2.0 480 Gone", cseq: "2 INVITE", from: "damaged", to: "b", branch: "z9hG4bK-damaged"})
	c := s.finish(1)
	check(t, "status", c.Status, 480)
	check(t, "cause", c.EndCause, protocol.EndNoAnswer)
}

func TestRetransmissionsAreFlaggedAndMakeNoNewCall(t *testing.T) {
	s := newSim(t)
	inv := msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP)}
	s.sip(0, alice, bob, inv)
	s.sip(0.5, alice, bob, inv)
	s.sip(1.5, alice, bob, inv)
	s.sip(1.6, bob, alice, msg{first: "SIP/2.0 486 Busy Here", cseq: "1 INVITE", to: "b"})
	s.sip(3.5, alice, bob, inv) // the 486 was lost
	s.sip(3.6, bob, alice, msg{first: "SIP/2.0 486 Busy Here", cseq: "1 INVITE", to: "b"})
	s.sip(3.7, alice, bob, msg{first: ackLine, cseq: "1 ACK", to: "b"})
	c := s.finish(4)
	check(t, "retransmissions", c.Retransmissions, 4)
	check(t, "first is none", c.Messages[0].Retransmission, false)
	check(t, "second is one", c.Messages[1].Retransmission, true)
	check(t, "end", c.End, protocol.TimeFromNanos(at(1.6)))
}

func TestPacketCapturedTwiceIsNoRetransmission(t *testing.T) {
	s := newSim(t)
	inv := msg{first: inviteLine, cseq: "1 INVITE"}
	s.sip(0, alice, bob, inv)
	s.sip(0.001, alice, bob, inv)
	c := s.finish(0)
	check(t, "retransmissions", c.Retransmissions, 0)
	check(t, "messages", len(c.Messages), 1)
}

func TestIdenticalCallAfterTheEndIsANewCall(t *testing.T) {
	for _, c := range []struct {
		name   string
		gap    float64
		answer bool
	}{{"answered, at once", 2, true}, {"answered, later", 100, true}, {"rejected, at once", 2, false}, {"rejected, later", 100, false}} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t)
			for i := range 3 {
				sec := float64(i) * (10 + c.gap)
				if c.answer {
					s.setUp(sec, "", aliceRTP, bobRTP)
					s.hangUp(sec+10, "")
					continue
				}
				s.sip(sec+9.8, alice, bob, msg{first: inviteLine, cseq: "1 INVITE"})
				s.sip(sec+9.9, bob, alice, msg{first: "SIP/2.0 404 Not Found", cseq: "1 INVITE", to: "b"})
				s.sip(sec+10, alice, bob, msg{first: ackLine, cseq: "1 ACK", to: "b"})
			}
			s.t.Tick(at(10000))
			if len(s.calls) != 3 {
				t.Fatalf("%d records, want 3", len(s.calls))
			}
			if s.calls[0].ID == s.calls[1].ID {
				t.Error("two calls have the same id")
			}
			for _, r := range s.calls {
				check(t, "retransmissions", r.Retransmissions, 0)
			}
		})
	}
}

func TestCapturePlayedAgainBeforeItsCallEndedIsANewCall(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	s.talk(2.1, 50, aliceRTP, bobRTP, 8, 1)
	s.setUp(60, "", aliceRTP, bobRTP)
	s.talk(62.1, 70, aliceRTP, bobRTP, 8, 1)
	s.t.Close(protocol.EndUnterminated)
	if len(s.calls) != 2 {
		t.Fatalf("%d records, want 2", len(s.calls))
	}
	check(t, "first ends", s.calls[0].End, protocol.TimeFromNanos(at(3.08)))
	check(t, "first's packets", s.calls[0].Streams[0].Packets, uint64(50))
	check(t, "second's packets", s.calls[1].Streams[0].Packets, uint64(70))
}

// relayed plays an INVITE over a proxy: both hops are in view.
func relayed(s *sim, sec float64, branch, to string) {
	s.sip(sec, alice, proxy, msg{first: inviteLine, cseq: "1 INVITE", branch: "z9-hop1"})
	s.sip(sec+0.01, proxy, to, msg{first: inviteLine, cseq: "1 INVITE", branch: branch})
}

func TestCallRelayedByAProxyIsOneCall(t *testing.T) {
	s := newSim(t)
	relayed(s, 0, "z9-hop2", bob)
	for i, status := range []string{ringing, ok200} {
		s.sip(float64(i)+1, bob, proxy, msg{first: status, cseq: "1 INVITE", branch: "z9-hop2", to: "b"})
		s.sip(float64(i)+1.01, proxy, alice, msg{first: status, cseq: "1 INVITE", branch: "z9-hop1", to: "b"})
	}
	s.hangUp(8, "")
	c := s.finish(8)
	check(t, "status", c.Status, 200)
	check(t, "answer", c.Answer, protocol.TimeFromNanos(at(2)))
	check(t, "retransmissions", c.Retransmissions, 0)
	check(t, "src", c.Src, alice)
	check(t, "dst", c.Dst, proxy)
}

func TestForkThatFailsDoesNotEndTheCall(t *testing.T) {
	const carol = "198.51.100.30:5060"
	s := newSim(t)
	relayed(s, 0, "z9-bob", bob)
	s.sip(0.02, proxy, carol, msg{first: inviteLine, cseq: "1 INVITE", branch: "z9-carol"})
	s.sip(1, bob, proxy, msg{first: "SIP/2.0 486 Busy Here", cseq: "1 INVITE", branch: "z9-bob", to: "b"})
	s.sip(40, carol, proxy, msg{first: ok200, cseq: "1 INVITE", branch: "z9-carol", to: "c"}) // rang silently for long
	s.sip(40.01, proxy, alice, msg{first: ok200, cseq: "1 INVITE", branch: "z9-hop1", to: "c"})
	s.sip(50, alice, carol, msg{first: byeLine, cseq: "2 BYE", to: "c"})
	c := s.finish(50)
	check(t, "status", c.Status, 200)
	check(t, "cause", c.EndCause, protocol.EndBye)
	check(t, "connect", *c.ConnectMS, int64(10000))
}

func TestFinalResponseToTheCallerCountsNotThatOfABranch(t *testing.T) {
	s := newSim(t)
	relayed(s, 0, "z9-bob", bob)
	s.sip(1, bob, proxy, msg{first: "SIP/2.0 500 Boom", cseq: "1 INVITE", branch: "z9-bob", to: "b"})
	s.sip(1.1, proxy, alice, msg{first: "SIP/2.0 503 Service Unavailable", cseq: "1 INVITE", branch: "z9-hop1", to: "p"})
	s.sip(1.2, bob, proxy, msg{first: "SIP/2.0 487 Late", cseq: "1 INVITE", branch: "z9-bob", to: "b"})
	c := s.finish(1)
	check(t, "status", c.Status, 503)
	check(t, "end", c.End, protocol.TimeFromNanos(at(1.1)))
}

func TestCancelledCall(t *testing.T) {
	s := newSim(t)
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE"})
	s.sip(1, bob, alice, msg{first: ringing, cseq: "1 INVITE", to: "b"})
	s.sip(5, alice, bob, msg{first: cancelLine, cseq: "1 CANCEL", branch: "z9hG4bK-1-INVITE"})
	s.sip(5.1, bob, alice, msg{first: ok200, cseq: "1 CANCEL", to: "b"})
	s.sip(5.2, bob, alice, msg{first: "SIP/2.0 487 Request Terminated", cseq: "1 INVITE", to: "b"})
	s.sip(5.3, alice, bob, msg{first: ackLine, cseq: "1 ACK", to: "b"})
	c := s.finish(5)
	check(t, "status", c.Status, 487)
	check(t, "cause", c.EndCause, protocol.EndCancel)
	check(t, "by", c.EndBy, protocol.PartyCaller)
	check(t, "end", c.End, protocol.TimeFromNanos(at(5.2)))
	if !c.Answer.Std().IsZero() {
		t.Error("the 200 to the CANCEL was taken for an answer")
	}
}

// A proxy that gives a branch up sends CANCEL as well; the caller did not.
func TestACancelOfAProxyIsNotTheCallers(t *testing.T) {
	for _, c := range []struct {
		name, last string
		cause      protocol.EndCause
	}{
		{"nobody took the call in time", "SIP/2.0 408 Request Timeout", protocol.EndNoAnswer},
		{"the next branch is busy", "SIP/2.0 486 Busy Here", protocol.EndRejected},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t)
			relayed(s, 0, "z9-bob", bob)
			s.sip(20, proxy, bob, msg{first: cancelLine, cseq: "1 CANCEL", branch: "z9-bob"})
			s.sip(20.1, bob, proxy, msg{first: "SIP/2.0 487 Request Terminated", cseq: "1 INVITE", branch: "z9-bob", to: "b"})
			s.sip(25, proxy, alice, msg{first: c.last, cseq: "1 INVITE", branch: "z9-hop1", to: "p"})
			r := s.finish(25)
			check(t, "cause", r.EndCause, c.cause)
			check(t, "by", r.EndBy, protocol.PartyCallee)
		})
	}
}

func TestACallThatIsTriedAgainAfterItsCancelIsNotCancelled(t *testing.T) {
	s := newSim(t)
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", branch: "z9-1"})
	s.sip(3, alice, bob, msg{first: cancelLine, cseq: "1 CANCEL", branch: "z9-1"})
	s.sip(3.1, bob, alice, msg{first: "SIP/2.0 487 Request Terminated", cseq: "1 INVITE", branch: "z9-1", to: "b"})
	s.sip(3.2, alice, bob, msg{first: inviteLine, cseq: "2 INVITE", branch: "z9-2"})
	s.sip(4, bob, alice, msg{first: "SIP/2.0 486 Busy Here", cseq: "2 INVITE", branch: "z9-2", to: "b"})
	check(t, "cause", s.finish(4).EndCause, protocol.EndRejected)
}

func TestCancelThatCrossesTheAnswerLeavesAnAnsweredCall(t *testing.T) {
	s := newSim(t)
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE"})
	s.sip(5, alice, bob, msg{first: cancelLine, cseq: "1 CANCEL"})
	s.sip(5.001, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b"})
	s.sip(5.1, alice, bob, msg{first: ackLine, cseq: "1 ACK", to: "b"})
	s.hangUp(5.2, "")
	c := s.finish(6)
	check(t, "status", c.Status, 200)
	check(t, "cause", c.EndCause, protocol.EndBye)
}

func TestRingingAfterTheAnswerStillGivesThePDD(t *testing.T) {
	s := newSim(t)
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE"})
	s.sip(1, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b"})
	s.sip(1.5, bob, alice, msg{first: ringing, cseq: "1 INVITE", to: "b"})
	s.hangUp(6, "")
	c := s.finish(6)
	check(t, "pdd", *c.PDDMS, int64(1500))
	check(t, "setup", *c.SetupMS, int64(1000))
}

func TestChallengedByeDoesNotEndTheCall(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	s.sip(10, alice, bob, msg{first: byeLine, cseq: "2 BYE", to: "b"})
	s.sip(10.1, bob, alice, msg{first: "SIP/2.0 407 Proxy Authentication Required", cseq: "2 BYE", to: "b"})
	s.sip(20, alice, bob, msg{first: byeLine, cseq: "3 BYE", to: "b"})
	s.sip(20.1, bob, alice, msg{first: ok200, cseq: "3 BYE", to: "b"})
	check(t, "end", s.finish(20).End, protocol.TimeFromNanos(at(20)))
}

func TestHoldIsAStateAndARefusedHoldIsNone(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	state := func() protocol.State { return s.t.Live(nil)[0].State }
	reinvite := func(sec float64, cseq, dir, answer string) {
		s.sip(sec, alice, bob, msg{first: inviteLine, cseq: cseq + " INVITE", to: "b", sdp: audioSDP(aliceRTP, "RTP/AVP 8", "a="+dir)})
		m := msg{first: answer, cseq: cseq + " INVITE", to: "b"}
		if answer == ok200 {
			m.sdp = audioSDP(bobRTP, "RTP/AVP 8", "a="+map[string]string{"sendonly": "recvonly", "sendrecv": "sendrecv"}[dir])
		}
		s.sip(sec+0.1, bob, alice, m)
	}
	check(t, "before", state(), protocol.StateUp)
	reinvite(5, "2", "sendonly", "SIP/2.0 488 Not Acceptable Here")
	check(t, "after a refused hold", state(), protocol.StateUp)
	reinvite(6, "3", "sendonly", ok200)
	check(t, "on hold", state(), protocol.StateHold)
	reinvite(9, "4", "sendrecv", ok200)
	check(t, "taken back", state(), protocol.StateUp)
	s.sip(12, alice, bob, msg{first: byeLine, cseq: "5 BYE", to: "b"})
	c := s.finish(12)
	check(t, "status", c.Status, 200)
	check(t, "answer", c.Answer, protocol.TimeFromNanos(at(2)))
}

func TestLiveStatesInOrder(t *testing.T) {
	s := newSim(t)
	state := func() protocol.State { return s.t.Live(nil)[0].State }
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE"})
	check(t, "after INVITE", state(), protocol.StateTrying)
	s.sip(1, bob, alice, msg{first: ringing, cseq: "1 INVITE", to: "b"})
	check(t, "after 180", state(), protocol.StateRinging)
	s.sip(2, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b"})
	check(t, "after 200", state(), protocol.StateUp)
	s.hangUp(3, "")
	check(t, "after BYE", state(), protocol.StateEnded)
}

func TestCallsWithoutTheirBeginning(t *testing.T) {
	t.Run("a lone BYE makes no record", func(t *testing.T) {
		s := newSim(t)
		s.hangUp(0, "")
		s.t.Close(protocol.EndUnterminated)
		check(t, "records", len(s.calls), 0)
		check(t, "counted", s.t.count.outside, uint64(2))
	})
	t.Run("a re-INVITE makes one that says so", func(t *testing.T) {
		s := newSim(t)
		s.sip(0, alice, bob, msg{first: inviteLine, cseq: "5 INVITE", to: "b", sdp: audioSDP(aliceRTP)})
		s.sip(0.1, bob, alice, msg{first: ok200, cseq: "5 INVITE", to: "b", sdp: audioSDP(bobRTP)})
		s.talk(1, 100, aliceRTP, bobRTP, 8, 1)
		s.hangUp(30, "")
		c := s.finish(30)
		check(t, "answer", c.Answer, protocol.Time(0))
		check(t, "streams", len(c.Streams), 1)
		check(t, "cause", c.EndCause, protocol.EndBye)
		check(t, "finding", c.Findings[0].Code, "joined-mid-call")
	})
}

func TestTimeouts(t *testing.T) {
	t.Run("rtp", func(t *testing.T) {
		s := newSim(t)
		s.setUp(0, "", aliceRTP, bobRTP)
		s.talk(2.1, 100, aliceRTP, bobRTP, 8, 1)
		s.t.Tick(at(4.08 + 299))
		check(t, "too early", len(s.calls), 0)
		c := s.finish(4)
		check(t, "cause", c.EndCause, protocol.EndTimeoutRTP)
		check(t, "end", c.End, protocol.TimeFromNanos(at(4.08)))
		check(t, "by", c.EndBy, protocol.PartySensor)
	})
	t.Run("bye", func(t *testing.T) {
		s := newSim(t)
		s.setUp(0, "", aliceRTP, bobRTP)
		s.t.Tick(at(1201))
		check(t, "too early", len(s.calls), 0)
		check(t, "cause", s.finish(2).EndCause, protocol.EndTimeoutBye)
	})
	t.Run("absolute", func(t *testing.T) {
		s := newSim(t, func(c *Config) { c.AbsoluteTimeout = time.Minute })
		s.setUp(0, "", aliceRTP, bobRTP)
		s.talk(2.1, 3500, aliceRTP, bobRTP, 8, 1)
		c := s.finish(70)
		check(t, "cause", c.EndCause, protocol.EndTimeoutMax)
		check(t, "end", c.End, protocol.TimeFromNanos(at(60)))
	})
	t.Run("not while nothing at all was captured", func(t *testing.T) {
		const year = 365 * 24 * 3600
		s := newSim(t)
		s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP)})
		s.sip(year, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP)})
		s.talk(2*year, 10, aliceRTP, bobRTP, 8, 1)
		s.talk(3*year, 10, aliceRTP, bobRTP, 8, 2)
		s.hangUp(4*year, "")
		c := s.finish(4 * year)
		check(t, "cause", c.EndCause, protocol.EndBye)
		check(t, "connect", *c.ConnectMS, int64(3*year*1000))
		check(t, "streams", len(c.Streams), 2)
	})
	t.Run("counted on from where a hole in the capture ends", func(t *testing.T) {
		s := newSim(t)
		s.setUp(0, "", aliceRTP, bobRTP)
		s.talk(2.1, 10, aliceRTP, bobRTP, 8, 1)
		s.talk(50000, 1, "192.0.2.99:1", "192.0.2.98:2", 8, 0xc) // of no call
		s.t.Tick(at(50299))
		check(t, "too early", len(s.calls), 0)
		s.t.Tick(at(50301))
		check(t, "records", len(s.calls), 1)
		check(t, "cause", s.calls[0].EndCause, protocol.EndTimeoutRTP)
		check(t, "end", s.calls[0].End, protocol.TimeFromNanos(at(2.28)))
	})
	t.Run("nobody answers the INVITE", func(t *testing.T) {
		s := newSim(t)
		for _, sec := range []float64{0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5} {
			s.sip(sec, alice, bob, msg{first: inviteLine, cseq: "1 INVITE"})
		}
		c := s.finish(31.5)
		check(t, "cause", c.EndCause, protocol.EndNoAnswer)
		check(t, "status", c.Status, 0)
		check(t, "finding", c.Findings[0].Code+" "+string(c.Findings[0].Severity), "retransmission-storm bad")
	})
	t.Run("the sensor is stopped", func(t *testing.T) {
		s := newSim(t)
		s.setUp(0, "", aliceRTP, bobRTP)
		s.t.Close(protocol.EndInterrupted)
		c := s.finish(3)
		check(t, "cause and by", string(c.EndCause)+" "+string(c.EndBy), "interrupted sensor")
	})
	t.Run("the input ends", func(t *testing.T) {
		s := newSim(t)
		s.setUp(0, "", aliceRTP, bobRTP)
		s.talk(2.1, 50, aliceRTP, bobRTP, 8, 1)
		s.t.Close(protocol.EndUnterminated)
		c := s.finish(3)
		check(t, "cause", c.EndCause, protocol.EndUnterminated)
		check(t, "end", c.End, protocol.TimeFromNanos(at(3.08)))
		check(t, "accused", len(c.Findings), 0)
	})
}

func TestFullTableLetsTheOldestGoAndCountsIt(t *testing.T) {
	s := newSim(t, func(c *Config) { c.MaxCalls = 3 })
	for i, id := range []string{"c1", "c2", "c3", "c4"} {
		s.sip(float64(i), alice, bob, msg{id: id, first: inviteLine, cseq: "1 INVITE"})
	}
	check(t, "running", s.t.Running(), 3)
	check(t, "records", len(s.calls), 1)
	check(t, "which", s.calls[0].CallID+" "+string(s.calls[0].EndCause), "c1 interrupted")
	check(t, "counted", s.t.count.evicted, uint64(1))
}

func TestMessagesBeyondTheBoundAreOnlyCounted(t *testing.T) {
	s := newSim(t, func(c *Config) { c.MaxMessages = 4 })
	s.setUp(0, "", aliceRTP, bobRTP)
	s.hangUp(5, "")
	c := s.finish(5)
	check(t, "messages", len(c.Messages), 4)
	check(t, "omitted", c.MessagesOmitted, 2)
	check(t, "cause", c.EndCause, protocol.EndBye)
}

// Two calls have room for forty messages: one that talks on takes what the other leaves, and the other always has its twenty.
func TestOneCallDoesNotTakeTheRoomForTheMessagesOfOthers(t *testing.T) {
	s := newSim(t, func(c *Config) { c.MaxCalls = 2 })
	info := func(sec float64, id string, n int) {
		for i := range n {
			s.sip(sec+float64(i)/100, alice, bob, msg{first: "INFO sip:1002@example.org SIP/2.0", cseq: fmt.Sprintf("%d INFO", 10+i), id: id, to: "b"})
		}
	}
	s.setUp(0, "one", aliceRTP, bobRTP)
	info(3, "one", 50)
	s.setUp(4, "two", "192.0.2.10:40002", "198.51.100.20:50002")
	info(7, "two", 50)
	logged := s.t.logged
	s.hangUp(8, "one")
	s.hangUp(9, "two")
	s.t.Tick(at(100))
	check(t, "records", len(s.calls), 2)
	one, two := s.calls[0], s.calls[1]
	check(t, "of the first", len(one.Messages), fairMessages*2)
	check(t, "of the second", len(two.Messages), fairMessages)
	check(t, "noted", logged, 3*fairMessages)
	check(t, "counted", s.t.count.unlogged, uint64(one.MessagesOmitted+two.MessagesOmitted))
	check(t, "left", s.t.logged, 0)
}

func TestSameInputGivesTheSameID(t *testing.T) {
	one, other := newSim(t), newSim(t, func(c *Config) { c.SensorID = 8 })
	for _, s := range []*sim{one, other} {
		s.setUp(0, "", aliceRTP, bobRTP)
		s.hangUp(5, "")
	}
	a, b := one.finish(5), other.finish(5)
	check(t, "id", a.ID.String(), "019cad8f-ac00-740f-9a7d-2415d058b8b5")
	if a.ID == b.ID {
		t.Error("two sensors gave the same id")
	}
}

func TestFindByCallIDAndUUID(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	c := s.t.Find("call-1@alice")
	if c == nil || s.t.Find(c.ID.String()) == nil || s.t.Find("nothing") != nil {
		t.Errorf("got %v", c)
	}
}

func TestWithoutTagsTheAddressTellsWhoHangsUp(t *testing.T) {
	s := newSim(t)
	bare := func(m msg) []byte { return regexp.MustCompile(`;tag=\w+`).ReplaceAll(m.bytes(), nil) }
	s.raw(0, alice, bob, bare(msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP)}))
	s.raw(2, bob, alice, bare(msg{first: ok200, cseq: "1 INVITE", sdp: audioSDP(bobRTP)}))
	s.raw(2.1, alice, bob, bare(msg{first: ackLine, cseq: "1 ACK"}))
	s.raw(9, bob, alice, bare(msg{first: "BYE sip:1001@192.0.2.10 SIP/2.0", cseq: "7 BYE", from: "b"}))
	check(t, "by", s.finish(9).EndBy, protocol.PartyCallee)
}
