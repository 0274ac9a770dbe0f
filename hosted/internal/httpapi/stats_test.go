package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// figuresOfCalls is what the tests read of GET /stats.
type figuresOfCalls struct {
	Calls       int
	WithFinding int `json:"with_finding"`
	Connected   int
	OverLimit   int `json:"over_limit"`
	ASR, NER    *float64
	Classes     map[string]int
	PDD         struct{ Calls int }       `json:"pdd_ms"`
	MOS         struct{ Calls, Bad int }  `json:"mos"`
	Loss        struct{ Calls, High int } `json:"loss_pct"`
	Flow        *struct {
		Max     int
		PeakCPS float64 `json:"peak_cps"`
	}
}

type statistics struct {
	From, To string
	Source   string
	Partial  bool
	Totals   figuresOfCalls
	Flow     *struct{ Max int }
	Status   map[string]int
	Findings map[string]int
	Step     int
	Settled  protocol.Time
	Series   []struct {
		At       string
		Complete bool
		figuresOfCalls
	}
	Groups []struct {
		Key   string
		Where *string
		figuresOfCalls
	}
	Others int
}

// busy is a world with calls of all kinds over three hours.
func busy(t *testing.T) *world {
	w := newWorld(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	var calls []protocol.CDR
	pick := func(of ...string) string { return of[rnd.IntN(len(of))] }
	for range 300 {
		calls = append(calls, w.call(1, func(c *protocol.CDR) {
			c.Start = protocol.TimeOf(w.now().Add(-time.Duration(rnd.Int64N(int64(3*time.Hour))))) / 1000 * 1000
			c.End = c.Start + protocol.Time(rnd.Int64N(300e6))
			c.DurationMS = int64(c.End-c.Start) / 1000
			c.Src, c.Dst = pick("192.0.2.1:5060", "[2001:db8::1]:5061", "198.51.100.7:5060", "oops"), pick("192.0.2.9:5060", "")
			c.Callee = pick("", "7", "777", "+4201234", "004201299", "0420123", "*72", "0911", "a\"b\\c.d", "sip*user", "éééééé", "00", "000123")
			c.CalleeDomain = pick("example.com", "Example.com", "")
			c.UACaller, c.UACallee = pick("Asterisk PBX", "asterisk pbx", `odd "one" (a*)`, ""), pick("", "Asterisk PBX", "linphone/5")
			c.Status = []int{0, 200, 200, 200, 302, 404, 486, 503, 603}[rnd.IntN(9)]
			c.EndCause = protocol.EndCause(pick("bye", "cancel", "rejected", "unterminated"))
			if c.Status == 200 {
				mos, loss, connect, pdd := float64(rnd.IntN(36))/10+1, float64(rnd.IntN(30))/10, rnd.Int64N(1e6), rnd.Int64N(9000)
				c.MOS, c.LossPct, c.ConnectMS, c.PDDMS, c.Codecs = &mos, &loss, &connect, &pdd, []string{pick("PCMA", "opus", "G729 x"), pick("PCMA", "telephone-event")}
			}
			for _, code := range []string{"one-way-audio", "nat-private-sdp"} {
				if rnd.IntN(4) == 0 {
					c.Findings = append(c.Findings, protocol.Finding{Code: code, Severity: protocol.SeverityInfo})
				}
			}
		}))
	}
	w.stored(w.acme, w.s1.uuid, calls[:200]...)
	for i := range calls[200:] {
		calls[200+i].SensorID = 2
	}
	w.stored(w.acme, w.s2.uuid, calls[200:]...)
	return w
}

// found is how many calls a search finds.
func found(t *testing.T, c *client, q url.Values) int {
	t.Helper()
	var n struct {
		Calls    int
		Complete bool
	}
	a := c.get("/calls/count?" + q.Encode())
	if a.into(t, &n); a.status != http.StatusOK || !n.Complete {
		t.Fatalf("%s: %d %s", q.Encode(), a.status, a.body)
	}
	return n.Calls
}

func TestEveryFigureOfTheStatisticsOpensTheCallsThatItCounts(t *testing.T) {
	w := busy(t)
	c := w.as("viewer")
	span := url.Values{"from": {w.now().Add(-4 * time.Hour).Format(time.RFC3339)}, "to": {w.now().Add(time.Minute).Format(time.RFC3339)}}
	ask := func(t *testing.T, more url.Values) (s statistics) {
		t.Helper()
		q := url.Values{}
		for _, v := range []url.Values{span, more} {
			for k := range v {
				q[k] = v[k]
			}
		}
		a := c.get("/stats?" + q.Encode())
		if a.into(t, &s); a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", q.Encode(), a.status, a.body)
		}
		return s
	}
	same := func(t *testing.T, what string, counted int, q url.Values) {
		t.Helper()
		if n := found(t, c, q); n != counted {
			t.Errorf("%s: %d are counted, the search %v finds %d", what, counted, q, n)
		}
	}
	figures := func(t *testing.T, what string, f *figuresOfCalls, q url.Values) {
		t.Helper()
		where := q.Get("where")
		and := func(cond string) url.Values {
			if where != "" {
				cond = "(" + where + ") and " + cond
			}
			return url.Values{"from": q["from"], "to": q["to"], "where": {cond}}
		}
		same(t, what, f.Calls, q)
		same(t, what+" with MOS", f.MOS.Calls, and("mos >= 0"))
		same(t, what+" with bad MOS", f.MOS.Bad, and("mos < 3.6"))
		same(t, what+" with loss", f.Loss.High, and("loss >= 1"))
		same(t, what+" with PDD", f.PDD.Calls, and("pdd >= 0"))
		same(t, what+" connected", f.Connected, and("connected >= 0"))
		same(t, what+" with a finding", f.WithFinding, and("finding:*"))
		same(t, what+" refused", f.Classes["4xx"], and("status >= 400 and status < 500"))
		same(t, what+" without a status", f.Classes["none"], and("not status >= 0"))
	}

	for name, where := range map[string]string{"all": "", "some": `ua:asterisk* or callee:420*`} {
		t.Run(name, func(t *testing.T) {
			q := url.Values{}
			if where != "" {
				q["where"] = []string{where}
			}
			s := ask(t, url.Values{"step": {"900"}, "where": q["where"]})
			if want := map[bool]string{true: "rollups", false: "calls"}[where == ""]; s.Source != want || s.Partial {
				t.Errorf("made of %s, partial %v; want %s", s.Source, s.Partial, want)
			}
			all := url.Values{"from": {s.From}, "to": {s.To}, "where": q["where"]}
			figures(t, "totals", &s.Totals, all)
			points := 0
			for _, p := range s.Series {
				at, err := time.Parse(time.RFC3339Nano, p.At)
				w.ok(err)
				to := at.Add(time.Duration(s.Step) * time.Second)
				q := url.Values{"from": {max(p.At, s.From)}, "to": {min(to.Format("2006-01-02T15:04:05.000000Z"), s.To)}, "where": all["where"]}
				if p.Calls > 0 {
					points++
				}
				figures(t, p.At, &p.figuresOfCalls, q)
			}
			if points < 10 {
				t.Errorf("only %d points have calls", points)
			}
		})
	}
	for _, by := range []string{"sensor", "status", "end", "finding", "src", "dst", "prefix", "ua", "codec", "domain"} {
		t.Run("by "+by, func(t *testing.T) {
			s := ask(t, url.Values{"by": {by}, "digits": {"4"}})
			linked := 0
			for _, g := range s.Groups {
				if g.Where == nil {
					if g.Key != "" {
						t.Errorf("%q has no condition", g.Key)
					}
					continue
				}
				linked++
				same(t, by+" "+g.Key, g.Calls, url.Values{"from": {s.From}, "to": {s.To}, "where": {*g.Where}})
			}
			if linked == 0 || s.Others != 0 {
				t.Errorf("%d groups with a condition, %d others", linked, s.Others)
			}
		})
	}
}

