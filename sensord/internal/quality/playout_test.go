package quality

import (
	"math/rand/v2"
	"testing"
)

func TestPlayoutPlaysWhatTheMeterCountsAsPlayed(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for round := range 20 {
		var m Meter
		m.Init(ForCodec("PCMA"), 20, 0)
		play := [Buffers]Playout{{Buffer: F1}, {Buffer: F2}, {Buffer: Adaptive}}
		var played [Buffers]uint32
		spread := float64(round) * 20e6
		const n = 490 // within one interval
		for seq := range uint64(n) {
			at, delay := int64(seq)*20e6, int64(rng.ExpFloat64()*spread)
			m.Packet(at, seq, delay, 0)
			for b := range play {
				if play[b].Packet(at, delay) {
					played[b]++
				}
			}
		}
		m.settle(m.top + 1)
		for b := range play {
			if got, want := n-played[b], m.play[b].lost; got != want {
				t.Errorf("buffer %d, delays of %.0f ms: %d are not played, the meter counts %d", b, spread/1e6, got, want)
			}
		}
	}
}
