package audio_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/analyze"
)

const fixtures = "../../../fixtures/"

// recorded gives the calls of a recorded scenario, and opens its packets.
func recorded(t testing.TB, scenario string) ([]*protocol.CDR, func() (analyze.Source, error)) {
	t.Helper()
	files, err := filepath.Glob(fixtures + "pcap/" + scenario + "/in.pcap*")
	if err != nil || len(files) != 1 {
		t.Fatalf("no capture of %s: %v %v", scenario, files, err)
	}
	open := func() (analyze.Source, error) { return analyze.Open(files, nil) }
	calls, _, err := analyze.Files(t.Context(), files, nil, analyze.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return calls, open
}

func listen(t testing.TB, scenario string, call int) *analyze.Recording {
	t.Helper()
	calls, open := recorded(t, scenario)
	r, err := analyze.Listen(t.Context(), analyze.Listening{Open: open, CallID: calls[call].CallID, Name: "call.wav"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sound is a WAV file taken apart.
type sound struct {
	rate  int
	sides [][]float64
}

func parseWAV(t testing.TB, b []byte) sound {
	t.Helper()
	if len(b) < 44 || string(b[:4]) != "RIFF" || string(b[8:16]) != "WAVEfmt " {
		t.Fatalf("no WAV file: %q", b[:min(len(b), 44)])
	}
	le := binary.LittleEndian
	s := sound{rate: int(le.Uint32(b[24:])), sides: make([][]float64, le.Uint16(b[22:]))}
	data := b[44:]
	if n := int(le.Uint32(b[40:])); string(b[36:40]) != "data" || n != len(data) {
		t.Fatalf("the data is %d bytes, the header says %d", len(data), n)
	}
	if int(le.Uint32(b[4:])) != len(b)-8 {
		t.Fatalf("the file is %d bytes, the header says %d", len(b), le.Uint32(b[4:])+8)
	}
	for i := 0; i+2 <= len(data); i += 2 {
		side := i / 2 % len(s.sides)
		s.sides[side] = append(s.sides[side], float64(int16(le.Uint16(data[i:]))))
	}
	return s
}

func wav(t testing.TB, r *analyze.Recording, o sensorapi.AudioOptions) []byte {
	t.Helper()
	w, err := r.WAV(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	b, err := io.ReadAll(w)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(b)) != w.Size() {
		t.Fatalf("%d bytes were read of %d that were promised", len(b), w.Size())
	}
	return b
}

func play(t testing.TB, r *analyze.Recording, o sensorapi.AudioOptions) sound {
	t.Helper()
	return parseWAV(t, wav(t, r, o))
}

func source(t testing.TB, name string) []float64 {
	t.Helper()
	b, err := os.ReadFile(fixtures + "audio/" + name + ".wav")
	if err != nil {
		t.Fatal(err)
	}
	return parseWAV(t, b).sides[0]
}

// upsample brings 8 kHz to a multiple by a long windowed sinc, apart from the one under test.
func upsample(in []float64, k int) []float64 {
	if k == 1 {
		return in
	}
	const half = 64
	filter := make([][2 * half]float64, k) // for each phase
	for p := range filter {
		for j := range filter[p] {
			d := float64(p)/float64(k) + half - 1 - float64(j)
			w := math.Cos(math.Pi * d / 2 / half)
			v := 1.0
			if d != 0 {
				v = math.Sin(math.Pi*d) / (math.Pi * d)
			}
			filter[p][j] = v * w * w
		}
	}
	padded := slices.Concat(make([]float64, half-1), in, make([]float64, half+1))
	out := make([]float64, len(in)*k)
	for i := range out {
		for j, h := range filter[i%k] {
			out[i] += padded[i/k+j] * h
		}
	}
	return out
}

// snr compares what was heard with what was said: the ratio of what was said to the difference, dB, at the delay and the gain
// where it is best. It is taken over the seconds from..to of what was said.
func snr(heard, said []float64, rate int, from, to float64) (db float64, delay int) {
	a, b := int(from*float64(rate)), min(int(to*float64(rate)), len(said))
	seg := said[a:b]
	// Coarse by correlation in every fourth sample, then fine.
	at := func(lag int, step int) (dot, hh, ss float64) {
		for i := 0; i < len(seg); i += step {
			j := a + i + lag
			if j < 0 || j >= len(heard) {
				continue
			}
			dot += heard[j] * seg[i]
			hh += heard[j] * heard[j]
			ss += seg[i] * seg[i]
		}
		return dot, hh, ss
	}
	best, bestLag := -1.0, 0
	try := func(lag, step int) {
		dot, hh, ss := at(lag, step)
		if r := dot / math.Sqrt(hh*ss+1); r > best {
			best, bestLag = r, lag
		}
	}
	for lag := -rate / 20; lag < rate/20; lag += rate / 8000 {
		try(lag, rate/1000)
	}
	best, around := -1, bestLag
	for lag := around - rate/1000; lag <= around+rate/1000; lag++ {
		try(lag, 1)
	}
	return -10 * math.Log10(1-best*best), bestLag
}

func TestSpeechIsHeardAsItWasSaid(t *testing.T) {
	for _, c := range []struct {
		scenario string
		side     int
		said     string
		from, to float64
		want     float64 // dB
	}{
		{"sipp-answered-pcmu", 0, "alice", 0, 11, 36},
		{"sipp-answered-pcmu", 1, "bob", 0, 12, 36},
		{"sipp-auth", 0, "chloe", 0, 13, 36},
		{"sipp-ipv6", 1, "david", 0, 11, 36},
		{"baresip-kamailio-pcma", 0, "alice", 0, 11, 36},
		{"baresip-kamailio-pcma", 1, "bob", 0, 11, 36},
		{"baresip-g722", 0, "bob", 0, 11, 20},
		{"baresip-g722", 1, "alice", 0, 11, 20},
		{"baresip-srtp", 0, "alice", 0, 11, 36},
		{"baresip-srtp", 1, "bob", 0, 11, 36},
		{"baresip-gsm", 0, "chloe", 0, 11, 5},
		{"baresip-gsm", 1, "david", 0, 11, 5},
		{"baresip-opus", 0, "chloe", 0, 13, 5},
		{"baresip-opus", 1, "david", 0, 11, 5},
	} {
		t.Run(fmt.Sprint(c.scenario, "/", c.said), func(t *testing.T) {
			r := listen(t, c.scenario, 0)
			if testing.Short() && r.Rate() > 8000 {
				t.Skip("the comparison takes its time at 16 and 48 kHz")
			}
			s := play(t, r, sensorapi.AudioOptions{Buffer: sensorapi.Buffer200})
			said := upsample(source(t, c.said), s.rate/8000)
			db, delay := snr(s.sides[c.side], said, s.rate, c.from, c.to)
			t.Logf("%.1f dB at %d Hz, %.1f ms into the call", db, s.rate, float64(delay)*1000/float64(s.rate))
			if db < c.want {
				t.Errorf("%.1f dB, want %.0f", db, c.want)
			}
		})
	}
}

func TestARangeIsTheSameBytesWithEveryCodec(t *testing.T) {
	for _, scenario := range []string{"baresip-kamailio-pcma", "baresip-g722", "baresip-gsm", "baresip-opus", "baresip-srtp"} {
		r := listen(t, scenario, 0)
		whole := wav(t, r, sensorapi.AudioOptions{})
		w, err := r.WAV(t.Context(), sensorapi.AudioOptions{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		for _, part := range []float64{0.9, 0.6, 0.3} {
			at := int64(part * float64(len(whole)))
			if _, err := w.Seek(at, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 50_000)
			n, err := io.ReadFull(w, got)
			if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatal(err)
			}
			if i := differ(got[:n], whole[at:]); i >= 0 {
				t.Errorf("%s: byte %d is another when one begins at %d", scenario, at+int64(i), at)
			}
		}
	}
}

func TestSpeechIsNotTakenForDigits(t *testing.T) {
	for _, scenario := range []string{"sipp-answered-pcmu", "sipp-auth", "sipp-hold", "baresip-g722", "baresip-opus", "baresip-gsm", "sipp-loss"} {
		r := listen(t, scenario, 0)
		if testing.Short() && r.Rate() > 8000 {
			continue
		}
		if i := differ(wav(t, r, sensorapi.AudioOptions{MuteDTMF: true}), wav(t, r, sensorapi.AudioOptions{})); i >= 0 {
			t.Errorf("%s: byte %d is another when digits are blanked, and there are none", scenario, i)
		}
	}
}
