package call

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"voiptop/protocol"
	"voiptop/sensord/internal/decode"
)

func TestStreamsBelongToTheCallThatAnnouncedThem(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	s.talk(2.1, 200, aliceRTP, bobRTP, 8, 0xa)
	s.talk(2.1, 150, bobRTP, aliceRTP, 8, 0xb)
	s.talk(2.1, 10, "192.0.2.99:1", "192.0.2.98:2", 8, 0xc)
	s.hangUp(9, "")
	c := s.finish(9)
	if len(c.Streams) != 2 {
		t.Fatalf("%d streams", len(c.Streams))
	}
	for i, want := range []struct {
		dir     protocol.Direction
		packets uint64
	}{{protocol.FromCaller, 200}, {protocol.FromCallee, 150}} {
		r := c.Streams[i]
		check(t, "direction", r.Direction, want.dir)
		check(t, "packets", r.Packets, want.packets)
		check(t, "lost", r.Lost, uint64(0))
		check(t, "codec", r.Codec, "PCMA")
		check(t, "ptime", r.PtimeMS, 20.0)
		if r.MOSAdapt.Avg < 4.2 {
			t.Errorf("mos %v", r.MOSAdapt)
		}
	}
	check(t, "mos", *c.MOS, min(c.Streams[0].MOSAdapt.Avg, c.Streams[1].MOSAdapt.Avg))
	check(t, "unbound", s.t.count.unbound, uint64(10))
	check(t, "findings", len(c.Findings), 0)
}

func TestMediaFromBehindNATBindsByItsDestination(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", "10.0.0.5:40000", bobRTP)
	s.talk(2.1, 200, alice, bobRTP, 8, 0xa) // from where nobody announced it
	s.hangUp(9, "")
	c := s.finish(9)
	check(t, "streams", len(c.Streams), 1)
	check(t, "direction", c.Streams[0].Direction, protocol.FromCaller)
}

func TestEarlyMediaCounts(t *testing.T) {
	s := newSim(t)
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP)})
	s.sip(1, bob, alice, msg{first: "SIP/2.0 183 Session Progress", cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP)})
	s.talk(1.1, 100, bobRTP, aliceRTP, 8, 1)
	s.sip(4, bob, alice, msg{first: "SIP/2.0 480 Gone", cseq: "1 INVITE", to: "b"})
	c := s.finish(4)
	check(t, "packets", c.Streams[0].Packets, uint64(100))
	check(t, "cause", c.EndCause, protocol.EndNoAnswer)
}

func TestLongEarlyMediaKeepsACallAlive(t *testing.T) {
	s := newSim(t)
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP)})
	s.sip(1, bob, alice, msg{first: "SIP/2.0 183 Queued", cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP)})
	s.talk(1.1, 20000, bobRTP, aliceRTP, 8, 1) // 400 s of music
	s.sip(402, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b"})
	s.sip(410, alice, bob, msg{first: byeLine, cseq: "2 BYE", to: "b"})
	check(t, "cause", s.finish(410).EndCause, protocol.EndBye)
}

func TestBothLegsOfAB2BUAHaveTheMediaThatPassesIt(t *testing.T) {
	s := newSim(t)
	s.sip(0, alice, proxy, msg{id: "a-leg", first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP)})
	s.sip(0.1, proxy, bob, msg{id: "b-leg", first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP)})
	s.sip(2, bob, proxy, msg{id: "b-leg", first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP)})
	s.talk(2.001, 5, bobRTP, aliceRTP, 8, 0xb) // before the a-leg hears of the answer
	s.sip(2.2, proxy, alice, msg{id: "a-leg", first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP)})
	for i := range 90000 { // half an hour
		for src, dst := range map[string]string{aliceRTP: bobRTP, bobRTP: aliceRTP} {
			if i >= 5 || src == aliceRTP {
				ssrc := map[string]uint32{aliceRTP: 0xa, bobRTP: 0xb}[src]
				s.t.Media(s.datagram(2.001+0.02*float64(i), src, dst, rtpPacket(8, uint16(1000+i), uint32(160*i), ssrc)))
			}
		}
	}
	s.sip(1803, proxy, bob, msg{id: "b-leg", first: byeLine, cseq: "2 BYE", to: "b"})
	s.t.Tick(at(1810))
	s.talk(1811, 10, aliceRTP, bobRTP, 8, 0xc) // the a-leg has not ended
	s.t.Media(s.datagram(1812, bobRTP, aliceRTP, rtpPacket(8, uint16((1000+90000)&0xffff), 160*90000, 0xb)))
	s.sip(1820, alice, proxy, msg{id: "a-leg", first: byeLine, cseq: "2 BYE", to: "b"})
	s.t.Tick(at(1830))
	if len(s.calls) != 2 || s.calls[0].CallID != "b-leg" {
		t.Fatalf("%d records", len(s.calls))
	}
	for i, c := range s.calls {
		check(t, "cause", c.EndCause, protocol.EndBye)
		check(t, "findings", len(c.Findings), 0)
		if len(c.Streams) != 2+i {
			t.Fatalf("%s: %d streams", c.CallID, len(c.Streams))
		}
		for _, r := range c.Streams[:2] {
			want := uint64(90000)
			dir := protocol.FromCaller
			if r.SSRC == 0xb {
				dir, want = protocol.FromCallee, want+uint64(i)
			}
			check(t, c.CallID+" packets", r.Packets, want)
			check(t, c.CallID+" direction", r.Direction, dir)
		}
	}
	check(t, "flows left", s.t.flows.n, 0)
}

