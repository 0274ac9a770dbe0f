package audio

import "math"

// Concealment of what was lost, in the manner of ITU-T G.711 Appendix I: the last pitch period is repeated, at full level for
// 10 ms, then fading to silence at 60 ms; where the voice goes on it is faded in over 4 ms.
const (
	concealHoldMS = 10
	concealMS     = 60
	fadeMS        = 4
	pitchMinMS    = 5  // 200 Hz
	pitchMaxMS    = 15 // 66 Hz
	matchMS       = 20 // what is compared to find the period
)

// concealer remembers what was heard last of a stream. at rate Hz.
type concealer struct {
	rate    int
	past    []int16 // ring of the last samples
	at      int
	period  []int16 // the pitch period that is repeated; empty: look for it
	given   int     // samples made since the last real ones
	scratch []int16
}

func (c *concealer) init(rate int) {
	*c = concealer{rate: rate, past: make([]int16, rate*(pitchMaxMS+matchMS)/1000)}
}

// heard takes real samples. Where some were made before, the first of pcm are faded in.
func (c *concealer) heard(pcm []int16) {
	if c.given > 0 && c.given < c.rate*concealMS/1000 {
		n := min(c.rate*fadeMS/1000, len(pcm))
		made := c.make(n)
		for i := range made {
			pcm[i] = int16((int(made[i])*(n-i) + int(pcm[i])*i) / n)
		}
	}
	c.given, c.period = 0, c.period[:0]
	last := pcm[max(0, len(pcm)-len(c.past)):]
	n := copy(c.past[c.at:], last)
	copy(c.past, last[n:])
	c.at = (c.at + len(last)) % len(c.past)
}

// left is how many samples it makes before there is silence.
func (c *concealer) left() int { return max(0, c.rate*concealMS/1000-c.given) }

// make gives up to n samples in the place of lost ones, fewer when it has faded to silence. They are valid until the next
// call.
func (c *concealer) make(n int) []int16 {
	n = min(n, c.left())
	if n > 0 && len(c.period) == 0 {
		c.find()
	}
	hold, end := c.rate*concealHoldMS/1000, c.rate*concealMS/1000
	c.scratch = c.scratch[:0]
	for range n {
		v := int(c.period[c.given%len(c.period)])
		if c.given > hold {
			v = v * (end - c.given) / (end - hold)
		}
		c.scratch = append(c.scratch, int16(v))
		c.given++
	}
	return c.scratch
}

// find takes the last pitch period: the lag at which the past is most like itself.
func (c *concealer) find() {
	past := append(append([]int16(nil), c.past[c.at:]...), c.past[:c.at]...)
	lo, hi, n := c.rate*pitchMinMS/1000, c.rate*pitchMaxMS/1000, c.rate*matchMS/1000
	step := max(1, c.rate/8000) // 8 kHz is close enough to find it
	best, bestLag := math.Inf(-1), hi
	ref := past[len(past)-n:]
	for lag := lo; lag <= hi; lag += step {
		old := past[len(past)-n-lag:]
		var dot, energy float64
		for i := 0; i < n; i += step {
			dot += float64(ref[i]) * float64(old[i])
			energy += float64(old[i]) * float64(old[i])
		}
		if score := dot / math.Sqrt(energy+1); score > best {
			best, bestLag = score, lag
		}
	}
	c.period = append(c.period[:0], past[len(past)-bestLag:]...)
	// Overlap the seam: the end of the period runs over into what came before it.
	q := bestLag / 4
	for i := range q {
		before := int(past[len(past)-bestLag-q+i])
		j := bestLag - q + i
		c.period[j] = int16((int(c.period[j])*(q-i) + before*i) / q)
	}
}
