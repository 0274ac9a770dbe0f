package sensors

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// ruleTaker is a sensor's API that takes rules of hosted.
type ruleTaker struct {
	mu    sync.Mutex
	took  []string                                                              // "revision text"
	reply func(in sensorapi.HostedRules) (out sensorapi.HostedRules, err error) // nil: they are in force
}

func (k *ruleTaker) handler() http.Handler {
	m := http.NewServeMux()
	m.Handle("PUT "+sensorapi.PathHostedRules, sensorapi.HostedRulesHandler(func(_ context.Context, in sensorapi.HostedRules) (sensorapi.HostedRules, error) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.took = append(k.took, fmt.Sprint(in.Revision, " ", in.Text))
		if k.reply != nil {
			return k.reply(in)
		}
		return in, nil
	}))
	return m
}

// has is what was taken, between bars.
func (k *ruleTaker) has() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return strings.Join(k.took, "|")
}

func (r *rig) setRules(tenant store.TenantID, text string) {
	r.t.Helper()
	have, err := r.store.Rules(r.t.Context(), tenant)
	if err == nil {
		_, err = r.store.SetRules(r.t.Context(), store.RuleSet{Tenant: tenant, Revision: have.Revision, Text: text, Changed: r.now()})
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// said is what the store has of a sensor's rules: "hosted code".
func (r *rig) said(t store.TenantID, id protocol.UUID) string {
	s, err := r.store.Sensor(r.t.Context(), t, id)
	if err != nil {
		r.t.Fatal(err)
	}
	code := ""
	if p := s.Rules.Problem; p != nil {
		code = p.Code
	}
	return fmt.Sprint(s.Rules.Hosted, " ", code)
}

func (r *rig) comes(tenant store.TenantID, number uint16, k *ruleTaker) *sensor {
	r.t.Helper()
	id := r.enrol(tenant, number)
	s, err := r.online(id, r.info(number, fmt.Sprint("boot", number)), k.handler())
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func TestAChangeReachesTheTenantsSensorsAtOnceAndNoOthers(t *testing.T) {
	r := newRig(t, Limits{RulePoll: time.Hour}) // only what is told is seen
	other := r.newTenant("Other")
	taker := func() *ruleTaker { return &ruleTaker{} }
	a, b, theirs := taker(), taker(), taker()
	sa, sb, st := r.comes(r.tenant, 1, a), r.comes(r.tenant, 2, b), r.comes(other, 1, theirs)
	r.setRules(r.tenant, "all: keep sip")
	begin := time.Now()
	r.svc.RulesChanged()
	for name, k := range map[string]*ruleTaker{"one": a, "the other": b} {
		r.eventually("the rules are at "+name, func() bool { return k.has() == "1 all: keep sip" })
	}
	if took := time.Since(begin); took > time.Second {
		t.Logf("slow machine: took %v", took)
	}
	r.setRules(r.tenant, "")
	r.svc.RulesChanged()
	for _, s := range []*sensor{sa, sb} {
		r.eventually("what they say is stored", func() bool { return r.said(r.tenant, s.id.UUID) == "2 " })
	}
	if a.has() != "1 all: keep sip|2 " {
		t.Errorf("taken %q", a.has())
	}
	if theirs.has() != "" || r.said(other, st.id.UUID) != "0 " {
		t.Errorf("the other tenant's sensor got %q", theirs.has())
	}
}

func TestAChangeOnAnotherNodeIsSeenWithinTheSecond(t *testing.T) {
	r := newRig(t, Limits{}) // nobody tells this node
	k := &ruleTaker{}
	r.comes(r.tenant, 1, k)
	r.setRules(r.tenant, "all: keep rtp")
	r.eventually("the rules are there", func() bool { return k.has() == "1 all: keep rtp" })
	if r.svc.cfg.Limits.RulePoll > time.Second {
		t.Errorf("it is looked every %v", r.svc.cfg.Limits.RulePoll)
	}
}

func TestWhoComesGetsTheRulesOnce(t *testing.T) {
	r := newRig(t, Limits{RulePoll: 10 * time.Millisecond})
	r.setRules(r.tenant, "all: keep sip")
	k, id := &ruleTaker{}, r.enrol(r.tenant, 1)
	for n, want := range []string{"1 all: keep sip", "1 all: keep sip|1 all: keep sip"} { // anew with each session: its disk may be another
		info := r.info(1, "boot")
		info.HostedRuleRevision = 1
		s, err := r.online(id, info, k.handler())
		if err != nil {
			t.Fatal(err)
		}
		if s.answer.RuleRevision != 1 {
			t.Errorf("hello answers revision %d, want 1", s.answer.RuleRevision)
		}
		r.eventually(fmt.Sprint("session ", n), func() bool { return k.has() == want })
		time.Sleep(50 * time.Millisecond)
		if k.has() != want {
			t.Errorf("then it got %q", k.has())
		}
		s.stop()
		r.eventually("it is gone", func() bool { return r.svc.Client(id.UUID) == nil })
	}
}

func TestASensorOfATenantWithoutRulesIsLeftAloneUnlessItHasSome(t *testing.T) {
	r := newRig(t, Limits{RulePoll: 10 * time.Millisecond})
	none, old := &ruleTaker{}, &ruleTaker{}
	s := r.comes(r.tenant, 1, none)
	id := r.enrol(r.tenant, 2)
	info := r.info(2, "moved")
	info.HostedRuleRevision = 7 // from the tenant that it belonged to before
	if _, err := r.online(id, info, old.handler()); err != nil {
		t.Fatal(err)
	}
	r.eventually("the old rules are taken away", func() bool { return old.has() == "0 " && r.said(r.tenant, id.UUID) == "0 " })
	if none.has() != "" || r.said(r.tenant, s.id.UUID) != "0 " {
		t.Errorf("the other got %q", none.has())
	}
}

func TestWhatASensorMakesOfTheRulesIsStored(t *testing.T) {
	r := newRig(t, Limits{RulePoll: 10 * time.Millisecond})
	r.setRules(r.tenant, "all: keep sip")
	too := &protocol.Problem{Code: "bad-rules", Status: 422, Title: strings.Repeat("\xff\x00", 1e3), Fields: map[string]string{"line": "1", "x": "y"}}
	for n, tt := range map[uint16]struct {
		handler http.Handler
		want    string
	}{
		1: {(&ruleTaker{}).handler(), "1 "},
		2: {http.NotFoundHandler(), "0 " + CodeRulesUnsupported},
		3: {(&ruleTaker{reply: func(in sensorapi.HostedRules) (sensorapi.HostedRules, error) { return in, too }}).handler(), "0 bad-rules"},
		4: {(&ruleTaker{reply: func(sensorapi.HostedRules) (sensorapi.HostedRules, error) {
			return sensorapi.HostedRules{Revision: 0, Problem: too}, nil
		}}).handler(), "0 bad-rules"},
		5: {http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), "0 " + CodeRulesNotDelivered},
	} {
		id := r.enrol(r.tenant, n)
		if _, err := r.online(id, r.info(n, fmt.Sprint(n)), tt.handler); err != nil {
			t.Fatal(err)
		}
		r.eventually(fmt.Sprintf("sensor %d says %q", n, tt.want), func() bool {
			s, err := r.store.Sensor(t.Context(), r.tenant, id.UUID)
			if p := s.Rules.Problem; err == nil && p != nil && (len(p.Title) > 600 || len(p.Fields) > 1) {
				t.Fatalf("a problem of %d bytes is stored, with %v", len(p.Title), p.Fields)
			}
			return r.said(r.tenant, id.UUID) == tt.want
		})
	}
}

func TestRulesThatDoNotGetThroughAreOfferedAgain(t *testing.T) {
	r := newRig(t, Limits{RulePoll: 10 * time.Millisecond})
	r.setRules(r.tenant, "all: keep sip")
	broken := 2
	k := &ruleTaker{}
	k.reply = func(in sensorapi.HostedRules) (sensorapi.HostedRules, error) {
		if broken--; broken >= 0 {
			return in, &protocol.Problem{Code: protocol.CodeInternal, Status: 500, Title: "disk full"}
		}
		return in, nil
	}
	s := r.comes(r.tenant, 1, k)
	r.eventually("it fails", func() bool { return r.said(r.tenant, s.id.UUID) == "0 "+CodeRulesNotDelivered })
	time.Sleep(50 * time.Millisecond)
	if n := strings.Count(k.has(), "|"); n != 0 {
		t.Errorf("offered %d times more without a pause", n)
	}
	for range 2 {
		r.ahead.Add(int64(2 * time.Minute))
		time.Sleep(50 * time.Millisecond)
	}
	r.eventually("it succeeds", func() bool { return r.said(r.tenant, s.id.UUID) == "1 " })
}

func TestAStalledSensorHoldsUpNoOther(t *testing.T) {
	r := newRig(t, Limits{RulePoll: 10 * time.Millisecond})
	stall := make(chan struct{})
	defer close(stall)
	id := r.enrol(r.tenant, 1)
	if _, err := r.online(id, r.info(1, "stalled"), http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		select {
		case <-stall:
		case <-q.Context().Done():
		}
	})); err != nil {
		t.Fatal(err)
	}
	k := &ruleTaker{}
	r.comes(r.tenant, 2, k)
	for n := range 3 {
		r.setRules(r.tenant, fmt.Sprint("# ", n))
		r.svc.RulesChanged()
		r.eventually(fmt.Sprint("change ", n), func() bool { return strings.HasSuffix(k.has(), fmt.Sprint(n+1, " # ", n)) })
	}
}

func TestManySensorsGetAChange(t *testing.T) {
	r := newRig(t, Limits{RulePoll: time.Hour})
	const many = rulePushes + 6
	var all []*ruleTaker
	for n := range uint16(many) {
		k := &ruleTaker{}
		all = append(all, k)
		r.comes(r.tenant, n+1, k)
	}
	r.setRules(r.tenant, strings.Repeat("# x\n", 1e4))
	r.svc.RulesChanged()
	r.eventually("all have it", func() bool {
		for _, k := range all {
			if !strings.HasPrefix(k.has(), "1 ") {
				return false
			}
		}
		return true
	})
	r.eventually("nothing is left of it", func() bool {
		r.svc.rules.mu.Lock()
		defer r.svc.rules.mu.Unlock()
		return len(r.svc.rules.texts) == 0 && len(r.svc.rules.running) == 0
	})
}
