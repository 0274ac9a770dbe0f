// Package tone listens for signals within the voice of G.711 streams: the tones by which faxes and modems call and answer
// (CNG, CED and ANSam), what faxes say to each other after that (V.21), and the digits of telephones (DTMF).
//
// Package call asks it about the packets of streams, audio about the samples in which it blanks digits. It is not for telephone-events, which
// name such signals (rtp), and not for playing sound (audio). It has no clock, keeps no packet and does not allocate.
package tone

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Sound is what a packet is filled with.
type Sound uint8

// The sounds of faxes and modems.
const (
	None  Sound = iota
	CNG         // 1100 Hz: a fax calls (ITU-T T.30 clause 4.1)
	CED         // 2100 Hz: a fax or modem answers (T.30 clause 4.1, V.25)
	ANSam       // 2100 Hz of which the strength changes within the packet, as by the 15 Hz on top of V.8's answer
	V21         // 1650 and 1850 Hz in turn: a fax says what it can, at 300 bit/s (T.30 clause 5.1; channel 2 of V.21)
)

const (
	cngHz  = 1100.0
	cngBy  = 38.0 // Hz that it may be off, T.30
	cedHz  = 2100.0
	cedBy  = 15.0 // V.25 and V.8
	moreBy = 12.0 // Hz by which the measure is off, with noise 20 dB below the tone

	piece   = 72   // samples in which sign changes are counted: 9 ms
	longest = 320  // of a packet that are heard
	floor   = 110  // RMS, of 32767: -43 dBm0, the least that T.30 and V.25 ask a receiver to hear
	purity  = 0.85 // of the power is at one frequency
)

// Every is how many packets go by for each that need be heard: a tone lasts for many.
const Every = 4

// Hear says what a packet of G.711 is filled with. Of nearly all others it looks at how often the sign changes in nine milliseconds, and
// no more: that of a pure tone does so twice in a period. aLaw tells the two laws apart.
func Hear(payload []byte, aLaw bool) Sound {
	if len(payload) <= piece { // shorter than ten milliseconds
		return None
	}
	switch n := changes((*[piece + 1]byte)(payload)); {
	case n >= cngLow && n <= cngHigh:
		if isTone(payload[:min(len(payload), longest)], aLaw, cngHz, cngBy+moreBy) {
			return CNG
		}
	case n >= cedLow && n <= cedHigh:
		payload = payload[:min(len(payload), longest)]
		switch {
		case !isTone(payload, aLaw, cedHz, cedBy+moreBy):
		case wavers(payload, aLaw):
			return ANSam
		default:
			return CED
		}
	case n >= v21Low && n <= v21High:
		if isV21(payload[:min(len(payload), longest)], aLaw) {
			return V21
		}
	}
	return None
}

// Sign changes in a piece, one more and one less than can be.
const (
	cngLow, cngHigh = 18, 22 // 19.1 to 20.5
	cedLow, cedHigh = 36, 40 // 37.5 to 38.1
	v21Low, v21High = 28, 35 // 29.7 to 33.3
)

// changes counts how often the sign changes, bit 7 of both laws, in a piece: each byte is held against the next, eight at a time, and
// what differs is put where there is room in a word, to be counted together.
func changes(p *[piece + 1]byte) int {
	const sign = 0x8080808080808080
	a := differ8(p, 0)&sign | differ8(p, 8)&sign>>1 | differ8(p, 16)&sign>>2 | differ8(p, 24)&sign>>3 | differ8(p, 32)&sign>>4
	b := differ8(p, 40)&sign | differ8(p, 48)&sign>>1 | differ8(p, 56)&sign>>2 | differ8(p, 64)&sign>>3
	return bits.OnesCount64(a) + bits.OnesCount64(b)
}

func differ8(p *[piece + 1]byte, at int) uint64 {
	return binary.LittleEndian.Uint64(p[at:]) ^ binary.LittleEndian.Uint64(p[at+1:])
}

// isTone reports whether a packet is filled with one tone, not more than by off hz.
func isTone(payload []byte, aLaw bool, hz, by float64) bool {
	table := tableOf(aLaw)
	var x [longest]float64
	n := len(payload)
	power := 0.0
	for i, b := range payload {
		x[i] = float64(table[b])
		power += x[i] * x[i]
	}
	if power < float64(n)*floor*floor {
		return false
	}
	// Of a sine x(i-1) + x(i+1) is 2 cos(w) x(i): the w that fits best.
	with, square := 0.0, 0.0
	for i := 1; i < n-1; i++ {
		with += x[i] * (x[i-1] + x[i+1])
		square += x[i] * x[i]
	}
	cos := with / (2 * square)
	if cos < -1 || cos > 1 {
		return false
	}
	w := math.Acos(cos)
	if math.Abs(w*8000/(2*math.Pi)-hz) > by {
		return false
	}
	return 2*goertzel(x[:n], 2*cos) >= purity*float64(n)*power
}

