package bpf

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// id reads an address, port or protocol number and checks that the qualifiers fit it.
func (p *parser) id(q quals) (expr, error) {
	t := p.peek()
	x := qualified{t: t, qual: q}
	var err error
	switch q.typ {
	case "port":
		var n uint32
		n, x.id.proto, err = p.port(t.text, q.proto)
		x.id.ports = []span{{n, n}}
		p.pos++
	case "portrange":
		err = p.ports(&x.id, q.proto)
	case "proto":
		err = p.protocol(&x.id, q.proto)
	default:
		err = p.address(&x.id, q)
	}
	return x, err
}

func (p *parser) transport(proto string) error {
	switch proto {
	case "", "udp", "tcp", "sctp":
		return nil
	}
	return p.wrong(fmt.Sprintf("udp, tcp, sctp or nothing before port, not %s", proto))
}

// port reads a port's number or name; the name may be of one protocol only.
func (p *parser) port(s, proto string) (n, only uint32, err error) {
	if err := p.transport(proto); err != nil {
		return 0, 0, err
	}
	if v, err := strconv.ParseUint(s, 0, 32); err == nil {
		if v > 65535 {
			return 0, 0, p.wrong("a port from 0 to 65535")
		}
		return uint32(v), 0, nil
	}
	if s == "" || isKeyword(s) {
		return 0, 0, p.wrong("a port, 0 to 65535")
	}
	found := map[string]uint32{}
	for _, network := range []string{"tcp", "udp"} {
		if v, err := net.LookupPort(network, s); err == nil {
			found[network] = uint32(v)
		}
	}
	tcp, isTCP := found["tcp"]
	udp, isUDP := found["udp"]
	switch {
	case proto == "udp" && isUDP:
		return udp, 0, nil
	case proto == "tcp" && isTCP:
		return tcp, 0, nil
	case proto == "" && isTCP && isUDP && tcp == udp:
		return tcp, 0, nil
	case proto == "" && isTCP != isUDP:
		return tcp + udp, map[bool]uint32{true: 6, false: 17}[isTCP], nil
	}
	return 0, 0, p.wrong("a port, 0 to 65535: its name is not known")
}

func (p *parser) ports(x *id, proto string) error {
	t := p.peek()
	if t.kind != tNumber && t.kind != tRange && t.kind != tWord {
		return p.wrong("two ports, as in 10000-20000")
	}
	from, to, ok := strings.Cut(t.text, "-")
	if !ok {
		to = from
	}
	a, _, err := p.port(from, proto)
	if err != nil {
		return err
	}
	b, _, err := p.port(to, proto)
	if err != nil {
		return err
	}
	x.ports = []span{{min(a, b), max(a, b)}}
	p.pos++
	return nil
}

func (p *parser) protocol(x *id, proto string) error {
	t := p.peek()
	limit := uint32(255)
	if proto == "ether" {
		limit = 65535
	}
	switch {
	case proto != "" && proto != "ip" && proto != "ip6" && proto != "ether":
		return p.wrong(fmt.Sprintf("ip, ip6, ether or nothing before proto, not %s", proto))
	case t.kind == tNumber && t.num <= limit:
		if proto == "ether" && t.num < 1536 {
			return p.wrong("an Ethernet type from 1536 (0x600) on; LLC is not read")
		}
		x.num = t.num
	case t.kind == tNumber:
		return p.wrong(fmt.Sprintf("a protocol number up to %d", limit))
	case (t.kind == tWord || t.kind == tEscaped) && proto == "ether":
		v, ok := etherTypes[t.text]
		if !ok {
			return p.wrong("an Ethernet type: ip, ip6, arp, rarp or a number")
		}
		x.num = v
	case t.kind == tWord || t.kind == tEscaped:
		v, ok := ipProtocols[t.text]
		if !ok {
			return p.wrong("an IP protocol: udp, tcp, sctp, icmp ... or a number")
		}
		x.num = v.n
	default:
		return p.wrong("a protocol's number or name")
	}
	p.pos++
	return nil
}

