package sensors

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"voiptop/hosted/internal/relay"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// Codes of the problems that keep a sensor from applying the tenant's rules, beside those that the sensor answers with.
const (
	CodeRulesUnsupported  = "rules-unsupported"   // the sensor is too old for rules of hosted
	CodeRulesNotDelivered = "rules-not-delivered" // the sensor does not take them; it is asked again
)

// Times and bounds of the delivery of rules.
const (
	rulePushes   = 64               // at a time, to the sensors of one tenant: whoever stalls holds up only the own tenant
	ruleTimeout  = 30 * time.Second // for a sensor's answer; 1 MiB of rules takes 8 s on 1 Mbit/s
	ruleRetryMin = time.Second
	ruleRetryMax = 30 * time.Second
)

// ruleDelivery brings the tenants' rules to the sensors that are online here. Which revision is in force is asked of the
// store, at once when a change was made on this node (RulesChanged) or a sensor came, and else every Limits.RulePoll: so a
// change that was made on another node comes through, without a connection to keep for notifications.
type ruleDelivery struct {
	kick chan struct{} // of one: look now

	mu      sync.Mutex
	running map[store.TenantID]int       // pushes
	texts   map[store.TenantID]*ruleText // that running pushes share
	failed  bool                         // the last look at the store
}

// ruleText is a revision of a tenant's rules, read when the first push needs it.
type ruleText struct {
	revision uint64
	read     func() (store.RuleSet, error)
}

// sessionRules is what a session knows of the rules on its sensor. ruleDelivery.mu guards it.
type sessionRules struct {
	busy    bool   // a push is running
	settled bool   // the sensor has said what it makes of revision
	known   uint64 // the revision that it has in force, as far as it said
	asked   uint64 // the revision that is settled
	fails   int    // pushes in a row
	retry   time.Time
	stored  store.SensorRules // what the store has
}

// RulesChanged says that a tenant's rules were changed on this node: sensors get them at once.
func (s *Service) RulesChanged() {
	select {
	case s.rules.kick <- struct{}{}:
	default: // it will look anyway
	}
}

// watchRules looks for rules to deliver until ctx ends.
func (s *Service) watchRules(ctx context.Context) {
	every(ctx, s.cfg.Limits.RulePoll, s.rules.kick, func() {
		s.deliverRules(ctx)
	})
}

// deliverRules starts a push to every sensor that needs one.
func (s *Service) deliverRules(ctx context.Context) {
	live := s.live()
	if len(live) == 0 {
		return
	}
	revisions, err := s.cfg.Store.RuleRevisions(ctx)
	s.rules.mu.Lock()
	defer s.rules.mu.Unlock()
	if err != nil {
		if !s.rules.failed && ctx.Err() == nil {
			s.log.Error("revisions of rules cannot be read", "err", err)
		}
		s.rules.failed = true
		return
	}
	s.rules.failed = false
	now := s.cfg.Clock()
	for _, x := range live {
		want, r := revisions[x.sensor.Tenant], &x.rules
		if r.busy || r.settled && r.asked == want || now.Before(r.retry) || s.rules.running[x.sensor.Tenant] >= rulePushes || !x.callable() {
			continue
		}
		r.busy = true
		s.rules.running[x.sensor.Tenant]++
		text := s.textOf(ctx, x.sensor.Tenant, want)
		s.closers.Go(func() { s.push(ctx, x, text) })
	}
}

// textOf is the text that the running pushes of a revision share. Called with rules.mu held.
func (s *Service) textOf(ctx context.Context, t store.TenantID, revision uint64) *ruleText {
	have := s.rules.texts[t]
	if have == nil || have.revision != revision {
		have = &ruleText{revision, sync.OnceValues(func() (store.RuleSet, error) {
			if revision == 0 {
				return store.RuleSet{Tenant: t}, nil // take away what another tenant's hosted may have left
			}
			return s.cfg.Store.RulesAt(ctx, t, revision)
		})}
		s.rules.texts[t] = have
	}
	return have
}

