package call

import (
	"voiptop/protocol"
	"voiptop/sensord/internal/quality"
)

// Streams appends the streams of up to n calls behind the cursor to dst, as far as they have come, and moves the cursor on. more tells
// whether there are other calls. Each row has its About: whoever tells of changes leaves it out. A stream that two calls share is in
// the rows of both.
func (t *Table) Streams(at *Cursor, dst []protocol.LiveStream, n int) (_ []protocol.LiveStream, more bool) {
	c := t.behind(at)
	for ; c != nil && n > 0; c, n = t.order.after(c), n-1 {
		dst = c.liveStreams(dst)
		at.pass(c)
	}
	return dst, c != nil
}

func (c *Call) liveStreams(dst []protocol.LiveStream) []protocol.LiveStream {
	heard := c.heard()
	if len(heard) == 0 {
		return dst
	}
	c.catchUp()
	of := protocol.CDR{
		ID: c.uuid(), CallID: toValid(c.callID), SensorID: c.table.cfg.SensorID, Caller: toValid(c.caller), Callee: toValid(c.callee),
		Src: c.src.String(), Dst: c.dst.String(),
	}
	var r protocol.Stream
	for _, s := range heard {
		s.figures(&r, c)
		if s.rated {
			r.MOSAdapt = mos(s.meter.Summary()[quality.Adaptive])
		}
		r.RTCP = s.farEnd()
		l := protocol.LiveStreamOf(&of, &r)
		if s.rated {
			l.Trend = s.trend()
		}
		dst = append(dst, l)
	}
	return dst
}
