package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

type sensorWork struct {
	UUID     protocol.UUID
	Online   bool
	HealthAt *string `json:"health_at"`
	Drops    *uint64
	LagMS    *int64 `json:"lag_ms"`
	SkewMS   *int64 `json:"clock_skew_ms"`
	Spool    *struct{ Free uint64 }
	Last     *protocol.Problem `json:"last_error"`
}

func TestASensorThatIsOfflineIsAsItWasHeardLast(t *testing.T) {
	w := newWorld(t)
	at := protocol.TimeOf(w.now().Truncate(time.Minute)) - 60e6
	w.ok(w.store.AddHealth(t.Context(), []store.SensorHealth{{Tenant: w.acme, Sensor: w.s3, HealthSample: store.HealthSample{
		At: at, Drops: 9, LagMS: 70_000, SkewMS: -5, SpoolFree: 11, Problem: &protocol.Problem{Code: "spool-full", Title: "the disk is full"},
	}}}))
	c := w.as("viewer")
	var s sensorWork
	if a := c.get("/sensors/" + w.s3.String()); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	} else {
		a.into(t, &s)
	}
	if s.Online || s.HealthAt == nil || *s.HealthAt != at.String() || *s.Drops != 9 || *s.LagMS != 70_000 || *s.SkewMS != -5 || s.Spool.Free != 11 || s.Last == nil || s.Last.Code != "spool-full" {
		t.Errorf("%+v", s)
	}
	var online sensorWork
	c.get("/sensors/"+w.s1.uuid.String()).into(t, &online)
	if !online.Online || online.Last == nil || online.Last.Code != "clock-skew" || online.SkewMS == nil {
		t.Errorf("the one that is online: %+v", online)
	}
	if a := w.as("eve").get("/sensors/" + w.s3.String()); a.status != http.StatusNotFound {
		t.Errorf("another tenant gets %d", a.status)
	}
	if a := w.as("eve").get("/sensors/" + w.s3.String() + "/health"); a.status != http.StatusNotFound {
		t.Errorf("another tenant gets %d of its past", a.status)
	}
}

func TestThePastOfASensorIsPutTogetherInSteps(t *testing.T) {
	w := newWorld(t)
	w.clock = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	var list []store.SensorHealth
	add := func(minute, running int, started protocol.Time, packets uint64) {
		list = append(list, store.SensorHealth{Tenant: w.acme, Sensor: w.s3, HealthSample: store.HealthSample{
			At: protocol.TimeOf(w.now().Add(time.Duration(minute) * time.Minute)), Started: started, Running: running, Packets: packets, SpoolFree: uint64(100 - running), SkewMS: int64(-running),
		}})
	}
	add(-20, 1, 1, 0)
	add(-19, 5, 1, 6000)
	add(-18, 2, 1, 6600)
	add(-17, 3, 2, 60) // started anew
	add(-8, 4, 2, 600) // was not heard for long
	w.ok(w.store.AddHealth(t.Context(), list))
	type answer struct {
		Step    int
		Samples []struct {
			At      string
			Running int
			Rate    *float64 `json:"packets_per_s"`
			Free    int      `json:"spool_free"`
			Skew    int      `json:"clock_skew_ms"`
		}
	}
	ask := func(from time.Duration) (a answer) {
		w.as("viewer").get("/sensors/"+w.s3.String()+"/health?from="+w.now().Add(from).Format(time.RFC3339)).into(t, &a)
		return a
	}
	hour := ask(-time.Hour)
	if hour.Step != 60 || len(hour.Samples) != 5 {
		t.Fatalf("an hour: %+v", hour)
	}
	for i, want := range []float64{-1, 100, 10, -1, -1} {
		if got := hour.Samples[i].Rate; (got == nil) != (want < 0) || got != nil && *got != want {
			t.Errorf("sample %d: rate %v, want %v", i, got, want)
		}
	}
	if week := ask(-8 * 24 * time.Hour); week.Step != 1800 || len(week.Samples) != 1 || week.Samples[0].Running != 5 || *week.Samples[0].Rate != 100 || week.Samples[0].Free != 95 || week.Samples[0].Skew != -5 {
		t.Errorf("a week: %+v", week)
	}
	for _, q := range []string{"from=x", "step=60", "from=2027-01-01T00:00:00Z"} {
		if a := w.as("viewer").get("/sensors/" + w.s3.String() + "/health?" + q); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d", q, a.status)
		}
	}
}
