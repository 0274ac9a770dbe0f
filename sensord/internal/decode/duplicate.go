package decode

import "math/bits"

// duplicates remembers the packets of the last moments, to know those that were captured twice: by a mirror port that
// sends what comes in and what goes out, on the "any" device, or inside a tunnel and again outside of it.
//
// A duplicate has the same endpoints, IP identification, length and content within the window. TTL, link and tunnel
// headers may differ. An endpoint that sends a payload twice numbers the two packets differently; where packets are not
// numbered at all (IPv6, or identification 0), the payloads alone decide: RTP never repeats a sequence number that soon,
// and SIP repeats itself after 500 ms at the earliest (RFC 3261 section 17.1.1.1).
//
// The table is of fixed size; when a bucket is full the oldest entry goes, so that a flood costs recognition, not memory.
type duplicates struct {
	window  int64
	buckets []bucket
}

// bucket holds the packets whose keys begin alike, a word each: 40 bits of the key, then 24 bits of time. A packet that
// is another is taken for one of a full bucket once in 2^38.
type bucket [bucketSize]uint64

const (
	duplicateBuckets = 8192 // of 32 bytes: 256 KiB, 32,768 packets
	bucketSize       = 4
	timeUnit         = 20 // times are kept in units of 2^20 ns, about a millisecond, and come round after 4.8 hours
	timeMask         = 1<<24 - 1
	// sampled is how much of a payload that is RTP by its first byte is looked at: the header and a little voice.
	sampled = 32
)

func newDuplicates(window int64) *duplicates {
	return &duplicates{window: window, buckets: make([]bucket, duplicateBuckets)}
}

// duplicateKey is what d is known by; id is the identification in its IP header, 0 if it has none.
func duplicateKey(d *Datagram, id uint32) uint64 {
	h := hashEndpoints(&d.Src, &d.Dst)
	h = mix(h^uint64(id)<<32^uint64(uint32(d.Length)), 0x9e3779b97f4a7c15)
	b := d.Payload
	if len(b) > sampled && b[0]>>6 == 2 {
		b = b[:sampled]
	}
	if len(b) >= 128 { // a mix waits for the one before: four side by side
		h1, h2, h3 := h^0x8ebc6af09c88c6e3, h^0x589965cc75374cc3, h^0x1d8e4e27c47d124f
		for ; len(b) >= 64; b = b[64:] {
			h = mix(h^le64(b), le64(b[8:])^0xa0761d6478bd642f)
			h1 = mix(h1^le64(b[16:]), le64(b[24:])^0xa0761d6478bd642f)
			h2 = mix(h2^le64(b[32:]), le64(b[40:])^0xa0761d6478bd642f)
			h3 = mix(h3^le64(b[48:]), le64(b[56:])^0xa0761d6478bd642f)
		}
		h = mix(h^h1, h2^bits.RotateLeft64(h3, 32))
	}
	for ; len(b) >= 16; b = b[16:] {
		h = mix(h^le64(b), le64(b[8:])^0xa0761d6478bd642f)
	}
	if len(b) > 0 {
		var tail [16]byte
		copy(tail[:], b)
		h = mix(h^le64(tail[:]), le64(tail[8:])^0xe7037ed1a0b428db)
	}
	return h
}

func (t *duplicates) bucket(h uint64) *bucket { return &t.buckets[h%duplicateBuckets] }

// seen says whether key h came within window before now, and remembers it.
func (t *duplicates) seen(h uint64, now, window int64) bool {
	b := t.bucket(h)
	key := h &^ timeMask
	at, most := uint64(now)>>timeUnit, uint64(window)>>timeUnit
	oldest, age := 0, uint64(0)
	for i, e := range b {
		a := (at - e) & timeMask
		if e&^timeMask == key && a <= most {
			return true
		}
		if a >= age {
			oldest, age = i, a
		}
	}
	b[oldest] = key | at&timeMask
	return false
}

func hashEndpoints(src, dst *Endpoint) uint64 {
	return mix(le64(src.IP[8:])^0xa0761d6478bd642f, le64(dst.IP[8:])^0xe7037ed1a0b428db) ^
		mix(le64(src.IP[:])^uint64(src.Port)<<16^0x8ebc6af09c88c6e3, le64(dst.IP[:])^uint64(dst.Port)<<32^0x589965cc75374cc3)
}

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
