package stats

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"voiptop/protocol"
)

// Row is a group of calls.
type Row struct {
	Key      string
	Where    string // the condition that finds its calls
	Severity protocol.Severity
	Grade    protocol.Grade
	Status   int // of a final status, 0: it is none
	Sum
}

// Section is the calls grouped by one thing. A call may be in several rows, or in none.
type Section struct {
	Name    string
	Ordered bool // the rows have an order of their own: ranges; else those with most calls come first
	Rows    []Row
	Others  int // rows that were left out
}

const (
	maxRows = 1000    // of a section
	maxKeys = 100_000 // that are counted; what comes then is left out
)

// dimension groups calls by keys.
type dimension struct {
	name string
	keys func(c *protocol.CDR, add func(string))
	row  func(key string) Row // Key and Where of it
}

var dimensions = []dimension{
	{"Status", func(c *protocol.CDR, add func(string)) { add(strconv.Itoa(c.Status)) }, statusRow},
	{"Ends", func(c *protocol.CDR, add func(string)) { add(string(c.EndCause)) }, plain("end")},
	{"Findings", func(c *protocol.CDR, add func(string)) {
		for i := range c.Findings {
			code := c.Findings[i].Code
			if !slices.ContainsFunc(c.Findings[:i], func(f protocol.Finding) bool { return f.Code == code }) {
				add(code)
			}
		}
	}, exact("finding")},
	{"Sources", func(c *protocol.CDR, add func(string)) { add(host(c.Src)) }, address("src")},
	{"Targets", func(c *protocol.CDR, add func(string)) { add(host(c.Dst)) }, address("dst")},
	{"Agents", func(c *protocol.CDR, add func(string)) {
		add(c.UACaller)
		if c.UACallee != c.UACaller {
			add(c.UACallee)
		}
	}, exact("ua")},
	{"Codecs", func(c *protocol.CDR, add func(string)) {
		for i, name := range c.Codecs {
			if !slices.Contains(c.Codecs[:i], name) {
				add(name)
			}
		}
	}, exact("codec")},
	{"Callers", func(c *protocol.CDR, add func(string)) { add(c.Caller) }, exact("caller")},
	{"Called", func(c *protocol.CDR, add func(string)) { add(c.Callee) }, exact("callee")},
	{"Sensors", func(c *protocol.CDR, add func(string)) { add(strconv.Itoa(int(c.SensorID))) }, plain("sensor")},
}

// host is an address without its port.
func host(addr string) string {
	if a, err := netip.ParseAddrPort(addr); err == nil {
		return a.Addr().Unmap().String()
	}
	return addr
}

func statusRow(key string) Row {
	if key == "0" {
		return Row{Key: "no final answer", Where: "not status>0"}
	}
	n, _ := strconv.Atoi(key)
	return Row{Key: strings.TrimSpace(key + " " + phrases[n]), Where: "status=" + key, Status: n}
}

func plain(field string) func(string) Row {
	return func(key string) Row { return Row{Key: key, Where: field + ":" + key} }
}

func address(field string) func(string) Row {
	return func(key string) Row {
		if _, err := netip.ParseAddr(key); err != nil {
			return Row{Key: key} // no condition asks for what is no address
		}
		return Row{Key: key, Where: field + ":" + quote(key)}
	}
}

func exact(field string) func(string) Row {
	return func(key string) Row { return Row{Key: key, Where: field + "=" + quote(key)} }
}

// quote is a value as conditions want it: bare where it is a word for sure.
func quote(s string) string {
	odd := func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("-_./+", r))
	}
	if s != "" && strings.IndexFunc(s, odd) < 0 {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// grouping gathers a dimension.
type grouping struct {
	d      *dimension
	sums   map[string]*Sum
	others int // calls of keys beyond maxKeys
}

func (g *grouping) add(c *protocol.CDR) {
	g.d.keys(c, func(key string) {
		if key == "" {
			return
		}
		s := g.sums[key]
		if s == nil {
			if len(g.sums) >= maxKeys {
				g.others++
				return
			}
			s = &Sum{}
			g.sums[key] = s
		}
		s.add(c)
	})
}

func (g *grouping) section() Section {
	out := Section{Name: g.d.name}
	for key, sum := range g.sums {
		r := g.d.row(key)
		r.Sum = *sum
		out.Rows = append(out.Rows, r)
	}
	slices.SortFunc(out.Rows, func(a, b Row) int { return cmp.Or(cmp.Compare(b.Calls, a.Calls), strings.Compare(a.Key, b.Key)) })
	if n := len(out.Rows); n > maxRows {
		out.Rows = out.Rows[:maxRows:maxRows]
		out.Others = n - maxRows
	}
	out.Others += g.others
	return out
}

// spread is how a figure of calls is spread over ranges.
type spread struct {
	name, field, unit string
	bounds            []float64 // where the ranges begin, but the first
	worst             bool      // what is small is bad: the ranges are named by how bad they are
	get               func(c *protocol.CDR) (float64, bool)
}

func value(v *float64) (float64, bool) {
	if v == nil {
		return 0, false
	}
	return *v, true
}

var spreads = []spread{
	{"MOS", "mos", "", []float64{2.5, protocol.PoorMOS, protocol.FairMOS, protocol.GoodMOS, 4.3}, true, func(c *protocol.CDR) (float64, bool) { return value(c.MOS) }},
	{"Loss", "loss", " %", []float64{0.1, 0.5, 1, 2, 5, 10, 20}, false, func(c *protocol.CDR) (float64, bool) { return value(c.LossPct) }},
	{"Jitter", "jitter", " ms", []float64{1, 5, 10, 20, 30, 50, 100}, false, func(c *protocol.CDR) (float64, bool) { return value(c.JitterMS) }},
	{"PDD", "pdd", " s", []float64{0.1, 0.5, 1, 2, 3, 5, 10}, false, func(c *protocol.CDR) (float64, bool) {
		if c.PDDMS == nil {
			return 0, false
		}
		return float64(*c.PDDMS) / 1000, true
	}},
}

// rows are the ranges of a spread, and at the end the calls that have no such figure.
func (s *spread) rows() (out []Row) {
	text := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	for i := range len(s.bounds) + 1 {
		var r Row
		switch {
		case i == 0:
			r = Row{Key: "below " + text(s.bounds[0]) + s.unit, Where: s.field + "<" + text(s.bounds[0])}
		case i == len(s.bounds):
			r = Row{Key: text(s.bounds[i-1]) + s.unit + " and more", Where: s.field + ">=" + text(s.bounds[i-1])}
		default:
			lo, hi := text(s.bounds[i-1]), text(s.bounds[i])
			r = Row{Key: lo + " to " + hi + s.unit, Where: fmt.Sprintf("%s>=%s %s<%s", s.field, lo, s.field, hi)}
		}
		if s.worst {
			from := s.bounds[0] / 2
			if i > 0 {
				from = s.bounds[i-1]
			}
			r.Grade = protocol.GradeOf(from)
		}
		out = append(out, r)
	}
	return append(out, Row{Key: "none", Where: "not " + s.field + ">=0"})
}

// at is the row of a call.
func (s *spread) at(c *protocol.CDR) int {
	v, ok := s.get(c)
	if !ok {
		return len(s.bounds) + 1
	}
	at, _ := slices.BinarySearch(s.bounds, v)
	if at < len(s.bounds) && v == s.bounds[at] {
		at++
	}
	return at
}
