package call

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/turn"
)

const (
	turnServer = "203.0.113.9:3478"
	aliceTURN  = "192.0.2.10:43210" // her end before the server
	relayedRTP = "203.0.113.9:49152"
)

// turn plays a datagram between a client and its server as the engine does.
func (s *sim) turn(sec float64, src, dst string, b []byte) {
	s.tb.Helper()
	d := s.datagram(sec, src, dst, b)
	var m turn.Message
	if !turn.Read(b, len(b), &m) {
		s.tb.Fatalf("no TURN: % x", b)
	}
	if m.Kind != turn.Data {
		s.t.TURN(d, &m)
		return
	}
	d.Payload, d.Length = m.Payload(b), m.Length
	d.HeaderLen += m.Offset
	s.t.Turned(d, &m)
}

func inChannel(number uint16, b []byte) []byte {
	out := binary.BigEndian.AppendUint16(nil, number)
	return append(binary.BigEndian.AppendUint16(out, uint16(len(b))), b...)
}

// stunMessage makes a message with addresses: attribute and address in turn; a channel's number, if it is not 0; data, if there is any.
func stunMessage(kind, channel uint16, data []byte, attribute uint16, address string) []byte {
	a := netip.MustParseAddrPort(address)
	ip := a.Addr().As4()
	be := binary.BigEndian
	body := be.AppendUint16(be.AppendUint16(nil, attribute), 8)
	body = be.AppendUint16(append(body, 0, 1), a.Port()^0x2112)
	body = be.AppendUint32(body, be.Uint32(ip[:])^0x2112a442)
	if channel != 0 {
		body = be.AppendUint32(be.AppendUint16(be.AppendUint16(body, 0xc), 4), uint32(channel)<<16)
	}
	if data != nil {
		body = append(be.AppendUint16(be.AppendUint16(body, 0x13), uint16(len(data))), data...)
		body = append(body, make([]byte, -len(data)&3)...)
	}
	b := be.AppendUint16(be.AppendUint16(nil, kind), uint16(len(body)))
	return append(append(be.AppendUint32(b, 0x2112a442), "transaction!"...), body...)
}

func allocated(address string) []byte { return stunMessage(0x103, 0, nil, 0x16, address) }

func bound(channel uint16, address string) []byte {
	return stunMessage(0x9, channel, nil, 0x12, address)
}

func sendTo(address string, data []byte) []byte { return stunMessage(0x16, 0, data, 0x12, address) }

func dataFrom(address string, data []byte) []byte { return stunMessage(0x17, 0, data, 0x12, address) }

// Her sound goes to the server in a channel and on to him as plain RTP, his comes back the same way: two streams each, of one SSRC, none of
// which counts a packet twice.
func TestMediaWithinTURNBelongsToTheCallOnceOnEachSideOfTheServer(t *testing.T) {
	for _, c := range []struct {
		name     string
		to, from func([]byte) []byte
		allocate bool
		relayed  string
	}{
		{"channels", func(b []byte) []byte { return inChannel(0x4001, b) }, func(b []byte) []byte { return inChannel(0x4001, b) }, true, relayedRTP},
		{"indications", func(b []byte) []byte { return sendTo(bobRTP, b) }, func(b []byte) []byte { return dataFrom(bobRTP, b) }, true, relayedRTP},
		{"indications, the allocation was not seen", func(b []byte) []byte { return sendTo(bobRTP, b) }, func(b []byte) []byte { return dataFrom(bobRTP, b) }, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t)
			if c.allocate {
				s.turn(0, turnServer, aliceTURN, allocated(relayedRTP))
			}
			s.setUp(0.5, "", relayedRTP, bobRTP)
			if c.allocate {
				s.turn(2, aliceTURN, turnServer, bound(0x4001, bobRTP))
			}
			for i := range 300 {
				at := 2.6 + 0.02*float64(i)
				out, back := rtpPacket(8, uint16(i), uint32(160*i), 0xa), rtpPacket(8, uint16(9000+i), uint32(160*i), 0xb)
				s.turn(at, aliceTURN, turnServer, c.to(out))
				s.t.Media(s.datagram(at+0.001, relayedRTP, bobRTP, out))
				s.t.Media(s.datagram(at+0.002, bobRTP, relayedRTP, back))
				s.turn(at+0.003, turnServer, aliceTURN, c.from(back))
			}
			s.hangUp(9, "")
			r := s.finish(9)
			if len(r.Streams) != 4 {
				t.Fatalf("%d streams: %+v", len(r.Streams), r.Streams)
			}
			for i, want := range []struct{ src, dst, direction, via, relayed string }{
				{aliceTURN, turnServer, "from-caller", "turn", c.relayed},
				{relayedRTP, bobRTP, "from-caller", "", ""},
				{bobRTP, relayedRTP, "from-callee", "", ""},
				{turnServer, aliceTURN, "from-callee", "turn", c.relayed},
			} {
				g := r.Streams[i]
				check(t, fmt.Sprintf("stream %d", i), fmt.Sprint(g.Src, g.Dst, g.Direction, g.Via, g.Relayed), fmt.Sprint(want.src, want.dst, want.direction, want.via, want.relayed))
				check(t, "packets", g.Packets, uint64(300))
				check(t, "duplicates", g.Duplicates, uint64(0))
				check(t, "codec", g.Codec, "PCMA")
			}
			check(t, "within TURN", s.t.count.turned, uint64(600))
			check(t, "findings", len(r.Findings), 0)
		})
	}
}

