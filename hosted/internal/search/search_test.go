package search

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/rules"
)

// fake is a store with one tenant's rules.
type fake struct {
	set  store.RuleSet
	read int // how often the rules were
}

func (f *fake) Tenant(context.Context, store.TenantID) (store.Tenant, error) {
	return store.Tenant{RuleRevision: f.set.Revision}, nil
}

func (f *fake) Rules(context.Context, store.TenantID) (store.RuleSet, error) {
	f.read++
	return f.set, nil
}

func TestAConditionKnowsTheTenantsGroupsAndZone(t *testing.T) {
	f := &fake{}
	c := New(f)
	if _, err := c.Read(t.Context(), 1, "caller:@vip"); err == nil {
		t.Error("a group of no rules was understood")
	}
	f.set = store.RuleSet{Revision: 3, Text: "zone Europe/Prague\ngroup vip: 4201*\na: keep sip"}
	e, err := c.Read(t.Context(), 1, "caller:@vip time:11:00-12:00")
	if err != nil {
		t.Fatal(err)
	}
	at := protocol.TimeOf(time.Date(2026, 11, 22, 10, 30, 0, 0, time.UTC))
	if call := (rules.Call{CDR: &protocol.CDR{Caller: "+42012", Start: at, End: at}}); !e.Match(call) {
		t.Error("the call of the group, at half past eleven in Prague, is not found")
	}
	if _, err := c.Read(t.Context(), 1, "callee:@vip"); err != nil || f.read != 1 {
		t.Errorf("%v; the rules were read %d times, want once", err, f.read)
	}
	f.set = store.RuleSet{Revision: 4, Text: "group us: 1*"}
	if _, err := c.Read(t.Context(), 1, "caller:@us"); err != nil {
		t.Errorf("the change of the rules is not seen: %v", err)
	}
}

func TestWhatIsWrongHasItsPlace(t *testing.T) {
	c := New(&fake{})
	for text, want := range map[string]string{
		"mos<3.5 and calle:1":             `1:13 "calle" nearest caller`,
		"mos<3.5\nand header.X-Tenant:a":  `2:5 "header.X-Tenant" nearest `,
		"mos<":                            `1:5 the end nearest `,
		strings.Repeat("a", MaxText+1):    `1:1 4097 bytes nearest `,
		`ua~"(((a{100}){100}){100}){100}`: `1:4 a text without its closing quote nearest `,
	} {
		_, err := c.Read(t.Context(), 1, text)
		var p *protocol.Problem
		if !errors.As(err, &p) || p.Code != CodeBadCondition || p.Status != 422 {
			t.Errorf("%.40q: %v, want a problem", text, err)
			continue
		}
		if got := p.Fields["line"] + ":" + p.Fields["column"] + " " + p.Fields["found"] + " nearest " + p.Fields["nearest"]; got != want {
			t.Errorf("%.40q: %s, want %s", text, got, want)
		}
	}
	if e, err := c.Read(t.Context(), 1, ""); err != nil || !e.IsZero() {
		t.Errorf("an empty condition: %v, %v", e, err)
	}
}

func TestTheRulesOfManyTenantsAreNotAllRemembered(t *testing.T) {
	c := New(&fake{set: store.RuleSet{Revision: 1, Text: "a: keep sip"}})
	for i := range store.TenantID(3 * maxSets) {
		if _, err := c.Read(t.Context(), i, "mos<3"); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.sets) > maxSets {
		t.Errorf("%d are remembered, want at most %d", len(c.sets), maxSets)
	}
}
