package watch

import (
	"context"
	"sync"
	"time"

	"voiptop/hosted/internal/alert"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

const (
	askTime   = 5 * time.Second // for a sensor's answer
	askAtOnce = 16
)

// sampler remembers what sensors said last, for figures that count up.
type sampler struct {
	drops map[protocol.UUID]dropped
}

type dropped struct {
	boot  string
	total uint64
}

// sample asks the sensors that are linked here how they are, for tenants that have an alert about that.
func (s *Service) sample(ctx context.Context) {
	if s.cfg.Links == nil {
		return
	}
	s.mu.RLock()
	tenants := make(map[store.TenantID]*tenant, len(s.tenants))
	for id, t := range s.tenants {
		tenants[id] = t
	}
	s.mu.RUnlock()
	known := map[protocol.UUID]dropped{}
	for id, t := range tenants {
		ask, seen := t.wants()
		if !ask && !seen {
			continue
		}
		online := s.cfg.Links.Online(id)
		if seen {
			s.noteSeen(ctx, id, online)
		}
		if ask {
			all := s.ask(ctx, online, known)
			now := s.cfg.Now()
			t.mu.Lock()
			for _, c := range t.counts {
				c.Samples(all, now)
			}
			t.mu.Unlock()
		}
	}
	s.samples.drops = known
}

// wants says what a tenant's alerts need: answers of sensors, or only that they are there.
func (t *tenant) wants() (ask, seen bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.counts {
		switch {
		case c.Spec.Metric == alert.Offline:
			seen = true
		case c.Metric().Sensors:
			ask = true
		}
	}
	return ask, seen
}

func (s *Service) noteSeen(ctx context.Context, t store.TenantID, online []protocol.UUID) {
	if len(online) == 0 {
		return
	}
	now := s.cfg.Now()
	rows := make([]store.SensorSeen, len(online))
	for i, id := range online {
		rows[i] = store.SensorSeen{Tenant: t, Sensor: id, At: now}
	}
	s.failed(ctx, "note sensors", s.cfg.Store.PutSensorsSeen(ctx, rows), "tenant", t)
}

// ask asks sensors at once. One that does not answer is missing.
func (s *Service) ask(ctx context.Context, online []protocol.UUID, known map[protocol.UUID]dropped) []alert.Sample {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	var mu sync.Mutex
	var all []alert.Sample
	var g sync.WaitGroup
	places := make(chan struct{}, askAtOnce)
	for _, id := range online {
		places <- struct{}{}
		g.Go(func() {
			defer func() { <-places }()
			client := s.cfg.Links.Client(id)
			if client == nil {
				return
			}
			h, err := client.Health(ctx)
			if err != nil {
				s.metrics.silent.Inc()
				return
			}
			mu.Lock()
			defer mu.Unlock()
			d := dropped{h.Info.BootID, h.Counters[protocol.CountKernelDrops]}
			known[id] = d
			all = append(all, s.samples.of(id, h, d, s.cfg.Now()))
		})
	}
	g.Wait()
	return all
}

// of makes a sample of what a sensor said. Drops of before it was first asked, or before it started anew, are not counted.
func (p *sampler) of(id protocol.UUID, h protocol.Health, d dropped, now time.Time) alert.Sample {
	x := alert.Sample{Sensor: h.Info.SensorID, Running: h.Running, Queue: h.Journal.Pending}
	if before, ok := p.drops[id]; ok && before.boot == d.boot && d.total >= before.total {
		x.Drops = d.total - before.total
	}
	if h.Journal.Pending > 0 && h.Journal.Oldest != 0 {
		x.Lag = max(0, now.Sub(h.Journal.Oldest.Std()).Seconds())
	}
	return x
}
