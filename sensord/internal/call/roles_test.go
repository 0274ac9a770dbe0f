package call

import (
	"fmt"
	"strings"
	"testing"

	"voiptop/sensord/internal/sip"
)

// reply is the request that the callee sends within the call of msg: From and To are the other way round.
func (m msg) fromCallee() msg {
	m.from, m.to = "b", "a"
	return m
}

func TestWhoCalledIsReadFromTheCallID(t *testing.T) {
	const elsewhere = "203.0.113.99"
	again := msg{first: "INVITE sip:1001@192.0.2.10 SIP/2.0", cseq: "5 INVITE", sdp: audioSDP(bobRTP)}.fromCallee()
	contact := func(host string) string { return "Contact: <sip:x@" + host + ":5060>\r\n" }
	for name, c := range map[string]struct {
		id, contact, target string
		src, dst            string
		caller              string // "": not known
	}{
		"the receiver's address":               {"x@192.0.2.10", "", "", bob, alice, "1001"},
		"the receiver's address with its port": {"x@192.0.2.10:5060", "", "", bob, alice, "1001"},
		"the sender's address":                 {"x@198.51.100.20", "", "", bob, alice, "1002"},
		"the sender's Contact, behind a proxy": {"x@198.51.100.20", contact("198.51.100.20"), elsewhere, proxy, elsewhere + ":5060", "1002"},
		"the Request-URI, behind a proxy":      {"x@192.0.2.10", contact("198.51.100.20"), "192.0.2.10", proxy, elsewhere + ":5060", "1001"},
		"a name":                               {"x@gw1.example.net", contact("gw2.example.net"), "gw1.example.net", bob, alice, "1001"},
		"IPv6":                                 {"x@[2001:db8::1]", "", "", "[2001:db8::2]:5060", "[2001:db8::1]:5060", "1001"},
		"nobody's":                             {"x@203.0.113.50", "", "", bob, alice, ""},
		"none":                                 {"x-y-z", "", "", bob, alice, ""},
		"of both, on one host":                 {"x@127.0.0.1", "", "", "127.0.0.1:5060", "127.0.0.1:5070", ""},
		"private, and in one house":            {"x@10.0.0.5", "", "", "10.0.0.5:5060", "10.0.0.9:5060", "1002"},
		"private, across a NAT":                {"x@10.0.0.5", "", "", "10.0.0.5:5060", alice, ""},
		"private, of a Contact behind a NAT":   {"x@10.0.0.5", contact("10.0.0.5"), "", bob, alice, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := again
			m.id, m.more = c.id, c.contact
			if c.target != "" {
				m.first = "INVITE sip:1001@" + c.target + " SIP/2.0"
			}
			s := newSim(t)
			s.sip(0, c.src, c.dst, m)
			m.first, m.sdp, m.cseq, m.more = byeLine, "", "6 BYE", ""
			m.first = "BYE sip:1001@203.0.113.77 SIP/2.0"
			s.sip(9, c.src, c.dst, m)
			r := s.finish(9)
			check(t, "assumed", r.PartiesAssumed, c.caller == "")
			if c.caller == "" {
				return
			}
			by, ends := "callee", c.dst+" "+c.src
			if c.caller == "1002" {
				by, ends = "caller", c.src+" "+c.dst
			}
			check(t, "caller", r.Caller, c.caller)
			check(t, "ended by", string(r.EndBy), by)
			check(t, "addresses", r.Src+" "+r.Dst, ends)
			check(t, "domains", r.CallerDomain+" "+r.CalleeDomain, map[string]string{"1001": "example.net example.org", "1002": "example.org example.net"}[c.caller])
			check(t, "name", r.CallerName, map[string]string{"1001": "Alice", "1002": ""}[c.caller])
		})
	}
	t.Run("a domain that both have is nobody's host", func(t *testing.T) {
		s := newSim(t)
		b := again
		b.id = "x@192.0.2.10"
		s.raw(0, bob, alice, []byte(strings.NewReplacer("@example.net", "@192.0.2.10", "@example.org", "@192.0.2.10").Replace(string(b.bytes()))))
		s.t.Tick(at(20000))
		check(t, "assumed", s.calls[0].PartiesAssumed, true)
	})
}

func TestMediaOfACallThatTheCalleeChangedIsFromWhomItIs(t *testing.T) {
	s := newSim(t)
	id := "x@192.0.2.10"
	s.sip(0, bob, alice, msg{id: id, first: "INVITE sip:1001@192.0.2.10 SIP/2.0", cseq: "5 INVITE", sdp: audioSDP(bobRTP)}.fromCallee())
	s.sip(0.1, alice, bob, msg{id: id, first: ok200, cseq: "5 INVITE", sdp: audioSDP(aliceRTP)}.fromCallee())
	s.talk(1, 100, aliceRTP, bobRTP, 8, 1)
	s.talk(1, 100, bobRTP, aliceRTP, 8, 2)
	s.hangUp(9, id)
	r := s.finish(9)
	check(t, "assumed", r.PartiesAssumed, false)
	check(t, "parties", r.Caller+" "+r.Callee+" "+r.CallerName, "1001 1002 Alice")
	check(t, "directions", string(r.Streams[0].Direction+" "+r.Streams[1].Direction), "from-caller from-callee")
	check(t, "ended by", string(r.EndBy), "caller")
}

