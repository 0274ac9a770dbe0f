package call

import (
	"slices"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/sensord/internal/sip"
)

func TestMessagesOfAnUnknownCallThatMakeARecord(t *testing.T) {
	const (
		progress = "SIP/2.0 183 Session Progress"
		prack    = "PRACK sip:1002@198.51.100.20 SIP/2.0"
		update   = "UPDATE sip:1002@198.51.100.20 SIP/2.0"
	)
	here, there := audioSDP(aliceRTP), audioSDP(bobRTP)
	for name, c := range map[string]struct {
		msg
		answer bool // comes from the callee
		want   protocol.State
	}{
		"200 to INVITE":           {msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: there}, true, protocol.StateUp},
		"200 without description": {msg{first: ok200, cseq: "1 INVITE", to: "b"}, true, protocol.StateUp},
		"183 with description":    {msg{first: progress, cseq: "1 INVITE", to: "b", sdp: there}, true, protocol.StateRinging},
		"180 without":             {msg{first: ringing, cseq: "1 INVITE", to: "b"}, true, ""},
		"100":                     {msg{first: "SIP/2.0 100 Trying", cseq: "1 INVITE", sdp: there}, true, ""},
		"refusal":                 {msg{first: "SIP/2.0 486 Busy Here", cseq: "1 INVITE", to: "b"}, true, ""},
		"challenge":               {msg{first: "SIP/2.0 407 Proxy Authentication Required", cseq: "1 INVITE", to: "b"}, true, ""},
		"INVITE within":           {msg{first: inviteLine, cseq: "5 INVITE", to: "b", sdp: here}, false, protocol.StateUp},
		"without description":     {msg{first: inviteLine, cseq: "5 INVITE", to: "b"}, false, protocol.StateUp},
		"ACK with description":    {msg{first: ackLine, cseq: "1 ACK", to: "b", sdp: here}, false, protocol.StateUp},
		"ACK without":             {msg{first: ackLine, cseq: "1 ACK", to: "b"}, false, ""},
		"PRACK with description":  {msg{first: prack, cseq: "2 PRACK", to: "b", sdp: here}, false, protocol.StateTrying},
		"PRACK without":           {msg{first: prack, cseq: "2 PRACK", to: "b"}, false, ""},
		"UPDATE with description": {msg{first: update, cseq: "3 UPDATE", to: "b", sdp: here}, false, protocol.StateUp},
		"UPDATE without":          {msg{first: update, cseq: "3 UPDATE", to: "b"}, false, ""},
		"UPDATE in no dialog":     {msg{first: update, cseq: "3 UPDATE", sdp: here}, false, ""},
		"its 200":                 {msg{first: ok200, cseq: "3 UPDATE", to: "b", sdp: there}, true, ""},
		"BYE":                     {msg{first: byeLine, cseq: "2 BYE", to: "b"}, false, ""},
		"INFO":                    {msg{first: "INFO sip:x SIP/2.0", cseq: "2 INFO", to: "b", sdp: here}, false, ""},
		"CANCEL":                  {msg{first: cancelLine, cseq: "1 CANCEL"}, false, ""},
		"REFER":                   {msg{first: "REFER sip:x SIP/2.0", cseq: "2 REFER", to: "b", more: "Refer-To: <sip:x@y>\r\n"}, false, ""},
		"200 to SUBSCRIBE":        {msg{first: ok200, cseq: "2 SUBSCRIBE", to: "b"}, true, ""},
		"NOTIFY":                  {msg{first: "NOTIFY sip:x SIP/2.0", cseq: "2 NOTIFY", to: "b", sdp: here}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			s.talk(-3, 1, "203.0.113.200:4000", "203.0.113.201:4000", 8, 1) // the capture began a while ago
			if c.answer {
				s.sip(0, bob, alice, c.msg)
			} else {
				s.sip(0, alice, bob, c.msg)
			}
			live := s.t.Live(nil)
			if c.want == "" {
				check(t, "calls", len(live), 0)
				return
			}
			check(t, "calls", len(live), 1)
			check(t, "joined, live", live[0].Joined, true)
			check(t, "state", live[0].State, c.want)
			s.hangUp(9, "")
			r := s.finish(9)
			check(t, "joined", r.Joined, true)
			check(t, "parties", r.Caller+" "+r.CallerDomain+" "+r.Callee+" "+r.CalleeDomain, "1001 example.net 1002 example.org")
			check(t, "addresses", r.Src+" "+r.Dst, alice+" "+bob)
			check(t, "user of the Request-URI", r.CalleeURI, "")
			check(t, "start", r.Start, protocol.TimeFromNanos(at(0)))
			check(t, "times from the INVITE on", r.PDDMS == nil && r.SetupMS == nil, true)
			check(t, "answered", r.Answer != 0, live[0].Status == 200)
			check(t, "cause and by", string(r.EndCause)+" "+string(r.EndBy), "bye caller")
			check(t, "counted", s.t.count.joined, uint64(1))
		})
	}
}

