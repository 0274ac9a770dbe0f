package call

import (
	"voiptop/sensord/internal/quality"
	"voiptop/sensord/internal/rtp"
	"voiptop/sensord/internal/tone"
)

// account is what the packets of a stream come to. It follows the packets alone, in their order, so that it may be kept
// elsewhere and later than the calls are followed, see Work.
type account struct {
	rtp       rtp.Stream
	meter     quality.Meter
	rated     bool // speech: the meter runs
	fresh     bool // the newest packet had not come before
	dtmf      *rtp.DTMF
	rare      *rare // nil: nothing of it was met
	intervals []interval
}

// rare is what most streams have nothing of.
type rare struct {
	seldom *seldom // nil: nothing of it
	gaps   gaps
}

// seldom is what hardly any stream has.
type seldom struct {
	fax    tone.Fax
	faxed  bool // something like one was heard
	pauses pauses
}

func (a *account) rarely() *rare {
	if a.rare == nil {
		a.rare = &rare{}
	}
	return a.rare
}

func (a *account) seldomly() *seldom {
	r := a.rarely()
	if r.seldom == nil {
		r.seldom = &seldom{}
	}
	return r.seldom
}

// packet takes a packet.
func (a *account) packet(now int64, h *rtp.Header) {
	if last := a.rtp.Last(); now-last >= pauseLeast {
		a.paused(last, now, h)
	}
	e := a.rtp.Packet(now, h)
	if a.fresh = e.Flags&rtp.New != 0; !a.fresh {
		return
	}
	if e.Lost > 0 {
		a.rarely().gaps.add(e.Seq, e.Lost)
	}
	if a.rated && a.meter.Packet(now, e.Seq, e.Delay, a.rtp.JitterMS()) {
		i := a.meter.Closed()
		a.intervals = append(a.intervals, interval{i.Start, i.Packets, i.Lost, float32(i.JitterMS), float32(i.MOS[quality.Adaptive])})
	}
}

// digits takes the payload of the newest packet, which is a telephone-event.
func (a *account) digits(h *rtp.Header, payload []byte) {
	if a.fresh {
		a.dtmf.Packet(h, payload)
	}
}

// aside notes a payload type that carries no speech of its own.
func (a *account) aside(payloadType uint8, digits bool) {
	a.rtp.SetUntimed(payloadType)
	if digits && a.dtmf == nil {
		a.dtmf = &rtp.DTMF{}
	}
}

// tune notes another codec and, if it is of speech, the time in a packet, in milliseconds.
func (a *account) tune(k *codec, ptime float64) {
	a.rtp.SetClockRate(k.clock)
	if !k.speech() {
		return
	}
	if q := quality.ForCodec(k.name); a.rated {
		a.meter.Set(q, ptime, 0)
	} else {
		a.meter.Init(q, ptime, 0)
		a.rated = true
	}
}
