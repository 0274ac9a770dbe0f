package tone

import "math"

// Channel 2 of V.21, in which faxes say what they can and agree on the page: 1650 Hz for a one, 1850 for a nought, 300 bits a second.
const (
	v21Hz    = 1750.0 // between the two
	v21Away  = 100.0  // Hz from it is each
	v21By    = 45.0   // Hz that either may seem to be off: by 6 (V.21), and by what the filter leaves
	v21Smear = 10     // samples that are taken together, to filter
	v21Lag   = 8      // samples after which the phase is looked at again: with those of the filter fewer than the 26.7 of a bit
	v21Share = 0.5    // of the samples that are at one of the two: between them the frequency changes
	v21Less  = 0.08   // of the samples, at the least, that are at the rarer: of the preamble a quarter is
	v21Even  = 1.15   // mean square of its power over the square of the mean: one of equal strength has 1, two notes at a time more
	v21Pure  = 0.5    // of the power that is left when all but 400 Hz around the middle is taken out
)

// v21Turn turns a sample back by 1750 Hz: 7 turns in 32 samples.
var v21Turn = func() (t [32][2]float64) {
	for i := range t {
		t[i][1], t[i][0] = math.Sincos(-2 * math.Pi * v21Hz * float64(i) / 8000)
	}
	return t
}()

// isV21 reports whether a packet is filled with V.21: power at one place, and the frequency now on one side of 1750 Hz and now on the other.
func isV21(payload []byte, aLaw bool) bool {
	table := tableOf(aLaw)
	var re, im [longest]float64
	n := len(payload)
	power := 0.0
	for i, b := range payload {
		v := float64(table[b])
		power += v * v
		re[i], im[i] = v*v21Turn[i%32][0], v*v21Turn[i%32][1]
	}
	if power < float64(n)*floor*floor {
		return false
	}
	below, above, all := 0, 0, 0
	sumRe, sumIm, kept, squares := 0.0, 0.0, 0.0, 0.0
	var was [v21Lag][2]float64
	for i := range n {
		sumRe, sumIm = sumRe+re[i], sumIm+im[i]
		if i >= v21Smear {
			sumRe, sumIm = sumRe-re[i-v21Smear], sumIm-im[i-v21Smear]
		}
		w := &was[i%v21Lag]
		if i >= v21Smear-1+v21Lag {
			p := sumRe*sumRe + sumIm*sumIm
			kept += p
			squares += p * p
			hz := 8000 / (2 * math.Pi * v21Lag) * math.Atan2(sumIm*w[0]-sumRe*w[1], sumRe*w[0]+sumIm*w[1])
			switch all++; {
			case math.Abs(hz+v21Away) < v21By:
				below++
			case math.Abs(hz-v21Away) < v21By:
				above++
			}
		}
		w[0], w[1] = sumRe, sumIm
	}
	// A sine within the filter has the square of v21Smear/2 times its amplitude there, and half the square of it as power.
	most := v21Smear * v21Smear / 2 * power / float64(n)
	even := squares*float64(all) <= v21Even*kept*kept
	return even && kept >= v21Pure*most*float64(all) && float64(below+above) >= v21Share*float64(all) && float64(min(below, above)) >= v21Less*float64(all)
}
