package analyze

import (
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
}

type flowKind uint8

const (
	flowUnknown flowKind = iota
	flowSIP
	flowWebSocket
	flowHEP
	flowTLS
)

// maxTries is how many pieces of a stream are looked at for a SIP message before it is left alone.
const maxTries = 16

// tcp takes the next bytes of a stream.
func (e *Engine) tcp(d *decode.Datagram) {
	f := e.flows[d.Stream]
	if d.End {
		if f != nil {
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

// recognise finds out what a stream carries by its content.
func (e *Engine) recognise(d *decode.Datagram, f *tcpFlow) bool {
	switch {
	case f.recognise(d.Payload):
	case d.Fresh && e.startsTLS(d, f):
		return f.kind == flowTLS
	default:
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
	case sip.LooksLikeSIP(b), sip.HasMessage(b):
		f.kind = flowSIP
	case sip.IsUpgrade(b), sip.IsFrame(b):
		f.kind = flowWebSocket
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
