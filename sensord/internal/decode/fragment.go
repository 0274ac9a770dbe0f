package decode

import (
	"bytes"
	"container/list"
	"hash/maphash"
	"slices"

	"voiptop/sensord/internal/capture"
)

const (
	// fragmentAge is how long a datagram waits for its missing fragments, in nanoseconds. They come back to back; a
	// longer wait would mix datagrams, because identifications come round (RFC 4963).
	fragmentAge = 1e9
	// fragmentDone is how long fragments like those of a datagram that is complete are taken for duplicates.
	fragmentDone   = 50e6
	maxParts       = 128
	maxLoose       = 3 // fragmented packets one in the other
	maxIPPayload   = 65535
	frameOverhead  = 128 // memory of a held frame beside its bytes
	unknownPayload = -1
)

// fragments is the table of IP datagrams of which only parts have come (RFC 791, RFC 8200 section 4.5). Where fragments
// overlap, the bytes that came first stand.
type fragments struct {
	byKey    map[fragmentKey]*list.Element
	byAge    list.List // of *assembly, oldest first
	max      int
	maxBytes int
	bytes    int
	buffers  [maxLoose][]byte
	seed     maphash.Seed
}

type fragmentKey struct {
	src, dst [16]byte
	id       uint32
	proto    uint8 // 0 for IPv6: only the first fragment tells it
	v6       bool
}

type assembly struct {
	key       fragmentKey
	proto     uint8
	dscp, ttl uint8
	time      int64
	total     int // bytes of the payload, unknownPayload before the last fragment came
	parts     []part
	bytes     int
	done      bool
	sums      []uint64 // of the parts, when done
}

// part is one fragment: its place in the payload, and the frame it came in.
type part struct {
	off    int
	data   []byte
	packet capture.Packet
	frame  uint64 // number of packet
}

func (f *fragments) init(maxCount, maxBytes int) {
	f.byKey = map[fragmentKey]*list.Element{}
	f.max, f.maxBytes, f.seed = maxCount, maxBytes, maphash.MakeSeed()
}

func (f *fragments) waiting() bool { return f.byAge.Len() > 0 }

func (f *fragments) remove(e *list.Element) {
	a := f.byAge.Remove(e).(*assembly)
	delete(f.byKey, a.key)
	f.bytes -= a.bytes
}

// hold copies the frame that is being decoded, so that it can be kept when the rest has come; data is the piece of it
// that matters, copied as well if it is not within the frame.
func (x *Decoder) hold(data []byte) (capture.Packet, []byte) {
	p := *x.d.Packet
	at := x.offset(data)
	p.Data = bytes.Clone(p.Data)
	if x.loose > 0 {
		return p, bytes.Clone(data)
	}
	return p, p.Data[at : at+len(data)]
}

// fragment takes a fragment of an IP datagram, off bytes into its payload, and decodes the datagram when it is whole.
func (x *Decoder) fragment(proto uint8, v6 bool, off int, more bool, b []byte) {
	x.count(cFragments)
	end := off + len(b) + x.missing
	if end > maxIPPayload || len(b) == 0 || more && end%8 != 0 {
		x.count(cFragBad)
		return
	}
	f := &x.fragments
	key := fragmentKey{x.d.Src.IP, x.d.Dst.IP, x.id, proto, v6}
	if v6 {
		key.proto = 0
	}
	e := f.byKey[key]
	if e != nil && e.Value.(*assembly).done {
		a := e.Value.(*assembly)
		if x.d.Time-a.time <= fragmentDone && slices.Contains(a.sums, f.sum(off, b)) {
			x.count(cDuplicate)
			return
		}
		f.remove(e)
		e = nil
	}
	if e == nil {
		e = f.byAge.PushBack(&assembly{key: key, time: x.d.Time, total: unknownPayload, proto: proto})
		f.byKey[key] = e
	}
	a := e.Value.(*assembly)
	if off == 0 {
		a.proto, a.dscp, a.ttl = proto, x.d.DSCP, x.d.TTL
	}
	if !more {
		if a.total != unknownPayload && a.total != end {
			x.count(cFragBad)
			return
		}
		a.total = end
	}
	if len(a.parts) == maxParts {
		x.count(cFragBad)
		f.remove(e)
		return
	}
	for i := range a.parts {
		q := &a.parts[i]
		switch {
		case off == q.off && len(b) == len(q.data):
			x.count(cDuplicate)
			return
		case off < q.off+len(q.data) && q.off < off+len(b):
			x.count(cFragOverlap)
		}
	}
	p, data := x.hold(b)
	a.parts = append(a.parts, part{off, data, p, x.frame})
	size := len(p.Data) + frameOverhead
	a.bytes += size
	f.bytes += size
	if a.total != unknownPayload && a.prefix() >= a.total {
		x.whole(a)
		f.finish(a)
		a.time = x.d.Time
		return
	}
	for f.byAge.Len() > f.max || f.bytes > f.maxBytes {
		if !f.byAge.Front().Value.(*assembly).done {
			x.count(cFragEvicted)
		}
		f.remove(f.byAge.Front())
	}
}

