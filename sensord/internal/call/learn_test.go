package call

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"voiptop/protocol"
	"voiptop/sensord/internal/decode"
)

// The addresses that the parties believe to have, and those that others see.
const (
	aliceInside  = "10.0.0.5:40000"
	bobInside    = "10.8.0.9:50000"
	aliceOutside = "192.0.2.10:61234"    // her signalling address, a port of the NAT's choice
	bobOutside   = "198.51.100.20:50000" // his, the port he announced
	bobElsewhere = "198.51.100.20:33333"
)

func TestMediaIsFoundWhereBothSidesAnnounceAddressesThatNobodySees(t *testing.T) {
	for _, c := range []struct {
		name, bob string
		learned   uint64
	}{
		{"the port is the announced one", bobOutside, 0},
		{"ports are the NAT's", bobElsewhere, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t)
			s.setUp(0, "", aliceInside, bobInside)
			s.talk(2.1, 200, aliceOutside, c.bob, 8, 0xa)
			s.talk(2.13, 150, c.bob, aliceOutside, 8, 0xb)
			s.hangUp(9, "")
			r := s.finish(9)
			if len(r.Streams) != 2 {
				t.Fatalf("%d streams", len(r.Streams))
			}
			check(t, "from alice", string(r.Streams[0].Direction), "from-caller")
			check(t, "her packets", r.Streams[0].Packets, uint64(200))
			check(t, "from bob", string(r.Streams[1].Direction), "from-callee")
			check(t, "his packets", r.Streams[1].Packets, uint64(150))
			check(t, "codec", r.Streams[1].Codec, "PCMA")
			check(t, "learned", s.t.count.learned, c.learned)
			check(t, "unbound", s.t.count.unbound, uint64(0))
		})
	}
}

func TestNobodyIsAccusedOfSilenceByGuess(t *testing.T) {
	for _, c := range []struct {
		name, bob string
		want      bool
	}{{"learned", bobElsewhere, false}, {"assumed", bobOutside, true}} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t)
			s.setUp(0, "", aliceInside, bobInside)
			s.talk(2.1, 1500, aliceOutside, c.bob, 8, 0xa)
			s.hangUp(33, "")
			r := s.finish(33)
			check(t, "streams", len(r.Streams), 1)
			check(t, "one-way-audio", slices.ContainsFunc(r.Findings, func(f protocol.Finding) bool { return f.Code == "one-way-audio" }), c.want)
		})
	}
}

func TestMediaIsNotGuessed(t *testing.T) {
	for _, c := range []struct {
		name     string
		src, dst string
		pt       uint8
		play     func(*sim)
	}{
		{"two calls could have it", aliceOutside, bobElsewhere, 8, func(s *sim) { s.setUp(0.1, "other", "10.0.0.5:42000", "10.8.0.9:52000") }},
		{"another payload type", aliceOutside, bobElsewhere, 97, func(*sim) {}},
		{"addresses of nobody", "203.0.113.200:4000", "203.0.113.201:4000", 8, func(*sim) {}},
		{"the call has its media", aliceOutside, bobElsewhere, 8, func(s *sim) { s.talk(2.02, 3, alice, bobOutside, 8, 0xf) }},
		{"the call was answered long ago", aliceOutside, bobElsewhere, 8, func(s *sim) {
			s.setUp(-20, "long ago", "10.0.0.5:42000", "10.8.0.9:52000")
			s.hangUp(0.01, "")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t)
			s.setUp(0, "", aliceInside, bobInside)
			c.play(s)
			s.talk(2.2, 200, c.src, c.dst, c.pt, 0xa)
			check(t, "learned", s.t.count.learned, uint64(0))
			check(t, "unbound", s.t.count.unbound, uint64(200))
		})
	}
}

