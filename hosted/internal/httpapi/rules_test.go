package httpapi_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/httpapi"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// RulesChanged is for tests that do not mind.
func (l *fakeLinks) RulesChanged() {}

// toldLinks counts how often it is told of changed rules.
type toldLinks struct {
	httpapi.Links
	told atomic.Int32
}

func (l *toldLinks) RulesChanged() { l.told.Add(1) }

type tenantRules struct {
	Revision              uint64
	Text, Author, Changed string
}

type m = map[string]any

func putRules(c *client, revision uint64, text string) answer {
	c.w.t.Helper()
	return c.do("PUT", "/rules", m{"revision": revision, "text": text})
}

func TestRulesAreWrittenReadAndToldToTheSensors(t *testing.T) {
	links := &toldLinks{}
	w := newWorld(t, func(c *httpapi.Config) { links.Links, c.Links = c.Links, links })
	c := w.as("admin")
	if a := c.get("/rules"); string(a.body) != `{"revision":0,"text":"","author":"","changed":null}`+"\n" {
		t.Errorf("at first %s", a.body)
	}
	text := "# žluťoučký\nall: keep rtp when caller:1*\n"
	var put, got tenantRules
	putRules(c, 0, text).into(t, &put)
	c.get("/rules").into(t, &got)
	if put != got || put.Revision != 1 || put.Text != text || put.Author != "admin" || put.Changed != protocol.TimeOf(w.now()).String() {
		t.Errorf("put %+v, got %+v", put, got)
	}
	if n := links.told.Load(); n != 1 {
		t.Errorf("the links were told %d times, want once", n)
	}
	if log := w.audited(w.acme, auth.ActionRules); len(log) != 1 || log[0].User != "admin" || log[0].Object != "hosted" || log[0].Detail != "revision 1, 1 rules, 45 bytes" {
		t.Errorf("audited %+v", log)
	}
	if a := w.as("eve").get("/rules"); !strings.Contains(string(a.body), `"revision":0,"text":""`) {
		t.Errorf("the other tenant sees %s", a.body)
	}
}

func TestWhoChangesOldRulesIsToldOfTheNewOnes(t *testing.T) {
	w := newWorld(t)
	c := w.as("admin")
	putRules(c, 0, "a: keep sip")
	putRules(c, 1, "b: keep sip")
	for _, revision := range []uint64{0, 1, 3} {
		a := putRules(c, revision, "c: keep sip")
		var p protocol.Problem
		a.into(t, &p)
		if a.status != http.StatusPreconditionFailed || p.Code != "rules-changed" || p.Fields["revision"] != "2" || !strings.Contains(p.Detail, "by admin") {
			t.Errorf("on revision %d: %d %s", revision, a.status, a.body)
		}
	}
	var wg sync.WaitGroup
	statuses := make([]int, 6)
	for i := range statuses {
		wg.Go(func() { statuses[i] = putRules(c, 2, "d: keep sip").status })
	}
	wg.Wait()
	good := 0
	for _, s := range statuses {
		if s == http.StatusOK {
			good++
		} else if s != http.StatusPreconditionFailed {
			t.Errorf("status %d", s)
		}
	}
	if good != 1 {
		t.Errorf("%d of the changes made at once were taken, want 1", good)
	}
	if n := len(w.audited(w.acme, auth.ActionRules)); n != 3 {
		t.Errorf("%d changes audited, want 3", n)
	}
}

