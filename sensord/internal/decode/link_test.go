package decode

import (
	"slices"
	"strings"
	"testing"

	"voiptop/sensord/internal/capture"
)

// run decodes frames of one link type, a millisecond apart, and flushes.
func run(cfg Config, link uint16, frames ...[]byte) (*sink, map[string]uint64) {
	s := &sink{}
	x := New(cfg, s)
	for i, f := range frames {
		x.Packet(&capture.Packet{Time: int64(i) * 1e6, Data: slices.Clip(f), Length: len(f), Link: link})
	}
	x.Flush()
	return s, counted(x)
}

func counted(x *Decoder) map[string]uint64 {
	c := map[string]uint64{}
	x.Counters(func(name string, n uint64) { c[name] = n })
	return c
}

const hello = "hello, this is a payload of some length"

func TestLinksAndTunnelsComeOff(t *testing.T) {
	v4 := ipv4{id: 7, tos: 46 << 2, ttl: 61}.packet(protoUDP, udp(5060, 5062, []byte(hello)))
	v6 := ipv6(protoUDP, udp(5060, 5062, []byte(hello)))
	eth := ethernet(etherIPv4, v4)
	outer := func(proto byte, b ...[]byte) []byte {
		return ethernet(etherIPv4, ipv4{src: [4]byte{192, 0, 2, 1}, dst: [4]byte{192, 0, 2, 2}}.packet(proto, slices.Concat(b...)))
	}
	gre := func(flags, proto uint16, b ...[]byte) []byte {
		return outer(protoGRE, u16(flags), u16(proto), slices.Concat(b...))
	}
	inUDP := func(port uint16, b ...[]byte) []byte { return outer(protoUDP, udp(40000, port, slices.Concat(b...))) }
	bytes := func(b ...byte) []byte { return b }
	zeros := func(n int) []byte { return make([]byte, n) }
	wlan := slices.Concat(bytes(8, 1), zeros(22), bytes(0xaa, 0xaa, 3, 0, 0, 0), u16(etherIPv4), v4)
	tests := []struct {
		name  string
		link  uint16
		frame []byte
		v6    bool
	}{
		{"ethernet", 1, eth, false},
		{"ethernet with padding", 1, slices.Concat(eth, zeros(18)), false},
		{"ethernet IPv6", 1, ethernet(etherIPv6, v6), true},
		{"802.1Q", 1, ethernet(etherVLAN, slices.Concat(u16(100), u16(etherIPv4), v4)), false},
		{"802.1ad in 802.1Q in 9100", 1, ethernet(etherQinQOld, slices.Concat(u16(1), u16(etherQinQ), u16(2), u16(etherVLAN), u16(3), u16(etherIPv4), v4)), false},
		{"LLC SNAP", 1, ethernet(uint16(8+len(v4)), slices.Concat(bytes(0xaa, 0xaa, 3, 0, 0, 0), u16(etherIPv4), v4)), false},
		{"linux cooked", capture.LinkSLL, slices.Concat(zeros(14), u16(etherIPv4), v4), false},
		{"linux cooked 2", capture.LinkSLL2, slices.Concat(u16(etherIPv6), zeros(18), v6), true},
		{"raw", capture.LinkRaw, v4, false},
		{"raw IPv6", capture.LinkRaw, v6, true},
		{"raw, old number 12", 12, v4, false},
		{"raw, old number 14", 14, v4, false},
		{"IPv4 link type", capture.LinkIPv4, v4, false},
		{"IPv6 link type", capture.LinkIPv6, v6, true},
		{"null, little endian", capture.LinkNull, slices.Concat(bytes(2, 0, 0, 0), v4), false},
		{"null, big endian", capture.LinkNull, slices.Concat(bytes(0, 0, 0, 30), v6), true},
		{"loop", capture.LinkLoop, slices.Concat(bytes(0, 0, 0, 2), v4), false},
		{"PPP", 9, slices.Concat(bytes(0xff, 3, 0, 0x21), v4), false},
		{"PPP, compressed", 9, slices.Concat(bytes(0x57), v6), true},
		{"PPPoE", 1, ethernet(etherPPPoE, slices.Concat(bytes(0x11, 0, 0, 1), u16(uint16(2+len(v4))), bytes(0, 0x21), v4, zeros(4))), false},
		{"MPLS", 1, ethernet(etherMPLS, slices.Concat(bytes(0, 1, 0, 64, 0, 2, 1, 64), v4)), false},
		{"MPLS pseudowire", 1, ethernet(etherMPLS, slices.Concat(bytes(0, 1, 1, 64), zeros(4), eth)), false},
		{"MPLS pseudowire without control word", 1, ethernet(etherMPLS, slices.Concat(bytes(0, 1, 1, 64), eth)), false},
		{"MPLS pseudowire to an address that begins as IPv4", 1, ethernet(etherMPLS, slices.Concat(bytes(0, 1, 1, 64, 0x45), eth[1:])), false},
		{"MPLS pseudowire to an address that begins as IPv6", 1, ethernet(etherMPLS, slices.Concat(bytes(0, 1, 1, 64, 0x64), eth[1:])), false},
		{"GRE", 1, gre(0, etherIPv4, v4), false},
		{"GRE with checksum, key, sequence", 1, gre(0xb000, etherIPv6, zeros(12), v6), true},
		{"GRE with routing", 1, gre(0x4000, etherIPv4, zeros(4), bytes(0, 2, 0, 4, 1, 2, 3, 4, 0, 0, 0, 0), v4), false},
		{"GRE bridged", 1, gre(0, etherBridged, eth), false},
		{"PPTP", 1, gre(0x3081, etherPPP, zeros(12), bytes(0xff, 3, 0, 0x21), v4), false},
		{"ERSPAN I", 1, gre(0, etherERSPAN, eth), false},
		{"ERSPAN II", 1, gre(0x1000, etherERSPAN, zeros(4), zeros(8), eth), false},
		{"ERSPAN III", 1, gre(0x1000, etherERSPAN3, zeros(4), zeros(12), eth), false},
		{"ERSPAN III with subheader", 1, gre(0x1000, etherERSPAN3, zeros(4), zeros(11), bytes(1), zeros(8), eth), false},
		{"VXLAN", 1, inUDP(portVXLAN, bytes(8, 0, 0, 0, 0, 0, 42, 0), eth), false},
		{"VXLAN, old port", 1, inUDP(portOldVXLAN, bytes(8, 0, 0, 0, 0, 0, 42, 0), eth), false},
		{"VXLAN GPE", 1, inUDP(portVXLANGPE, bytes(12, 0, 0, 3, 0, 0, 42, 0), eth), false},
		{"VXLAN GPE, IPv6", 1, inUDP(portVXLANGPE, bytes(12, 0, 0, 2, 0, 0, 42, 0), v6), true},
		{"L2TP", 1, inUDP(portL2TP, bytes(0, 2, 0, 1, 0, 2, 0xff, 3, 0, 0x21), v4), false},
		{"L2TP with length, sequence, offset", 1, inUDP(portL2TP, bytes(0x4a, 2), u16(uint16(20+len(v6))), bytes(0, 1, 0, 2, 0, 9, 0, 8, 0, 4), zeros(4), bytes(0, 0x57), v6), true},
		{"TZSP", 1, inUDP(portTZSP, bytes(1, 0, 0, 1, 0, 10, 2, 7, 7, 1), eth), false},
		{"TZSP with 802.11", 1, inUDP(portTZSP, bytes(1, 0, 0, 18, 1), wlan), false},
		{"Cisco HDLC", linkCHDLC, slices.Concat(bytes(0x0f, 0), u16(etherIPv4), v4), false},
		{"PPP with direction", linkPPPDir, slices.Concat(bytes(1, 0xff, 3, 0, 0x21), v4), false},
		{"PPP of pppd", linkPPPD, slices.Concat(bytes(1, 3, 0, 0x21), v4), false},
		{"PPPoE link type", linkPPPoE, slices.Concat(bytes(0x11, 0, 0, 1), u16(uint16(2+len(v4))), bytes(0, 0x21), v4), false},
		{"802.11", link80211, wlan, false},
		{"802.11 with QoS, four addresses, filled up", link80211, slices.Concat(bytes(0x88, 3), zeros(28), zeros(2), zeros(2), wlan[24:]), false},
		{"radiotap", linkRadiotap, slices.Concat(bytes(0, 0, 12, 0), zeros(8), wlan, zeros(4)), false},
		{"PPI", linkPPI, slices.Concat(bytes(0, 0, 8, 0, 105, 0, 0, 0), wlan), false},
		{"OpenBSD enc", linkENC, slices.Concat(zeros(12), v6), true},
		{"OpenBSD pflog", linkPFLOG, slices.Concat(bytes(61), zeros(63), v4), false},
		{"ATM with LLC", linkATM, slices.Concat(bytes(0xaa, 0xaa, 3, 0, 0, 0), u16(etherIPv4), v4), false},
		{"frame relay", linkFRelay, slices.Concat(bytes(0x18, 0x41, 3, 0xcc), v4), false},
		{"frame relay, SNAP", linkFRelay, slices.Concat(bytes(0x18, 0x41, 3, 0x80, 0, 0, 0), u16(etherIPv6), v6), true},
		{"frame relay of Cisco", linkFRelay, slices.Concat(bytes(0x18, 0x41), u16(etherIPv4), v4), false},
		{"netlink log", linkNFLOG, slices.Concat(bytes(2, 0, 0, 30, 8, 0, 1, 0, 8, 0, 1, 0, 6, 0, 10, 0, 'i', 0, 0, 0), le16(uint16(4+len(v4))), le16(9), v4), false},
		{"netlink log, big endian", linkNFLOG, slices.Concat(bytes(10, 0, 0, 30, 0, 8, 0, 1, 8, 0, 1, 0), u16(uint16(4+len(v6))), u16(9), v6), true},
		{"PKTAP of a raw interface", linkPKTAP, slices.Concat(bytes(108, 0, 0, 0, 1, 0, 0, 0, 101, 0, 0, 0), zeros(96), v6), true},
		{"PKTAP of Ethernet", linkPKTAP, slices.Concat(bytes(112, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0), zeros(100), eth), false},
		{"Geneve with options", 1, inUDP(portGeneve, bytes(1, 0, 0x65, 0x58, 0, 0, 42, 0), zeros(4), eth), false},
		{"GTP-U", 1, inUDP(portGTPU, bytes(0x30, 255), u16(uint16(len(v4))), zeros(4), v4), false},
		{"GTP-U with sequence and extension", 1, inUDP(portGTPU, bytes(0x36, 255), u16(uint16(8+len(v6))), zeros(4), bytes(0, 1, 0, 0x85, 1, 0, 9, 0), v6), true},
		{"IPv4 in IPv4", 1, outer(protoIPv4, v4), false},
		{"IPv6 in IPv4", 1, outer(protoIPv6, v6), true},
		{"AH", 1, outer(protoAH, bytes(protoIPv4, 4), zeros(22), v4), false},
		{"IPv6 with extension headers", capture.LinkRaw, ipv6(0, slices.Concat(bytes(60, 0), zeros(6), bytes(43, 1), zeros(14), bytes(protoUDP, 0), zeros(6), v6[40:])), true},
		{"AH before destination options and a fragment header", capture.LinkRaw, ipv6(protoAH, slices.Concat(bytes(60, 4), zeros(22), bytes(44, 0), zeros(6), bytes(protoUDP, 0, 0, 0, 0, 0, 0, 1), v6[40:])), true},
		{"IPv6 atomic fragment", capture.LinkRaw, ipv6(44, slices.Concat(bytes(protoUDP, 0, 0, 0, 0, 0, 0, 1), v6[40:])), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, c := run(Config{}, tt.link, tt.frame)
			if len(s.payloads) != 1 || s.payloads[0] != hello {
				t.Fatalf("got %q, counters %v", s.payloads, c)
			}
			d := s.grams[0]
			src, dst, dscp, ttl := "10.0.0.1:5060", "10.0.0.2:5062", uint8(46), uint8(61)
			if tt.v6 {
				src, dst = "[fd00::1]:5060", "[fd00::2]:5062"
			}
			if d.Src.String() != src || d.Dst.String() != dst || d.DSCP != dscp || d.TTL != ttl || d.Transport != UDP || d.Cut || d.Length != len(hello) || d.Frame != 1 {
				t.Errorf("got %+v", d)
			}
			if d.HeaderLen != strings.Index(string(tt.frame), hello) {
				t.Errorf("header is %d bytes", d.HeaderLen)
			}
			if len(c) != 0 {
				t.Errorf("counters: %v", c)
			}
		})
	}
}

