package call

import (
	"voiptop/protocol"
	"voiptop/sensord/internal/diagnose"
	"voiptop/sensord/internal/rtp"
)

// Bounds of pauses.
const (
	maxPauses  = 8          // of a stream that are kept, the longest
	pauseLeast = int64(1e9) // ns
)

// pause is a time in which nothing of a stream came, a second or longer.
type pause struct {
	end, length int64  // ns
	lost        uint32 // sequence numbers that were skipped
	ran, anew   bool   // see rtp.Stream.Resumes
	marked      bool   // the packet after it has the marker
}

// pauses are the longest of a stream, in their order.
type pauses struct {
	list   []pause
	spurts uint32 // those after which the timestamp had gone on, and no packet was missing: of those that are not kept, too
}

// paused takes a pause before a packet that is about to be taken, last being when that before came; 0: there was none.
func (a *account) paused(last, now int64, h *rtp.Header) {
	if last != 0 {
		lost, ran, anew := a.rtp.Resumes(now, h)
		a.seldomly().pauses.add(pause{now, now - last, lost, ran, anew, h.Marker})
	}
}

func (p *pauses) add(v pause) {
	if v.ran {
		p.spurts++
	}
	if len(p.list) == maxPauses {
		least := 0
		for i := range p.list {
			if p.list[i].length < p.list[least].length {
				least = i
			}
		}
		if p.list[least].length >= v.length {
			return
		}
		p.list = append(p.list[:least], p.list[least+1:]...)
	}
	p.list = append(p.list, v)
}

// facts are the pauses as diagnose wants them.
func (p *pauses) facts() []diagnose.Pause {
	if p == nil || len(p.list) == 0 {
		return nil
	}
	out := make([]diagnose.Pause, len(p.list))
	for i, v := range p.list {
		out[i] = diagnose.Pause{
			From: protocol.TimeFromNanos(v.end - v.length), To: protocol.TimeFromNanos(v.end), Lost: v.lost,
			ClockRan: v.ran, Anew: v.anew, Marked: v.marked,
		}
	}
	return out
}
