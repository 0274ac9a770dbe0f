package diagnose

import (
	"fmt"
	"net/netip"

	"voiptop/protocol"
)

// lostAcross tells on which side of a PBX packets were lost, by the same sound on both of its legs, and reports whether it could. What
// comes in well and goes out with gaps was lost at the PBX; what comes in with gaps was lost before it, if it goes out no worse.
func lostAcross(x *exam) bool {
	for i := range x.f.Across {
		a := &x.f.Across[i]
		s, t := &x.c.Streams[a.Stream], &x.f.Streams[a.Stream]
		if s.Packets < minOneWay || a.Expected < minOneWay || t.Restarts > 0 || !a.Sure || x.f.Held {
			continue
		}
		here := way{s.Src, s.Dst, s.Lost, s.Expected, "this leg"}
		there := way{a.Src.String(), a.Dst.String(), a.Lost, a.Expected, "leg " + a.CallID}
		in, out, pbx := here, there, hostOf(s.Dst)
		if !a.In {
			in, out, pbx = there, here, a.Dst.Addr()
		}
		evidence := fmt.Sprintf("into %s: %s; out of it: %s", pbx, in, out)
		switch {
		case out.pct()-in.pct() >= locatedPct && out.lost-min(in.lost, out.lost) >= locatedLost:
			x.report(protocol.SeverityWarn, "Packets were lost at the PBX: they came in on one leg and did not go out on the other.", evidence,
				"Look at the PBX's load and its drop counters, at its jitter buffer and transcoding, and at the link between it and this sensor.").streams(a.Stream)
			return true
		case in.pct() >= locatedPct && in.lost >= locatedLost && (4*out.lost <= in.lost || a.SameGaps && out.pct() <= in.pct()+1):
			x.report(protocol.SeverityInfo, fmt.Sprintf("All loss happened before the PBX, on %s.", in.leg), evidence,
				"Look between who sends on that leg and this sensor; the PBX and the other leg are not to blame.").streams(a.Stream)
			return true
		}
	}
	return false
}

// way is a stream as evidence says it.
type way struct {
	src, dst       string
	lost, expected uint64
	leg            string
}

func (w *way) pct() float64 { return 100 * float64(w.lost) / float64(max(1, w.expected)) }

func (w way) String() string {
	return fmt.Sprintf("%s to %s lost %.1f %% (%d of %d) on %s", w.src, w.dst, w.pct(), w.lost, w.expected, w.leg)
}

func hostOf(endpoint string) netip.Addr {
	a, _ := netip.ParseAddrPort(endpoint)
	return a.Addr()
}
