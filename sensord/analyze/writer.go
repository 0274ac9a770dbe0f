package analyze

import (
	"sync/atomic"

	"voiptop/protocol"
)

// finished is a record on its way out: the record itself or its text.
type finished struct {
	record *protocol.CDR
	line   []byte // in place of record
	block  *block // that line stands in
}

// ended is the record of a call that has ended, or where it comes from.
type ended struct {
	finished
	shard int // whose next record it is; recordHere: it is in finished
}

const recordHere = -1

// output gives records on.
type output struct {
	emit func(*finished) error
	err  error // of emit, which is not called again
}

func (o *output) take(r *finished) {
	if o.err == nil {
		o.err = o.emit(r)
	}
	r.block.done()
}

// writer puts the records of the shards into the order in which their calls ended, and gives them on, in a worker's goroutine. Not many
// calls may have ended of which it has not heard: then the engine waits.
type writer struct {
	out     *output
	workers []*worker
	flush   func() // makes the engine give away what it has put off
	list    []ended
	full    chan []ended
	free    chan []ended
	failed  atomic.Bool // emit has failed
}

const (
	writerBatch   = 64 // calls told at a time
	writerBatches = 12
)

func newWriter(out *output, workers []*worker, flush func()) *writer {
	w := &writer{out: out, workers: workers, flush: flush, full: make(chan []ended, writerBatches), free: make(chan []ended, writerBatches)}
	for range writerBatches {
		w.free <- make([]ended, 0, writerBatch)
	}
	w.list = <-w.free
	return w
}

// take is told by the engine of a call that has ended, before the work that makes its record is put off.
func (w *writer) take(r *ended) {
	if len(w.list) == writerBatch {
		w.give()
		w.list = <-w.free
	}
	w.list = append(w.list, *r)
}

// give gives the list away, after the work that makes its records.
func (w *writer) give() {
	w.flush()
	w.full <- w.list
}

// close gives the last list away.
func (w *writer) close() {
	w.give()
	close(w.full)
}

// write gives the records of a list on. All work of the worker that calls it must be done.
func (w *writer) write(list []ended) {
	for i := range list {
		r := &list[i]
		if r.shard != recordHere {
			r.finished = w.workers[r.shard].shard.next()
		}
		w.out.take(&r.finished)
	}
	if w.out.err != nil {
		w.failed.Store(true)
	}
	clear(list)
	w.free <- list[:0]
}
