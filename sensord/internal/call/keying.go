package call

import (
	"bytes"
	"encoding/binary"

	"voiptop/protocol"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sdp"
)

// keying is how the keys of SRTP are agreed.
type keying uint8

const (
	keysUnknown keying = iota
	keysInSDP          // a=crypto
	keysByDTLS
	keysByZRTP
)

var keyings = [...]protocol.Keying{keysUnknown: "", keysInSDP: protocol.KeyedBySDES, keysByDTLS: protocol.KeyedByDTLS, keysByZRTP: protocol.KeyedByZRTP}

// describeKeys takes what a media section says of encryption. What ZRTP has agreed on the path of media itself holds on.
func (b *binding) describeKeys(m *sdp.Media) {
	if b.keyed == keysByZRTP {
		return
	}
	b.secure = m.Secure
	switch {
	case !m.Secure:
		b.keyed = keysUnknown
	case m.Crypto:
		b.keyed = keysInSDP
	case m.Fingerprint:
		b.keyed = keysByDTLS
	}
}

// agree notes that keys are agreed on between the ends of d.
func (t *Table) agree(d *decode.Datagram, how keying) {
	for _, e := range [...]*decode.Endpoint{&d.Src, &d.Dst} {
		if b := t.ends.get(e); b != nil {
			b = b.said()
			b.secure, b.keyed = true, how
			if c := b.reports(); c != nil {
				c.secure, c.keyed = true, how
			}
		}
	}
}

// reports is where the RTCP of b goes, if that is another port: the next one, as a rule (RFC 3550 section 11). Nil: there is none.
func (b *binding) reports() *binding {
	for _, o := range b.call.bindings {
		if o.rtcp && o.who == b.who && o.end.IP == b.end.IP && o.end.Port == b.end.Port+1 {
			return o
		}
	}
	return nil
}

// keying is how the keys of an encrypted stream were agreed on, "" where that was not seen.
func (s *stream) keying() protocol.Keying {
	for _, b := range [...]*binding{s.to, s.from} {
		if b != nil && b.said().keyed != keysUnknown {
			return keyings[b.said().keyed]
		}
	}
	return ""
}

// isZRTP reports whether a datagram is one of ZRTP (RFC 6189 section 5):
//
//	0x10 1 | 0 1 | sequence number 2 | "ZRTP" 4 | SSRC 4 | 0x505a 2 | length 2 | type 8 | ... | CRC 4
func isZRTP(b []byte) bool {
	return len(b) >= zrtpHead && b[0] == 0x10 && binary.BigEndian.Uint32(b[4:]) == 0x5a525450 && binary.BigEndian.Uint16(b[12:]) == 0x505a
}

const zrtpHead = 24 // bytes, up to the type and with it

// zrtpSecures reports whether it is the message after which both sides encrypt: the responder's Conf2ACK; or the initiator's Confirm2, since
// the other may be lost.
func zrtpSecures(b []byte) bool {
	kind := b[16:zrtpHead]
	return bytes.Equal(kind, []byte("Conf2ACK")) || bytes.Equal(kind, []byte("Confirm2"))
}
