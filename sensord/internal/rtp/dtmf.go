package rtp

import "encoding/binary"

// dtmfDigits names the events of RFC 4733 section 3.2; 16 is hook flash.
const dtmfDigits = "0123456789*#ABCD!"

// Events of a fax, RFC 4734 section 7: the tone of a caller that is a fax, and the preamble of V.21.
const (
	eventCNG = 36
	eventV21 = 54
)

// MaxDigits is how many digits a DTMF holds; later ones are left out.
const MaxDigits = 60

// DTMF collects the digits of a telephone-event stream (RFC 4733), each once: an event is known by its timestamp, however
// many packets repeat it and whether or not its end arrived. It has a fixed size; the zero value is ready.
type DTMF struct {
	digits  [MaxDigits]byte
	n       uint8
	started bool
	ended   bool // the end bit of the current event came
	event   uint8
	ts      uint32 // of the current event
	length  uint16 // of the current event so far, in timestamp units
	fax     bool
}

// Packet takes a telephone-event packet. digit is 0 unless a new event with a digit began.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|     event     |E|R| volume    |          duration             |
func (d *DTMF) Packet(h *Header, payload []byte) (digit byte) {
	if len(payload) < 4 {
		return 0
	}
	event, end := payload[0], payload[1]&0x80 != 0
	length := binary.BigEndian.Uint16(payload[2:])
	if d.started {
		since := int32(h.Timestamp - d.ts)
		switch {
		case since < 0: // an old event's packet came late
			return 0
		case since == 0:
			d.ended = d.ended || end
			d.length = max(d.length, length)
			return 0
		case event == d.event && !d.ended && d.length == 0xffff && since == 0xffff:
			// The next segment of an event that is longer than a duration can say (section 2.5.1.3).
			d.ts, d.length, d.ended = h.Timestamp, length, end
			return 0
		}
	}
	d.started, d.event, d.ts, d.length, d.ended = true, event, h.Timestamp, length, end
	if int(event) >= len(dtmfDigits) {
		d.fax = d.fax || event == eventCNG || event == eventV21
		return 0
	}
	digit = dtmfDigits[event]
	if d.n < MaxDigits {
		d.digits[d.n] = digit
		d.n++
	}
	return digit
}

// Digits are the digits so far, in order: 0-9 * # A-D, and ! for hook flash.
func (d *DTMF) Digits() string { return string(d.digits[:d.n]) }

// Fax reports whether an event named a tone that only faxes send.
func (d *DTMF) Fax() bool { return d.fax }
