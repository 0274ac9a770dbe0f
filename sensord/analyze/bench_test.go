package analyze

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
)

// BenchmarkRun is the whole way from a file to JSON, for profiles: go test ./sensord/analyze -run XXX -bench Run/medium
// -cpuprofile cpu.prof -memprofile mem.prof. What it costs beside other programs is for make bench to say.
func BenchmarkRun(b *testing.B) {
	for _, name := range []string{"small", "medium", "sip"} {
		b.Run(name, func(b *testing.B) {
			file := filepath.Join(b.TempDir(), "in.pcap")
			f, err := os.Create(file)
			if err != nil {
				b.Fatal(err)
			}
			total, err := gen.Write(f, gen.Presets[name](1), nil)
			if err != nil {
				b.Fatal(err)
			}
			if err := f.Close(); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				src, err := Open([]string{file}, nil)
				if err != nil {
					b.Fatal(err)
				}
				s, err := Lines(context.Background(), src, Config{}, func(line []byte, c *protocol.CDR) []byte {
					return append(c.AppendJSON(line), '\n')
				}, func([]byte) error { return nil })
				if err != nil || int64(s.Packets) != total.Frames || int64(s.Calls) != total.Calls {
					b.Fatalf("%d packets, %d calls, %v; want %d and %d", s.Packets, s.Calls, err, total.Frames, total.Calls)
				}
				if err := src.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(total.Frames), "ns/packet")
		})
	}
}
