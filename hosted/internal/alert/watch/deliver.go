package watch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"voiptop/hosted/internal/alert"
	"voiptop/hosted/internal/notify"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

const (
	deliverAtOnce = 8
	dueAtOnce     = 200
)

// waits are the times between attempts: some five hours, then a message is given up.
var waits = []time.Duration{
	10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute,
	time.Hour, time.Hour, time.Hour, time.Hour,
}

// deliver makes the attempts that are due, if this process has the lease. What one receiver is to be told about an incident goes in
// its order; a receiver that does not answer holds up no other.
func (s *Service) deliver(ctx context.Context) {
	now := s.cfg.Now()
	due, err := s.cfg.Store.DueNotices(ctx, now, dueAtOnce)
	if err != nil || len(due) == 0 {
		s.failed(ctx, "delivery", err)
		return
	}
	held, err := s.cfg.Store.Lease(ctx, leaseName, s.node, now, leaseFor)
	if err != nil || !held {
		s.failed(ctx, "lease", err)
		return
	}
	type line struct {
		tenant   store.TenantID
		receiver int64
	}
	lines := map[line][]store.Notice{}
	for _, n := range due {
		k := line{n.Tenant, n.Receiver}
		lines[k] = append(lines[k], n)
	}
	var g sync.WaitGroup
	places := make(chan struct{}, deliverAtOnce)
	for _, list := range lines {
		places <- struct{}{}
		g.Go(func() {
			defer func() { <-places }()
			for _, n := range list {
				if ctx.Err() != nil || !s.attempt(ctx, n) {
					return
				}
			}
		})
	}
	g.Wait()
}

// attempt makes one attempt to deliver, and stores what came of it. It reports whether the receiver is there.
func (s *Service) attempt(ctx context.Context, n store.Notice) bool {
	if s.behind(ctx, &n) {
		s.failed(ctx, "delivery", s.cfg.Store.UpdateNotice(ctx, n), "tenant", n.Tenant, "message", n.ID)
		return true
	}
	begin := s.cfg.Now()
	kind, err := s.send(ctx, n)
	if ctx.Err() != nil {
		return false // it is tried again after the restart
	}
	now := s.cfg.Now()
	tried := store.Attempted{At: protocol.TimeOf(begin), Result: "ok", TookMS: now.Sub(begin).Milliseconds()}
	n.Next = time.Time{}
	result := "ok"
	switch {
	case err == nil:
		n.Done = now
	case errors.Is(err, errGone) || len(n.Attempts) >= len(waits):
		tried.Result, result = err.Error(), "given-up"
		s.log.Error("alerts: a message was given up", "tenant", n.Tenant, "incident", n.Incident, "receiver", n.Name, "error", err)
	default:
		tried.Result, result = err.Error(), "failed"
		n.Next = now.Add(waits[len(n.Attempts)])
		s.log.Warn("alerts: a message could not be delivered", "tenant", n.Tenant, "incident", n.Incident, "receiver", n.Name, "again", n.Next, "error", err)
	}
	s.metrics.messages.WithLabelValues(kind, result).Inc()
	n.Attempts = append(n.Attempts, tried)
	s.failed(ctx, "delivery", s.cfg.Store.UpdateNotice(ctx, n), "tenant", n.Tenant, "message", n.ID)
	return err == nil
}

// behind lets a message wait for an earlier one about the same incident that its receiver has not had: the end is not told before the begin.
func (s *Service) behind(ctx context.Context, n *store.Notice) bool {
	if n.Event == string(alert.EventFiring) {
		return false
	}
	all, err := s.cfg.Store.Notices(ctx, n.Tenant, n.Incident)
	if err != nil {
		return false // told in the wrong order is better than not
	}
	for _, o := range all {
		if o.ID < n.ID && o.Receiver == n.Receiver && !o.Next.IsZero() {
			n.Next = o.Next.Add(time.Second)
			return true
		}
	}
	return false
}

var errGone = errors.New("the receiver was removed")

func (s *Service) send(ctx context.Context, n store.Notice) (kind string, err error) {
	r, err := s.cfg.Store.Receiver(ctx, n.Tenant, n.Receiver)
	if errors.Is(err, store.ErrNotFound) {
		return "none", errGone
	}
	if err != nil {
		return "none", errors.New("the receiver could not be read")
	}
	to, err := decode[alert.Receiver](r.Spec)
	if err != nil {
		return "none", err
	}
	m, err := decode[alert.Message](n.Body)
	if err != nil {
		return string(to.Kind), err
	}
	return string(to.Kind), s.cfg.Sender.Send(ctx, notify.Delivery{Receiver: to, ReceiverID: r.ID, ID: n.ID, Message: m})
}

// HasMail reports whether mail can be sent.
func (s *Service) HasMail() bool { return s.cfg.Sender.HasMail() }

// errTooMany says that a tenant had its messages of an hour.
var errTooMany = fmt.Errorf("the tenant had %d messages in an hour; try later", maxPerHour)

// Test tells a receiver that this is a test, at once. An error says why it could not.
func (s *Service) Test(ctx context.Context, c *alert.Counter, t store.TenantID, tenant string, id int64, to alert.Receiver) error {
	now := s.cfg.Now()
	if !s.budget.take(t, now) {
		return errTooMany
	}
	i := &alert.Incident{ID: "test", Alert: c.ID, Name: c.Spec.Name, Severity: c.Spec.Severity, Started: protocol.TimeOf(now), Keys: []alert.IncidentKey{}}
	m := alert.NewMessage(c, i, alert.EventTest, tenant, s.cfg.Base, now)
	m.Alert.Condition, m.Page = "Nothing is wrong, this is a test. The alert is: "+m.Alert.Condition, s.cfg.Base+"/alerts"
	if c.ID == 0 {
		m.Alert.Condition = "Nothing is wrong, this is a test."
	}
	err := s.cfg.Sender.Send(ctx, notify.Delivery{Receiver: to, ReceiverID: id, Message: m})
	s.metrics.messages.WithLabelValues(string(to.Kind), "test-"+resultOf(err)).Inc()
	return err
}
