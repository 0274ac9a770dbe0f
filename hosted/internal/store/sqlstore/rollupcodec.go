package sqlstore

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// A rollup is stored as a version and then lists, of integers that are mostly zero or small (uvarint, and varint as
// encoding/binary has them):
//
//	byte    version, 1
//	sparse  the plain counters, by their place in store.Counts.Scalars
//	sparse  calls by status
//	kinds   calls by how they ended
//	kinds   calls by finding
//	hist    connected time, PDD, MOS, loss, jitter: varint sum, sparse buckets
//	flow    varint running, sparse starts, sparse ends; only where there is one
//
//	sparse = uvarint n, n x (uvarint index - index before - 1, varint value)
//	kinds  = uvarint n, n x (uvarint length, bytes, varint value)
//
// Histograms keep their buckets for ever: another scale is another version.
const rollupVersion = 1

var errDamaged = errors.New("stored rollup is damaged")

const (
	maxKind   = 64 // bytes of a finding's code
	maxStatus = 700
)

// flowHour is how the calls of an hour began and ended, at the instants of every ten seconds.
type flowHour struct {
	running int64 // calls that ran when the hour began, at the instant before its first
	starts  [flowSlots]int64
	ends    [flowSlots]int64
}

func (f *flowHour) zero() bool { return *f == flowHour{} }

func appendRollup(b []byte, c *store.Counts, f *flowHour) []byte {
	b = append(b, rollupVersion)
	scalars := c.Scalars()
	values := make([]int64, len(scalars))
	for i, p := range scalars {
		values[i] = *p
	}
	b = appendSparse(b, values)
	b = binary.AppendUvarint(b, uint64(len(c.Status)))
	last := -1
	for _, s := range slices.Sorted(maps.Keys(c.Status)) {
		b = binary.AppendVarint(binary.AppendUvarint(b, uint64(s-last-1)), c.Status[s])
		last = s
	}
	b = appendKinds(b, c.End)
	b = appendKinds(b, c.Findings)
	for _, h := range [...]struct {
		sum     int64
		buckets []int64
	}{
		{c.Connect.Sum, c.Connect.Buckets[:]},
		{c.PDD.Sum, c.PDD.Buckets[:]},
		{c.MOS.Sum, c.MOS.Buckets[:]},
		{c.Loss.Sum, c.Loss.Buckets[:]},
		{c.Jitter.Sum, c.Jitter.Buckets[:]},
	} {
		b = binary.AppendVarint(b, h.sum)
		b = appendSparse(b, h.buckets)
	}
	if f == nil || f.zero() {
		return b
	}
	b = binary.AppendVarint(b, f.running)
	b = appendSparse(b, f.starts[:])
	return appendSparse(b, f.ends[:])
}

func appendSparse(b []byte, values []int64) []byte {
	n := 0
	for _, v := range values {
		if v != 0 {
			n++
		}
	}
	b = binary.AppendUvarint(b, uint64(n))
	last := -1
	for i, v := range values {
		if v != 0 {
			b = binary.AppendUvarint(b, uint64(i-last-1))
			b = binary.AppendVarint(b, v)
			last = i
		}
	}
	return b
}

func appendKinds[K ~string](b []byte, m map[K]int64) []byte {
	b = binary.AppendUvarint(b, uint64(len(m)))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		b = binary.AppendUvarint(b, uint64(len(k)))
		b = append(b, k...)
		b = binary.AppendVarint(b, m[k])
	}
	return b
}

// rollupReader reads what appendRollup wrote. Behind the first error it reads zeros.
type rollupReader struct {
	b   []byte
	bad bool
}

func (r *rollupReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *rollupReader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

// sparse calls fn for each value of a list of at most size.
func (r *rollupReader) sparse(size int, fn func(i int, v int64)) {
	at := -1
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		gap := r.uvarint()
		if gap >= uint64(size-at-1) {
			r.bad = true
			return
		}
		at += 1 + int(gap)
		if v := r.varint(); !r.bad {
			fn(at, v)
		}
	}
}

// into adds a list to values, and answers what it adds up to.
func (r *rollupReader) into(values []int64) (sum int64) {
	r.sparse(len(values), func(i int, v int64) { values[i] += v; sum += v })
	return sum
}

func kinds[K ~string](r *rollupReader, m *map[K]int64) {
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		size := r.uvarint()
		if size > maxKind || size > uint64(len(r.b)) {
			r.bad = true
			return
		}
		k := r.b[:size]
		r.b = r.b[size:]
		v := r.varint()
		if r.bad {
			return
		}
		add(m, K(k), v)
	}
}

// add adds to an entry of a map. One that is zero goes, so that what was taken out leaves no trace.
func add[K comparable](m *map[K]int64, k K, v int64) {
	if *m == nil {
		*m = map[K]int64{}
	}
	if (*m)[k] += v; (*m)[k] != 0 {
		return
	}
	if delete(*m, k); len(*m) == 0 {
		*m = nil
	}
}

// mergeRollup adds a stored rollup to c, and its flow to f unless that is nil.
func mergeRollup(data []byte, c *store.Counts, f *flowHour) error {
	if len(data) == 0 || data[0] != rollupVersion {
		return errDamaged
	}
	r := rollupReader{b: data[1:]}
	scalars := c.Scalars()
	r.sparse(len(scalars), func(i int, v int64) { *scalars[i] += v })
	r.sparse(maxStatus, func(i int, v int64) { add(&c.Status, i, v) })
	kinds[protocol.EndCause](&r, &c.End)
	kinds(&r, &c.Findings)
	for _, h := range [...]struct {
		n, sum  *int64
		buckets []int64
	}{
		{&c.Connect.N, &c.Connect.Sum, c.Connect.Buckets[:]},
		{&c.PDD.N, &c.PDD.Sum, c.PDD.Buckets[:]},
		{&c.MOS.N, &c.MOS.Sum, c.MOS.Buckets[:]},
		{&c.Loss.N, &c.Loss.Sum, c.Loss.Buckets[:]},
		{&c.Jitter.N, &c.Jitter.Sum, c.Jitter.Buckets[:]},
	} {
		*h.sum += r.varint()
		*h.n += r.into(h.buckets)
	}
	if len(r.b) > 0 && f != nil {
		f.running += r.varint()
		r.into(f.starts[:])
		r.into(f.ends[:])
	}
	if r.bad || f != nil && len(r.b) > 0 {
		return errDamaged
	}
	return nil
}
