package call

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"voiptop/protocol"
	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/diagnose"
)

// decide is a Decider that asks for no header.
type decide func(*Subject) Decision

func (decide) Headers() []string            { return nil }
func (f decide) Decide(s *Subject) Decision { return f(s) }

// debugged keeps the calls that have a header X-Debug, and is undecided about the others as long as they run.
type debugged struct{}

func (debugged) Headers() []string { return []string{"x-debug"} }

func (debugged) Decide(s *Subject) Decision {
	switch {
	case len(s.Headers) > 0:
		return Decision{Rule: "debug", Keep: protocol.KeepRTP}
	case s.State == protocol.StateEnded:
		return Decision{}
	}
	return Decision{Open: protocol.KeepRTP}
}

func decideBy(d Decider) func(*Config) { return func(c *Config) { c.Decide = d } }

func TestAHeaderOnAReinviteKeepsTheCallFromItsFirstPacket(t *testing.T) {
	for _, header := range []string{"", "x-debug: 1\r\n"} {
		s := newSim(t, decideBy(debugged{}))
		s.setUp(0, "", aliceRTP, bobRTP)
		s.talk(3, 10, aliceRTP, bobRTP, 8, 1)
		if l := s.t.Live(nil)[0]; l.Held != protocol.KeepRTP || l.Kept != protocol.KeepNone {
			t.Errorf("undecided: the live row says kept %s, held %s", l.Kept, l.Held)
		}
		s.sip(5, alice, bob, msg{first: inviteLine, cseq: "2 INVITE", to: "b", more: header, sdp: audioSDP(aliceRTP)})
		s.talk(6, 10, aliceRTP, bobRTP, 8, 1)
		s.hangUp(9, "")
		r := s.finish(9)
		for i, k := range s.kept {
			if open := header == "" || i < 14; k.said.Open != open {
				t.Errorf("packet %d: undecided %v, want %v", i, k.said.Open, open)
			}
		}
		check(t, "packets", len(s.kept), 4+10+1+10+2)
		check(t, "told of a decision", len(s.said), 1)
		check(t, "undecided then", s.said[0].Open, false)
		check(t, "ended", len(s.ended), 1)
		if header == "" {
			check(t, "rule", r.Rule, "")
			check(t, "what stays", s.said[0].Keep, protocol.KeepNone)
			check(t, "the decision comes at the end", len(s.kept), 27)
			continue
		}
		check(t, "rule", r.Rule, "debug")
		check(t, "what stays", s.said[0].Keep, protocol.KeepRTP)
	}
}

func TestTheFinishedRecordDecidesLast(t *testing.T) {
	var asked []protocol.State
	s := newSim(t, decideBy(decide(func(c *Subject) Decision {
		asked = append(asked, c.State)
		if c.State != protocol.StateEnded {
			if c.MOS != nil || len(c.Findings) > 0 {
				t.Error("a call that runs is told what only its end can tell")
			}
			return Decision{Rule: "rest", Keep: protocol.KeepSIP, Open: protocol.KeepRTP}
		}
		if c.MOS == nil || c.EndCause != protocol.EndBye || len(c.Streams) != 2 {
			t.Errorf("the record at the end: MOS %v, %s, %d streams", c.MOS, c.EndCause, len(c.Streams))
		}
		if len(c.Findings) == 0 || c.Findings[len(c.Findings)-1].Code != "judged" {
			t.Errorf("what several calls show comes before the rules: %v", c.Findings)
		}
		return Decision{Rule: "bad", Keep: protocol.KeepHeaders, NoAudio: true}
	})), func(c *Config) {
		c.Judge = func(netip.Addr, *diagnose.Attempt) []protocol.Finding { return []protocol.Finding{{Code: "judged"}} }
	})
	s.setUp(0, "", aliceRTP, bobRTP)
	s.talk(3, 100, aliceRTP, bobRTP, 8, 1)
	s.talk(3, 100, bobRTP, aliceRTP, 8, 2)
	if r := s.t.Find("call-1@alice"); r.Rule != "rest" || r.Capture.Kept != "" {
		t.Errorf("while it runs: rule %q, capture %+v", r.Rule, r.Capture)
	}
	s.hangUp(9, "")
	r := s.finish(9)
	check(t, "asked", fmt.Sprint(asked), "[trying up ended]")
	check(t, "rule", r.Rule, "bad")
	check(t, "kept", r.Capture.Kept, protocol.KeepHeaders)
	check(t, "no audio", r.Capture.NoAudio, true)
	check(t, "told of the decision before the end", s.said[len(s.said)-1], Kept{
		ID: r.ID, CallID: r.CallID, Caller: "1001", Callee: "1002", Start: r.Start, Rule: "bad", Keep: protocol.KeepHeaders, NoAudio: true,
	})
}