// Where nothing tells, what is likelier stands in the record, and it says that it is assumed.
func TestWithoutEvidenceThePartiesAreAssumed(t *testing.T) {
	for name, m := range map[string]msg{
		"of the caller": {first: inviteLine, cseq: "5 INVITE", to: "b", sdp: audioSDP(aliceRTP)},
		"of the callee": msg{first: "INVITE sip:1001@192.0.2.10 SIP/2.0", cseq: "5 INVITE", sdp: audioSDP(bobRTP)}.fromCallee(),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			if name == "of the caller" {
				s.sip(0, alice, bob, m)
			} else {
				s.sip(0, bob, alice, m)
			}
			s.hangUp(9, "")
			r := s.finish(9)
			check(t, "assumed", r.PartiesAssumed, true)
			check(t, "who has a name is the likelier caller", r.Caller+" "+r.CallerName, "1001 Alice")
			check(t, "ended by", string(r.EndBy), "caller")
			check(t, "addresses", r.Src+" "+r.Dst, alice+" "+bob)
		})
	}
}

func TestALaterMessageTellsWhoCalled(t *testing.T) {
	update := msg{first: "UPDATE sip:1001@192.0.2.10 SIP/2.0", cseq: "1 UPDATE", sdp: audioSDP(bobRTP), more: "User-Agent: B\r\n"}.fromCallee()
	t.Run("the answer, after an UPDATE of the callee", func(t *testing.T) {
		s := newSim(t)
		u := update
		s.raw(0, bob, alice, []byte(strings.ReplaceAll(string(u.bytes()), `"Alice" `, ""))) // no name: From's is taken for the caller
		check(t, "at first", s.t.order.oldest().caller, "1002")
		s.talk(0.5, 100, aliceRTP, bobRTP, 8, 1)
		s.sip(3, bob, alice, msg{first: ok200, cseq: "7 INVITE", to: "b", sdp: audioSDP(bobRTP)})
		s.sip(3.1, alice, bob, msg{first: ackLine, cseq: "7 ACK", to: "b"})
		s.hangUp(9, "")
		r := s.finish(9)
		check(t, "assumed", r.PartiesAssumed, false)
		check(t, "parties", r.Caller+" "+r.Callee+" "+r.CallerName, "1001 1002 Alice")
		check(t, "answered", r.Answer != 0, true)
		check(t, "agents", r.UACaller+" "+r.UACallee, " B")
		check(t, "direction", string(r.Streams[0].Direction), "from-caller")
		check(t, "ended by", string(r.EndBy), "caller")
	})
	t.Run("a request of the other party that brings its address", func(t *testing.T) {
		s := newSim(t)
		id := "x@192.0.2.77"
		s.sip(0, proxy, bob, msg{id: id, first: inviteLine, cseq: "5 INVITE", to: "b", sdp: audioSDP(aliceRTP)})
		s.sip(9, bob, proxy, msg{id: id, first: "BYE sip:1001@192.0.2.77 SIP/2.0", cseq: "2 BYE"}.fromCallee())
		r := s.finish(9)
		check(t, "assumed", r.PartiesAssumed, false)
		check(t, "caller and by", r.Caller+" "+string(r.EndBy), "1001 callee")
	})
}

// A 2xx of which the Call-ID says that its INVITE came from the callee is no answer to the first INVITE.
func TestAResponseToTheCalleesINVITEIsNotTheAnswer(t *testing.T) {
	s := newSim(t)
	id := "x@192.0.2.10"
	s.sip(0, alice, bob, msg{id: id, first: ok200, cseq: "5 INVITE", sdp: audioSDP(aliceRTP)}.fromCallee())
	s.hangUp(9, id)
	r := s.finish(9)
	check(t, "answered", r.Answer != 0, false)
	check(t, "parties", r.Caller+" "+r.Callee+" "+r.Src+" "+r.Dst, fmt.Sprintf("1001 1002 %s %s", alice, bob))
	check(t, "assumed", r.PartiesAssumed, false)
}

