package audio_test

import (
	"bytes"
	"fmt"
	"math"
	"testing"
	"time"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/analyze"
	"voiptop/sensord/internal/quality"
)

// What is heard is what was rated: the MOS in a call's record is that of the packets that audio does not play.
func TestWhatIsNotPlayedIsWhatTheMOSCountedAsLost(t *testing.T) {
	for _, c := range []gen.Config{
		{Seed: 1, Loss: 0.05, Burst: 3},
		{Seed: 2, Jitter: 25 * time.Millisecond},
		{Seed: 3, Loss: 0.02, Jitter: 40 * time.Millisecond, Reorder: 0.03, Duplicate: 0.02},
		{Seed: 4, Loss: 0.2, Burst: 8, Jitter: 90 * time.Millisecond},
	} {
		t.Run(fmt.Sprintf("loss %v jitter %v", c.Loss, c.Jitter), func(t *testing.T) {
			c.Calls, c.Talk, c.Ring = 4, 9*time.Second, time.Second
			var pcap bytes.Buffer
			if _, err := gen.Generate(&pcap, c); err != nil {
				t.Fatal(err)
			}
			open := func() (analyze.Source, error) { return analyze.Open([]string{"-"}, bytes.NewReader(pcap.Bytes())) }
			calls, _, err := analyze.Files(t.Context(), []string{"-"}, bytes.NewReader(pcap.Bytes()), analyze.Config{})
			if err != nil {
				t.Fatal(err)
			}
			compared := 0
			for _, call := range calls {
				if len(call.Streams) != 2 {
					t.Fatalf("%d streams", len(call.Streams))
				}
				r, err := analyze.Listen(t.Context(), analyze.Listening{Open: open, CallID: call.CallID})
				if err != nil {
					t.Fatal(err)
				}
				for buffer, depth := range map[sensorapi.AudioBuffer]float64{sensorapi.Buffer50: 50, sensorapi.Buffer200: 200} {
					lost, runs, err := r.Unplayed(t.Context(), buffer)
					if err != nil {
						t.Fatal(err)
					}
					for i := range call.Streams {
						s := &call.Streams[i]
						if len(s.Intervals) != 1 {
							t.Fatalf("%d intervals", len(s.Intervals))
						}
						side, mos := 0, s.MOSF1.Avg
						if s.Direction == protocol.FromCallee {
							side = 1
						}
						if buffer == sensorapi.Buffer200 {
							mos = s.MOSF2.Avg
						}
						want := rated(lost[side], runs[side], int(s.Expected), depth)
						if math.Abs(mos-want) > 0.0006 {
							t.Errorf("buffer %s, %s: %d of %d packets in %d runs are not played, MOS %.3f; the record says %.3f",
								buffer, s.Direction, lost[side], s.Expected, runs[side], want, mos)
						}
						if lost[side] > 0 {
							compared++
						}
					}
				}
			}
			if compared == 0 {
				t.Error("nothing was lost: nothing was compared")
			}
		})
	}
}

// rated is the MOS of a stream of G.711 with packets of 20 ms behind a buffer, as ITU-T G.107 has it.
func rated(lost, runs, expected int, depth float64) float64 {
	c := quality.Conditions{Codec: quality.ForCodec("PCMU"), LossPct: 100 * float64(lost) / float64(expected), BurstR: 1, DelayMS: 20 + depth}
	if runs > 0 {
		c.BurstR = max(1, float64(lost)/float64(runs)*(1-float64(lost)/float64(expected)))
	}
	return c.MOS()
}
