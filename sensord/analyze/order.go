package analyze

import (
	"cmp"
	"math"
	"sync/atomic"

	"voiptop/protocol"
)

// ended is a record, and the start of the oldest call that was running when it ended, nanoseconds; noCall: none was. What
// started before may go on: no call can come that starts earlier.
type ended struct {
	record *protocol.CDR
	oldest int64
}

const noCall = math.MaxInt64

// ordered gives records on in the order of their start.
type ordered struct {
	emit    func(*protocol.CDR) error
	err     error // of emit, which is not called again
	waiting waiting
}

func (o *ordered) take(r ended) {
	o.waiting.push(r.record)
	o.give(r.oldest)
}

// give gives the records on that started before oldest.
func (o *ordered) give(oldest int64) {
	for len(o.waiting) > 0 && (oldest == noCall || o.waiting[0].start < protocol.TimeFromNanos(oldest)) && o.err == nil {
		o.err = o.emit(o.waiting.pop())
	}
}

// flush gives the rest on.
func (o *ordered) flush() { o.give(noCall) }

// writer gives records to an ordered in a goroutine of its own. At most writerBatches lists of records wait for it; then
// take waits.
type writer struct {
	out    *ordered
	list   []ended
	full   chan []ended
	free   chan []ended
	failed atomic.Bool // emit has failed
	done   chan struct{}
}

const (
	writerBatch   = 32 // records handed over at a time
	writerBatches = 4
)

func newWriter(out *ordered) *writer {
	w := &writer{out: out, full: make(chan []ended, writerBatches), free: make(chan []ended, writerBatches), done: make(chan struct{})}
	for range writerBatches {
		w.free <- make([]ended, 0, writerBatch)
	}
	w.list = <-w.free
	go w.run()
	return w
}

func (w *writer) take(r ended) {
	w.list = append(w.list, r)
	if len(w.list) == writerBatch {
		w.full <- w.list
		w.list = <-w.free
	}
}

func (w *writer) run() {
	defer close(w.done)
	for list := range w.full {
		for _, r := range list {
			w.out.take(r)
		}
		if w.out.err != nil {
			w.failed.Store(true)
		}
		clear(list)
		w.free <- list[:0]
	}
}

// finish returns when all records have been taken.
func (w *writer) finish() {
	w.full <- w.list
	close(w.full)
	<-w.done
}

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
