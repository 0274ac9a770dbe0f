package call

import (
	"slices"

	"voiptop/sensord/internal/decode"
)

// Two calls that run at the same time can have one stream: the legs on both sides of a B2BUA that lets media pass it. The
// call that started last owns the stream; the others borrow it, as far as they announced both of its endpoints and have no
// stream of their own there. (One endpoint is not enough: a gateway uses the ports again of a call whose BYE was lost. And a load
// generator gives the same ports to all of its calls, which differ by their SSRCs.)

// share lends s to the calls that wait below its owner.
func (s *stream) share() {
	for _, top := range [...]*binding{s.to, s.from} {
		if top == nil {
			continue
		}
		for b := top.below; b != nil; b = b.below {
			s.lend(b)
		}
	}
}

// lend gives s to the call of b as well, which has announced both of its ends and has no stream of its own between them.
func (s *stream) lend(b *binding) {
	c := b.call
	src, dst := s.ends()
	if b.origin == announced && c != s.call && !c.overLimit && !c.ended() && !s.lentTo(c) && c.binding(*src) != nil && c.binding(*dst) != nil && !c.sends(&s.key) {
		s.sharers = append(s.sharers, c)
		c.borrowed = append(c.borrowed, s)
	}
}

// sends reports whether c has a stream of its own between the ends of k, with another SSRC. (One with the same has been taken over.)
func (c *Call) sends(k *flowKey) bool {
	for _, o := range c.streams {
		if o.key.src == k.src && o.key.dst == k.dst && o.key.ssrc != k.ssrc {
			return true
		}
	}
	return false
}

// giveBackAll ends what c has borrowed between the ends of k.
func (c *Call) giveBackAll(k *flowKey) {
	for i := len(c.borrowed) - 1; i >= 0; i-- {
		s := c.borrowed[i]
		if s.key.src != k.src || s.key.dst != k.dst {
			continue
		}
		c.borrowed = append(c.borrowed[:i], c.borrowed[i+1:]...)
		s.takeFrom(c)
	}
}

// takeFrom takes c off those that borrow s.
func (s *stream) takeFrom(c *Call) {
	for i, o := range s.sharers {
		if o == c {
			s.sharers = append(s.sharers[:i], s.sharers[i+1:]...)
			return
		}
	}
}

// together finds the newest running call that has announced the endpoint of to, or one below it, and src as well.
func together(to *binding, src decode.Endpoint) *binding {
	for b := to; b != nil; b = b.below {
		if c := b.call; b.origin == announced && !b.rtcp && !c.overLimit && !c.ended() && c.binding(src) != nil {
			return b
		}
	}
	return nil
}

func (s *stream) lentTo(c *Call) bool {
	for _, o := range s.sharers {
		if o == c {
			return true
		}
	}
	return false
}

// bequeath gives a stream whose owner is finished to a call that borrowed it, and reports whether there was one: to one that runs, else to one
// that has ended and waits for late packets.
func (s *stream) bequeath() bool {
	if len(s.sharers) == 0 {
		return false
	}
	i := max(0, slices.IndexFunc(s.sharers, func(c *Call) bool { return !c.ended() }))
	c := s.sharers[i]
	s.sharers = append(s.sharers[:i:i], s.sharers[i+1:]...)
	c.giveBack(s)
	c.streams = append(c.streams, s)
	src, dst := s.ends()
	s.call, s.to, s.from = c, c.binding(*dst), c.binding(*src)
	s.pt, s.watch = noPT, 0
	if c.ended() {
		s.watch = trails
	}
	return true
}

// giveBack takes s from what c has borrowed.
func (c *Call) giveBack(s *stream) {
	for i, o := range c.borrowed {
		if o == s {
			c.borrowed = append(c.borrowed[:i], c.borrowed[i+1:]...)
			return
		}
	}
}

// release ends what the finished call c has to do with streams.
func (c *Call) release() {
	for _, s := range c.borrowed {
		s.takeFrom(c)
	}
	for _, s := range c.streams {
		passed := s.watch&stale != 0
		if !s.bequeath() || passed {
			c.table.flows.remove(s.hash, s)
		}
	}
}

// binding finds an endpoint that c announced for RTP.
func (c *Call) binding(e decode.Endpoint) *binding {
	for _, b := range c.bindings {
		if b.end == e && !b.rtcp {
			return b
		}
	}
	return nil
}

// heard lists the streams of c, its own and those it borrows.
func (c *Call) heard() []*stream {
	if len(c.borrowed) == 0 {
		return c.streams
	}
	return append(c.streams[:len(c.streams):len(c.streams)], c.borrowed...)
}

// sender tells which party of c a stream comes from.
func (c *Call) sender(s *stream) int {
	to, from := s.to, s.from
	if s.call != c {
		src, dst := s.ends()
		to, from = c.binding(*dst), c.binding(*src)
	}
	switch {
	case from != nil && (to == nil || from.origin <= to.origin): // what was announced is surer than what was concluded
		return int(from.who)
	case to != nil:
		return 1 - int(to.who)
	}
	return caller // borrowed, and its endpoints were pushed out of c.bindings
}
