package call

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"

	"voiptop/protocol"
)

// uuid derives the id of a call, in the layout of a UUID version 7 (RFC 9562 section 5.7): 48 bits of start in
// milliseconds, then 74 bits of SHA-256 over sensor id, start in nanoseconds and Call-ID.
//
//	unix_ts_ms(48) version(4)=7 rand_a(12) variant(2)=10 rand_b(62)
func uuid(sensor uint16, callID string, start int64) (u protocol.UUID) {
	var room [512]byte
	b := binary.BigEndian.AppendUint16(room[:0], sensor)
	b = binary.BigEndian.AppendUint64(b, uint64(start))
	b = append(b, callID...)
	h := sha256.Sum256(b)
	copy(u[6:], h[:10])
	ms := uint64(start / 1e6)
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	u[6] = u[6]&0x0f | 0x70
	u[8] = u[8]&0x3f | 0x80
	return u
}

// digest is a 64-bit hash, to tell messages and tags of one call apart. Eight bytes at a time are mixed in by a 64x64
// multiplication, as in flowKey.hash.
type digest uint64

// noDigest is the digest of nothing, to begin with.
const noDigest digest = 0xa0761d6478bd642f

func (h digest) bytes(b []byte) digest {
	h = h.mix(uint64(len(b))) // so that "a","bc" is not "ab","c"
	if len(b) >= 8 {
		last := binary.LittleEndian.Uint64(b[len(b)-8:])
		for ; len(b) > 8; b = b[8:] {
			h = h.mix(binary.LittleEndian.Uint64(b))
		}
		return h.mix(last) // some of it a second time, as a rule
	}
	if len(b) == 0 {
		return h
	}
	var tail uint64
	for i, c := range b {
		tail |= uint64(c) << (8 * i)
	}
	return h.mix(tail)
}

func (h digest) number(n uint32) digest { return h.mix(uint64(n)) }

func (h digest) mix(v uint64) digest {
	hi, lo := bits.Mul64(uint64(h)^v, 0x9e3779b97f4a7c15)
	return digest(hi ^ lo)
}
