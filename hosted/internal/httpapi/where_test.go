package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"voiptop/hosted/internal/search"
	"voiptop/protocol"
)

func where(condition string) string { return "where=" + url.QueryEscape(condition) }

func TestAConditionSelectsByAnyField(t *testing.T) {
	w := newWorld(t)
	mos, pdd := 2.2, int64(7000)
	wanted := w.call(2, func(c *protocol.CDR) {
		c.Caller, c.Callee, c.CallerName, c.Src, c.Status, c.MOS, c.PDDMS = "+420777", "jana", "Jana Nová", "192.0.2.5:5060", 486, &mos, &pdd
		c.Dst = "198.51.100.1:5060"
		c.UACaller, c.Codecs, c.EndCause, c.EndBy, c.CallerDomain = "Yealink T46", []string{"PCMA", "telephone-event"}, protocol.EndRejected, protocol.PartyCallee, "pbx.example"
		c.Findings = []protocol.Finding{{Code: "one-way-audio", Severity: protocol.SeverityBad}}
		c.Capture.Kept, c.Rule, c.Transport, c.DurationMS = protocol.KeepRTP, "bad", "tls", 60_000
	})
	w.stored(w.acme, w.s1.uuid, w.call(1, func(c *protocol.CDR) { c.Start -= 3600e6; c.DurationMS = 1 }), wanted)
	w.stored(w.other, w.theirs.uuid, w.call(1, func(c *protocol.CDR) { c.Caller = "+420777" }))
	c := w.as("viewer")
	for _, condition := range []string{
		"caller:420*", "number:00420777", "callee:JANA", "name:*nov*", "ip:192.0.2.0/24", "src:192.0.2.5:5060", "direction:transit", "domain:pbx.example", "ua:yealink*",
		"ua~^Yea", "transport:tls", "codec:pcma", "end:rejected by:callee", "finding:one-way*", "rule:bad", "kept:rtp", "status>=400", "mos<3 mos>2", "duration>30", "pdd>5",
		"sensor:2", "Nová", "not sensor:1", "callee:jana or callee:petr", "state:ended and mos<3", "callid=" + `"` + wanted.CallID + `"`,
	} {
		var p page
		c.get("/calls?"+where(condition)).into(t, &p)
		if len(p.Calls) != 1 || p.Calls[0].ID != wanted.ID {
			t.Errorf("%s finds %+v", condition, p.Calls)
		}
		var n struct {
			Calls    int
			Complete bool
		}
		c.get("/calls/count?"+where(condition)).into(t, &n)
		if n.Calls != 1 || !n.Complete {
			t.Errorf("%s counts %+v, want one", condition, n)
		}
	}
	for _, query := range []string{where("caller:420*") + "&status=200", where("caller:420* status:200"), where("mos<3") + "&q=192.0.2.6"} {
		if a := c.get("/calls?" + query); string(a.body) != "{\"calls\":[],\"next\":\"\"}\n" {
			t.Errorf("%s: %s, want nothing: parameters and condition must all hold", query, a.body)
		}
	}
}

func TestAConditionMeansWhatTheTenantsRulesMean(t *testing.T) {
	w := newWorld(t)
	w.stored(w.acme, w.s1.uuid, w.call(1, func(c *protocol.CDR) { c.Caller = "+42012" }))
	c := w.as("admin")
	if a := c.get("/calls?" + where("caller:@vip")); a.code() != search.CodeBadCondition {
		t.Errorf("a group that there is not: %s", a.body)
	}
	if a := c.do("PUT", "/rules", map[string]any{"revision": 0, "text": "group vip: 4201*\n"}); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	var p page
	if c.get("/calls?"+where("caller:@vip")).into(t, &p); len(p.Calls) != 1 {
		t.Errorf("the group of the tenant's rules finds %d calls, want 1", len(p.Calls))
	}
	if a := w.as("eve").get("/calls?" + where("caller:@vip")); a.code() != search.CodeBadCondition {
		t.Errorf("another tenant's group is known: %s", a.body)
	}
}

func TestWhatIsWrongWithAConditionIsSaidWithItsPlace(t *testing.T) {
	w := newWorld(t)
	c := w.as("user")
	for _, path := range []string{"/calls", "/calls/count", "/captures"} {
		a := c.get(path + "?" + where("mos<3.5 and calle:1"))
		var p protocol.Problem
		a.into(t, &p)
		if a.status != http.StatusUnprocessableEntity || p.Code != search.CodeBadCondition || p.Fields["column"] != "13" || p.Fields["nearest"] != "caller" || p.Fields["expected"] == "" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		a = c.get(path + "?" + where("header.X-Tenant:a"))
		if a.code() != search.CodeBadCondition || !strings.Contains(string(a.body), "header fields are known while a call runs") {
			t.Errorf("%s: a header: %s", path, a.body)
		}
		if a := c.get(path + "?where=a&where=b"); a.status != http.StatusBadRequest {
			t.Errorf("%s: two conditions: %d", path, a.status)
		}
	}
}