// FuzzWhoCalled: whatever the messages of a call say, its record names the two parties of its first message, in one order or the other.
func FuzzWhoCalled(f *testing.F) {
	f.Add("x@192.0.2.10", "", uint8(0))
	f.Add("x@[::1]:5060", "Contact: <sip:[::1]>\r\n", uint8(1))
	f.Add("@", "Contact: *\r\n", uint8(3))
	f.Fuzz(func(t *testing.T, id, more string, kind uint8) {
		m := []msg{
			{first: inviteLine, cseq: "5 INVITE", to: "b"},
			msg{first: inviteLine, cseq: "5 INVITE"}.fromCallee(),
			{first: ok200, cseq: "5 INVITE", to: "b"},
			msg{first: ok200, cseq: "5 INVITE"}.fromCallee(),
		}[kind%4]
		m.id, m.more = id, more
		var v sip.Message
		if v.Parse(m.bytes()) != nil || strings.ContainsAny(more, "FTft") {
			t.Skip("no SIP message, or another From or To")
		}
		s := newSim(t)
		s.raw(0, bob, alice, m.bytes())
		s.t.Tick(at(60000))
		for _, c := range s.calls {
			if p := c.Caller + " " + c.Callee; p != "1001 1002" && p != "1002 1001" {
				t.Fatalf("parties %q", p)
			}
		}
	})
}

func TestWhoCalledIsReadFromTheRouteOfAProxy(t *testing.T) {
	route := func(tag string) string {
		return "Route: <sip:203.0.113.1;lr;ftag=" + tag + ";did=7>,<sip:203.0.113.2;lr>\r\n"
	}
	for name, c := range map[string]struct{ tag, caller string }{
		"that of From": {"b", "1002"}, "that of To": {"a", "1001"}, "of neither": {"zz", ""}, "none": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			s.sip(0, bob, proxy, msg{first: "INVITE sip:1001@192.0.2.10 SIP/2.0", cseq: "5 INVITE", more: route(c.tag), sdp: audioSDP(bobRTP)}.fromCallee())
			s.t.Tick(at(20000))
			r := s.calls[0]
			check(t, "assumed", r.PartiesAssumed, c.caller == "")
			if c.caller != "" {
				check(t, "caller", r.Caller, c.caller)
			}
		})
	}
}

// Of an answer in the first moment of a capture nothing tells to which INVITE it is, but the media does: where it flows already the call was up.
// Later, an INVITE within the call would have been seen.
func TestAnAnswerThatIsTheFirstToBeSeenIsOneIfMediaBeginsWithIt(t *testing.T) {
	for name, c := range map[string]struct {
		at             float64 // of the 2xx
		without        bool    // a description
		running, begun float64 // media from and to the callee, from then on; 0: none
		oneWay         bool    // from the callee alone
		answered       bool
	}{
		"later":                                     {at: 2, answered: true},
		"at once, no media is seen":                 {at: 0.3},
		"at once, media begins":                     {at: 0.3, begun: 0.32, answered: true},
		"at once, media flowed before":              {at: 0.3, running: 0.01},
		"at once, the callee's media flowed before": {at: 0.3, running: 0.01, oneWay: true},
		"at once, media begins much later":          {at: 0.3, begun: 5},
		"before media would have been seen":         {at: 0.04, begun: 0.06},
		"without a description":                     {at: 0.3, without: true, running: 0.01},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			s.talk(0, 1, "203.0.113.200:4000", "203.0.113.201:4000", 8, 9)
			m := msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP)}
			if c.without {
				m.sdp = ""
			}
			from, sent := c.running+c.begun, false
			for i := range 400 {
				now := 0.02 * float64(i)
				if !sent && now >= c.at-0.001 {
					s.sip(now, bob, alice, m)
					sent = true
				}
				if from == 0 || now < from {
					continue
				}
				s.t.Media(s.datagram(now+0.001, bobRTP, aliceRTP, rtpPacket(8, uint16(i), uint32(160*i), 0xb)))
				if !c.oneWay {
					s.t.Media(s.datagram(now+0.002, aliceRTP, bobRTP, rtpPacket(8, uint16(i), uint32(160*i), 0xa)))
				}
			}
			s.hangUp(9, "")
			r := s.finish(9)
			check(t, "joined", r.Joined, true)
			check(t, "status", r.Status, 200)
			check(t, "answered", r.Answer != 0, c.answered)
			if c.answered {
				check(t, "answer", r.Answer, r.Start)
			}
			check(t, "assumed", r.PartiesAssumed, c.at < 1)
			check(t, "caller", r.Caller, "1001")
			check(t, "how long it was up", (r.ConnectMS != nil), c.answered)
		})
	}
}

func TestTheInviteBehindA2xxTellsThatItWasTheAnswer(t *testing.T) {
	s := newSim(t)
	s.sip(0.2, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP)})
	s.sip(0.3, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP)})
	s.hangUp(9, "")
	r := s.finish(9)
	check(t, "answer", r.Answer, r.Start)
	check(t, "caller", r.Caller, "1001")
}

func TestFlowsOfTheFirstSecondAreForgottenAfterwards(t *testing.T) {
	s := newSim(t)
	s.talk(0, 10, "203.0.113.1:4000", "203.0.113.2:4000", 8, 1)
	if s.t.early.slots == nil {
		t.Error("nothing was noted")
	}
	s.talk(4, 1, "203.0.113.1:4000", "203.0.113.2:4000", 8, 1)
	if s.t.early.slots != nil {
		t.Error("it is still there")
	}
}
