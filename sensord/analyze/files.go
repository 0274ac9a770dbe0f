package analyze

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io"

	"voiptop/protocol"
	"voiptop/sensord/internal/capture"
)

// Warning says that an input could not be read to its end, see capture.Warning.
type Warning = capture.Warning

// Open opens capture files, merged by time, see capture.Open. stdin is what "-" reads.
func Open(paths []string, stdin io.Reader) (Source, error) {
	return capture.Open(paths, capture.Options{Stdin: stdin})
}

// Summary says what an input held.
type Summary struct {
	Packets  uint64
	Bytes    uint64
	Calls    uint64
	Streams  uint64
	Counters protocol.Counters // everything that was counted, what was not understood included
	Warnings []Warning         // inputs that were cut or damaged
}

// Run analyses src to its end and calls emit with every record, ordered by start, then by Call-ID, then by id. It holds
// back only those that a call which still runs may have to precede. It does not close src.
func Run(ctx context.Context, src Source, cfg Config, emit func(*protocol.CDR) error) (Summary, error) {
	o := &ordered{emit: emit}
	return run(ctx, src, New(cfg, o), o)
}

// run drives e, whose sink is o, with the packets of src.
func run(ctx context.Context, src Source, e *Engine, o *ordered) (Summary, error) {
	o.engine = e
	var (
		p   Packet
		err error
	)
	for n := uint(0); ; n++ {
		if n%1024 == 0 {
			if err = ctx.Err(); err != nil {
				break
			}
		}
		if err = src.Next(&p); err != nil {
			if errors.Is(err, capture.ErrIdle) {
				continue
			}
			break
		}
		e.Packet(&p)
		if o.err != nil {
			break
		}
	}
	e.Close()
	o.flush()
	stats := src.Stats()
	s := Summary{Calls: o.calls, Streams: o.streams, Packets: e.packets, Bytes: e.bytes, Counters: protocol.Counters{}, Warnings: stats.Warnings}
	e.Counters(s.Counters)
	if stats.KernelDrops > 0 {
		s.Counters[protocol.CountKernelDrops] = stats.KernelDrops
	}
	switch {
	case o.err != nil:
		return s, o.err
	case err != nil && !errors.Is(err, io.EOF):
		return s, fmt.Errorf("read packets: %w", err)
	}
	return s, nil
}

// Files analyses capture files, merged by time, and answers all records in Run's order. "-" reads stdin.
func Files(ctx context.Context, paths []string, stdin io.Reader, cfg Config) ([]*protocol.CDR, Summary, error) {
	src, err := Open(paths, stdin)
	if err != nil {
		return nil, Summary{}, err
	}
	defer src.Close()
	var list []*protocol.CDR
	s, err := Run(ctx, src, cfg, func(c *protocol.CDR) error {
		list = append(list, c)
		return nil
	})
	return list, s, err
}

// ordered is a Sink that gives records on in order of their start. Kept packets it does not store.
type ordered struct {
	engine         *Engine
	emit           func(*protocol.CDR) error
	err            error
	waiting        recordHeap
	calls, streams uint64
}

func (o *ordered) Call(c *protocol.CDR) {
	o.calls++
	o.streams += uint64(len(c.Streams))
	heap.Push(&o.waiting, c)
	// The call that has just ended is out of the table; no call can start before one that runs.
	oldest, running := o.engine.calls.OldestStart()
	for len(o.waiting) > 0 && (!running || o.waiting[0].Start < protocol.TimeFromNanos(oldest)) && o.err == nil {
		o.err = o.emit(heap.Pop(&o.waiting).(*protocol.CDR))
	}
}

func (o *ordered) flush() {
	for len(o.waiting) > 0 && o.err == nil {
		o.err = o.emit(heap.Pop(&o.waiting).(*protocol.CDR))
	}
}

// Keep implements Sink.
func (*ordered) Keep(*KeptCall, *Packet, int) {}

// Kept implements Sink.
func (*ordered) Kept(*KeptCall) protocol.Capture { return protocol.Capture{} }

type recordHeap []*protocol.CDR

func (h recordHeap) Len() int { return len(h) }
func (h recordHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	if c := cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.CallID, b.CallID)); c != 0 {
		return c < 0
	}
	return string(a.ID[:]) < string(b.ID[:])
}
func (h recordHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *recordHeap) Push(x any)   { *h = append(*h, x.(*protocol.CDR)) }
func (h *recordHeap) Pop() any {
	old := *h
	c := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return c
}
