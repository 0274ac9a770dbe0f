package audio

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"

	"voiptop/protocol/sensorapi"
)

const (
	floorDB = -95.0 // drawn as black, against a sine of full scale
	topDB   = -25.0 // drawn as the brightest
	topHz   = 8000  // no voice is above
	// windowsMost is how many spectra a column has at the most: a wide span of time is looked at here and there.
	windowsMost = 4
)

// Spectrogram draws time over frequency, up to 4 kHz or, of wideband calls, 8 kHz, as a PNG of the given size. Of several sides
// the caller is above.
func (r *Recording) Spectrogram(ctx context.Context, o sensorapi.AudioOptions, width, height int, gate *Gate) ([]byte, error) {
	sides, err := r.sides(o.Side)
	if err != nil {
		return nil, err
	}
	leave, err := gate.draw(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	img := image.NewPaletted(image.Rect(0, 0, width, height), palette)
	var pens [2]*pen
	for i, s := range sides {
		top, bottom := i*height/len(sides), (i+1)*height/len(sides)
		if i > 0 {
			top++ // a line between them
		}
		pens[s] = newPen(img, top, bottom, r.rate, r.frames)
	}
	err = r.each(ctx, o, gate, func(_ int64, _ *renderer, block [2][]int16) {
		for _, s := range sides {
			pens[s].draw(block[s])
		}
	})
	if err != nil {
		return nil, err
	}
	for _, s := range sides {
		pens[s].draw(make([]int16, pens[s].n)) // the last windows reach over the end
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil, fmt.Errorf("write the spectrogram: %w", err)
	}
	return b.Bytes(), nil
}

// pen draws the spectrogram of one side as its samples come.
type pen struct {
	img         *image.Paletted
	top, bottom int // rows
	n           int // samples of a window
	bands       float64
	spectrum    *spectrum
	samples     []int16 // from at on
	at          int64
	per         float64 // samples of a column
	windows     int     // of a column
	done        int     // windows drawn
	most        []float64
}

func newPen(img *image.Paletted, top, bottom, rate int, frames int64) *pen {
	p := &pen{img: img, top: top, bottom: bottom, n: 256}
	for p.n*30 < rate { // 32 to 43 ms
		p.n <<= 1
	}
	p.spectrum = newSpectrum(p.n)
	p.bands = float64(p.n) * min(topHz, float64(rate)/2) / float64(rate)
	p.per = float64(frames) / float64(img.Rect.Dx())
	p.windows = min(max(int(2*p.per/float64(p.n)), 1), windowsMost)
	p.samples, p.at = make([]int16, p.n/2), -int64(p.n/2) // silence before the start
	p.most = make([]float64, p.n/2)
	return p
}

// draw takes the next samples.
func (p *pen) draw(samples []int16) {
	p.samples = append(p.samples, samples...)
	for col := p.done / p.windows; col < p.img.Rect.Dx(); col = p.done / p.windows {
		middle := (float64(p.done) + 0.5) / float64(p.windows) * p.per
		from := int64(middle) - int64(p.n/2)
		if from+int64(p.n) > p.at+int64(len(p.samples)) {
			if drop := min(from-p.at, int64(len(p.samples))); drop > 0 {
				p.samples = p.samples[:copy(p.samples, p.samples[drop:])]
				p.at += drop
			}
			return
		}
		if p.done%p.windows == 0 {
			clear(p.most)
		}
		for i, v := range p.spectrum.of(p.samples[from-p.at:]) {
			p.most[i] = max(p.most[i], v)
		}
		p.done++
		if p.done%p.windows == 0 {
			p.column(col)
		}
	}
	p.samples = p.samples[:0] // the picture is full
}

// column draws the loudest of what was seen.
func (p *pen) column(x int) {
	rows := p.bottom - p.top
	for row := range rows {
		lo := float64(row) / float64(rows) * p.bands
		hi := float64(row+1) / float64(rows) * p.bands
		v := 0.0
		if hi-lo < 1 { // several rows a band: between two
			i := int(lo)
			v = p.most[i]
			if j := min(i+1, len(p.most)-1); j > i {
				v += (p.most[j] - v) * (lo - float64(i))
			}
		} else {
			for i := int(lo); i < min(int(math.Ceil(hi)), len(p.most)); i++ {
				v = max(v, p.most[i])
			}
		}
		db := 10 * math.Log10(v+1e-12)
		level := (db - floorDB) / (topDB - floorDB) * 255
		p.img.SetColorIndex(x, p.bottom-1-row, uint8(max(min(level, 255), 0)))
	}
}

// palette goes from black over violet and orange to pale yellow, its brightness rising evenly so that it reads in grey too.
var palette = func() color.Palette {
	stops := [][3]float64{{0, 0, 4}, {40, 11, 84}, {101, 21, 110}, {159, 42, 99}, {212, 72, 66}, {245, 125, 21}, {250, 193, 39}, {252, 255, 164}}
	p := make(color.Palette, 256)
	for i := range p {
		at := float64(i) / 255 * float64(len(stops)-1)
		k := min(int(at), len(stops)-2)
		f := at - float64(k)
		mix := func(c int) uint8 { return uint8(stops[k][c] + (stops[k+1][c]-stops[k][c])*f + 0.5) }
		p[i] = color.RGBA{mix(0), mix(1), mix(2), 255}
	}
	return p
}()
