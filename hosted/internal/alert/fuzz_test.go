package alert

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"voiptop/rules"
)

// FuzzADefinitionThatIsTakenCanBeEvaluated: whatever passes the checks counts, fires, tells and is read back without harm.
func FuzzADefinitionThatIsTakenCanBeEvaluated(f *testing.F) {
	for _, s := range Templates() {
		s.Name = "x"
		data, err := json.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"name":"x","metric":"share","match":"mos<3 or status:503","where":"callee:42*","threshold":1e-300,"window_ms":60000,"quiet":{"zone":"UTC","from":"22:00","to":"06:00","days":["mon"]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s Spec
		if json.Unmarshal(data, &s) != nil {
			return
		}
		s.Defaults()
		c, err := NewCounter(1, s, rules.ParseExpr)
		if err != nil {
			return
		}
		ta := NewTally(c)
		for i := range 20 {
			ta.Call(newCall(start.Add(-time.Duration(i)*time.Second), media(1+float64(i)/5, float64(i), 5)), start)
			ta.Call(newCall(start.Add(-time.Duration(i)*time.Second), failed(503)), start)
		}
		ta.Samples([]Sample{{Sensor: 3, Running: 5, Queue: 7, Lag: 3, Drops: 9}}, start)
		slots := ta.Changed()
		st := State{Counted: c.Key}
		for i := range 4 {
			out := Step(Input{Counter: c, State: st, Now: start.Add(time.Duration(i) * 30 * time.Second), Readings: c.Readings(slots, start, []string{"", "3"})})
			stored, err := json.Marshal(out.State)
			if err != nil {
				t.Fatalf("%s: a state that cannot be stored: %v", data, err)
			}
			st = State{}
			if err := json.Unmarshal(stored, &st); err != nil {
				t.Fatalf("%s: a state that cannot be read: %v", data, err)
			}
			if out.Incident == nil {
				continue
			}
			m := NewMessage(c, out.Incident, EventFiring, "acme", "https://voip.example", start)
			if _, err := json.Marshal(m); err != nil || m.Summary == "" || strings.ContainsAny(m.Summary, "\r\n") && !strings.ContainsAny(s.Name, "\r\n") {
				t.Fatalf("%s: message %q, %v", data, m.Summary, err)
			}
			for _, k := range m.Keys {
				if u, err := url.Parse(k.Link); err != nil || k.Link != "" && u.Host != "voip.example" {
					t.Fatalf("%s: link %q, %v", data, k.Link, err)
				} else if _, err := rules.ParseExpr(u.Query().Get("where")); err != nil && k.Key != "" {
					t.Fatalf("%s: search %q: %v", data, u.Query().Get("where"), err)
				}
			}
		}
		if p := Simulate(c, slots, start.Add(-2*s.Window()-time.Hour), start, nil); len(p.Points) > previewPoints {
			t.Fatalf("%s: %d points", data, len(p.Points))
		}
	})
}

// FuzzAMaskedReceiverTellsNothing: of a URL that is taken, only scheme and host are shown, and putting it back gives the whole.
func FuzzAMaskedReceiverTellsNothing(f *testing.F) {
	f.Add("https://hooks.example/services/T0/B1/s3cr3t-token")
	f.Add("http://user:password@[2001:db8::1]:8080/?key=s3cr3t-token")
	f.Fuzz(func(t *testing.T, raw string) {
		r := Receiver{Name: "x", Kind: KindSlack, URL: raw}
		if r.Check() != nil {
			return
		}
		m := r.Masked()
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatalf("%q is taken: %v", raw, err)
		}
		if m.URL != u.Scheme+"://"+u.Host+"/"+Mask {
			t.Fatalf("%q is shown as %q", raw, m.URL)
		}
		if m.Keep(r); m.URL != raw {
			t.Fatalf("%q comes back as %q", raw, m.URL)
		}
	})
}
