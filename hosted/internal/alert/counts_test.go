package alert

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/rules"
)

// newCall makes an ended call.
func newCall(end time.Time, change func(*protocol.CDR)) *protocol.CDR {
	c := &protocol.CDR{
		Start: protocol.TimeOf(end.Add(-time.Minute)), End: protocol.TimeOf(end), SensorID: 3, Caller: "1001", Callee: "4202", Src: "192.0.2.1:5060", Dst: "[2001:db8::1]:5060",
		Status: 200, EndCause: protocol.EndBye,
	}
	ms := int64(50_000)
	c.ConnectMS = &ms
	if change != nil {
		change(c)
	}
	return c
}

func answered(c *protocol.CDR) {}

func failed(status int) func(*protocol.CDR) {
	return func(c *protocol.CDR) { c.ConnectMS, c.Status, c.EndCause = nil, status, protocol.EndRejected }
}

func media(mos, loss, jitter float64) func(*protocol.CDR) {
	return func(c *protocol.CDR) { c.MOS, c.LossPct, c.JitterMS = &mos, &loss, &jitter }
}

func pdd(ms int64) func(*protocol.CDR) { return func(c *protocol.CDR) { c.PDDMS = &ms } }

func TestFigures(t *testing.T) {
	number := func(v float64) *float64 { return &v }
	calls := func(changes ...func(*protocol.CDR)) (all []*protocol.CDR) {
		for i, f := range changes {
			all = append(all, newCall(start.Add(-time.Duration(i)*time.Second), f))
		}
		return all
	}
	joined := func(c *protocol.CDR) { c.Joined, c.ConnectMS = true, nil }
	for name, tt := range map[string]struct {
		spec  func(*Spec)
		calls []*protocol.CDR
		want  string // value of calls, "-": no data
	}{
		"asr":                           {func(s *Spec) { s.Metric = ASR }, calls(answered, failed(404), failed(486), answered), "50 of 4"},
		"asr of calls that were joined": {func(s *Spec) { s.Metric = ASR }, calls(answered, joined), "100 of 1"},
		"ner":                           {func(s *Spec) { s.Metric = NER }, calls(answered, failed(503), failed(486), answered), "75 of 4"},
		"acd":                           {func(s *Spec) { s.Metric = ACD }, calls(answered, failed(404), answered), "50 of 2"},
		"too few calls":                 {func(s *Spec) { s.Metric, s.MinCalls = ASR, 3 }, calls(failed(404), failed(404)), "-"},
		"enough calls":                  {func(s *Spec) { s.Metric, s.MinCalls = ASR, 2 }, calls(failed(404), failed(404)), "0 of 2"},
		"no calls":                      {func(s *Spec) { s.Metric = ASR }, nil, "-"},
		"mos":                           {func(s *Spec) { s.Metric = MOS }, calls(media(4, 0, 1), media(3, 0, 1), answered), "3.5 of 2"},
		"mos below":                     {func(s *Spec) { s.Metric, s.Bound = MOSBelow, number(3.6) }, calls(media(4, 0, 1), media(3.6, 0, 1), media(3.5, 0, 1), media(2, 0, 1), answered), "50 of 4"},
		"loss":                          {func(s *Spec) { s.Metric = Loss }, calls(media(4, 2, 1), media(4, 0, 1)), "1 of 2"},
		"loss above":                    {func(s *Spec) { s.Metric, s.Bound = LossAbove, number(1) }, calls(media(4, 2, 1), media(4, 1, 1)), "50 of 2"},
		"jitter":                        {func(s *Spec) { s.Metric = Jitter }, calls(media(4, 2, 10), media(4, 1, 20)), "15 of 2"},
		"calls":                         {func(s *Spec) { s.Metric = Calls }, calls(answered, failed(404)), "2 of 2"},
		"calls of a condition":          {func(s *Spec) { s.Metric, s.Where = Calls, "status:404" }, calls(answered, failed(404)), "1 of 1"},
		"none, which are few":           {func(s *Spec) { s.Metric, s.Side, s.MinCalls = Calls, Below, 10 }, nil, "0 of 0"},
		"cps":                           {func(s *Spec) { s.Metric, s.WindowMS = CPS, 60_000 }, calls(answered, answered, answered), "0.05 of 3"},
		"share":                         {func(s *Spec) { s.Metric, s.Match = Share, "status:503" }, calls(failed(503), failed(404), answered, answered), "25 of 4"},
		"over limit":                    {func(s *Spec) { s.Metric = OverLimit }, calls(answered, func(c *protocol.CDR) { c.OverLimit = true }), "1 of 2"},
		"finding": {func(s *Spec) { s.Metric, s.Finding = Finding, "one-way-audio" }, calls(answered, func(c *protocol.CDR) {
			c.Findings = []protocol.Finding{{Code: "nat"}, {Code: "one-way-audio"}}
		}), "1 of 2"},
	} {
		t.Run(name, func(t *testing.T) {
			ta := NewTally(newCounter(t, tt.spec))
			for _, c := range tt.calls {
				ta.Call(c, start)
			}
			got := ta.Readings(ta.Changed(), start, []string{""})[""]
			text := "-"
			if got.Data {
				text = fmt.Sprintf("%g of %d", got.Value, got.Calls)
			}
			if text != tt.want {
				t.Errorf("%s, want %s", text, tt.want)
			}
		})
	}
}

