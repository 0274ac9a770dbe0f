package main

import (
	"context"
	"fmt"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"

	"voiptop/sensord/analyze"
)

// statusEvery is how often systemd is told how things are, at least.
const statusEvery = 10 * time.Second

// supervise tells systemd, where it has started sensord (Type=notify), that it serves, how it does, and, for WatchdogSec,
// that the goroutine which takes the packets is alive: while that hangs nothing is said, and systemd starts sensord anew.
func (d *daemon) supervise(ctx context.Context) {
	if !d.tell(systemd.SdNotifyReady) {
		return
	}
	every := statusEvery
	if limit, err := systemd.SdWatchdogEnabled(false); err != nil {
		d.log.Warn("systemd's watchdog is not served", "err", err)
	} else if limit > 0 {
		every = min(every, limit/2)
	}
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		calls := 0
		if d.pipeline.ask(func(e *analyze.Engine) { calls = e.Running() }) == nil {
			d.tell(systemd.SdNotifyWatchdog + "\nSTATUS=" + d.status(calls))
		}
		select {
		case <-ctx.Done():
			d.tell(systemd.SdNotifyStopping)
			return
		case <-t.C:
		}
	}
}

// tell sends one notification and reports whether somebody wants them.
func (d *daemon) tell(state string) bool {
	wanted, err := systemd.SdNotify(false, state)
	if err != nil {
		d.log.Warn("systemd is not told", "err", err)
	}
	return wanted
}

// status is the line that "systemctl status" shows.
func (d *daemon) status(calls int) string {
	s := fmt.Sprintf("%d running calls; %s", calls, d.info.Source)
	if d.uplink == nil {
		return s + "; no server"
	}
	h := d.uplink.Health()
	s += "; link " + h.State + " (" + h.Server + ")"
	if n := d.journal.State().Pending; n > 0 {
		s += fmt.Sprintf("; %d calls wait to be sent", n)
	}
	return s
}
