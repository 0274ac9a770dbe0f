package analyze

import (
	"sync"
	"sync/atomic"

	"voiptop/protocol"
	"voiptop/sensord/internal/call"
)

// recorder makes records of calls that have ended and, where there is an encoder, texts of records. One goroutine drives it.
type recorder struct {
	encode  func([]byte, *protocol.CDR) []byte // nil: none
	builder call.Builder
	blocks  *blocks
	block   *block
}

func newRecorder(encode func([]byte, *protocol.CDR) []byte, b *blocks) *recorder {
	return &recorder{encode: encode, blocks: b, builder: call.Builder{Reuse: encode != nil}}
}

// ended makes the record of a call.
func (r *recorder) ended(e *call.Ended) finished { return r.record(r.builder.Record(e)) }

// record makes what is given on of a record.
func (r *recorder) record(c *protocol.CDR) finished {
	if r.encode == nil {
		return finished{record: c}
	}
	if r.block == nil || cap(r.block.text)-len(r.block.text) < blockSize/8 {
		r.close()
		r.block = r.blocks.take()
	}
	b := r.block
	b.lines.Add(1)
	at := len(b.text)
	b.text = r.encode(b.text, c) // should the array grow, the lines before stay where they are, in the old one
	return finished{line: b.text[at:len(b.text):len(b.text)], block: b}
}

// close gives the last block away.
func (r *recorder) close() {
	r.block.done()
	r.block = nil
}

// blocks are pieces of memory for texts of records on their way from a shard to the writer.
type blocks struct {
	mu   sync.Mutex
	free []*block
}

const (
	blockSize  = 64 << 10
	freeBlocks = 256
)

// block is free again when all lines in it have been written, and nobody writes into it.
type block struct {
	of    *blocks
	text  []byte
	lines atomic.Int32 // not done with; and one as long as there may come more
}

func (b *blocks) take() *block {
	b.mu.Lock()
	defer b.mu.Unlock()
	var k *block
	if n := len(b.free); n > 0 {
		k, b.free = b.free[n-1], b.free[:n-1]
		k.text = k.text[:0]
	} else {
		k = &block{of: b, text: make([]byte, 0, blockSize)}
	}
	k.lines.Store(1)
	return k
}

// done ends the use of a line, or the writing; nil is no block.
func (k *block) done() {
	if k == nil || k.lines.Add(-1) > 0 {
		return
	}
	b := k.of
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.free) < freeBlocks && cap(k.text) == blockSize {
		b.free = append(b.free, k)
	}
}
