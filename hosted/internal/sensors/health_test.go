package sensors

import (
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// well is a sensor's API of which only the health is asked.
type well struct {
	sensorapi.Sensor
	health func() protocol.Health
}

func (w well) Health() protocol.Health { return w.health() }

func TestWhatSensorsSayOfTheirWorkIsKept(t *testing.T) {
	r := newRig(t, Limits{Health: 20 * time.Millisecond})
	id := r.enrol(r.tenant, 7)
	api := well{health: func() protocol.Health {
		now := r.now()
		return protocol.Health{
			Info:     protocol.SensorInfo{Clock: protocol.TimeOf(now.Add(3 * time.Second)), Started: 77},
			Counters: protocol.Counters{"packets": 1000, "packets.dropped.kernel": 5, "packets.dropped.queue": 2, "calls.ended": 9, "captures.packets.dropped.disk": 99},
			Running:  4, Journal: protocol.QueueState{Pending: 3, Oldest: protocol.TimeOf(now.Add(-time.Minute)), Dropped: 1},
			Spool:    protocol.SpoolState{Bytes: 10, Free: 20},
			Problems: []protocol.Problem{{Code: "spool-stopped", Title: strings.Repeat("x", 5000)}, {Code: "second"}},
		}
	}}
	if _, err := r.online(id, r.info(7, "b"), sensorapi.NewHandler(api)); err != nil {
		t.Fatal(err)
	}
	begin := protocol.TimeOf(r.now().Add(-time.Hour))
	r.eventually("a sample is stored", func() bool {
		list, err := r.store.Health(t.Context(), r.tenant, id.UUID, begin, begin+2*3600e6)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			return false
		}
		s := list[0]
		if s.Running != 4 || s.Packets != 1000 || s.Drops != 7 || s.Calls != 9 || s.Queue != 3 || s.LostCDR != 1 || s.SpoolBytes != 10 || s.SpoolFree != 20 || s.Started != 77 {
			t.Errorf("sample %+v", s)
		}
		if s.LagMS < 55_000 || s.LagMS > 70_000 || s.SkewMS < -7_000 || s.SkewMS > 13_000 || s.At%60e6 != 0 {
			t.Errorf("lag %d ms, skew %d ms at %s; want a minute, 3 s, a full minute", s.LagMS, s.SkewMS, s.At)
		}
		if s.Problem == nil || s.Problem.Code != "spool-stopped" || len(s.Problem.Title) > maxProblem {
			t.Errorf("problem %+v, want the gravest, cut", s.Problem)
		}
		return true
	})
}
