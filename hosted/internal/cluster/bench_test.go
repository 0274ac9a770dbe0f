package cluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

const bulkSize = 64 << 20

// captures answers requests for a capture, and nothing else.
func captures(f http.HandlerFunc) http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /v1/calls/x/capture", f)
	return m
}

// sends answers every capture with bulkSize bytes.
func sends() http.Handler {
	return captures(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.tcpdump.pcap")
		for b, n := make([]byte, 64<<10), 0; n < bulkSize; n += len(b) {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
	})
}

// BenchmarkBulk is a capture on its way to a browser: from the node that holds the sensor's link, through another node, and what NATS
// would do with the same bytes: 64 KiB messages, of which the reader acknowledges each 16th.
func BenchmarkBulk(b *testing.B) {
	r := newRig(b)
	x, y := r.node("a", nil), r.node("b", nil)
	s := r.must(r.comes(x, 1, "boot", sends()))
	y.sees(s.id, "a")
	for _, way := range []struct {
		name string
		at   *node
	}{{"direct", x}, {"through-a-node", y}} {
		b.Run(way.name, func(b *testing.B) {
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				way.at.Relay(w, q, s.id, "/v1/calls/x/capture")
			}))
			defer web.Close()
			b.SetBytes(bulkSize)
			for b.Loop() {
				res, err := http.Get(web.URL)
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.Copy(io.Discard, res.Body); err != nil || n != bulkSize {
					b.Fatal(n, err)
				}
				res.Body.Close()
			}
		})
	}
	b.Run("through-nats", func(b *testing.B) {
		_, port := r.nats(-1)
		from, to := connect(b, port), connect(b, port)
		const window = 16
		got := make(chan struct{}, window)
		sub, err := to.Subscribe("bulk", func(m *nats.Msg) {
			if m.Reply != "" {
				_ = m.Respond(nil)
			}
			got <- struct{}{}
		})
		r.ok(err)
		defer sub.Unsubscribe() //nolint:errcheck // the benchmark is over
		r.ok(to.Flush())
		b.SetBytes(bulkSize)
		for b.Loop() {
			sent := make(chan error, 1)
			go func() {
				chunk := make([]byte, 64<<10)
				for n := 0; n < bulkSize/len(chunk); n++ {
					var err error
					if n%window == window-1 {
						_, err = from.Request("bulk", chunk, 10*time.Second)
					} else {
						err = from.Publish("bulk", chunk)
					}
					if err != nil {
						sent <- err
						return
					}
				}
				sent <- nil
			}()
			for n := 0; n < bulkSize; n += 64 << 10 {
				<-got
			}
			if err := <-sent; err != nil {
				b.Fatal(err)
			}
		}
	})
}

func connect(b *testing.B, port int) *nats.Conn {
	b.Helper()
	c, err := nats.Connect(fmt.Sprintf("nats://127.0.0.1:%d", port))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	return c
}

// BenchmarkReaderThatStandsStill is a browser that takes nothing: how many bytes hosted takes for it before the sender waits or,
// with NATS, before they are thrown away.
func BenchmarkReaderThatStandsStill(b *testing.B) {
	r := newRig(b)
	b.Run("through-a-node", func(b *testing.B) {
		x, y := r.node("a", nil), r.node("b", nil)
		taken := make(chan int, 1)
		s := r.must(r.comes(x, 1, "boot", captures(func(w http.ResponseWriter, _ *http.Request) {
			n := 0
			defer func() { taken <- n }()
			for c := make([]byte, 64<<10); ; n += len(c) {
				_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Second))
				if _, err := w.Write(c); err != nil {
					return
				}
			}
		})))
		y.sees(s.id, "a")
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { y.Relay(w, q, s.id, "/v1/calls/x/capture") }))
		defer web.CloseClientConnections()
		for b.Loop() {
			c, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", web.Listener.Addr().String())
			r.ok(err)
			_, err = fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			r.ok(err)
			b.ReportMetric(float64(<-taken)/1024, "KiB-taken")
			c.Close()
		}
	})
	b.Run("through-nats", func(b *testing.B) {
		_, port := r.nats(-1)
		for b.Loop() {
			from, to := connect(b, port), connect(b, port)
			block := make(chan struct{})
			sub, err := to.Subscribe("still", func(*nats.Msg) { <-block })
			r.ok(err)
			r.ok(to.Flush())
			for chunk, n := make([]byte, 64<<10), 0; n < 4*bulkSize; n += len(chunk) {
				r.ok(from.Publish("still", chunk))
			}
			r.ok(from.Flush())
			time.Sleep(time.Second)
			_, held, err := sub.Pending()
			r.ok(err)
			lost, err := sub.Dropped()
			r.ok(err)
			b.ReportMetric(float64(held)/1024, "KiB-held")
			b.ReportMetric(float64(lost)*64, "KiB-lost")
			close(block)
		}
	})
}
