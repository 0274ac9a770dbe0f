package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/mcp"
	"voiptop/rules"
)

const (
	maxAssistants = 4   // questions of a user that are answered at a time
	maxAskedText  = 500 // bytes of what was asked, in the audit log
)

// assistants counts the questions of each user that are being answered.
type assistants struct {
	mu   sync.Mutex
	busy map[int64]int
}

func (s *assistants) enter(user int64) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[user] >= maxAssistants {
		return nil, &protocol.Problem{
			Code: auth.CodeTooManyCalls, Status: http.StatusTooManyRequests, Title: "too many questions at a time",
			Remedy: "wait for the answers", Fields: map[string]string{protocol.FieldRetryAfter: "1"},
		}
	}
	if s.busy == nil {
		s.busy = map[int64]int{}
	}
	s.busy[user]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.busy[user]--; s.busy[user] == 0 {
			delete(s.busy, user)
		}
	}, nil
}

// mcp answers assistants, by the Model Context Protocol (package mcp). Only API tokens are let in: a browser's session is not
// for programs, and a page of another site cannot send a token.
func (a *api) mcp(w http.ResponseWriter, r *http.Request) {
	id, err := a.assistant(r)
	if err == nil && r.Method == http.MethodPost {
		err = wantJSON(r)
	}
	if err != nil {
		w.Header().Set("Cache-Control", "no-store")
		a.answer(w, r, err)
		return
	}
	leave, err := a.assistants.enter(id.User)
	if err != nil {
		a.answer(w, r, err)
		return
	}
	defer leave()
	src := &tenantCalls{api: a, r: r, id: id}
	o := mcp.Options{Context: r.Context(), Now: a.Now, Called: src.called, Counter: src}
	if a.MCPWrite && id.May(auth.RightRules) {
		o.Writer = src
	}
	if o.Mask, err = a.masker(r.Context(), id); err != nil {
		a.answer(w, r, err)
		return
	}
	mcp.ServeHTTP(w, r, mcp.New(src, o))
}

func (a *api) assistant(r *http.Request) (auth.Identity, error) {
	if r.Header.Get("Authorization") == "" {
		return auth.Identity{}, &protocol.Problem{
			Code: protocol.CodeUnauthorized, Status: http.StatusUnauthorized, Title: "no API token",
			Remedy: "send Authorization: Bearer TOKEN; the page Account makes tokens for assistants",
		}
	}
	id, err := a.identify(r)
	if err == nil {
		err = a.Auth.ThrottleTools(id.User)
	}
	return id, err
}

// tenantCalls are a tenant's calls as one identity may see them. It is an mcp.Source.
type tenantCalls struct {
	*api
	r  *http.Request
	id auth.Identity
}

// called writes a question into the audit log.
func (s *tenantCalls) called(_ context.Context, tool string, args []byte, code string) error {
	detail := fmt.Sprintf("%.*s", maxAskedText, args)
	if s.id.Token != "" {
		detail = "token " + s.id.Token + " " + detail
	}
	if code != "" {
		detail = code + ", " + detail
	}
	return s.Store.Audit(context.WithoutCancel(s.r.Context()), store.AuditEntry{ // whoever has gone has asked all the same
		Time: s.Now(), Tenant: s.id.Tenant, User: s.id.Name, Addr: s.clientAddr(s.r), Action: auth.ActionMCP, Object: tool, Detail: detail,
	})
}

// told makes a problem of what the API would answer as one, and logs what it would not.
func (s *tenantCalls) told(err error) error {
	if p := asProblem(err); p != nil {
		return p
	}
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		s.Log.Error("tool failed", "error", err)
	}
	return err
}

func (s *tenantCalls) where(ctx context.Context, text string) (rules.Expr, error) {
	e, err := s.condition(ctx, s.id, text)
	return e, s.told(err)
}

// Search implements mcp.Source.
func (s *tenantCalls) Search(ctx context.Context, q mcp.Query) (mcp.Page, error) {
	where, err := s.where(ctx, q.Where)
	if err != nil {
		return mcp.Page{}, err
	}
	page, err := s.Store.Calls(ctx, s.id.Tenant, store.CallQuery{Where: where, From: q.From, To: q.To, Limit: q.Limit, After: q.After})
	return mcp.Page{Calls: page.Calls, Next: page.Next, Searched: page.Searched}, s.told(err)
}

// Call implements mcp.Source.
func (s *tenantCalls) Call(ctx context.Context, name string) (*protocol.CDR, error) {
	stored, err := s.storedCall(ctx, s.id.Tenant, name)
	if err == nil {
		return &stored, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, s.told(err)
	}
	if c, _ := s.runningCall(ctx, s.id.Tenant, name); c != nil {
		return c, nil
	}
	return nil, notFound("there is no such call")
}

