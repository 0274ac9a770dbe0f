package doctor

import (
	"context"
	"slices"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// API is what a sensor tells of itself, wherever it is.
type API interface {
	Health(ctx context.Context) (protocol.Health, error)
	Rules(ctx context.Context) (sensorapi.Rules, error)
}

// farChecks are the checks that need nothing of the sensor's machine but its API.
var farChecks = []string{"sensord-problems", "packets-seen", "drops", "sip-seen", "sip-ports", "duplicates", "calls-seen", "rtp-seen", "link-up", "queue", codeLastCDR, "rules-hosted", "rules-held", "channels"}

// Far makes the checks that a sensor's API alone answers: of a sensor on another machine, or of one whose configuration is not the
// usual one. Outcomes are given to emit as they come.
func Far(ctx context.Context, api API, now func() time.Time, emit func(Outcome)) {
	e := &Env{Now: now, api: api}
	e.begin()
	answers := Outcome{Code: "sensord-socket", Group: "service", Title: "sensord answers", Docs: "docs/doctor.md#sensord-socket"}
	h, err := e.Health(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		answers.Result = failed("no answer: "+err.Error(), "nothing can be asked of it", "on its machine: systemctl status sensord ; voipmon doctor")
		emit(answers)
		return
	}
	answers.Result = ok("sensord %s, up %s, reading %s", h.Info.Version, e.since(h.Info.Started), sources(h))
	emit(answers)
	r := run{env: e, sel: Selection{Skip: []string{"sensord-socket"}}, done: map[string]Outcome{}, all: map[string]Check{}}
	for _, c := range Checks() {
		r.all[c.Code] = c
	}
	for _, c := range Checks() {
		if !slices.Contains(farChecks, c.Code) {
			continue
		}
		o := r.outcome(ctx, c)
		if ctx.Err() != nil {
			return
		}
		emit(o)
	}
}
