package call

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
)

const pbx = "203.0.113.50:5060"

// leg is an INVITE of its own call.
type leg struct {
	at                 float64
	src, dst           string
	id, caller, callee string
	more               string
	media              string
}

func (s *sim) invite(l leg) {
	s.tb.Helper()
	m := msg{id: l.id, first: "INVITE sip:" + l.callee + "@example.org SIP/2.0", cseq: "1 INVITE", more: l.more}
	if l.media != "" {
		m.sdp = audioSDP(l.media)
	}
	b := m.bytes()
	b = []byte(strings.Replace(string(b), "sip:1001@", "sip:"+l.caller+"@", 1))
	s.raw(l.at, l.src, l.dst, b)
}

// groups plays nothing more and answers the calls that each group has, by the id of their first.
func (s *sim) groups() map[string]string {
	s.tb.Helper()
	s.t.Tick(at(40000))
	name := map[string]string{}
	for _, c := range s.calls {
		name[c.ID.String()] = c.CallID
	}
	out := map[string]string{}
	for _, c := range s.calls {
		if name[c.GroupID] == "" {
			s.tb.Errorf("%s is in a group of no call: %s", c.CallID, c.GroupID)
		}
		out[c.CallID] = name[c.GroupID]
	}
	if len(s.t.legs.keys) != 0 {
		s.tb.Errorf("%d header values left behind", len(s.t.legs.keys))
	}
	return out
}

func withHeaders(c *Config) { c.MatchHeaders = []string{"X-Call-ID", "X-CID"} }

func TestLegsOfAB2BUAAreAGroup(t *testing.T) {
	const session = "Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000\r\n"
	in := leg{at: 0, src: alice, dst: pbx, id: "in", caller: "1001", callee: "1002", media: aliceRTP}
	for _, c := range []struct {
		name    string
		in, out leg
	}{
		{"by both numbers", in, leg{at: 0.4, src: pbx, dst: bob, caller: "1001", callee: "1002"}},
		{
			"by numbers with another prefix",
			leg{src: alice, dst: pbx, caller: "+420555123456", callee: "00420777654321"},
			leg{at: 2, src: pbx, dst: bob, caller: "0555123456", callee: "777654321"},
		},
		{
			"by the callee, where the caller was rewritten",
			leg{src: alice, dst: pbx, caller: "101", callee: "00420777654321"},
			leg{at: 0.2, src: pbx, dst: bob, caller: "420555000000", callee: "420777654321"},
		},
		{
			"by the caller, where the callee was rewritten",
			leg{src: alice, dst: pbx, caller: "420555123456", callee: "420555000000"},
			leg{at: 0.2, src: pbx, dst: bob, caller: "420555123456", callee: "101"},
		},
		{"by the media that passes", in, leg{at: 0.4, src: pbx, dst: bob, caller: "555", callee: "666", media: aliceRTP}},
		{"by a header with the Call-ID", in, leg{at: 9, src: "203.0.113.99:5060", dst: bob, caller: "555", callee: "666", more: "X-CID: in\r\n"}},
		{
			"by the same value in both",
			leg{src: alice, dst: pbx, caller: "1", callee: "2", more: "x-call-id: 4711\r\n"},
			leg{at: 9, src: "203.0.113.99:5060", dst: bob, caller: "555", callee: "666", more: "X-Call-ID: 4711\r\n"},
		},
		{"by Session-ID", leg{src: alice, dst: pbx, caller: "1", callee: "2", more: session}, leg{at: 9, src: pbx, dst: bob, caller: "5", callee: "6", more: session}},
		{"by Replaces", in, leg{at: 9, src: "203.0.113.99:5060", dst: bob, caller: "555", callee: "666", more: "Replaces: in;to-tag=x;from-tag=y\r\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t, withHeaders)
			c.in.id, c.out.id = "in", "out"
			s.invite(c.in)
			s.invite(c.out)
			var live []protocol.LiveCall
			live = s.t.Live(live)
			check(t, "live", live[0].GroupID == live[1].GroupID, true)
			g := s.groups()
			check(t, "group of the outgoing leg", g["out"], "in")
			check(t, "group of the incoming leg", g["in"], "in")
		})
	}
}

