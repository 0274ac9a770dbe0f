package analyze

import (
	"bytes"

	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/hep"
	"voiptop/sensord/internal/sip"
)

// tcpFlow is one direction of a TCP connection that carries SIP, or may yet.
type tcpFlow struct {
	kind  flowKind
	tries int
	plain sip.Framer
	ws    sip.WSFramer
	hep   hep.Framer
	early segments
	time  int64 // when the last bytes of a message that is not complete came, and in which frame
	frame uint64
	start []byte // what came while it was too short to tell what it is
}

type flowKind uint8

const (
	flowUnknown flowKind = iota
	flowSIP
	flowWebSocket
	flowHEP
	flowTLS
)

const (
	maxTries = 16  // pieces of a stream that are looked at for a SIP message before it is left alone
	maxStart = 128 // bytes of its beginning that are put together to be looked at
)

// tcp takes the next bytes of a stream.
func (e *Engine) tcp(d *decode.Datagram) {
	f := e.flows[d.Stream]
	if d.End {
		if f != nil {
			e.cutOff(d, f)
			e.count.skipped += f.skipped()
			e.forget(f)
			delete(e.flows, d.Stream)
			if f.kind == flowTLS {
				e.tls.table.Feed(d)
			}
		}
		return
	}
	if f == nil {
		if !e.front.onPort(d) && !hep.Is(d.Payload) {
			if sip.LooksLikeSIP(d.Payload) {
				e.count.unlisted++
			}
			d.Ignore = true
			return
		}
		f = &tcpFlow{}
		e.flows[d.Stream] = f
	}
	if f.kind == flowUnknown && !e.recognise(d, f) {
		return
	}
	if d.Gap {
		e.cutOff(d, f)
		f.gap()
		e.forget(f)
	}
	switch f.kind {
	case flowTLS:
		if e.tls.table.Feed(d); d.Ignore {
			delete(e.flows, d.Stream)
		}
	case flowHEP:
		f.hep.Feed(d.Payload, func(b []byte) { e.hepMessage(d, b, false) })
	default:
		e.feed(d, f)
	}
}

func (e *Engine) framed(d *decode.Datagram, b []byte, transport string) {
	if sip.LooksLikeSIP(b) {
		e.sip(d, b, transport)
	}
}

// recognise finds out what a stream carries by its content. A beginning that came in pieces is given to d as one.
func (e *Engine) recognise(d *decode.Datagram, f *tcpFlow) bool {
	if d.Gap {
		f.start = nil
		e.forget(f)
	}
	joined := d.Payload
	if len(f.start) > 0 || len(joined) < maxStart {
		joined = bytes.TrimLeft(append(f.start, joined...), "\r\n") // keep-alives come before as well
	}
	switch {
	case f.recognise(joined):
		if len(f.start) > 0 {
			d.Length += len(f.start)
			d.Payload, d.HeaderLen, f.start = joined, 0, nil
		}
	case d.Fresh && e.startsTLS(d, f):
		return f.kind == flowTLS
	case len(joined) == 0:
		return false
	case len(joined) <= maxStart && sip.MayStart(joined):
		f.start = joined
		if e.keeping {
			e.remember(d, f)
		}
		return false
	default:
		f.start = nil
		e.forget(f)
		if f.tries++; f.tries >= maxTries {
			e.ignore(d)
		}
		return false
	}
	return true
}

// recognise finds out by its content what a stream carries.
func (f *tcpFlow) recognise(b []byte) bool {
	switch {
	case hep.Is(b):
		f.kind = flowHEP
	case sip.LooksLikeSIP(b):
		f.kind = flowSIP
	case sip.IsUpgrade(b), sip.IsFrame(b):
		f.kind = flowWebSocket
	case sip.HasMessage(b): // asked last: a byte of a frame's length may be a line's end
		f.kind = flowSIP
	default:
		return false
	}
	return true
}

// gap forgets a message that is not complete: bytes are missing here.
func (f *tcpFlow) gap() {
	f.plain.Gap()
	f.ws.Gap()
	f.hep.Gap()
}

// skipped is how many bytes belonged to no message.
func (f *tcpFlow) skipped() uint64 { return f.plain.Skipped + f.ws.Skipped + f.hep.Skipped }

func (e *Engine) ignore(d *decode.Datagram) {
	d.Ignore = true
	delete(e.flows, d.Stream)
}
