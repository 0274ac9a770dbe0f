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

// What comes later than the deepest buffer can wait makes it no deeper: the call would be slower, and the packet is lost all the same.
func TestAPacketThatNoBufferCanWaitForDeepensNone(t *testing.T) {
	p := Playout{Buffer: Adaptive}
	for seq := range int64(400) {
		delay := int64(0)
		if seq == 100 {
			delay = 2e9
		}
		if seq == 101 {
			delay = 30e6
		}
		if played := p.Packet(seq*20e6, delay); played == (delay > adaptFloor) {
			t.Fatalf("packet %d, %d ms late: played %v", seq, delay/1e6, played)
		}
		if seq > 100 && p.adapt.depth > 50e6 {
			t.Fatalf("%d ms deep after packet %d", p.adapt.depth/1e6, seq)
		}
	}
}