func TestAChangeOfRulesReachesTheRunningCalls(t *testing.T) {
	none, some := Decision{}, Decision{Rule: "some", Keep: protocol.KeepRTP}
	forbid := Decision{Rule: "never", Keep: protocol.KeepNone}
	open := Decision{Open: protocol.KeepRTP}
	for _, c := range []struct {
		name          string
		before, after Decision
		said          int           // that the sink is told
		keep          protocol.Keep // then
		rule          string
		packets       int // of the ten before and the ten after the change
	}{
		{"kept from now on", none, some, 0, protocol.KeepRTP, "some", 10},
		{"no longer", some, none, 1, protocol.KeepNone, "", 10},
		{"forbidden", some, forbid, 1, protocol.KeepNone, "never", 10},
		{"with what was held", open, some, 1, protocol.KeepRTP, "some", 20},
		{"what was held goes", open, none, 1, protocol.KeepNone, "", 10},
		{"held from now on", some, open, 1, protocol.KeepRTP, "", 20},
		{"the same", some, some, 0, protocol.KeepRTP, "some", 20},
		{"no longer forbidden", forbid, none, 0, protocol.KeepNone, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := c.before
			s := newSim(t, decideBy(decide(func(*Subject) Decision { return now })))
			s.setUp(0, "", aliceRTP, bobRTP)
			s.kept = nil
			s.talk(3, 10, aliceRTP, bobRTP, 8, 1)
			now = c.after
			var at Cursor
			if s.t.Redecide(&at, 10) {
				t.Error("there are more calls")
			}
			s.talk(4, 10, aliceRTP, bobRTP, 8, 1)
			check(t, "packets", len(s.kept), c.packets)
			check(t, "the sink is told", len(s.said), c.said)
			if c.said > 0 {
				check(t, "keep", s.said[0].Keep, c.keep)
				check(t, "rule", s.said[0].Rule, c.rule)
				check(t, "undecided", s.said[0].Open, c.after.Open != "")
			}
			l := s.t.Live(nil)[0]
			check(t, "rule in the live row", l.Rule, c.rule)
			if c.after.Open == "" {
				check(t, "kept in the live row", l.Kept, c.keep)
			}
		})
	}
}

func TestCallsAreAskedAboutInSlicesWhileOthersComeAndGo(t *testing.T) {
	asked := map[string]int{}
	s := newSim(t, decideBy(decide(func(c *Subject) Decision { asked[c.CallID]++; return Decision{} })))
	invite := func(n int) {
		s.sip(float64(n)/100, alice, bob, msg{id: fmt.Sprintf("call-%d", n), first: inviteLine, cseq: "1 INVITE"})
	}
	for n := range 100 {
		invite(n)
	}
	clear(asked)
	var at Cursor
	for slice := 0; s.t.Redecide(&at, 7); slice++ {
		switch slice {
		case 3: // the call that the cursor is at goes
			last := s.t.order.from(at.number - 1)
			s.sip(2, bob, alice, msg{id: last.callID, first: "SIP/2.0 486 Busy Here", cseq: "1 INVITE", to: "b"})
			s.sip(2.1, alice, bob, msg{id: last.callID, first: ackLine, cseq: "1 ACK", to: "b"})
			s.t.Tick(last.lastSIP + 2*linger)
			if !last.finished {
				t.Fatal("the call has not ended")
			}
		case 5:
			invite(100)
		}
	}
	for n := range 101 {
		if id := fmt.Sprintf("call-%d", n); asked[id] == 0 {
			t.Errorf("%s was not asked about", id)
		}
	}
}

// collector asks for headers and keeps what it was given.
type collector struct {
	names []string
	got   []Header
}

func (c *collector) Headers() []string { return c.names }
func (c *collector) Decide(s *Subject) Decision {
	c.got = s.Headers
	return Decision{}
}

func TestOnlyTheHeadersAreCollectedThatRulesAskFor(t *testing.T) {
	c := &collector{names: []string{"from", "subject", "x-tag"}}
	s := newSim(t, decideBy(c))
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", more: "s: hello\r\nX-Other: no\r\nX-TAG: one\r\nx-tag: two\r\n"})
	s.sip(1, bob, alice, msg{first: ringing, cseq: "1 INVITE", to: "b", more: "X-Tag: one\r\nX-Tag: \xff\r\n"})
	s.sip(1.2, bob, alice, msg{first: "SIP/2.0 183 Session Progress", cseq: "1 INVITE", to: "b", more: "X-Tag: \xff\r\n"})
	want := `[{from "Alice" <sip:1001@example.net>;tag=a} {subject hello} {x-tag one} {x-tag two} {x-tag ` + "\ufffd" + `}]`
	check(t, "headers", fmt.Sprint(c.got), want)
	check(t, "dropped", s.t.deciding.dropped, uint64(0))
}