func TestCallsJoinedBeforeTheAnswerGoOnToIt(t *testing.T) {
	first := map[string]msg{
		"183":    {first: "SIP/2.0 183 Session Progress", cseq: "7 INVITE", to: "b", sdp: audioSDP(bobRTP)},
		"PRACK":  {first: "PRACK sip:x SIP/2.0", cseq: "8 PRACK", to: "b", sdp: audioSDP(aliceRTP)},
		"UPDATE": {first: "UPDATE sip:x SIP/2.0", cseq: "8 UPDATE", to: "b", sdp: audioSDP(aliceRTP)},
	}
	for name, m := range first {
		t.Run(name, func(t *testing.T) {
			join := func() *sim {
				s := newSim(t)
				if name == "183" {
					s.sip(0, bob, alice, m)
				} else {
					s.sip(0, alice, bob, m)
				}
				return s
			}
			s := join()
			s.sip(3, bob, alice, msg{first: ok200, cseq: "7 INVITE", to: "b", sdp: audioSDP(bobRTP)})
			s.sip(3.1, alice, bob, msg{first: ackLine, cseq: "7 ACK", to: "b"})
			s.hangUp(10, "")
			c := s.finish(10)
			check(t, "answer", c.Answer, protocol.TimeFromNanos(at(3)))
			check(t, "connect", *c.ConnectMS, int64(7000))
			check(t, "status", c.Status, 200)

			s = join()
			s.sip(3, bob, alice, msg{first: "SIP/2.0 486 Busy Here", cseq: "7 INVITE", to: "b"})
			c = s.finish(3)
			check(t, "refused", string(c.EndCause), "rejected")
			check(t, "status", c.Status, 486)
			check(t, "answer", c.Answer, protocol.Time(0))
		})
	}
}

// What flows both ways is bound by the description of one party, and nobody is called silent for want of the other.
func TestMediaOfAJoinedCallByOneDescription(t *testing.T) {
	const behindNAT = "203.0.113.77:61000"
	for name, from := range map[string]string{"as the other announced": aliceRTP, "from behind a NAT": behindNAT} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			s.sip(0, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP)})
			s.talk(1, 700, from, bobRTP, 8, 1)
			s.talk(1, 600, bobRTP, from, 8, 2)
			s.hangUp(20, "")
			c := s.finish(20)
			check(t, "streams", len(c.Streams), 2)
			check(t, "packets", [2]uint64{c.Streams[0].Packets, c.Streams[1].Packets}, [2]uint64{700, 600})
			check(t, "directions", string(c.Streams[0].Direction+" "+c.Streams[1].Direction), "from-caller from-callee")
		})
	}
	t.Run("one direction is no finding", func(t *testing.T) {
		s := newSim(t)
		s.sip(0, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP)})
		s.talk(1, 700, aliceRTP, bobRTP, 8, 1)
		s.hangUp(20, "")
		c := s.finish(20)
		for _, f := range c.Findings {
			if f.Severity != protocol.SeverityInfo {
				t.Errorf("accused of %s", f.Code)
			}
		}
		var unchecked []string
		for _, u := range c.Unchecked {
			if u.Reason == "the beginning of the call was not seen" {
				unchecked = u.Codes
			}
		}
		for _, code := range []string{"one-way-audio", "nat-private-sdp", "late-media", "early-media-lost", "slow-pdd"} {
			if !slices.Contains(unchecked, code) {
				t.Errorf("%s is not said to be unchecked, but %q", code, unchecked)
			}
		}
	})
	t.Run("a flow that nobody announced is not its own: it may be that of a call that was not joined", func(t *testing.T) {
		s := newSim(t)
		s.sip(0, alice, bob, msg{first: inviteLine, cseq: "5 INVITE", to: "b", sdp: audioSDP(aliceRTP)})
		s.sip(0.1, bob, alice, msg{first: ok200, cseq: "5 INVITE", to: "b", sdp: audioSDP(bobRTP)})
		s.talk(1, 100, "192.0.2.10:41234", "198.51.100.20:51234", 8, 1)
		s.hangUp(20, "")
		check(t, "streams", len(s.finish(20).Streams), 0)
		check(t, "unbound", s.t.count.unbound, uint64(100))
	})
}