// push gives one sensor the rules, and records what it says.
func (s *Service) push(ctx context.Context, x *session, text *ruleText) {
	said, done := s.offer(ctx, x, text)
	s.rules.mu.Lock()
	r, t := &x.rules, x.sensor.Tenant
	r.busy, r.known = false, said.Hosted
	if s.rules.running[t]--; s.rules.running[t] == 0 {
		delete(s.rules.running, t)
		delete(s.rules.texts, t)
	}
	if r.settled, r.asked = done, text.revision; done {
		r.fails, r.retry = 0, time.Time{}
	} else {
		wait := min(ruleRetryMin<<min(r.fails, 10), ruleRetryMax)
		r.fails++
		r.retry = s.cfg.Clock().Add(wait/2 + rand.N(wait))
	}
	news := !reflect.DeepEqual(r.stored, said)
	r.stored = said
	s.rules.mu.Unlock()
	s.RulesChanged() // more may wait for their turn, or there is a newer revision
	if !news || ctx.Err() != nil {
		return
	}
	if err := s.cfg.Store.SetSensorRules(ctx, x.sensor.Tenant, x.sensor.UUID, said); err != nil {
		s.log.Warn("what a sensor says of its rules is not stored", "sensor", x.sensor.UUID.String(), "err", err)
	}
}

// offer asks a sensor to apply the rules. It answers what the sensor says, and whether that is its last word on the
// revision.
func (s *Service) offer(ctx context.Context, x *session, text *ruleText) (said store.SensorRules, done bool) {
	s.rules.mu.Lock()
	said = store.SensorRules{Local: x.sensor.Info.RuleRevision, Hosted: x.rules.known}
	s.rules.mu.Unlock()
	if text.revision == 0 && said.Hosted == 0 {
		return said, true
	}
	set, err := text.read()
	if err != nil {
		s.rules.mu.Lock()
		if s.rules.texts[x.sensor.Tenant] == text {
			delete(s.rules.texts, x.sensor.Tenant) // the next push reads again
		}
		s.rules.mu.Unlock()
	} else {
		var out sensorapi.HostedRules
		ctx, cancel := context.WithTimeout(ctx, ruleTimeout)
		defer cancel()
		if out, err = clientOf(x).SetHostedRules(ctx, sensorapi.HostedRules{Revision: set.Revision, Text: set.Text}); err == nil {
			said.Hosted, said.Problem = out.Revision, cleanProblem(out.Problem)
			result := "ok"
			if out.Problem != nil {
				result = "refused"
			}
			s.metrics.rules.WithLabelValues(result).Inc()
			s.log.Info("rules delivered", "sensor", x.sensor.UUID.String(), "revision", set.Revision, "in_force", out.Revision)
			return said, true
		}
	}
	var p *protocol.Problem
	result := "refused"
	switch {
	case !errors.As(err, &p), p.Status/100 == 5, p.Status == http.StatusRequestTimeout, p.Status == http.StatusTooManyRequests:
		result = "not-delivered"
		said.Problem = cleanProblem(&protocol.Problem{
			Code: CodeRulesNotDelivered, Title: "the sensor does not take the tenant's rules", Detail: relay.Why(err), Remedy: "they are offered again while it is connected",
		})
	case p.Status == http.StatusNotFound || p.Status == http.StatusMethodNotAllowed:
		result = "unsupported"
		said.Problem, done = &protocol.Problem{
			Code: CodeRulesUnsupported, Title: "the sensor is too old for rules from here",
			Detail: "sensord " + x.sensor.Info.Version + " has no " + sensorapi.PathHostedRules, Remedy: "update sensord on its machine; its local rules work meanwhile",
		}, true
	default:
		said.Problem, done = cleanProblem(p), true
	}
	s.metrics.rules.WithLabelValues(result).Inc()
	s.log.Warn("rules not applied by a sensor", "sensor", x.sensor.UUID.String(), "revision", text.revision, "err", err)
	return said, done
}

// cleanProblem bounds what a sensor says before it is stored and shown.
func cleanProblem(p *protocol.Problem) *protocol.Problem {
	if p == nil {
		return nil
	}
	short := func(s string, most int) string {
		if len(s) > most {
			s = s[:most]
		}
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	q := &protocol.Problem{Code: short(p.Code, 64), Title: short(p.Title, 500), Status: p.Status, Detail: short(p.Detail, 500), Remedy: short(p.Remedy, 500)}
	for _, k := range []string{"line", "column", "found", "expected", "nearest"} {
		if v, ok := p.Fields[k]; ok {
			if q.Fields == nil {
				q.Fields = map[string]string{}
			}
			q.Fields[k] = short(v, 200)
		}
	}
	return q
}