func TestNewestCallHasASharedEndpointAndTheOlderOneGetsItBack(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "old", aliceRTP, bobRTP)
	s.talk(2.1, 50, aliceRTP, bobRTP, 8, 1)
	s.setUp(10, "new", aliceRTP, "198.51.100.20:51000")
	s.talk(12.1, 50, "198.51.100.20:51000", aliceRTP, 8, 2)
	s.hangUp(15, "new")
	s.t.Tick(at(25))
	s.talk(30, 70, "198.51.100.77:9", aliceRTP, 8, 3)
	s.hangUp(40, "old")
	s.t.Tick(at(100))
	if len(s.calls) != 2 || s.calls[0].CallID != "new" {
		t.Fatalf("records: %v", s.calls)
	}
	check(t, "new call's packets", s.calls[0].Streams[0].Packets, uint64(50))
	old := s.calls[1]
	check(t, "old call's streams", len(old.Streams), 2)
	check(t, "old call's later packets", old.Streams[1].Packets, uint64(70))
	for _, c := range s.calls {
		if len(c.Findings) != 0 {
			t.Errorf("%s: accused of %v while it shared its endpoints", c.CallID, c.Findings[0].Code)
		}
	}
}

func TestAStreamThatGoesOnStaysWithItsCallWhenAnotherAnnouncesOneOfItsEnds(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	s.talk(2.1, 100, aliceRTP, bobRTP, 8, 1)
	s.sip(4.1, alice, bob, msg{id: "other@alice", first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP)})
	for i := range 100 { // the same stream
		s.t.Media(s.datagram(4.11+float64(i)*0.02, aliceRTP, bobRTP, rtpPacket(8, uint16(1100+i), uint32(160*(100+i)), 1)))
	}
	s.talk(8, 50, aliceRTP, "203.0.113.77:4000", 8, 2) // and one of the other call
	s.hangUp(12, "")
	s.hangUp(12, "other@alice")
	s.t.Tick(at(5 * 3600))
	var got []uint64
	for _, c := range s.calls {
		for _, m := range c.Streams {
			got = append(got, m.Packets)
		}
	}
	if len(s.calls) != 2 || len(got) != 2 || got[0] != 200 || got[1] != 50 {
		t.Errorf("%d calls, packets %v, want 200 of the first and 50 of the second", len(s.calls), got)
	}
}

func TestPortsUsedAgainBelongToTheNextCall(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "one", aliceRTP, bobRTP)
	s.talk(2.1, 50, aliceRTP, bobRTP, 8, 1)
	s.hangUp(4, "one")
	s.setUp(5, "two", aliceRTP, bobRTP) // while the first still lingers
	s.talk(7.1, 60, aliceRTP, bobRTP, 8, 1)
	s.hangUp(9, "two")
	s.t.Tick(at(100))
	check(t, "first", s.calls[0].Streams[0].Packets, uint64(50))
	check(t, "second", s.calls[1].Streams[0].Packets, uint64(60))
}

