package screen

import (
	"context"
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/tui/doctor"
	"voiptop/tui/internal/plural"
	"voiptop/tui/source"
)

// checking is one run of the checks.
type checking struct {
	came chan doctor.Outcome
	stop context.CancelFunc
}

// doctorMsg is an outcome, or the end of a run.
type doctorMsg struct {
	run   *checking
	o     doctor.Outcome
	ended bool
}

// maxOutcomes bounds what is waiting to be shown.
const maxOutcomes = 4096

// begin makes the checks, unless they were made; again makes them anew.
func (p *doctorPane) begin(again bool) tea.Cmd {
	if p.run != nil && !again {
		return nil
	}
	if p.run != nil {
		p.run.stop()
	}
	ctx, cancel := context.WithCancel(p.e.ctx)
	r := &checking{make(chan doctor.Outcome, maxOutcomes), cancel}
	p.run, p.ended, p.out, p.cursor, p.top = r, false, nil, 0, 0
	if isFile(p.e.Source) {
		p.out, p.ended = p.ofFile(), true
		cancel()
		return nil
	}
	emit := func(o doctor.Outcome) {
		select {
		case r.came <- o:
		case <-ctx.Done():
		}
	}
	check := func() tea.Msg {
		defer close(r.came)
		p.check(ctx, emit)
		return nil
	}
	return tea.Batch(check, r.next)
}

// next waits for the next outcome.
func (r *checking) next() tea.Msg {
	o, ok := <-r.came
	return doctorMsg{r, o, !ok}
}

// check makes the checks that the source allows.
func (p *doctorPane) check(ctx context.Context, emit func(doctor.Outcome)) {
	far, ok := p.e.Source.(source.HealthReader)
	fleet, isFleet := p.e.Source.(source.Fleet)
	switch {
	case p.e.Doctor != nil:
		p.e.Doctor(ctx, emit)
	case !ok:
	case !isFleet:
		doctor.Far(ctx, farAPI{far, protocol.UUID{}}, p.e.Now, emit)
	default:
		list, err := fleet.Sensors(ctx)
		if err != nil {
			emit(doctor.Outcome{Code: "hosted", Group: "hosted", Result: doctor.Result{Status: doctor.Fail, Seen: say(err)}})
			return
		}
		slices.SortFunc(list, func(a, b source.SensorStatus) int { return int(a.SensorID) - int(b.SensorID) })
		for i := range list {
			p.checkSensor(ctx, far, &list[i], emit)
		}
		if len(list) == 0 {
			emit(doctor.Outcome{Code: "paired", Group: "hosted", Result: doctor.Result{
				Status: doctor.Warn, Seen: "no sensor is paired", Remedy: "make a token in the web GUI, then on the sensor: voipmon pair",
			}})
		}
	}
}

// checkSensor makes the checks of one sensor of a fleet.
func (p *doctorPane) checkSensor(ctx context.Context, far source.HealthReader, s *source.SensorStatus, emit func(doctor.Outcome)) {
	group := fmt.Sprintf("sensor %d %s", s.SensorID, s.Name)
	if s.Revoked {
		return
	}
	if !s.Online {
		emit(doctor.Outcome{Code: "link-up", Group: group, Result: doctor.Result{
			Status: doctor.Fail, Seen: offlineSince(p.e, s), Why: "its calls wait on its own disk until the link is up", Remedy: "voipmon doctor",
		}, Docs: "docs/doctor.md#link-up"})
		return
	}
	doctor.Far(ctx, farAPI{far, s.UUID}, p.e.Now, func(o doctor.Outcome) {
		o.Group = group
		emit(o)
	})
}

// offlineSince says since when a sensor cannot be reached.
func offlineSince(e *env, s *source.SensorStatus) string {
	if s.LastSeen == 0 {
		return "offline: it was never connected"
	}
	d := e.Now().Sub(s.LastSeen.Std())
	return "offline since " + s.LastSeen.Std().In(e.Zone).Format("2006-01-02 15:04:05 MST") + " (" + clock(max(d, 0)) + "), last from " + s.Addr
}

// farAPI is one sensor's API through a source.
type farAPI struct {
	source.HealthReader
	sensor protocol.UUID
}

func (a farAPI) Health(ctx context.Context) (protocol.Health, error) {
	return a.HealthReader.Health(ctx, a.sensor)
}

func (a farAPI) Rules(ctx context.Context) (sensorapi.Rules, error) {
	return a.HealthReader.Rules(ctx, a.sensor)
}

// ofFile is what is to be said of the input: what was cut, and what was not understood.
func (p *doctorPane) ofFile() (out []doctor.Outcome) {
	add := func(code string, st doctor.Status, seen, remedy string) {
		out = append(out, doctor.Outcome{Code: code, Group: "file", Result: doctor.Result{Status: st, Seen: seen, Remedy: remedy}, Docs: "docs/counters.md"})
	}
	c := p.live.counters
	for _, n := range p.e.Source.(source.Noter).Notes() {
		add("input", doctor.Warn, n, "")
	}
	if c[protocol.CountPackets] == 0 {
		add("packets-seen", doctor.Fail, "no packets", "")
	} else {
		add("packets-seen", doctor.OK, plural.Of(c[protocol.CountPackets], "packet"), "")
	}
	if c[protocol.CountSIP] == 0 {
		add("sip-seen", doctor.Fail, "no SIP message", "tshark -r FILE -qz io,phs says what is in it")
	} else {
		add("sip-seen", doctor.OK, plural.Of(c[protocol.CountSIP], "SIP message")+", "+plural.Of(c[protocol.CountCallsStarted], "call"), "")
	}
	if n := c["tls.streams"]; n > 0 {
		add("tls", doctor.Warn, plural.Of(n, "TLS connection")+" without known keys", "voiptop -r FILE --keylog SSLKEYLOGFILE")
	}
	var names []string
	for name := range c {
		if strings.Contains(name, "unknown") || strings.Contains(name, "unparsed") || strings.Contains(name, "dropped") || strings.Contains(name, "cut") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if c[name] > 0 {
			add(name, doctor.Warn, fmt.Sprint(c[name]), "docs/counters.md says what it counts")
		}
	}
	return out
}
