package call

import "voiptop/sensord/internal/decode"

// spare is calls whose records are made, to be used again with all that they are made of: a busy table starts thousands of calls a second, all
// of the same size. Whoever puts one in does not look at it, since it may be in another processor's cache.
type spare []*Call

// Bounds of what is kept for calls to come. What is larger than usual is left to the garbage collector.
const (
	maxSpareCalls    = 4096
	maxSpareMessages = 32
	maxSpareText     = 2048
	maxSpareFormats  = 16
)

// put takes a call that is out of the table, and of which nothing is asked any more.
func (s *spare) put(c *Call) {
	if len(*s) < maxSpareCalls {
		*s = append(*s, c)
	}
}

// letGo drops what c has and is not used again, once its record is made.
func (c *Call) letGo() {
	clear(c.streams) // calls that borrow one may still ask for its owner's
	c.streams = c.streams[:0]
	if c.borrowed != nil || c.omitted != nil || c.across != nil {
		c.borrowed, c.omitted, c.across = nil, nil, nil
	}
}

// call gives a call of which the lists have room and hold nothing, and nothing else is set.
func (s *spare) call() *Call {
	for last := len(*s) - 1; last >= 0; last-- {
		c := (*s)[last]
		*s = (*s)[:last]
		if !c.expecting { // or still in a list
			if last > 0 {
				(*s)[last-1].fetchSpare()
			}
			c.reset()
			return c
		}
	}
	r := &roomy{}
	c := &r.Call
	c.messages, c.hashes, c.text, c.ends, c.bindings = r.messages[:0], r.hashes[:0], r.text[:0], r.ends[:0], r.bindings[:0]
	for i := range r.bindings {
		r.bindings[i] = &r.bound[i]
	}
	return c
}

// roomy is a call and what most calls need, side by side.
type roomy struct {
	Call
	messages [8]message
	hashes   [8]digest
	ends     [2]decode.Endpoint
	bindings [4]*binding // both parties' RTP and RTCP
	bound    [4]binding
	text     [roomText]byte
}

// roomText makes a roomy as large as what the allocator gives for one.
const roomText = 400

// reset leaves of a call its room.
func (c *Call) reset() {
	messages, hashes, text, ends, bindings, streams, chosen := c.messages[:0], c.hashes[:0], c.text[:0], c.ends[:0], c.bindings[:0], c.streams[:0], c.chosen[:0]
	if cap(messages) > maxSpareMessages {
		messages, hashes = nil, nil
	}
	if cap(text) > maxSpareText {
		text = nil
	}
	*c = Call{}
	c.messages, c.hashes, c.text, c.ends, c.bindings, c.streams, c.chosen = messages, hashes, text, ends, bindings, streams, chosen
}

// newBinding gives an empty one for add: it may be what a call before c had in that place.
func (c *Call) newBinding() *binding {
	n := len(c.bindings)
	if n == cap(c.bindings) {
		return &binding{}
	}
	at := &c.bindings[:n+1][n]
	b := *at
	if b == nil {
		return &binding{}
	}
	*at = nil
	f := b.formats[:0]
	if cap(f) > maxSpareFormats {
		f = nil
	}
	*b = binding{formats: f}
	return b
}