// finish keeps of a datagram that is complete what its copies are known by. A sender that numbers its packets alike (RFC 6864 section 4.1
// allows it where nothing is fragmented on the way) may send another with the same identification at once.
func (f *fragments) finish(a *assembly) {
	a.sums = make([]uint64, len(a.parts))
	for i := range a.parts {
		a.sums[i] = f.sum(a.parts[i].off, a.parts[i].data)
	}
	f.bytes += len(a.sums)*8 - a.bytes
	a.bytes, a.parts, a.done = len(a.sums)*8, nil, true
}

// sum is what a fragment is known by.
func (f *fragments) sum(off int, b []byte) uint64 {
	return maphash.Bytes(f.seed, b) ^ uint64(off)*0x9e3779b97f4a7c15
}

// prefix returns how many bytes from the start of the payload are there.
func (a *assembly) prefix() int {
	n := 0
	for grown := true; grown; {
		grown = false
		for i := range a.parts {
			if end := a.parts[i].off + len(a.parts[i].data); a.parts[i].off <= n && end > n {
				n, grown = end, true
			}
		}
	}
	return n
}

// whole decodes a datagram whose last missing fragment is the frame that is being decoded.
func (x *Decoder) whole(a *assembly) {
	x.count(cFragReassembled)
	for i := range a.parts[:len(a.parts)-1] {
		x.d.Earlier = append(x.d.Earlier, a.parts[i].packet)
	}
	x.reassembled(a, a.total)
}

// reassembled decodes the first n bytes of a's payload.
func (x *Decoder) reassembled(a *assembly, n int) {
	if x.loose == maxLoose {
		x.count(cDepth)
		return
	}
	buf := &x.fragments.buffers[x.loose]
	if *buf == nil {
		*buf = make([]byte, maxIPPayload+1)
	}
	for i := range slices.Backward(a.parts) { // so that the first ones come to stand
		if p := &a.parts[i]; p.off < n {
			copy((*buf)[p.off:n], p.data)
		}
	}
	x.d.Src.IP, x.d.Dst.IP, x.d.DSCP, x.d.TTL = a.key.src, a.key.dst, a.dscp, a.ttl
	x.id = a.key.id
	x.missing = max(a.total-n, 0)
	x.loose++
	x.transport(a.proto, (*buf)[:n])
	x.loose--
}

// expireFragments ends the wait for what came before since. Of a datagram that has its start, as when a filter by port let the
// first fragment through only, that much is decoded.
func (x *Decoder) expireFragments(since int64) {
	f := &x.fragments
	for e := f.byAge.Front(); e != nil && e.Value.(*assembly).time < since; e = f.byAge.Front() {
		a := e.Value.(*assembly)
		f.remove(e)
		if a.done {
			continue
		}
		x.count(cFragIncomplete)
		n := a.prefix()
		if n == 0 {
			continue
		}
		x.depth, x.loose = 0, 0
		last := len(a.parts) - 1
		for i := range a.parts[:last] {
			x.d.Earlier = append(x.d.Earlier, a.parts[i].packet)
		}
		now := x.d.Time
		x.d.Packet, x.d.Frame, x.d.Time = &a.parts[last].packet, a.parts[last].frame, min(now, a.parts[last].packet.Time)
		x.reassembled(a, n)
		x.d.Earlier, x.d.Frame, x.d.Time = nil, x.frame, now
	}
}
