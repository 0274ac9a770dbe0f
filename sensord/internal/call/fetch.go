package call

import "voiptop/sensord/internal/prefetch"

// Tens of thousands of calls do not fit the processor's cache, and most messages are of a call that nothing was seen of for seconds. So
// what is known to be looked at soon is asked for a little ahead: half of the time would be spent waiting.

// FetchMost is how many messages Fetch takes at most.
const FetchMost = 32

// Fetch asks for what the table will need for messages with these Call-IDs (sip.Message.CallIDHash).
func (t *Table) Fetch(hashes []uint64) {
	for _, h := range hashes {
		t.byID.fetch(h)
	}
	var room [FetchMost]*Call
	calls := room[:0]
	for _, h := range hashes {
		if c, _ := t.byID.next(h, 0); c != nil {
			prefetch.Head(c, 8) // up to media: the fields that most messages need
			calls = append(calls, c)
		}
	}
	for _, c := range calls {
		prefetch.String(c.callID)
		prefetch.Slice(c.hashes)
		prefetch.Slice(c.ends)
		prefetch.End(c.messages)
		prefetch.End(c.text)
		for _, b := range c.bindings {
			prefetch.Head(b, 1)
		}
	}
}

// Fetch asks for what was read; it is for another goroutine than that which reads.
func (s *SDP) Fetch() {
	if s.there {
		prefetch.Head(s, 6) // one media and its formats
	}
}

// fetchDue asks for the call that falls due next.
func (t *Table) fetchDue() {
	if h := t.timers.heap; len(h) > 0 {
		prefetch.Value(h[0].call)
	}
}

// fetchTies asks for what the finished call c is to be taken out of, and what its record needs.
func (c *Call) fetchTies() {
	t := c.table
	t.byID.fetch(c.hash)
	if c.prev != nil {
		prefetch.Head(&c.prev.next, 1)
	}
	if c.next != nil {
		prefetch.Head(&c.next.prev, 1)
	}
	for _, b := range c.bindings {
		prefetch.Value(b)
	}
	c.fetchTexts()
	for _, b := range c.bindings {
		t.ends.fetch(b.hash)
	}
}

// fetchTexts asks for what the record of c is made of, but for c itself.
func (c *Call) fetchTexts() {
	prefetch.Slice(c.messages)
	prefetch.Slice(c.text)
	prefetch.Slice(c.ends)
	prefetch.String(c.callID)
	prefetch.String(c.calleeDomain) // the last of the strings that lie there
}

// fetchEnded is fetchTexts for the call of a piece of work, and asks for the call of the next.
func fetchEnded(list []Work) {
	if len(list) > 1 && list[1].what == workEnded {
		prefetch.Value(list[1].more.(*Ended).call)
	}
	list[0].more.(*Ended).call.fetchTexts()
}
