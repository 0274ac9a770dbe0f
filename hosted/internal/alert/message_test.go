package alert

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/rules"
)

func TestTheLinkOfAMessageFindsExactlyTheCallsThatWereBad(t *testing.T) {
	number := 3.6
	for name, spec := range map[string]func(*Spec){
		"asr":              func(s *Spec) { s.Metric = ASR },
		"ner":              func(s *Spec) { s.Metric = NER },
		"mos":              func(s *Spec) { s.Metric, s.Bound, s.Side = MOSBelow, &number, Above },
		"share":            func(s *Spec) { s.Metric, s.Match, s.Side = Share, "status:404 or status:503", Above },
		"where":            func(s *Spec) { s.Metric, s.Where = ASR, "callee:4202* or callee:4203*" },
		"finding":          func(s *Spec) { s.Metric, s.Finding, s.Side = Finding, "one-way-audio", Above },
		"source":           func(s *Spec) { s.Metric, s.By = ASR, BySource },
		"IPv6 destination": func(s *Spec) { s.Metric, s.By = ASR, ByDestination },
		"sensor":           func(s *Spec) { s.Metric, s.By = ASR, BySensor },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCounter(t, spec)
			ta := NewTally(c)
			var all []*protocol.CDR
			for _, change := range []func(*protocol.CDR){
				answered, failed(404), failed(486), failed(503), media(2, 0, 0), media(4, 0, 0), func(c *protocol.CDR) { failed(404)(c); c.Callee = "999" },
				func(c *protocol.CDR) { c.Findings = []protocol.Finding{{Code: "one-way-audio"}} }, func(c *protocol.CDR) { c.OverLimit = true },
				func(c *protocol.CDR) {
					failed(404)(c)
					c.SensorID, c.Src, c.Dst = 9, "198.51.100.1:5060", "198.51.100.2:5060"
				},
			} {
				call := newCall(start.Add(-time.Duration(len(all))*time.Second), change)
				all = append(all, call)
				ta.Call(call, start)
			}
			readings := ta.Readings(ta.Changed(), start, nil)
			for key, r := range readings {
				_, query, _ := strings.Cut(c.callsPath(&IncidentKey{Key: key, First: r.First, Latest: r.Last}), "?")
				q, err := url.ParseQuery(query)
				if err != nil {
					t.Fatal(err)
				}
				where, err := rules.ParseExpr(q.Get("where"))
				if err != nil {
					t.Fatalf("%q: %v", q.Get("where"), err)
				}
				found := int64(0)
				for _, call := range all {
					if s := call.Start.String(); s >= q.Get("from") && s < q.Get("to") && where.Match(rules.Call{CDR: call, State: protocol.StateEnded}) {
						found++
					}
				}
				want := r.Calls // asr, ner: those that failed; others: those that count
				for _, slot := range slotsOf(t, c, all) {
					if slot.Key == key {
						want = slot.Counts.Hits
						if c.Spec.Metric == ASR || c.Spec.Metric == NER {
							want = slot.Counts.Calls - slot.Counts.Hits
						}
					}
				}
				if found != want {
					t.Errorf("key %q: %s finds %d calls, want %d", key, q.Get("where"), found, want)
				}
			}
		})
	}
}

// slotsOf counts all in one slot.
func slotsOf(t *testing.T, c *Counter, all []*protocol.CDR) []Slot {
	t.Helper()
	ta := NewTally(c)
	for _, call := range all {
		ta.CallAt(call, start)
	}
	return ta.Changed()
}

