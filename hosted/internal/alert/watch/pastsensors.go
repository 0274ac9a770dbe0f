package watch

import (
	"context"
	"maps"
	"slices"
	"sort"
	"strconv"
	"time"

	"voiptop/hosted/internal/alert"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// previewSensors says what an alert about sensors would have done, by what they said once a minute. Nobody has said anything:
// Preview.From is 0.
func (s *Service) previewSensors(ctx context.Context, t store.TenantID, c *alert.Counter, from, to time.Time) (alert.Preview, error) {
	if oldest := to.Add(-store.HealthAge); from.Before(oldest) {
		from = oldest
	}
	sensors, err := s.cfg.Store.Sensors(ctx, t)
	if err != nil {
		return alert.Preview{}, err
	}
	said := map[protocol.Time][]alert.Sample{}
	heard := map[string][]protocol.Time{}
	for i := range sensors {
		x := &sensors[i]
		if x.Revoked {
			continue
		}
		all, err := s.cfg.Store.Health(ctx, t, x.UUID, protocol.TimeOf(from), protocol.TimeOf(to))
		if err != nil {
			return alert.Preview{}, err
		}
		key := strconv.Itoa(int(x.SensorID))
		for i := range all {
			said[all[i].At] = append(said[all[i].At], pastSample(x.SensorID, all, i))
			heard[key] = append(heard[key], all[i].At)
		}
		if last := protocol.TimeOf(x.LastSeen); !x.LastSeen.IsZero() && (len(heard[key]) == 0 || heard[key][len(heard[key])-1] < last) {
			heard[key] = append(heard[key], last)
		}
	}
	if len(said) == 0 {
		return alert.Preview{Incidents: []alert.Incident{}, Points: []alert.Point{}}, nil
	}
	first := slices.Min(slices.Collect(maps.Keys(said))).Std()
	if from.Before(first) {
		from = first
	}
	if c.Spec.Metric == alert.Offline {
		return alert.SimulateReadings(c, len(heard), from, to, func(at time.Time) map[string]alert.Reading { return offlineAt(heard, at) }), nil
	}
	tally := alert.NewTally(c)
	for _, at := range slices.Sorted(maps.Keys(said)) {
		tally.Samples(said[at], at.Std())
	}
	return alert.Simulate(c, tally.Changed(), from, to, nil), nil
}

// pastSample is what a sensor said for the i-th time. Drops of before it began anew are not counted.
func pastSample(sensor uint16, all []store.HealthSample, i int) alert.Sample {
	h := &all[i]
	x := alert.Sample{Sensor: sensor, Running: h.Running, Queue: h.Queue, Lag: float64(h.LagMS) / 1000}
	if i > 0 && all[i-1].Started == h.Started && h.KernelDrops >= all[i-1].KernelDrops {
		x.Drops = h.KernelDrops - all[i-1].KernelDrops
	}
	return x
}

// offlineAt is for how long each sensor had not been heard of at a time.
func offlineAt(heard map[string][]protocol.Time, at time.Time) map[string]alert.Reading {
	out := map[string]alert.Reading{}
	for key, times := range heard {
		if n := sort.Search(len(times), func(i int) bool { return times[i].Std().After(at) }); n > 0 {
			out[key] = alert.Reading{Value: at.Sub(times[n-1].Std()).Truncate(time.Second).Seconds(), Data: true}
		}
	}
	return out
}
