package doctor

import (
	"context"
	"fmt"
	"time"

	"voiptop/protocol"
	"voiptop/tui/internal/plural"
)

const codeLastCDR = "last-cdr"

var deliveryChecks = []Check{
	{Code: "link-up", Group: "delivery", Title: "sensord's link to hosted is up", Needs: []string{"sensord-socket"}, Run: checkLink},
	{Code: "queue", Group: "delivery", Title: "no CDR waits for long", Needs: []string{"sensord-socket"}, Run: checkQueue},
	{Code: codeLastCDR, Group: "delivery", Title: "hosted has stored CDRs", Needs: []string{"sensord-socket"}, Run: checkLastCDR},
}

func checkLink(ctx context.Context, e *Env) Result {
	h, err := e.Health(ctx)
	if err != nil {
		return skip("sensord does not answer")
	}
	switch h.Link.State {
	case "up":
		seen := fmt.Sprintf("%s, for %s", h.Link.Server, e.since(h.Link.Since))
		if h.Link.Reconnects > 0 {
			seen += ", " + plural.Of(h.Link.Reconnects, "reconnect")
		}
		return ok("%s", seen)
	case "off":
		return failed("off: sensord runs without server_destination", "calls stay on this machine", "systemctl restart sensord, after server_destination is set")
	}
	r := failed(h.Link.State+", "+h.Link.Server, "CDRs wait on this machine until it is up", "voipmon doctor --only network,link")
	if p := h.Link.LastError; p != nil {
		r.Seen += ": " + p.Code + ": " + p.Title
		if p.Remedy != "" {
			r.Remedy = p.Remedy
		}
	}
	switch welcomed := e.hello.done && e.hello.err == nil; {
	case e.reached && e.server == "": // the same fault
		r.Remedy = "mend tcp-60023 first: this command does not reach hosted either"
	case welcomed && h.Link.State == "connecting":
		r.Why += "; hosted welcomes this command, so what kept sensord from it is over, or is about its user: it tries again within two minutes"
		r.Remedy = "voipmon doctor --wait ; journalctl -u sensord -n 5"
	}
	return r
}

// lateAfter is how long after its call ended a CDR is late that hosted has not stored.
const lateAfter = 10 * time.Minute

// late reports whether a CDR waits that hosted should have had for long.
func (e *Env) late(h protocol.Health) bool {
	return h.Journal.Oldest != 0 && e.Now().Sub(h.Journal.Oldest.Std()) > lateAfter
}

func checkQueue(ctx context.Context, e *Env) Result {
	h, err := e.Health(ctx)
	if err != nil {
		return skip("sensord does not answer")
	}
	q := h.Journal
	late := e.late(h)
	seen := fmt.Sprintf("%d CDRs wait", q.Pending)
	if q.Pending > 0 && q.Oldest != 0 {
		seen += ", the oldest call ended " + e.since(q.Oldest) + " ago"
	}
	if q.Dropped > 0 && q.Pending > 0 {
		seen = fmt.Sprintf("at most %s, and %d were dropped", seen, q.Dropped) // the numbers of those that are gone wait, too
	}
	switch {
	case q.Dropped > 0 && e.full():
		return failed(seen, "the disk is full: records of new calls are gone", "df -h "+e.config().StateDir+" ; make room, then voipmon doctor --only storage,delivery")
	case q.Dropped > 0 && q.Pending == 0:
		return ok("%s; %d were dropped once, when the disk was full", seen, q.Dropped)
	case q.Dropped > 0 && !late:
		return warning(seen, "the disk was full, and has room again: the others go up", "voipmon doctor --only delivery --wait")
	case q.Pending > 0 && h.Link.State != "up" && late:
		return failed(seen, "the link is "+h.Link.State+"; they are safe on disk and go up when it is up", "voipmon doctor --only network,link")
	case q.Pending > 0 && late:
		return warning(seen, "hosted is slow or the backlog is still going up", "voipmon doctor --only delivery --wait")
	}
	return ok("%s", seen)
}

// full reports whether the disk has no room for records now. That of another machine is not known to have none.
func (e *Env) full() bool {
	if e.Disk == nil {
		return false
	}
	free, _, err := e.Disk(e.config().StateDir)
	return err == nil && free < noRoom
}

func checkLastCDR(ctx context.Context, e *Env) Result {
	h, err := e.Health(ctx)
	if err != nil {
		return skip("sensord does not answer")
	}
	acked, ended := h.Counters[protocol.CountCDRsAcked], h.Counters[protocol.CountCallsEnded]
	switch {
	case h.Link.LastCDRAck != 0:
		return ok("%d stored, the last %s ago", acked, e.since(h.Link.LastCDRAck))
	case acked > 0:
		return ok("%d stored, none since sensord started", acked)
	case ended == 0 && h.Journal.Pending == 0:
		return skip("no call has ended yet")
	case h.Link.State == "up" && h.Journal.Pending > 0 && !e.late(h):
		return warning(fmt.Sprintf("none yet; %d on the way", h.Journal.Pending), "hosted answers once a batch is stored", "voipmon doctor --wait")
	}
	return e.notYet(h, failed("none, though "+plural.Of(ended, "call")+" ended", "hosted shows nothing of this sensor", "voipmon doctor --only link,delivery"))
}
