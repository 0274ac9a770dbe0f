package audio

import (
	"encoding/binary"

	"github.com/pion/opus"

	"voiptop/sensord/internal/g711"
)

// decoder makes samples, mono, of the payloads of one stream in their order.
type decoder interface {
	// decode appends the samples of a payload to dst. When it fails, length samples are concealed.
	decode(dst []int16, payload []byte) ([]int16, error)
	// length is how many samples decode gives, without decoding.
	length(payload []byte) int
}

// kind says what a payload type carries.
type kind uint8

const (
	voiceKind kind = iota
	noiseKind      // comfort noise, RFC 3389
	eventKind      // telephone-event, RFC 4733
	asideKind      // tones and signals that are no voice either
	deadKind       // voice that cannot be decoded
)

// codec is what is known of a payload type.
type codec struct {
	name  string // in upper case
	kind  kind
	clock uint32 // of the RTP time stamps, Hz
	rate  int    // of the samples, Hz
	make  func() decoder
}

// pcmRates are the rates at which L16 is decoded. Others have no exact ratio to the rates of a WAV file with a filter of bounded
// size.
var pcmRates = map[uint32]bool{8000: true, 11025: true, 12000: true, 16000: true, 22050: true, 24000: true, 32000: true, 44100: true, 48000: true}

// codecOf finds how an encoding of the SDP is decoded. opusRate is the rate at which Opus is.
func codecOf(name string, clock uint32, channels int, opusRate int) codec {
	c := codec{name: upper(name), clock: clock, rate: int(clock), kind: deadKind}
	switch c.name {
	case "PCMU", "PCMA":
		table := g711.MuLaw
		if c.name == "PCMA" {
			table = g711.ALaw
		}
		if c.rate != 16000 { // some telephones offer PCMA/16000
			c.rate = 8000
		}
		c.kind, c.make = voiceKind, func() decoder { return g711Decoder{table} }
	case "GSM":
		c.kind, c.rate, c.make = voiceKind, 8000, func() decoder { return newGSM() }
	case "G722":
		c.kind, c.rate, c.make = voiceKind, 16000, func() decoder { return newG722() }
		c.clock = 8000 // RFC 3551 section 4.5.2: whatever the SDP says
	case "L16":
		if pcmRates[clock] {
			channels = min(max(channels, 1), 8)
			c.kind, c.make = voiceKind, func() decoder { return l16Decoder{channels} }
		}
	case "OPUS":
		c.kind, c.rate, c.make = voiceKind, opusRate, func() decoder { return newOpus(opusRate) }
	case "CN":
		c.kind = noiseKind
	case "TELEPHONE-EVENT":
		c.kind = eventKind
	case "TONE", "NSE", "X-NSE":
		c.kind = asideKind
	}
	if c.kind != voiceKind {
		c.rate = 8000
	}
	return c
}

// l16Decoder is RFC 3551 section 4.5.11: samples of 16 bits, the most significant byte first; channels are mixed.
type l16Decoder struct{ channels int }

func (d l16Decoder) length(payload []byte) int { return len(payload) / (2 * d.channels) }

func (d l16Decoder) decode(dst []int16, payload []byte) ([]int16, error) {
	for n := 2 * d.channels; len(payload) >= n; payload = payload[n:] {
		sum := 0
		for i := 0; i < n; i += 2 {
			sum += int(int16(binary.BigEndian.Uint16(payload[i:])))
		}
		dst = append(dst, int16(sum/d.channels))
	}
	return dst, nil
}

// opusDecoder is RFC 6716 by pion/opus. It has no concealment of its own and takes no forward error correction from the
// next packet: what is lost is concealed as for every codec.
type opusDecoder struct {
	dec  opus.Decoder
	rate int
	room []int16
}

func newOpus(rate int) *opusDecoder {
	d := &opusDecoder{rate: rate}
	_ = d.dec.Init(rate, 1) // fails for rates other than Opus has; ours are 8, 16 and 48 kHz
	return d
}

const opusMost = 120 // ms of a packet, RFC 6716 section 3.2

func (d *opusDecoder) length(payload []byte) int { return opusTicks(payload) * d.rate / 48000 }

func (d *opusDecoder) decode(dst []int16, payload []byte) (out []int16, err error) {
	if d.room == nil {
		d.room = make([]int16, opusMost*d.rate/1000)
	}
	n, err := d.dec.DecodeToInt16(payload, d.room)
	if err != nil {
		return dst, err
	}
	return append(dst, d.room[:n]...), nil
}

// opusTicks is how long an Opus packet is, in samples at 48 kHz, by its first bytes (RFC 6716 section 3.1). 0: it is none.
//
//	 0 1 2 3 4 5 6 7
//	+-+-+-+-+-+-+-+-+
//	| config  |s| c |
func opusTicks(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	config, frame := int(b[0]>>3), 0
	switch {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		frame = []int{480, 960, 1920, 2880}[config&3]
	case config < 16: // hybrid: 10, 20 ms
		frame = 480 << (config & 1)
	default: // CELT: 2.5, 5, 10, 20 ms
		frame = 120 << (config & 3)
	}
	n := 1
	switch b[0] & 3 {
	case 1, 2:
		n = 2
	case 3:
		if len(b) < 2 {
			return 0
		}
		n = int(b[1] & 0x3f)
	}
	if n*frame > opusMost*48 {
		return 0
	}
	return n * frame
}

// opusRate is the lowest of 8, 16 and 48 kHz that has all the bandwidth of an Opus packet.
func opusRate(b []byte) int {
	if len(b) == 0 {
		return 8000
	}
	switch config := b[0] >> 3; {
	case config < 4, config >= 16 && config < 20:
		return 8000
	case config < 12, config >= 20 && config < 24:
		return 16000
	}
	return 48000
}

// g711Decoder expands one byte to one sample. It has no state.
type g711Decoder struct{ table *[256]int16 }

func (g711Decoder) length(payload []byte) int { return len(payload) }

func (d g711Decoder) decode(dst []int16, payload []byte) ([]int16, error) {
	for _, b := range payload {
		dst = append(dst, d.table[b])
	}
	return dst, nil
}
