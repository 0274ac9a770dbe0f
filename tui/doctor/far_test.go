package doctor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// farSensor answers what it is given.
type farSensor struct {
	h   protocol.Health
	err error
}

func (s farSensor) Health(context.Context) (protocol.Health, error) { return s.h, s.err }
func (s farSensor) Rules(context.Context) (sensorapi.Rules, error)  { return sensorapi.Rules{}, s.err }

func TestASensorFarAwayIsCheckedByWhatItTells(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	h := protocol.Health{
		Info:     protocol.SensorInfo{Version: "1.2", Source: "eth0", Started: protocol.TimeOf(now.Add(-time.Hour))},
		Counters: protocol.Counters{protocol.CountPackets: 99_000, protocol.CountKernelDrops: 1000, protocol.CountSIP: 5, protocol.CountCallsStarted: 1, protocol.CountRTP: 9},
		Link:     protocol.LinkHealth{State: "up", Server: "hosted:60023", Since: protocol.TimeOf(now.Add(-time.Minute))},
		Problems: []protocol.Problem{{Code: "spool-full", Title: "the spool is full", Remedy: "make room"}},
	}
	got := map[string]Outcome{}
	Far(t.Context(), farSensor{h: h}, func() time.Time { return now }, func(o Outcome) { got[o.Code] = o })
	for code, want := range map[string]Status{"sensord-socket": OK, "packets-seen": OK, "drops": Fail, "link-up": OK, "sensord-problems": Warn, "rules-hosted": OK} {
		if got[code].Status != want || got[code].Seen == "" {
			t.Errorf("%s is %+v, want %s", code, got[code], want)
		}
	}
	if len(got) != len(farChecks)+1 {
		t.Errorf("%d outcomes, want %d", len(got), len(farChecks)+1)
	}
}

func TestASensorThatDoesNotAnswerIsOneFailure(t *testing.T) {
	var got []Outcome
	Far(t.Context(), farSensor{err: errors.New("no route")}, time.Now, func(o Outcome) { got = append(got, o) })
	if len(got) != 1 || got[0].Status != Fail || !strings.Contains(got[0].Seen, "no route") || got[0].Remedy == "" {
		t.Errorf("%+v", got)
	}
}
