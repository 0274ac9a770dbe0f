package analyze

import (
	"bytes"

	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/decode"
)

// Bounds of the frames that are remembered because they hold the beginning of a message that is not complete. They are
// needed only if a rule keeps the packets of the message's call, which is known when it is.
const (
	maxFlowSegments = 512     // of one stream; of a message in more pieces the first are let go
	maxFlowBytes    = 256e3   // of one stream
	maxSegmentBytes = 8 << 20 // of all streams
	segmentOverhead = 64      // what a frame costs beside its bytes
)

// segments are the frames of a message that is not complete.
type segments struct {
	frames []capture.Packet
	first  uint64 // number of the first
	bytes  int
}

// feed gives the bytes of d to a stream's framer. What it emits first carries the frames that brought its beginning.
func (e *Engine) feed(d *decode.Datagram, f *tcpFlow) {
	own, emitted, transport, held := d.Earlier, false, "tcp", 0
	if f.kind == flowWebSocket {
		transport = "ws"
	}
	if n := len(f.early.frames); n > 0 {
		d.Earlier, d.EarlierFrame = append(f.early.frames[:n:n], own...), f.early.first
	}
	emit := func(b []byte) {
		e.framed(d, b, transport)
		d.Earlier, d.EarlierFrame, emitted = own, 0, true
	}
	if f.kind == flowWebSocket {
		f.ws.Feed(d.Payload, emit)
		held = f.ws.Held()
	} else {
		f.plain.Feed(d.Payload, emit)
		if d.Cut {
			f.plain.Cut(emit)
		}
		held = f.plain.Held()
	}
	d.Earlier, d.EarlierFrame = own, 0
	if emitted || held == 0 {
		e.forget(f)
	}
	if held > 0 {
		f.time, f.frame = d.Time, d.Frame
		if e.keeping {
			e.remember(d, f)
		}
	}
}

// cutOff takes a message of which a part of the body was not captured. d is what comes after it in the stream, or its end.
func (e *Engine) cutOff(d *decode.Datagram, f *tcpFlow) {
	frames := f.early.frames
	if f.kind != flowSIP || f.plain.Held() == 0 || d.End && e.keeping && len(frames) == 0 {
		return
	}
	c := *d
	c.Time, c.Payload, c.Length, c.HeaderLen, c.End = f.time, nil, 0, 0, false
	if n := len(frames); n > 0 {
		c.Packet, c.Earlier, c.EarlierFrame, c.Frame = &frames[n-1], frames[:n-1], f.early.first, f.frame
	}
	f.plain.CutBody(func(b []byte) { e.framed(&c, b, "tcp") })
}

// remember copies the frames of d.
func (e *Engine) remember(d *decode.Datagram, f *tcpFlow) {
	if len(f.early.frames) == 0 {
		f.early.first = d.Frame
	}
	for i := range d.Earlier {
		e.rememberFrame(f, &d.Earlier[i])
	}
	e.rememberFrame(f, d.Packet)
}

func (e *Engine) rememberFrame(f *tcpFlow, p *capture.Packet) {
	s := &f.early
	size := len(p.Data) + segmentOverhead
	if e.segmentBytes+size > maxSegmentBytes {
		e.count.letGo++
		return
	}
	for len(s.frames) > 0 && (len(s.frames) == maxFlowSegments || s.bytes+size > maxFlowBytes) {
		n := len(s.frames[0].Data) + segmentOverhead
		s.bytes -= n
		e.segmentBytes -= n
		s.frames = append(s.frames[:0], s.frames[1:]...)
		s.first = 0
		e.count.letGo++
	}
	c := *p
	c.Data = bytes.Clone(p.Data)
	s.frames = append(s.frames, c)
	s.bytes += size
	e.segmentBytes += size
}

// forget lets the remembered frames of a stream go.
func (e *Engine) forget(f *tcpFlow) {
	e.segmentBytes -= f.early.bytes
	f.early.bytes = 0
	clear(f.early.frames)
	f.early.frames = f.early.frames[:0]
}
