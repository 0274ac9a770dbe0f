package direct

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// memory is a file in memory that counts how often it is closed.
type memory struct {
	*bytes.Reader
	closed *atomic.Int64
}

func (m memory) Close() error { m.closed.Add(1); return nil }

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

var closed atomic.Int64

func fileOf(b []byte) func() (*File, error) {
	return func() (*File, error) {
		return &File{Name: "a.pcapng", Type: "application/vnd.tcpdump.pcap", Tag: "t", Size: int64(len(b)), ReadSeekCloser: memory{bytes.NewReader(b), &closed}}, nil
	}
}

func service(t testing.TB, l Limits) *Service {
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	return New(Config{Mode: LAN, Limits: l, Log: log})
}

// patient are limits that a busy machine does not reach.
var patient = Limits{Connect: time.Minute, Idle: time.Minute, Beat: time.Minute}

// within bounds what a test waits for.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func last(events []sensorapi.DirectEvent) sensorapi.DirectEvent {
	if len(events) == 0 {
		return sensorapi.DirectEvent{}
	}
	return events[len(events)-1]
}

func TestAFileComesWhole(t *testing.T) {
	for name, n := range map[string]int{"empty": 0, "a byte": 1, "a message": message, "less than it says anything of": 200_000, "several windows": 2*window + 1} {
		t.Run(name, func(t *testing.T) {
			want := random(n)
			b, offer := newBrowser(t, nil)
			s := service(t, patient)
			before := closed.Load()
			events, err := b.fetch(within(t), s, sensorapi.DirectOffer{SDP: offer}, fileOf(want))
			if e := last(events); err != nil || e.State != sensorapi.DirectComplete || e.Sent != int64(n) || e.Got != int64(n) || e.Code != "" {
				t.Fatalf("%+v, %v", e, err)
			}
			if !bytes.Equal(b.bytes, want) || b.tail.Bytes != int64(n) {
				t.Errorf("%d bytes of %d came, %+v", len(b.bytes), n, b.tail)
			}
			if b.head != (head{Name: "a.pcapng", Type: "application/vnd.tcpdump.pcap", Tag: "t", Size: int64(n)}) {
				t.Errorf("%+v", b.head)
			}
			if events[0].State != sensorapi.DirectAnswer || !strings.Contains(events[0].SDP, "a=fingerprint:sha-256") || events[1].State != sensorapi.DirectConnected {
				t.Errorf("%+v", events)
			}
			c := protocol.Counters{}
			s.Counters(c)
			if c["direct.transfers"] != 1 || c["direct.complete"] != 1 || c["direct.bytes"] != uint64(n) {
				t.Errorf("%v", c)
			}
			if closed.Load() != before+1 {
				t.Error("the file is not closed once")
			}
		})
	}
}

func TestAFileIsGoneOnWith(t *testing.T) {
	want := random(100_000)
	for name, c := range map[string]struct {
		o    sensorapi.DirectOffer
		from int64
	}{
		"from a byte on":           {sensorapi.DirectOffer{From: 60_001, IfTag: "t"}, 60_001},
		"without a tag":            {sensorapi.DirectOffer{From: 5}, 5},
		"when all of it is there":  {sensorapi.DirectOffer{From: 100_000, IfTag: "t"}, 100_000},
		"not of another file":      {sensorapi.DirectOffer{From: 60_001, IfTag: "u"}, 0},
		"not from behind its end":  {sensorapi.DirectOffer{From: 100_001, IfTag: "t"}, 0},
		"not where nothing is had": {sensorapi.DirectOffer{IfTag: "u"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b, offer := newBrowser(t, nil)
			c.o.SDP = offer
			events, err := b.fetch(within(t), service(t, patient), c.o, fileOf(want))
			if err != nil || last(events).State != sensorapi.DirectComplete || b.head.From != c.from || !bytes.Equal(b.bytes, want[c.from:]) {
				t.Errorf("%v: from %d, %d bytes, %+v", err, b.head.From, len(b.bytes), last(events))
			}
		})
	}
}

