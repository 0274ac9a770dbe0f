package analyze

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"voiptop/protocol"
	"voiptop/sensord/internal/call"
	"voiptop/sensord/internal/capture"
)

// Run analyses src to its end and calls emit with every record as soon as its call is over, which is some seconds after its end, when
// nothing of it is expected any more. Those that are not over at the end of src come last, in the order of their start. It does not
// close src.
//
// Where there is more than one core, workers read packets ahead (ahead), account for streams and make the records (shard), and one of
// them calls emit (writer), while the caller's goroutine follows the calls. Which calls there are and what they hold does not depend on
// the number of cores: it is one engine that decides. All goroutines have ended when Run returns.
func Run(ctx context.Context, src Source, cfg Config, emit func(*protocol.CDR) error) (Summary, error) {
	return records(ctx, src, cfg, nil, func(r *finished) error { return emit(r.record) })
}

// Lines is Run for a program that wants records as text. encode appends the text of a record, which is valid until it returns, to
// b; several goroutines may call it at a time. Records are made one in place of the other.
func Lines(ctx context.Context, src Source, cfg Config, encode func(b []byte, c *protocol.CDR) []byte, emit func([]byte) error) (Summary, error) {
	return records(ctx, src, cfg, encode, func(r *finished) error { return emit(r.line) })
}

func records(ctx context.Context, src Source, cfg Config, encode func([]byte, *protocol.CDR) []byte, emit func(*finished) error) (Summary, error) {
	out := &output{emit: emit}
	var texts blocks
	sink := &recording{recorder: newRecorder(encode, &texts), out: out}
	e := New(cfg, sink)
	n := workers()
	var (
		list []*worker
		late []call.Shard
	)
	for range n {
		s := newShard(newRecorder(encode, &texts))
		list, late = append(list, &worker{shard: s}), append(late, s)
	}
	e.calls.SetLate(sink, late, n > 1) // reading and records are enough for one
	failed := func() bool { return out.err != nil }
	if n > 0 {
		sink.writer = newWriter(out, list, e.calls.Flush)
		for _, w := range list {
			w.shard.writer = sink.writer
		}
		list[0].writer = sink.writer
		failed = sink.writer.failed.Load
	}
	s, err := run(ctx, src, e, list, &sink.ender, failed)
	return s, cmp.Or(out.err, err)
}

// workers says how many goroutines work beside the one that follows the calls. None: it does everything.
func workers() int { return runtime.GOMAXPROCS(0) / 2 }

// run drives e, whose sink is or embeds sink, with the packets of src, which workers read ahead, if there are any.
func run(ctx context.Context, src Source, e *Engine, workers []*worker, sink *ender, failed func() bool) (Summary, error) {
	sink.engine = e
	var (
		err     error
		running sync.WaitGroup
	)
	if n := len(workers); n > 0 {
		in := readAhead(src, e.front, n)
		for _, w := range workers {
			w.ahead = in
			running.Go(w.run)
		}
		err = driveAhead(ctx, in, e, failed)
	} else {
		err = drive(ctx, src, e, failed)
	}
	e.Close()
	for _, w := range workers {
		w.close()
	}
	running.Wait()
	stats := src.Stats()
	s := Summary{Calls: sink.calls, Streams: sink.streams, Packets: e.packets, Bytes: e.bytes, Counters: protocol.Counters{}, Warnings: stats.Warnings}
	if e.packets > 0 {
		s.First, s.Last = protocol.TimeFromNanos(e.begun), protocol.TimeFromNanos(e.calls.Now())
	}
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
	b := newBatch(batchPackets, call.FetchMost, false)
	for {
		if ctx.Err() != nil || failed() {
			return ctx.Err()
		}
		b.fill(src)
		for b.next() {
			b.prepare(&e.front)
			e.batch(b)
		}
		if b.err != nil && !errors.Is(b.err, capture.ErrIdle) {
			return b.err
		}
	}
}

// driveAhead is drive with packets that are read ahead.
func driveAhead(ctx context.Context, in *ahead, e *Engine, failed func() bool) error {
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

// ender is a Sink that counts calls.
type ender struct {
	KeepsNothing
	engine         *Engine
	calls, streams uint64
}

// Call implements Sink.
func (s *ender) Call(c *protocol.CDR) { s.count(len(c.Streams)) }

func (s *ender) count(streams int) {
	s.calls++
	s.streams += uint64(streams)
}

// recording is the Sink of Run, and the call.LateSink: most records are made by shards, or by the engine's goroutine if there are
// none.
type recording struct {
	ender
	recorder *recorder // the engine's goroutine's
	out      *output
	writer   *writer // in front of out; nil without shards
}

// Call implements Sink.
func (s *recording) Call(c *protocol.CDR) {
	s.count(len(c.Streams))
	s.take(ended{finished: s.recorder.record(c), shard: recordHere})
}

// Ended implements call.LateSink.
func (s *recording) Ended(e *call.Ended, now bool) {
	s.count(e.Streams())
	if !now {
		s.take(ended{shard: e.Shard()})
		return
	}
	s.take(ended{finished: s.recorder.ended(e), shard: recordHere})
}

func (s *recording) take(r ended) {
	if s.writer != nil {
		s.writer.take(&r)
		return
	}
	s.out.take(&r.finished)
}
