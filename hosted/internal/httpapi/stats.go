package httpapi

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// defaultSpan is the time that statistics are about when nobody says from when.
const defaultSpan = 24 * time.Hour

// exactWorks is how many answers at a time read calls for minutes; a tenant has one.
const exactWorks = 2

// highLoss is the loss from which on it is heard, in thousandths of a per cent: 1 %.
const highLoss = 1000

type statsAnswer struct {
	From    protocol.Time    `json:"from"`
	To      protocol.Time    `json:"to"`
	Source  store.Source     `json:"source"`
	Partial bool             `json:"partial"`
	Read    int64            `json:"read"` // calls, of the source calls
	Totals  measures         `json:"totals"`
	Flow    *flowAnswer      `json:"flow"`
	Status  map[int]int64    `json:"status"`
	Ends    map[string]int64 `json:"ends"`
	Finds   map[string]int64 `json:"findings"`
	Step    int64            `json:"step"` // s, 0: no series
	Settled protocol.Time    `json:"settled"`
	Series  []pointAnswer    `json:"series"`
	By      store.Dimension  `json:"by"`
	Groups  []groupAnswer    `json:"groups"`
	Others  int64            `json:"others"`
}

// measures are the figures of some calls; docs/dashboards.md defines them.
type measures struct {
	Calls     int64            `json:"calls"`
	Attempts  int64            `json:"attempts"`
	Answered  int64            `json:"answered"`
	Effective int64            `json:"effective"`
	Connected int64            `json:"connected"`
	Short     int64            `json:"short"`
	Legs      int64            `json:"legs"`
	Joined    int64            `json:"joined"`
	OverLimit int64            `json:"over_limit"`
	Found     int64            `json:"with_finding"`
	Kept      int64            `json:"kept"`
	KeptBytes int64            `json:"kept_bytes"`
	Classes   map[string]int64 `json:"classes"` // calls by class of their status: "2xx", "none"
	ASR       *float64         `json:"asr"`     // per cent
	NER       *float64         `json:"ner"`
	Duration  figures          `json:"duration_ms"` // of the connected, answer to end: mean is the ACD
	PDD       figures          `json:"pdd_ms"`
	MOS       mosFigures       `json:"mos"`
	Loss      lossFigures      `json:"loss_pct"`
	Jitter    figures          `json:"jitter_ms"`
}

type figures struct {
	Calls int64    `json:"calls"` // that have it
	Mean  *float64 `json:"mean"`
	P50   *float64 `json:"p50"`
	P95   *float64 `json:"p95"`
}

type mosFigures struct {
	Calls int64    `json:"calls"`
	Mean  *float64 `json:"mean"`
	P5    *float64 `json:"p5"`
	Bad   int64    `json:"bad"` // calls below store.GoodMOS
}

type lossFigures struct {
	figures
	High int64 `json:"high"` // calls with highLoss or more
}

type flowAnswer struct {
	Max     int64         `json:"max"`
	MaxAt   protocol.Time `json:"max_at"`
	Mean    float64       `json:"mean"`
	PeakCPS float64       `json:"peak_cps"`
}

type pointAnswer struct {
	At       protocol.Time `json:"at"`
	Complete bool          `json:"complete"` // the step is over
	measures
	Flow *flowAnswer `json:"flow"`
}

type groupAnswer struct {
	Key   string  `json:"key"`
	Where *string `json:"where"` // the condition that finds its calls, null where there is none
	measures
}

// stats answers with figures of the calls that a search finds.
func (a *api) stats(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	q, err := a.statsQuery(r, id)
	if err != nil {
		return err
	}
	if q.Exact {
		leave, err := a.counting.enter(r.Context(), id.Tenant)
		if err != nil {
			return err
		}
		defer leave()
	}
	s, err := a.Store.Stats(r.Context(), id.Tenant, q)
	if errors.Is(err, store.ErrRange) {
		return badRequest("step", "does not fit the time: "+err.Error(),
			"give a step of whole minutes that divides a day, or of whole days, and at most "+strconv.Itoa(store.MaxPoints)+" steps")
	}
	if err != nil {
		return err
	}
	return writePacked(w, r, statsOf(&s, &q, protocol.TimeOf(a.Now())))
}

