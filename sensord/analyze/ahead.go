package analyze

import (
	"errors"

	"voiptop/sensord/internal/capture"
)

// ahead is a Source that reads another one ahead, in a goroutine of its own: while the engine works on one batch of
// packets the next is being read. Batches go round between the two, so that nothing is allocated per packet; a packet's
// bytes are copied once, into its batch, which is the reader's until it is handed over and the engine's until it asks for
// the packet after the last.
//
// It is for files. A live source should not be read ahead: its ring is the buffer, and a batch would wait to be full.
type ahead struct {
	src        Source
	full, free chan *batch
	current    *batch
	at         int // of the next packet in current
	done       chan struct{}
}

const (
	batches      = 4
	batchPackets = 512
	batchBytes   = 128 << 10 // all batches fit into the cache that the cores share
)

// batch is packets in a row, and what came after them.
type batch struct {
	packets []Packet
	data    []byte
	err     error
}

func readAhead(src Source) *ahead {
	a := &ahead{src: src, full: make(chan *batch, batches), free: make(chan *batch, batches), current: &batch{}, done: make(chan struct{})}
	for range batches {
		a.free <- &batch{packets: make([]Packet, 0, batchPackets), data: make([]byte, 0, batchBytes)}
	}
	go a.read()
	return a
}

func (a *ahead) read() {
	defer close(a.done)
	for b := range a.free {
		err := b.fill(a.src)
		a.full <- b // has room for all there are
		if err != nil && !errors.Is(err, capture.ErrIdle) {
			return
		}
	}
}

// fill reads until the batch is full or there is nothing to read, and answers why.
func (b *batch) fill(src Source) error {
	b.packets, b.data, b.err = b.packets[:0], b.data[:0], nil
	for n := 0; n < batchPackets && len(b.data) < batchBytes-4096; n++ {
		p := &b.packets[:n+1][n]
		if b.err = src.Next(p); b.err != nil {
			return b.err
		}
		// Should the array grow, the packets before stay where they are, in the old one.
		at := len(b.data)
		b.data = append(b.data, p.Data...)
		p.Data = b.data[at:len(b.data):len(b.data)]
		b.packets = b.packets[:n+1]
	}
	return nil
}

// Next implements Source.
func (a *ahead) Next(p *Packet) error {
	for a.at == len(a.current.packets) {
		switch err := a.current.err; {
		case errors.Is(err, capture.ErrIdle):
			a.current.err = nil
			return err
		case err != nil:
			return err
		case a.current.packets != nil: // not the empty one at the beginning
			a.free <- a.current
		}
		a.current, a.at = <-a.full, 0
	}
	*p = a.current.packets[a.at]
	a.at++
	return nil
}

// Stats implements Source.
func (a *ahead) Stats() capture.Stats { return a.src.Stats() }

// Close implements Source.
func (a *ahead) Close() error { return a.src.Close() }

// stop ends the reading and returns when it has ended.
func (a *ahead) stop() {
	close(a.free)
	<-a.done
}
