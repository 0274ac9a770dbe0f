package analyze

import (
	"sync"

	"voiptop/sensord/internal/call"
)

// shard does, in its worker's goroutine, what the engine puts off (call.Shard): it accounts for the packets of its calls'
// streams, and makes the records of its calls when they have ended.
type shard struct {
	recorder *recorder
	writer   *writer
	full     chan []call.Work // nil: a word to wait for
	free     chan []call.Work
	waited   chan struct{}
	done     []finished // of a list

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

// Behind implements call.Shard: what waits to be written is work, too.
func (s *shard) Behind() bool { return len(s.free) == 0 || len(s.writer.free) == 0 }

// work does a list of work, or says that all before is done.
func (s *shard) work(list []call.Work) {
	if list == nil {
		s.waited <- struct{}{}
		return
	}
	call.Do(list, func(e *call.Ended) { s.done = append(s.done, s.recorder.ended(e)) })
	s.free <- list
	if len(s.done) > 0 {
		s.mu.Lock()
		s.results = append(s.results, s.done...)
		s.mu.Unlock()
		s.more.Signal()
		clear(s.done)
		s.done = s.done[:0]
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