func TestExportedMessagesAreDatagrams(t *testing.T) {
	tag := func(number uint16, content ...byte) []byte {
		return slices.Concat(u16(number), u16(uint16(len(content))), content)
	}
	v6 := func(last byte) []byte { return append(append([]byte{0xfd}, make([]byte, 14)...), last) }
	end := slices.Concat(u16(0), u16(0), []byte(hello))
	for _, tt := range []struct{ frame, src, dst string }{
		{string(slices.Concat(tag(12, []byte("sip\x00")...), tag(20, 10, 0, 0, 1), tag(21, 10, 0, 0, 2), tag(24, 0, 0, 0, 2), tag(25, 0, 0, 0x13, 0xc5), tag(26, 0, 0, 0x9c, 0x40), end)), "10.0.0.1:5061", "10.0.0.2:40000"},
		{string(slices.Concat(tag(22, v6(1)...), tag(23, v6(2)...), end)), "[fd00::1]:0", "[fd00::2]:0"},
	} {
		s, c := run(Config{}, linkExported, []byte(tt.frame))
		if len(s.payloads) != 1 || s.payloads[0] != hello || s.grams[0].Src.String() != tt.src || s.grams[0].Dst.String() != tt.dst {
			t.Errorf("got %q %+v, counters %v", s.payloads, s.grams, c)
		}
	}
}

