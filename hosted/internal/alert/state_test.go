package alert

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/rules"
)

var start = time.Date(2026, 11, 20, 22, 0, 0, 0, time.UTC) // a Friday

// newCounter makes a counter of a definition that is right but for what change changes.
func newCounter(t testing.TB, change func(*Spec)) *Counter {
	t.Helper()
	s := Spec{Name: "few answered", Enabled: true, Metric: ASR, Threshold: 40, WindowMS: 300_000, MinCalls: 1}
	if change != nil {
		change(&s)
	}
	s.Defaults()
	c, err := NewCounter(7, s, rules.ParseExpr)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// run evaluates an alert every 30 s. Each step has figures by key, "a=30 b=50"; "-" is no data; and what is to come of it.
type run struct {
	t     *testing.T
	c     *Counter
	state State
	now   time.Time
	in    Input
	last  *Incident
}

func newRun(t *testing.T, change func(*Spec)) *run {
	return &run{t: t, c: newCounter(t, change), now: start}
}

func (r *run) step(figures string) Event {
	r.t.Helper()
	readings := map[string]Reading{}
	for f := range strings.FieldsSeq(figures) {
		key, value, ok := strings.Cut(f, "=")
		if !ok {
			key, value = "", f
		}
		var x Reading
		if value != "-" {
			if _, err := fmt.Sscan(value, &x.Value); err != nil {
				r.t.Fatal(err)
			}
			x.Data, x.Calls = true, 50
		}
		readings[key] = x
	}
	// As it is stored between two evaluations.
	data, err := json.Marshal(r.state)
	if err != nil {
		r.t.Fatal(err)
	}
	in := r.in
	if err := json.Unmarshal(data, &in.State); err != nil {
		r.t.Fatal(err)
	}
	in.Counter, in.Now, in.Readings = r.c, r.now, readings
	out := Step(in)
	r.state, r.now = out.State, r.now.Add(30*time.Second)
	if out.Incident != nil {
		r.last = out.Incident
	}
	return out.Event
}

// steps wants the events of consecutive figures: "50 30! 30 50ok".
func (r *run) steps(text string) {
	r.t.Helper()
	words := map[string]Event{"!": EventFiring, "+": EventMore, "~": EventRepeat, "ok": EventResolved}
	for i, f := range strings.Fields(text) {
		var want Event
		for suffix, e := range words {
			if strings.HasSuffix(f, suffix) {
				f, want = strings.TrimSuffix(f, suffix), e
			}
		}
		if got := r.step(strings.ReplaceAll(f, ",", " ")); got != want {
			r.t.Errorf("step %d, %s: %q, want %q (state %s)", i, f, got, want, r.state.Phase())
		}
	}
}

func TestOneMessageWhenItBreaksAndOneWhenItIsOver(t *testing.T) {
	const minute = 60_000
	number := func(v float64) *float64 { return &v }
	for name, tt := range map[string]struct {
		spec  func(*Spec)
		steps string
	}{
		"at once":                         {nil, "50 39! 10 39 41ok 50"},
		"the threshold itself is good":    {nil, "40 40 39.9! 40ok"},
		"above":                           {func(s *Spec) { s.Side = Above }, "40 41! 41 40ok"},
		"held for a minute":               {func(s *Spec) { s.HoldMS = minute }, "50 39 39 39! 39 50ok"},
		"bad for less than it must be":    {func(s *Spec) { s.HoldMS = minute }, "39 39 50 39 39 50 50"},
		"good for less than it must be":   {func(s *Spec) { s.ResolveMS = minute }, "39! 50 50 39 50 50 50ok"},
		"between threshold and over":      {func(s *Spec) { s.Over = number(60) }, "39! 41 59 39 60ok 59 41 39!"},
		"flaps across the threshold":      {func(s *Spec) { s.Over, s.ResolveMS = number(45), minute }, "39! 41 39 41 46 41 46 46 46ok"},
		"no data is not good":             {nil, "39! - - - 39 - 41ok"},
		"no data is not bad":              {nil, "- - 50 - - 39!"},
		"no data while it is pending":     {func(s *Spec) { s.HoldMS = minute }, "39 39 - 39 39 39!"},
		"repeats every five minutes":      {func(s *Spec) { s.RepeatMS = 5 * minute }, "39! 39 39 39 39 39 39 39 39 39 39~ 39 39 39 39 39 39 39 39 39 39~ 50ok"},
		"never repeats":                   {nil, "39! 39 39 39 39 39 39 39 39 39 39 39 39 39 39 39 39 39 39 39 39 50ok"},
		"fifty at once are one message":   {nil, many(50, "39") + "! " + many(50, "39") + " " + many(50, "50") + "ok"},
		"more keys wait for five minutes": {nil, "a=39,b=50! a=39,b=39 a=39,b=39 a=39,b=39 a=39,b=39 a=39,b=39 a=39,b=39 a=39,b=39 a=39,b=39 a=39,b=39 a=39,b=39+ a=50,b=39 a=50,b=50ok"},
		"one of two is over":              {nil, "a=39,b=39! a=50,b=39 a=50,b=50ok"},
	} {
		t.Run(name, func(t *testing.T) { newRun(t, tt.spec).steps(tt.steps) })
	}
}

func many(n int, figure string) string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("s%d=%s", i, figure)
	}
	return strings.Join(keys, ",")
}

