package sensors

import (
	"context"
	"strings"
	"sync"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

const (
	healthWithin = 10 * time.Second // of a sensor's answer
	healthAsked  = 16               // sensors at a time
	maxProblem   = 300              // bytes of each text of a problem that is kept
)

// sampleHealth asks the sensors that are linked to this node how they are, once in Limits.Health, and stores what they say.
func (s *Service) sampleHealth(ctx context.Context) {
	every(ctx, s.cfg.Limits.Health, nil, func() {
		samples := s.askHealth(ctx)
		if len(samples) == 0 {
			return
		}
		if err := s.cfg.Store.AddHealth(ctx, samples); err != nil && ctx.Err() == nil {
			s.log.Warn("the health of sensors is not stored", "sensors", len(samples), "err", err)
		}
	})
}

// askHealth asks all sensors that can be called; those that do not answer are left out.
func (s *Service) askHealth(ctx context.Context) []store.SensorHealth {
	ctx, cancel := context.WithTimeout(ctx, healthWithin)
	defer cancel()
	var mu sync.Mutex
	var all []store.SensorHealth
	var wg sync.WaitGroup
	free := make(chan struct{}, healthAsked)
	for _, x := range s.live() {
		if !x.callable() {
			continue
		}
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			before := s.cfg.Clock()
			h, err := clientOf(x).Health(ctx)
			if err != nil {
				return
			}
			x.running.Store(int64(max(h.Running, 0)))
			x.over.Store(int64(min(h.Counters[protocol.CountOverLimitNow], 1<<30)))
			sample := sampleOf(&h, before, s.cfg.Clock())
			mu.Lock()
			defer mu.Unlock()
			all = append(all, store.SensorHealth{Tenant: x.sensor.Tenant, Sensor: x.sensor.UUID, HealthSample: sample})
		})
	}
	wg.Wait()
	return all
}

// sampleOf is what is kept of an answer to a question that was sent and answered at the given times.
func sampleOf(h *protocol.Health, sent, answered time.Time) store.HealthSample {
	rtt := answered.Sub(sent)
	now := sent.Add(rtt / 2)
	c := h.Counters
	sample := store.HealthSample{
		At: protocol.TimeOf(now.Truncate(time.Minute)), Started: h.Info.Started,
		Running: max(h.Running, 0), OverLimit: int(min(c[protocol.CountOverLimitNow], 1<<30)),
		Packets: c[protocol.CountPackets], Drops: c.Lost(), KernelDrops: c[protocol.CountKernelDrops], Calls: c[protocol.CountCallsEnded],
		Queue: h.Journal.Pending, LagMS: h.Journal.Lag(now).Milliseconds(), LostCDR: h.Journal.Dropped,
		SpoolBytes: h.Spool.Bytes, SpoolFree: h.Spool.Free,
		SkewMS: h.Info.Clock.Std().Sub(now).Milliseconds(), RTTMS: rtt.Milliseconds(),
	}
	if len(h.Problems) > 0 {
		p := h.Problems[0]
		sample.Problem = &protocol.Problem{Code: short(p.Code), Title: short(p.Title), Detail: short(p.Detail), Remedy: short(p.Remedy)}
	}
	return sample
}

func short(s string) string {
	if len(s) > maxProblem {
		s = s[:maxProblem]
	}
	return strings.ToValidUTF8(s, "")
}
