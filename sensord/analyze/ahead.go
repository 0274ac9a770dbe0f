package analyze

import (
	"errors"
	"sync"

	"voiptop/sensord/internal/call"
	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/decode"
)

// ahead reads a Source ahead, in goroutines of its own, and looks at each packet on its own (front): while the engine works on
// one batch of packets the next are being read. Batches go round between them, so that nothing is allocated per packet; a
// packet's bytes are copied once, into its batch, which is the reader's until it is handed over and the engine's until it asks
// for the next.
//
// It is for files. A live source should not be read ahead: its ring is the buffer, and a batch would wait to be full.
type ahead struct {
	front front
	full  chan *batch
	free  chan *batch
	ended sync.WaitGroup

	reading sync.Mutex // of what follows
	src     Source
	next    int // number of the next batch
	over    bool

	// of the engine
	early [batches]*batch // batches that are ready before their turn, by number
	turn  int
}

const (
	batches      = 4
	batchPackets = 1024
	batchBytes   = 256 << 10
)

// batch is packets in a row, and what came after them. What the engine must read of most packets lies together, and apart from
// what it need not: the caches of two processors have little to exchange.
type batch struct {
	number  int
	packets []Packet
	data    []byte // of packets
	err     error

	kinds    []kind     // of packets
	keys     []uint64   // of those that are RTP or SIP
	rtp      []call.RTP // likewise; of SIP only the time
	messages []*message // that are SIP, in their order
	count    uint64     // packets that are RTP or SIP
	bytes    uint64     // of these
}

func newBatch() *batch {
	return &batch{
		packets: make([]Packet, 0, batchPackets), data: make([]byte, 0, batchBytes),
		kinds: make([]kind, 0, batchPackets), keys: make([]uint64, batchPackets), rtp: make([]call.RTP, batchPackets),
	}
}

// readAhead starts so many goroutines that read src in turns.
func readAhead(src Source, f front, readers int) *ahead {
	a := &ahead{front: f, src: src, full: make(chan *batch, batches), free: make(chan *batch, batches)}
	for range batches {
		a.free <- newBatch()
	}
	for range readers {
		a.ended.Go(a.read)
	}
	return a
}

// read fills batches one reader at a time; what they hold is looked at side by side.
func (a *ahead) read() {
	for b := range a.free {
		a.reading.Lock()
		if a.over {
			a.reading.Unlock()
			return
		}
		b.number = a.next
		a.next++
		b.fill(a.src)
		a.over = b.err != nil && !errors.Is(b.err, capture.ErrIdle)
		a.reading.Unlock()
		b.prepare(&a.front)
		a.full <- b // has room for all there are
	}
}

// fill reads until the batch is full or there is nothing to read; b.err says why.
func (b *batch) fill(src Source) {
	b.packets, b.data, b.err = b.packets[:0], b.data[:0], nil
	for n := 0; n < batchPackets && len(b.data) < batchBytes-4096; n++ {
		p := &b.packets[:n+1][n]
		if b.err = src.Next(p); b.err != nil {
			return
		}
		// Should the array grow, the packets before stay where they are, in the old one.
		at := len(b.data)
		b.data = append(b.data, p.Data...)
		p.Data = b.data[at:len(b.data):len(b.data)]
		b.packets = b.packets[:n+1]
	}
}

// prepare looks at each packet.
func (b *batch) prepare(f *front) {
	b.kinds, b.messages, b.count, b.bytes = b.kinds[:0], b.messages[:0], 0, 0
	next := func() *message {
		n := len(b.messages)
		if n == cap(b.messages) {
			b.messages = append(b.messages, nil)[:n]
		}
		m := &b.messages[:n+1][n]
		if *m == nil {
			*m = new(message)
		}
		return *m
	}
	var d decode.Prepared
	for i := range b.packets {
		p := &b.packets[i]
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
	at := a.turn % batches
	for a.early[at] == nil {
		b := <-a.full
		a.early[b.number%batches] = b
	}
	b := a.early[at]
	a.early[at] = nil
	a.turn++
	return b
}

func (a *ahead) done(b *batch) { a.free <- b }

// stop ends the reading and returns when it has ended.
func (a *ahead) stop() {
	close(a.free)
	a.ended.Wait()
}
