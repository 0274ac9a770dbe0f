package call

import (
	"math"
	"net/netip"
	"unsafe"

	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/prefetch"
)

// Tens of thousands of calls do not fit the processor's cache, and most messages are of a call that nothing was seen of for seconds. So
// what is known to be looked at soon is asked for a little ahead: half of the time would be spent waiting.

// FetchMost is how many messages Fetch takes at most.
const FetchMost = 32

// Coming is a message that will be given to Table.SIP soon.
type Coming struct {
	Hash uint64 // see sip.Message.CallIDHash
	SDP  *SDP   // that was read ahead; nil: the message has no body
}

// Fetch asks for what the table will need for messages. far says that they were read on another processor.
func (t *Table) Fetch(list []Coming, far bool) {
	for i := range list {
		t.byID.fetch(list[i].Hash)
		if far && list[i].SDP != nil {
			prefetch.Head(list[i].SDP, sdpLines)
		}
	}
	var room [FetchMost]*Call
	calls := room[:0]
	for i := range list {
		c, _ := t.byID.next(list[i].Hash, 0)
		if c == nil {
			continue
		}
		calls = append(calls, c)
		if list[i].SDP != nil {
			prefetch.Head(c, 14) // with media
		} else {
			prefetch.Head(c, 8) // up to media: the fields that most messages need
		}
	}
	for _, c := range calls {
		prefetch.Slice(c.hashes)
		prefetch.Slice(c.ends)
		prefetch.End(c.messages)
		prefetch.End(c.text)
	}
	for i := range list {
		if list[i].SDP != nil && list[i].SDP.there {
			t.fetchMedia(&list[i])
		}
	}
}

// sdpLines are the lines of an SDP with one media and its formats.
const sdpLines = 6

// fetchMedia asks for what the endpoints of a message are looked up in.
func (t *Table) fetchMedia(m *Coming) {
	if c, _ := t.byID.next(m.Hash, 0); c != nil {
		for _, b := range c.bindings {
			prefetch.Value(b)
		}
	}
	for i := range m.SDP.session.Media {
		if a := &m.SDP.session.Media[i]; a.Addr.IsValid() {
			e := decode.EndpointOf(netip.AddrPortFrom(a.Addr, a.Port))
			t.ends.fetch(endHash(&e)) // RTCP's lies beside it
		}
	}
}

// FetchFlow asks for the place where the stream of a packet is found, FetchStream for what the packet changes in it: some packets ahead of
// Known, the one before the other.
func (t *Table) FetchFlow(r *RTP) { t.flows.fetch(r.hash) }

// FetchStream see FetchFlow.
func (t *Table) FetchStream(r *RTP) {
	if s, _ := t.flows.next(r.hash, 0); s != nil {
		prefetch.Value(s)
	}
}

// fetchSpare asks for a call that will be used again: the next that starts.
func (c *Call) fetchSpare() { prefetch.Written((*roomy)(unsafe.Pointer(c)), math.MaxInt) }

// fetchTies asks for what the finished call c is to be taken out of, and what its record needs.
func (c *Call) fetchTies() {
	t := c.table
	t.byID.fetch(c.hash)
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
		prefetch.Value(list[1].more.(*Call))
	}
	list[0].more.(*Call).fetchTexts()
}
