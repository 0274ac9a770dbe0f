package call

import (
	"slices"

	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/diagnose"
	"voiptop/sensord/internal/rtp"
	"voiptop/sensord/internal/sdp"
)

// A PBX takes sound in on one leg and sends it out on another. Where the sensor sees both, what is lost on the one side and not on
// the other was lost on that side. Legs are compared when they finish: the first with the others as they stand then, which have
// ended or go on; a later one with what was kept of those before it.

const (
	maxLegs    = 8           // of a conversation; what has more is a mistake of whoever joined it
	maxLegFlow = 8           // streams of one leg
	legApart   = int64(3e9)  // by which the same sound may begin or end earlier on one leg than on the other
	legKept    = int64(30e9) // how long after its end what is left of a leg may be asked for
)

// legSeen is what others of a group ask of a call, and what is kept of it for those that finish later.
type legSeen struct {
	callID   string
	number   uint64
	end      int64           // when it finished
	src, dst decode.Endpoint // of its first INVITE
	flows    []legFlow
}

// legFlow is a stream of audio.
type legFlow struct {
	key    flowKey
	index  int // in the record
	from   int // party
	digits bool
	report rtp.Report
	lost   []uint32 // in each ten seconds
	gaps   *gaps    // nil: none
}

// compareLegs finds the streams of c, which is finished, on other legs of its group, and keeps of c what those need.
func (c *Call) compareLegs() (found []diagnose.Across) {
	g, now := c.group, c.table.now
	if len(c.keys) > 0 || now-c.lastSIP <= joinTime || c.table.legs.referring(now) { // others may still join it
		g.uuid()
	}
	g.call = nil
	if g.next == nil {
		return nil
	}
	var legs [maxLegs]*legSeen
	n, running := 0, false
	for o := g.next; o != g && n < maxLegs; {
		at := o
		o = o.next
		switch {
		case at.call != nil:
			legs[n], running = at.call.asLeg(), true
		case at.leg != nil && now-at.leg.end <= legKept:
			legs[n] = at.leg
		default:
			at.unlink()
			continue
		}
		n++
	}
	if n == maxLegs {
		g.unlink()
		return nil
	}
	own := c.asLeg()
	for i := range own.flows {
		if a, ok := own.find(&own.flows[i], legs[:n]); ok {
			found = append(found, a)
		}
	}
	if running {
		own.end, g.leg = now, own
	} else {
		g.unlink()
	}
	return found
}

// asLeg is what others ask of c.
func (c *Call) asLeg() *legSeen {
	c.catchUp()
	l := &legSeen{callID: c.callID, number: c.number, src: c.src, dst: c.dst}
	for i, s := range c.heard() {
		k := s.codec
		if k == nil || k.kind == sdp.Video || len(l.flows) == maxLegFlow {
			continue
		}
		f := legFlow{key: s.key, index: i, from: c.sender(s), digits: s.dtmf != nil, report: s.rtp.Report()}
		if s.rare != nil {
			f.gaps = &s.rare.gaps
		}
		for _, v := range s.intervals {
			f.lost = append(f.lost, v.lost)
		}
		if v, ok := s.meter.Open(); ok && s.rated {
			f.lost = append(f.lost, v.Lost)
		}
		l.flows = append(l.flows, f)
	}
	return l
}

// find finds the one stream of other legs in which the sound of f comes in to the PBX, or goes out.
func (l *legSeen) find(f *legFlow, others []*legSeen) (a diagnose.Across, ok bool) {
	for _, o := range others {
		for i := range o.flows {
			v := &o.flows[i]
			in, passes := l.passes(f, o, v)
			switch {
			case !passes:
				continue
			case ok: // which of them it is cannot be said
				return a, false
			}
			ok = true
			a = diagnose.Across{
				Stream: f.index, In: in, CallID: o.callID, Src: v.key.src.AddrPort(), Dst: v.key.dst.AddrPort(),
				Lost: v.report.Lost, Expected: v.report.Expected, Sure: v.report.Restarts == 0 && v.digits == f.digits, SameGaps: f.sameGaps(v),
			}
		}
	}
	return a, ok
}

// passes reports whether the sound of f is that of v on another leg, and whether f brings it in: by the address of who passes it on,
// or, where that is not the only one that could be, by the port that took one INVITE in and sent the other.
func (l *legSeen) passes(f *legFlow, o *legSeen, v *legFlow) (in, ok bool) {
	if f.key == v.key || apart(f.report.First, v.report.First) || apart(f.report.Last, v.report.Last) {
		return false, false
	}
	in, out := joint(&f.key, &v.key), joint(&v.key, &f.key)
	if in != out {
		return in, true
	}
	first, last := l, o
	if o.number < l.number {
		first, last = o, l
	}
	if first.dst != last.src || f.from != v.from {
		return false, false
	}
	return (f.from == caller) == (first == l), true
}

// joint reports whether one stream goes to an address that another comes from, and that is neither's other end.
func joint(in, out *flowKey) bool {
	return in.dst.IP == out.src.IP && in.src.IP != in.dst.IP && out.dst.IP != in.dst.IP
}

func apart(a, b int64) bool { return a-b > legApart || b-a > legApart }

// sameGaps reports whether two streams lack the same packets: by the pattern of the gaps, and when they were; where there are few, by each
// having the same length in the same ten seconds.
func (f *legFlow) sameGaps(v *legFlow) bool {
	if f.gaps == nil || v.gaps == nil {
		return false
	}
	if f.gaps.n >= enoughGaps && v.gaps.n >= enoughGaps {
		return f.gaps.same(v.gaps) && sameTimes(f.lost, v.lost)
	}
	return f.report.Lost == v.report.Lost && f.report.Bursts == v.report.Bursts && slices.Equal(f.lost, v.lost)
}

// sameTimes reports whether about as many packets were lost in each ten seconds.
func sameTimes(a, b []uint32) bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	all, differ := int64(0), int64(0)
	for i := range a {
		x, y := int64(a[i]), int64(0)
		if i < len(b) {
			y = int64(b[i])
		}
		all += x + y
		differ += max(x-y, y-x)
	}
	return 4*differ <= all
}
