package redact

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"strconv"

	"voiptop/sensord/analyze"
	"voiptop/tui/internal/sipmsg"
)

// Link types that are understood (tcpdump.org's registry), and where in them the type of what follows stands.
const (
	linkNull     = 0
	linkEthernet = 1
	linkRawBSD   = 12
	linkRaw      = 101
	linkLoop     = 108
	linkSLL      = 113
	linkIPv4     = 228
	linkIPv6     = 229
	linkSLL2     = 276
)

const (
	protoTCP = 6
	protoUDP = 17
)

// Packet masks a copy of a packet: addresses of Ethernet and IP, the SIP in it, and all voice. Its length stays, its checksums are
// right. ok is false when the packet cannot be masked with certainty - fragments, segments of a TCP stream that hold no whole
// message, tunnels, TLS - and must be left out.
func (r *Redactor) Packet(p *analyze.Packet) (masked *analyze.Packet, ok bool) {
	b := bytes.Clone(p.Data)
	at, ok := r.link(b, p.Link)
	if !ok || !r.network(b[at:], p.Length > len(p.Data)) {
		return nil, false
	}
	m := *p
	m.Data, m.Secrets = b, nil
	return &m, true
}

// Whole masks a message that no single packet holds, and puts it into one: a UDP packet, whatever brought it. It is nil when the
// message is too long for one.
func (r *Redactor) Whole(time int64, src, dst netip.AddrPort, message []byte) *analyze.Packet {
	m := r.Message(message)
	a, b := r.Addr(src.Addr()), r.Addr(dst.Addr())
	udp := binary.BigEndian.AppendUint16(nil, src.Port())
	udp = binary.BigEndian.AppendUint16(udp, dst.Port())
	udp = binary.BigEndian.AppendUint16(udp, uint16(8+len(m)))
	udp = append(append(udp, 0, 0), m...)
	if len(udp) > maxUDP || a.Is4() != b.Is4() {
		return nil
	}
	v := ^sum(udp, pseudo(a, b, protoUDP, len(udp)))
	if v == 0 {
		v = 0xffff
	}
	binary.BigEndian.PutUint16(udp[6:], v)
	var ip []byte
	if a.Is4() {
		ip = []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, protoUDP, 0, 0}
		binary.BigEndian.PutUint16(ip[2:], uint16(20+len(udp)))
		ip = append(append(ip, a.AsSlice()...), b.AsSlice()...)
		binary.BigEndian.PutUint16(ip[10:], ^sum(ip, 0))
	} else {
		ip = []byte{0x60, 0, 0, 0, 0, 0, protoUDP, 64}
		binary.BigEndian.PutUint16(ip[4:], uint16(len(udp)))
		ip = append(append(ip, a.AsSlice()...), b.AsSlice()...)
	}
	data := append(ip, udp...)
	return &analyze.Packet{Time: time, Data: data, Length: len(data), Link: linkRaw}
}

// maxUDP is the size of the largest UDP packet with its header, in IPv4.
const maxUDP = 65515

// link masks the link layer and answers where IP begins.
func (r *Redactor) link(b []byte, link uint16) (at int, ok bool) {
	var kind uint16
	switch link {
	case linkEthernet:
		if len(b) < 14 {
			return 0, false
		}
		r.mac(b[0:6])
		r.mac(b[6:12])
		at, kind = 14, binary.BigEndian.Uint16(b[12:])
	case linkSLL:
		if len(b) < 16 {
			return 0, false
		}
		r.mac(b[6:12])
		at, kind = 16, binary.BigEndian.Uint16(b[14:])
	case linkSLL2:
		if len(b) < 20 {
			return 0, false
		}
		r.mac(b[12:18])
		at, kind = 20, binary.BigEndian.Uint16(b)
	case linkNull, linkLoop:
		return 4, len(b) > 4
	case linkRaw, linkRawBSD, linkIPv4, linkIPv6:
		return 0, len(b) > 0
	default:
		return 0, false
	}
	for (kind == 0x8100 || kind == 0x88a8 || kind == 0x9100) && len(b) >= at+4 { // VLAN tags
		kind = binary.BigEndian.Uint16(b[at+2:])
		at += 4
	}
	return at, kind == 0x0800 || kind == 0x86dd
}

// mac masks a hardware address: it becomes a locally administered one. Groups stay.
func (r *Redactor) mac(b []byte) {
	if b[0]&1 != 0 || bytes.Equal(b, make([]byte, 6)) {
		return
	}
	m := r.stream("m", string(b), 0, 6)
	copy(b, m[:6])
	b[0] = b[0]&^1 | 2
}

// network masks IP and what it carries; cut says that the end of the packet is missing.
func (r *Redactor) network(b []byte, cut bool) bool {
	if len(b) < 20 {
		return false
	}
	var proto byte
	var payload []byte
	var src, dst netip.Addr
	switch b[0] >> 4 {
	case 4:
		head, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
		if head < 20 || len(b) < head || total < head || binary.BigEndian.Uint16(b[6:])&0x3fff != 0 { // a fragment
			return false
		}
		clear(b[20:head]) // options: routes
		src, dst = r.Addr(netip.AddrFrom4([4]byte(b[12:16]))), r.Addr(netip.AddrFrom4([4]byte(b[16:20])))
		copy(b[12:16], src.AsSlice())
		copy(b[16:20], dst.AsSlice())
		clear(b[10:12])
		binary.BigEndian.PutUint16(b[10:], ^sum(b[:head], 0))
		proto, payload = b[9], b[head:min(total, len(b))]
		clear(b[min(total, len(b)):]) // padding of the frame
	case 6:
		if len(b) < 40 {
			return false
		}
		src, dst = r.Addr(netip.AddrFrom16([16]byte(b[8:24]))), r.Addr(netip.AddrFrom16([16]byte(b[24:40])))
		copy(b[8:24], to16(src))
		copy(b[24:40], to16(dst))
		end := min(40+int(binary.BigEndian.Uint16(b[4:])), len(b))
		proto, payload = b[6], b[40:end]
		clear(b[end:])
	default:
		return false
	}
	return r.transport(payload, proto, src, dst, cut)
}