func TestAConditionIsCheckedWhileItIsTyped(t *testing.T) {
	w := newWorld(t)
	w.as("admin").do("PUT", "/rules", map[string]any{"revision": 0, "text": "zone Europe/Prague\ngroup vip: 1\n"})
	c := w.as("viewer")
	for condition, want := range map[string]string{
		"": `{"ok":true}`, "mos<3": `{"ok":true}`, "caller:@vip": `{"ok":true}`,
		"mos<x": `{"ok":false,"error":{"line":1,"column":5,"found":"\"x\"","expected":"a number","nearest":"","message":"1:5: found \"x\", expected a number"}}`,
	} {
		if a := c.get("/searches/check?" + where(condition)); strings.TrimSpace(string(a.body)) != want {
			t.Errorf("%s: %s, want %s", condition, a.body, want)
		}
	}
	var got struct {
		Fields []struct{ Name string }
		Groups []string
		Zone   string
	}
	c.get("/searches/fields").into(t, &got)
	have := map[string]bool{}
	for _, f := range got.Fields {
		have[f.Name] = true
	}
	if !have["rule"] || !have["direction"] || !have["day"] || have["header.NAME"] || len(got.Groups) != 1 || got.Groups[0] != "vip" || got.Zone != "Europe/Prague" {
		t.Errorf("fields %+v", got)
	}
}

func TestRunningCallsAreSievedByACondition(t *testing.T) {
	w := newWorld(t)
	low, good := 2.0, 4.0
	call := func(n byte, mos *float64) protocol.LiveCall {
		return protocol.LiveCall{ID: protocol.UUID{n}, CallID: string(rune('a' + n)), State: protocol.StateUp, Caller: "1001", MOS: mos}
	}
	w.s1.setLive(call(1, &low), call(2, &good))
	c := w.as("viewer")
	v := c.watch(where("mos<3 state:up"))
	if u := v.first; len(u.Calls) != 1 || u.Calls[0].ID != (protocol.UUID{1}) {
		t.Fatalf("the snapshot is %+v", u)
	}
	w.s1.setLive(call(1, &good), call(2, &low), call(3, &good))
	calls, gone := map[protocol.UUID]bool{}, map[protocol.UUID]bool{}
	for range 100 {
		u := v.take()
		for i := range u.Calls {
			calls[u.Calls[i].ID] = true
		}
		for _, id := range u.Gone {
			gone[id] = true
		}
		if len(calls) > 0 && len(gone) > 0 {
			break
		}
	}
	if !calls[protocol.UUID{2}] || len(calls) != 1 || !gone[protocol.UUID{1}] || len(gone) != 1 {
		t.Errorf("came %v, went %v: want the second for the first", calls, gone)
	}
	if a := c.get("/live?once=1&" + where("mos<")); a.code() != search.CodeBadCondition {
		t.Errorf("%s", a.body)
	}
}

func TestTheOldestCallsComeFirstIfThatIsAsked(t *testing.T) {
	w := newWorld(t)
	var calls []protocol.CDR
	for i := range 30 {
		calls = append(calls, w.call(1, func(c *protocol.CDR) { c.Start -= protocol.Time(i) * 3600e6; c.UACaller = "snom" }))
	}
	w.stored(w.acme, w.s1.uuid, calls...)
	c := w.as("viewer")
	for _, query := range []string{"", "&" + where("ua:snom"), "&" + where("callid=\""+calls[29].CallID+"\" or ua:snom")} {
		var got []protocol.CDR
		for after := ""; ; {
			var p page
			c.get("/calls?order=oldest&limit=7"+query+"&after="+after).into(t, &p)
			got = append(got, p.Calls...)
			if after = p.Next; after == "" {
				break
			}
		}
		if len(got) != 30 || got[0].ID != calls[29].ID || got[29].ID != calls[0].ID {
			t.Errorf("%s: %d calls, first %v", query, len(got), got[0].CallID)
		}
	}
	if a := c.get("/calls?order=upwards"); a.status != http.StatusBadRequest {
		t.Errorf("an unknown order: %d", a.status)
	}
}