func TestThePercentileIsThatOfTheDelaysToTwoPerCent(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		ta := NewTally(newCounter(t, func(s *Spec) { s.Metric = PDD }))
		n, top := 20+r.IntN(200), 1+r.Int64N(20_000)
		all := make([]int64, n)
		for i := range all {
			all[i] = r.Int64N(top) + 1
			ta.Call(newCall(start, pdd(all[i])), start)
		}
		below := 0
		got := ta.Readings(ta.Changed(), start, nil)[""].Value
		for _, v := range all {
			if float64(v) <= got*1.021+1 {
				below++
			}
		}
		above := 0
		for _, v := range all {
			if float64(v) >= got/1.021-1 {
				above++
			}
		}
		if float64(below) < 0.95*float64(n) || float64(above) < 0.05*float64(n) {
			t.Fatalf("p95 %g of %d delays up to %d: %d are below it, %d above", got, n, top, below, above)
		}
	}
}

func TestCallsCountAtTheirEndAndLateOnesNotAtAll(t *testing.T) {
	ta := NewTally(newCounter(t, func(s *Spec) { s.Metric = Calls }))
	ta.Call(newCall(start.Add(-4*time.Minute), func(c *protocol.CDR) { c.Start = protocol.TimeOf(start.Add(-3 * time.Hour)) }), start) // a long one
	ta.Call(newCall(start.Add(-6*time.Minute), nil), start)                                                                            // of a sensor that was away
	ta.Call(newCall(start.Add(time.Hour), nil), start)                                                                                 // of a clock that is ahead
	ta.Call(newCall(start, func(c *protocol.CDR) { c.End = 0 }), start)
	slots := ta.Changed()
	got := ta.Readings(slots, start, nil)[""]
	if got.Calls != 3 || ta.Late != 1 || got.First != protocol.TimeOf(start.Add(-3*time.Hour)) {
		t.Errorf("%+v, %d late", got, ta.Late)
	}
	if got := ta.Readings(slots, start.Add(5*time.Minute+10*time.Second), []string{""})[""]; got.Calls != 0 {
		t.Errorf("%d calls of a window that begins behind them", got.Calls)
	}
}

func TestKeysOfCalls(t *testing.T) {
	for by, want := range map[By]string{ByTenant: "", BySensor: "3", BySource: "192.0.2.1", ByDestination: "2001:db8::1"} {
		ta := NewTally(newCounter(t, func(s *Spec) { s.By = by }))
		ta.Call(newCall(start, nil), start)
		if slots := ta.Changed(); len(slots) != 1 || slots[0].Key != want {
			t.Errorf("by %s: %+v, want key %q", by, slots, want)
		}
	}
}

func TestSlotsOfSeveralProcessesAddUp(t *testing.T) {
	one, two := NewTally(newCounter(t, nil)), NewTally(newCounter(t, nil))
	for i := range 10 {
		one.Call(newCall(start, failed(404)), start)
		two.Call(newCall(start.Add(-time.Duration(i)*20*time.Second), answered), start)
	}
	slots := append(stored(t, one.Changed()), stored(t, two.Changed())...)
	if got := one.Readings(slots, start, nil)[""]; got.Value != 50 || got.Calls != 20 {
		t.Errorf("%+v", got)
	}
	if one.Changed() != nil {
		t.Error("what did not change is told again")
	}
	one.Call(newCall(start, failed(404)), start)
	if again := one.Changed(); len(again) != 1 || again[0].Counts.Calls != 11 {
		t.Errorf("a slot that changed is told whole: %+v", again)
	}
}