func TestMessagesSayInALineWhatIsWrong(t *testing.T) {
	r := newRun(t, func(s *Spec) { s.By, s.Note = BySensor, "call the carrier" })
	r.in.Labels = map[string]string{"3": "sensor 3 (pbx)", "4": "sensor 4"}
	message := func(e Event) Message {
		return NewMessage(r.c, r.last, e, "acme", "https://voip.example", r.now)
	}
	r.steps("3=39,4=50!")
	if m := message(EventFiring); m.Summary != "FIRING: few answered - sensor 3 (pbx): 39 %, of 50 calls" {
		t.Errorf("%s", m.Summary)
	}
	r.steps("3=12,4=20")
	m := message(EventMore)
	if m.Summary != "FIRING FOR MORE: few answered - sensor 3 (pbx) and 1 more" || len(m.Keys) != 2 || m.Keys[0].Text != "12 %, of 50 calls" {
		t.Errorf("%s, %+v", m.Summary, m.Keys)
	}
	if m.Page != "https://voip.example/alerts?incident="+r.last.ID || !strings.HasPrefix(m.Keys[0].Link, "https://voip.example/calls?") {
		t.Errorf("links %s, %s", m.Page, m.Keys[0].Link)
	}
	r.steps("3=50,4=50ok")
	m = message(EventResolved)
	if m.Summary != "RESOLVED: few answered - over after 1 min" || m.Keys[0].Text != "good again, at worst 12 %, of 50 calls" {
		t.Errorf("%s, %+v", m.Summary, m.Keys[0])
	}
	if m.Alert.Condition != "answer-seizure ratio below 40 % in 5 min" || m.Alert.Note != "call the carrier" || m.Version != 1 {
		t.Errorf("%+v", m.Alert)
	}
	if data, err := json.Marshal(m); err != nil || !strings.Contains(string(data), `"event":"resolved"`) {
		t.Errorf("%s, %v", data, err)
	}
}

func TestAMessageListsTwentyKeys(t *testing.T) {
	r := newRun(t, nil)
	r.steps(many(60, "39") + "!")
	m := NewMessage(r.c, r.last, EventFiring, "acme", "", r.now)
	if len(m.Keys) != maxMessageKeys || m.More != 40 || !strings.HasSuffix(m.Summary, "and 59 more") {
		t.Errorf("%d keys, %d more, %s", len(m.Keys), m.More, m.Summary)
	}
}