// writePacked writes JSON that says much in the same words, compressed for those who take that: a tenth of it remains.
func writePacked(w http.ResponseWriter, r *http.Request, v any) error {
	w.Header().Add("Vary", "Accept-Encoding")
	if !takesGzip(r.Header.Get("Accept-Encoding")) {
		return writeJSON(w, v)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return fmt.Errorf("compress answer: %w", err)
	}
	_, _ = z.Write(append(b, '\n')) // the client is gone: nobody is left to tell
	_ = z.Close()
	return nil
}

// takesGzip reads an Accept-Encoding (RFC 9110 section 12.5.3): gzip is named, and not with a weight of 0.
func takesGzip(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		name, weight, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q, ok := strings.CutPrefix(strings.TrimSpace(weight), "q=")
			n, err := strconv.ParseFloat(q, 64)
			return !ok || err == nil && n > 0
		}
	}
	return false
}

// statsQuery reads the search, and what of its calls is asked for.
func (a *api) statsQuery(r *http.Request, id auth.Identity) (q store.StatsQuery, err error) {
	search := maps.Clone(r.URL.Query())
	own := url.Values{}
	for _, name := range []string{"step", "by", "top", "digits", "exact"} {
		if v, ok := search[name]; ok {
			own[name] = v
			delete(search, name)
		}
	}
	for _, name := range []string{"limit", "after"} {
		if _, ok := search[name]; ok {
			return q, badRequest(name, "is no parameter of statistics", "leave it out: all calls are counted")
		}
	}
	if q.CallQuery, err = a.searchOf(r.Context(), id, search); err != nil {
		return q, err
	}
	if q.To == 0 {
		q.To = protocol.TimeOf(a.Now())
	}
	if q.From == 0 {
		q.From = q.To - protocol.Time(defaultSpan/time.Microsecond)
	}
	for name, v := range own {
		s, err := parameter(name, v)
		if err != nil {
			return q, err
		}
		if s == "" {
			continue
		}
		n, bad := 0, error(nil)
		switch name {
		case "step":
			n, bad = between(s, 60, 31*24*3600)
			q.Step = time.Duration(n) * time.Second
		case "by":
			if q.By = store.Dimension(s); !slices.Contains(dimensions, q.By) {
				bad = errors.New("unknown")
			}
		case "top":
			q.Top, bad = between(s, 1, store.MaxTop)
		case "digits":
			q.Digits, bad = between(s, 1, store.MaxDigits)
		case "exact":
			n, bad = between(s, 1, 1)
			q.Exact = n == 1
		}
		if bad != nil {
			return q, badRequest(name, strconv.Quote(s)+" is not understood", wantedOfStats[name])
		}
	}
	if q.By == store.ByPrefix && !id.May(auth.RightNumbers) {
		return q, lacks(id, auth.RightNumbers)
	}
	return q, nil
}

var dimensions = []store.Dimension{
	store.BySensor, store.ByStatus, store.ByEnd, store.ByFinding, store.BySrc, store.ByDst, store.ByPrefix, store.ByUA, store.ByCodec, store.ByDomain,
}

var wantedOfStats = map[string]string{
	"step": "give seconds, from 60", "top": "give a number from 1 to " + strconv.Itoa(store.MaxTop), "digits": "give a number from 1 to " + strconv.Itoa(store.MaxDigits),
	"exact": "give 1, or leave it out", "by": "give sensor, status, end, finding, src, dst, prefix, ua, codec or domain",
}

func statsOf(s *store.Stats, q *store.StatsQuery, now protocol.Time) statsAnswer {
	out := statsAnswer{
		From: s.From, To: s.To, Source: s.Source, Partial: s.Partial, Read: s.Read, Totals: measuresOf(&s.Totals), Flow: flowOf(&s.Flow), Step: int64(s.Step / time.Second), By: q.By,
		Status: orEmpty(s.Totals.Status), Ends: map[string]int64{}, Finds: orEmpty(s.Totals.Findings),
		Settled: settled(s, now), Series: make([]pointAnswer, len(s.Series)), Groups: make([]groupAnswer, len(s.Groups)), Others: s.Others,
	}
	for end, n := range s.Totals.End {
		out.Ends[string(end)] = n
	}
	for i := range s.Series {
		p := &s.Series[i]
		out.Series[i] = pointAnswer{p.At, p.At.Std().Add(s.Step).Compare(now.Std()) <= 0, measuresOf(&p.Counts), flowOf(&p.Flow)}
	}
	for i := range s.Groups {
		g := &s.Groups[i]
		out.Groups[i] = groupAnswer{Key: g.Key, measures: measuresOf(&g.Counts)}
		if where := condition(q, g.Key); where != "" {
			out.Groups[i].Where = &where
		}
	}
	return out
}