// address reads what host, net, src and dst take.
func (p *parser) address(x *id, q quals) error {
	t := p.peek()
	x.kind = t.kind
	fits := func(protos ...string) error {
		for _, ok := range protos {
			if q.proto == ok {
				return nil
			}
		}
		return p.wrong(fmt.Sprintf("an address that %q can be said of", q.proto))
	}
	var err error
	switch t.kind {
	case tMAC:
		if q.proto != "ether" || q.typ == "net" {
			return p.wrong(`an IP address; before an Ethernet address write "ether host", "ether src" or "ether dst"`)
		}
		for i, s := range strings.FieldsFunc(t.text, func(r rune) bool { return r == ':' || r == '-' }) {
			v, err := strconv.ParseUint(s, 16, 8)
			if err != nil {
				return p.wrong("an Ethernet address")
			}
			x.mac[i] = byte(v)
		}
		p.pos++
	case tIPv4, tNumber:
		if q.proto == "ether" {
			return p.wrong("an Ethernet address, as in 00:11:22:33:44:55")
		}
		if err = fits("", "ip", "arp", "rarp"); err == nil {
			err = p.ipv4(x, q)
		}
	case tIPv6:
		if err = fits("", "ip6"); err == nil {
			err = p.ipv6(x, q)
		}
	case tWord, tEscaped:
		if t.kind == tWord && (isKeyword(t.text) || refused[t.text] != "") {
			return p.wrong("an address")
		}
		return p.wrong("an address: names are not looked up, write the host's IP address")
	default:
		return p.wrong("an address")
	}
	return err
}

const notMask = "net before an address with a mask"

func (p *parser) ipv4(x *id, q quals) error {
	t := p.next()
	x.kind = tIPv4
	v, bits, ok := dotted(t.text)
	if t.kind == tNumber {
		v, bits, ok = t.num, 32, true
		for q.typ == "net" && v != 0 && v&0xff000000 == 0 && !p.at("/") && !p.at("mask") { // net 10 is net 10.0.0.0/8
			v, bits = v<<8, bits-8
		}
		if p.at("/") || p.at("mask") {
			v, bits, ok = dotted(t.text)
		}
	}
	if !ok {
		p.pos--
		return p.wrong("an IPv4 address of numbers up to 255")
	}
	x.addr, x.mask = v, ones(bits)
	switch {
	case p.at("/"):
		if q.typ != "net" {
			return p.wrong(notMask)
		}
		p.pos++
		n := p.peek()
		if n.kind != tNumber || n.num > 32 {
			return p.wrong("a mask length from 0 to 32")
		}
		p.pos++
		x.mask = ones(int(n.num))
	case p.at("mask"):
		if q.typ != "net" {
			return p.wrong(notMask)
		}
		p.pos++
		m, _, ok := dotted(p.peek().text)
		if !ok {
			return p.wrong("a mask, as in 255.255.255.0")
		}
		p.pos++
		x.mask = m
	}
	if x.addr&^x.mask != 0 {
		p.pos--
		return p.wrong(fmt.Sprintf("no bits of the host in the address of a net: %s", ipText(x.addr&x.mask)))
	}
	return nil
}

func ipText(v uint32) string {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], v)
	return netip.AddrFrom4(b).String()
}

func ones(n int) uint32 { return uint32(0xffffffff << (32 - n)) }

// dotted reads one to four parts of an IPv4 address: the value, at the upper end, and how many bits were written.
func dotted(s string) (v uint32, bits int, ok bool) {
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return 0, 0, false
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return 0, 0, false
		}
		v |= uint32(n) << (24 - 8*i)
	}
	return v, 8 * len(parts), true
}

func (p *parser) ipv6(x *id, q quals) error {
	t := p.next()
	a, err := netip.ParseAddr(t.text)
	if err != nil {
		p.pos--
		return p.wrong("an IPv6 address")
	}
	bits := 128
	if p.at("/") {
		if q.typ != "net" {
			return p.wrong(notMask)
		}
		p.pos++
		n := p.peek()
		if n.kind != tNumber || n.num > 128 {
			return p.wrong("a mask length from 0 to 128")
		}
		bits = int(n.num)
		p.pos++
	}
	x.prefix = netip.PrefixFrom(a, bits)
	if x.prefix.Masked() != x.prefix {
		p.pos--
		return p.wrong(fmt.Sprintf("no bits of the host in the address of a net: %s", x.prefix.Masked()))
	}
	return nil
}
