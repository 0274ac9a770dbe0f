package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/conf"
	"voiptop/sensord/internal/spool"
)

func openSpool(c *conf.Config, log *slog.Logger) (*spool.Spool, error) {
	sc := spool.Config{
		Dir: c.SpoolDir, Sensor: sensorName(c), MaxBytes: int64(c.MaxPoolMB) << 20, MaxDays: c.MaxPoolDays, Compress: c.Compress,
		Window: c.WindowMB << 20, WindowDisk: int64(c.WindowDiskMB) << 20, Clock: time.Now, Log: log,
	}
	switch c.MinFreeGB {
	case -1: // not set
	case 0:
		sc.CleanFree = -1
	default:
		sc.CleanFree = int64(c.MinFreeGB) << 30
	}
	return spool.Open(sc)
}

// spoolProblems says what is wrong with captures now.
func (d *daemon) spoolProblems(st *protocol.SpoolState) (list []protocol.Problem) {
	if st.Stopped != "" {
		list = append(list, protocol.Problem{
			Code: "captures-stopped", Title: "no capture is written now", Detail: st.Stopped,
			Remedy: "free space in " + st.Dir + " or lower maxpoolsize",
		})
	}
	if at := d.spool.LetGo(); time.Since(at) < letGoShown {
		list = append(list, protocol.Problem{
			Code: "captures-window-full", Title: "packets of calls that no rule had decided on were let go",
			Detail: fmt.Sprintf("the last at %s; captures of these calls are marked partial", protocol.TimeOf(at)),
			Remedy: "raise capture_window_mb or capture_window_disk_mb, or let rules decide earlier (docs/captures.md)",
		})
	}
	return list
}

// letGoShown is how long it is a problem that packets were let go.
const letGoShown = 5 * time.Minute

func (s sensor) Capture(ctx context.Context, id string) (*sensorapi.CaptureFile, error) {
	u, err := s.callUUID(ctx, id)
	if err != nil {
		return nil, err
	}
	f, err := s.d.spool.Open(u)
	return f, s.captureProblem(ctx, id, err)
}

// CaptureGroup merges the captures of the ended calls of a call's group.
func (s sensor) CaptureGroup(ctx context.Context, id string) (*sensorapi.CaptureFile, error) {
	u, err := s.callUUID(ctx, id)
	if err != nil {
		return nil, err
	}
	calls := []protocol.UUID{u} // the first: it is said why there is nothing of this one
	if c, ok := s.d.journal.Find(u.String()); ok {
		for _, o := range s.d.journal.Group(c.GroupID, maxGroup) {
			if o != u {
				calls = append(calls, o)
			}
		}
	}
	f, err := s.d.spool.Merge(calls)
	return f, s.captureProblem(ctx, id, err)
}

// maxGroup bounds the calls of a group that are asked for.
const maxGroup = 1000

// callUUID resolves a call's UUID or Call-ID.
func (s sensor) callUUID(ctx context.Context, id string) (protocol.UUID, error) {
	if u, err := protocol.ParseUUID(id); err == nil {
		return u, nil
	}
	c, err := s.Call(ctx, id)
	if err != nil {
		return protocol.UUID{}, err
	}
	return c.ID, nil
}

// captureProblem makes a problem of why a capture cannot be opened.
func (s sensor) captureProblem(ctx context.Context, id string, err error) error {
	switch {
	case errors.Is(err, spool.ErrRunning):
		return &protocol.Problem{
			Code: protocol.CodeCallRunning, Status: http.StatusConflict, Title: "the call is still running",
			Detail: "its capture can be had when it has ended", Remedy: "wait for its end",
		}
	case errors.Is(err, spool.ErrExpired):
		return &protocol.Problem{
			Code: protocol.CodeCaptureExpired, Status: http.StatusGone,
			Title: "the packets of this call were kept, and retention has removed them", Remedy: "raise maxpoolsize or maxpooldays",
		}
	case errors.Is(err, spool.ErrNotKept):
		return s.notKept(ctx, id)
	}
	return err
}

// notKept says why there is no capture, as far as the call's record tells.
func (s sensor) notKept(ctx context.Context, id string) error {
	p := &protocol.Problem{
		Code: protocol.CodeCaptureNotKept, Status: http.StatusNotFound, Title: "the packets of this call were not kept",
		Detail: "no capture rule matched it", Remedy: `write a rule, for example "all: keep rtp" (docs/rules.md)`,
	}
	c, err := s.Call(ctx, id)
	switch {
	case err != nil:
		return err
	case c.Capture.Kept != "" && c.Capture.Kept != protocol.KeepNone, c.Capture.Partial: // the failure was seen after the call's end, or before
		p.Detail = "rule " + c.Rule + " wanted packets kept; but nothing of it was written: the disk was full or failed then"
		p.Remedy = "voipmon doctor --only storage"
		p.Fields = map[string]string{"rule": c.Rule}
	case c.Rule != "":
		p.Detail, p.Remedy = "rule "+c.Rule+" decided: keep none", "change the rule, or put another before it"
		p.Fields = map[string]string{"rule": c.Rule}
	}
	return p
}
