package call

import (
	"voiptop/protocol"
	"voiptop/sensord/internal/diagnose"
	"voiptop/sensord/internal/rtp"
)

// maxPauses is how many pauses of a stream are kept, the longest.
const maxPauses = 8

// pause is a time in which nothing of a stream came, a second or longer.
type pause struct {
	end, length int64  // ns
	lost        uint32 // sequence numbers that were skipped
	flags       rtp.Flags
	marked      bool // the packet after it has the marker
}

// pauses are the longest of a stream, in their order.
type pauses struct {
	list   []pause
	spurts uint32 // those after which the timestamp had gone on, and no packet was missing: of those that are not kept, too
}

func (p *pauses) add(now, length int64, e *rtp.Event, marked bool) {
	if e.Flags&rtp.Talkspurt != 0 {
		p.spurts++
	}
	if len(p.list) == maxPauses {
		least := 0
		for i := range p.list {
			if p.list[i].length < p.list[least].length {
				least = i
			}
		}
		if p.list[least].length >= length {
			return
		}
		p.list = append(p.list[:least], p.list[least+1:]...)
	}
	p.list = append(p.list, pause{now, length, e.Lost, e.Flags, marked})
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
			ClockRan: v.flags&(rtp.Talkspurt|rtp.ClockJump) != 0, Anew: v.flags&rtp.Restart != 0, Marked: v.marked,
		}
	}
	return out
}
