package httpapi

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// workAnswer is how a sensor does its work: as it says now, or as it said last, at At. Null: it never said.
type workAnswer struct {
	At        protocol.Time     `json:"health_at"`
	Started   protocol.Time     `json:"started"`
	OverLimit *int              `json:"over_limit"` // running calls beyond the channels
	Packets   *uint64           `json:"packets"`    // since it started
	Drops     *uint64           `json:"drops"`      // of them, lost before they were looked at
	LagMS     *int64            `json:"lag_ms"`     // age of the oldest CDR that waits
	LostCDRs  *uint64           `json:"lost_cdrs"`
	Spool     *spoolAnswer      `json:"spool"`
	SkewMS    *int64            `json:"clock_skew_ms"`
	RTTMS     *int64            `json:"rtt_ms"`
	LastError *protocol.Problem `json:"last_error"` // the gravest problem that it has, or had when it was heard last
}

type spoolAnswer struct {
	Bytes    uint64 `json:"bytes"`
	MaxBytes uint64 `json:"max_bytes"` // 0: unbounded, or not known
	MaxDays  int    `json:"max_days"`
	Free     uint64 `json:"free"`    // on its file system
	Stopped  string `json:"stopped"` // why no capture is written, ""
}

// said is the work of a sensor that answered a question sent at a time.
func said(h *protocol.Health, sent, answered time.Time) workAnswer {
	rtt := answered.Sub(sent)
	now := sent.Add(rtt / 2)
	over := int(min(h.Counters[protocol.CountOverLimitNow], math.MaxInt32))
	packets, drops, lag := h.Counters[protocol.CountPackets], h.Counters.Lost(), h.Journal.Lag(now).Milliseconds()
	skew, ms := h.Info.Clock.Std().Sub(now).Milliseconds(), rtt.Milliseconds()
	w := workAnswer{
		At: protocol.TimeOf(now), Started: h.Info.Started, OverLimit: &over, Packets: &packets, Drops: &drops, LagMS: &lag, LostCDRs: &h.Journal.Dropped,
		Spool:  &spoolAnswer{h.Spool.Bytes, h.Spool.MaxBytes, h.Spool.MaxDays, h.Spool.Free, h.Spool.Stopped},
		SkewMS: &skew, RTTMS: &ms,
	}
	if len(h.Problems) > 0 {
		w.LastError = &h.Problems[0]
	} else if h.Link.LastError != nil {
		w.LastError = h.Link.LastError
	}
	return w
}

// remembered is the work of a sensor as it said it last.
func remembered(s *store.HealthSample) workAnswer {
	return workAnswer{
		At: s.At, Started: s.Started, OverLimit: &s.OverLimit, Packets: &s.Packets, Drops: &s.Drops, LagMS: &s.LagMS, LostCDRs: &s.LostCDR,
		Spool: &spoolAnswer{Bytes: s.SpoolBytes, Free: s.SpoolFree}, SkewMS: &s.SkewMS, RTTMS: &s.RTTMS, LastError: s.Problem,
	}
}

// oneSensor answers with one of the tenant's sensors.
func (a *api) oneSensor(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	s, err := a.sensor(r, id)
	if err != nil {
		return err
	}
	list, err := a.sensorsOf(r.Context(), id.Tenant)
	if err != nil {
		return err
	}
	for i := range list {
		if list[i].UUID == s.UUID {
			return writeJSON(w, list[i])
		}
	}
	return store.ErrNotFound
}

type healthAnswer struct {
	From    protocol.Time `json:"from"`
	To      protocol.Time `json:"to"`
	Step    int64         `json:"step"` // s
	Samples []healthPoint `json:"samples"`
}

// healthPoint is a step in which the sensor was heard: the most of what was said, the least of the free disk.
type healthPoint struct {
	At         protocol.Time `json:"at"`
	Running    int           `json:"running"`
	OverLimit  int           `json:"over_limit"`
	PacketRate *float64      `json:"packets_per_s"` // null: the sensor started anew, or was not heard before
	DropRate   *float64      `json:"drops_per_s"`
	Queue      uint64        `json:"queue"`
	LagMS      int64         `json:"lag_ms"`
	LostCDRs   uint64        `json:"lost_cdrs"`
	SpoolBytes uint64        `json:"spool_bytes"`
	SpoolFree  uint64        `json:"spool_free"`
	SkewMS     int64         `json:"clock_skew_ms"` // the farthest from 0
	RTTMS      int64         `json:"rtt_ms"`
	Problem    string        `json:"problem"` // code of the gravest, ""
}

