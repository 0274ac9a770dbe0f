package call

import "voiptop/sensord/internal/decode"

// spare is what calls left behind whose records are made. A busy table starts thousands of calls a second, all of the same size.
type spare struct {
	calls    []*Call
	bindings []*binding
}

// Bounds of what is kept for calls to come. What is larger than usual is left to the garbage collector.
const (
	maxSpareCalls    = 4096
	maxSpareBindings = 4 * maxSpareCalls
	maxSpareMessages = 32
	maxSpareText     = 2048
	maxSpareFormats  = 16
)

// call gives a call of which the lists have room and hold nothing; the rest is to be set.
func (s *spare) call() *Call {
	if last := len(s.calls) - 1; last >= 0 {
		c := s.calls[last]
		s.calls = s.calls[:last]
		return c
	}
	return &Call{
		messages: make([]message, 0, 8), hashes: make([]digest, 0, 8), text: make([]byte, 0, 320), ends: make([]decode.Endpoint, 0, 2),
		bindings: make([]*binding, 0, 4), // both parties' RTP and RTCP
	}
}

// binding gives an empty one.
func (s *spare) binding() *binding {
	if last := len(s.bindings) - 1; last >= 0 {
		b := s.bindings[last]
		s.bindings = s.bindings[:last]
		return b
	}
	return &binding{}
}

// recycle keeps what a call was made of, which is out of the table and of which nothing is asked any more.
func (c *Call) recycle() {
	s := &c.table.spare
	if c.expecting || len(s.calls) == maxSpareCalls { // or still in a list
		return
	}
	for _, b := range c.bindings {
		f := b.formats[:0]
		if cap(f) > maxSpareFormats {
			f = nil
		}
		if *b = (binding{formats: f}); len(s.bindings) < maxSpareBindings {
			s.bindings = append(s.bindings, b)
		}
	}
	clear(c.bindings)
	clear(c.streams)
	clear(c.messages)
	c.bindings, c.streams, c.chosen, c.ends = c.bindings[:0], c.streams[:0], c.chosen[:0], c.ends[:0]
	if c.messages = c.messages[:0]; cap(c.messages) > maxSpareMessages {
		c.messages, c.hashes = nil, nil
	}
	c.hashes = c.hashes[:0]
	if c.text = c.text[:0]; cap(c.text) > maxSpareText {
		c.text = nil
	}
	s.calls = append(s.calls, c)
}