func TestTheHeadersOfACallAreBounded(t *testing.T) {
	c := &collector{names: []string{"x-tag"}}
	s := newSim(t, decideBy(c))
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", more: "X-Tag: " + strings.Repeat("long", 100) + "\r\n"})
	for n := range 2 * maxHeaders {
		s.sip(float64(1+n), bob, alice, msg{first: ringing, cseq: "1 INVITE", branch: fmt.Sprint("b", n), to: "b", more: fmt.Sprintf("X-Tag: %d\r\n", n)})
	}
	check(t, "values", len(c.got), maxHeaders)
	check(t, "length of the long one", len(c.got[0].Value), maxHeaderValue)
	n := protocol.Counters{}
	s.t.Counters(n)
	check(t, "let go", n["captures.headers.dropped"], uint64(1+maxHeaders+1)) // the long one's end, and values
}

func TestNoHeaderIsLookedAtWithoutARuleThatAsks(t *testing.T) {
	s := newSim(t, decideBy(decide(func(*Subject) Decision { return Decision{} })))
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", more: "X-Tag: 1\r\n"})
	if h := s.t.order.oldest().headers; h != nil {
		t.Errorf("collected %v", h)
	}
}

func TestCallsOverTheLimitKeepTheirSignallingAtMost(t *testing.T) {
	s := newSim(t, decideBy(decide(func(c *Subject) Decision {
		if c.State == protocol.StateEnded {
			return Decision{Rule: "bad", Keep: protocol.KeepRTP}
		}
		return Decision{Open: protocol.KeepRTP}
	})))
	s.t.SetMaxChannels(1)
	s.sip(0, alice, bob, msg{id: "first", first: inviteLine, cseq: "1 INVITE"})
	s.sip(1, alice, bob, msg{first: inviteLine, cseq: "1 INVITE"})
	check(t, "held of the second", s.t.byID.of([]byte("call-1@alice")).kept.Keep, protocol.KeepSIP)
	s.t.Close(protocol.EndUnterminated)
	check(t, "kept of the second", s.calls[1].Capture.Kept, protocol.KeepSIP)
}

func TestWithoutADeciderNothingIsKeptOfNewCalls(t *testing.T) {
	s := newSim(t, decideBy(decide(func(*Subject) Decision { return Decision{Rule: "all", Keep: protocol.KeepRTP} })))
	s.setUp(0, "", aliceRTP, bobRTP)
	s.t.SetDecider(nil)
	var at Cursor
	s.t.Redecide(&at, 10)
	check(t, "told", s.said[0].Keep, protocol.KeepNone)
	s.kept = nil
	s.talk(3, 10, aliceRTP, bobRTP, 8, 1)
	s.sip(4, alice, bob, msg{id: "second", first: inviteLine, cseq: "1 INVITE"})
	check(t, "kept", len(s.kept), 0)
	s.hangUp(9, "")
	s.t.Close(protocol.EndUnterminated)
	check(t, "ended", len(s.ended), 1)
}

func TestAPacketOfAnUndecidedCallCostsNoAllocation(t *testing.T) {
	for name, d := range map[string]Decision{
		"undecided":             {Open: protocol.KeepRTP},
		"undecided and blanked": {Open: protocol.KeepRTP, MaskDTMF: true},
		"kept and blanked":      {Rule: "all", Keep: protocol.KeepRTP, MaskDTMF: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t, decideBy(decide(func(*Subject) Decision { return d })))
			s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP, "RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000")})
			s.talk(1, 100, bobRTP, aliceRTP, 8, 1)
			s.t.sink = count{}
			voice, key := s.datagram(5, bobRTP, aliceRTP, rtpPacket(8, 1200, 32000, 1)), s.datagram(5, bobRTP, aliceRTP, rtpPacket(101, 1201, 32000, 1))
			for _, p := range []struct {
				name string
				give func()
			}{
				{"voice", func() { voice.Frame++; s.t.Media(voice) }},
				{"an event", func() { key.Frame++; s.t.Media(key) }},
			} {
				p.give()
				if n := testing.AllocsPerRun(1000, p.give); n != 0 {
					t.Errorf("%s: %v allocations", p.name, n)
				}
			}
		})
	}
}

// count is a sink that keeps nothing.
type count struct{}

func (count) Call(*protocol.CDR)                 {}
func (count) Keep(*Kept, *capture.Packet, int)   {}
func (count) Decided(*Kept)                      {}
func (count) Kept(*Kept) (none protocol.Capture) { return none }