func to16(a netip.Addr) []byte {
	b := a.As16()
	return b[:]
}

// transport masks what UDP or TCP carries and makes its checksum anew.
func (r *Redactor) transport(b []byte, proto byte, src, dst netip.Addr, cut bool) bool {
	var data []byte
	var check int // where the checksum stands
	switch {
	case proto == protoUDP && len(b) >= 8:
		n := int(binary.BigEndian.Uint16(b[4:]))
		if n < 8 {
			return false
		}
		data, check = b[8:min(n, len(b))], 6
		if !r.datagram(data, cut) {
			return false
		}
	case proto == protoTCP && len(b) >= 20:
		head := int(b[12]>>4) * 4
		if head < 20 || head > len(b) {
			return false
		}
		data, check = b[head:], 16
		if len(data) > 0 && (cut || !r.whole(data)) {
			return false
		}
	default:
		return false
	}
	was := binary.BigEndian.Uint16(b[check:])
	clear(b[check : check+2])
	if proto == protoUDP && (cut || was == 0 && src.Is4()) { // none, or one that needs bytes that are not there
		return true
	}
	v := ^sum(b, pseudo(src, dst, proto, len(b)))
	if v == 0 && proto == protoUDP {
		v = 0xffff // RFC 768: zero would be none
	}
	binary.BigEndian.PutUint16(b[check:], v)
	return true
}

// datagram masks the payload of UDP: SIP, RTP or RTCP.
func (r *Redactor) datagram(b []byte, cut bool) bool {
	switch {
	case isSIP(b):
		return !cut && r.message(b)
	case len(bytes.Trim(b, "\r\n\x00")) == 0: // keep-alive
		return true
	case len(b) >= 12 && b[0]>>6 == 2 && b[1] >= 192 && b[1] <= 223:
		rtcp(b)
		return true
	case len(b) >= 12 && b[0]>>6 == 2:
		head := 12 + 4*int(b[0]&15)
		if b[0]&0x10 != 0 && len(b) >= head+4 {
			n := head + 4 + 4*int(binary.BigEndian.Uint16(b[head+2:]))
			clear(b[min(head+4, len(b)):min(n, len(b))]) // extensions: audio levels and names
			head = n
		}
		end := len(b)
		if b[0]&0x20 != 0 && end > head { // the last byte says how much of it is padding
			end--
		}
		clear(b[min(head, end):end])
		return true
	}
	return false
}

// rtcp takes names and what applications say out of a compound packet (RFC 3550 sections 6.5 to 6.7).
func rtcp(b []byte) {
	for len(b) >= 4 {
		n := min(4+4*int(binary.BigEndian.Uint16(b[2:])), len(b))
		count := int(b[0] & 31)
		switch b[1] {
		case 202: // source description
			for rest := b[4:n]; count > 0 && len(rest) > 4; count-- {
				rest = rest[describe(rest):]
			}
		case 203: // bye, with a reason
			if at := 4 + 4*count; at < n {
				fillX(b[at+1 : min(at+1+int(b[at]), n)])
			}
		case 204: // of an application
			clear(b[min(12, n):n])
		}
		b = b[n:]
	}
}

// describe masks the items of one source and answers how long its chunk is.
func describe(b []byte) int {
	at := 4
	for at+1 < len(b) && b[at] != 0 {
		end := min(at+2+int(b[at+1]), len(b))
		fillX(b[at+2 : end])
		at = end
	}
	return min((at+4)&^3, len(b)) // an item of type 0 ends it, up to the next word
}

func fillX(b []byte) {
	for i := range b {
		b[i] = 'x'
	}
}

// whole masks the segment of a stream if it holds whole messages.
func (r *Redactor) whole(b []byte) bool {
	for len(bytes.Trim(b, "\r\n")) > 0 {
		b = b[len(b)-len(bytes.TrimLeft(b, "\r\n")):]
		if !isSIP(b) {
			return false
		}
		head, body := sipmsg.Split(b)
		n, err := strconv.Atoi(string(sipmsg.Value(b, "content-length")))
		if err != nil || n < 0 || n > len(body) || len(head) == len(b) {
			return false
		}
		end := len(b) - len(body) + n
		if !r.message(b[:end]) {
			return false
		}
		b = b[end:]
	}
	return true
}

func (r *Redactor) message(b []byte) bool {
	m := r.Message(b)
	if len(m) != len(b) {
		return false
	}
	copy(b, m)
	return true
}

// isSIP reports whether the first line is one of SIP.
func isSIP(b []byte) bool {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return bytes.HasPrefix(line, []byte("SIP/2.0 ")) || bytes.HasSuffix(bytes.TrimRight(line, "\r"), []byte(" SIP/2.0"))
}

// sum is the internet checksum (RFC 1071) without its complement.
func sum(b []byte, start uint32) uint16 {
	s := start
	for ; len(b) > 1; b = b[2:] {
		s += uint32(b[0])<<8 | uint32(b[1])
		s = s&0xffff + s>>16
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	for s > 0xffff {
		s = s&0xffff + s>>16
	}
	return uint16(s)
}

// pseudo is the sum of the pseudo header (RFC 768, RFC 8200 section 8.1).
func pseudo(src, dst netip.Addr, proto byte, length int) uint32 {
	return uint32(sum(slices.Concat(src.AsSlice(), dst.AsSlice()), 0)) + uint32(proto) + uint32(length)
}
