package alert

import (
	"fmt"
	"hash/fnv"
	"math"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"voiptop/protocol"
	"voiptop/rules"
)

// Bounds of a definition, and of what a tenant may have.
const (
	MaxAlerts    = 100 // of a tenant
	MaxReceivers = 50  // of a tenant
	MaxSilences  = 100 // of a tenant, that are not over
	MaxKeys      = 200 // sensors or addresses that one alert tells apart
	maxName      = 100
	maxNote      = 1000
	maxWhere     = 2000
	maxPerAlert  = 10 // receivers
	// usualMinCalls keeps one failed call of one from being an alarm.
	usualMinCalls = 10
	MinWindow     = time.Minute
	MaxWindow     = 24 * time.Hour
	maxHold       = 24 * time.Hour
	minRepeat     = 5 * time.Minute
	maxRepeat     = 7 * 24 * time.Hour
)

// By says what an alert is evaluated for, each on its own.
type By string

// What alerts are evaluated by.
const (
	ByTenant      By = "tenant"      // everything together
	BySensor      By = "sensor"      // each sensor
	BySource      By = "source"      // each address that calls come from
	ByDestination By = "destination" // each address that calls go to
)

// Side says on which side of the threshold it is bad.
type Side string

// The sides.
const (
	Above Side = "above"
	Below Side = "below"
)

// Spec is the definition of an alert, as the API shows it. Times are in milliseconds.
type Spec struct {
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
	Note    string `json:"note"` // what to do, told in every message

	Metric  Metric   `json:"metric"`
	Bound   *float64 `json:"bound"`   // of mos_below and loss_above: what each call is compared with
	Finding string   `json:"finding"` // code, of the metric finding
	Match   string   `json:"match"`   // condition, of the metric share: which of the calls are counted
	Where   string   `json:"where"`   // condition: which calls it is about, "": all
	By      By       `json:"by"`

	Side      Side     `json:"side"`
	Threshold float64  `json:"threshold"` // in the metric's unit; with LastWeek in per cent of last week's figure
	Over      *float64 `json:"over"`      // hysteresis: the figure at which it is good again; null: the threshold
	LastWeek  bool     `json:"last_week"` // compare with the same time a week ago
	WindowMS  int64    `json:"window_ms"`
	MinCalls  int64    `json:"min_calls"` // fewer calls in the window are no data; 0: 10 for a ratio or a mean, else none
	HoldMS    int64    `json:"hold_ms"`   // it must be bad for so long before it fires
	ResolveMS int64    `json:"resolve_ms"`

	Severity  protocol.Severity `json:"severity"`
	Receivers []int64           `json:"receivers"`
	RepeatMS  int64             `json:"repeat_ms"` // while it fires and nobody has acknowledged it; 0: never
	Quiet     *Quiet            `json:"quiet"`     // null: none
}

// Quiet are the hours in which nobody is told. What still fires when they end is told then.
type Quiet struct {
	Zone string   `json:"zone"` // IANA name, e.g. Europe/Prague
	From string   `json:"from"` // 22:00
	To   string   `json:"to"`   // 07:00, excluded; the day after if it is not behind From
	Days []string `json:"days"` // mon ... sun on which they begin; empty: every day
}

// Window is how much of the past a figure is of.
func (s *Spec) Window() time.Duration { return time.Duration(s.WindowMS) * time.Millisecond }

func (s *Spec) hold() time.Duration    { return time.Duration(s.HoldMS) * time.Millisecond }
func (s *Spec) resolve() time.Duration { return time.Duration(s.ResolveMS) * time.Millisecond }
func (s *Spec) repeat() time.Duration  { return time.Duration(s.RepeatMS) * time.Millisecond }

// Slot is the time that is counted together. A window is at least six of them and at most some 60.
func (s *Spec) Slot() time.Duration {
	const shortest, longest = 10 * time.Second, 15 * time.Minute
	return min(max((s.Window()/60).Truncate(10*time.Second), shortest), longest)
}

