package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"voiptop/hosted/internal/alert"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

const (
	filler      = "past"        // as which process calls from before a definition are counted
	longestCall = 4 * time.Hour // calls that began this long before a window are looked for in it
	fillTime    = 5 * time.Second
	previewTime = 4 * time.Second
	pageOfCalls = 1000
)

// fill counts the calls that ended before every process counted for an alert, from the store. Since when all are counted it answers.
func (s *Service) fill(ctx context.Context, t store.TenantID, c *alert.Counter, until, now time.Time) (since time.Time, err error) {
	from := now.Add(-c.Spec.Window())
	if !from.Before(until) {
		return until, nil
	}
	slots, since, err := s.past(ctx, t, c, from, until, fillTime)
	if err != nil || len(slots) == 0 {
		return since, err
	}
	return since, s.cfg.Store.PutAlertCounts(ctx, filler, encodeSlots(t, c, slots))
}

// past counts calls that ended in [from, until) from the store, the newest first, as far as the time allows; since is how far it
// came. A store that finds the first ones only with much looking is given up on, as if it had none.
func (s *Service) past(ctx context.Context, t store.TenantID, c *alert.Counter, from, until time.Time, limit time.Duration) (slots []alert.Slot, since time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tally := alert.NewTally(c)
	since = from
	q := store.CallQuery{Where: c.Where(), Whole: c.Detail(), From: protocol.TimeOf(from.Add(-longestCall)), To: protocol.TimeOf(until), Limit: pageOfCalls}
	oldest := until
	for {
		page, err := s.cfg.Store.Calls(ctx, t, q)
		if err != nil {
			if ctx.Err() == nil {
				return nil, since, fmt.Errorf("past calls: %w", err)
			}
			since = oldest // time is up
			break
		}
		for i := range page.Calls {
			r := &page.Calls[i]
			oldest = r.Start.Std()
			if end := r.End.Std(); !end.Before(from) && end.Before(until) {
				tally.CallAt(r, end)
			}
		}
		if page.Searched != 0 && page.Searched.Std().Before(oldest) {
			oldest = page.Searched.Std()
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	if since.After(until) || since.Before(from) {
		since = from
	}
	return tally.Changed(), since, nil
}

// baseline is the figures of a week ago, which are read anew when a twelfth of the window has passed.
type baseline struct {
	at       time.Time
	key      int64 // alert.Counter.Key
	readings map[string]alert.Reading
}

// lastWeek makes the figures of a week ago. There are none if the calls cannot be read in time: half of them would be no measure.
func (s *Service) lastWeek(ctx context.Context, t store.TenantID, c *alert.Counter, now time.Time, keys []string) (map[string]alert.Reading, error) {
	s.weekMu.Lock()
	known, ok := s.week[c.ID]
	s.weekMu.Unlock()
	if ok && known.key == c.Key && now.Sub(known.at) < c.Spec.Window()/12 {
		return known.readings, nil
	}
	at := now.Add(-7 * 24 * time.Hour)
	from := at.Add(-c.Spec.Window())
	slots, since, err := s.past(ctx, t, c, from, at, fillTime)
	if err != nil {
		return nil, err
	}
	b := baseline{at: now, key: c.Key}
	if !since.After(from) {
		b.readings = c.Readings(slots, at, keys)
	}
	s.weekMu.Lock()
	defer s.weekMu.Unlock()
	for id, old := range s.week {
		if now.Sub(old.at) > alert.MaxWindow {
			delete(s.week, id)
		}
	}
	s.week[c.ID] = b
	return b.readings, nil
}

// Preview says what an alert would have done between two times, as far back as it gets in a few seconds.
func (s *Service) Preview(ctx context.Context, t store.TenantID, spec alert.Spec, from, to time.Time) (alert.Preview, error) {
	c, err := alert.NewCounter(0, spec, s.Reader(ctx, t))
	if err != nil {
		return alert.Preview{}, err
	}
	if c.Metric().Sensors {
		return s.previewSensors(ctx, t, c, from, to)
	}
	slots, since, err := s.past(ctx, t, c, from, to, previewTime)
	if err != nil {
		return alert.Preview{}, err
	}
	var past func(time.Time) map[string]alert.Reading
	if spec.LastWeek {
		const week = 7 * 24 * time.Hour
		before, sinceBefore, err := s.past(ctx, t, c, from.Add(-week), to.Add(-week), previewTime)
		if err != nil {
			return alert.Preview{}, err
		}
		if b := sinceBefore.Add(week); b.After(since) {
			since = b
		}
		past = func(at time.Time) map[string]alert.Reading { return c.Readings(before, at.Add(-week), nil) }
	}
	return alert.Simulate(c, slots, since, to, past), nil
}

func encodeSlots(t store.TenantID, c *alert.Counter, slots []alert.Slot) []store.AlertCounts {
	rows := make([]store.AlertCounts, 0, len(slots))
	for _, x := range slots {
		data, err := json.Marshal(x.Counts)
		if err != nil { // a figure that is no number: it cannot be counted
			continue
		}
		rows = append(rows, store.AlertCounts{Tenant: t, Alert: c.ID, Counted: c.Key, At: x.At, Key: x.Key, Data: data})
	}
	return rows
}

func decodeSlots(rows []store.AlertCounts) ([]alert.Slot, error) {
	slots := make([]alert.Slot, len(rows))
	for i, r := range rows {
		n, err := decode[alert.Counts](r.Data)
		if err != nil {
			return nil, err
		}
		slots[i] = alert.Slot{At: r.At, Key: r.Key, Counts: n}
	}
	return slots, nil
}

func decode[T any](data json.RawMessage) (v T, err error) {
	if err = json.Unmarshal(data, &v); err != nil {
		err = fmt.Errorf("stored %T cannot be read: %w", v, err)
	}
	return v, err
}
