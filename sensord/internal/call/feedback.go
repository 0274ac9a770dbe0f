package call

import (
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/rtp"
)

// feedback is what RTCP says of a stream.
type feedback struct {
	trip      rtp.RoundTrip
	rtt       int64 // smallest from here to the receiver and back, nanoseconds; -1: not known
	reports   int
	oldest    rtp.ReportBlock // the first and the newest of one receiver
	newest    rtp.ReportBlock //
	lossMax   float64         // per cent
	jitterMax float64         // ms
}

// unseenPackets is how many packets a sender has sent, by its own report, of which none was seen, when media takes another way: two seconds.
const unseenPackets = 100

func (s *stream) feedback() *feedback {
	if s.rtcp == nil {
		s.rtcp = &feedback{rtt: -1}
	}
	return s.rtcp
}

// takeRTCP gives a compound packet to the streams that it speaks of.
func (t *Table) takeRTCP(d *decode.Datagram) {
	at := t.between(d)
	b, from := t.analysed(at.Dst), t.analysed(at.Src)
	secure := encrypts(b, from)
	if b == nil {
		b = from
	}
	if b == nil {
		if !t.leftAlone(at) {
			t.count.unbound++
		}
		return
	}
	t.count.rtcp++
	c := b.call
	c.feedback = true
	c.keepMedia(d, len(d.Payload))
	if secure { // SRTCP: only the first header can be read
		return
	}
	if t.cfg.RTCP != nil {
		t.cfg.RTCP(d, c.callID)
	}
	listens := rtp.Listens(d.Payload)
	whole := rtp.WalkRTCP(d.Payload, func(i rtp.RTCPItem) {
		switch i.Kind {
		case rtp.RTCPSender:
			if s := c.source(i.From); s != nil {
				s.feedback().trip.SR(d.Time, i.Sender.NTP)
			} else if i.Sender.Packets >= unseenPackets {
				c.evidence.unseen = true
			}
		case rtp.RTCPReport:
			if s := c.source(i.Source); s != nil {
				s.report(d.Time, &i.Report)
				if listens {
					c.evidence.listens[1-c.sender(s)] = true
				}
			} else if i.Report.HighestSeq != 0 {
				c.evidence.unseen = true
			}
		}
	})
	if !whole && !d.Cut {
		t.count.badRTCP++
	}
}

// source finds the stream of an SSRC: the newest, when there are several.
func (c *Call) source(ssrc uint32) *stream {
	for i := len(c.streams) - 1; i >= 0; i-- {
		if c.streams[i].key.ssrc == ssrc {
			return c.streams[i]
		}
	}
	return nil
}

// report takes a receiver's statement on s.
func (s *stream) report(now int64, r *rtp.ReportBlock) {
	f := s.feedback()
	if f.reports == 0 {
		f.oldest = *r
	}
	f.newest = *r
	f.reports++
	f.lossMax = max(f.lossMax, r.LossPct())
	if k := s.codec; k != nil && k.clock != 0 {
		f.jitterMax = max(f.jitterMax, float64(r.Jitter)*1000/float64(k.clock))
	}
	if rtt, ok := f.trip.Report(now, r); ok && (f.rtt < 0 || rtt < f.rtt) {
		f.rtt = rtt
	}
}

// roundTrip is the time from the sender of s to its receiver and back, in nanoseconds: what was measured from here to
// either side. -1 when nothing was.
func (s *stream) roundTrip() int64 {
	rtt := int64(-1)
	if s.rtcp != nil {
		rtt = s.rtcp.rtt
	}
	for _, o := range s.call.streams { // a borrowed stream's other direction is its owner's, too
		if o.key.src == s.key.dst && o.key.dst == s.key.src && o.rtcp != nil && o.rtcp.rtt >= 0 {
			return max(rtt, 0) + o.rtcp.rtt
		}
	}
	return rtt
}