func TestTheHistoryOfRulesIsKept(t *testing.T) {
	w := newWorld(t)
	c := w.as("admin")
	for n := range uint64(3) {
		w.pass(time.Minute)
		putRules(c, n, fmt.Sprintf("r%d: keep sip", n+1))
	}
	var list []tenantRules
	c.get("/rules/history").into(t, &list)
	if len(list) != 3 || list[0].Revision != 3 || list[2].Revision != 1 || list[2].Author != "admin" || list[0].Changed == list[1].Changed {
		t.Errorf("history %+v", list)
	}
	var old tenantRules
	c.get("/rules/history/1").into(t, &old)
	if old.Text != "r1: keep sip" || old.Revision != 1 {
		t.Errorf("the first: %+v", old)
	}
	for _, path := range []string{"/rules/history/0", "/rules/history/4", "/rules/history/x", "/rules/history/-1", "/rules/history/18446744073709551615"} {
		if a := c.get(path); a.status != http.StatusNotFound {
			t.Errorf("%s: %d %s, want 404", path, a.status, a.body)
		}
	}
	eve := w.as("eve")
	if a := eve.get("/rules/history/1"); a.status != http.StatusNotFound {
		t.Errorf("the other tenant reads %d %s", a.status, a.body)
	}
	if a := eve.get("/rules/history"); string(a.body) != "[]\n" {
		t.Errorf("the other tenant's history: %s", a.body)
	}
}

func TestRulesThatCannotBeReadAreRefusedWithThePlace(t *testing.T) {
	w := newWorld(t)
	c := w.as("admin")
	a := putRules(c, 0, "# one\nall: keep rtp when caler:1\n")
	var p protocol.Problem
	a.into(t, &p)
	if a.status != http.StatusUnprocessableEntity || p.Code != "bad-rules" || p.Fields["line"] != "2" || p.Fields["column"] != "20" || p.Fields["nearest"] != "caller" ||
		p.Fields["found"] == "" || p.Fields["expected"] == "" || p.Detail == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := c.get("/rules"); !strings.Contains(string(a.body), `"revision":0`) {
		t.Errorf("they were stored: %s", a.body)
	}
	var check struct {
		OK    bool
		Error struct {
			Line, Column                      int
			Found, Expected, Nearest, Message string
		}
	}
	c.do("POST", "/rules/check", m{"text": "# one\nall: keep rtp when caler:1\n"}).into(t, &check)
	if e := check.Error; check.OK || e.Line != 2 || e.Column != 20 || e.Nearest != "caller" || e.Message == "" {
		t.Errorf("check %+v", check)
	}
}

func TestHostileRulesAreRefused(t *testing.T) {
	w := newWorld(t)
	c := w.as("admin")
	groups := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "group g%d: 1001\n", i)
		}
		return b.String()
	}
	for name, tt := range map[string]struct {
		text   string
		status int
	}{
		"a file":            {"group g: file /etc/passwd\nall: keep rtp when caller:@g", 422},
		"a file in quotes":  {"group g: file \"../x.csv\"\nall: keep rtp when caller:@g", 422},
		"NUL":               {"all: keep rtp when \x00", 422},
		"nested brackets":   {"all: keep rtp when " + strings.Repeat("(", 1000), 422},
		"nested not":        {"all: keep rtp when " + strings.Repeat("not ", 1000) + "x", 422},
		"more than 1 MiB":   {strings.Repeat("# x\n", 1<<18) + "#", 422},
		"more than 4 MiB":   {strings.Repeat("# x\n", 1<<20), 413},
		"escapes":           {strings.Repeat("\x01", 1<<20), 413},
		"many groups":       {groups(5000), 200},
		"one group twice":   {groups(1) + groups(1), 422},
		"nothing":           {"", 200},
		"comments only":     {strings.Repeat("# x\n", 1<<17), 200},
		"a huge regexp":     {"all: keep rtp when caller~\"((a{100}){100}){100}\"", 422},
		"a reversed word":   {"# \u202e", 200},
		"an unknown group":  {"all: keep rtp when caller:@nope", 422},
		"a name twice":      {"a: keep rtp\na: keep sip", 422},
		"a line of garbage": {strings.Repeat("%", 1<<16), 422},
	} {
		var have tenantRules
		c.get("/rules").into(t, &have)
		begin := time.Now()
		if a := putRules(c, have.Revision, tt.text); a.status != tt.status {
			t.Errorf("%s: %d %.300s, want %d", name, a.status, a.body, tt.status)
		}
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
	for name, body := range map[string]string{
		"invalid UTF-8": "{\"revision\":0,\"text\":\"# \xff\"}", "no revision": `{"text":""}`, "no text": `{"revision":0}`,
		"null": `{"revision":null,"text":null}`, "negative": `{"revision":-1,"text":""}`, "a list": `[]`, "cut off": `{"revision":0,"te`,
	} {
		req, err := http.NewRequest("PUT", w.url+httpapi.Prefix+"/rules", strings.NewReader(body))
		w.ok(err)
		req.Header.Set("Content-Type", "application/json")
		if a := c.send(req); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s, want 400", name, a.status, a.body)
		}
	}
}