func TestWhatIsNotUnderstoodIsCountedByName(t *testing.T) {
	v4 := ipv4{}.packet(protoUDP, udp(1, 2, []byte(hello)))
	tests := []struct {
		name  string
		link  uint16
		frame []byte
		want  string
	}{
		{"unknown link type", 147, v4, "decode.linktype.147"},
		{"LLDP", 1, ethernet(0x88cc, make([]byte, 20)), "decode.ethertype.0x88cc"},
		{"spanning tree", 1, ethernet(38, make([]byte, 38)), "decode.llc"},
		{"802.11 beacon", link80211, append([]byte{0x80}, make([]byte, 60)...), "decode.llc"},
		{"802.11, encrypted", link80211, append([]byte{8, 0x41}, make([]byte, 60)...), "decode.llc"},
		{"802.11, cut", link80211, make([]byte, 20), "decode.short.link"},
		{"radiotap, cut", linkRadiotap, []byte{0, 0, 60, 0}, "decode.short.link"},
		{"PPI of another link", linkPPI, []byte{0, 0, 8, 0, 1, 0, 0, 0}, "decode.short.link"},
		{"ICMP", 1, ethernet(etherIPv4, ipv4{}.packet(1, make([]byte, 8))), "decode.ipproto.1"},
		{"PPP link control", 9, []byte{0xff, 3, 0xc0, 0x21, 1}, "decode.ppp.0xc021"},
		{"short Ethernet", 1, make([]byte, 13), "decode.short.link"},
		{"short frame relay", linkFRelay, make([]byte, 3), "decode.short.link"},
		{"frame relay, signalling", linkFRelay, []byte{0, 1, 3, 8, 0}, "decode.llc"},
		{"netlink log without a packet", linkNFLOG, []byte{2, 0, 0, 0, 4, 0, 1, 0}, "decode.short.link"},
		{"PKTAP, cut", linkPKTAP, slices.Concat([]byte{108, 0, 0, 0, 1, 0, 0, 0, 1}, make([]byte, 90)), "decode.short.link"},
		{"exported message without an end of tags", linkExported, []byte{0, 12, 0, 3, 's', 'i', 'p'}, "decode.short.link"},
		{"exported message with a tag longer than itself", linkExported, []byte{0, 12, 0, 30, 's', 'i', 'p'}, "decode.short.link"},
		{"short VLAN", 1, ethernet(etherVLAN, []byte{0, 1, 8}), "decode.short.link"},
		{"short IPv4", 1, ethernet(etherIPv4, v4[:19]), "decode.short.ipv4"},
		{"short IPv6", 1, ethernet(etherIPv6, make([]byte, 39)), "decode.short.ipv6"},
		{"short UDP", 1, ethernet(etherIPv4, v4[:27]), "decode.short.udp"},
		{"short TCP", 1, ethernet(etherIPv4, ipv4{}.packet(protoTCP, make([]byte, 19))), "decode.short.tcp"},
		{"short GRE", 1, ethernet(etherIPv4, ipv4{}.packet(protoGRE, []byte{0x20, 0, 8, 0})), "decode.short.tunnel"},
		{"wrong version", 1, ethernet(etherIPv4, append([]byte{0x55}, v4[1:]...)), "decode.bad.ipv4"},
		{"encrypted ESP", 1, ethernet(etherIPv4, ipv4{}.packet(protoESP, slices.Repeat([]byte{0x5a}, 60))), "decode.esp.encrypted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, c := run(Config{}, tt.link, tt.frame)
			if len(s.payloads) != 0 || len(c) != 1 || c[tt.want] != 1 {
				t.Errorf("got %q, counters %v, want %s", s.payloads, c, tt.want)
			}
		})
	}
}

