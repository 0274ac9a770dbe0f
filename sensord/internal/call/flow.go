package call

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"

	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sip"
)

// flowKey names an RTP stream on the wire.
type flowKey struct {
	src, dst decode.Endpoint
	ssrc     uint32
}

// flowHash mixes what names a stream by 64x64 multiplications (the construction of wyhash), with a seed that nobody knows: the hash of a known stream
// is enough to tell it from all others.
func flowHash(src, dst *decode.Endpoint, ssrc uint32) uint64 {
	le := binary.LittleEndian
	h := mul(le.Uint64(src.IP[8:])^flowSeed[0], le.Uint64(dst.IP[8:])^flowSeed[1]) ^
		mul(le.Uint64(src.IP[:])^flowSeed[2], le.Uint64(dst.IP[:])^flowSeed[3])
	return mul(h^uint64(src.Port)<<48^uint64(dst.Port)<<32^uint64(ssrc), flowSeed[4]|1)
}

func mul(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

var flowSeed = [5]uint64{rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64()}

// is reports whether k is the key of a packet. Nothing is copied, see Endpoint.Equal.
func (k *flowKey) is(src, dst *decode.Endpoint, ssrc uint32) bool {
	return k.ssrc == ssrc && k.src.Equal(src) && k.dst.Equal(dst)
}

// flows finds streams by their key.
type flows struct{ hashed[*stream] }

func (f *flows) get(hash uint64, src, dst *decode.Endpoint, ssrc uint32) *stream {
	for i := uint64(0); ; {
		var s *stream
		if s, i = f.next(hash, i); s == nil || s.key.is(src, dst, ssrc) {
			return s
		}
	}
}

// put adds s, or replaces the stream of the same key.
func (f *flows) put(hash uint64, s *stream) {
	if old := f.get(hash, &s.key.src, &s.key.dst, s.key.ssrc); old != nil {
		f.replace(hash, old, s)
		return
	}
	f.add(hash, s)
}

// byCallID finds calls by their Call-ID.
type byCallID struct{ hashed[*Call] }

// get finds the call of a message. Of Call-IDs of the same length the hash is enough to tell one from another: it is 64 bits, of a seed that nobody
// knows (sip.HashCallID), and the text is in no cache.
func (t *byCallID) get(m *sip.Message) *Call { return t.find(m.CallIDHash(), len(m.CallID())) }

// of finds the call of a Call-ID.
func (t *byCallID) of(id []byte) *Call { return t.find(sip.HashCallID(id), len(id)) }

func (t *byCallID) find(hash uint64, length int) *Call {
	for i := uint64(0); ; {
		var c *Call
		if c, i = t.next(hash, i); c == nil || len(c.callID) == length {
			return c
		}
	}
}

// ends finds by its endpoint the binding on the top of a stack.
type ends struct{ hashed[*binding] }

// endHash is the same for an even port and the odd one above it but for the last bit: RTP and its RTCP lie side by side.
func endHash(e *decode.Endpoint) uint64 {
	le := binary.LittleEndian
	hi, lo := bits.Mul64(le.Uint64(e.IP[8:])^0xa0761d6478bd642f, le.Uint64(e.IP[:])^uint64(e.Port&^1)<<48^0xe7037ed1a0b428db)
	hi, lo = bits.Mul64(hi^lo, 0x8ebc6af09c88c6e3)
	return (hi^lo)&^1 | uint64(e.Port&1)
}

func (t *ends) get(e *decode.Endpoint) *binding { return t.top(endHash(e), e) }

// top is get for who knows the hash.
func (t *ends) top(hash uint64, e *decode.Endpoint) *binding {
	for i := uint64(0); ; {
		var b *binding
		if b, i = t.next(hash, i); b == nil || b.end.Equal(e) {
			return b
		}
	}
}

// put puts b on the top, in the place of another, or nil: of nothing.
func (t *ends) put(b, old *binding) {
	if old != nil {
		t.replace(b.hash, old, b)
		return
	}
	t.add(b.hash, b)
}