func TestScannersThatAnnounceOneEndpointCostLittle(t *testing.T) {
	s := newSim(t, func(c *Config) { c.MaxCalls = 50_000 })
	for i := range 20_000 {
		s.sip(float64(i)/1000, alice, bob, msg{id: fmt.Sprint("scan", i), first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP)})
	}
	depth := 0
	end := decode.EndpointOf(netip.MustParseAddrPort(aliceRTP))
	for b := s.t.ends.get(&end); b != nil; b = b.below {
		depth++
	}
	check(t, "depth", depth, maxStack)
	s.t.Tick(at(1000))
	check(t, "endpoints left", s.t.ends.n, 0)
}

func TestComfortNoiseAndDigitsDoNotChangeTheCodec(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	s.sip(2.05, alice, bob, msg{first: inviteLine, cseq: "2 INVITE", to: "b", sdp: audioSDP(aliceRTP, "RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000")})
	s.sip(2.06, bob, alice, msg{first: ok200, cseq: "2 INVITE", to: "b", sdp: audioSDP(bobRTP, "RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000")})
	seq := uint16(0)
	send := func(pt uint8, ts uint32, payload ...byte) {
		seq++
		b := append(rtpPacket(pt, seq, ts, 1)[:12], payload...)
		s.t.Media(s.datagram(3+float64(seq)*0.02, aliceRTP, bobRTP, b))
	}
	for i := range 5 {
		send(8, uint32(i*160), make([]byte, 160)...)
	}
	for i, digit := range []byte{4, 2} {
		for range 3 {
			send(101, uint32(5000+800*i), digit, 0x80, 3, 0x20)
		}
	}
	for range 20 {
		send(13, 8000, 60)
	}
	s.hangUp(9, "")
	c := s.finish(9)
	r := c.Streams[0]
	check(t, "codec", r.Codec, "PCMA")
	check(t, "digits", r.DTMF, "42")
	check(t, "lost", r.Lost, uint64(0))
	if !slices.Equal(c.Codecs, []string{"PCMA"}) {
		t.Errorf("codecs %v", c.Codecs)
	}
}

func TestCodecChangesWithAReINVITE(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	s.talk(2.1, 20, aliceRTP, bobRTP, 8, 1)
	g722 := audioSDP(bobRTP, "RTP/AVP 9")
	s.sip(4, alice, bob, msg{first: inviteLine, cseq: "2 INVITE", to: "b", sdp: audioSDP(aliceRTP, "RTP/AVP 9")})
	s.sip(4.1, bob, alice, msg{first: ok200, cseq: "2 INVITE", to: "b", sdp: g722})
	s.talk(4.2, 90, aliceRTP, bobRTP, 9, 2)
	s.hangUp(9, "")
	c := s.finish(9)
	check(t, "second stream's codec", c.Streams[1].Codec, "G722")
	if !slices.Equal(c.Codecs, []string{"PCMA", "G722"}) {
		t.Errorf("codecs %v", c.Codecs)
	}
}

// A fax that was sent by T.38 is named among what the call used, after the voice that came before it.
func TestT38ThatWasSentIsAmongTheCodecs(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	s.talk(2.1, 20, aliceRTP, bobRTP, 8, 1)
	image := func(host, port string) string {
		return "v=0\r\nc=IN IP4 " + host + "\r\nm=image " + port + " udptl t38\r\n"
	}
	s.sip(3, bob, alice, msg{first: inviteLine, cseq: "1 INVITE", from: "b", to: "a", sdp: image("198.51.100.20", "50000")})
	s.sip(3.1, alice, bob, msg{first: ok200, cseq: "1 INVITE", from: "b", to: "a", sdp: image("192.0.2.10", "40000")})
	s.t.Media(s.datagram(3.2, aliceRTP, bobRTP, []byte{0, 0, 1, 2, 0, 0}))
	s.hangUp(9, "")
	if c := s.finish(9); !slices.Equal(c.Codecs, []string{"PCMA", "T38"}) || len(c.Streams) != 1 {
		t.Errorf("codecs %v, %d streams; want PCMA and T38, one stream", c.Codecs, len(c.Streams))
	}
}

func TestRefusedT38LeavesTheVoice(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	s.sip(3, alice, bob, msg{
		first: inviteLine, cseq: "2 INVITE", to: "b",
		sdp: "v=0\r\nc=IN IP4 192.0.2.10\r\nm=image 40000 udptl t38\r\n",
	})
	s.sip(3.1, bob, alice, msg{first: "SIP/2.0 488 Not Acceptable Here", cseq: "2 INVITE", to: "b"})
	s.talk(3.2, 100, bobRTP, aliceRTP, 8, 1)
	s.hangUp(9, "")
	check(t, "packets", s.finish(9).Streams[0].Packets, uint64(100))
}

