package call

import (
	"math"

	"voiptop/protocol"
	"voiptop/sensord/internal/quality"
)

// judgeEvery is how often a running call is judged anew for the live view, nanoseconds.
const judgeEvery = int64(5e9)

// gravest is the gravest finding of a running call so far.
type gravest struct {
	code     string
	severity protocol.Severity
}

// State tells where the call stands.
func (c *Call) state() protocol.State {
	switch {
	case c.ended():
		return protocol.StateEnded
	case c.up() && c.held():
		return protocol.StateHold
	case c.up():
		return protocol.StateUp
	case c.ringing != 0:
		return protocol.StateRinging
	}
	return protocol.StateTrying
}

// live makes a row of the live view.
func (c *Call) live() protocol.LiveCall {
	l := protocol.LiveCall{
		ID: c.uuid(), CallID: toValid(c.callID), GroupID: c.groupID().String(), SensorID: c.table.cfg.SensorID, State: c.state(),
		Caller: toValid(c.caller), Callee: toValid(c.callee), Src: c.src.String(), Dst: c.dst.String(), Transport: c.transport,
		Start: protocol.TimeFromNanos(c.startTime), Answer: protocol.TimeFromNanos(c.answer), End: protocol.TimeFromNanos(c.end),
		Status: c.provisional, PDDMS: c.pdd(), Kept: protocol.KeepNone, Rule: c.rule, OverLimit: c.overLimit, Joined: c.joined(),
	}
	switch {
	case c.kept == nil:
	case c.kept.Open:
		l.Held = c.kept.Keep
	default:
		l.Kept = c.kept.Keep
	}
	c.catchUp()
	var worst *stream
	for _, s := range c.heard() {
		r := s.rtp.Report()
		l.Packets += r.Packets
		if s.codec != nil && l.Codec == "" {
			l.Codec = toValid(s.codec.name)
		}
		if !s.rated {
			continue
		}
		l.LossPct = worse(l.LossPct, round(r.LossPct()))
		l.JitterMS = worse(l.JitterMS, round(r.JitterMeanMS))
		if m := round(s.meter.Summary()[quality.Adaptive].Avg); m > 0 && (l.MOS == nil || m < *l.MOS) {
			l.MOS, worst = &m, s
		}
	}
	if l.Codec == "" && len(c.chosen) > 0 {
		l.Codec = toValid(c.chosen[0].name)
	}
	if worst != nil {
		l.Trend = worst.trend()
	}
	if now := c.table.now; c.judged == 0 || now-c.judged >= judgeEvery {
		c.judged, c.gravest = now, gravest{}
		if all := c.Record().Findings; len(all) > 0 {
			c.gravest = gravest{all[0].Code, all[0].Severity}
		}
	}
	l.Finding, l.Severity = c.gravest.code, c.gravest.severity
	return l
}

// trend gives the MOS of the last intervals in tenths.
func (s *stream) trend() []byte {
	from := max(0, len(s.intervals)-protocol.LiveTrend+1)
	out := make([]byte, 0, protocol.LiveTrend)
	for _, i := range s.intervals[from:] {
		out = append(out, byte(math.Round(float64(i.mos)*10)))
	}
	if i, ok := s.meter.Open(); ok {
		out = append(out, byte(math.Round(i.MOS[quality.Adaptive]*10)))
	}
	return out
}

// pdd is the post-dial delay in milliseconds, see progress.
func (c *Call) pdd() *int64 {
	at := c.progress()
	if at == 0 || c.joined() {
		return nil
	}
	v := max(0, (at-c.startTime)/1e6)
	return &v
}

func worse(p *float64, v float64) *float64 {
	if p == nil || v > *p {
		return &v
	}
	return p
}
