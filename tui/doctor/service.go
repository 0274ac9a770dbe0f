package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"time"

	"voiptop/protocol"
)

var serviceChecks = []Check{
	{Code: "sensord-socket", Group: "service", Title: "sensord is running", Run: checkSocket},
	{Code: "service-unit", Group: "service", Title: "it starts with the machine and stays up", Run: checkUnit},
	{Code: "sensord-problems", Group: "service", Title: "it has nothing to complain of", Needs: []string{"sensord-socket"}, Run: checkProblems},
	{Code: "service-log", Group: "service", Title: "its log has no errors", Run: checkLog},
}

func checkSocket(ctx context.Context, e *Env) Result {
	socket := e.config().Socket
	h, err := e.Health(ctx)
	switch {
	case err == nil:
		verb := "capturing"
		if replays(h) {
			verb = "replaying"
		}
		seen := fmt.Sprintf("sensord %s, up %s, %s %s", h.Info.Version, e.since(h.Info.Started), verb, sources(h))
		if h.Info.Version != protocol.Version {
			return warning(seen+"; voipmon is "+protocol.Version, "two versions are installed, or sensord was not restarted after an upgrade", "systemctl restart sensord")
		}
		return ok("%s", seen)
	case errors.Is(err, fs.ErrPermission):
		return blocked("no right to use "+socket, "sudo voipmon doctor -c "+e.ConfPath)
	case errors.Is(err, fs.ErrNotExist):
		return e.lastWords(ctx, failed("sensord is not running: there is no "+socket, "nothing is captured", "systemctl start sensord ; journalctl -u sensord -n 20"))
	case errors.Is(err, syscall.ECONNREFUSED):
		return e.lastWords(ctx, failed("sensord is not running: nobody listens on "+socket, "it ended without cleaning up, which looks like a crash",
			"journalctl -u sensord -n 50 ; systemctl start sensord"))
	case errors.Is(err, context.DeadlineExceeded):
		return failed("sensord does not answer on "+socket, "it hangs, or the machine is out of CPU or memory", "top -b -n1 | head -15 ; systemctl restart sensord")
	}
	return failed("no answer from sensord: "+err.Error(), "something else may own "+socket, "ss -xlp | grep "+socket)
}

// lastWords adds what sensord said when it ended, if the journal has it: the reason why it does not run.
func (e *Env) lastWords(ctx context.Context, r Result) Result {
	if e.Log == nil {
		return r
	}
	lines, err := e.Log(ctx, unitName, logSpan)
	if err != nil {
		return r
	}
	for _, l := range slices.Backward(lines) {
		if strings.Contains(l, "msg=\"sensord st") { // started, or stopped as it was told
			break
		}
		if said, ok := strings.CutPrefix(l, "sensord: "); ok {
			r.Seen += "; it ended with: " + said
			r.Remedy = "mend that, then: systemctl restart sensord"
			break
		}
	}
	return r
}

// sources names what a sensor reads from, the first of many.
func sources(h protocol.Health) string {
	first, rest, more := strings.Cut(h.Info.Source, ", ")
	switch {
	case first == "":
		return "nothing"
	case more && replays(h):
		return fmt.Sprintf("%s and %d more", first, strings.Count(rest, ", ")+1)
	}
	return h.Info.Source
}

// replays reports whether a sensor reads files: interfaces have neither a slash nor an ending.
func replays(h protocol.Health) bool {
	return strings.Contains(h.Info.Source, "/") || strings.Contains(h.Info.Source, ".pcap") || strings.Contains(h.Info.Source, ".cap")
}

// since is how long ago t was, in words.
func (e *Env) since(t protocol.Time) string {
	if t == 0 {
		return "an unknown time"
	}
	return e.Now().Sub(t.Std()).Round(time.Second).String()
}

func checkProblems(ctx context.Context, e *Env) Result {
	h, err := e.Health(ctx)
	if err != nil {
		return skip("sensord does not answer")
	}
	list := slices.DeleteFunc(slices.Clone(h.Problems), func(p protocol.Problem) bool { // link-up tells of it
		return h.Link.LastError != nil && p.Code == h.Link.LastError.Code
	})
	switch {
	case len(list) == 0 && len(h.Problems) > 0:
		return ok("none but the link's, which link-up tells")
	case len(list) == 0:
		return ok("none")
	}
	p := list[0]
	seen := p.Code + ": " + p.Title
	if p.Detail != "" {
		seen += ": " + p.Detail
	}
	if more := len(list) - 1; more > 0 {
		seen += fmt.Sprintf("; and %d more", more)
	}
	return warning(seen, "sensord itself says so", p.Remedy)
}
