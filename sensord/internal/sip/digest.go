package sip

import (
	"encoding/binary"
	"math/bits"
)

// Digest is a 64-bit hash, to tell messages and tags of one call apart; it is the same in every run. Eight bytes at a time are mixed in
// by a 64x64 multiplication.
type Digest uint64

// NoDigest is the digest of nothing, to begin with.
const NoDigest Digest = 0xa0761d6478bd642f

// Bytes mixes in b.
func (h Digest) Bytes(b []byte) Digest {
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

// Number mixes in n.
func (h Digest) Number(n uint32) Digest { return h.mix(uint64(n)) }

func (h Digest) mix(v uint64) Digest {
	hi, lo := bits.Mul64(uint64(h)^v, 0x9e3779b97f4a7c15)
	return Digest(hi ^ lo)
}