func TestAFileOfUnknownSizeComesFromItsBeginning(t *testing.T) {
	want := random(70_000)
	b, offer := newBrowser(t, nil)
	events, err := b.fetch(within(t), service(t, patient), sensorapi.DirectOffer{SDP: offer, From: 10}, func() (*File, error) {
		f, err := fileOf(want)()
		f.Size, f.Tag = -1, ""
		return f, err
	})
	if err != nil || last(events).State != sensorapi.DirectComplete || b.head.Size != -1 || b.head.From != 0 || !bytes.Equal(b.bytes, want) {
		t.Errorf("%v, %+v, %+v, %d bytes", err, last(events), b.head, len(b.bytes))
	}
}

// torn is a file whose disk fails.
type torn struct{ io.ReadSeeker }

func (f torn) Read(b []byte) (int, error) {
	at, _ := f.Seek(0, io.SeekCurrent)
	if at >= 2*message {
		return 0, errors.New("input/output error of /dev/sdb1")
	}
	return f.ReadSeeker.Read(b)
}

func (torn) Close() error { return nil }

func TestAFileThatCannotBeReadIsNotTakenForWhole(t *testing.T) {
	b, offer := newBrowser(t, nil)
	events, err := b.fetch(within(t), service(t, patient), sensorapi.DirectOffer{SDP: offer}, func() (*File, error) {
		return &File{Type: "x", Size: 4 * message, ReadSeekCloser: torn{bytes.NewReader(random(4 * message))}}, nil
	})
	if e := last(events); err != nil || e.State != sensorapi.DirectFailed || e.Code != sensorapi.DirectUnreadable {
		t.Errorf("%+v, %v", e, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tail.SHA256 != "" || strings.Contains(b.tail.Error, "sdb1") {
		t.Errorf("%+v", b.tail)
	}
}

func TestWhatCannotBeHadIsAProblemAndOpensNothing(t *testing.T) {
	s := service(t, patient)
	gone := &protocol.Problem{Code: protocol.CodeCaptureExpired, Status: http.StatusGone}
	b, offer := newBrowser(t, nil)
	events, err := b.fetch(within(t), s, sensorapi.DirectOffer{SDP: offer}, func() (*File, error) { return nil, gone })
	if !errors.Is(err, gone) || len(events) > 0 {
		t.Errorf("%v, %v", err, events)
	}
	for _, sdp := range []string{"v=0\r\n", "hello", strings.Replace(offer, "m=application", "m=audio", 1), strings.Replace(offer, "a=ice-ufrag", "a=x", 1)} {
		events, err := b.fetch(within(t), s, sensorapi.DirectOffer{SDP: sdp}, fileOf(nil))
		if p := (*protocol.Problem)(nil); !errors.As(err, &p) || p.Code != protocol.CodeBadRequest || len(events) > 0 {
			t.Errorf("%.40q: %v, %v", sdp, err, events)
		}
	}
}

func TestNoMoreTransfersThanAreAllowedAtATime(t *testing.T) {
	l := patient
	l.Transfers = 2
	s := service(t, l)
	ctx, cancel := context.WithCancel(within(t))
	done, begun := make(chan error), make(chan struct{})
	for range l.Transfers {
		b, offer := newBrowser(t, nil)
		b.mute = true
		go func() {
			done <- s.Serve(ctx, sensorapi.DirectOffer{SDP: offer}, fileOf(random(10)), func(e sensorapi.DirectEvent) error {
				if e.State == sensorapi.DirectAnswer {
					begun <- struct{}{}
				}
				return nil
			})
		}()
		<-begun
	}
	b, offer := newBrowser(t, nil)
	_, err := b.fetch(ctx, s, sensorapi.DirectOffer{SDP: offer}, fileOf(nil))
	if p := (*protocol.Problem)(nil); !errors.As(err, &p) || p.Code != protocol.CodeBusy || p.Status != http.StatusServiceUnavailable || p.Fields[protocol.FieldRetryAfter] == "" {
		t.Errorf("one more: %v", err)
	}
	cancel()
	for range l.Transfers {
		<-done
	}
	events, err := b.fetch(within(t), s, sensorapi.DirectOffer{SDP: offer}, fileOf(nil))
	if err != nil || last(events).State != sensorapi.DirectComplete {
		t.Errorf("when there is room again: %+v, %v", last(events), err)
	}
}

func TestTransfersLeaveNothingBehind(t *testing.T) {
	s := service(t, Limits{Connect: 200 * time.Millisecond, Idle: time.Minute})
	run := func() {
		b, offer := newBrowser(t, nil)
		if events, err := b.fetch(within(t), s, sensorapi.DirectOffer{SDP: offer}, fileOf(random(300_000))); err != nil || len(events) < 2 {
			t.Errorf("%+v, %v", events, err)
		}
		b.close()
		lost, offer := newBrowser(t, nil) // one that never comes
		if err := s.Serve(within(t), sensorapi.DirectOffer{SDP: offer}, fileOf(nil), func(sensorapi.DirectEvent) error { return nil }); err != nil {
			t.Error(err)
		}
		lost.close()
		ctx, cancel := context.WithCancel(within(t))
		b, offer = newBrowser(t, nil)
		if err := s.Serve(ctx, sensorapi.DirectOffer{SDP: offer}, fileOf(nil), func(sensorapi.DirectEvent) error { cancel(); return nil }); err != nil {
			t.Error(err)
		}
		b.close()
	}
	run() // what is made once
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	for range 3 {
		run()
	}
	for end := time.Now().Add(30 * time.Second); runtime.NumGoroutine() > goroutines || openFiles(t) > files; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			b := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, before %d; %d files, before %d\n%s", runtime.NumGoroutine(), goroutines, openFiles(t), files, b[:runtime.Stack(b, true)])
		}
	}
}

