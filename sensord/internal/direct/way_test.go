package direct

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"voiptop/protocol/sensorapi"
)

// way stands between a browser and the sensor: datagrams take their time on it, some are lost, and it can be cut.
type way struct {
	browser, sensor *net.UDPConn // what each of them sees as the other
	there           atomic.Pointer[net.UDPAddr]
	delay           time.Duration
	loss            float64
	cut             atomic.Bool
}

// newWay opens a way to a port of the sensor's.
func newWay(t testing.TB, ctx context.Context, sensor netip.AddrPort, delay time.Duration, loss float64) *way {
	w := &way{delay: delay, loss: loss}
	var err error
	if w.browser, err = net.ListenUDP("udp", &net.UDPAddr{IP: sensor.Addr().AsSlice()}); err != nil {
		t.Fatal(err)
	}
	if w.sensor, err = net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(sensor)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*net.UDPConn{w.browser, w.sensor} {
		_ = c.SetReadBuffer(8 << 20) // as much as the machine lets it have
	}
	go w.carry(ctx, w.browser, func(b []byte) { _, _ = w.sensor.Write(b) })
	go w.carry(ctx, w.sensor, func(b []byte) {
		if to := w.there.Load(); to != nil {
			_, _ = w.browser.WriteToUDP(b, to)
		}
	})
	context.AfterFunc(ctx, func() { w.browser.Close(); w.sensor.Close() })
	return w
}

// carry takes datagrams of one side to the other.
func (w *way) carry(ctx context.Context, from *net.UDPConn, to func([]byte)) {
	type datagram struct {
		at time.Time
		b  []byte
	}
	queue := make(chan datagram, 1<<14)
	go func() {
		for {
			select {
			case d := <-queue:
				time.Sleep(time.Until(d.at))
				to(d.b)
			case <-ctx.Done():
				return
			}
		}
	}()
	r := rand.New(rand.NewPCG(1, 2))
	for b := make([]byte, 2048); ; {
		n, addr, err := from.ReadFromUDP(b)
		if err != nil {
			return // closed
		}
		if from == w.browser {
			w.there.Store(addr)
		}
		if w.cut.Load() || r.Float64() < w.loss {
			continue
		}
		select {
		case queue <- datagram{time.Now().Add(w.delay), slices.Clone(b[:n])}:
		default: // it is full, as routers are
		}
	}
}

// over makes a transfer by that way alone: the offer has no address of the browser's, and the answer none but the way's.
func over(t testing.TB, ctx context.Context, s *Service, b *browser, offer string, delay time.Duration, loss float64, open func() (*File, error), begun func(*way)) (last sensorapi.DirectEvent, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err = s.Serve(ctx, sensorapi.DirectOffer{SDP: without(offer)}, open, func(e sensorapi.DirectEvent) error {
		last = e
		if e.State != sensorapi.DirectAnswer {
			return nil
		}
		for line := range strings.Lines(e.SDP) {
			f := strings.Fields(line)
			if !strings.HasPrefix(line, "a=candidate:") || strings.Contains(f[4], ":") {
				continue
			}
			w := newWay(t, ctx, netip.MustParseAddrPort(f[4]+":"+f[5]), delay, loss)
			begun(w)
			port := fmt.Sprint(w.browser.LocalAddr().(*net.UDPAddr).Port)
			f[5] = port
			return b.answer(without(e.SDP) + strings.Join(f, " ") + "\r\n")
		}
		return fmt.Errorf("the sensor has no IPv4 address:\n%s", e.SDP)
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	return last, err
}

func without(sdp string) string {
	var b strings.Builder
	for line := range strings.Lines(sdp) {
		if !strings.HasPrefix(line, "a=candidate:") && !strings.HasPrefix(line, "a=end-of-candidates") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestAFileComesWholeByALossyWay(t *testing.T) {
	want := random(1_500_000)
	b, offer := newBrowser(t, nil)
	last, err := over(t, within(t), service(t, patient), b, offer, 10*time.Millisecond, 0.02, fileOf(want), func(*way) {})
	if err != nil || last.State != sensorapi.DirectComplete || !bytes.Equal(b.bytes, want) {
		t.Errorf("%+v, %v, %d bytes", last, err, len(b.bytes))
	}
}

func TestAWayThatIsCutEndsTheTransfer(t *testing.T) {
	b, offer := newBrowser(t, nil)
	b.keep = false
	l := patient
	l.Idle = time.Second
	last, err := over(t, within(t), service(t, l), b, offer, time.Millisecond, 0, endless, func(w *way) {
		go func() {
			<-b.opened
			time.Sleep(100 * time.Millisecond)
			w.cut.Store(true)
		}()
	})
	if err != nil || last.State != sensorapi.DirectFailed || last.Code != sensorapi.DirectStalled && last.Code != sensorapi.DirectBroken || last.Sent > last.Got+window {
		t.Errorf("%+v, %v", last, err)
	}
}

// BenchmarkFar sends 32 MiB to a browser that is 50 ms away and back, by a way of a clock and a queue that are this machine's.
func BenchmarkFar(b *testing.B) {
	const size = 32 << 20
	b.SetBytes(size)
	for b.Loop() {
		w, offer := newBrowser(b, nil)
		w.keep = false
		last, err := over(b, b.Context(), service(b, patient), w, offer, 25*time.Millisecond, 0, func() (*File, error) {
			return &File{Type: "x", Size: size, ReadSeekCloser: zeros{io.NewSectionReader(nothing{}, 0, size)}}, nil
		}, func(*way) {})
		if err != nil || last.State != sensorapi.DirectComplete {
			b.Fatal(err, last)
		}
		w.close()
	}
}
