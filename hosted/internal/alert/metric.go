package alert

import (
	"math"
	"strconv"
	"strings"
)

// Metric names a figure.
type Metric string

// The figures of calls. A call counts at its end: at its start a good call and a bad one are not known apart.
const (
	Calls     Metric = "calls"
	CPS       Metric = "cps"
	ASR       Metric = "asr"
	NER       Metric = "ner"
	ACD       Metric = "acd"
	PDD       Metric = "pdd_p95"
	MOS       Metric = "mos"
	MOSBelow  Metric = "mos_below"
	Loss      Metric = "loss"
	LossAbove Metric = "loss_above"
	Jitter    Metric = "jitter"
	Finding   Metric = "finding"
	Share     Metric = "share"
	OverLimit Metric = "over_limit"
)

// The figures of sensors.
const (
	Offline    Metric = "sensor_offline"
	Drops      Metric = "drops"
	Queue      Metric = "queue"
	QueueLag   Metric = "queue_lag"
	Concurrent Metric = "concurrent"
)

// MetricInfo says what a figure is.
type MetricInfo struct {
	Name     Metric `json:"name"`
	Title    string `json:"title"`
	Doc      string `json:"doc"`
	Unit     string `json:"unit"`      // "%", "s", "ms", "calls", ...
	Decimals int    `json:"decimals"`  // that a person wants to see
	Side     Side   `json:"side"`      // that is bad, mostly
	Sensors  bool   `json:"sensors"`   // a figure of sensors, not of calls
	Bound    bool   `json:"bound"`     // needs one
	Ratio    bool   `json:"ratio"`     // is nothing without calls: then there is no data
	BadWhere string `json:"bad_where"` // condition that finds the calls that make it bad, "": all
}

var metrics = []MetricInfo{
	{ASR, "answer-seizure ratio", "calls that were answered, of all", "%", 1, Below, false, false, true, "not connected>=0"},
	{NER, "network effectiveness ratio", "calls that were answered, or that a user ended (busy, declined, not answered, given up while it rang), of all (ITU-T E.425)", "%", 1, Below, false, false, true, "not connected>=0 not status:(480 486 600 603 607)"},
	{ACD, "average call duration", "from answer to end, of answered calls", "s", 0, Below, false, false, true, "connected>=0"},
	{PDD, "post-dial delay, 95th percentile", "from the INVITE to the first ringing; 95 of 100 calls had less", "ms", 0, Above, false, false, true, ""},
	{MOS, "mean MOS", "of the calls with media, each with its worst stream", "", 2, Below, false, false, true, "mos>0"},
	{MOSBelow, "calls with a bad MOS", "calls whose MOS is below the bound, of those with media", "%", 1, Above, false, true, true, ""},
	{Loss, "mean packet loss", "of the calls with media, each with its worst stream", "%", 2, Above, false, false, true, "loss>0"},
	{LossAbove, "calls with packet loss", "calls whose loss is above the bound, of those with media", "%", 1, Above, false, true, true, ""},
	{Jitter, "mean jitter", "of the calls with media, each with its worst stream", "ms", 1, Above, false, false, true, ""},
	{Calls, "calls", "calls that ended in the window", "calls", 0, Above, false, false, false, ""},
	{CPS, "calls per second", "calls that ended in the window, a second", "/s", 2, Above, false, false, false, ""},
	{Finding, "calls with a finding", "calls that have the finding", "calls", 0, Above, false, false, false, ""},
	{Share, "share of calls", "calls that the condition `match` holds for, of those that `where` holds for", "%", 1, Above, false, false, true, ""},
	{OverLimit, "calls over the limit", "calls beyond the tenant's channels, whose media was not analysed", "calls", 0, Above, false, false, false, ""},
	{Concurrent, "running calls", "the most at a time in the window, of the sensors that are online", "calls", 0, Above, true, false, true, ""},
	{Offline, "sensor offline", "time since hosted last heard of the sensor", "s", 0, Above, true, false, false, ""},
	{Drops, "packets dropped", "packets that the sensor's kernel dropped in the window, before they were seen", "packets", 0, Above, true, false, true, ""},
	{Queue, "calls waiting on the sensor", "the most records in the window that were not in hosted yet", "calls", 0, Above, true, false, true, ""},
	{QueueLag, "age of what waits on the sensor", "the oldest record in the window that was not in hosted yet", "s", 0, Above, true, false, true, ""},
}

// Metrics lists every figure.
func Metrics() []MetricInfo { return metrics }

// MetricByName finds a figure.
func MetricByName(name Metric) (MetricInfo, bool) {
	for _, m := range metrics {
		if m.Name == name {
			return m, true
		}
	}
	return MetricInfo{}, false
}

// By lists what the figure may be evaluated by.
func (m *MetricInfo) By() []By {
	switch {
	case m.Name == Concurrent:
		return []By{ByTenant, BySensor}
	case m.Sensors:
		return []By{BySensor}
	}
	return []By{ByTenant, BySensor, BySource, ByDestination}
}

func metricNames() string {
	names := make([]Metric, len(metrics))
	for i, m := range metrics {
		names[i] = m.Name
	}
	return joined(names)
}

// Format writes a figure with its unit, for people.
func (m *MetricInfo) Format(v float64, lastWeek bool) string {
	if lastWeek {
		return number(v, 0) + " % of last week's"
	}
	s := number(v, m.Decimals)
	if m.Unit == "" {
		return s
	}
	return s + " " + m.Unit
}

// number writes at most so many decimals, and none that say nothing.
func number(v float64, decimals int) string {
	p := math.Pow(10, float64(decimals))
	s := strconv.FormatFloat(math.Round(v*p)/p, 'f', -1, 64)
	return strings.Replace(s, "-0", "0", map[bool]int{true: 1, false: 0}[s == "-0"])
}