// bad reports whether a figure is on the bad side of the threshold, good whether it has passed Over.
func (s *Spec) bad(v float64) bool {
	if s.Side == Below {
		return v < s.Threshold
	}
	return v > s.Threshold
}

func (s *Spec) good(v float64) bool {
	if s.Over == nil {
		return !s.bad(v)
	}
	if s.Side == Below {
		return v >= *s.Over
	}
	return v <= *s.Over
}

// worse answers the worse of two figures.
func (s *Spec) worse(a, b float64) float64 {
	if s.Side == Below {
		return min(a, b)
	}
	return max(a, b)
}

// Defaults fills in what may be left out: by, side, window, severity, and the least number of calls that a ratio or a mean is of.
func (s *Spec) Defaults() {
	m, _ := MetricByName(s.Metric)
	if s.By == "" {
		s.By = ByTenant
		if m.Sensors && s.Metric != Concurrent {
			s.By = BySensor
		}
	}
	if s.Side == "" {
		s.Side = m.Side
	}
	if s.WindowMS == 0 {
		s.WindowMS = (5 * time.Minute).Milliseconds()
	}
	if s.MinCalls == 0 && m.Ratio && !m.Sensors {
		s.MinCalls = usualMinCalls
	}
	if s.Severity == "" {
		s.Severity = protocol.SeverityWarn
	}
	if s.Receivers == nil {
		s.Receivers = []int64{}
	}
	if s.Quiet != nil && s.Quiet.Days == nil {
		s.Quiet.Days = []string{}
	}
}

// Error says which field of a definition is wrong, and how it is written.
type Error struct {
	Field, Text, Remedy string
	Cause               error // of a condition that cannot be read: what the Reader said
}

func (e *Error) Error() string { return e.Field + " " + e.Text }

func (e *Error) Unwrap() error { return e.Cause }

func wrong(field, remedy, text string, args ...any) error {
	return &Error{Field: field, Text: fmt.Sprintf(text, args...), Remedy: remedy}
}

