package audio_test

import (
	"encoding/binary"
	"math"
	"os"
	"testing"

	"voiptop/sensord/internal/audio"
)

func vector(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func pcm16(b []byte) []int16 {
	s := make([]int16, len(b)/2)
	for i := range s {
		s[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return s
}

func TestG722AndGSMAreExact(t *testing.T) {
	for _, c := range []struct {
		codec, name string
		packet      int
	}{{"G722", "g722", 160}, {"GSM", "gsm", 33}} {
		in, want := vector(t, c.name+".bin"), pcm16(vector(t, c.name+".s16"))
		d, n := audio.Decoders[c.codec](), 0
		for ; len(in) >= c.packet; in = in[c.packet:] {
			got, err := audio.Decode(d, in[:c.packet])
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range got {
				if v != want[n] {
					t.Fatalf("%s: sample %d is %d, want %d", c.codec, n, v, want[n])
				}
				n++
			}
		}
		if n < len(want)*9/10 {
			t.Errorf("%s: %d samples of %d", c.codec, n, len(want))
		}
	}
}

// TestG711 computes every value from the definition of ITU-T G.711: segments of 16 equal steps, each twice as wide as the
// one before.
func TestG711IsExact(t *testing.T) {
	for code := range 256 {
		b := byte(code)
		mu := ^b
		v := float64(33+2*int(mu&0xf))*math.Pow(2, float64(mu>>4&7)) - 33 // of 8159
		v *= 4
		if mu&0x80 != 0 {
			v = -v
		}
		got, _ := audio.Decode(audio.Decoders["PCMU"](), []byte{b})
		if float64(got[0]) != v {
			t.Errorf("u-law %#02x is %d, want %v", b, got[0], v)
		}
		a := b ^ 0x55
		seg, step := int(a>>4&7), float64(a&0xf)
		v = 2*step + 1 // of 4096
		if seg > 0 {
			v = (2*step + 33) * math.Pow(2, float64(seg-1))
		}
		v *= 8
		if a&0x80 == 0 {
			v = -v
		}
		got, _ = audio.Decode(audio.Decoders["PCMA"](), []byte{b})
		if float64(got[0]) != v {
			t.Errorf("A-law %#02x is %d, want %v", b, got[0], v)
		}
	}
}

func TestL16MixesItsChannels(t *testing.T) {
	got, err := audio.Decode(audio.Decoders["L16"](), []byte{0x10, 0, 0x20, 0, 0xff, 0xff, 0, 1, 9})
	if err != nil || len(got) != 2 || got[0] != 0x1800 || got[1] != 0 {
		t.Errorf("%v %v", got, err)
	}
}

// oggPackets are the packets of an Ogg file (RFC 3533) after the two headers of Opus (RFC 7845).
func oggPackets(t testing.TB, b []byte) (list [][]byte) {
	t.Helper()
	var packet []byte
	for len(b) > 27 {
		table := b[27 : 27+int(b[26])]
		b = b[27+len(table):]
		for _, n := range table {
			packet = append(packet, b[:n]...)
			b = b[n:]
			if n < 255 {
				list = append(list, packet)
				packet = nil
			}
		}
	}
	return list[2:]
}

func TestOpusIsAsLibopusDecodesIt(t *testing.T) {
	const preSkip = 312 // what libopus needs to start, left out of the vectors
	for _, mode := range []struct {
		name string
		skip int
	}{{"silk", preSkip}, {"hybrid", preSkip}, {"celt", 120}} {
		t.Run(mode.name, func(t *testing.T) {
			want := pcm16(vector(t, "opus-"+mode.name+".s16"))
			d := audio.Decoders["OPUS"]()
			var got []int16
			for _, p := range oggPackets(t, vector(t, "opus-"+mode.name+".ogg")) {
				s, err := audio.Decode(d, p)
				if err != nil {
					t.Fatal(err)
				}
				if len(s) != audio.Length(d, p) {
					t.Fatalf("%d samples, its header says %d", len(s), audio.Length(d, p))
				}
				got = append(got, s...)
			}
			var signal, noise float64
			for i := 4800; i < 43200; i++ {
				w := float64(want[i])
				e := w - float64(got[i+mode.skip])
				signal += w * w
				noise += e * e
			}
			db := 10 * math.Log10(signal/noise)
			t.Logf("%.1f dB", db)
			if db < 40 {
				t.Errorf("%.1f dB against libopus, want 40", db)
			}
		})
	}
}

func TestResamplingKeepsTonesAndAddsNone(t *testing.T) {
	for _, r := range [][2]int{{8000, 16000}, {8000, 48000}, {16000, 48000}, {44100, 48000}, {11025, 16000}, {32000, 48000}} {
		from, to := r[0], r[1]
		for _, part := range []float64{0.1, 0.5, 0.8} {
			hz := part * float64(from) / 2
			in := make([]int16, from/2)
			for i := range in {
				in[i] = int16(math.Round(20000 * math.Sin(2*math.Pi*hz*float64(i)/float64(from))))
			}
			out := audio.Resample(in, from, to)
			if d := len(out) - to/2; d < -1 || d > 1 {
				t.Fatalf("%d Hz to %d: %d samples of half a second", from, to, len(out))
			}
			var noise, signal float64
			for i := to / 10; i < to*4/10; i++ { // where the filter is full
				want := 20000 * math.Sin(2*math.Pi*hz*float64(i)/float64(to))
				e := float64(out[i]) - want
				noise += e * e
				signal += want * want
			}
			if db := 10 * math.Log10(signal/noise); db < 50 {
				t.Errorf("%d Hz to %d: a tone of %.0f Hz comes out at %.1f dB", from, to, hz, db)
			}
		}
	}
}

func TestSpectrumAgreesWithItsDefinition(t *testing.T) {
	const n = 64
	samples := make([]int16, n)
	for i := range samples {
		samples[i] = int16(9000*math.Sin(2*math.Pi*7*float64(i)/n) + 4000*math.Cos(2*math.Pi*20.3*float64(i)/n) + 1000)
	}
	got := audio.Power(samples)
	for k := range got {
		var re, im float64
		for i, v := range samples {
			w := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/n)
			a := 2 * math.Pi * float64(k*i) / n
			re += float64(v) / 32768 * w * math.Cos(a)
			im -= float64(v) / 32768 * w * math.Sin(a)
		}
		want := (re*re + im*im) * 16 / n / n
		if math.Abs(got[k]-want) > 1e-9 {
			t.Errorf("band %d: %g, want %g", k, got[k], want)
		}
	}
}

func FuzzDecoders(f *testing.F) {
	f.Add(uint8(0), []byte{0xd0, 1, 2, 3})
	gsm := vector(f, "gsm.bin")
	f.Add(uint8(1), gsm[:66])
	for _, p := range oggPackets(f, vector(f, "opus-hybrid.ogg"))[:3] {
		f.Add(uint8(5), p)
	}
	f.Add(uint8(3), vector(f, "g722.bin")[:160])
	names := []string{"PCMU", "GSM", "PCMA", "G722", "L16", "OPUS"}
	f.Fuzz(func(t *testing.T, which uint8, payload []byte) {
		name := names[int(which)%len(names)]
		d := audio.Decoders[name]()
		for range 3 { // the state that a packet leaves is as hostile as the packet
			got, err := audio.Decode(d, payload)
			if n := audio.Length(d, payload); err == nil && len(got) != n {
				t.Fatalf("%s: %d samples, %d were promised", name, len(got), n)
			} else if n > 120*48 && name == "OPUS" {
				t.Fatalf("%d samples in one packet", n)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range []struct {
		name, codec string
		packets     [][]byte
		samples     int // of a second
	}{
		{"PCMU", "PCMU", [][]byte{make([]byte, 160)}, 8000},
		{"G722", "G722", [][]byte{vector(b, "g722.bin")[:160]}, 16000},
		{"GSM", "GSM", [][]byte{vector(b, "gsm.bin")[:33]}, 8000},
		{"Opus SILK", "OPUS", oggPackets(b, vector(b, "opus-silk.ogg"))[5:45], 48000},
		{"Opus hybrid", "OPUS", oggPackets(b, vector(b, "opus-hybrid.ogg"))[5:45], 48000},
		{"Opus CELT", "OPUS", oggPackets(b, vector(b, "opus-celt.ogg"))[5:45], 48000},
	} {
		b.Run(c.name, func(b *testing.B) {
			d, n := audio.Decoders[c.codec](), 0
			for i := 0; b.Loop(); i++ {
				p, err := audio.Decode(d, c.packets[i%len(c.packets)])
				if err != nil {
					b.Fatal(err)
				}
				n += len(p)
			}
			b.ReportMetric(float64(n)/float64(c.samples)/b.Elapsed().Seconds(), "xrealtime")
		})
	}
}
