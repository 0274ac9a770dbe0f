package alert

import (
	"math"
	"net/netip"
	"strconv"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/rules"
)

// Counts is what is counted for one key (the tenant, a sensor, an address) in one slot of time, or in several. Which of it an
// alert uses its metric says.
type Counts struct {
	Calls int64         `json:"c,omitempty"` // that count: of a figure of media, those with media
	Hits  int64         `json:"h,omitempty"` // of these: answered, below the bound, ...
	Sum   float64       `json:"s,omitempty"` // of durations, MOS, loss, jitter or packets
	Max   float64       `json:"m,omitempty"` // of what a sensor said
	Delay map[int]int64 `json:"d,omitempty"` // calls by post-dial delay, see delayBucket
	First protocol.Time `json:"f,omitempty"` // the earliest start of a call that was counted
	Last  protocol.Time `json:"l,omitempty"` // the latest
}

// add puts o to c: of another slot, or of another node of hosted.
func (c *Counts) add(o *Counts) {
	c.Calls += o.Calls
	c.Hits += o.Hits
	c.Sum += o.Sum
	c.Max = max(c.Max, o.Max)
	for b, n := range o.Delay {
		if c.Delay == nil {
			c.Delay = map[int]int64{}
		}
		c.Delay[b] += n
	}
	if c.First == 0 || o.First != 0 && o.First < c.First {
		c.First = o.First
	}
	c.Last = max(c.Last, o.Last)
}

// Delays are counted in buckets 4 % apart, from 1 ms on: a percentile is right to 2 %.
const delayStep = 1.04

func delayBucket(ms int64) int {
	return int(math.Round(math.Log(float64(max(ms, 1))) / math.Log(delayStep)))
}

func delayOf(bucket int) float64 { return math.Pow(delayStep, float64(bucket)) }

// Counter counts calls and what sensors say for one alert. It may be used by many goroutines at once.
type Counter struct {
	ID    int64
	Key   int64 // of what is counted: definitions that count the same have the same
	Spec  Spec
	info  MetricInfo
	where rules.Expr
	match rules.Expr
}

// NewCounter makes a counter of an alert's definition; an error is an *Error.
func NewCounter(id int64, s Spec, read Reader) (*Counter, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	c := &Counter{ID: id, Key: s.countKey(), Spec: s}
	c.info, _ = MetricByName(s.Metric)
	var err error
	if c.where, err = condition("where", s.Where, read); err != nil {
		return nil, err
	}
	if c.match, err = condition("match", s.Match, read); err != nil {
		return nil, err
	}
	return c, nil
}

// Metric is the figure that is counted.
func (c *Counter) Metric() MetricInfo { return c.info }

// Where is the condition on the calls that are counted.
func (c *Counter) Where() rules.Expr { return c.where }

// Detail reports whether its conditions ask for streams or messages, which lists of calls do not have.
func (c *Counter) Detail() bool { return c.where.Detail() || c.match.Detail() }

// call counts one ended call. ok is false for one that the alert is not about.
func (c *Counter) call(r *protocol.CDR) (key string, n Counts, ok bool) {
	if c.info.Sensors || !c.where.Match(rules.Call{CDR: r, State: protocol.StateEnded}) {
		return "", n, false
	}
	n = Counts{Calls: 1, First: r.Start, Last: r.Start}
	hit := func(is bool) {
		if is {
			n.Hits = 1
		}
	}
	ofMedia := func(v *float64) {
		if v == nil {
			n.Calls = 0
			return
		}
		n.Sum = *v
	}
	switch c.Spec.Metric {
	case ASR, NER:
		if !store.Attempt(r) {
			n.Calls = 0
			break
		}
		hit(r.ConnectMS != nil || c.Spec.Metric == NER && effective(r))
	case ACD:
		if r.ConnectMS == nil {
			n.Calls = 0
			break
		}
		n.Sum = float64(*r.ConnectMS) / 1000
	case PDD:
		if r.PDDMS == nil {
			n.Calls = 0
			break
		}
		n.Delay = map[int]int64{delayBucket(*r.PDDMS): 1}
	case MOS:
		ofMedia(r.MOS)
	case MOSBelow:
		ofMedia(r.MOS)
		hit(r.MOS != nil && *r.MOS < *c.Spec.Bound)
	case Loss:
		ofMedia(r.LossPct)
	case LossAbove:
		ofMedia(r.LossPct)
		hit(r.LossPct != nil && *r.LossPct > *c.Spec.Bound)
	case Jitter:
		ofMedia(r.JitterMS)
	case Finding:
		hit(hasFinding(r, c.Spec.Finding))
	case Share:
		hit(c.match.Match(rules.Call{CDR: r, State: protocol.StateEnded}))
	case OverLimit:
		hit(r.OverLimit)
	}
	if n.Calls == 0 {
		return "", n, false
	}
	switch c.Spec.By {
	case BySensor:
		key = strconv.Itoa(int(r.SensorID))
	case BySource:
		key = host(r.Src)
	case ByDestination:
		key = host(r.Dst)
	}
	return key, n, true
}

