package tone

import "voiptop/sensord/internal/g711"

// MaxDigits is how many digits a DTMF holds; later ones are left out.
const MaxDigits = 60

// DTMF collects the digits that are heard in one stream of G.711, each once. Its size is fixed; the zero value is ready.
type DTMF struct {
	finder  Finder
	next    uint32 // time stamp that follows
	started bool

	held     [maxHeld]byte // packet before, which was not looked into
	heldLen  int
	heldALaw bool
	may      bool // the packet before may hold part of a digit
	changes  int  // of sign in the piece before

	digits [MaxDigits]byte
	count  int
}

// Digits are those heard so far, in order.
func (d *DTMF) Digits() string { return string(d.digits[:d.count]) }

// Packet takes the payload of a packet of G.711 with the time stamp of its first sample. One that is older than what was taken is left
// out.
func (d *DTMF) Packet(timestamp uint32, payload []byte, aLaw bool) {
	if len(payload) > maxHeld || len(payload) == 0 {
		return
	}
	missing := int32(timestamp - d.next)
	switch {
	case !d.started:
		d.started = true
	case missing < 0 && missing > -8000: // it came before, or late
		return
	case missing < 0 || missing > longHole*hop:
		*d = DTMF{started: true, digits: d.digits, count: d.count}
	case missing > 0: // a digit that was held is taken to go on through it
		d.finder.restart()
		d.heldLen = 0
	}
	d.next = timestamp + uint32(len(payload))
	may := d.mayHold(payload) && begins(payload, aLaw)
	switch {
	case may, d.may:
		d.take(d.held[:d.heldLen], d.heldALaw)
		d.heldLen = 0
		d.take(payload, aLaw)
	default: // the beginning of a digit may be in it, which shows in the next
		if d.heldLen > 0 {
			d.finder.pass(d.heldLen)
		}
		d.heldLen, d.heldALaw = copy(d.held[:], payload), aLaw
	}
	d.may = may
}

const (
	maxHeld = 480 // bytes of a packet that is heard: 60 ms
	fewest  = 10  // in a piece, of a digit: 697 Hz alone has 12.5
	most    = 33  // 1633 Hz alone has 29.4
	differ  = 10  // from one piece to the next: of equal tones their sum changes sign now like the one, now like both
)

// mayHold tells cheaply what holds no part of a digit that is 40 ms long: then it has two pieces in a row that change sign about as often,
// and as often as a digit does.
func (d *DTMF) mayHold(payload []byte) (may bool) {
	for ; len(payload) > piece; payload = payload[piece:] {
		n := changes((*[piece + 1]byte)(payload))
		if n >= fewest && n <= most && n-d.changes <= differ && d.changes-n <= differ {
			may = true
		}
		d.changes = n
	}
	return may
}

// begins reports whether a packet begins as within a digit: where one is 40 ms long, and the packets are not longer than 30, one of them does.
func begins(payload []byte, aLaw bool) bool {
	if len(payload) < hop+4 {
		return true
	}
	table := tableOf(aLaw)
	var x [hop + 4]float64
	for i := range x {
		x[i] = float64(table[payload[i]])
	}
	var s sums
	s.take(x[:])
	return s.twoTones(hop)
}

func tableOf(aLaw bool) *[256]int16 {
	if aLaw {
		return g711.ALaw
	}
	return g711.MuLaw
}

// take takes samples to look for digits in.
func (d *DTMF) take(payload []byte, aLaw bool) {
	table := tableOf(aLaw)
	for _, b := range payload {
		if digit := d.finder.Sample(float64(table[b])); digit != 0 && d.count < MaxDigits {
			d.digits[d.count] = digit
			d.count++
		}
	}
}