// Live implements mcp.Source.
func (s *tenantCalls) Live(ctx context.Context, text string) ([]protocol.LiveCall, error) {
	where, err := s.where(ctx, text)
	if err != nil {
		return nil, err
	}
	lists, _ := askAll(ctx, s.api, s.id.Tenant, func(ctx context.Context, c sensorClient) ([]protocol.LiveCall, error) {
		u, err := c.Snapshot(ctx)
		if err != nil {
			return nil, err
		}
		return u.Calls, nil
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var all []protocol.LiveCall
	for i := range lists {
		if where.Match(rules.LiveCall(&lists[i])) {
			all = append(all, lists[i])
		}
	}
	return all, nil
}

// sensorClient is what is asked of a sensor.
type sensorClient interface {
	Snapshot(ctx context.Context) (*protocol.LiveUpdate, error)
	Registrations(ctx context.Context) ([]protocol.Registration, error)
}

// askAll asks all sensors that are online at once, and answers what came, and how many did not answer.
func askAll[T any](ctx context.Context, a *api, t store.TenantID, ask func(context.Context, sensorClient) ([]T, error)) (all []T, silent int) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, sensor := range a.Links.Online(t) {
		wg.Go(func() {
			var list []T
			err := error(notFound("gone"))
			if c := a.Links.Client(sensor); c != nil {
				list, err = ask(ctx, c)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				silent++
			}
			all = append(all, list...)
		})
	}
	wg.Wait()
	return all, silent
}

// Sensors implements mcp.Source.
func (s *tenantCalls) Sensors(ctx context.Context) ([]mcp.Sensor, error) {
	list, err := s.sensorsOf(ctx, s.id.Tenant)
	var out []mcp.Sensor
	for _, x := range list {
		if !x.Revoked {
			out = append(out, mcp.Sensor{
				ID: x.SensorID, Name: x.Name, Version: x.Version, Online: x.Online, LastSeen: x.LastSeen, LastCDR: x.LastCDR, CDRs: x.CDRs,
				Running: x.Running, Queue: x.Queue, Problems: x.Problems,
			})
		}
	}
	return out, s.told(err)
}

// Registrations implements mcp.Source.
func (s *tenantCalls) Registrations(ctx context.Context) (list []protocol.Registration, notes []string, err error) {
	list, silent := askAll(ctx, s.api, s.id.Tenant, func(ctx context.Context, c sensorClient) ([]protocol.Registration, error) {
		return c.Registrations(ctx)
	})
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	protocol.SortRegistrations(list)
	if silent > 0 {
		notes = append(notes, fmt.Sprintf("%d sensors that are connected do not answer", silent))
	}
	return list, append(notes, "sensors that are offline are not asked"), nil
}

// Rules implements mcp.Source.
func (s *tenantCalls) Rules(ctx context.Context) (mcp.Rules, error) {
	r, err := s.Store.Rules(ctx, s.id.Tenant)
	return mcp.Rules{Revision: r.Revision, Text: r.Text}, s.told(err)
}

// CheckRules implements mcp.Source. As with the API, it is for who may change rules: it takes the machine's time.
func (s *tenantCalls) CheckRules(ctx context.Context, text string) (out mcp.RuleCheck, err error) {
	if !s.id.May(auth.RightRules) {
		return out, lacks(s.id, auth.RightRules)
	}
	c, err := s.checked(ctx, s.id, text)
	if err != nil {
		return out, s.told(err)
	}
	out.Checked = c.Checked
	if e := c.Error; e != nil {
		out.Problem = &mcp.RuleProblem{Line: e.Line, Column: e.Column, Found: e.Found, Expected: e.Expected, Nearest: e.Nearest}
	}
	for _, n := range c.Rules {
		out.Rules = append(out.Rules, mcp.RuleCount{Name: n.Name, Keep: n.Keep, Calls: n.Calls, Bytes: n.Bytes})
	}
	return out, nil
}

// ExplainRules implements mcp.Source. A sensor's own rules, which are asked before, are not known here.
func (s *tenantCalls) ExplainRules(ctx context.Context, c *protocol.CDR) (out []mcp.RuleStep, err error) {
	r, err := s.Store.Rules(ctx, s.id.Tenant)
	if err != nil {
		return nil, s.told(err)
	}
	set, err := s.parseRules(ctx, s.id.Tenant, r.Text)
	if err != nil {
		return nil, s.told(badRules(err))
	}
	for _, x := range set.Explain(rules.Call{CDR: c}, s.Now()) {
		out = append(out, mcp.RuleStep{Rule: x.Rule.Name, Keep: x.Rule.Keep, Decides: x.Decides, Why: x.Why})
	}
	return out, nil
}

// Fields implements mcp.Source.
func (s *tenantCalls) Fields() (list []mcp.Field) {
	for _, f := range rules.Fields() {
		list = append(list, mcp.Field{Name: f.Name, Type: f.Type.String(), Doc: f.Doc, Words: f.Words, Ops: f.Ops()})
	}
	return list
}

// SetRules implements mcp.RuleWriter.
func (s *tenantCalls) SetRules(ctx context.Context, revision uint64, text string) (uint64, error) {
	if !s.MCPWrite || !s.id.May(auth.RightRules) {
		return 0, lacks(s.id, auth.RightRules)
	}
	set, err := s.replaceRules(s.r.WithContext(ctx), s.id, revision, text)
	return set.Revision, s.told(err)
}