func TestASilenceKeepsFromTellingUntilItIsOver(t *testing.T) {
	r := newRun(t, func(s *Spec) { s.RepeatMS = 300_000 })
	r.in.Silenced = true
	r.steps("50 39 39")
	if r.last == nil || !r.last.Silenced || r.last.Told != 0 || r.state.Phase() != Firing {
		t.Errorf("incident %+v", r.last)
	}
	r.in.Silenced = false
	r.steps("39! 39") // it still fires: now it is told
	r.in.Silenced = true
	r.steps("39 39 39 39 39 39 39 39 39 39 39 39") // not repeated
	r.steps("50ok")                                // who was told that it began is told that it is over
	r.steps("39 50")                               // and of what was never told nothing is
}

func TestWhatIsAcknowledgedIsNotRepeated(t *testing.T) {
	r := newRun(t, func(s *Spec) { s.RepeatMS = 300_000 })
	r.steps("39!")
	r.in.Acked = true
	r.steps(strings.Repeat("39 ", 25) + "50ok")
}

func TestQuietHoursEndWithWhatStillFires(t *testing.T) {
	quiet := func(s *Spec) { s.Quiet = &Quiet{Zone: "Europe/Prague", From: "22:00", To: "07:00"} } // 21:00 to 6:00 UTC in November
	r := newRun(t, quiet)
	r.steps("39 39 50 39")
	if r.last == nil || !r.last.Quiet {
		t.Errorf("incident %+v", r.last)
	}
	r.now = time.Date(2026, 11, 21, 5, 59, 30, 0, time.UTC)
	r.steps("39 39! 50ok")
}

func TestQuietHoursOfDays(t *testing.T) {
	night := &Quiet{Zone: "UTC", From: "22:00", To: "06:00", Days: []string{"fri"}}
	noon := &Quiet{Zone: "UTC", From: "12:00", To: "13:00"}
	day := func(d, h, m int) time.Time { return time.Date(2026, 11, d, h, m, 0, 0, time.UTC) }
	for _, tt := range []struct {
		q    *Quiet
		at   time.Time
		want bool
	}{
		{night, day(20, 22, 0), true},
		{night, day(20, 21, 59), false},
		{night, day(21, 5, 59), true},
		{night, day(21, 6, 0), false},
		{night, day(21, 23, 0), false},
		{night, day(20, 3, 0), false},
		{noon, day(22, 12, 30), true},
		{noon, day(22, 13, 0), false},
		{nil, day(22, 12, 30), false},
	} {
		if got := tt.q.during(tt.at); got != tt.want {
			t.Errorf("%+v at %s: %t, want %t", tt.q, tt.at, got, tt.want)
		}
	}
}

func TestARestartNeitherRepeatsNorLosesAMessage(t *testing.T) {
	r := newRun(t, func(s *Spec) { s.HoldMS = 60_000 })
	r.steps("39 39 39!")
	r.now = r.now.Add(3 * time.Hour) // hosted was down
	r.steps("39 39 39 50ok")
	r.steps("39 39")
	r.now = r.now.Add(time.Hour)
	r.steps("39 39 39!") // what was pending then begins anew: nobody saw what was in between
}

