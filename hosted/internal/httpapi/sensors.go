package httpapi

import (
	"context"
	"net/http"
	"sync"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/relay"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// healthTimeout is how long the list of sensors waits for what a sensor says of itself.
const healthTimeout = 2 * time.Second

type sensorAnswer struct {
	UUID     protocol.UUID      `json:"uuid"`
	SensorID uint16             `json:"id_sensor"`
	Name     string             `json:"name"`
	Version  string             `json:"version"`
	OS       string             `json:"os"`
	Arch     string             `json:"arch"`
	Online   bool               `json:"online"`
	Node     string             `json:"node"` // of hosted, that holds its link; "" where there is one alone, or none
	Addr     string             `json:"addr"`
	Enrolled protocol.Time      `json:"enrolled"`
	LastSeen protocol.Time      `json:"last_seen"`
	LastCDR  protocol.Time      `json:"last_cdr"`
	CDRs     uint64             `json:"cdrs"`
	Revoked  bool               `json:"revoked"`
	Source   string             `json:"source"`
	Running  *int               `json:"running"` // calls; null while the sensor does not answer
	Queue    *uint64            `json:"queue"`   // CDRs that wait on the sensor; null while it does not answer
	Problems []protocol.Problem `json:"problems"`

	Capabilities []string `json:"capabilities"`

	workAnswer

	LocalRules   uint64            `json:"local_rule_revision"`
	HostedRules  uint64            `json:"hosted_rule_revision"` // of the tenant's rules, as they are in force there; 0: none
	RulesCurrent bool              `json:"rules_current"`        // the tenant's rules in force there are the newest
	RulesProblem *protocol.Problem `json:"rules_problem"`        // why they are not, if the sensor said so
}

// sensors lists the tenant's sensors with what those say that are online.
func (a *api) sensors(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	out, err := a.sensorsOf(r.Context(), id.Tenant)
	if err != nil {
		return err
	}
	return writeJSON(w, out)
}

func (a *api) sensorsOf(ctx context.Context, t store.TenantID) ([]sensorAnswer, error) {
	list, err := a.Store.Sensors(ctx, t)
	if err != nil {
		return nil, err
	}
	tenant, err := a.Store.Tenant(ctx, t)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	places := a.Links.Places(t)
	last, err := a.Store.LastHealth(ctx, t)
	if err != nil {
		return nil, err
	}
	out := make([]sensorAnswer, len(list))
	var wg sync.WaitGroup
	for i, s := range list {
		out[i] = sensorAnswer{
			UUID: s.UUID, SensorID: s.SensorID, Name: s.Info.Name, Version: s.Info.Version, OS: s.Info.OS, Arch: s.Info.Arch,
			Addr: s.Addr, Enrolled: protocol.TimeOf(s.Enrolled), LastSeen: protocol.TimeOf(s.LastSeen), LastCDR: protocol.TimeOf(s.LastCDR),
			Node: places[s.UUID], CDRs: s.CDRs, Revoked: s.Revoked, Source: s.Info.Source, Problems: []protocol.Problem{},
			Capabilities: append([]string{}, s.Info.Capabilities...),
			LocalRules:   s.Rules.Local, HostedRules: s.Rules.Hosted, RulesProblem: s.Rules.Problem,
		}
		if h, ok := last[s.UUID]; ok {
			out[i].workAnswer = remembered(&h)
		}
		wg.Go(func() { a.askHealth(ctx, &out[i]) })
	}
	wg.Wait()
	for i := range out {
		out[i].RulesCurrent = out[i].HostedRules == tenant.RuleRevision && out[i].RulesProblem == nil
	}
	return out, nil
}

func (a *api) askHealth(ctx context.Context, s *sensorAnswer) {
	client := a.Links.Client(s.UUID)
	if client == nil {
		return
	}
	s.Online, s.LastSeen = true, protocol.TimeOf(a.Now())
	sent := a.Now()
	h, err := client.Health(ctx)
	if err != nil {
		s.Problems = append(s.Problems, protocol.Problem{Code: protocol.CodeInternal, Title: "the sensor is connected and does not answer", Detail: relay.Why(err)})
		return
	}
	s.workAnswer = said(&h, sent, a.Now())
	s.Running, s.Queue, s.Source = &h.Running, &h.Journal.Pending, h.Info.Source
	s.Problems = append(s.Problems, h.Problems...)
	s.Capabilities = append([]string{}, h.Info.Capabilities...)
	s.LocalRules, s.HostedRules = h.Info.RuleRevision, h.Info.HostedRuleRevision
}

type enrolAnswer struct {
	Token   string        `json:"token"`
	Expires protocol.Time `json:"expires"`
	Server  string        `json:"server"` // host:port that the sensor dials
}

func (a *api) newEnrolToken(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	var in struct{}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	token, expires, err := a.Links.NewEnrolToken(r.Context(), id.Tenant)
	if err != nil {
		return err
	}
	if err := a.record(r, id, auth.ActionEnrolToken, "", 0, ""); err != nil {
		return err
	}
	return writeJSON(w, enrolAnswer{token, protocol.TimeOf(expires), a.Server()})
}

func (a *api) revoke(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	s, err := a.sensor(r, id)
	if err != nil {
		return err
	}
	if err := a.Store.RevokeSensor(r.Context(), id.Tenant, s.UUID); err != nil {
		return err
	}
	a.Links.Disconnect(s.UUID)
	if err := a.record(r, id, auth.ActionRevoke, s.UUID.String(), 0, s.Info.Name); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
