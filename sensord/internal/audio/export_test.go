package audio

import (
	"context"
	"errors"
	"io"

	"voiptop/protocol/sensorapi"
	"voiptop/sensord/internal/g711"
)

// Unplayed counts, of each side, the packets that are not played, and the runs they are in.
func (r *Recording) Unplayed(ctx context.Context, b sensorapi.AudioBuffer) (lost, runs [2]int, err error) {
	x, err := r.newRenderer(ctx, sensorapi.AudioOptions{Buffer: b}, 0)
	if err != nil {
		return lost, runs, err
	}
	defer x.Close()
	for {
		_, _, err := x.read()
		for i, s := range x.sides {
			for _, l := range s.takeLost() {
				lost[i] += l.n
				runs[i]++
			}
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return lost, runs, err
		}
	}
}

// Rate is the sample rate, Hz.
func (r *Recording) Rate() int { return r.rate }

// Decoders are those of each codec, by its name in the SDP.
var Decoders = map[string]func() Decoder{
	"PCMU": func() Decoder { return g711Decoder{g711.MuLaw} },
	"PCMA": func() Decoder { return g711Decoder{g711.ALaw} },
	"G722": func() Decoder { return newG722() },
	"GSM":  func() Decoder { return newGSM() },
	"L16":  func() Decoder { return l16Decoder{2} },
	"OPUS": func() Decoder { return newOpus(48000) },
}

// Decoder is decoder.
type Decoder interface{ decoder }

// Decode is decoder.decode, Length is decoder.length.
func Decode(d Decoder, payload []byte) ([]int16, error) { return d.decode(nil, payload) }

func Length(d Decoder, payload []byte) int { return d.length(payload) }

// Resample brings samples to another rate.
func Resample(in []int16, from, to int) []int16 {
	r := newResampler(from, to)
	r.start(0)
	_, out := r.push(in)
	out = append([]int16(nil), out...)
	_, rest := r.flush()
	return append(out, rest...)
}

// Power is the power spectrum of samples.
func Power(samples []int16) []float64 { return newSpectrum(len(samples)).of(samples) }

// Long is a recording of so many samples of a side, in which nothing is said.
func Long(rate int, samples int64) *Recording {
	return &Recording{rate: rate, frames: samples, tracks: []*track{{}}}
}