func TestWhatIsMissingAfterARestartIsNoAlarm(t *testing.T) {
	r := newRun(t, func(s *Spec) { s.Metric, s.Side, s.Threshold = Calls, Below, 10 })
	r.steps("20 20")
	r.in.Blind = true
	r.steps("0 0 0")
	r.in.Blind = false
	r.steps("20 0!")
	r.in.Blind = true
	r.steps("20 20") // nor is it the end of one
	r.in.Blind = false
	r.steps("20ok")
}

func TestAnAlertThatIsAboutSomethingElseNowEndsItsIncident(t *testing.T) {
	r := newRun(t, nil)
	r.steps("39!")
	first := r.last.ID
	r.c = newCounter(t, func(s *Spec) { s.Threshold = 45 })
	r.steps("42") // another threshold goes on with the same counts
	r.c = newCounter(t, func(s *Spec) { s.Where = "callee:4202*" })
	r.steps("39ok")
	if r.last.ID != first || r.last.End != EndChanged || r.last.Ended == 0 || r.state.Incident != nil || r.state.Filled != 0 {
		t.Errorf("incident %+v, state %+v", r.last, r.state)
	}
	r.steps("39!")
}

func TestDataThatStaysAwayIsTheEndAfterAnHour(t *testing.T) {
	r := newRun(t, nil)
	r.steps("39!")
	for range 119 { // an hour, with the step that ends it
		if e := r.step("-"); e != "" {
			t.Fatalf("%q at %s", e, r.now)
		}
	}
	r.now = r.now.Add(31 * time.Second)
	r.steps("-ok")
	if r.last.End != EndNoData {
		t.Errorf("end %q, want no-data", r.last.End)
	}
}

func TestAnAddressThatSendsNoMoreCallsIsBadForAnAlertThatWaitsForThem(t *testing.T) {
	waits := newRun(t, func(s *Spec) { s.Metric, s.Side, s.Threshold, s.By = Calls, Below, 1, BySource })
	waits.steps("192.0.2.1=20,192.0.2.2=5 192.0.2.2=5! 192.0.2.1=1,192.0.2.2=5ok")
	counts := newRun(t, func(s *Spec) { s.Metric, s.Side, s.Threshold, s.By = Calls, Above, 10, BySource })
	counts.steps("192.0.2.1=20! 192.0.2.2=5ok 192.0.2.2=5")
	if len(counts.state.Keys) != 1 {
		t.Errorf("keys %v: one that is good and gone is forgotten", counts.state.Keys)
	}
}

func TestAnIncidentRemembersTheWorst(t *testing.T) {
	r := newRun(t, func(s *Spec) { s.By = BySensor })
	r.in.Labels = map[string]string{"3": "sensor 3 (pbx)"}
	r.steps("3=39! 3=12 3=30 3=55ok")
	k := r.last.Keys[0]
	if k.Label != "sensor 3 (pbx)" || k.Value != 39 || k.Worst != 12 || k.Last != 55 || k.Calls != 50 || k.Started != protocol.TimeOf(start) || k.Ended != r.last.Ended || r.last.End != EndOver {
		t.Errorf("%+v of %+v", k, r.last)
	}
	if !strings.Contains(k.Link, "sensor%3A3") {
		t.Errorf("link %s", k.Link)
	}
}

func TestStepDoesNotChangeWhatItWasGiven(t *testing.T) {
	r := newRun(t, nil)
	r.steps("39!")
	data, err := json.Marshal(r.state)
	if err != nil {
		t.Fatal(err)
	}
	Step(Input{Counter: r.c, State: r.state, Now: r.now, Readings: map[string]Reading{"": {Value: 50, Data: true}}})
	var before State
	if err := json.Unmarshal(data, &before); err != nil || !reflect.DeepEqual(before, r.state) {
		t.Errorf("%v\n%+v\n%+v", err, before, r.state)
	}
}

func TestKeysAndPointsAreBounded(t *testing.T) {
	r := newRun(t, nil)
	for range 130 {
		r.step(strings.ReplaceAll(many(MaxKeys+50, "39"), ",", " "))
	}
	if len(r.state.Keys) != MaxKeys || len(r.state.Points) != maxPoints || len(r.state.Incident.Keys) != maxIncidentKeys {
		t.Errorf("%d keys, %d points, %d keys of the incident", len(r.state.Keys), len(r.state.Points), len(r.state.Incident.Keys))
	}
	if r.state.Incident.More != MaxKeys-maxIncidentKeys {
		t.Errorf("%d more, want %d", r.state.Incident.More, MaxKeys-maxIncidentKeys)
	}
}
