package spool

import (
	"errors"

	"voiptop/protocol"
)

// jobKind says what the writing goroutine is to do. It does the jobs in their order; a call's files are its alone.
type jobKind uint8

const (
	jobAppend  jobKind = iota // append to what is stored
	jobSpill                  // append to what is held
	jobCut                    // take the media out of what is held
	jobDrop                   // remove what is held
	jobStore                  // store what is held on disk and in memory, as far as the level goes
	jobTitle                  // write the section header again
	jobDiscard                // remove what is stored
	jobPeek                   // tell what is on disk
	jobEnd                    // finish the file
)

type job struct {
	kind    jobKind
	r       *recording
	data    chunks
	level   protocol.Keep
	packets uint64 // that are stored then
	bytes   int64  //
	tally   tally  // of data that is held
	peek    chan<- peeked
}

// put gives a job to the writing goroutine. The spool's lock is held.
func (s *Spool) put(j job) {
	s.queue = append(s.queue, j)
	if len(s.queue) == 1 {
		s.wake.Signal()
	}
}

// write is the writing goroutine: it does the jobs until the spool is closed and none is left.
func (s *Spool) write() {
	var jobs []job
	for {
		s.mu.Lock()
		for len(s.queue) == 0 && !s.closed {
			s.wake.Wait()
		}
		jobs, s.queue = s.queue, jobs[:0]
		s.mu.Unlock()
		if len(jobs) == 0 {
			s.files.closeAll()
			return
		}
		for i := range jobs {
			s.do(&jobs[i])
			jobs[i] = job{}
		}
	}
}

func (s *Spool) do(j *job) {
	r := j.r
	switch j.kind {
	case jobAppend:
		s.settle(j, s.storeBlocks(r, &j.data, &cutter{level: protocol.KeepRTP}, j.packets))
	case jobStore:
		before := r.disk.packets
		err := s.storeDisk(r, j.level)
		if err == nil {
			err = s.storeBlocks(r, &j.data, &cutter{level: j.level}, 0)
		}
		s.settle(j, err)
		s.missing(j, r.disk.packets-before)
	case jobSpill:
		s.spill(j)
	case jobCut:
		s.cutFile(j)
	case jobDrop:
		s.removeHeld(r)
	case jobTitle:
		s.title(r)
	case jobDiscard:
		s.removeStored(r)
	case jobPeek:
		j.peek <- s.peek(r)
	case jobEnd:
		s.finish(r)
	}
}

// settle notes how a write of packets that are stored went.
func (s *Spool) settle(j *job, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(&j.data)
	switch {
	case err != nil && !errors.Is(err, errGivenUp):
		s.fail(j.r, err)
	case err == nil:
		s.stop("")
	}
}

// errGivenUp is the error of a write to a file of which an earlier one failed.
var errGivenUp = errors.New("given up")

// fail stops a recording: what it has on disk stays, what it has in memory goes.
func (s *Spool) fail(r *recording, err error) {
	s.stop(err.Error())
	r.failed, r.partial = true, true
	s.count.disk += r.packets - r.disk.packets
	data, _ := s.takeBuf(r)
	s.release(&data)
	if !r.ended && r.window.any() {
		s.drop(r)
	}
	s.bytes -= r.size - r.disk.stored
	r.size, r.packets = r.disk.stored, r.disk.packets
}

// missing corrects what is said to be stored when a part of what was held had not come to the disk.
func (s *Spool) missing(j *job, stored uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.r.failed || stored >= j.packets {
		return
	}
	j.r.partial = true
	j.r.packets -= j.packets - stored
}
