package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"voiptop/tui/internal/plural"
)

// unitName is what docs/install.md calls sensord's unit.
const unitName = "sensord.service"

// errNoRight is what a program says that needs root.
var errNoRight = fmt.Errorf("no right: %w", fs.ErrPermission)

// manyRestarts is how often systemd may have started sensord again before somebody should look.
const manyRestarts = 3

func checkUnit(ctx context.Context, e *Env) Result {
	h, asked := e.Health(ctx)
	if asked == nil && replays(h) {
		return skip("sensord replays files")
	}
	u, err := e.Unit(ctx, unitName)
	if errors.Is(err, errors.ErrUnsupported) {
		return skip("this machine has no systemd; whatever starts sensord must start it again, too")
	}
	if err != nil {
		return blocked(err.Error(), "systemctl status sensord")
	}
	restarts, _ := strconv.Atoi(u["NRestarts"]) // an old systemd does not count
	switch {
	case u["LoadState"] == "masked":
		return failed(unitName+" is masked", "systemd starts it neither at boot nor by hand", "systemctl unmask sensord ; systemctl enable --now sensord")
	case u["LoadState"] != "loaded":
		return warning("there is no "+unitName, "nobody starts sensord after a reboot or a crash", "docs/install.md has one: systemctl enable --now sensord")
	case u["ActiveState"] == "failed":
		return failed(fmt.Sprintf("%s has failed: %s, exit status %s", unitName, u["Result"], u["ExecMainStatus"]), "systemd has given up starting it",
			"journalctl -u sensord -n 30 ; then systemctl restart sensord")
	case u["ActiveState"] != "active" && asked == nil:
		return warning("sensord runs, and not as "+unitName+", which is "+u["ActiveState"], "somebody started it by hand: nobody does after a reboot or a crash",
			"end it, then systemctl enable --now sensord")
	case u["ActiveState"] != "active" && u["ActiveState"] != "reloading":
		return failed(unitName+" is "+u["ActiveState"], "nobody has started it", "systemctl enable --now sensord")
	case restarts >= manyRestarts:
		return warning("systemd has started it again "+plural.Of(restarts, "time"), "it crashes, or the watchdog ends it: calls that ran are recorded as interrupted",
			"journalctl -u sensord -p warning -n 50 ; systemctl reset-failed sensord, once that is mended")
	case u["UnitFileState"] == "disabled":
		return warning(unitName+" runs, and is not enabled", "it does not start at the next boot", "systemctl enable sensord")
	}
	return ok("%s, started again %s", u["UnitFileState"], plural.Of(restarts, "time"))
}

// logSpan is how far back the log is looked through.
const logSpan = time.Hour

func checkLog(ctx context.Context, e *Env) Result {
	lines, err := e.Log(ctx, unitName, logSpan)
	if errors.Is(err, errors.ErrUnsupported) {
		return skip("this machine keeps no systemd journal")
	}
	if err != nil {
		return blocked(err.Error(), "journalctl -u sensord -S -1h")
	}
	var errs, warnings int
	var last string
	for _, l := range lines {
		switch {
		case strings.Contains(l, "level=ERROR"), strings.Contains(l, `"level":"ERROR"`), strings.HasPrefix(l, "panic:"), strings.HasPrefix(l, "fatal error:"):
			errs++
			last = l
		case strings.Contains(l, "level=WARN"), strings.Contains(l, `"level":"WARN"`):
			if warnings++; errs == 0 {
				last = l
			}
		}
	}
	if errs+warnings == 0 {
		return ok("no error and no warning in the last hour (%s)", plural.Of(len(lines), "line"))
	}
	if len(last) > 200 {
		last = strings.ToValidUTF8(last[:200], "") + "..."
	}
	return warning(fmt.Sprintf("%s and %s in the last hour, for example: %s", plural.Of(errs, "error"), plural.Of(warnings, "warning"), last), "sensord wrote them; what is wrong now, the check above tells",
		"journalctl -u sensord -S -1h | grep -e level=ERROR -e level=WARN")
}

// systemdRuns is there when systemd runs the machine (sd_booted(3)).
const systemdRuns = "/run/systemd/system"

// unit asks systemd for what it knows of a unit.
func unit(ctx context.Context, name string) (map[string]string, error) {
	if _, err := os.Stat(systemdRuns); err != nil {
		return nil, errors.ErrUnsupported
	}
	out, err := exec.CommandContext(ctx, "systemctl", "show", name, "--no-pager",
		"-p", "LoadState,ActiveState,UnitFileState,NRestarts,Result,ExecMainStatus,User,ProtectSystem,ProtectHome,PrivateTmp,ReadWritePaths,StateDirectory").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("systemctl show %s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	u := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			u[k] = v
		}
	}
	return u, nil
}

// maxLogLines bounds what is read of a log.
const maxLogLines = 10_000

// unitLog reads what a unit wrote into the journal.
func unitLog(ctx context.Context, name string, span time.Duration) ([]string, error) {
	path, err := exec.LookPath("journalctl")
	if _, booted := os.Stat(systemdRuns); err != nil || booted != nil {
		return nil, errors.ErrUnsupported
	}
	out, err := exec.CommandContext(ctx, path, "-u", name, "-S", fmt.Sprintf("-%ds", int(span.Seconds())), "-o", "cat", "-q", "--no-pager",
		"-n", strconv.Itoa(maxLogLines)).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && strings.Contains(string(exit.Stderr), "insufficient permissions") {
			return nil, errNoRight
		}
		return nil, fmt.Errorf("journalctl -u %s: %w", name, err)
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' }), nil
}
