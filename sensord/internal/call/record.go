package call

import (
	"math"
	"strings"
	"unicode/utf8"

	"voiptop/protocol"
	"voiptop/sensord/internal/diagnose"
	"voiptop/sensord/internal/quality"
)

// Record makes the record of the call as far as it has come. It is the caller's from then on.
func (c *Call) Record() *protocol.CDR {
	r := c.record()
	if c.masked {
		maskDigits(r)
	}
	return r
}

// record is Record with digits that its rule may want masked.
func (c *Call) record() *protocol.CDR {
	ends := c.endNames()
	r := &protocol.CDR{
		ID: c.id, CallID: toValid(c.callID), SensorID: c.table.cfg.SensorID,
		Caller: toValid(c.caller), Callee: toValid(c.callee), CallerDomain: toValid(c.callerDomain),
		CalleeDomain: toValid(c.calleeDomain), CallerName: toValid(c.callerName), CalleeURI: toValid(c.calleeURI),
		Src: c.endName(c.src, ends), Dst: c.endName(c.dst, ends), Transport: c.transport,
		Start: protocol.TimeFromNanos(c.startTime), Ringing: protocol.TimeFromNanos(c.ringing),
		Answer: protocol.TimeFromNanos(c.answer), End: protocol.TimeFromNanos(c.end),
		Status: c.status, Reason: toValid(c.reason), EndCause: c.cause, EndBy: c.by,
		UACaller: toValid(c.uaCaller), UACallee: toValid(c.uaCallee),
		Rule: c.rule, OverLimit: c.overLimit, Retransmissions: c.retransmissions, MessagesOmitted: c.messagesOmitted, StreamsOmitted: len(c.omitted),
	}
	r.GroupID = c.group.root().id.String()
	r.DTMFInfo = string(c.digits)
	end := c.end
	if end == 0 {
		end = max(c.lastSIP, c.lastMedia())
	}
	r.DurationMS = max(0, (end-c.startTime)/1e6)
	if c.answer != 0 {
		r.ConnectMS = ms(end - c.answer)
		r.SetupMS = ms(c.answer - c.startTime)
	}
	r.PDDMS = c.pdd()
	if c.kept != nil && !c.kept.Open {
		r.Capture.Kept, r.Capture.NoAudio = c.kept.Keep, c.kept.NoAudio
	}
	r.Messages = c.summary(ends)
	heard := c.heard()
	r.Streams = make([]protocol.Stream, len(heard))
	for i, s := range heard {
		s.record(&r.Streams[i], c)
	}
	r.Codecs = c.codecs(r.Streams)
	c.worst(r)
	r.Findings, r.Unchecked = diagnose.Call(r, c.facts())
	return r
}

// pdd is the post-dial delay: to the first 18x, else to the final response.
func (c *Call) pdd() *int64 {
	switch {
	case c.ringing != 0:
		return ms(c.ringing - c.startTime)
	case c.answer != 0:
		return ms(c.answer - c.startTime)
	case c.final != finalNone && c.end != 0:
		return ms(c.end - c.startTime)
	}
	return nil
}

// worst sets the figures of the call's worst streams.
func (c *Call) worst(r *protocol.CDR) {
	for i := range r.Streams {
		s := &r.Streams[i]
		if s.Media == "video" {
			continue
		}
		if s.MOSAdapt.Avg > 0 && (r.MOS == nil || s.MOSAdapt.Avg < *r.MOS) {
			v := s.MOSAdapt.Avg
			r.MOS = &v
		}
		r.LossPct = worse(r.LossPct, s.LossPct)
		r.JitterMS = worse(r.JitterMS, s.JitterMeanMS)
	}
}

func worse(p *float64, v float64) *float64 {
	if p == nil || v > *p {
		return &v
	}
	return p
}

// codecs lists what was heard; without media, what was agreed.
func (c *Call) codecs(streams []protocol.Stream) []string {
	var out []string
	add := func(name string) {
		if name == "" {
			return
		}
		for _, o := range out {
			if o == name {
				return
			}
		}
		out = append(out, name)
	}
	for _, s := range c.heard() {
		for _, f := range s.types {
			if !f.codec.aside {
				add(f.codec.name)
			}
		}
	}
	if len(streams) == 0 {
		for _, k := range c.chosen {
			add(k.name)
		}
	}
	return out
}

