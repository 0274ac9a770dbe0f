package analyze

import (
	"errors"
	"slices"
	"sync"

	"voiptop/sensord/internal/call"
	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/prefetch"
)

// ahead reads a Source ahead, and looks at each packet on its own (front): while the engine works on one batch of packets the next
// are being read. Batches go round between the engine and those who read, so that nothing is allocated per packet, and a packet of
// a file lies where the file was read to (capture.Batch). A batch is the reader's until it is handed over and the engine's until
// it asks for the next. When none is ready the engine reads one itself, so that it does not wait while readers are slower.
//
// It is for files. A live source should not be read ahead: its ring is the buffer, and a batch would wait to be full.
type ahead struct {
	front front
	full  chan *batch
	free  chan *batch
	ended sync.WaitGroup // readers

	reading sync.Mutex // of what follows
	src     Source
	next    int // number of the next batch
	over    bool

	// of the engine
	early [batches + 1]*batch // batches that are ready before their turn, by number
	turn  int
	own   *batch // what the engine reads into while no batch is ready; nil: it waits for its turn, or somebody else may have to be waited for
}

const (
	batches      = 3
	batchPackets = 1280 // of G.711, those of a block of capture's
	messageRoom  = 32   // is made for so many at a time
)

// batch is packets in a row, and what came after them. What the engine must read of most packets lies together, and apart from
// what it need not: the caches of two processors have little to exchange.
type batch struct {
	number  int
	far     bool // who fills it has another processor than who works on it: each asks for its lines ahead (prefetch)
	in      *capture.Batch
	packets []Packet // of in, those that are looked at
	at      int      // end of those
	err     error

	kinds    []kind     // of packets
	keys     []uint64   // of those that are RTP or SIP
	rtp      []call.RTP // of those that are RTP
	messages []*message // that are SIP, in their order
	count    uint64     // packets that are RTP or SIP
	bytes    uint64     // of these
}

// newBatch makes a batch that reads so many packets, and looks at n at a time. far says that another goroutine fills it than that which
// works on it.
func newBatch(read, n int, far bool) *batch {
	return &batch{
		far: far, in: capture.NewBatch(read),
		kinds: make([]kind, 0, n), keys: make([]uint64, n), rtp: make([]call.RTP, n),
	}
}

// readAhead makes batches go round for so many readers, which take them from free, call read, and ended when they read no more.
func readAhead(src Source, f front, readers int) *ahead {
	a := &ahead{front: f, src: src, full: make(chan *batch, batches), free: make(chan *batch, batches)}
	for range batches {
		a.free <- newBatch(batchPackets, batchPackets, true)
	}
	if !capture.Waits(src) {
		a.own = newBatch(batchPackets, batchPackets, false)
	}
	a.ended.Add(readers)
	return a
}

// read fills a batch, one reader at a time; what batches hold is looked at side by side. It answers false when there is no more to read.
func (a *ahead) read(b *batch) bool {
	a.reading.Lock()
	if !a.fill(b) {
		return false
	}
	b.next()
	b.prepare(&a.front)
	a.full <- b // has room for all there are
	return true
}

// help reads a batch in the engine's goroutine, which would wait otherwise. It answers false when it cannot.
func (a *ahead) help() bool {
	if a.own == nil || !a.reading.TryLock() {
		return false
	}
	b := a.own
	a.own = nil
	if !a.fill(b) {
		return false
	}
	b.next()
	b.prepare(&a.front)
	a.early[b.number%len(a.early)] = b
	return true
}

// fill is the part of read that only one does at a time, who holds reading. It lets go of it.
func (a *ahead) fill(b *batch) bool {
	defer a.reading.Unlock()
	if a.over {
		return false
	}
	b.number = a.next
	a.next++
	b.fill(a.src)
	a.over = b.err != nil && !errors.Is(b.err, capture.ErrIdle)
	return true
}

// fill reads packets until the batch is full or there is nothing to read; b.err says why.
func (b *batch) fill(src Source) {
	b.err = capture.Fill(src, b.in)
	b.at = 0
}

// next moves on to packets that were read, as many as are looked at at a time, and reports whether there are any.
func (b *batch) next() bool {
	end := min(b.at+len(b.keys), len(b.in.Packets))
	b.packets, b.at = b.in.Packets[b.at:end], end
	return len(b.packets) > 0
}

// prepare looks at each packet.
func (b *batch) prepare(f *front) {
	b.kinds, b.messages, b.count, b.bytes = b.kinds[:0], b.messages[:0], 0, 0
	next := func() *message {
		n := len(b.messages)
		b.messages = slices.Grow(b.messages, 1)
		free := b.messages[n:cap(b.messages)]
		if free[0] == nil { // they lie side by side
			room := make([]message, min(len(free), messageRoom))
			for i := range room {
				free[i] = &room[i]
			}
		}
		if b.far && len(free) > 8 && free[8] != nil {
			prefetch.Written(free[8], 12) // with one media of a description
		}
		return free[0]
	}
	var d decode.Prepared
	for i := range b.packets {
		p := &b.packets[i]
		if b.far && i+8 < len(b.rtp) {
			prefetch.Written(&b.rtp[i+8], 1)
		}
		k, key := f.prepare(p, &d, &b.rtp[i], next)
		b.kinds = append(b.kinds, k)
		if k == isOther {
			continue
		}
		b.keys[i] = key
		b.count++
		b.bytes += uint64(p.Length)
		if k == isSIP {
			b.messages = b.messages[:len(b.messages)+1]
		}
	}
}

// batch gives the next batch, in the order of the packets. It must be given back by done.
func (a *ahead) batch() *batch {
	at := a.turn % len(a.early)
	for a.early[at] == nil {
		if len(a.full) == 0 && a.help() {
			continue
		}
		b := <-a.full
		a.early[b.number%len(a.early)] = b
	}
	b := a.early[at]
	a.early[at] = nil
	a.turn++
	return b
}

func (a *ahead) done(b *batch) {
	b.in.Release()
	if !b.far {
		a.own = b
		return
	}
	a.free <- b
}

// stop ends the reading and returns when it has ended.
func (a *ahead) stop() {
	close(a.free)
	a.ended.Wait()
}