// stored is slots as the store gives them back.
func stored(t *testing.T, slots []Slot) []Slot {
	t.Helper()
	for i := range slots {
		data, err := json.Marshal(slots[i].Counts)
		if err != nil {
			t.Fatal(err)
		}
		slots[i].Counts = Counts{}
		if err := json.Unmarshal(data, &slots[i].Counts); err != nil {
			t.Fatal(err)
		}
	}
	return slots
}

func TestFiguresOfSensors(t *testing.T) {
	samples := []Sample{{Sensor: 1, Running: 10, Queue: 5, Lag: 60, Drops: 7}, {Sensor: 2, Running: 20}}
	for metric, want := range map[Metric]string{Concurrent: "10 20", Queue: "5 0", QueueLag: "60 0", Drops: "14 0"} {
		ta := NewTally(newCounter(t, func(s *Spec) { s.Metric, s.By, s.Threshold = metric, BySensor, 0 }))
		ta.Samples(samples, start)
		ta.Samples(samples, start.Add(-30*time.Second))
		got := ta.Readings(stored(t, ta.Changed()), start, []string{"1", "2", "3"})
		if text := fmt.Sprintf("%g %g", got["1"].Value, got["2"].Value); text != want || !got["1"].Data || got["3"].Data {
			t.Errorf("%s: %s, want %s; %+v", metric, text, want, got)
		}
	}
	together := func() *Tally { return NewTally(newCounter(t, func(s *Spec) { s.Metric, s.By = Concurrent, ByTenant })) }
	one, two := together(), together()
	one.Samples(samples, start)
	two.Samples([]Sample{{Sensor: 3, Running: 5}}, start)
	two.Samples([]Sample{{Sensor: 3, Running: 50}}, start.Add(-time.Minute))
	if got := one.Readings(append(one.Changed(), two.Changed()...), start, nil)[""]; got.Value != 50 {
		t.Errorf("running calls of two processes at one time: %+v, want 50: 35 now, 50 before", got)
	}
}

func TestMoreAddressesThanMayBeAreCounted(t *testing.T) {
	ta := NewTally(newCounter(t, func(s *Spec) { s.By = BySource }))
	for i := range 1000 {
		ta.Call(newCall(start, func(c *protocol.CDR) { c.Src = fmt.Sprintf("10.0.%d.%d:5060", i/250, i%250) }), start)
	}
	if len(ta.Changed()) != MaxKeys || ta.Overflow != 1000-MaxKeys {
		t.Errorf("%d slots, %d overflow", len(ta.slots), ta.Overflow)
	}
	ta.Forget(start.Add(time.Hour))
	if len(ta.slots) != 0 || len(ta.keys) != 0 {
		t.Errorf("%d slots and %d keys are not forgotten", len(ta.slots), len(ta.keys))
	}
}

func TestWindowsHaveTenToNinetySlots(t *testing.T) {
	for _, w := range []time.Duration{MinWindow, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour, MaxWindow} {
		s := Spec{WindowMS: w.Milliseconds()}
		if n := w / s.Slot(); n < 6 || n > 100 || s.Slot()%(10*time.Second) != 0 {
			t.Errorf("window %s: %d slots of %s", w, n, s.Slot())
		}
	}
}

