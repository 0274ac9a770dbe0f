package main

import (
	"context"
	"fmt"
	"time"

	"voiptop/protocol"
)

// upload waits until hosted has all CDRs of a replay. It gives up when there is no progress for so long as --wait-delivery
// says; the journal keeps what is left.
func (d *daemon) upload(ctx context.Context) error {
	pending := d.journal.State().Pending
	moved, said := time.Now(), false
	t := time.NewTicker(100 * time.Millisecond)
	defer t.Stop()
	for pending > 0 {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		now := d.journal.State().Pending
		if now != pending {
			pending, moved = now, time.Now()
			continue
		}
		still := time.Since(moved)
		if still > time.Second && !said {
			said = true
			d.log.Info("waiting until hosted has the calls", "calls", pending, "server", d.uplink.Health().Server, "at_most", d.opt.wait)
		}
		if still > d.opt.wait {
			return d.undelivered(pending)
		}
	}
	return nil
}

// undelivered is the error of a replay whose CDRs hosted does not take.
func (d *daemon) undelivered(n uint64) error {
	h := d.uplink.Health()
	if h.LastError == nil {
		h.LastError = &protocol.Problem{Code: protocol.CodeServerUnreachable, Title: "hosted does not answer"}
	}
	return fmt.Errorf("%d calls are not in hosted (%s) after %v without progress: %w; they stay in %s and go up when sensord runs again",
		n, h.Server, d.opt.wait, h.LastError, d.journal.Dir())
}
