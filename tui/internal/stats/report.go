package stats

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"voiptop/protocol"
)

// Report is what was counted.
type Report struct {
	Sum
	First, Last protocol.Time // when the first and the last of the calls began
	Figures     []Figure
	Sections    []Section
}

// Figure is one figure of all calls, with the calls to look at because of it.
type Figure struct {
	Name  string
	Value float64
	OK    bool // there is one
	Unit  Unit
	Note  string // beside it: other figures of the same
	Where string // "": no condition finds the calls that it is about
	Calls int    // that Where finds
	About string // what Where finds, in words
	Grade protocol.Grade
}

// Unit says how a figure is written.
type Unit uint8

// The units.
const (
	Count   Unit = iota // calls, messages
	Percent             // one decimal
	Clock               // ms as minutes and seconds
	Seconds             // ms as seconds
	Millis              // ms
	MOS                 // two decimals
)

// Of counts calls. They are not changed.
func Of(calls []*protocol.CDR) *Report {
	r := &Report{}
	groups := make([]grouping, len(dimensions))
	for i := range groups {
		groups[i] = grouping{d: &dimensions[i], sums: map[string]*Sum{}}
	}
	ranges := make([]Section, len(spreads))
	for i := range spreads {
		ranges[i] = Section{Name: spreads[i].name, Ordered: true, Rows: spreads[i].rows()}
	}
	f := figures{severity: map[string]protocol.Severity{}}
	for _, c := range calls {
		r.add(c)
		f.add(c)
		if r.First == 0 || c.Start < r.First {
			r.First = c.Start
		}
		r.Last = max(r.Last, c.Start)
		for i := range groups {
			groups[i].add(c)
		}
		for i := range spreads {
			ranges[i].Rows[spreads[i].at(c)].add(c)
		}
	}
	for i := range groups {
		r.Sections = append(r.Sections, groups[i].section())
	}
	if found := r.Section("Findings"); found != nil {
		for i := range found.Rows {
			found.Rows[i].Severity = f.severity[found.Rows[i].Key]
		}
	}
	r.Sections = append(r.Sections, ranges...)
	r.Figures = f.list(&r.Sum, calls)
	return r
}

// Section finds a section by its name, nil if there is none.
func (r *Report) Section(name string) *Section {
	for i := range r.Sections {
		if r.Sections[i].Name == name {
			return &r.Sections[i]
		}
	}
	return nil
}

// figures gathers what percentiles take.
type figures struct {
	pdd, setup, mos, loss, jitter     []float64
	lossy, shaky, again, later        int
	joined, overLimit, retransmission int
	severity                          map[string]protocol.Severity // of findings, the gravest
}

func (f *figures) add(c *protocol.CDR) {
	if c.PDDMS != nil {
		f.pdd = append(f.pdd, float64(*c.PDDMS))
	}
	if c.SetupMS != nil {
		f.setup = append(f.setup, float64(*c.SetupMS))
	}
	if c.MOS != nil {
		f.mos = append(f.mos, *c.MOS)
	}
	if c.LossPct != nil {
		f.loss = append(f.loss, *c.LossPct)
		f.lossy += one(*c.LossPct >= lossy)
	}
	if c.JitterMS != nil {
		f.jitter = append(f.jitter, *c.JitterMS)
		f.shaky += one(*c.JitterMS >= shaky)
	}
	for i := range c.Findings {
		if x := &c.Findings[i]; graver(x.Severity, f.severity[x.Code]) {
			f.severity[x.Code] = x.Severity
		}
	}
	f.again += one(c.Retransmissions > 0)
	f.retransmission += c.Retransmissions
	f.later += one(c.GroupID != "" && c.GroupID != c.ID.String())
	f.joined += one(c.Joined)
	f.overLimit += one(c.OverLimit)
}

func graver(a, b protocol.Severity) bool {
	order := []protocol.Severity{protocol.SeverityInfo, protocol.SeverityWarn, protocol.SeverityBad}
	return slices.Index(order, a) > slices.Index(order, b)
}

// From where on loss in per cent, and jitter in ms, are looked at.
const (
	lossy = 1
	shaky = 30
)

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}

