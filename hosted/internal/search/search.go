// Package search reads the conditions that calls are searched with: the language of package rules, with the groups, the zone and
// the group local of the tenant's own rules, so that a search and a capture rule mean the same. The HTTP API reads the parameter
// `where` by it, alerts and statistics their conditions; store.CallQuery.Where takes what it answers.
//
// It is not for finding calls: that is the store's.
package search

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/rules"
)

// MaxText bounds a condition in bytes.
const MaxText = 4096

// CodeBadCondition is the code of the problem of a condition that cannot be read. Its fields line, column, found, expected and
// nearest say where and why.
const CodeBadCondition = "bad-condition"

// Store is what is needed of a store.Store.
type Store interface {
	Tenant(ctx context.Context, id store.TenantID) (store.Tenant, error)
	Rules(ctx context.Context, t store.TenantID) (store.RuleSet, error)
}

// Conditions reads conditions. Many goroutines may use it at once.
type Conditions struct {
	store Store
	mu    sync.Mutex
	sets  map[store.TenantID]revision
}

// revision is a tenant's rules as they were read.
type revision struct {
	number uint64
	set    *rules.Set // nil: none, or none that can be read
}

// maxSets bounds the tenants whose rules are remembered.
const maxSets = 64

// New makes Conditions that take the tenants' rules from a store.
func New(s Store) *Conditions {
	return &Conditions{store: s, sets: map[store.TenantID]revision{}}
}

// Read reads a tenant's condition; an empty text is the zero Expr. What is wrong with the text is a *protocol.Problem.
func (c *Conditions) Read(ctx context.Context, t store.TenantID, text string) (rules.Expr, error) {
	if text == "" {
		return rules.Expr{}, nil
	}
	if len(text) > MaxText {
		return rules.Expr{}, problem(&rules.Error{
			Pos: rules.Pos{Line: 1, Col: 1}, Found: fmt.Sprintf("%d bytes", len(text)),
			Expected: fmt.Sprintf("at most %d; a group of the capture rules may hold a long list", MaxText),
		})
	}
	set, err := c.rules(ctx, t)
	if err != nil {
		return rules.Expr{}, err
	}
	e, err := set.ParseSearch(text)
	var wrong *rules.Error
	if errors.As(err, &wrong) {
		return e, problem(wrong)
	}
	return e, err
}

// Fields lists what stored calls can be asked for, with the groups and the zone of the tenant's rules.
func (c *Conditions) Fields(ctx context.Context, t store.TenantID) (fields []rules.Field, groups []string, zone *time.Location, err error) {
	set, err := c.rules(ctx, t)
	if err != nil {
		return nil, nil, nil, err
	}
	if zone = time.UTC; set != nil {
		groups, zone = set.Groups(), set.Zone()
	}
	for _, f := range rules.Fields() {
		if f.Stored() {
			fields = append(fields, f)
		}
	}
	return fields, groups, zone, nil
}

// rules answers a tenant's rules in force, which are read again when their revision changes.
func (c *Conditions) rules(ctx context.Context, t store.TenantID) (*rules.Set, error) {
	tenant, err := c.store.Tenant(ctx, t)
	if err != nil || tenant.RuleRevision == 0 {
		return nil, err
	}
	c.mu.Lock()
	known, ok := c.sets[t]
	c.mu.Unlock()
	if ok && known.number == tenant.RuleRevision {
		return known.set, nil
	}
	text, err := c.store.Rules(ctx, t)
	if err != nil {
		return nil, err
	}
	set, err := rules.ParseHosted("", text.Text)
	if err != nil { // what was saved was read once; a later version may be stricter, and a search need not fail for that
		set = nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for other := range c.sets {
		if len(c.sets) < maxSets {
			break
		}
		delete(c.sets, other) // any: it is read again when it is needed
	}
	c.sets[t] = revision{text.Revision, set}
	return set, nil
}

func problem(e *rules.Error) *protocol.Problem {
	return &protocol.Problem{
		Code: CodeBadCondition, Status: http.StatusUnprocessableEntity, Title: "the condition cannot be read", Detail: e.Error(),
		Remedy: "docs/rules.md lists fields and operators",
		Fields: map[string]string{
			"line": strconv.Itoa(e.Pos.Line), "column": strconv.Itoa(e.Pos.Col),
			"found": e.Found, "expected": e.Expected, "nearest": e.Nearest,
		},
	}
}