func TestWhatSDPAnnouncesComesBeforeWhatWasAssumed(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "announces", aliceRTP, bobOutside)
	s.setUp(1, "assumed", aliceInside, bobInside) // sent from bob's address: his port there is the same
	s.talk(3.1, 50, aliceRTP, bobOutside, 8, 1)
	s.t.Tick(at(3 * 3600))
	if len(s.calls) != 2 {
		t.Fatalf("%d records", len(s.calls))
	}
	for _, c := range s.calls {
		want := 0
		if c.CallID == "announces" {
			want = 1
		}
		check(t, c.CallID, len(c.Streams), want)
	}
	check(t, "endpoints left", s.t.ends.n, 0)
}

func TestICECandidatesAreEndpointsOfTheCall(t *testing.T) {
	s := newSim(t)
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP("10.0.0.5:9", "RTP/SAVPF 8",
		"a=candidate:1 1 udp 2 10.0.0.5 40000 typ host", "a=candidate:2 1 udp 1 203.0.113.77 61000 typ srflx raddr 10.0.0.5 rport 40000")})
	s.sip(2, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP("10.8.0.9:50000")})
	s.talk(2.1, 50, "203.0.113.77:61000", "203.0.113.88:1", 8, 1)
	s.hangUp(9, "")
	c := s.finish(9)
	check(t, "streams", len(c.Streams), 1)
	check(t, "direction", string(c.Streams[0].Direction), "from-caller")
}

func TestACallThatMovesItsMediaAgainAndAgainKeepsTheNewest(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	for i := range 200 {
		from := fmt.Sprintf("192.0.2.10:%d", 20000+4*i)
		s.sip(3+float64(i), alice, bob, msg{first: inviteLine, cseq: fmt.Sprintf("%d INVITE", i+2), to: "b", sdp: audioSDP(from)})
		s.talk(3.5+float64(i), 5, bobElsewhere, from, 8, uint32(i))
	}
	s.sip(300, alice, bob, msg{first: byeLine, cseq: "900 BYE", to: "b"})
	c := s.finish(300)
	check(t, "streams", len(c.Streams), maxStreams)
	check(t, "streams beyond", c.StreamsOmitted, 200-maxStreams)
	check(t, "unbound", s.t.count.unbound, uint64(0))
}

// The hop to the caller tells its answer alone, after a flow was taken for that of another hop.
func TestWhatIsAnnouncedSaysWhoSendsBeforeWhatWasLearned(t *testing.T) {
	const relayInside, relayOutside = "203.0.113.1:6000", "203.0.113.1:6002"
	s := newSim(t)
	s.sip(0, proxy, bob, msg{first: inviteLine, cseq: "1 INVITE", branch: "z9-2", sdp: audioSDP(relayOutside)})
	s.sip(0.1, bob, proxy, msg{first: "SIP/2.0 183 Session Progress", cseq: "1 INVITE", branch: "z9-2", to: "b", sdp: audioSDP(bobRTP)})
	s.talk(0.2, 100, relayInside, aliceRTP, 8, 0xb)
	s.sip(3, bob, proxy, msg{first: ok200, cseq: "1 INVITE", branch: "z9-2", to: "b", sdp: audioSDP(bobRTP)})
	s.sip(3.1, proxy, alice, msg{first: ok200, cseq: "1 INVITE", branch: "z9-1", to: "b", sdp: audioSDP(relayInside)})
	s.talk(3.2, 100, aliceRTP, relayInside, 8, 0xa)
	s.hangUp(9, "")
	c := s.finish(9)
	check(t, "streams", len(c.Streams), 2)
	for _, r := range c.Streams {
		want := protocol.FromCaller
		if r.SSRC == 0xb {
			want = protocol.FromCallee
		}
		check(t, "direction of "+r.Src, r.Direction, want)
	}
}

// The seeds of hashes are others in each run, and records must not be.
func TestWhichFlowsAreLookedAtTogetherIsTheSameInEveryRun(t *testing.T) {
	src, dst := decode.EndpointOf(netip.MustParseAddrPort(aliceRTP)), decode.EndpointOf(netip.MustParseAddrPort(bobRTP))
	check(t, "place", suspectAt(&src, &dst, 7), uint64(412))
}