// effective reports whether the network did its part (ITU-T E.425), by the definition that the dashboards have.
func effective(r *protocol.CDR) bool {
	var n store.Counts
	n.Add(r, 1)
	return n.Effective > 0
}

func hasFinding(r *protocol.CDR, code string) bool {
	for i := range r.Findings {
		if r.Findings[i].Code == code {
			return true
		}
	}
	return false
}

// host is the address of an endpoint in its canonical form, "" if it has none.
func host(endpoint string) string {
	ap, err := netip.ParseAddrPort(endpoint)
	if err != nil {
		return ""
	}
	return ap.Addr().Unmap().WithZone("").String()
}

// Reading is what a key's counts in a window amount to.
type Reading struct {
	Value       float64
	Data        bool  // false: too little for a figure
	Calls       int64 // that it is of
	First, Last protocol.Time
}

// read makes a figure of what was counted in a window.
func (c *Counter) read(n *Counts) Reading {
	r := Reading{Calls: n.Calls, First: n.First, Last: n.Last, Data: true}
	ratio := func(a, b float64) float64 {
		if b == 0 {
			return 0
		}
		return a / b
	}
	switch c.Spec.Metric {
	case Calls:
		r.Value = float64(n.Calls)
	case CPS:
		r.Value = float64(n.Calls) / c.Spec.Window().Seconds()
	case Finding, OverLimit:
		r.Value = float64(n.Hits)
	case ASR, NER, MOSBelow, LossAbove, Share:
		r.Value = 100 * ratio(float64(n.Hits), float64(n.Calls))
	case ACD, MOS, Loss, Jitter:
		r.Value = ratio(n.Sum, float64(n.Calls))
	case PDD:
		r.Value = percentile(n.Delay, 0.95)
	case Drops:
		r.Value, r.Data = n.Sum, n.Calls > 0
	case Queue, QueueLag, Concurrent:
		r.Value, r.Data = n.Max, n.Calls > 0
	}
	if !c.info.Sensors && (n.Calls < c.Spec.MinCalls || c.info.Ratio && n.Calls == 0) && !c.absenceIsBad() {
		r.Data = false
	}
	if c.info.Sensors {
		r.Calls = 0
	}
	r.Value = math.Round(r.Value*1000) / 1000
	return r
}

// absenceIsBad reports whether the alert waits for calls that do not come: then none are no lack of data.
func (c *Counter) absenceIsBad() bool { return c.Spec.Side == Below && !c.info.Ratio }

// percentile is the delay, in ms, that a share of the calls do not exceed.
func percentile(delay map[int]int64, share float64) float64 {
	var all int64
	low, high := math.MaxInt, math.MinInt
	for b, n := range delay {
		all += n
		low, high = min(low, b), max(high, b)
	}
	rest := int64(math.Ceil(share * float64(all)))
	for b := low; b <= high; b++ {
		if rest -= delay[b]; rest <= 0 {
			return math.Round(delayOf(b))
		}
	}
	return 0
}

// slotOf is when the slot that t lies in begins.
func (c *Counter) slotOf(t time.Time) protocol.Time {
	return protocol.TimeOf(t.Truncate(c.Spec.Slot()))
}