func openFiles(t *testing.T) int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(list)
}

func TestPortsAreThoseOfTheFirewall(t *testing.T) {
	s := service(t, patient)
	s.PortFrom, s.PortTo = 42_100, 42_199
	b, offer := newBrowser(t, nil)
	events, err := b.fetch(within(t), s, sensorapi.DirectOffer{SDP: offer}, fileOf(random(10)))
	if err != nil || last(events).State != sensorapi.DirectComplete {
		t.Fatalf("%+v, %v", last(events), err)
	}
	seen := 0
	for line := range strings.Lines(events[0].SDP) {
		if f := strings.Fields(line); strings.HasPrefix(line, "a=candidate:") {
			seen++
			if len(f[5]) != 5 || f[5] < "42100" || f[5] > "42199" || f[2] != "udp" || f[7] != "host" {
				t.Errorf("%s", line)
			}
		}
	}
	if seen == 0 {
		t.Error("no candidate")
	}
}

func TestInALANNoServerIsAsked(t *testing.T) {
	for mode, want := range map[Mode]int{LAN: 0, Anywhere: 1} {
		s := service(t, patient)
		s.Mode = mode
		p, err := s.newPeer(sensorapi.DirectOffer{STUN: []string{"127.0.0.1:9"}}, false)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(p.pc.GetConfiguration().ICEServers); n != want {
			t.Errorf("mode %d: %d servers", mode, n)
		}
		p.close()
	}
}

// zeros is a large file of nothing.
type zeros struct{ *io.SectionReader }

func (zeros) Close() error { return nil }

type nothing struct{}

func (nothing) ReadAt(b []byte, _ int64) (int, error) { clear(b); return len(b), nil }

// BenchmarkTransfer sends 256 MiB, to a browser in the same process.
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
		if err != nil || last(events).State != sensorapi.DirectComplete {
			b.Fatal(err, events)
		}
		w.close()
	}
}