func TestWhatIsNotRTPIsNotLoss(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	stun := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...)
	dtls := append([]byte{22, 254, 253}, make([]byte, 20)...)
	s.t.Media(s.datagram(2.1, aliceRTP, bobRTP, stun))
	s.t.Media(s.datagram(2.2, aliceRTP, bobRTP, dtls))
	s.t.Media(s.datagram(2.3, aliceRTP, bobRTP, []byte{1, 2, 3}))
	s.t.Media(s.datagram(2.4, aliceRTP, bobRTP, nil))
	check(t, "stun, dtls, unknown", [3]uint64{s.t.count.stun, s.t.count.dtls, s.t.count.strays}, [3]uint64{1, 1, 2})
	s.talk(3, 50, aliceRTP, bobRTP, 8, 1)
	s.hangUp(9, "")
	c := s.finish(9)
	check(t, "streams", len(c.Streams), 1)
	check(t, "encrypted after DTLS", c.Streams[0].Encrypted, true)
}

func TestRTCPReportsReachTheStreamTheySpeakOf(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	s.talk(2.1, 100, aliceRTP, bobRTP, 8, 0xa)
	rr := make([]byte, 32)
	rr[0], rr[1], rr[3] = 0x81, 201, 7
	binary.BigEndian.PutUint32(rr[4:], 0xb)
	binary.BigEndian.PutUint32(rr[8:], 0xa) // about this stream
	rr[12] = 64                             // a quarter lost
	binary.BigEndian.PutUint32(rr[20:], 80) // jitter: 10 ms
	s.t.Media(s.datagram(4.2, "198.51.100.20:50001", "192.0.2.10:40001", rr))
	s.hangUp(9, "")
	r := s.finish(9).Streams[0].RTCP
	if r == nil || *r.LossMaxPct != 25 || *r.JitterMaxMS != 10 || r.RTTMS != nil {
		t.Errorf("got %+v", r)
	}
}

func TestOneCallsStreamsAreBounded(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	for i := range 1000 {
		for seq := range uint16(2) {
			s.t.Media(s.datagram(3, aliceRTP, bobRTP, rtpPacket(8, seq, 1, uint32(i))))
		}
	}
	s.hangUp(9, "")
	c := s.finish(9)
	check(t, "streams", len(c.Streams), maxStreams)
	check(t, "omitted", c.StreamsOmitted, 1000-maxStreams)
	check(t, "packets counted", s.t.count.omitted, uint64(2*(1000-maxStreams)))
}

func TestMediaPacketsAllocateNothing(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	s.talk(2.1, 100, aliceRTP, bobRTP, 8, 1)
	d := s.datagram(5, aliceRTP, bobRTP, rtpPacket(8, 0, 0, 1))
	i := 100
	if n := testing.AllocsPerRun(5000, func() {
		binary.BigEndian.PutUint16(d.Payload[2:], uint16(1000+i))
		binary.BigEndian.PutUint32(d.Payload[4:], uint32(160*i))
		d.Time = at(2.1 + 0.02*float64(i))
		i++
		s.t.Media(d)
	}); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
	stray := s.datagram(5, "203.0.113.9:1", "203.0.113.9:2", rtpPacket(8, 0, 0, 1))
	if n := testing.AllocsPerRun(100, func() { s.t.Media(stray) }); n != 0 {
		t.Errorf("%v allocations a packet of no call", n)
	}
}

