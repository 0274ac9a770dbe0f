package decode

import (
	"encoding/binary"
	"hash/crc32"
)

// checkValues are the lengths of the integrity check values in use: HMAC-SHA1-96 and HMAC-MD5-96, HMAC-SHA-256-128 and
// AES-GMAC, HMAC-SHA-384-192, HMAC-SHA-512-256, none.
var checkValues = [...]int{12, 16, 24, 32, 0}

// esp reads ESP (RFC 4303) with NULL encryption (RFC 2410), as IMS uses it between handset and P-CSCF:
//
//	SPI 4 | sequence 4 | payload | padding 1, 2, 3, ... | padding length 1 | next header 1 | check value
//
// Nothing on the wire says that a packet is not encrypted, nor how long the check value is. So the trailer must fit, and
// the payload must prove itself by a length or checksum of its own.
func (x *Decoder) esp(b []byte) {
	if !x.tryESP(b) {
		x.count(cESPOpaque)
	}
}

func (x *Decoder) tryESP(b []byte) bool {
	if len(b) < 8 || x.missing > 0 {
		return false
	}
	b = b[8:]
	for _, check := range checkValues {
		end := len(b) - check
		if end < 2 || end%4 != 0 {
			continue
		}
		next, pad := b[end-1], int(b[end-2])
		n := end - 2 - pad
		if n <= 0 || !counts(b[n:end-2]) || !x.proves(next, b[:n]) {
			continue
		}
		x.count(cESPNull)
		x.transport(next, b[:n])
		return true
	}
	return false
}

// counts says whether b is 1, 2, 3, ... as RFC 4303 section 2.4 wants padding to be.
func counts(b []byte) bool {
	for i, v := range b {
		if int(v) != i+1 {
			return false
		}
	}
	return true
}

// proves says whether b is a packet of protocol next beyond doubt.
func (x *Decoder) proves(next uint8, b []byte) bool {
	switch next {
	case protoUDP:
		return len(b) >= 8 && int(be16(b[4:])) == len(b)
	case protoTCP:
		return len(b) >= 20 && int(b[12]>>4)*4 >= 20 && int(b[12]>>4)*4 <= len(b) && x.checksum(next, b) == 0
	case protoSCTP:
		return len(b) >= 12 && sctpChecksum(b) == binary.LittleEndian.Uint32(b[8:])
	case protoIPv4:
		return len(b) >= 20 && b[0]>>4 == 4 && int(be16(b[2:])) == len(b)
	case protoIPv6:
		return len(b) >= 40 && b[0]>>4 == 6 && int(be16(b[4:]))+40 == len(b)
	}
	return false
}

// checksum is the Internet checksum (RFC 1071) over b and its pseudo-header; 0 when it is right.
func (x *Decoder) checksum(proto uint8, b []byte) uint16 {
	sum := uint64(proto) + uint64(len(b))
	add := func(b []byte) {
		for ; len(b) >= 2; b = b[2:] {
			sum += uint64(be16(b))
		}
		if len(b) == 1 {
			sum += uint64(b[0]) << 8
		}
	}
	for _, ip := range [2]*[16]byte{&x.d.Src.IP, &x.d.Dst.IP} {
		if [12]byte(ip[:12]) == [12]byte{10: 0xff, 11: 0xff} {
			add(ip[12:])
		} else {
			add(ip[:])
		}
	}
	add(b)
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sctpChecksum is CRC32c over the packet with its checksum field zero (RFC 9260 section 6.8).
func sctpChecksum(b []byte) uint32 {
	c := crc32.Update(0, castagnoli, b[:8])
	c = crc32.Update(c, castagnoli, []byte{0, 0, 0, 0})
	return crc32.Update(c, castagnoli, b[12:])
}
