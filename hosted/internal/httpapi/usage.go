package httpapi

import (
	"context"
	"net/http"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

const (
	hoursADay = 24 * time.Hour
	// maxUsage is how many days of usage are told; retention is 25 unless somebody says otherwise.
	maxUsage = 60
)

type usageAnswer struct {
	MaxChannels int           `json:"max_channels"` // of each sensor
	Channels    *int          `json:"channels"`     // calls that run now, of all sensors that answer; null: none answers
	KeptFrom    protocol.Time `json:"kept_from"`    // the first day that has calls
	Calls       int64         `json:"calls"`        // of all days
	OverLimit   int64         `json:"over_limit"`
	Days        []usageDay    `json:"days"`    // newest first, from today to the first day that has calls
	Sensors     []usageSensor `json:"sensors"` // today
}

type usageDay struct {
	Day       protocol.Time `json:"day"` // where it begins, UTC
	Calls     int64         `json:"calls"`
	OverLimit int64         `json:"over_limit"`
	Peak      int64         `json:"peak"` // most calls at a time, of all sensors
	PeakAt    protocol.Time `json:"peak_at"`
	PeakCPS   float64       `json:"peak_cps"`
	Kept      int64         `json:"kept"`
	KeptBytes int64         `json:"kept_bytes"`
}

type usageSensor struct {
	SensorID  uint16 `json:"id_sensor"`
	Calls     int64  `json:"calls"`
	OverLimit int64  `json:"over_limit"`
	Peak      int64  `json:"peak"`
}

// usage tells what of the tenant's limits is used.
func (a *api) usage(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	tenant, err := a.Store.Tenant(r.Context(), id.Tenant)
	if err != nil {
		return err
	}
	now := a.Now().UTC()
	today := now.Truncate(hoursADay)
	ask := func(from time.Time, sensor uint16) (store.Stats, error) {
		q := store.StatsQuery{Step: hoursADay}
		q.From, q.To, q.SensorID = protocol.TimeOf(from), protocol.TimeOf(now.Add(time.Minute)), sensor
		return a.Store.Stats(r.Context(), id.Tenant, q)
	}
	s, err := ask(today.AddDate(0, 0, 1-maxUsage), 0)
	if err != nil {
		return err
	}
	out := usageAnswer{MaxChannels: tenant.MaxChannels, Calls: s.Totals.Calls, OverLimit: s.Totals.OverLimit, Days: []usageDay{}, Sensors: []usageSensor{}}
	first := 0
	for first < len(s.Series)-1 && s.Series[first].Calls == 0 {
		first++
	}
	for i := len(s.Series) - 1; i >= first; i-- {
		p := &s.Series[i]
		out.Days = append(out.Days, usageDay{p.At, p.Calls, p.OverLimit, p.Flow.Max, p.Flow.MaxAt, p.Flow.PeakCPS, p.Kept, p.KeptBytes})
		if p.Calls > 0 {
			out.KeptFrom = p.At
		}
	}
	sensors, err := a.Store.Sensors(r.Context(), id.Tenant)
	if err != nil {
		return err
	}
	for _, x := range sensors {
		if x.Revoked {
			continue
		}
		s, err := ask(today, x.SensorID)
		if err != nil {
			return err
		}
		out.Sensors = append(out.Sensors, usageSensor{x.SensorID, s.Totals.Calls, s.Totals.OverLimit, s.Flow.Max})
	}
	out.Channels = a.running(r.Context(), sensors)
	return writeJSON(w, out)
}

// running asks the sensors how many calls run now; nil if none answers.
func (a *api) running(ctx context.Context, sensors []store.Sensor) *int {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	answers := make(chan *int, len(sensors))
	for _, s := range sensors {
		go func() {
			x := sensorAnswer{UUID: s.UUID}
			a.askHealth(ctx, &x)
			answers <- x.Running
		}()
	}
	var sum *int
	for range sensors {
		if n := <-answers; n != nil {
			if sum == nil {
				sum = new(int)
			}
			*sum += *n
		}
	}
	return sum
}