func TestAPortAloneDoesNotMakeATunnel(t *testing.T) {
	rtp := append([]byte{0x80, 0, 0, 1}, make([]byte, 168)...)
	for _, port := range []uint16{portGTPU, portVXLAN, portVXLANGPE, portGeneve, portESP} {
		for _, payload := range [][]byte{rtp, []byte("SIP/2.0 200 OK\r\n"), []byte("0123456789"), {}} {
			s, c := run(Config{}, 1, ethernet(etherIPv4, ipv4{}.packet(protoUDP, udp(port, port, payload))))
			if len(s.payloads) != 1 || s.payloads[0] != string(payload) {
				t.Errorf("port %d, payload %.20q: got %q, counters %v", port, payload, s.payloads, c)
			}
		}
	}
}

func TestACutPacketIsDeliveredAsFarAsItGoes(t *testing.T) {
	f := ethernet(etherIPv4, ipv4{}.packet(protoUDP, udp(1, 2, []byte(hello))))
	s, c := run(Config{}, 1, f[:50])
	if len(s.grams) != 1 || !s.grams[0].Cut || s.payloads[0] != hello[:8] || s.grams[0].Length != len(hello) || c["decode.cut"] != 1 {
		t.Errorf("got %+v %q %v", s.grams, s.payloads, c)
	}
}

