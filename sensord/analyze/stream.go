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
}

type flowKind uint8

const (
	flowUnknown flowKind = iota
	flowSIP
	flowWebSocket
	flowHEP
)

// maxTries is how many pieces of a stream are looked at for a SIP message before it is left alone.
const maxTries = 16

// tcp takes the next bytes of a stream.
func (e *Engine) tcp(d *decode.Datagram) {
	f := e.flows[d.Stream]
	if d.End {
		if f != nil {
			e.count.skipped += f.plain.Skipped + f.ws.Skipped + f.hep.Skipped
			delete(e.flows, d.Stream)
		}
		return
	}
	if f == nil {
		if e.ports != nil && !e.ports[d.Dst.Port] && !e.ports[d.Src.Port] && !hep.Is(d.Payload) {
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
		f.plain.Gap()
		f.ws.Gap()
		f.hep.Gap()
	}
	switch f.kind {
	case flowWebSocket:
		f.ws.Feed(d.Payload, func(b []byte) { e.framed(d, b, "ws") })
	case flowHEP:
		f.hep.Feed(d.Payload, func(b []byte) { e.hepMessage(d, b, false) })
	default:
		f.plain.Feed(d.Payload, func(b []byte) { e.framed(d, b, "tcp") })
	}
}

func (e *Engine) framed(d *decode.Datagram, b []byte, transport string) {
	if sip.LooksLikeSIP(b) {
		e.sip(d, b, transport)
	}
}

// recognise finds out what a stream carries by its content.
func (e *Engine) recognise(d *decode.Datagram, f *tcpFlow) bool {
	b := d.Payload
	switch {
	case hep.Is(b):
		f.kind = flowHEP
	case sip.LooksLikeSIP(b), sip.HasMessage(b):
		f.kind = flowSIP
	case sip.IsUpgrade(b), sip.IsFrame(b):
		f.kind = flowWebSocket
	case d.Fresh && len(b) > 5 && b[0] == 0x16 && b[1] == 3: // TLS handshake record (RFC 8446 section 5.1)
		e.count.tls++
		e.ignore(d)
		return false
	default:
		if f.tries++; f.tries >= maxTries {
			e.ignore(d)
		}
		return false
	}
	return true
}

func (e *Engine) ignore(d *decode.Datagram) {
	d.Ignore = true
	delete(e.flows, d.Stream)
}