// record makes the record of a stream as one of c.
func (s *stream) record(r *protocol.Stream, c *Call) {
	p := s.rtp.Report()
	*r = protocol.Stream{
		Src: s.key.src.String(), Dst: s.key.dst.String(), SSRC: protocol.SSRC(s.key.ssrc),
		PayloadType: p.PayloadType, ClockRate: p.ClockRate, Direction: protocol.FromCallee,
		First: protocol.TimeFromNanos(p.First), Last: protocol.TimeFromNanos(p.Last),
		Packets: p.Packets, Expected: p.Expected, Lost: p.Lost, LossPct: round(p.LossPct()),
		Duplicates: p.Duplicates, Reordered: p.Reordered,
		JitterMeanMS: round(p.JitterMeanMS), JitterMaxMS: round(p.JitterMaxMS), DeltaMaxMS: round(p.DeltaMaxMS), SkewMS: round(p.SkewMS),
		Bursts: p.Bursts, PDV: p.PDV, PtimeMS: round(p.PtimeMS), DSCP: s.dscp,
		Encrypted: s.encrypted(),
	}
	if c.sender(s) == caller {
		r.Direction = protocol.FromCaller
	}
	if k := s.mainCodec(p.PayloadType); k != nil {
		r.Codec = toValid(k.name)
		r.Media = k.kind.String()
		if r.ClockRate == 0 {
			r.ClockRate = k.clock
		}
	}
	if s.rated {
		m := s.meter.Summary()
		r.MOSF1, r.MOSF2, r.MOSAdapt = mos(m[quality.F1]), mos(m[quality.F2]), mos(m[quality.Adaptive])
		r.Intervals = s.recordIntervals()
	}
	if s.dtmf != nil {
		r.DTMF = s.dtmf.Digits()
	}
	if f := s.rtcp; f != nil && f.reports > 0 {
		loss, jitter := round(f.lossMax), round(f.jitterMax)
		r.RTCP = &protocol.RTCP{LossMaxPct: &loss, JitterMaxMS: &jitter}
		if rtt := s.roundTrip(); rtt >= 0 {
			v := round(float64(rtt) / 1e6)
			r.RTCP.RTTMS = &v
		}
	}
}

// mainCodec is that of the payload type which most packets carried, unless it is comfort noise or DTMF and there was speech.
func (s *stream) mainCodec(pt uint8) *codec {
	for _, f := range s.types {
		if f.pt == pt && !f.codec.aside {
			return f.codec
		}
	}
	if s.codec != nil {
		return s.codec
	}
	return s.aside
}

func (s *stream) recordIntervals() []protocol.Interval {
	all := s.intervals
	if i, ok := s.meter.Open(); ok {
		all = append(all[:len(all):len(all)], interval{i.Start, i.Packets, i.Lost, float32(i.JitterMS), float32(i.MOS[quality.Adaptive])})
	}
	out := make([]protocol.Interval, len(all))
	for i, v := range all {
		out[i] = protocol.Interval{
			T: protocol.TimeFromNanos(v.t), Packets: v.packets, Lost: v.lost,
			JitterMS: round(float64(v.jitter)), MOS: round(float64(v.mos)),
		}
	}
	return out
}

func mos(s quality.Score) protocol.MOS { return protocol.MOS{Avg: round(s.Avg), Min: round(s.Min)} }

func ms(ns int64) *int64 {
	v := max(0, ns/1e6)
	return &v
}

// round keeps three decimals, so that the output is the same to the byte on every machine.
func round(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return math.Round(f*1000) / 1000
}

// toValid replaces what is no UTF-8: records are JSON and CBOR text.
func toValid(s string) string {
	if utf8.ValidString(s) { // as a rule, and quickly told
		return s
	}
	return strings.ToValidUTF8(s, "\ufffd")
}