func TestHeadersWithoutEndAreGivenUp(t *testing.T) {
	v4 := ipv4{}.packet(protoUDP, udp(1, 2, []byte(hello)))
	for range 100 {
		v4 = ipv4{}.packet(protoIPv4, v4)
	}
	s, c := run(Config{}, capture.LinkRaw, v4)
	if len(s.payloads) != 0 || c["decode.depth"] != 1 {
		t.Errorf("got %d payloads, counters %v", len(s.payloads), c)
	}
}

func TestUnencryptedESPIsRead(t *testing.T) {
	inner := udp(5060, 5062, []byte(hello))
	for _, check := range []int{12, 16, 24, 32, 0} {
		for _, tunnel := range []bool{false, true} {
			payload, next := inner, byte(protoUDP)
			if tunnel {
				payload, next = ipv4{}.packet(protoUDP, inner), protoIPv4
			}
			pad := (4 - (len(payload)+2)%4) % 4
			trailer := append([]byte{1, 2, 3}[:pad], byte(pad), next)
			esp := slices.Concat(u32(0x1001), u32(1), payload, trailer, slices.Repeat([]byte{0xa5}, check))
			s, c := run(Config{}, 1, ethernet(etherIPv4, ipv4{}.packet(protoESP, esp)))
			if len(s.payloads) != 1 || s.payloads[0] != hello || c["decode.esp.null"] != 1 {
				t.Errorf("check value %d, tunnel %v: got %q, counters %v", check, tunnel, s.payloads, c)
			}
		}
	}
}

func TestTheSamePacketSeenTwiceIsADuplicate(t *testing.T) {
	frame := func(id uint16, ttl byte, payload string) []byte {
		return ethernet(etherIPv4, ipv4{id: id, ttl: ttl}.packet(protoUDP, udp(1, 2, []byte(payload))))
	}
	inGRE := func(id uint16, payload string) []byte {
		inner := ipv4{id: id}.packet(protoUDP, udp(1, 2, []byte(payload)))
		return ethernet(etherIPv4, ipv4{src: [4]byte{9}}.packet(protoGRE, slices.Concat([]byte{0, 0, 8, 0}, inner)))
	}
	tests := []struct {
		name       string
		a, b       []byte
		apart      int64 // ms
		duplicates int
	}{
		{"a mirror port, TTL one lower", frame(1, 64, hello), frame(1, 63, hello), 1, 1},
		{"inside a tunnel and outside", inGRE(1, hello), frame(1, 64, hello), 5, 1},
		{"not numbered", frame(0, 64, hello), frame(0, 64, hello), 1, 1},
		{"sent twice: numbered differently", frame(1, 64, hello), frame(2, 64, hello), 1, 0},
		{"another payload of the same length", frame(0, 64, hello), frame(0, 64, strings.ToUpper(hello)), 1, 0},
		{"another end", frame(0, 64, hello+"1"), frame(0, 64, hello+"2"), 1, 0},
		{"a SIP retransmission", frame(0, 64, hello), frame(0, 64, hello), 500, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &sink{}
			x := New(Config{}, s)
			x.Packet(&capture.Packet{Time: 1e18, Data: tt.a, Length: len(tt.a), Link: 1})
			x.Packet(&capture.Packet{Time: 1e18 + tt.apart*1e6, Data: tt.b, Length: len(tt.b), Link: 1})
			if s.duplicates != tt.duplicates || len(s.payloads) != 2-tt.duplicates || counted(x)["packets.duplicate"] != uint64(tt.duplicates) {
				t.Errorf("%d duplicates, %d payloads, want %d duplicates", s.duplicates, len(s.payloads), tt.duplicates)
			}
		})
	}
}