func TestRulesAreTriedOnPastCalls(t *testing.T) {
	w := newWorld(t)
	var calls []protocol.CDR
	minute := int64(60_000)
	add := func(n int, change func(*protocol.CDR)) {
		for range n {
			calls = append(calls, w.call(1, change))
		}
	}
	add(3, func(c *protocol.CDR) {
		c.Caller, c.Codecs, c.ConnectMS, c.Answer = "1001", []string{"PCMA"}, &minute, c.Start+1
		c.Capture = protocol.Capture{Kept: protocol.KeepRTP, Bytes: 1000}
	})
	add(2, func(c *protocol.CDR) {
		c.Caller, c.Codecs, c.ConnectMS, c.Answer = "2002", []string{"G729"}, &minute, c.Start+1
	})
	add(4, func(c *protocol.CDR) { c.Caller, c.Status = "3003", 486 })
	w.stored(w.acme, w.s1.uuid, calls...)
	w.stored(w.other, w.theirs.uuid, w.call(1, func(c *protocol.CDR) { c.Caller = "1001" }))
	var got struct {
		OK    bool
		Rules []struct {
			Name, Keep string
			Calls      int
			Bytes      int64
		}
		Checked int
		Oldest  string
		Unseen  []string
	}
	w.as("admin").do("POST", "/rules/check", m{"text": `
		 # a comment
first:  keep rtp when caller:1001
second: keep headers when caller:2002
tenant: keep rtp when header.X-Tenant:acme
busy:   keep sip when status:486
never:  keep none when caller:9
off:    keep rtp off
`}).into(t, &got)
	if !got.OK || got.Checked != 9 || got.Oldest == "" || fmt.Sprint(got.Unseen) != "[x-tenant]" {
		t.Errorf("check %+v", got)
	}
	want := []string{"first rtp 3", "second headers 2", "tenant rtp 0", "busy sip 4", "never none 0", "off rtp 0"}
	for i, r := range got.Rules {
		if i >= len(want) || fmt.Sprint(r.Name, " ", r.Keep, " ", r.Calls) != want[i] {
			t.Fatalf("rules %+v, want %q", got.Rules, want)
		}
	}
	if got.Rules[0].Bytes != 3000 {
		t.Errorf("%d bytes of calls that were kept so, want what they take", got.Rules[0].Bytes)
	}
	// two minutes of G.729 headers both ways: 6000 packets a minute of 86 bytes, and the signalling
	if b := got.Rules[1].Bytes; b < 2*6000*86 || b > 2*6000*86+2*10_000 {
		t.Errorf("headers of two calls are estimated to take %d bytes", b)
	}
	if b := got.Rules[3].Bytes; b < 4*2000 || b > 4*8000 {
		t.Errorf("the signalling of four busy calls is estimated to take %d bytes", b)
	}
	if got.Rules[4].Bytes != 0 || got.Rules[5].Bytes != 0 {
		t.Errorf("rules that keep nothing: %+v", got.Rules[4:])
	}
}

func TestADryRunLooksAtTheNewestCallsOnly(t *testing.T) {
	w := newWorld(t)
	for n := range 13 {
		var batch []protocol.CDR
		for range 400 {
			batch = append(batch, w.call(1, func(c *protocol.CDR) {
				c.Start += protocol.Time(n) * 1e6
				if n == 0 {
					c.Caller = "old"
				} else {
					c.Caller = "new"
				}
			}))
		}
		w.stored(w.acme, w.s1.uuid, batch...)
	}
	var got struct {
		Checked int
		Rules   []struct{ Calls int }
	}
	w.as("admin").do("POST", "/rules/check", m{"text": "old: keep sip when caller:old\nnew: keep sip when caller:new"}).into(t, &got)
	if got.Checked != 5000 || got.Rules[0].Calls != 200 || got.Rules[1].Calls != 4800 {
		t.Errorf("%+v, want the newest 5000", got)
	}
}

