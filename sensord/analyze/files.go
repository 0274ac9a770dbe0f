package analyze

import (
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
