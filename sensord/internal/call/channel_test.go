package call

import (
	"testing"

	"voiptop/protocol"
)

// rtpOf is where a party of the n-th call wants its media.
func rtpOf(party string, n int) string { return party + ":" + string(rune('1'+n)) + "0000" }

// leg sets up the n-th of several calls, with media in both directions for two seconds.
func (s *sim) leg(sec float64, id string, n int) {
	s.tb.Helper()
	a, b := rtpOf("192.0.2.10", n), rtpOf("198.51.100.20", n)
	s.setUp(sec, id, a, b)
	s.talk(sec+2.1, 100, a, b, 8, uint32(2*n+1))
	s.talk(sec+2.1, 100, b, a, 8, uint32(2*n+2))
}

func TestCallOverTheLimitIsRecordedFromItsSIPAlone(t *testing.T) {
	s := newSim(t, func(c *Config) {
		c.Decide = decide(func(*Subject) Decision { return Decision{Rule: "all", Keep: protocol.KeepRTP} })
	})
	s.t.SetMaxChannels(2)
	for i, id := range []string{"c0", "c1", "c2"} {
		s.leg(0, id, i)
	}
	live := s.t.Live(nil)
	check(t, "second in the live view", live[1].OverLimit, false)
	check(t, "third in the live view", live[2].OverLimit, true)
	n := protocol.Counters{}
	s.t.Counters(n)
	check(t, "running over the limit", n[protocol.CountOverLimitNow], uint64(1))
	check(t, "media left alone", n["media.over-limit"], uint64(200))
	check(t, "unbound", n["rtp.unbound"], uint64(0))

	check(t, "running", n[protocol.CountCallsRunning], uint64(3))

	s.hangUp(10, "c0") // its channel is free at once
	n = protocol.Counters{}
	s.t.Counters(n)
	check(t, "running after one has ended", n[protocol.CountCallsRunning], uint64(2))
	s.leg(11, "c3", 3)
	for _, id := range []string{"c1", "c2", "c3"} {
		s.hangUp(20, id)
	}
	s.t.Tick(at(300))
	check(t, "records", len(s.calls), 4)
	for _, c := range s.calls {
		over := c.CallID == "c2"
		check(t, c.CallID+" over the limit", c.OverLimit, over)
		check(t, c.CallID+" status", c.Status, 200)
		check(t, c.CallID+" end", c.EndCause, protocol.EndBye)
		check(t, c.CallID+" messages", len(c.Messages), 6)
		if over {
			check(t, "its streams", len(c.Streams), 0)
			check(t, "its MOS", c.MOS == nil, true)
			check(t, "its packets", c.Capture.Kept, protocol.KeepSIP)
			for _, f := range c.Findings {
				t.Errorf("finding %s (%s) of a call whose media was not looked at", f.Code, f.Text)
			}
		} else {
			check(t, c.CallID+" streams", len(c.Streams), 2)
		}
	}
	check(t, "counted", s.t.count.overLimit, uint64(1))
	check(t, "channels left", s.t.channels+s.t.overLimit, 0)
}

func TestCallOverTheLimitTakesNoMediaFromAnotherThatSharesItsEndpoints(t *testing.T) {
	s := newSim(t)
	s.t.SetMaxChannels(1)
	s.setUp(0, "a-leg", aliceRTP, bobRTP)
	s.setUp(0.1, "b-leg", aliceRTP, bobRTP)
	s.talk(2.2, 50, aliceRTP, bobRTP, 8, 1)
	s.hangUp(5, "a-leg")
	s.hangUp(5, "b-leg")
	s.t.Tick(at(100))
	check(t, "records", len(s.calls), 2)
	for _, c := range s.calls {
		want := 1
		if c.OverLimit {
			want = 0
		}
		check(t, c.CallID+" streams", len(c.Streams), want)
	}
	check(t, "over the limit", s.t.count.overLimit, uint64(1))
}

func TestLimitHoldsForCallsThatBeginAfterItIsSet(t *testing.T) {
	s := newSim(t)
	for _, id := range []string{"c0", "c1", "c2"} {
		s.setUp(0, id, aliceRTP, bobRTP)
	}
	s.t.SetMaxChannels(1)
	s.setUp(3, "c3", aliceRTP, bobRTP)
	s.t.SetMaxChannels(0)
	s.setUp(3, "c4", aliceRTP, bobRTP)
	var over []bool
	for _, c := range s.t.Live(nil) {
		over = append(over, c.OverLimit)
	}
	for i, want := range []bool{false, false, false, true, false} {
		check(t, "call", over[i], want)
	}
}

func TestRefusedCallsHoldNoChannel(t *testing.T) {
	s := newSim(t)
	s.t.SetMaxChannels(1)
	for i, id := range []string{"c0", "c1"} {
		s.sip(float64(i), alice, bob, msg{id: id, first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP)})
		s.sip(float64(i)+0.1, bob, alice, msg{id: id, first: "SIP/2.0 407 Proxy Authentication Required", cseq: "1 INVITE", to: "b"})
		s.sip(float64(i)+0.2, alice, bob, msg{id: id, first: ackLine, cseq: "1 ACK", to: "b"})
	}
	check(t, "over the limit", s.t.count.overLimit, uint64(0))
	check(t, "channels", s.t.channels, 0)
	s.sip(3, alice, bob, msg{id: "c0", first: inviteLine, cseq: "2 INVITE", sdp: audioSDP(aliceRTP)}) // with credentials
	check(t, "channels", s.t.channels, 1)
	s.t.Close(protocol.EndUnterminated)
	check(t, "channels at the end", s.t.channels, 0)
}
