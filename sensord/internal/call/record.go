package call

import (
	"math"
	"strings"
	"unicode/utf8"

	"voiptop/protocol"
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
	c.catchUp()
	return c.table.builder.build(c, c.groupID())
}

// record makes the record of a stream as one of those of c.
func (s *stream) record(r *protocol.Stream, c *Call, heard []*stream) {
	s.figures(r, c)
	if s.rated {
		m := s.meter.Summary()
		r.MOSF1, r.MOSF2, r.MOSAdapt = mos(m[quality.F1]), mos(m[quality.F2]), mos(m[quality.Adaptive])
		r.Intervals = s.recordIntervals()
		if r.MOSAdapt.Avg > 0 {
			r.MOSBasis = protocol.MOSBasis(s.meter.Codec().Basis())
		}
	}
	if s.dtmf != nil {
		r.DTMF = s.dtmf.Digits()
	}
	if s.extra != nil && s.extra.inband != nil {
		r.DTMFInband = s.extra.inband.Digits()
	}
	r.Tones = s.tones(heard)
	r.RTCP = s.farEnd()
}

// figures makes the part of a stream's record that is counted packet by packet.
func (s *stream) figures(r *protocol.Stream, c *Call) {
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
	if r.Encrypted {
		r.Keying = s.keying()
	}
	if s.extra != nil && s.extra.turn != nil {
		r.Via = protocol.ViaTURN
		if e := s.extra.turn.relayed; e.Port != 0 {
			r.Relayed = e.String()
		}
	}
	if k := s.mainCodec(p.PayloadType); k != nil {
		r.Codec = toValid(k.name)
		r.Media = k.kind.String()
		if k.clock != 0 { // that of the newest packet's may be another
			r.ClockRate = k.clock
		}
	}
}

// farEnd is what RTCP reported, nil if it did not.
func (s *stream) farEnd() *protocol.RTCP {
	f := s.rtcp
	if f == nil || f.reports == 0 {
		return nil
	}
	loss, jitter := round(f.lossMax), round(f.jitterMax)
	r := &protocol.RTCP{LossMaxPct: &loss, JitterMaxMS: &jitter}
	if rtt := s.roundTrip(); rtt >= 0 {
		v := round(float64(rtt) / 1e6)
		r.RTTMS = &v
	}
	return r
}

// mainCodec is that of the payload type which most packets carried, unless it is comfort noise or DTMF and there was speech.
func (s *stream) mainCodec(pt uint8) *codec {
	for _, f := range s.types {
		if f.pt == pt && !f.codec.aside {
			return s.carried(f.codec)
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
