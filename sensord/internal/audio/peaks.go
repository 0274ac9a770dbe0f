package audio

import (
	"context"
	"errors"
	"io"
	"math"

	"voiptop/protocol/sensorapi"
)

// each calls f with the samples of the time line in order, at most maxBlock at a time: at is the first one's number. Each block is
// made within the gate, so that a long call does not keep others waiting.
func (r *Recording) each(ctx context.Context, o sensorapi.AudioOptions, gate *Gate, f func(at int64, x *renderer, block [2][]int16)) error {
	x, err := r.newRenderer(ctx, o, 0)
	if err != nil {
		return err
	}
	defer x.Close()
	for {
		at := x.out
		if err := gate.enter(ctx); err != nil {
			return err
		}
		left, right, err := x.read()
		gate.leave()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		f(at, x, [2][]int16{left, right})
	}
}

// Peaks draws the waveform in so many points, 1 to sensorapi.MaxPeaks. It decodes the whole call.
func (r *Recording) Peaks(ctx context.Context, o sensorapi.AudioOptions, points int, gate *Gate) (*sensorapi.Peaks, error) {
	sides, err := r.sides(o.Side)
	if err != nil {
		return nil, err
	}
	leave, err := gate.draw(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	p := &sensorapi.Peaks{
		Start: r.Start(), DurationMS: r.Duration().Milliseconds(), SampleRate: r.rate, Points: points, Missing: r.missing,
	}
	if p.Missing == nil {
		p.Missing = []sensorapi.MissingSide{}
	}
	var lo, hi [2][]int16
	var lost [2][]int
	for _, s := range sides {
		lo[s], hi[s], lost[s] = make([]int16, points), make([]int16, points), make([]int, points)
	}
	point := func(sample int64) int {
		return int(min(max(sample, 0)*int64(points)/max(r.frames, 1), int64(points-1)))
	}
	err = r.each(ctx, o, gate, func(at int64, x *renderer, block [2][]int16) {
		for _, s := range sides {
			for i, v := range block[s] {
				k := point(at + int64(i))
				lo[s][k], hi[s][k] = min(lo[s][k], v), max(hi[s][k], v)
			}
			for _, l := range x.sides[s].takeLost() {
				lost[s][point(l.at)] += l.n
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for _, s := range sides {
		codecs := r.codecs[s]
		if codecs == nil {
			codecs = []string{}
		}
		p.Sides = append(p.Sides, sensorapi.SidePeaks{Side: sideNames[s], Codecs: codecs, Min: fractions(lo[s]), Max: fractions(hi[s]), Lost: lost[s]})
	}
	return p, nil
}

// fractions are samples of full scale 1, in three decimals.
func fractions(list []int16) []float64 {
	out := make([]float64, len(list))
	for i, v := range list {
		out[i] = math.Round(float64(v)/32768*1000)/1000 + 0 // -0 is 0
	}
	return out
}
