package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"

	"voiptop/sensord/analyze"
)

// statusEvery is how often systemd is told how things are, at least.
const statusEvery = 10 * time.Second

// supervise tells systemd, where it has started sensord (Type=notify), that it serves, how it does, and, for WatchdogSec,
// that the goroutine which takes the packets is alive: while that hangs nothing is said, and systemd starts sensord anew.
func (d *daemon) supervise(ctx context.Context) {
	if !underSystemd() {
		return
	}
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	d.tell(systemd.SdNotifyReady)
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
		case <-reload:
			d.reread()
		case <-t.C:
		}
	}
}

// underSystemd reports whether systemd has started this process, as its unit says.
func underSystemd() bool { return os.Getenv("NOTIFY_SOCKET") != "" }

// reread looks at the configuration anew and says what a restart would change. What is applied without one, capture rules and the
// keys of TLS, is so already.
func (d *daemon) reread() {
	c, err := loadConf(d.opt.conf, true)
	if err == nil {
		err = c.CheckLive(len(d.opt.read) > 0)
	}
	if err != nil {
		d.log.Error("the configuration has errors: sensord goes on with the one it was started with, and would not start with this", "err", err)
		return
	}
	if keys := d.conf.Changed(c); len(keys) > 0 {
		d.log.Warn("the configuration has changed; systemctl restart sensord applies it", "keys", strings.Join(keys, ", "))
		return
	}
	d.log.Info("the configuration is as it was; changes of capture rules are applied by themselves")
}

// tell sends one notification.
func (d *daemon) tell(state string) {
	if _, err := systemd.SdNotify(false, state); err != nil {
		d.log.Warn("systemd is not told", "err", err)
	}
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
