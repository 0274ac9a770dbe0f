package analyze

import (
	"cmp"

	"voiptop/protocol"
)

// ordered is a Sink that gives records on in order of their start. Kept packets it does not store.
type ordered struct {
	engine         *Engine
	emit           func(*protocol.CDR) error
	err            error
	waiting        waiting
	calls, streams uint64
}

func (o *ordered) Call(c *protocol.CDR) {
	o.calls++
	o.streams += uint64(len(c.Streams))
	o.waiting.push(c)
	// The call that has just ended is out of the table; no call can start before one that runs.
	oldest, running := o.engine.calls.OldestStart()
	for len(o.waiting) > 0 && (!running || o.waiting[0].start < protocol.TimeFromNanos(oldest)) && o.err == nil {
		o.err = o.emit(o.waiting.pop())
	}
}

func (o *ordered) flush() {
	for len(o.waiting) > 0 && o.err == nil {
		o.err = o.emit(o.waiting.pop())
	}
}

// Keep implements Sink.
func (*ordered) Keep(*KeptCall, *Packet, int) {}

// Kept implements Sink.
func (*ordered) Kept(*KeptCall) protocol.Capture { return protocol.Capture{} }

// waiting is a heap of records by start, Call-ID and id. The start stands beside the pointer: most comparisons need no
// more, and thousands of records may wait for one long call.
type waiting []waitingRecord

type waitingRecord struct {
	start  protocol.Time
	record *protocol.CDR
}

func (w waiting) less(i, j int) bool {
	if w[i].start != w[j].start {
		return w[i].start < w[j].start
	}
	a, b := w[i].record, w[j].record
	if c := cmp.Compare(a.CallID, b.CallID); c != 0 {
		return c < 0
	}
	return string(a.ID[:]) < string(b.ID[:])
}

func (w *waiting) push(c *protocol.CDR) {
	*w = append(*w, waitingRecord{c.Start, c})
	h := *w
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h.less(i, parent) {
			return
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

// pop takes the first record; there must be one.
func (w *waiting) pop() *protocol.CDR {
	h := *w
	first, last := h[0].record, len(h)-1
	h[0] = h[last]
	h[last] = waitingRecord{}
	h = h[:last]
	*w = h
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(h) {
			return first
		}
		if child+1 < len(h) && h.less(child+1, child) {
			child++
		}
		if !h.less(child, i) {
			return first
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}
