package direct

import (
	"bytes"
	"io"
	"log/slog"
	"math/rand/v2"
	"testing"

	"voiptop/protocol/sensorapi"
)

// memory is a file in memory.
type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

func random(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}

func fileOf(b []byte) func() (*File, error) {
	return func() (*File, error) {
		return &File{Name: "a.pcapng", Type: "application/vnd.tcpdump.pcap", Tag: "t", Size: int64(len(b)), ReadSeekCloser: memory{bytes.NewReader(b)}}, nil
	}
}

func service(t testing.TB, l Limits) *Service {
	return New(Config{Mode: LAN, Limits: l, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))})
}

func TestAFileComesWhole(t *testing.T) {
	want := random(3_000_001)
	b, offer := newBrowser(t, nil)
	events, err := b.fetch(t.Context(), service(t, Limits{}), sensorapi.DirectOffer{SDP: offer}, fileOf(want))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		t.Logf("%s %d %d %s", e.State, e.Sent, e.Got, e.Code)
	}
	if !bytes.Equal(b.bytes, want) {
		t.Error("differ")
	}
}

// zeros is a large file of nothing.
type zeros struct{ *io.SectionReader }

func (zeros) Close() error { return nil }

type nothing struct{}

func (nothing) ReadAt(b []byte, _ int64) (int, error) { clear(b); return len(b), nil }

func BenchmarkTransfer(b *testing.B) {
	const size = 256 << 20
	s := service(b, Limits{})
	b.SetBytes(size)
	for b.Loop() {
		w, offer := newBrowser(b, nil)
		w.keep = false
		events, err := w.fetch(b.Context(), s, sensorapi.DirectOffer{SDP: offer}, func() (*File, error) {
			return &File{Type: "x", Size: size, ReadSeekCloser: zeros{io.NewSectionReader(nothing{}, 0, size)}}, nil
		})
		if err != nil || events[len(events)-1].State != sensorapi.DirectComplete {
			b.Fatal(err, events)
		}
		w.close()
	}
}