func TestCallIDWithASuffixBelongsToTheOneWithout(t *testing.T) {
	s := newSim(t)
	s.invite(leg{at: 0, src: alice, dst: pbx, id: "abc@host", caller: "1", callee: "2"})
	s.invite(leg{at: 9, src: "203.0.113.99:5060", dst: bob, id: "abc@host_b2b-1", caller: "3", callee: "4"})
	check(t, "group", s.groups()["abc@host_b2b-1"], "abc@host")
}

func TestTheNamedCallMayStartLater(t *testing.T) {
	s := newSim(t, withHeaders)
	s.invite(leg{at: 0, src: pbx, dst: bob, id: "b", caller: "3", callee: "4", more: "X-CID: a\r\n"})
	s.invite(leg{at: 0.001, src: alice, dst: "203.0.113.99:5060", id: "a", caller: "1", callee: "2"})
	check(t, "group", s.groups()["a"], "b")
}

func TestThreeLegsAndARingGroupAreOneGroup(t *testing.T) {
	s := newSim(t)
	const second = "203.0.113.60:5060"
	s.invite(leg{at: 0, src: alice, dst: pbx, id: "1", caller: "420555123456", callee: "420777654321"})
	s.invite(leg{at: 0.2, src: pbx, dst: second, id: "2", caller: "420555123456", callee: "420777654321"})
	for i := range 5 {
		s.invite(leg{
			at: 0.4 + float64(i)/100, src: second, dst: fmt.Sprintf("198.51.100.%d:5060", 20+i), id: fmt.Sprint("ring", i),
			caller: "420555123456", callee: fmt.Sprint(100 + i),
		})
	}
	for id, first := range s.groups() {
		check(t, id, first, "1")
	}
}

func TestTransfersJoinCalls(t *testing.T) {
	t.Run("attended", func(t *testing.T) {
		s := newSim(t)
		s.setUp(0, "first", aliceRTP, bobRTP)
		s.setUp(5, "second@host", "192.0.2.10:42000", "198.51.100.30:50000")
		s.sip(9, alice, bob, msg{
			id: "first", first: "REFER sip:1002@198.51.100.20 SIP/2.0", cseq: "2 REFER", to: "b",
			more: "Refer-To: <sip:1003@example.org?Replaces=second%40host%3Bto-tag%3Db%3Bfrom-tag%3Da>\r\n",
		})
		check(t, "group", s.groups()["second@host"], "first")
	})
	t.Run("blind", func(t *testing.T) {
		s := newSim(t)
		s.setUp(0, "first", aliceRTP, bobRTP)
		s.sip(9, alice, bob, msg{id: "first", first: "REFER sip:1002@198.51.100.20 SIP/2.0", cseq: "2 REFER", to: "b", more: "Refer-To: <sip:1003@example.org>\r\n"})
		s.invite(leg{at: 10, src: "198.51.100.77:5060", dst: pbx, id: "somebody else", caller: "555", callee: "1003"})
		s.invite(leg{at: 11, src: bob, dst: pbx, id: "third", caller: "1002", callee: "1003"})
		g := s.groups()
		check(t, "the referred call", g["third"], "first")
		check(t, "another", g["somebody else"], "somebody else")
	})
}