// Check says what is wrong with a definition, but for its conditions, which NewCounter reads; the error is an *Error.
func (s *Spec) Check() error {
	m, ok := MetricByName(s.Metric)
	switch {
	case strings.TrimSpace(s.Name) == "" || utf8.RuneCountInString(s.Name) > maxName || strings.ContainsAny(s.Name, "\r\n\x00"):
		return wrong("name", fmt.Sprintf("give one line of up to %d characters", maxName), "%q cannot be used", s.Name)
	case utf8.RuneCountInString(s.Note) > maxNote || strings.Contains(s.Note, "\x00"):
		return wrong("note", fmt.Sprintf("give up to %d characters", maxNote), "is too long")
	case !ok:
		return wrong("metric", "give one of "+metricNames(), "%q is not known", s.Metric)
	case m.Bound != (s.Bound != nil):
		return wrong("bound", "mos_below and loss_above need one, other metrics have none", "does not fit to the metric %s", s.Metric)
	case s.Bound != nil && !usual(*s.Bound):
		return wrong("bound", "give a number from 0 to 100", "%g cannot be used", *s.Bound)
	case (s.Metric == Finding) != (s.Finding != ""):
		return wrong("finding", "give the code of a finding with the metric finding, and only there", "does not fit to the metric %s", s.Metric)
	case len(s.Finding) > 64 || strings.Trim(s.Finding, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return wrong("finding", "give the code of a finding, e.g. one-way-audio", "%q is no code", s.Finding)
	case (s.Metric == Share) != (s.Match != ""):
		return wrong("match", "give a condition with the metric share, and only there", "does not fit to the metric %s", s.Metric)
	case m.Sensors && s.Where != "":
		return wrong("where", "leave it out", "asks for calls, and %s is a figure of sensors", s.Metric)
	case !slices.Contains(m.By(), s.By):
		return wrong("by", "give one of "+joined(m.By()), "%q does not fit to the metric %s", s.By, s.Metric)
	case s.Side != Above && s.Side != Below:
		return wrong("side", "give above or below", "%q is not known", s.Side)
	case !(math.Abs(s.Threshold) < 1e12):
		return wrong("threshold", "give a number", "%g cannot be used", s.Threshold)
	case s.Over != nil && (!(math.Abs(*s.Over) < 1e12) || s.bad(*s.Over)):
		return wrong("over", "give a figure on the good side of the threshold", "%g is on the bad side of the threshold %g", *s.Over, s.Threshold)
	case s.LastWeek && m.Sensors:
		return wrong("last_week", "leave it out", "is for figures of calls, and %s is one of sensors", s.Metric)
	}
	return s.checkTimes()
}

func (s *Spec) checkTimes() error {
	within := func(field string, ms int64, low, high time.Duration) error {
		if ms < low.Milliseconds() || ms > high.Milliseconds() {
			return wrong(field, fmt.Sprintf("give %d to %d ms", low.Milliseconds(), high.Milliseconds()), "%d is out of range", ms)
		}
		return nil
	}
	for _, err := range []error{
		within("window_ms", s.WindowMS, MinWindow, MaxWindow),
		within("hold_ms", s.HoldMS, 0, maxHold),
		within("resolve_ms", s.ResolveMS, 0, maxHold),
	} {
		if err != nil {
			return err
		}
	}
	if s.RepeatMS != 0 {
		if err := within("repeat_ms", s.RepeatMS, minRepeat, maxRepeat); err != nil {
			return err
		}
	}
	switch {
	case s.MinCalls < 0 || s.MinCalls > 1e9:
		return wrong("min_calls", "give a number of calls", "%d is out of range", s.MinCalls)
	case s.Severity != protocol.SeverityInfo && s.Severity != protocol.SeverityWarn && s.Severity != protocol.SeverityBad:
		return wrong("severity", "give info, warn or bad", "%q is not known", s.Severity)
	case len(s.Receivers) > maxPerAlert:
		return wrong("receivers", fmt.Sprintf("give at most %d", maxPerAlert), "are %d", len(s.Receivers))
	}
	if s.Quiet != nil {
		if _, err := s.Quiet.parse(); err != nil {
			return wrong("quiet", `write it like {"zone": "Europe/Prague", "from": "22:00", "to": "07:00", "days": ["mon"]}`, "cannot be used: %v", err)
		}
	}
	return nil
}

// Reader reads a condition on calls; hosted's is package search's, which knows the tenant's groups. An error is passed on.
type Reader func(text string) (rules.Expr, error)

// condition reads one of a definition's conditions.
func condition(field, text string, read Reader) (rules.Expr, error) {
	if len(text) > maxWhere {
		return rules.Expr{}, wrong(field, fmt.Sprintf("give at most %d bytes", maxWhere), "is too long")
	}
	e, err := read(text)
	if err != nil {
		return e, &Error{Field: field, Text: "cannot be read: " + err.Error(), Remedy: "write it like the search of calls, e.g. callee:4202* src:10.0.0.0/8", Cause: err}
	}
	if h := e.Headers(); len(h) > 0 {
		return e, wrong(field, "ask for something else", "asks for the header field %s, which records of calls do not have", h[0])
	}
	return e, nil
}

// countKey names what is counted: definitions that differ in nothing else go on with the same counts.
func (s *Spec) countKey() int64 {
	h := fnv.New64a()
	bound := 0.0
	if s.Bound != nil {
		bound = *s.Bound
	}
	fmt.Fprintf(h, "%q %g %q %q %q %q %d", s.Metric, bound, s.Finding, s.Match, s.Where, s.By, s.WindowMS)
	return int64(h.Sum64() >> 1)
}

// usual is a bound that a call's MOS or loss may be compared with.
func usual(v float64) bool { return v >= 0 && v <= 100 }

func joined[T ~string](words []T) string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = string(w)
	}
	return strings.Join(all, ", ")
}

// CheckAddress reports whether s is a bare mail address.
func CheckAddress(s string) error {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 || strings.ContainsAny(s, "\r\n\x00 \"") {
		return fmt.Errorf("%q is no mail address", s)
	}
	return nil
}
