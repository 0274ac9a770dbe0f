package call

import (
	"fmt"
	"strings"
	"testing"
)

// conversation plays two legs through a host from 2 s on: what each INVITE's addresses are, and media from and to their ports.
type conversation struct{ phone, in, out, peer, phoneRTP, inRTP, outRTP, peerRTP string }

func (s *sim) converse(v conversation, lose func(in bool, i int) bool) {
	s.tb.Helper()
	s.sip(0, v.phone, v.in, msg{id: "in", first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(v.phoneRTP)})
	s.sip(0.1, v.out, v.peer, msg{id: "out", first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(v.outRTP)})
	s.sip(1.9, v.peer, v.out, msg{id: "out", first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(v.peerRTP)})
	s.sip(2, v.in, v.phone, msg{id: "in", first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(v.inRTP)})
	for i := range 1000 {
		t := 2.1 + 0.02*float64(i)
		if !lose(true, i) {
			s.t.Media(s.datagram(t, v.phoneRTP, v.inRTP, rtpPacket(8, uint16(1000+i), uint32(160*i), 1)))
		}
		if !lose(false, i) {
			s.t.Media(s.datagram(t+0.001, v.outRTP, v.peerRTP, rtpPacket(8, uint16(3000+i), uint32(160*i), 2)))
		}
		s.t.Media(s.datagram(t+0.002, v.peerRTP, v.outRTP, rtpPacket(8, uint16(5000+i), uint32(160*i), 3)))
		s.t.Media(s.datagram(t+0.003, v.inRTP, v.phoneRTP, rtpPacket(8, uint16(7000+i), uint32(160*i), 4)))
	}
	s.sip(23, v.phone, v.in, msg{id: "in", first: byeLine, cseq: "2 BYE", to: "b"})
	s.sip(23.01, v.out, v.peer, msg{id: "out", first: byeLine, cseq: "2 BYE", to: "b"})
	s.t.Tick(at(20000))
}

// located is what each leg says of loss.
func (s *sim) located() string {
	var all []string
	for _, c := range s.calls {
		text := "nothing"
		for _, f := range c.Findings {
			if f.Code == "loss-located-on-leg" {
				text = f.Text
			}
		}
		all = append(all, c.CallID+": "+text)
	}
	return strings.Join(all, " | ")
}

var (
	acrossPBX     = conversation{alice, pbx, pbx, bob, aliceRTP, "203.0.113.50:30000", "203.0.113.50:30002", bobRTP}
	onOneHost     = conversation{"127.0.0.1:5061", "127.0.0.1:5060", "127.0.0.1:5060", "127.0.0.1:5062", "127.0.0.1:40000", "127.0.0.1:30000", "127.0.0.1:30002", "127.0.0.1:50000"}
	behindOneNAT  = conversation{"192.0.2.10:5061", pbx, pbx, "192.0.2.10:5062", "192.0.2.10:40000", "203.0.113.50:30000", "203.0.113.50:30002", "192.0.2.10:50000"}
	relayedApart  = conversation{alice, pbx, pbx, bob, aliceRTP, "203.0.113.60:30000", "203.0.113.60:30002", bobRTP}
	portsUnclear  = conversation{"127.0.0.1:5061", "127.0.0.1:5060", "127.0.0.1:5070", "127.0.0.1:5062", "127.0.0.1:40000", "127.0.0.1:30000", "127.0.0.1:30002", "127.0.0.1:50000"}
	fivePerCentIn = func(in bool, i int) bool { return in && i%20 == 19 }
)

func TestLossIsLocatedAcrossTheLegsOfAConversation(t *testing.T) {
	const (
		before = "in: All loss happened before the PBX, on this leg. | out: All loss happened before the PBX, on leg in."
		atPBX  = "in: Packets were lost at the PBX: they came in on one leg and did not go out on the other. | " +
			"out: Packets were lost at the PBX: they came in on one leg and did not go out on the other."
		nothing = "in: nothing | out: nothing"
	)
	fivePerCentOut := func(in bool, i int) bool { return !in && i%20 == 19 }
	for name, c := range map[string]struct {
		conversation
		lose func(bool, int) bool
		want string
	}{
		"before the PBX":                     {acrossPBX, fivePerCentIn, before},
		"at the PBX":                         {acrossPBX, fivePerCentOut, atPBX},
		"gaps that are passed on":            {acrossPBX, func(_ bool, i int) bool { return i%20 == 19 }, before},
		"at other times":                     {acrossPBX, func(in bool, i int) bool { return i%20 == 19 && in == (i < 500) }, nothing},
		"as much on both, by chance":         {acrossPBX, func(in bool, i int) bool { return chance(in, i) }, nothing},
		"random gaps that are passed on":     {acrossPBX, func(_ bool, i int) bool { return chance(true, i) }, before},
		"one long gap that is passed on":     {acrossPBX, func(_ bool, i int) bool { return i >= 300 && i < 340 }, before},
		"a long gap on each, another":        {acrossPBX, func(in bool, i int) bool { return i >= 300 && i < 340 && in || i >= 310 && i < 348 && !in }, nothing},
		"little":                             {acrossPBX, func(in bool, i int) bool { return in && i%100 == 99 }, nothing},
		"all on one host":                    {onOneHost, fivePerCentIn, before},
		"on one host, and whose is not told": {portsUnclear, fivePerCentIn, nothing},
		"telephones behind one NAT":          {behindOneNAT, fivePerCentOut, atPBX},
		"media through another host":         {relayedApart, fivePerCentOut, atPBX},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			s.converse(c.conversation, c.lose)
			check(t, "group", s.calls[0].GroupID, s.calls[1].GroupID)
			check(t, "located", s.located(), c.want)
		})
	}
}

// chance loses one packet in twenty, on each side another.
func chance(in bool, i int) bool {
	h := uint32(i) * 2654435761
	if in {
		h = (h ^ 0x5bd1e995) * 2246822519
	}
	h ^= h >> 15
	return h*2654435761>>8%20 == 0
}

// Who joins and leaves a conversation for hours leaves nothing behind.
func TestLegsOfALongConversationAreForgotten(t *testing.T) {
	s := newSim(t, withHeaders)
	s.invite(leg{src: alice, dst: pbx, id: "conference", caller: "1", callee: "2", more: "X-CID: c1\r\n"})
	for i := range 400 {
		id, sec := fmt.Sprintf("guest-%d", i), 1+20*float64(i)
		s.invite(leg{at: sec, src: alice, dst: pbx, id: id, caller: "3", callee: "4", more: "X-CID: c1\r\n"})
		s.sip(sec+1, alice, pbx, msg{id: id, first: byeLine, cseq: "2 BYE", to: "b"})
		s.sip(sec+1.5, alice, pbx, msg{id: "conference", first: "INFO sip:x SIP/2.0", cseq: fmt.Sprintf("%d INFO", i+2)})
	}
	n := 0
	g := s.t.byID.of([]byte("conference")).group
	for o := g.next; o != nil && o != g; o = o.next {
		n++
	}
	if n > maxLegs {
		t.Errorf("%d legs in the ring", n)
	}
}