func TestTailsOfPastCallsAreNotJoined(t *testing.T) {
	answer := msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP)}
	again := msg{first: inviteLine, cseq: "5 INVITE", to: "b", sdp: audioSDP(aliceRTP)}
	t.Run("for a minute after the end", func(t *testing.T) {
		s := newSim(t)
		s.setUp(0, "", aliceRTP, bobRTP)
		s.hangUp(5, "")
		s.sip(20, bob, alice, answer)
		s.sip(40, alice, bob, again)
		check(t, "running", s.t.Running(), 0)
		check(t, "records", len(s.calls), 1)
		s.sip(200, bob, alice, answer)
		check(t, "long after", s.t.Running(), 1)
	})
	t.Run("of calls that fell silent, for as long as a call may last", func(t *testing.T) {
		s := newSim(t)
		s.setUp(0, "", aliceRTP, bobRTP)
		s.talk(2.1, 50, aliceRTP, bobRTP, 8, 1)
		s.t.Tick(at(1000))
		check(t, "cause", s.calls[0].EndCause, protocol.EndTimeoutRTP)
		s.sip(3*3600, alice, bob, again)
		check(t, "running", s.t.Running(), 0)
	})
	t.Run("of calls that there was no room for", func(t *testing.T) {
		s := newSim(t, func(c *Config) { c.MaxCalls = 1 })
		s.setUp(0, "one", aliceRTP, bobRTP)
		s.setUp(10, "two", aliceRTP, bobRTP)
		again := again
		again.id = "one"
		s.sip(20, alice, bob, again)
		s.hangUp(30, "two")
		s.sip(50, alice, bob, again)
		check(t, "running", s.t.Running(), 0)
		check(t, "records", len(s.calls), 2)
	})
	t.Run("none makes room for a call of which half is lost", func(t *testing.T) {
		s := newSim(t, func(c *Config) { c.MaxCalls = 1 })
		s.setUp(0, "one", aliceRTP, bobRTP)
		again := again
		again.id = "another"
		s.sip(20, alice, bob, again)
		check(t, "records", len(s.calls), 0)
		check(t, "running", s.t.order.oldest().callID, "one")
	})
	t.Run("a new INVITE is a new call", func(t *testing.T) {
		s := newSim(t)
		s.setUp(0, "", aliceRTP, bobRTP)
		s.hangUp(5, "")
		s.setUp(20, "", aliceRTP, bobRTP)
		check(t, "running", s.t.Running(), 1)
		check(t, "joined", s.t.Live(nil)[0].Joined, false)
	})
}

func TestPastCallsAreRememberedInBoundedRoom(t *testing.T) {
	g := gone{period: int64(time.Minute)}
	const n = 3 * gonePlaces * goneDepth
	id := func(i int) digest { return noDigest.Number(uint32(i)) }
	for i := range n {
		g.add(id(i), at(float64(i)/n))
	}
	if g.forgotten < n-gonePlaces*goneDepth || g.forgotten > n {
		t.Errorf("%d forgotten of %d", g.forgotten, n)
	}
	check(t, "places", len(g.places), gonePlaces)
	check(t, "the last", g.has(id(n-1), at(59)), true)
	check(t, "after its time", g.has(id(n-1), at(63)), false)
	check(t, "another", g.has(id(n+1), at(2)), false)
	if a := testing.AllocsPerRun(100, func() { g.add(id(1), at(70)) }); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

func TestRulesDecideAboutAJoinedCallAtItsFirstMessage(t *testing.T) {
	var joined []bool
	s := newSim(t, decideBy(decide(func(c *Subject) Decision {
		joined = append(joined, c.Joined)
		return Decision{Rule: "all", Keep: protocol.KeepRTP}
	})))
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "5 INVITE", to: "b", sdp: audioSDP(aliceRTP)})
	check(t, "asked", len(joined), 1)
	check(t, "told that it was joined", joined[0], true)
	s.talk(1, 10, bobRTP, aliceRTP, 8, 1)
	s.hangUp(5, "")
	c := s.finish(5)
	check(t, "rule", c.Rule, "all")
	check(t, "packets kept", c.Capture.Packets, uint64(13))
}

// FuzzJoining plays any message into an empty table, and again hours after the call that it may have made has ended: it makes one
// record at most each time, without times that nobody saw, and nothing is left behind.
func FuzzJoining(f *testing.F) {
	for _, m := range []msg{
		{first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP)},
		{first: ackLine, cseq: "1 ACK", to: "b", sdp: audioSDP(aliceRTP)},
		{first: "UPDATE sip:x SIP/2.0", cseq: "3 UPDATE", to: "b", sdp: audioSDP(aliceRTP)},
	} {
		f.Add(m.bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m sip.Message
		if m.Parse(b) != nil {
			t.Skip("no SIP message")
		}
		s := newSim(t, func(c *Config) { c.MaxCalls = 1 })
		s.raw(0, bob, alice, b)
		if s.t.Running() > 1 {
			t.Fatalf("%d calls of one message", s.t.Running())
		}
		s.talk(1, 20, aliceRTP, bobRTP, 8, 1)
		s.hangUp(2, string(m.CallID()))
		s.t.Tick(at(20000))
		s.raw(20001, bob, alice, b)
		s.t.Tick(at(60000))
		if len(s.calls) > 2 || s.t.Running() != 0 || s.t.ends.n != 0 || s.t.flows.n != 0 {
			t.Fatalf("%d records; left behind: %d calls, %d endpoints, %d flows", len(s.calls), s.t.Running(), s.t.ends.n, s.t.flows.n)
		}
		for _, c := range s.calls {
			if c.Joined && (c.PDDMS != nil || c.SetupMS != nil) {
				t.Fatalf("joined, and has times from its INVITE on: %+v", c)
			}
		}
	})
}
