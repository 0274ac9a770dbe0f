package main

import (
	"context"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
)

// statusEvery is how often systemd is told how things are, at least.
const statusEvery = 10 * time.Second

// supervise tells systemd, where it has started hosted (Type=notify), that it serves and whether the store answers. It also
// feeds the watchdog: a store that is away is no reason to start hosted anew, a question to it that never returns is.
func (s *service) supervise(ctx context.Context) {
	if !s.tell(systemd.SdNotifyReady) {
		return
	}
	every := statusEvery
	if limit, err := systemd.SdWatchdogEnabled(false); err != nil {
		s.log.Warn("systemd's watchdog is not served", "error", err)
	} else if limit > 0 {
		every = min(every, limit/2)
	}
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		s.tell(systemd.SdNotifyWatchdog + "\nSTATUS=" + s.status(ctx, every))
		select {
		case <-ctx.Done():
			s.tell(systemd.SdNotifyStopping)
			return
		case <-t.C:
		}
	}
}

// tell sends one notification and reports whether somebody wants them.
func (s *service) tell(state string) bool {
	wanted, err := systemd.SdNotify(false, state)
	if err != nil {
		s.log.Warn("systemd is not told", "error", err)
	}
	return wanted
}

// status is the line that "systemctl status" shows.
func (s *service) status(ctx context.Context, wait time.Duration) string {
	ctx, cancel := context.WithTimeout(ctx, wait/2)
	defer cancel()
	where := s.scheme() + "://" + s.web.Addr().String() + ", sensors at " + s.link.Addr().String()
	if err := s.store.Ping(ctx); err != nil {
		return where + "; the store does not answer: " + err.Error()
	}
	return where
}
