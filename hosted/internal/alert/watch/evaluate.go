package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"voiptop/hosted/internal/alert"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// evaluate evaluates the alerts of all tenants, if this process has the lease.
func (s *Service) evaluate(ctx context.Context) {
	now := s.cfg.Now()
	held, err := s.cfg.Store.Lease(ctx, leaseName, s.node, now, leaseFor)
	if err != nil || !held {
		s.failed(ctx, "lease", err)
		s.metrics.leader.Set(0)
		return
	}
	s.metrics.leader.Set(1)
	if now.Sub(s.last) > settle {
		s.since = now
	}
	s.last = now
	versions, err := s.versions(ctx)
	if err != nil {
		s.failed(ctx, "evaluation", err)
		return
	}
	tenants, err := s.cfg.Store.Tenants(ctx)
	if err != nil {
		s.failed(ctx, "evaluation", err)
		return
	}
	var g sync.WaitGroup
	places := make(chan struct{}, tenantsAtOnce)
	var mu sync.Mutex
	firing := 0
	for _, t := range tenants {
		if _, ok := versions[t.ID]; !ok {
			continue
		}
		places <- struct{}{}
		g.Go(func() {
			defer func() { <-places }()
			n, err := s.evaluateTenant(ctx, t, now)
			s.failed(ctx, "evaluation", err, "tenant", t.ID)
			mu.Lock()
			firing += n
			mu.Unlock()
		})
	}
	g.Wait()
	s.metrics.firing.Set(float64(firing))
	s.metrics.took.Observe(s.cfg.Now().Sub(now).Seconds())
}

// round is what all evaluations of a tenant at one time share.
type round struct {
	tenant    store.Tenant
	now       time.Time
	states    map[int64]alert.State
	silences  []store.Silence
	acked     map[string]bool // incidents
	receivers map[int64]alert.Receiver
	sensors   []store.Sensor
	seen      map[protocol.UUID]time.Time
}

// evaluateTenant answers how many alerts fire. One that cannot be evaluated does not keep the others from it.
func (s *Service) evaluateTenant(ctx context.Context, t store.Tenant, now time.Time) (firing int, err error) {
	ctx, cancel := context.WithTimeout(ctx, tenantTime)
	defer cancel()
	alerts, err := s.cfg.Store.Alerts(ctx, t.ID)
	if err != nil {
		return 0, err
	}
	r, err := s.round(ctx, t, now)
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, a := range alerts {
		st := r.states[a.ID]
		delete(r.states, a.ID)
		if !a.Enabled {
			if st.Counted != 0 {
				errs = append(errs, s.stop(ctx, r, a.ID, &a, st))
			}
			continue
		}
		fires, err := s.evaluateAlert(ctx, r, a, st)
		if errors.Is(err, store.ErrLease) {
			return firing, err
		}
		s.metrics.evaluations.WithLabelValues(resultOf(err)).Inc()
		if err != nil {
			errs = append(errs, fmt.Errorf("alert %d: %w", a.ID, err))
		}
		if fires {
			firing++
		}
	}
	for id, st := range r.states { // of alerts that are gone
		errs = append(errs, s.stop(ctx, r, id, nil, st))
	}
	return firing, errors.Join(errs...)
}

func resultOf(err error) string {
	if err != nil {
		return "failed"
	}
	return "ok"
}