func TestStatisticsAreCompressedForThoseWhoTakeThat(t *testing.T) {
	w := busy(t)
	c := w.as("viewer")
	c.http.Transport = &http.Transport{DisableCompression: true}
	for accept, want := range map[string]string{"gzip, deflate, br": "gzip", "br;q=1, GZIP;q=0.5": "gzip", "gzip;q=0": "", "": "", "br": ""} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/api/v1/stats?step=300", nil)
		w.ok(err)
		req.Header.Set("Accept-Encoding", accept)
		a := c.send(req)
		body := io.Reader(bytes.NewReader(a.body))
		if got := a.header.Get("Content-Encoding"); got != want {
			t.Errorf("%q: encoding %q, want %q", accept, got, want)
			continue
		}
		if want == "gzip" {
			body, err = gzip.NewReader(body)
			w.ok(err)
		}
		var s statistics
		if err := json.NewDecoder(body).Decode(&s); err != nil || s.Totals.Calls != 300 {
			t.Errorf("%q: %d calls, %v", accept, s.Totals.Calls, err)
		}
	}
}

func TestStatisticsAreOfTheTenantWhoAsks(t *testing.T) {
	w := busy(t)
	for _, q := range []string{"", "?by=src", "?by=sensor&step=60", "?by=ua&exact=1"} {
		var s statistics
		w.as("eve").get("/stats"+q).into(t, &s)
		if s.Totals.Calls != 0 || len(s.Groups) != 0 {
			t.Errorf("%q: another tenant counts %d calls in %d groups", q, s.Totals.Calls, len(s.Groups))
		}
	}
	var u struct{ Calls int }
	if w.as("eve").get("/usage").into(t, &u); u.Calls != 0 {
		t.Errorf("another tenant uses %d calls", u.Calls)
	}
	if a := w.anonymous().get("/stats"); a.status != http.StatusUnauthorized {
		t.Errorf("who is not logged in gets %d", a.status)
	}
}

