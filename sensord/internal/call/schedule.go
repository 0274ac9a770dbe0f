package call

// schedule is a heap of calls by the time at which they must be looked at. A call's time is never later than when it
// really falls due, but may be earlier: then it is put back. So traffic of a call does not move it in the heap.
//
// A call that is needed earlier, or has gone, leaves its entry behind, which counts no more (Call.due). So the heap is worked on without
// a look at the calls: there may be tens of thousands of them, and they are seldom in the cache.
type schedule struct {
	heap []scheduled
	dead int // entries that count no more
}

type scheduled struct {
	due    int64
	number uint64 // of the call
	call   *Call
}

func (s *scheduled) before(o *scheduled) bool {
	return s.due < o.due || s.due == o.due && s.number < o.number
}

// counts reports whether the entry is its call's.
func (s *scheduled) counts() bool { return s.call.number == s.number && s.call.due == s.due }

// ready reports whether an entry has fallen due, which may count no more.
func (s *schedule) ready(now int64) bool { return len(s.heap) > 0 && s.heap[0].due <= now }

// put has c looked at when it is due, or before.
func (s *schedule) put(c *Call, due int64) {
	if c.due != 0 {
		if c.due <= due {
			return
		}
		s.dead++
	}
	c.due = due
	if s.dead > 1024 && s.dead > len(s.heap)/2 {
		s.clean()
	}
	s.heap = append(s.heap, scheduled{due, c.number, c})
	s.up(len(s.heap) - 1)
}

// pop takes the first entry out, which must be there, and answers its call; nil if it counts no more.
func (s *schedule) pop() *Call {
	h := s.heap
	first, last := h[0], len(h)-1
	e := h[last]
	h[last] = scheduled{}
	s.heap = h[:last]
	if last > 0 {
		s.down(0, e)
	}
	if !first.counts() {
		s.dead--
		return nil
	}
	first.call.due = 0
	return first.call
}

// forget lets the entry of a call count no more.
func (s *schedule) forget(c *Call) {
	if c.due != 0 {
		c.due = 0
		s.dead++
	}
}

// clean takes out what counts no more.
func (s *schedule) clean() {
	kept := s.heap[:0]
	for i := range s.heap {
		if s.heap[i].counts() {
			kept = append(kept, s.heap[i])
		}
	}
	clear(s.heap[len(kept):])
	s.heap, s.dead = kept, 0
	for i := len(kept)/arity + 1; i >= 0; i-- {
		if i < len(kept) {
			s.down(i, kept[i])
		}
	}
}

// arity is how many entries stand below one: four lie side by side.
const arity = 4

func (s *schedule) up(i int) {
	h := s.heap
	e := h[i]
	for i > 0 {
		p := (i - 1) / arity
		if !e.before(&h[p]) {
			break
		}
		h[i] = h[p]
		i = p
	}
	h[i] = e
}

// down puts e into the hole at i, or below.
func (s *schedule) down(i int, e scheduled) {
	h := s.heap
	for {
		first := arity*i + 1
		if first >= len(h) {
			break
		}
		least := first
		for c := first + 1; c < min(first+arity, len(h)); c++ {
			if h[c].before(&h[least]) {
				least = c
			}
		}
		if !h[least].before(&e) {
			break
		}
		h[i] = h[least]
		i = least
	}
	h[i] = e
}
