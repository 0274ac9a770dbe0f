package call

import (
	"encoding/binary"
	"math/bits"

	"voiptop/sensord/internal/decode"
)

// flowKey names an RTP stream on the wire.
type flowKey struct {
	src, dst decode.Endpoint
	ssrc     uint32
}

// flowHash mixes what names a stream by two 64x64 multiplications (the construction of wyhash). It is the same in every run.
func flowHash(src, dst *decode.Endpoint, ssrc uint32) uint64 {
	le := binary.LittleEndian
	a := le.Uint64(src.IP[8:]) ^ le.Uint64(src.IP[:])
	b := le.Uint64(dst.IP[8:]) ^ bits.RotateLeft64(le.Uint64(dst.IP[:]), 29)
	c := uint64(src.Port)<<48 | uint64(dst.Port)<<32 | uint64(ssrc)
	hi, lo := bits.Mul64(a^0xa0761d6478bd642f, b^0xe7037ed1a0b428db)
	hi, lo = bits.Mul64(hi^lo^c, 0x8ebc6af09c88c6e3)
	return hi ^ lo
}

// is reports whether k is the key of a packet. Nothing is copied, see Endpoint.Equal.
func (k *flowKey) is(src, dst *decode.Endpoint, ssrc uint32) bool {
	return k.ssrc == ssrc && k.src.Equal(src) && k.dst.Equal(dst)
}

// flows finds streams by their key: open addressing with linear probing, deletion by shifting back, at most three
// quarters full.
type flows struct {
	slots []flowSlot
	n     int
}

type flowSlot struct {
	hash   uint64
	stream *stream
}

func (f *flows) get(hash uint64, src, dst *decode.Endpoint, ssrc uint32) *stream {
	if len(f.slots) == 0 {
		return nil
	}
	mask := uint64(len(f.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := &f.slots[i]
		if s.stream == nil {
			return nil
		}
		if s.hash == hash && s.stream.key.is(src, dst, ssrc) {
			return s.stream
		}
	}
}

// put adds s, or replaces the stream of the same key.
func (f *flows) put(hash uint64, s *stream) {
	if 4*(f.n+1) > 3*len(f.slots) {
		old := f.slots
		f.slots = make([]flowSlot, max(64, 2*len(old)))
		f.n = 0
		for _, o := range old {
			if o.stream != nil {
				f.put(o.hash, o.stream)
			}
		}
	}
	mask := uint64(len(f.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		o := &f.slots[i]
		if o.stream == nil {
			f.n++
		} else if o.hash != hash || o.stream.key != s.key {
			continue
		}
		*o = flowSlot{hash, s}
		return
	}
}

// remove takes s out; it is no error when another stream has its place.
func (f *flows) remove(hash uint64, s *stream) {
	if len(f.slots) == 0 {
		return
	}
	mask := uint64(len(f.slots) - 1)
	i := hash & mask
	for f.slots[i].stream != s {
		if f.slots[i].stream == nil {
			return
		}
		i = (i + 1) & mask
	}
	f.n--
	for j := i; ; { // shift back what was pushed on by the removed one
		f.slots[i] = flowSlot{}
		for {
			j = (j + 1) & mask
			if f.slots[j].stream == nil {
				return
			}
			if home := f.slots[j].hash & mask; (j-home)&mask >= (j-i)&mask {
				break
			}
		}
		f.slots[i] = f.slots[j]
		i = j
	}
}