func TestOnlyWhoHasTheRightChangesRules(t *testing.T) {
	w := newWorld(t)
	for user, want := range map[string]int{"viewer": 403, "user": 403, "admin": 200} {
		c := w.as(user)
		if a := putRules(c, 0, "a: keep sip"); a.status != want {
			t.Errorf("%s writes: %d %s, want %d", user, a.status, a.body, want)
		}
		if a := c.do("POST", "/rules/check", m{"text": ""}); a.status != want {
			t.Errorf("%s checks: %d %s, want %d", user, a.status, a.body, want)
		}
		for _, path := range []string{"/rules", "/rules/history", "/rules/fields"} {
			if a := c.get(path); a.status != http.StatusOK {
				t.Errorf("%s reads %s: %d", user, path, a.status)
			}
		}
	}
	w.as("admin").do("PUT", "/users/viewer", m{"rights": []string{"rules"}})
	if a := putRules(w.as("viewer"), 1, "b: keep sip"); a.status != http.StatusOK {
		t.Errorf("a viewer with the right: %d %s", a.status, a.body)
	}
	w.as("admin").do("PUT", "/users/admin", m{"rights": []string{"listen"}})
	if a := putRules(w.as("admin"), 2, "c: keep sip"); a.status != http.StatusForbidden {
		t.Errorf("an administrator without it: %d %s", a.status, a.body)
	}
}

func TestTheFieldsOfConditionsAreListed(t *testing.T) {
	w := newWorld(t)
	a := w.as("viewer").get("/rules/fields")
	for _, want := range []string{`{"name":"caller","type":"number or pattern","doc":"`, `"name":"transport"`, `"words":["udp","tcp"`} {
		if !bytes.Contains(a.body, []byte(want)) {
			t.Errorf("fields lack %s: %s", want, a.body)
		}
	}
}

func TestTheListOfSensorsShowsWhichRulesEachApplies(t *testing.T) {
	w := newWorld(t)
	c := w.as("admin")
	show := func() map[uint16]string {
		var list []struct {
			IDSensor uint16            `json:"id_sensor"`
			Local    uint64            `json:"local_rule_revision"`
			Hosted   uint64            `json:"hosted_rule_revision"`
			Current  bool              `json:"rules_current"`
			Problem  *protocol.Problem `json:"rules_problem"`
		}
		c.get("/sensors").into(t, &list)
		all := map[uint16]string{}
		for _, s := range list {
			code := "-"
			if s.Problem != nil {
				code = s.Problem.Code
			}
			all[s.IDSensor] = fmt.Sprintf("%d %d %t %s", s.Local, s.Hosted, s.Current, code)
		}
		return all
	}
	if got := show(); got[1] != "0 0 true -" || got[3] != "0 0 true -" {
		t.Errorf("without rules: %v", got)
	}
	putRules(c, 0, "a: keep sip")
	w.ok(w.store.SetSensorRules(t.Context(), w.acme, w.s3, store.SensorRules{Local: 4, Hosted: 1}))
	w.ok(w.store.SetSensorRules(t.Context(), w.acme, w.s2.uuid, store.SensorRules{Problem: &protocol.Problem{Code: "rules-unsupported", Title: "x"}}))
	w.s1.mu.Lock()
	w.s1.rules.Revision, w.s1.hosted = 9, 1
	w.s1.mu.Unlock()
	if got := show(); got[1] != "9 1 true -" || got[2] != "0 0 false rules-unsupported" || got[3] != "4 1 true -" {
		t.Errorf("with rules: %v", got)
	}
	putRules(c, 1, "b: keep sip")
	if got := show(); got[1] != "9 1 false -" || got[3] != "4 1 false -" {
		t.Errorf("after a change: %v", got)
	}
}
