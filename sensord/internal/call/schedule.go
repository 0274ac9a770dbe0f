package call

// schedule is a heap of calls by the time at which they must be looked at. A call's time is never later than when it
// really falls due, but may be earlier: then it is put back. So traffic of a call does not move it in the heap.
//
// What orders the calls stands beside the pointers: the calls themselves, of which there may be tens of thousands, seldom are
// in the cache.
type schedule []scheduled

type scheduled struct {
	due    int64
	number uint64 // of the call
	call   *Call
}

func (s schedule) less(i, j int) bool {
	if s[i].due != s[j].due {
		return s[i].due < s[j].due
	}
	return s[i].number < s[j].number
}

func (s schedule) swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].call.at, s[j].call.at = i, j
}

func (s schedule) up(i int) {
	for i > 0 {
		p := (i - 1) / 2
		if !s.less(i, p) {
			return
		}
		s.swap(i, p)
		i = p
	}
}

func (s schedule) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(s) {
			return
		}
		if c+1 < len(s) && s.less(c+1, c) {
			c++
		}
		if !s.less(c, i) {
			return
		}
		s.swap(i, c)
		i = c
	}
}

func (s *schedule) add(c *Call, due int64) {
	c.at = len(*s)
	*s = append(*s, scheduled{due, c.number, c})
	s.up(c.at)
}

func (s *schedule) move(c *Call, due int64) {
	(*s)[c.at].due = due
	s.up(c.at)
	s.down(c.at)
}

func (s *schedule) remove(c *Call) {
	i, last := c.at, len(*s)-1
	s.swap(i, last)
	(*s)[last] = scheduled{}
	*s = (*s)[:last]
	if i < last {
		s.up(i)
		s.down(i)
	}
}
