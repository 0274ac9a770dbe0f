package analyze

import (
	"voiptop/sensord/internal/call"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/hep"
	"voiptop/sensord/internal/sip"
)

// front is the part of the analysis that needs no packet but the one at hand: headers come off, RTP headers, SIP messages and
// their session descriptions are read. It may be done by any goroutine, ahead of the engine's turn.
type front struct {
	ports map[uint16]bool // SIP's; nil: any
}

// kind is what a packet holds, as far as it tells on its own.
type kind uint8

const (
	isOther kind = iota // to be looked at in turn
	isRTP
	isSIP
)

// message is a SIP message that was read.
type message struct {
	sip.Message
	sdp call.SDP
}

// prepare looks at p, d being room for what it holds.
func (f *front) prepare(p *Packet, d *decode.Prepared, r *call.RTP, next func() *message) (k kind, key uint64) {
	if p.Secrets != nil {
		return isOther, 0
	}
	decode.Prepare(p, d)
	switch {
	case !d.Plain || len(d.Payload) == 0:
		return isOther, 0
	case d.Payload[0] >= 0x80:
		if !r.Read(&d.Datagram, p.Time) {
			return isOther, 0
		}
		return isRTP, d.Key()
	case !f.onPort(&d.Datagram) || hep.Is(d.Payload):
		return isOther, 0
	}
	m := next()
	if m.Parse(d.Payload) != nil || !m.Sure() {
		return isOther, 0
	}
	m.sdp.Read(&m.Message)
	return isSIP, d.Key()
}

// onPort reports whether SIP is looked for on the ports of d.
func (f *front) onPort(d *decode.Datagram) bool {
	return f.ports == nil || f.ports[d.Dst.Port] || f.ports[d.Src.Port]
}