// settled is the time since when calls may be missing because they still run: a call counts where it began, when it has ended. 95 in a
// hundred of the answered calls are over within the time that is taken off.
func settled(s *store.Stats, now protocol.Time) protocol.Time {
	p95, _ := s.Totals.Connect.Quantile(0.95)
	return max(now-protocol.Time(p95)*1000, s.From)
}

func orEmpty[K comparable](m map[K]int64) map[K]int64 {
	if m == nil {
		return map[K]int64{}
	}
	return m
}

func measuresOf(c *store.Counts) measures {
	m := measures{
		Calls: c.Calls, Attempts: c.Attempts, Answered: c.Answered, Effective: c.Effective, Connected: c.Connected, Short: c.Short, Legs: c.Legs,
		Joined: c.Joined, OverLimit: c.OverLimit, Found: c.Found, Kept: c.Kept, KeptBytes: c.KeptBytes, Classes: map[string]int64{},
		ASR: rounded(c.ASR()), NER: rounded(c.NER()),
		Duration: figuresOf(&c.Connect, 1), PDD: figuresOf(&c.PDD, 1), Jitter: figuresOf(&c.Jitter, 1000),
		Loss: lossFigures{figuresOf(&c.Loss, 1000), c.Loss.N - c.Loss.Below(highLoss)},
		MOS:  mosFigures{Calls: c.MOS.N, Bad: c.Bad()},
	}
	for status, n := range c.Status {
		class := "none"
		if status != 0 {
			class = strconv.Itoa(status/100) + "xx"
		}
		m.Classes[class] += n
	}
	if mean, ok := c.MOS.Mean(); ok {
		m.MOS.Mean = rounded(mean/1000, true)
	}
	if p5, ok := c.MOS.Quantile(0.05); ok {
		m.MOS.P5 = rounded(p5/1000, true)
	}
	return m
}

// figuresOf gives the figures of values of which unit make one.
func figuresOf(h *store.Hist, unit float64) figures {
	f := figures{Calls: h.N}
	for _, v := range []struct {
		to  **float64
		get func() (float64, bool)
	}{
		{&f.Mean, h.Mean},
		{&f.P50, func() (float64, bool) { return h.Quantile(0.5) }},
		{&f.P95, func() (float64, bool) { return h.Quantile(0.95) }},
	} {
		if x, ok := v.get(); ok {
			*v.to = rounded(x/unit, true)
		}
	}
	return f
}

// rounded has three decimals.
func rounded(v float64, ok bool) *float64 {
	if !ok {
		return nil
	}
	v = math.Round(v*1000) / 1000
	return &v
}

func flowOf(f *store.Flow) *flowAnswer {
	if !f.Known {
		return nil
	}
	return &flowAnswer{f.Max, f.MaxAt, *rounded(f.Mean, true), f.PeakCPS}
}

// condition is what finds the calls of a group, in the language of package rules; "" if nothing does.
func condition(q *store.StatsQuery, key string) string {
	if key == "" {
		return ""
	}
	switch q.By {
	case store.BySensor:
		return "sensor = " + key
	case store.ByStatus:
		if key == "0" {
			return "not status >= 0"
		}
		return "status = " + key
	case store.ByEnd:
		return "end = " + key
	case store.BySrc, store.ByDst:
		return string(q.By) + ":" + quoted(key)
	case store.ByFinding, store.ByUA, store.ByCodec:
		return string(q.By) + " = " + quoted(key)
	case store.ByDomain:
		return "callee-domain = " + quoted(key)
	case store.ByPrefix:
		return ofPrefix(key, q.Digits)
	}
	return ""
}

// ofPrefix asks for callees that begin with key; of a key that is shorter than prefixes are, for that number alone.
func ofPrefix(key string, digits int) string {
	if digits == 0 {
		digits = store.DefaultDigits
	}
	whole := len([]rune(key)) < digits
	if strings.Trim(key, "0123456789") != "" || strings.HasPrefix(key, "00") { // not for a pattern, which has a meaning for some of these
		return "callee ~ " + quoted(`^(\+|00)?`+regexp.QuoteMeta(key)+map[bool]string{true: "$"}[whole])
	}
	if whole {
		return "callee:" + key
	}
	return "callee:" + key + "*"
}

// quoted is a text as a value of a condition.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
