package call

// schedule has calls in the order of the times at which they must be looked at. A call's time is never later than when it
// really falls due, but may be earlier: then it is put back. So traffic of a call does not move it.
//
// A call that is needed earlier, or has gone, leaves its entry behind, which counts no more (Call.due). So the entries are worked on without
// a look at the calls: there may be tens of thousands of them, and they are seldom in the cache.
//
// Most calls wait for one of a few times from now on, so that most entries fall due in the order in which they come: they stand in rows. What fits none
// goes to a heap.
type schedule struct {
	rows [6]row
	heap []scheduled
	n    int // entries
	dead int // of them, those that count no more
	// The first entry, if there are any, and the row that it stands in; -1: in the heap.
	next scheduled
	in   int
}

// lookAgain is how long a call is left alone, ns: those that wait longer fall due in the order in which they come, too.
const lookAgain = 60e9

// rowGap is how much later than the one before an entry of a row is that belongs to the same wait, ns, on a busy table.
const rowGap = 1e9

// row is entries in order.
type row struct {
	list []scheduled
	at   int // the first; what was before it is gone
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
func (s *schedule) ready(now int64) bool { return s.n > 0 && s.next.due <= now }

// put has c looked at when it is due, or before; now is the time.
func (s *schedule) put(c *Call, due, now int64) {
	due = min(due, now+lookAgain)
	if c.due != 0 {
		if c.due <= due {
			return
		}
		s.dead++
	}
	c.due = due
	if s.dead > 1024 && s.dead > s.n/2 {
		s.clean()
	}
	e := scheduled{due, c.number, c}
	in := s.rowFor(&e)
	if in >= 0 {
		r := &s.rows[in]
		r.list = append(r.list, e)
	} else {
		s.heap = append(s.heap, e)
		s.up(len(s.heap) - 1)
	}
	if s.n == 0 || e.before(&s.next) {
		s.next, s.in = e, in
	}
	s.n++
}

// rowFor is the row that e may stand at the end of; -1: none.
func (s *schedule) rowFor(e *scheduled) int {
	empty := -1
	for i := range s.rows {
		r := &s.rows[i]
		last := len(r.list) - 1
		if last < 0 {
			empty = i
		} else if l := &r.list[last]; l.before(e) && e.due-l.due <= rowGap {
			return i
		}
	}
	return empty
}

// find finds the first entry.
func (s *schedule) find() {
	s.in = -1
	var e *scheduled
	if len(s.heap) > 0 {
		e = &s.heap[0]
	}
	for i := range s.rows {
		if r := &s.rows[i]; r.at < len(r.list) {
			if o := &r.list[r.at]; e == nil || o.before(e) {
				s.in, e = i, o
			}
		}
	}
	if e != nil {
		s.next = *e
	}
}

// pop takes the first entry out, which must be there, and answers its call; nil if it counts no more. coming is the call of the next; nil: none.
func (s *schedule) pop() (c, coming *Call) {
	first := s.next
	if s.in >= 0 {
		s.rows[s.in].pop()
	} else {
		last := len(s.heap) - 1
		e := s.heap[last]
		s.heap[last] = scheduled{}
		s.heap = s.heap[:last]
		if last > 0 {
			s.down(0, e)
		}
	}
	if s.n--; s.n > 0 {
		s.find()
		coming = s.next.call
	}
	if !first.counts() {
		s.dead--
		return nil, coming
	}
	first.call.due = 0
	return first.call, coming
}

func (r *row) pop() {
	r.list[r.at].call = nil
	switch r.at++; {
	case r.at == len(r.list):
		r.list, r.at = r.list[:0], 0
	case r.at >= 1024 && r.at > len(r.list)/2: // what is left moves to the front
		n := copy(r.list, r.list[r.at:])
		clear(r.list[n:])
		r.list, r.at = r.list[:n], 0
	}
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
	for i := range s.rows {
		r := &s.rows[i]
		r.list, r.at = counting(r.list, r.at), 0
	}
	s.heap = counting(s.heap, 0)
	for i := len(s.heap)/arity + 1; i >= 0; i-- {
		if i < len(s.heap) {
			s.down(i, s.heap[i])
		}
	}
	s.n, s.dead = len(s.heap), 0
	for i := range s.rows {
		s.n += len(s.rows[i].list)
	}
	s.find()
}

// counting is those of a list from a place on that count, moved to its front.
func counting(list []scheduled, from int) []scheduled {
	kept := list[:0]
	for i := from; i < len(list); i++ {
		if list[i].counts() {
			kept = append(kept, list[i])
		}
	}
	clear(list[len(kept):])
	return kept
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