func TestAStatisticThatCannotBeSaysWhichParameterIsWrong(t *testing.T) {
	c := newWorld(t).as("viewer")
	for q, field := range map[string]string{
		"step=30": "step", "step=420": "step", "step=60&from=2026-01-01T00:00:00Z": "step", "by=colour": "by", "top=0": "top", "digits=x": "digits",
		"limit=3": "limit", "after=x": "after", "caller=1": "caller", "by=src&by=dst": "by", "exact=2": "exact",
	} {
		a := c.get("/stats?" + q)
		var p protocol.Problem
		if a.into(t, &p); a.status != http.StatusBadRequest || p.Fields["field"] != field {
			t.Errorf("%s: %d %s, want 400 that names %s", q, a.status, a.body, field)
		}
	}
	if a := c.get("/stats?where=mos+%3C"); a.status != http.StatusUnprocessableEntity {
		t.Errorf("half a condition: %d %s", a.status, a.body)
	}
}

func TestPrefixesAreForThoseWhoMaySeeNumbers(t *testing.T) {
	w := busy(t)
	_, err := w.store.CreateUser(t.Context(), store.User{Tenant: w.acme, Name: "masked", Password: passwordHash, Role: store.RoleViewer, Created: w.now()})
	w.ok(err)
	for by, want := range map[string]int{"prefix": http.StatusForbidden, "src": http.StatusOK, "status": http.StatusOK} {
		if a := w.as("masked").get("/stats?by=" + by); a.status != want {
			t.Errorf("by %s: %d, want %d", by, a.status, want)
		}
	}
}

func TestUsageIsTheTenantsLimitsAndDays(t *testing.T) {
	w := newWorld(t)
	w.clock = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	at := func(day, second int) func(*protocol.CDR) {
		return func(c *protocol.CDR) {
			c.Start = protocol.TimeOf(w.now().AddDate(0, 0, -day).Add(time.Duration(second-900) * time.Second))
			c.End, c.OverLimit = c.Start+60e6, second == 7
		}
	}
	w.stored(w.acme, w.s1.uuid, w.call(1, at(0, 0)), w.call(1, at(0, 7)), w.call(1, at(0, 300)), w.call(1, at(3, 0)))
	var u struct {
		MaxChannels int `json:"max_channels"`
		Channels    *int
		KeptFrom    string `json:"kept_from"`
		Calls       int
		OverLimit   int `json:"over_limit"`
		Days        []struct {
			Day       string
			Calls     int
			OverLimit int `json:"over_limit"`
			Peak      int
		}
		Sensors []struct {
			SensorID int `json:"id_sensor"`
			Peak     int
		}
	}
	w.as("viewer").get("/usage").into(t, &u)
	if got := fmt.Sprint(u.MaxChannels, *u.Channels, u.Calls, u.OverLimit, u.KeptFrom, u.Days, u.Sensors); got !=
		"2000 8 4 12026-11-19T00:00:00.000000Z[{2026-11-22T00:00:00.000000Z 3 1 2} {2026-11-21T00:00:00.000000Z 0 0 0} {2026-11-20T00:00:00.000000Z 0 0 0} {2026-11-19T00:00:00.000000Z 1 0 1}] [{1 2} {2 0} {3 0}]" {
		t.Errorf("usage %s", got)
	}
}

func TestTheStepThatRunsIsNotComplete(t *testing.T) {
	w := newWorld(t)
	now := protocol.TimeOf(w.now()) // 10:00
	ms := int64(90_000)
	w.stored(w.acme, w.s1.uuid, w.call(1, func(c *protocol.CDR) { c.Start, c.ConnectMS = now-200e6, &ms }))
	w.pass(90 * time.Second)
	var s statistics
	a := w.as("viewer").get("/stats?" + url.Values{"from": {w.now().Add(-10 * time.Minute).Format(time.RFC3339)}, "step": {"60"}}.Encode())
	if a.into(t, &s); a.status != http.StatusOK {
		t.Fatal(a.status, a.body)
	}
	for i, p := range s.Series {
		at, err := time.Parse(time.RFC3339Nano, p.At)
		w.ok(err)
		if over := !at.Add(time.Minute).After(w.now()); p.Complete != over || over != (i < len(s.Series)-1) {
			t.Errorf("the step of %s is complete: %t, at %s", p.At, p.Complete, w.now())
		}
	}
	if took := protocol.TimeOf(w.now()).Sub(s.Settled); took < 80*time.Second || took > 105*time.Second { // 15 %, a bucket
		t.Errorf("settled is %s ago, want about what the call lasted", took)
	}
	if a := w.as("viewer").get("/stats"); a.status != http.StatusOK { // without calls in it, of no length
		t.Error(a.status, a.body)
	}
}