// A sensor beside the client sees TURN alone, and may have begun after the allocation: then ICE's host candidate, or the peer, tells.
func TestMediaWithinTURNIsFoundByWhatIsKnown(t *testing.T) {
	for _, c := range []struct{ name, alice, bob string }{
		{"the client's own address is announced", aliceTURN, "10.9.9.9:4000"},
		{"the peer's address is announced", "10.9.9.8:4000", bobRTP},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t)
			s.setUp(0.5, "", c.alice, c.bob)
			s.turn(2, aliceTURN, turnServer, bound(0x4001, bobRTP))
			for i := range 200 {
				s.turn(2.6+0.02*float64(i), aliceTURN, turnServer, inChannel(0x4001, rtpPacket(8, uint16(i), uint32(160*i), 0xa)))
				s.turn(2.601+0.02*float64(i), turnServer, aliceTURN, inChannel(0x4001, rtpPacket(8, uint16(i), uint32(160*i), 0xb)))
			}
			s.hangUp(9, "")
			r := s.finish(9)
			if len(r.Streams) != 2 || r.Streams[0].Packets != 200 || r.Streams[1].Packets != 200 || r.Streams[0].Direction != "from-caller" || r.Streams[1].Direction != "from-callee" {
				t.Errorf("streams %+v", r.Streams)
			}
		})
	}
}

// Two calls go through one server: its address is neither's.
func TestTheServerOfTURNIsNoCallsEndpoint(t *testing.T) {
	s := newSim(t)
	s.turn(0, turnServer, aliceTURN, allocated(relayedRTP))
	s.setUp(0.5, "", relayedRTP, bobRTP)
	for i := range 50 { // of a client of which no call knows
		s.turn(2.6+0.02*float64(i), "192.0.2.77:1111", turnServer, inChannel(0x4000, rtpPacket(8, uint16(i), uint32(160*i), 0xc)))
	}
	s.hangUp(9, "")
	check(t, "streams", len(s.finish(9).Streams), 0)
	if e := decode.EndpointOf(netip.MustParseAddrPort(turnServer)); s.t.ends.get(&e) != nil {
		t.Error("the server has become an endpoint of the call")
	}
}

func TestWhatIsKeptOfTURNIsBounded(t *testing.T) {
	var table turnTable
	for i := range 3 * maxTurnClients {
		k := turnKey{decode.Endpoint{Port: uint16(i)}, decode.Endpoint{Port: uint16(i >> 16)}}
		c := table.client(k)
		for n := range uint16(2 * maxTurnChannels) {
			c.bind(0x4000+n, netip.MustParseAddrPort(bobRTP))
		}
		if len(c.channels) != maxTurnChannels || c.channels[0].number != 0x4000+maxTurnChannels {
			t.Fatalf("%d channels, the oldest %x", len(c.channels), c.channels[0].number)
		}
	}
	check(t, "clients", len(table.clients), maxTurnClients)
	if table.clients[turnKey{decode.Endpoint{Port: 3*maxTurnClients - 1}, decode.Endpoint{}}] == nil {
		t.Error("the newest is not there")
	}
}

func TestMediaWithinTURNOfAKnownStreamAllocatesNothing(t *testing.T) {
	s := newSim(t)
	s.turn(0, turnServer, aliceTURN, allocated(relayedRTP))
	s.setUp(0.5, "", relayedRTP, bobRTP)
	b := inChannel(0x4001, rtpPacket(8, 0, 0, 0xa))
	d := s.datagram(3, aliceTURN, turnServer, b[4:])
	var m turn.Message
	turn.Read(b, len(b), &m)
	i := uint16(0)
	if n := testing.AllocsPerRun(500, func() {
		i++
		binary.BigEndian.PutUint16(d.Payload[2:], i)
		binary.BigEndian.PutUint32(d.Payload[4:], 160*uint32(i))
		d.Time += 20e6
		s.t.Turned(d, &m)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
