package httpapi

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/rules"
)

// Bounds of a dry run.
const (
	dryCalls  = 5000            // of the newest past calls
	dryTime   = 2 * time.Second // then it ends with those that it has come to
	dryClock  = 16              // calls between two looks at the clock
	ruleWorks = 2               // rule files that are read or tried at a time in the whole service, one of each tenant
)

// workshop bounds what work takes of the machine: reading and trying rules, and counting all calls. A tenant waits for itself before it takes a place
// from others.
type workshop struct {
	places chan struct{}
	mu     sync.Mutex
	tenant map[store.TenantID]*turn
}

// turn is a tenant's place in the queue, while anybody of it works or waits.
type turn struct {
	c     chan struct{}
	users int
}

func newWorkshop(places int) *workshop {
	return &workshop{places: make(chan struct{}, places), tenant: map[store.TenantID]*turn{}}
}

// enter waits for a place until ctx ends; leave gives it back.
func (s *workshop) enter(ctx context.Context, t store.TenantID) (leave func(), err error) {
	s.mu.Lock()
	own := s.tenant[t]
	if own == nil {
		own = &turn{c: make(chan struct{}, 1)}
		s.tenant[t] = own
	}
	own.users++
	s.mu.Unlock()
	forget := func() {
		s.mu.Lock()
		if own.users--; own.users == 0 {
			delete(s.tenant, t)
		}
		s.mu.Unlock()
	}
	select {
	case own.c <- struct{}{}:
	case <-ctx.Done():
		forget()
		return nil, ctx.Err()
	}
	select {
	case s.places <- struct{}{}:
	case <-ctx.Done():
		<-own.c
		forget()
		return nil, ctx.Err()
	}
	return func() { <-s.places; <-own.c; forget() }, nil
}

type checkAnswer struct {
	OK      bool          `json:"ok"`
	Error   *errorAnswer  `json:"error,omitempty"`
	Rules   []countAnswer `json:"rules"`
	Checked int           `json:"checked"` // past calls that were tried, the newest
	Oldest  protocol.Time `json:"oldest"`  // start of the oldest of them
	Unseen  []string      `json:"unseen"`  // header fields that conditions ask for and past calls do not have: such conditions were not true
}

type errorAnswer struct {
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Found    string `json:"found"`
	Expected string `json:"expected"`
	Nearest  string `json:"nearest"`
	Message  string `json:"message"`
}

type countAnswer struct {
	Name  string        `json:"name"`
	Keep  protocol.Keep `json:"keep"`
	Calls int           `json:"calls"` // for which the rule decides
	Bytes int64         `json:"bytes"` // that would be kept of them, estimated
}

// checkRules says what is wrong with a text or, if nothing is, what its rules would have kept of past calls.
func (a *api) checkRules(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	var in struct {
		Text string `json:"text"`
	}
	if err := readJSONUpTo(maxRuleBody, w, r, &in); err != nil {
		return err
	}
	out, err := a.checked(r.Context(), id, in.Text)
	if err != nil {
		return err
	}
	return writeJSON(w, out)
}

// checked tries a text in the tenant's turn.
func (a *api) checked(ctx context.Context, id auth.Identity, text string) (out checkAnswer, err error) {
	leave, err := a.workshop.enter(ctx, id.Tenant)
	if err != nil {
		return out, err
	}
	defer leave()
	out = checkAnswer{Rules: []countAnswer{}, Unseen: []string{}}
	set, err := rules.ParseHosted("", text)
	var e *rules.Error
	if errors.As(err, &e) {
		out.Error = &errorAnswer{e.Pos.Line, e.Pos.Col, e.Found, e.Expected, e.Nearest, e.Error()}
		return out, nil
	}
	if err != nil {
		return out, err
	}
	for i := range set.Rules { // how many calls a rule finds would tell of a number whether it called
		if err := mayAsk(id, set.Rules[i].When); err != nil {
			return out, err
		}
	}
	out.OK, out.Unseen = true, append(out.Unseen, set.Headers()...)
	short, cancel := context.WithTimeout(ctx, dryTime)
	defer cancel()
	if err := a.dryRun(short, id.Tenant, set, &out); err != nil && short.Err() == nil {
		return out, err
	}
	return out, nil
}

// parseRules reads a rule file in the tenant's turn.
func (a *api) parseRules(ctx context.Context, t store.TenantID, text string) (*rules.Set, error) {
	leave, err := a.workshop.enter(ctx, t)
	if err != nil {
		return nil, err
	}
	defer leave()
	return rules.ParseHosted("", text)
}

// dryRun decides for the newest past calls of a tenant until they, or the time, are at their end.
func (a *api) dryRun(ctx context.Context, t store.TenantID, set *rules.Set, out *checkAnswer) error {
	out.Rules = make([]countAnswer, len(set.Rules))
	place := make(map[*rules.Rule]*countAnswer, len(set.Rules))
	for i := range set.Rules {
		r := &set.Rules[i]
		out.Rules[i] = countAnswer{Name: r.Name, Keep: r.Keep}
		place[r] = &out.Rules[i]
	}
	now := a.Now()
	for q := (store.CallQuery{Limit: maxLimit}); out.Checked < dryCalls; {
		page, err := a.Store.Calls(ctx, t, q)
		if err != nil {
			return err
		}
		for i := range page.Calls {
			if i%dryClock == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			c := &page.Calls[i]
			out.Checked++
			if out.Oldest == 0 || c.Start < out.Oldest {
				out.Oldest = c.Start
			}
			if r := set.Decide(rules.Call{CDR: c, State: protocol.StateEnded}, now); r != nil {
				n := place[r]
				n.Calls++
				n.Bytes += rules.EstimateBytes(c, r.Keep)
			}
		}
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
	return nil
}