func TestFormats(t *testing.T) {
	for _, tt := range []struct {
		metric   Metric
		v        float64
		lastWeek bool
		want     string
	}{
		{ASR, 39.04, false, "39 %"},
		{MOS, 3.456, false, "3.46"},
		{PDD, 1234, false, "1234 ms"},
		{Calls, 1e6, false, "1000000 calls"},
		{ASR, -0.001, false, "0 %"},
		{Calls, 49.6, true, "50 % of last week's"},
		{CPS, 0.5, false, "0.5 /s"},
	} {
		m, _ := MetricByName(tt.metric)
		if got := m.Format(tt.v, tt.lastWeek); got != tt.want {
			t.Errorf("%s %g: %q, want %q", tt.metric, tt.v, got, tt.want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0 s", 59 * time.Second: "59 s", 90 * time.Second: "1 min 30 s", 24 * time.Hour: "24 h", 50 * time.Hour: "2 d 2 h", 3*time.Hour + 30*time.Second: "3 h 30 s"} {
		if got := span(d); got != want {
			t.Errorf("%d: %q, want %q", d, got, want)
		}
	}
}

func TestAPreviewFiresWhenTheAlertWouldHave(t *testing.T) {
	c := newCounter(t, func(s *Spec) { s.MinCalls, s.ResolveMS = 5, 60_000 })
	ta := NewTally(c)
	from := start.Add(-6 * time.Hour)
	for at := from; at.Before(start); at = at.Add(10 * time.Second) {
		minute := int(at.Sub(from) / time.Minute)
		change := answered
		if minute >= 60 && minute < 70 || minute >= 200 && minute < 230 {
			change = failed(503)
		}
		ta.CallAt(newCall(at, change), at)
	}
	p := Simulate(c, ta.Changed(), from, start, nil)
	if len(p.Incidents) != 2 || p.Calls != 6*360 || p.Keys != 1 {
		t.Fatalf("%+v", p)
	}
	for i, want := range []struct{ began, ended int }{{63, 73}, {203, 233}} { // three of five minutes' calls failed; three of five are good again
		got := p.Incidents[i]
		began, ended := got.Started.Std().Sub(from).Minutes(), got.Ended.Std().Sub(from).Minutes()
		if began < float64(want.began)-1 || began > float64(want.began)+2 || ended < float64(want.ended)-2 || ended > float64(want.ended)+3 {
			t.Errorf("incident %d from %g to %g, want about %d to %d", i, began, ended, want.began, want.ended)
		}
	}
	if len(p.Points) > previewPoints || len(p.Points) < 100 {
		t.Errorf("%d points", len(p.Points))
	}
}

func TestComparedWithLastWeek(t *testing.T) {
	c := newCounter(t, func(s *Spec) { s.Metric, s.LastWeek, s.Side, s.Threshold = Calls, true, Below, 50 })
	got := c.Compare(map[string]Reading{"a": {Value: 30, Data: true}, "b": {Value: 5, Data: true}, "c": {Value: 5, Data: true}}, map[string]Reading{"a": {Value: 120, Data: true}, "b": {Data: true}})
	if got["a"].Value != 25 || !got["a"].Data || got["b"].Data || got["c"].Data {
		t.Errorf("%+v", got)
	}
}

func TestReceiversAreCheckedAndMasked(t *testing.T) {
	hook := Receiver{Name: "noc", Kind: KindWebhook, URL: "https://user:pw@hooks.example/T0/B1/secret?x=1", Key: "0123456789abcdef"}
	if err := hook.Check(); err != nil {
		t.Error(err)
	}
	m := hook.Masked()
	if m.URL != "https://hooks.example/********" || m.Key != Mask {
		t.Errorf("masked %+v", m)
	}
	m.Name = "other"
	m.Keep(hook)
	if m.URL != hook.URL || m.Key != hook.Key {
		t.Errorf("kept %+v", m)
	}
	m.URL, m.Key = "https://elsewhere.example/x", "another key that is long"
	m.Keep(hook)
	if m.URL != "https://elsewhere.example/x" || m.Key == hook.Key {
		t.Errorf("a new URL is lost: %+v", m)
	}
	for name, r := range map[string]Receiver{
		"no name": {Kind: KindMail, Addresses: []string{"a@example.org"}}, "kind": {Name: "x", Kind: "pigeon", URL: "https://x.example"},
		"no URL": {Name: "x", Kind: KindSlack}, "no scheme": {Name: "x", Kind: KindSlack, URL: "hooks.example"}, "file": {Name: "x", Kind: KindSlack, URL: "file:///etc/passwd"},
		"no address": {Name: "x", Kind: KindMail}, "mail to a URL": {Name: "x", Kind: KindMail, URL: "https://x.example", Addresses: []string{"a@example.org"}},
		"two headers": {Name: "x", Kind: KindMail, Addresses: []string{"a@example.org\r\nBcc: b@example.org"}}, "named": {Name: "x", Kind: KindMail, Addresses: []string{"A <a@example.org>"}},
		"short key": {Name: "x", Kind: KindWebhook, URL: "https://x.example", Key: "short"}, "key of mail": {Name: "x", Kind: KindMail, Addresses: []string{"a@example.org"}, Key: "0123456789abcdef"},
	} {
		err := r.Check()
		if err == nil {
			t.Errorf("%s is taken", name)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConditionsInWords(t *testing.T) {
	bound := 3.6
	for want, change := range map[string]func(*Spec){
		"answer-seizure ratio below 40 % in 5 min":                                       func(*Spec) {},
		"answer-seizure ratio below 40 % in 5 min for 2 min, of calls with callee:4202*": func(s *Spec) { s.HoldMS, s.Where = 120_000, "callee:4202*" },
		"less than 40 calls in 5 min":                                                    func(s *Spec) { s.Metric, s.Side = Calls, Below },
		"calls below 40 % of last week's in 5 min":                                       func(s *Spec) { s.Metric, s.Side, s.LastWeek = Calls, Below, true },
		"more than 40 % of calls with a MOS below 3.6 in 5 min":                          func(s *Spec) { s.Metric, s.Bound = MOSBelow, &bound },
		"more than 40 % of calls with over 3.6 % loss in 5 min":                          func(s *Spec) { s.Metric, s.Bound = LossAbove, &bound },
		"more than 40 calls with the finding one-way-audio in 5 min":                     func(s *Spec) { s.Metric, s.Finding = Finding, "one-way-audio" },
		"more than 40 % of calls with status:503 in 5 min":                               func(s *Spec) { s.Metric, s.Match = Share, "status:503" },
		"more than 40 calls over the limit in 5 min":                                     func(s *Spec) { s.Metric = OverLimit },
		"more than 40 packets dropped in 5 min":                                          func(s *Spec) { s.Metric = Drops },
		"sensor offline for more than 3 min":                                             func(s *Spec) { s.Metric, s.Threshold = Offline, 180 },
	} {
		if got := newCounter(t, change).Describe(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
