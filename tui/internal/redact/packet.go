package redact

import (
	"bytes"
	"encoding/binary"
	"net/netip"
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
