package main

import (
	"log/slog"
	"time"

	"voiptop/hosted/internal/store/sqlstore"
)

// logUpgrade has the upgrade of an older database logged.
func (d *database) logUpgrade(log *slog.Logger) {
	d.upgraded = func(from, to int64) { log.Info("the database was upgraded", "schema", to, "from", from) }
	d.upgrading = func(u sqlstore.Upgrade) {
		args := []any{"schema", u.Version, "of", u.To}
		if u.Elapsed >= time.Second {
			args = append(args, "elapsed", u.Elapsed.Round(time.Second))
		}
		if u.Of > 0 {
			args = append(args, "days", u.Done, "of_days", u.Of, "calls", u.Calls)
		}
		if left := u.Left(); left > 0 {
			args = append(args, "left_about", left.Round(time.Second))
		}
		if u.Elapsed < time.Second {
			log.Info("the database is being upgraded; if this is cut off, the next start goes on with the same step", args...)
			return
		}
		log.Info("the database is being upgraded", args...)
	}
}
