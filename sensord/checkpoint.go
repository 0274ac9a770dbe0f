package main

import (
	"context"
	"errors"
	"iter"
	"time"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
)

// checkpointEvery is how much of the running calls a crash can cost.
const checkpointEvery = 5 * time.Second

// checkpointCalls is how many calls are copied between two packets: about 0.3 ms, which the ring holds.
const checkpointCalls = 16

// checkpointed tells whether a crash must not lose the running calls: what comes from the wire does not come again.
func (d *daemon) checkpointed() bool { return len(d.opt.read) == 0 || d.opt.now }

// checkpoint saves the running calls again and again until ctx ends.
func (d *daemon) checkpoint(ctx context.Context) {
	t := time.NewTicker(checkpointEvery)
	defer t.Stop()
	for failed := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		omitted, err := d.saveRunning()
		if errors.Is(err, errStopped) {
			return // the engine gives its calls to the journal
		}
		if failed != (err != nil) {
			if failed = err != nil; failed {
				d.log.Error("running calls are not saved: a crash would lose them", "err", err)
			} else {
				d.log.Info("running calls are saved again")
			}
		}
		if omitted > 0 {
			d.log.Warn("there was no room for all running calls in the checkpoint", "omitted", omitted)
		}
	}
}

// saveRunning writes one checkpoint, or removes it where nothing runs.
func (d *daemon) saveRunning() (omitted int, err error) {
	var now int64
	running := 0
	if err := d.pipeline.ask(func(e *analyze.Engine) { now, running = e.Now(), e.Running() }); err != nil {
		return 0, err
	}
	if running == 0 {
		return 0, d.journal.RemoveCheckpoint()
	}
	return d.journal.Checkpoint(protocol.TimeFromNanos(now), d.running())
}

// running yields the calls in the engine, asking for a few at a time.
func (d *daemon) running() iter.Seq2[*protocol.CDR, error] {
	return func(yield func(*protocol.CDR, error) bool) {
		var at analyze.Cursor
		batch := make([]*protocol.CDR, 0, checkpointCalls)
		for more := true; more; {
			if err := d.pipeline.ask(func(e *analyze.Engine) { batch, more = e.Partial(&at, batch[:0], checkpointCalls) }); err != nil {
				yield(nil, err)
				return
			}
			for _, c := range batch {
				if !yield(c, nil) {
					return
				}
			}
		}
	}
}