func (f *figures) list(s *Sum, calls []*protocol.CDR) []Figure {
	asr, attempts := s.ASR()
	ner, _ := s.NER()
	acd, connected := s.ACD()
	mos, rated := s.MOS()
	most, cps := busiest(calls)
	out := []Figure{
		{Name: "calls", Value: float64(s.Calls), OK: true, Calls: s.Calls, Where: anyCall, About: "all of them"},
		{Name: "attempts", Value: float64(s.Attempts), OK: true, Calls: s.Attempts, Where: isAttempt, About: "beginning and outcome seen"},
		{Name: "ASR", Value: asr, OK: attempts, Unit: Percent, Calls: s.Attempts - s.Answered, Where: isUnanswered, About: "attempts not answered"},
		{Name: "NER", Value: ner, OK: attempts, Unit: Percent, Calls: s.Attempts - s.Effective, Where: isFailed, About: "failed, and no user ended them"},
		{Name: "ACD", Value: acd, OK: connected, Unit: Clock, Calls: s.Connected, Where: "connected>=0", About: "answered"},
		{Name: "short", Value: float64(s.Short), OK: true, Calls: s.Short, Where: "connected>=0 connected<10", About: "answered, for less than 10 s"},
	}
	out = append(out, delay("PDD", "pdd", f.pdd), delay("setup", "setup", f.setup))
	out = append(out,
		Figure{Name: "MOS", Value: mos, OK: rated, Unit: MOS, Note: note(f.mos, 0.05, "5% below ", 2, ""), Calls: s.Bad, Where: "mos<3.6", About: "with a MOS below 3.6", Grade: protocol.GradeOf(mos)},
		Figure{Name: "loss", Value: mean(f.loss), OK: len(f.loss) > 0, Unit: Percent, Note: note(f.loss, 0.95, "95% ", 1, "%"), Calls: f.lossy, Where: "loss>=1", About: "with 1 % loss or more"},
		Figure{Name: "jitter", Value: mean(f.jitter), OK: len(f.jitter) > 0, Unit: Millis, Note: note(f.jitter, 0.95, "95% ", 1, ""), Calls: f.shaky, Where: "jitter>=30", About: "with 30 ms jitter or more"},
		Figure{Name: "findings", Value: float64(s.Found), OK: true, Calls: s.Found, Where: "finding:*", About: "with a finding"},
		Figure{Name: "alarming", Value: float64(s.Alarming), OK: true, Calls: s.Alarming, Where: "severity:bad", About: "with a finding that is bad"},
		Figure{Name: "sent again", Value: float64(f.retransmission), OK: true, Calls: f.again, Where: "retransmissions>0", About: "with messages sent again"},
		Figure{Name: "legs", Value: float64(f.later), OK: true, Calls: f.later, Where: "leg:later", About: "further legs of a conversation"},
		Figure{Name: "joined", Value: float64(f.joined), OK: true, Calls: f.joined, Where: "joined:yes", About: "begun before the capture"},
		Figure{Name: "over limit", Value: float64(f.overLimit), OK: true, Calls: f.overLimit, Where: "over-limit:yes", About: "over the limit, without media"},
		Figure{Name: "at once", Value: float64(most), OK: s.Calls > 0, About: "calls that ran at the same time, at most"},
		Figure{Name: "per second", Value: float64(cps), OK: s.Calls > 0, About: "calls that began within a second, at most"},
	)
	return out
}

// anyCall is a condition that holds for every call.
const anyCall = "duration>=0"

// delay is a time with its percentiles; the calls to look at are the slowest twentieth.
func delay(name, field string, ms []float64) Figure {
	f := Figure{Name: name, Value: mean(ms), OK: len(ms) > 0, Unit: Seconds, About: "at the 95th percentile or above"}
	if !f.OK {
		return f
	}
	p95 := quantile(ms, 0.95)
	f.Note = "median " + number(quantile(ms, 0.5)/1000, 2) + " 95% " + number(p95/1000, 2)
	at, _ := slices.BinarySearch(ms, p95) // quantile has sorted them
	f.Calls = len(ms) - at
	f.Where = field + ">=" + number(p95/1000, 3)
	return f
}

func note(v []float64, q float64, word string, decimals int, unit string) string {
	if len(v) == 0 {
		return ""
	}
	return word + number(quantile(v, q), decimals) + unit
}

func number(v float64, decimals int) string { return strconv.FormatFloat(v, 'f', decimals, 64) }

func mean(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// quantile is the value that the part q of all is not above. It sorts v.
func quantile(v []float64, q float64) float64 {
	slices.Sort(v)
	return v[max(0, int(math.Ceil(q*float64(len(v))))-1)]
}

// busiest is how many calls ran at the same time at most, and how many began in one second.
func busiest(calls []*protocol.CDR) (most, perSecond int) {
	type edge struct {
		t protocol.Time
		n int
	}
	edges := make([]edge, 0, 2*len(calls))
	for _, c := range calls {
		edges = append(edges, edge{c.Start, 1}, edge{max(c.End, c.Start), -1})
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(cmp.Compare(a.t, b.t), cmp.Compare(b.n, a.n)) })
	running, began := 0, 0
	second := protocol.Time(-1)
	for _, e := range edges {
		if running += e.n; e.n < 0 {
			continue
		}
		most = max(most, running)
		if s := e.t / 1e6; s != second {
			second, began = s, 0
		}
		began++
		perSecond = max(perSecond, began)
	}
	return most, perSecond
}