// goertzel is the power of samples at a frequency, by 2 cos of its angle per sample (Goertzel's algorithm): N^2/4 of a sine of 1.
func goertzel(x []float64, c float64) float64 {
	s1, s2 := 0.0, 0.0
	for _, v := range x {
		s1, s2 = v+c*s1-s2, s1
	}
	return s1*s1 + s2*s2 - c*s1*s2
}

// wavers reports whether a tone is not as strong in one half of a packet as in the other. ANSam goes up and down by a fifth (V.8 clause 3.1), fifteen
// times a second: from one half of 20 ms to the other by up to 18 %, and by 6 % or more in three packets of four.
func wavers(payload []byte, aLaw bool) bool {
	table := tableOf(aLaw)
	half := len(payload) / 2
	first, second := 0.0, 0.0
	for i := range half {
		v, w := float64(table[payload[i]]), float64(table[payload[half+i]])
		first += v * v
		second += w * w
	}
	return first > 1.12*second || second > 1.12*first
}

// Times of the signals, nanoseconds. Every fourth packet is heard, so that a burst looks up to two such steps shorter or longer.
const (
	cngShort = 200e6  // T.30: 0.5 s on, by 15 %
	cngLong  = 700e6  //
	cngLeast = 2.8e9  // from one to the next: 0.5 s and 3 s off, each by 15 %
	cngMost  = 4.2e9  //
	cedShort = 1000e6 // 2.6 to 4 s (T.30); V.8 may end it after a second
	cedLong  = 6500e6 // 4 s (T.30, V.25), 5 with ANSam (V.8 clause 3.1), each and a second more: what lasts longer is no answer
	cedTimes = 3      // bursts: an answer is given once, and again after a retrain or two
	v21Short = 400e6  // the preamble is a second long, by 15 % (T.30 clause 5.3.1), and what follows longer than half; a packet may be all ones
	v21Hits  = 5      // packets heard of it, at the least
	holes    = 350e6  // a phase reversal (every 450 ms in V.25) spoils a packet, and some are lost
	hits     = 3      // packets heard of a burst of CNG, at the least
)

// Fax follows the sounds of one stream. The zero value is ready.
type Fax struct {
	sound       Sound
	first, last int64 // of the burst, nanoseconds
	n           int   // packets heard of it
	wavering    int   // of them, as ANSam's
	before      int64 // when the burst of CNG before it began; 0: none
	cng, ced    int64 // when each was sure; 0: not
	once        int64 // when the first burst of CNG ended that was as long as one should be; 0: none
	answers     int   // bursts of CED
	ansam       bool  // one of them was ANSam
	steady      bool  // 2100 Hz came that is no answer
	v21         int64 // when it was sure; 0: not
}

// Packet takes what was heard in a packet that came at t: a Sound other than None.
func (f *Fax) Packet(t int64, s Sound) {
	wavering := s == ANSam
	if wavering {
		s = CED
	}
	if s != f.sound || t-f.last > holes {
		f.end()
		f.sound, f.first, f.n, f.wavering = s, t, 0, 0
	}
	f.last = t
	f.n++
	if wavering {
		f.wavering++
	}
	if f.v21 == 0 && s == V21 && t-f.first >= v21Short && f.n >= v21Hits {
		f.v21 = t
	}
}

// end takes a burst that is over.
func (f *Fax) end() {
	switch f.sound {
	case CNG:
		f.endCNG()
	case CED:
		f.endCED()
	}
}

func (f *Fax) endCNG() {
	if d := f.last - f.first; f.n < hits || d < cngShort || d > cngLong {
		f.before = 0
		return
	}
	if f.once == 0 {
		f.once = f.last
	}
	if step := f.first - f.before; f.before != 0 && step >= cngLeast && step <= cngMost && f.cng == 0 {
		f.cng = f.last
	}
	f.before = f.first
}

func (f *Fax) endCED() {
	d := f.last - f.first
	if d < cedShort {
		return
	}
	if f.answers++; d > cedLong || f.answers > cedTimes {
		f.steady = true
	}
	if f.ced == 0 {
		f.ced = f.first + cedShort
	}
	f.ansam = f.ansam || 3*f.wavering >= f.n
}

// Heard is what came of the sounds. Times are nanoseconds since the epoch, 0: not.
type Heard struct {
	// Calling is when it was sure that a fax calls, by two bursts of CNG in its rhythm. Once is when a single burst had been heard that was as long
	// as one should be: a beep of that pitch is one too, it is sure only beside the answer of another fax, which ends the calling.
	Calling, Once int64
	// Answering is when it was sure that a fax or modem answers, by a second of CED that ended as an answer does: tones that last longer, or come
	// again and again, are none. V8 says that the answer was ANSam: a fax or modem of V.34, or one that knows V.8.
	Answering int64
	V8        bool
	// Talking is when it was sure that a fax says what it can, by V.21. A modem of V.8 sounds so as well, after its ANSam.
	Talking int64
}

// Heard says what the sounds so far came to.
func (f *Fax) Heard() Heard {
	g := *f
	g.end()
	h := Heard{Calling: g.cng, Once: g.once, Answering: g.ced, V8: g.ansam, Talking: g.v21}
	if g.steady {
		h.Answering, h.V8 = 0, false
	}
	return h
}