const (
	maxHealth      = 400             // points
	maxHealthPause = 3 * time.Minute // between samples that a rate is computed of
)

// sensorHealth answers with what a sensor said of its work in the past.
func (a *api) sensorHealth(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	s, err := a.sensor(r, id)
	if err != nil {
		return err
	}
	from, to, err := healthRange(r, a.Now())
	if err != nil {
		return err
	}
	samples, err := a.Store.Health(r.Context(), id.Tenant, s.UUID, from, to)
	if err != nil {
		return err
	}
	const minute = protocol.Time(60e6)
	step := minute
	for _, s := range []protocol.Time{1, 2, 5, 10, 30, 60} {
		if step = s * minute; (to-from)/step <= maxHealth {
			break
		}
	}
	return writeJSON(w, healthAnswer{from, to, int64(step / 1e6), healthPoints(samples, step)})
}

// healthRange is the time that is asked for: the last 24 hours unless something else is said, at most store.HealthAge.
func healthRange(r *http.Request, now time.Time) (from, to protocol.Time, err error) {
	to = protocol.TimeOf(now)
	for name, v := range r.URL.Query() {
		s, err := parameter(name, v)
		if err != nil {
			return 0, 0, err
		}
		var bad error
		switch name {
		case "from":
			from, bad = timeOf(s)
		case "to":
			var t protocol.Time
			if t, bad = timeOf(s); t != 0 {
				to = t
			}
		default:
			return 0, 0, badRequest(name, "is no parameter here", "it has from and to")
		}
		if bad != nil {
			return 0, 0, badRequest(name, strconv.Quote(s)+" is not understood", wanted[name])
		}
	}
	if from == 0 {
		from = to - protocol.Time(defaultSpan/time.Microsecond)
	}
	if from >= to {
		return 0, 0, badRequest("from", "is not before to", "give the earlier time as from")
	}
	return max(from, to-protocol.Time(store.HealthAge/time.Microsecond)), to, nil
}

// healthPoints puts samples together, step by step.
func healthPoints(samples []store.HealthSample, step protocol.Time) []healthPoint {
	points := []healthPoint{}
	for i := range samples {
		s := &samples[i]
		at := s.At - s.At%step
		if n := len(points); n == 0 || points[n-1].At != at {
			points = append(points, healthPoint{At: at, SpoolFree: s.SpoolFree})
		}
		p := &points[len(points)-1]
		p.Running, p.OverLimit, p.Queue, p.LagMS = max(p.Running, s.Running), max(p.OverLimit, s.OverLimit), max(p.Queue, s.Queue), max(p.LagMS, s.LagMS)
		p.LostCDRs, p.SpoolBytes, p.SpoolFree, p.RTTMS = max(p.LostCDRs, s.LostCDR), max(p.SpoolBytes, s.SpoolBytes), min(p.SpoolFree, s.SpoolFree), max(p.RTTMS, s.RTTMS)
		if max(s.SkewMS, -s.SkewMS) > max(p.SkewMS, -p.SkewMS) {
			p.SkewMS = s.SkewMS
		}
		if s.Problem != nil {
			p.Problem = s.Problem.Code
		}
		if i > 0 {
			before := &samples[i-1]
			p.PacketRate = higher(p.PacketRate, rate(before, s, before.Packets, s.Packets))
			p.DropRate = higher(p.DropRate, rate(before, s, before.Drops, s.Drops))
		}
	}
	return points
}

// rate is how fast a counter rose between two samples, nil where that cannot be said.
func rate(before, now *store.HealthSample, was, is uint64) *float64 {
	pause := time.Duration(now.At-before.At) * time.Microsecond
	if before.Started != now.Started || is < was || pause <= 0 || pause > maxHealthPause {
		return nil
	}
	return rounded(float64(is-was)/pause.Seconds(), true)
}

func higher(a, b *float64) *float64 {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}
