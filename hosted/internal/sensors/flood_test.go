package sensors

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"voiptop/protocol/link"
)

// from dials as another machine would.
func from(addr string) link.DialFunc {
	return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(addr)}}).DialContext
}

// crowd opens n connections that say nothing, half of a TLS record, or nothing after their handshake, and keeps opening new ones
// for those that are closed.
func crowd(t *testing.T, addr string, n int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}, n)
	t.Cleanup(func() {
		cancel()
		for range n {
			<-done
		}
	})
	open := make(chan struct{}, n)
	for i := range n {
		go func() {
			defer func() { done <- struct{}{} }()
			for first := true; ctx.Err() == nil; first = false {
				c, err := net.Dial("tcp", addr)
				if err != nil {
					continue
				}
				stop := context.AfterFunc(ctx, func() { c.Close() })
				switch i % 8 {
				case 0, 1, 2, 3, 4, 5:
				case 6:
					_, _ = c.Write([]byte{0x16, 3, 1, 2, 0, 1})
				case 7:
					tc := tls.Client(c, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{link.ALPNUp}})
					_ = tc.HandshakeContext(ctx)
				}
				if first {
					open <- struct{}{}
				}
				_, _ = io.Copy(io.Discard, c) // until it is closed
				stop()
				c.Close()
				time.Sleep(50 * time.Millisecond)
			}
		}()
	}
	for range n {
		<-open
	}
}

func TestAFloodOfStrangersKeepsNoSensorOut(t *testing.T) {
	r := newRig(t, Limits{})
	id := r.enrol(r.tenant, 7)
	s, err := r.online(id, r.info(7, "before"), nil)
	if err != nil {
		t.Fatal(err)
	}
	crowd(t, r.addr, ownLobby+400)
	if n := r.svc.cfg.Lobby.Len(); n > ownLobby {
		t.Errorf("%d strangers are in", n)
	}
	if s.gone() {
		t.Error("the sensor that was online lost its link")
	}
	// Another sensor comes from elsewhere: it enrols and says hello as ever.
	e := r.enrolment(r.tenant, 8)
	e.Net = from("127.0.0.2")
	id8, err := link.Enrol(t.Context(), e)
	if err != nil {
		t.Fatalf("enrolment during the flood: %v", err)
	}
	d := r.dialer(id8)
	d.Net = from("127.0.0.2")
	c, err := link.Connect(t.Context(), d, r.addr)
	if err != nil {
		t.Fatalf("connect during the flood: %v", err)
	}
	defer c.Close()
	if _, err := c.Hello(t.Context(), link.Hello{Info: r.info(8, "b")}); err != nil {
		t.Fatalf("hello during the flood: %v", err)
	}
	if s.gone() {
		t.Error("the sensor that was online lost its link")
	}
}

// frames opens an up connection and gives its frames, below net/http's client, which would not do what an attacker does.
func frames(t *testing.T, r *rig, id *link.Identity) (*link.Conn, *http2.Framer) {
	t.Helper()
	c, err := r.dialer(id).Dial(t.Context(), r.addr, link.ALPNUp)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	f := http2.NewFramer(c, c)
	if err := f.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return c, f
}

func headers(fields ...string) []byte {
	var b strings.Builder
	e := hpack.NewEncoder(&b)
	for i := 0; i+1 < len(fields); i += 2 {
		_ = e.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}) // into memory
	}
	return []byte(b.String())
}

// Each attack ends with the connection closed, or with hosted serving others as before; its memory is bounded by net/http.
func TestAttacksOnHTTP2EndTheirConnectionOnly(t *testing.T) {
	request := headers(":method", "POST", ":scheme", "http", ":authority", "peer", ":path", link.PathHello)
	for name, attack := range map[string]func(c *link.Conn, f *http2.Framer){
		"rapid reset": func(_ *link.Conn, f *http2.Framer) {
			for id := uint32(1); id < 40_000; id += 2 {
				if f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: request, EndHeaders: true}) != nil || f.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
					return
				}
			}
		},
		"endless continuation": func(_ *link.Conn, f *http2.Framer) {
			err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: request})
			more := headers("x-"+strings.Repeat("a", 100), strings.Repeat("b", 10_000))
			for range 5000 {
				if err != nil {
					return
				}
				err = f.WriteContinuation(1, false, more)
			}
		},
		"settings": func(_ *link.Conn, f *http2.Framer) {
			for range 200_000 {
				if f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1}) != nil {
					return
				}
			}
		},
		"pings": func(_ *link.Conn, f *http2.Framer) {
			for range 200_000 {
				if f.WritePing(false, [8]byte{}) != nil {
					return
				}
			}
		},
		"nonsense": func(c *link.Conn, _ *http2.Framer) { _, _ = c.Write(make([]byte, 1<<16)) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Limits{})
			id := r.enrol(r.tenant, 7)
			s, err := r.online(id, r.info(7, "b"), http.NotFoundHandler())
			if err != nil {
				t.Fatal(err)
			}
			c, f := frames(t, r, id)
			attack(c, f)
			if s.gone() || r.svc.Client(id.UUID) == nil {
				t.Error("the sensor's link ended")
			}
			if err := r.hello(r.enrol(r.tenant, 8), r.info(8, "c")); err != nil {
				t.Errorf("another sensor: %v", err)
			}
		})
	}
}
