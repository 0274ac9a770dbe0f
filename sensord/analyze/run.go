package analyze

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"voiptop/protocol"
	"voiptop/sensord/internal/capture"
)

// Run analyses src to its end and calls emit with every record, ordered by start, then by Call-ID, then by id. It holds
// back only those that a call which still runs may have to precede. It does not close src.
//
// Where there is more than one core, packets are read ahead in a goroutine, and emit is called in another, while the
// caller's analyses. The engine remains one: what it finds does not depend on the number of cores. All have ended when
// Run returns.
func Run(ctx context.Context, src Source, cfg Config, emit func(*protocol.CDR) error) (Summary, error) {
	out := &ordered{emit: emit}
	sink := &ender{take: out.take}
	failed := func() bool { return out.err != nil }
	finish := func() {}
	if parallel() {
		w := newWriter(out)
		sink.take, failed, finish = w.take, w.failed.Load, w.finish
	}
	s, err := run(ctx, src, New(cfg, sink), sink, failed)
	finish()
	out.flush()
	return s, cmp.Or(out.err, err)
}

// parallel says whether there is more than one core to use.
func parallel() bool { return runtime.GOMAXPROCS(0) > 1 }

// run drives e, whose sink is or embeds sink, with the packets of src.
func run(ctx context.Context, src Source, e *Engine, sink *ender, failed func() bool) (Summary, error) {
	sink.engine = e
	var err error
	if parallel() {
		err = driveAhead(ctx, src, e, failed)
	} else {
		err = drive(ctx, src, e, failed)
	}
	e.Close()
	stats := src.Stats()
	s := Summary{Calls: sink.calls, Streams: sink.streams, Packets: e.packets, Bytes: e.bytes, Counters: protocol.Counters{}, Warnings: stats.Warnings}
	e.Counters(s.Counters)
	if stats.KernelDrops > 0 {
		s.Counters[protocol.CountKernelDrops] = stats.KernelDrops
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return s, fmt.Errorf("read packets: %w", err)
	}
	return s, nil
}

// drive gives the packets of src to e until they end, with io.EOF, or ctx does, or emit has failed.
func drive(ctx context.Context, src Source, e *Engine, failed func() bool) error {
	var p Packet
	for n := uint(0); ; n++ {
		if n%256 == 0 {
			if ctx.Err() != nil || failed() {
				return ctx.Err()
			}
		}
		if err := src.Next(&p); err != nil {
			if errors.Is(err, capture.ErrIdle) {
				continue
			}
			return err
		}
		e.Packet(&p)
	}
}

// driveAhead is drive with packets that are read ahead.
func driveAhead(ctx context.Context, src Source, e *Engine, failed func() bool) error {
	in := readAhead(src, e.front, readers())
	defer in.stop()
	for {
		if ctx.Err() != nil || failed() {
			return ctx.Err()
		}
		b := in.batch()
		e.batch(b)
		if b.err != nil && !errors.Is(b.err, capture.ErrIdle) {
			return b.err
		}
		in.done(b)
	}
}

// readers is how many goroutines read ahead: one does what half of the rest of the work takes.
func readers() int { return max(1, runtime.GOMAXPROCS(0)/3) }

// ender is the Sink of Run. Kept packets it does not store.
type ender struct {
	engine         *Engine
	take           func(ended)
	calls, streams uint64
}

// Call implements Sink.
func (s *ender) Call(c *protocol.CDR) {
	s.calls++
	s.streams += uint64(len(c.Streams))
	// c is out of the table already; no call can start before one that runs.
	oldest, running := s.engine.calls.OldestStart()
	if !running {
		oldest = noCall
	}
	s.take(ended{c, oldest})
}

// Keep implements Sink.
func (*ender) Keep(*KeptCall, *Packet, int) {}

// Decided implements Sink.
func (*ender) Decided(*KeptCall) {}

// Kept implements Sink.
func (*ender) Kept(*KeptCall) protocol.Capture { return protocol.Capture{} }
