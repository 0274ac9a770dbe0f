package call

import "voiptop/sensord/internal/prefetch"

// hashed finds values by a hash: open addressing with linear probing, deletion by shifting back, at most three quarters full.
// Values of the same hash are told apart by who looks for one. The zero value of V is none.
type hashed[V comparable] struct {
	slots []hashedSlot[V]
	n     int
}

type hashedSlot[V comparable] struct {
	hash  uint64
	value V
}

// next gives the first value of a hash from the i-th place on where it may be, and the place to go on from; none at the end.
func (t *hashed[V]) next(hash, i uint64) (v V, _ uint64) {
	if len(t.slots) == 0 {
		return v, 0
	}
	mask := uint64(len(t.slots) - 1)
	for ; ; i++ {
		s := &t.slots[(hash+i)&mask]
		if s.value == v || s.hash == hash {
			return s.value, i + 1
		}
	}
}

// fetch asks for the place of a hash.
func (t *hashed[V]) fetch(hash uint64) {
	if len(t.slots) > 0 {
		prefetch.Head(&t.slots[hash&uint64(len(t.slots)-1)], 1)
	}
}

// add adds a value that is not in the table.
func (t *hashed[V]) add(hash uint64, v V) {
	var none V
	if 4*(t.n+1) > 3*len(t.slots) {
		old := t.slots
		t.slots = make([]hashedSlot[V], max(64, 2*len(old)))
		t.n = 0
		for _, o := range old {
			if o.value != none {
				t.add(o.hash, o.value)
			}
		}
	}
	mask := uint64(len(t.slots) - 1)
	i := hash & mask
	for t.slots[i].value != none {
		i = (i + 1) & mask
	}
	t.slots[i] = hashedSlot[V]{hash, v}
	t.n++
}

// find answers where a value is; -1: nowhere.
func (t *hashed[V]) find(hash uint64, v V) int {
	if len(t.slots) == 0 {
		return -1
	}
	var none V
	mask := uint64(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		switch t.slots[i].value {
		case v:
			return int(i)
		case none:
			return -1
		}
	}
}

// replace puts a value in the place of another one of the same hash, which must be there.
func (t *hashed[V]) replace(hash uint64, old, v V) { t.slots[t.find(hash, old)].value = v }

// remove takes a value out, if it is there.
func (t *hashed[V]) remove(hash uint64, v V) {
	if at := t.find(hash, v); at >= 0 {
		t.removeAt(at)
	}
}

// removeAt takes the value at a place out.
func (t *hashed[V]) removeAt(at int) {
	var none V
	mask := uint64(len(t.slots) - 1)
	i := uint64(at)
	t.n--
	for j := i; ; { // shift back what was pushed on by the removed one
		t.slots[i] = hashedSlot[V]{}
		for {
			j = (j + 1) & mask
			if t.slots[j].value == none {
				return
			}
			if home := t.slots[j].hash & mask; (j-home)&mask >= (j-i)&mask {
				break
			}
		}
		t.slots[i] = t.slots[j]
		i = j
	}
}
