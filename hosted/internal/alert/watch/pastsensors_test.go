package watch

import (
	"testing"
	"time"

	"voiptop/hosted/internal/alert"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

func TestAPreviewOfSensorsGoesByWhatTheySaidEachMinute(t *testing.T) {
	inBubble(t, func(r *rig) {
		n := r.start(nil)
		defer n.stop()
		second := r.enrol(4, "second")
		begin := time.Now().Truncate(time.Minute)
		drops := uint64(100)
		for i := range 180 { // three hours; of the second the middle one is missing, and the first drops packets in ten minutes of it
			at := protocol.TimeOf(begin.Add(time.Duration(i) * time.Minute))
			if i >= 80 && i < 90 {
				drops += 50
			}
			if i == 120 {
				drops = 10 // it began anew
			}
			samples := []store.SensorHealth{{Tenant: r.tenant.ID, Sensor: r.sensor.UUID, HealthSample: store.HealthSample{At: at, Started: protocol.Time(1 + i/120), Running: 10, Queue: uint64(i), LagMS: int64(i) * 1000, Drops: drops + 9, KernelDrops: drops}}}
			if i < 60 || i >= 120 {
				samples = append(samples, store.SensorHealth{Tenant: r.tenant.ID, Sensor: second.UUID, HealthSample: store.HealthSample{At: at, Started: 1, Running: 5 + i}})
			}
			r.ok(r.store.AddHealth(r.Context(), samples))
		}
		time.Sleep(180 * time.Minute)
		now := time.Now()
		for _, tt := range []struct {
			metric    alert.Metric
			by        alert.By
			threshold float64
			window    time.Duration
			fired     int
			least     time.Duration // that it fired
			most      time.Duration
		}{
			{alert.Offline, alert.BySensor, 180, time.Minute, 1, 50 * time.Minute, 62 * time.Minute},
			{alert.Drops, alert.BySensor, 200, 5 * time.Minute, 1, 5 * time.Minute, 20 * time.Minute},
			{alert.Drops, alert.BySensor, 5000, 5 * time.Minute, 0, 0, 0},
			{alert.Queue, alert.BySensor, 100, 5 * time.Minute, 1, 70 * time.Minute, 90 * time.Minute},
			{alert.QueueLag, alert.BySensor, 1000, 5 * time.Minute, 0, 0, 0},
			{alert.Concurrent, alert.ByTenant, 150, 5 * time.Minute, 1, 35 * time.Minute, 50 * time.Minute}, // 10 + 5 + i, from 135 on
		} {
			s := alert.Spec{Name: "x", Metric: tt.metric, By: tt.by, Side: alert.Above, Threshold: tt.threshold, WindowMS: tt.window.Milliseconds()}
			s.Defaults()
			p, err := n.Preview(r.Context(), r.tenant.ID, s, now.Add(-24*time.Hour), now)
			if err != nil {
				r.Fatalf("%s: %v", tt.metric, err)
			}
			if p.From != protocol.TimeOf(begin) || len(p.Incidents) != tt.fired || p.Calls != 0 || len(p.Points) == 0 {
				r.Errorf("%s above %v: %d incidents since %s in %d calls, %d points; want %d since %s", tt.metric, tt.threshold, len(p.Incidents), p.From, p.Calls, len(p.Points), tt.fired, begin)
				continue
			}
			for _, i := range p.Incidents {
				end := i.Ended
				if end == 0 {
					end = p.To
				}
				if d := end.Sub(i.Started); d < tt.least || d > tt.most {
					r.Errorf("%s above %v: fired for %s, want %s to %s", tt.metric, tt.threshold, d, tt.least, tt.most)
				}
			}
		}
	})
}