func (s *Service) round(ctx context.Context, t store.Tenant, now time.Time) (*round, error) {
	r := &round{tenant: t, now: now, states: map[int64]alert.State{}, acked: map[string]bool{}, receivers: map[int64]alert.Receiver{}, seen: map[protocol.UUID]time.Time{}}
	states, err := s.cfg.Store.AlertStates(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	for _, st := range states {
		if r.states[st.Alert], err = decode[alert.State](st.Data); err != nil {
			return nil, err
		}
	}
	if r.silences, err = s.cfg.Store.Silences(ctx, t.ID, now); err != nil {
		return nil, err
	}
	open, err := s.cfg.Store.Incidents(ctx, t.ID, store.IncidentQuery{Open: true, Limit: 1000})
	if err != nil {
		return nil, err
	}
	for _, i := range open {
		r.acked[i.ID] = i.AckedBy != ""
	}
	receivers, err := s.cfg.Store.Receivers(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	for _, x := range receivers {
		if r.receivers[x.ID], err = decode[alert.Receiver](x.Spec); err != nil {
			return nil, err
		}
	}
	if r.sensors, err = s.cfg.Store.Sensors(ctx, t.ID); err != nil {
		return nil, err
	}
	seen, err := s.cfg.Store.SensorsSeen(ctx, t.ID)
	for _, x := range seen {
		r.seen[x.Sensor] = x.At
	}
	return r, err
}

// evaluateAlert evaluates one and stores what came of it.
func (s *Service) evaluateAlert(ctx context.Context, r *round, a store.Alert, st alert.State) (fires bool, err error) {
	c, err := s.Counter(ctx, r.tenant.ID, a)
	if err != nil {
		return false, err
	}
	if !c.Metric().Sensors && st.Counted == c.Key && st.Filled == 0 && r.now.After(a.Changed.Add(joinAfter+loadEvery)) {
		since, err := s.fill(ctx, r.tenant.ID, c, a.Changed.Add(joinAfter), r.now)
		if err != nil {
			return false, err
		}
		st.Filled = protocol.TimeOf(since)
	}
	readings, labels, err := s.readings(ctx, r, c)
	if err != nil {
		return false, err
	}
	in := alert.Input{Counter: c, State: st, Now: r.now, Readings: readings, Labels: labels, Silenced: r.silenced(a.ID), Blind: s.blind(c, st, r.now)}
	if st.Incident != nil {
		in.Acked = r.acked[st.Incident.ID]
	}
	out := alert.Step(in)
	e := store.Evaluation{Tenant: r.tenant.ID, Alert: a.ID, Before: c.Oldest(r.now.Add(-c.Spec.Slot()))}
	if e.State, err = json.Marshal(out.State); err != nil {
		return false, err
	}
	if err := s.tell(r, c, out.Incident, out.Event, &e); err != nil {
		return false, err
	}
	return out.State.Incident != nil, s.cfg.Store.SaveEvaluation(ctx, leaseName, s.node, r.now, e)
}

// blind reports whether what is missing may yet come, or was not counted: hosted was away, so that the sensors are about to come back
// and send what they kept, or the alert is new and not all of its window is counted.
func (s *Service) blind(c *alert.Counter, st alert.State, now time.Time) bool {
	if now.Sub(s.since) < settle || st.Counted != c.Key {
		return true
	}
	return !c.Metric().Sensors && (st.Filled == 0 || st.Filled.Std().After(now.Add(-c.Spec.Window())))
}

func (r *round) silenced(alert int64) bool {
	for _, x := range r.silences {
		if (x.Alert == 0 || x.Alert == alert) && !r.now.Before(x.From) && r.now.Before(x.To) {
			return true
		}
	}
	return false
}

// readings makes the figures of an alert, and the names of its keys.
func (s *Service) readings(ctx context.Context, r *round, c *alert.Counter) (map[string]alert.Reading, map[string]string, error) {
	labels := map[string]string{}
	var keys []string
	switch c.Spec.By {
	case alert.ByTenant:
		keys = []string{""}
	case alert.BySensor:
		for _, x := range r.sensors {
			if !x.Revoked {
				key := strconv.Itoa(int(x.SensorID))
				keys, labels[key] = append(keys, key), sensorLabel(x)
			}
		}
	}
	if c.Spec.Metric == alert.Offline {
		out := map[string]alert.Reading{}
		for _, x := range r.sensors {
			last := x.LastSeen
			if at := r.seen[x.UUID]; at.After(last) {
				last = at
			}
			if !x.Revoked && !last.IsZero() {
				out[strconv.Itoa(int(x.SensorID))] = alert.Reading{Value: max(0, r.now.Sub(last).Truncate(time.Second).Seconds()), Data: true}
			}
		}
		return out, labels, nil
	}
	rows, err := s.cfg.Store.AlertCounts(ctx, r.tenant.ID, c.ID, c.Key, c.Oldest(r.now))
	if err != nil {
		return nil, nil, err
	}
	slots, err := decodeSlots(rows)
	if err != nil {
		return nil, nil, err
	}
	now := c.Readings(slots, r.now, keys)
	if !c.Spec.LastWeek {
		return now, labels, nil
	}
	past, err := s.lastWeek(ctx, r.tenant.ID, c, r.now, keys)
	return c.Compare(now, past), labels, err
}

func sensorLabel(x store.Sensor) string {
	label := "sensor " + strconv.Itoa(int(x.SensorID))
	if x.Info.Name != "" {
		label += " (" + x.Info.Name + ")"
	}
	return label
}

// stop ends an alert that is off or gone; a is nil if it is gone.
func (s *Service) stop(ctx context.Context, r *round, id int64, a *store.Alert, st alert.State) error {
	e := store.Evaluation{Tenant: r.tenant.ID, Alert: id}
	if st.Incident != nil {
		i, event := alert.Close(st.Incident, protocol.TimeOf(r.now))
		c := &alert.Counter{ID: id, Spec: alert.Spec{Name: i.Name, Severity: i.Severity}}
		if a != nil {
			if known, err := s.Counter(ctx, r.tenant.ID, *a); err == nil {
				c = known
			}
		} else {
			event = "" // whom to tell is gone with it
		}
		if err := s.tell(r, c, i, event, &e); err != nil {
			return err
		}
	}
	return s.cfg.Store.SaveEvaluation(ctx, leaseName, s.node, r.now, e)
}

// tell puts an incident that changed, and the messages about it, into an evaluation.
func (s *Service) tell(r *round, c *alert.Counter, i *alert.Incident, event alert.Event, e *store.Evaluation) error {
	if i == nil {
		return nil
	}
	data, err := json.Marshal(i)
	if err != nil {
		return err
	}
	e.Incident = &store.Incident{ID: i.ID, Tenant: r.tenant.ID, Alert: c.ID, Started: i.Started.Std(), Ended: i.Ended.Std(), Data: data}
	if event == "" {
		return nil
	}
	body, err := json.Marshal(alert.NewMessage(c, i, event, r.tenant.Name, s.cfg.Base, r.now))
	if err != nil {
		return err
	}
	for _, id := range c.Spec.Receivers {
		x, ok := r.receivers[id]
		if !ok {
			continue // it is gone
		}
		n := store.Notice{Tenant: r.tenant.ID, Incident: i.ID, Receiver: id, Name: x.Name, Event: string(event), Body: body, Created: r.now, Next: r.now}
		if !s.budget.take(r.tenant.ID, r.now) {
			n.Next = time.Time{}
			n.Attempts = []store.Attempted{{At: protocol.TimeOf(r.now), Result: fmt.Sprintf("not sent: the tenant had %d messages in an hour", maxPerHour)}}
			s.metrics.messages.WithLabelValues(string(x.Kind), "bounded").Inc()
		}
		e.Notices = append(e.Notices, n)
	}
	return nil
}

// maxPerHour bounds the messages of a tenant.
const maxPerHour = 200

// budget counts the messages of the last hour.
type budget struct {
	mu   sync.Mutex
	sent map[store.TenantID][]time.Time
}

func (b *budget) take(t store.TenantID, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.sent[t]
	for len(list) > 0 && now.Sub(list[0]) >= time.Hour {
		list = list[1:]
	}
	ok := len(list) < maxPerHour
	if ok {
		list = append(list, now)
	}
	b.sent[t] = list
	return ok
}
