package analyze

import (
	"sync"
	"sync/atomic"

	"voiptop/sensord/internal/call"
)

// shard does, in a goroutine of its own, what the engine puts off (call.Shard): it accounts for the packets of its calls'
// streams, and makes the records of its calls when they have ended.
type shard struct {
	recorder *recorder
	full     chan []call.Work // nil: a word to wait for
	free     chan []call.Work
	waited   chan struct{}

	mu      sync.Mutex
	more    sync.Cond
	results []finished // in the order in which the calls ended

	// of the writer
	taken []finished
	at    int
}

const (
	shardLists = 4    // of work under way
	shardWork  = 1024 // pieces in each
)

func newShard(r *recorder) *shard {
	s := &shard{recorder: r, full: make(chan []call.Work, shardLists), free: make(chan []call.Work, shardLists), waited: make(chan struct{})}
	s.more.L = &s.mu
	for range shardLists {
		s.free <- make([]call.Work, 0, shardWork)
	}
	return s
}

// Do implements call.Shard.
func (s *shard) Do(list []call.Work) []call.Work {
	if list != nil {
		s.full <- list
	}
	return <-s.free
}

// Wait implements call.Shard.
func (s *shard) Wait() {
	s.full <- nil
	<-s.waited
}

func (s *shard) run() {
	var done []finished
	take := func(e *call.Ended) { done = append(done, s.recorder.ended(e)) }
	for list := range s.full {
		if list == nil {
			s.waited <- struct{}{}
			continue
		}
		call.Do(list, take)
		s.free <- list
		if len(done) > 0 {
			s.mu.Lock()
			s.results = append(s.results, done...)
			s.mu.Unlock()
			s.more.Signal()
			clear(done)
			done = done[:0]
		}
	}
}

// next waits for the next record.
func (s *shard) next() finished {
	if s.at == len(s.taken) {
		clear(s.taken)
		s.mu.Lock()
		for len(s.results) == 0 {
			s.more.Wait()
		}
		s.taken, s.results = s.results, s.taken[:0]
		s.mu.Unlock()
		s.at = 0
	}
	s.at++
	return s.taken[s.at-1]
}

// writer puts the records of the shards into the order in which their calls ended, and gives them to an ordered, in a goroutine
// of its own. Not many calls may have ended of which it has not heard: then the engine waits.
type writer struct {
	out    *ordered
	shards []*shard
	flush  func() // makes the engine give away what it has put off
	list   []order
	full   chan []order
	free   chan []order
	failed atomic.Bool // emit has failed
	done   chan struct{}
}

// order says that a call has ended, and where its record comes from.
type order struct {
	shard  int // recordHere: not from a shard
	here   finished
	oldest int64 // see ended
}

const recordHere = -1

const (
	writerBatch   = 64 // calls told at a time
	writerBatches = 4
)

func newWriter(out *ordered, shards []*shard, flush func()) *writer {
	w := &writer{out: out, shards: shards, flush: flush, full: make(chan []order, writerBatches), free: make(chan []order, writerBatches), done: make(chan struct{})}
	for range writerBatches {
		w.free <- make([]order, 0, writerBatch)
	}
	w.list = <-w.free
	go w.run()
	return w
}

func (w *writer) take(o order) {
	w.list = append(w.list, o)
	if len(w.list) == writerBatch {
		w.give()
		w.list = <-w.free
	}
}

// give gives the list away, after the work that makes its records: who waits for one never waits for work that is held back.
// The last call may have its work put off after this; it is given away before the engine waits for the writer again.
func (w *writer) give() {
	w.flush()
	w.full <- w.list
}

func (w *writer) run() {
	defer close(w.done)
	for list := range w.full {
		for i := range list {
			o := &list[i]
			r := ended{o.here, o.oldest}
			if o.shard != recordHere {
				r.finished = w.shards[o.shard].next()
			}
			w.out.take(&r)
		}
		if w.out.err != nil {
			w.failed.Store(true)
		}
		clear(list)
		w.free <- list[:0]
	}
}

// finish returns when all records have been taken. Nothing may be put off any more.
func (w *writer) finish() {
	w.give()
	close(w.full)
	<-w.done
}
