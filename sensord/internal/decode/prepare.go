package decode

import (
	"encoding/binary"

	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/prefetch"
)

// Prepared is a frame that was looked at on its own, perhaps ahead of its turn. Each frame of an input goes to its Decoder in
// order, by one of two ways:
//
//	Decoder.Packet                   any frame; the Handler gets what is in it
//	Prepare, Decoder.Take, .Turn     a plain frame; the caller has what is in it
//
// Prepare needs nothing but the frame and may be done by any goroutine. Take and Turn are what depends on the frames before; who
// does not need the Datagram leaves Turn out. The Datagram points into the bytes of the frame and is valid as long as they are.
type Prepared struct {
	Datagram      // of a plain frame, without Time, Frame and Packet
	Plain    bool // the frame holds one UDP datagram, whole and in no tunnel; any other is for Decoder.Packet
	id       uint16
}

// Key is what a plain datagram is known by when it is captured again.
func (d *Prepared) Key() uint64 { return duplicateKey(&d.Datagram, uint32(d.id)) }

// Prepare takes a frame apart if it is plain: Ethernet, Linux cooked or raw, with VLAN tags or not, then IPv4 or IPv6 that is
// no fragment and has no extension, then UDP. d holds parts of p's bytes.
func Prepare(p *capture.Packet, d *Prepared) {
	d.Plain = false
	b, v6 := network(p)
	if v6 {
		b = d.plainIPv6(b)
	} else {
		b = d.plainIPv4(b)
	}
	if d.Plain {
		d.HeaderLen = cap(p.Data) - cap(b)
	}
}

// network finds the IP header of a frame; nil when there is more to take off than link layer and VLAN tags.
func network(p *capture.Packet) (b []byte, v6 bool) {
	b = p.Data
	var t uint16
	switch p.Link {
	case capture.LinkEthernet:
		if len(b) < 14 {
			return nil, false
		}
		t, b = be16(b[12:]), b[14:]
	case capture.LinkSLL:
		if len(b) < 16 {
			return nil, false
		}
		t, b = be16(b[14:]), b[16:]
	case capture.LinkRaw:
		return b, len(b) > 0 && b[0]>>4 == 6
	}
	for t == etherVLAN || t == etherQinQ {
		if len(b) < 4 {
			return nil, false
		}
		t, b = be16(b[2:]), b[4:]
	}
	switch t {
	case etherIPv4:
		return b, false
	case etherIPv6:
		return b, true
	}
	return nil, false
}

// plainIPv4 is Decoder.ipv4 for plain frames. It returns the payload.
func (d *Prepared) plainIPv4(b []byte) []byte {
	if len(b) < 28 || b[0]>>4 != 4 || b[9] != protoUDP || be16(b[6:])&0x3fff != 0 {
		return nil
	}
	head, total := int(b[0]&15)*4, int(be16(b[2:]))
	if total == 0 {
		total = len(b)
	}
	if head < 20 || total < head || head > len(b) {
		return nil
	}
	missing := 0
	if total <= len(b) {
		b = b[:total]
	} else {
		missing = total - len(b)
	}
	d.DSCP, d.TTL = b[1]>>2, b[8]
	putIPv4(&d.Src, b[12:])
	putIPv4(&d.Dst, b[16:])
	return d.plainUDP(b[head:], missing, be16(b[4:]))
}

// plainIPv6 is Decoder.ipv6 for plain frames.
func (d *Prepared) plainIPv6(b []byte) []byte {
	if len(b) < 48 || b[0]>>4 != 6 || b[6] != protoUDP {
		return nil
	}
	total, missing := int(be16(b[4:])), 0
	d.DSCP, d.TTL = uint8(be16(b)>>6)&0x3f, b[7]
	for i := 0; i < 16; i += 8 {
		binary.LittleEndian.PutUint64(d.Src.IP[i:], le64(b[8+i:]))
		binary.LittleEndian.PutUint64(d.Dst.IP[i:], le64(b[24+i:]))
	}
	b = b[40:]
	switch {
	case total == 0:
	case total <= len(b):
		b = b[:total]
	default:
		missing = total - len(b)
	}
	return d.plainUDP(b, missing, 0)
}

// plainUDP is Decoder.udp for plain frames.
func (d *Prepared) plainUDP(b []byte, missing int, id uint16) []byte {
	if len(b) < 8 {
		return nil
	}
	src, dst := be16(b), be16(b[2:])
	if mayTunnel(src, dst) {
		return nil
	}
	n := int(be16(b[4:])) - 8
	b = b[8:]
	switch {
	case n < 0:
		if n != -8 {
			return nil
		}
		n = len(b) + missing
	case n < len(b):
		b = b[:n]
	}
	d.Src.Port, d.Dst.Port = src, dst
	d.Transport, d.Length, d.Payload, d.Cut = UDP, n, b, n > len(b)
	d.id, d.Plain = id, true
	return b
}

// Take moves on to the next frame of the input, which must be a plain one, and says whether a datagram with its key was
// captured a moment ago.
func (x *Decoder) Take(p *capture.Packet, time int64, key uint64) (again bool) {
	x.begin(p, time)
	return x.again(key)
}

// Fetch asks for what Take will look at for a frame of that key.
func (x *Decoder) Fetch(key uint64) {
	if x.seen != nil {
		prefetch.Head(x.seen.bucket(key), 1)
	}
}

// Now is the time of the newest frame, see Datagram.Time.
func (x *Decoder) Now() int64 { return x.d.Time }

// Turn fills in what a datagram that was prepared has of the order of the frames; its turn is that of the newest one.
func (x *Decoder) Turn(p *capture.Packet, d *Prepared) {
	d.Time, d.Frame, d.Packet = x.d.Time, x.d.Frame, p
	if d.Cut {
		x.count(cCut)
	}
}

// again says whether a datagram with a key was captured a moment ago, and remembers it.
func (x *Decoder) again(key uint64) bool {
	if x.seen == nil || !x.seen.seen(key, x.d.Time, x.seen.window) {
		return false
	}
	x.count(cDuplicate)
	return true
}

// Duplicate tells the handler of a datagram that was captured before, as Take said.
func (x *Decoder) Duplicate(d *Datagram) {
	if x.dup != nil {
		x.dup.Duplicate(d)
	}
}
