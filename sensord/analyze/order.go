package analyze

import (
	"cmp"
	"math"

	"voiptop/protocol"
)

// finished is a record on its way out: the record itself or its text.
type finished struct {
	start  protocol.Time
	id     protocol.UUID
	callID string
	record *protocol.CDR
	line   []byte // in place of record
	block  *block // that line stands in
}

// ended is the record of a call that has ended, or where it comes from, and the start of the oldest call that was running then,
// nanoseconds; noCall: none was. What started before may go on: no call can come that starts earlier.
type ended struct {
	finished
	shard  int // whose next record it is; recordHere: it is in finished
	oldest int64
}

const (
	recordHere = -1
	noCall     = math.MaxInt64
)

// ordered gives records on in the order of their start.
type ordered struct {
	emit    func(*finished) error
	err     error // of emit, which is not called again
	waiting waiting
}

func (o *ordered) take(r *ended) {
	o.waiting.push(&r.finished)
	o.give(r.oldest)
}

// give gives the records on that started before oldest.
func (o *ordered) give(oldest int64) {
	for len(o.waiting.heap) > 0 && (oldest == noCall || o.waiting.heap[0].start < protocol.TimeFromNanos(oldest)) && o.err == nil {
		r := o.waiting.pop()
		o.err = o.emit(&r)
		r.block.done()
	}
}

// flush gives the rest on.
func (o *ordered) flush() { o.give(noCall) }

// waiting is a heap of records by start, Call-ID and id. The start stands in the heap: most comparisons need no more, and tens
// of thousands of records may wait for one long call.
type waiting struct {
	heap []waitingAt
	all  []finished
	free []uint32 // places in all
}

type waitingAt struct {
	start protocol.Time
	at    uint32
}

func (w *waiting) less(i, j int) bool {
	h := w.heap
	if h[i].start != h[j].start {
		return h[i].start < h[j].start
	}
	a, b := &w.all[h[i].at], &w.all[h[j].at]
	if c := cmp.Compare(a.callID, b.callID); c != 0 {
		return c < 0
	}
	return string(a.id[:]) < string(b.id[:])
}

func (w *waiting) push(r *finished) {
	at := uint32(len(w.all))
	if n := len(w.free); n > 0 {
		at = w.free[n-1]
		w.free = w.free[:n-1]
		w.all[at] = *r
	} else {
		w.all = append(w.all, *r)
	}
	w.heap = append(w.heap, waitingAt{r.start, at})
	h := w.heap
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !w.less(i, parent) {
			return
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

// pop takes the first record; there must be one.
func (w *waiting) pop() finished {
	h := w.heap
	last := len(h) - 1
	at := h[0].at
	first := w.all[at]
	w.all[at] = finished{}
	w.free = append(w.free, at)
	h[0] = h[last]
	h = h[:last]
	w.heap = h
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(h) {
			return first
		}
		if child+1 < len(h) && w.less(child+1, child) {
			child++
		}
		if !w.less(child, i) {
			return first
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}