func TestWhatIsWrongWithADefinitionIsNamed(t *testing.T) {
	number := func(v float64) *float64 { return &v }
	for field, changes := range map[string][]func(*Spec){
		"name":       {func(s *Spec) { s.Name = " " }, func(s *Spec) { s.Name = "a\nb" }, func(s *Spec) { s.Name = strings.Repeat("ž", 101) }},
		"note":       {func(s *Spec) { s.Note = strings.Repeat("x", 1001) }},
		"metric":     {func(s *Spec) { s.Metric = "speed" }},
		"bound":      {func(s *Spec) { s.Metric = MOSBelow }, func(s *Spec) { s.Bound = number(3) }, func(s *Spec) { s.Metric, s.Bound = MOSBelow, number(-1) }},
		"finding":    {func(s *Spec) { s.Metric = Finding }, func(s *Spec) { s.Finding = "x" }, func(s *Spec) { s.Metric, s.Finding = Finding, "A B" }},
		"match":      {func(s *Spec) { s.Metric = Share }, func(s *Spec) { s.Match = "mos<3" }, func(s *Spec) { s.Metric, s.Match = Share, "mos<" }},
		"where":      {func(s *Spec) { s.Where = "callee:" }, func(s *Spec) { s.Where = "header.X-Y:1" }, func(s *Spec) { s.Where = strings.Repeat("1", 2001) }, func(s *Spec) { s.Metric, s.Where = Offline, "mos<3" }},
		"by":         {func(s *Spec) { s.By = "moon" }, func(s *Spec) { s.Metric, s.By = Offline, ByTenant }, func(s *Spec) { s.Metric, s.By = Concurrent, BySource }},
		"side":       {func(s *Spec) { s.Side = "left" }},
		"over":       {func(s *Spec) { s.Over = number(39) }},
		"last_week":  {func(s *Spec) { s.Metric, s.LastWeek = Queue, true }},
		"window_ms":  {func(s *Spec) { s.WindowMS = 1 }, func(s *Spec) { s.WindowMS = 1 << 40 }},
		"hold_ms":    {func(s *Spec) { s.HoldMS = -1 }},
		"resolve_ms": {func(s *Spec) { s.ResolveMS = 1 << 40 }},
		"repeat_ms":  {func(s *Spec) { s.RepeatMS = 1000 }},
		"min_calls":  {func(s *Spec) { s.MinCalls = -1 }},
		"severity":   {func(s *Spec) { s.Severity = "loud" }},
		"receivers":  {func(s *Spec) { s.Receivers = make([]int64, 11) }},
		"quiet": {
			func(s *Spec) { s.Quiet = &Quiet{Zone: "Moon/Crater", From: "22:00", To: "06:00"} }, func(s *Spec) { s.Quiet = &Quiet{Zone: "UTC", From: "25:00", To: "06:00"} },
			func(s *Spec) { s.Quiet = &Quiet{Zone: "UTC", From: "22:00", To: "22:00"} }, func(s *Spec) { s.Quiet = &Quiet{Zone: "UTC", From: "22:00", To: "06:00", Days: []string{"x"}} },
			func(s *Spec) { s.Quiet = &Quiet{Zone: "Local", From: "22:00", To: "06:00"} },
		},
	} {
		for i, change := range changes {
			s := Spec{Name: "x", Metric: ASR, Threshold: 40}
			change(&s)
			s.Defaults()
			_, err := NewCounter(1, s, rules.ParseExpr)
			var e *Error
			if !errors.As(err, &e) || e.Field != field || e.Remedy == "" {
				t.Errorf("%s, %d: %v", field, i, err)
			}
		}
	}
}

func TestOneCallOfOneIsNoAlarmUnlessSaid(t *testing.T) {
	for metric, want := range map[Metric]int64{ASR: 10, MOS: 10, Calls: 0, Offline: 0} {
		s := Spec{Metric: metric}
		if s.Defaults(); s.MinCalls != want {
			t.Errorf("%s: at least %d calls, want %d", metric, s.MinCalls, want)
		}
	}
	s := Spec{Metric: ASR, MinCalls: 1}
	if s.Defaults(); s.MinCalls != 1 {
		t.Errorf("1 was asked for and is %d", s.MinCalls)
	}
}

func TestTemplatesAreRight(t *testing.T) {
	for _, s := range Templates() {
		c, err := NewCounter(1, s, rules.ParseExpr)
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
			continue
		}
		if s.Enabled || len(s.Receivers) > 0 {
			t.Errorf("%s is on, or tells somebody", s.Name)
		}
		if c.Describe() == "" {
			t.Errorf("%s: no description", s.Name)
		}
	}
}

func TestEveryMetricIsCountedAndDescribed(t *testing.T) {
	number := 1.0
	for _, m := range Metrics() {
		for _, by := range m.By() {
			s := Spec{Name: "x", Metric: m.Name, By: by, Threshold: 1}
			if m.Bound {
				s.Bound = &number
			}
			switch m.Name {
			case Finding:
				s.Finding = "x"
			case Share:
				s.Match = "mos<3"
			}
			s.Defaults()
			c, err := NewCounter(1, s, rules.ParseExpr)
			if err != nil {
				t.Errorf("%s by %s: %v", m.Name, by, err)
				continue
			}
			ta := NewTally(c)
			ta.Call(newCall(start, media(2, 5, 5)), start)
			ta.Samples([]Sample{{Sensor: 3, Running: 1}}, start)
			if n := len(ta.Changed()); n > 1 || n == 0 && m.Name != Offline && m.Name != PDD {
				t.Errorf("%s by %s: %d slots", m.Name, by, n)
			}
			key := map[By]string{BySensor: "3", BySource: "192.0.2.1", ByDestination: "2001:db8::1"}[by]
			if w := c.callsWhere(key); w != "" {
				if _, err := rules.ParseExpr(w); err != nil {
					t.Errorf("%s by %s: search %q: %v", m.Name, by, w, err)
				}
			}
		}
	}
}