// A device that sends on after the BYE is followed to its end, and for a minute at most; so is none that had paused.
func TestMediaAfterTheEndIsCountedToItsEnd(t *testing.T) {
	for _, x := range []struct {
		name  string
		n     int     // packets after the BYE, one in 20 ms
		after float64 // when they begin, seconds after it
		want  uint64
	}{
		{"it goes on for 40 s", 2000, 0.02, 2000},
		{"it goes on for an hour", 180_000, 0.02, 3250}, // 65 s
		{"it pauses", 2000, 6, 0},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := newSim(t)
			s.setUp(0, "", aliceRTP, bobRTP)
			s.talk(2, 400, aliceRTP, bobRTP, 8, 1)
			s.hangUp(10, "")
			for i := range x.n {
				s.t.Media(s.datagram(10+x.after+0.02*float64(i), aliceRTP, bobRTP, rtpPacket(8, uint16(400+i), uint32(160*(400+i)), 1)))
			}
			s.t.Tick(at(4000))
			if len(s.calls) != 1 || len(s.calls[0].Streams) != 1 {
				t.Fatalf("records %+v, want one with one stream", s.calls)
			}
			got := s.calls[0].Streams[0].Packets - 400
			if got < x.want || got > x.want+1 {
				t.Errorf("%d packets after the BYE, want %d", got, x.want)
			}
			check(t, "end", s.calls[0].End, protocol.TimeFromNanos(at(10)))
		})
	}
}

// A load generator gives all of its calls the same ports, and each an SSRC: each call has its own two streams, whole.
func TestCallsWithTheSamePortsKeepTheirStreams(t *testing.T) {
	const calls, packets = 20, 200
	s := newSim(t)
	id := func(i int) string { return fmt.Sprintf("load-%d", i) }
	for step := range calls*10 + packets + 50 { // 20 ms; a call begins every 200 ms and rings for 300
		sec := float64(step) * 0.02
		if i := step / 10; step%10 == 0 && i < calls {
			s.sip(sec, alice, bob, msg{first: inviteLine, id: id(i), cseq: "1 INVITE", sdp: audioSDP(aliceRTP)})
		}
		for i := range calls {
			switch at := step - i*10; {
			case at == 15:
				s.sip(sec, bob, alice, msg{first: ok200, id: id(i), cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP)})
				s.sip(sec, alice, bob, msg{first: ackLine, id: id(i), cseq: "1 ACK", to: "b"})
			case at > 15 && at <= 15+packets:
				s.t.Media(s.datagram(sec+0.001, aliceRTP, bobRTP, rtpPacket(8, uint16(at), uint32(160*at), uint32(100+i))))
				s.t.Media(s.datagram(sec+0.002, bobRTP, aliceRTP, rtpPacket(8, uint16(at), uint32(160*at), uint32(200+i))))
			case at == 16+packets:
				s.hangUp(sec, id(i))
			}
		}
	}
	s.t.Tick(at(4000))
	if len(s.calls) != calls {
		t.Fatalf("%d records, want %d", len(s.calls), calls)
	}
	for _, c := range s.calls {
		var i int
		fmt.Sscanf(c.CallID, "load-%d", &i)
		if len(c.Streams) != 2 {
			t.Errorf("%s has %d streams, want 2", c.CallID, len(c.Streams))
			continue
		}
		for _, st := range c.Streams {
			if want := map[string]int{aliceRTP: 100 + i, bobRTP: 200 + i}[st.Src]; int(st.SSRC) != want || st.Packets != packets || st.Lost != 0 {
				t.Errorf("%s: from %s SSRC %d, %d packets, %d lost; want %d, %d, none", c.CallID, st.Src, st.SSRC, st.Packets, st.Lost, want, packets)
			}
		}
	}
}

// A chain of three calls that lets media pass: those that are answered while the media flows have it as well.
func TestMediaThatFlowsIsThatOfLaterLegsToo(t *testing.T) {
	s := newSim(t)
	id := func(i int) string { return fmt.Sprintf("leg-%d", i) }
	for i := range 3 {
		s.sip(0.01*float64(i), alice, bob, msg{first: inviteLine, id: id(i), cseq: "1 INVITE", sdp: audioSDP(aliceRTP)})
	}
	for step := range 500 {
		sec := 1 + float64(step)*0.02
		if i := step / 50; step%50 == 0 && i < 3 {
			s.sip(sec, bob, alice, msg{first: ok200, id: id(i), cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP)})
		}
		s.t.Media(s.datagram(sec+0.001, aliceRTP, bobRTP, rtpPacket(8, uint16(step), uint32(160*step), 1)))
	}
	for i := range 3 {
		s.hangUp(12, id(i))
	}
	s.t.Tick(at(4000))
	for _, c := range s.calls {
		if len(c.Streams) != 1 || c.Streams[0].Packets != 500 {
			t.Errorf("%s: streams %+v, want one of 500 packets", c.CallID, c.Streams)
		}
	}
}