func TestCallsAreNotJoinedByGuess(t *testing.T) {
	in := leg{at: 0, src: alice, dst: pbx, id: "in", caller: "1001", callee: "1002"}
	for _, c := range []struct {
		name string
		more []leg
		out  leg
	}{
		{"too late", nil, leg{at: 4, src: pbx, dst: bob, caller: "1001", callee: "1002"}},
		{"from elsewhere", nil, leg{at: 0.4, src: "203.0.113.51:5060", dst: bob, caller: "1001", callee: "1002"}},
		{"only a short number is the same", nil, leg{at: 0.4, src: pbx, dst: bob, caller: "1001", callee: "1003"}},
		{
			"two calls with the same numbers",
			[]leg{{at: 0.1, src: alice, dst: pbx, id: "in2", caller: "1001", callee: "1002"}},
			leg{at: 0.4, src: pbx, dst: bob, caller: "1001", callee: "1002"},
		},
		{"two calls of a call centre's number", []leg{
			{at: 0.1, src: alice, dst: pbx, id: "in2", caller: "420555123456", callee: "420777000001"},
			{at: 0.2, src: alice, dst: pbx, id: "in3", caller: "420555123456", callee: "420777000002"},
		}, leg{at: 0.4, src: pbx, dst: bob, caller: "420555123456", callee: "101"}},
		{"caller and callee of different calls", []leg{
			{at: 0.1, src: alice, dst: pbx, id: "in2", caller: "420555123456", callee: "420777000001"},
			{at: 0.2, src: alice, dst: pbx, id: "in3", caller: "420555123457", callee: "420777000002"},
		}, leg{at: 0.4, src: pbx, dst: bob, caller: "420555123456", callee: "420777000002"}},
		{
			"the same outside number calls two extensions",
			[]leg{{at: 0.1, src: alice, dst: pbx, id: "in2", caller: "420555123456", callee: "3791"}},
			leg{at: 0.4, src: pbx, dst: bob, caller: "420555123456", callee: "3691"},
		},
		{"a Session-ID of nothing", nil, leg{at: 9, src: pbx, dst: bob, caller: "1", callee: "2", more: "Session-ID: 00000000000000000000000000000000\r\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t, withHeaders)
			s.invite(in)
			for _, l := range c.more {
				s.invite(l)
			}
			c.out.id = "out"
			s.invite(c.out)
			for id, first := range s.groups() {
				check(t, id, first, id)
			}
		})
	}
}

func TestJoinedCallsAreBounded(t *testing.T) {
	s := newSim(t, withHeaders, func(c *Config) { c.MaxCalls, c.AbsoluteTimeout = 100, 24*time.Hour })
	for i := range 5000 {
		s.invite(leg{at: float64(i) / 100, src: alice, dst: pbx, id: fmt.Sprint("c", i), caller: fmt.Sprint(int64(420555000000) + int64(i)), callee: "1", more: fmt.Sprintf("X-CID: %d\r\n", i)})
		s.sip(float64(i)/100, alice, pbx, msg{id: fmt.Sprint("c", i), first: "REFER sip:x SIP/2.0", cseq: "2 REFER", more: "Refer-To: <sip:1003@example.org>\r\n"})
	}
	if n := len(s.t.legs.keys); n > 100 {
		t.Errorf("%d header values for 100 calls", n)
	}
	if n := len(s.t.legs.refers); n > maxRefers {
		t.Errorf("%d transfers", n)
	}
	s.groups()
}

func TestACallAfterTheClockWasSetBackIsNotJoinedToOneThatIsLongGone(t *testing.T) {
	s := newSim(t)
	s.sip(0, alice, proxy, msg{id: "in", first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP)})
	s.sip(0.1, proxy, alice, msg{id: "in", first: "SIP/2.0 404 Not Found", cseq: "1 INVITE", to: "b"})
	s.sip(0.2, alice, proxy, msg{id: "in", first: ackLine, cseq: "1 ACK", to: "b"})
	s.t.Tick(at(300))
	check(t, "calls that are over", len(s.calls), 1)
	s.sip(1, proxy, bob, msg{id: "out", first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(bobRTP)})
	s.t.Close(protocol.EndUnterminated)
	check(t, "calls", len(s.calls), 2)
	for _, c := range s.calls {
		check(t, "group of "+c.CallID, c.GroupID, c.ID.String())
	}
}
