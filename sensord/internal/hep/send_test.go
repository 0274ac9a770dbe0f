package hep

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// soon is a clock on which waiting takes no time.
type soon struct{}

func (soon) Now() time.Time { return time.Now() }
func (soon) After(time.Duration) <-chan time.Time {
	return time.After(time.Millisecond)
}

// running starts s and answers what stops it.
func running(t *testing.T, s *Sender) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("the sender ended with %v", err)
			}
			done <- nil
		case <-time.After(10 * time.Second):
			t.Error("the sender does not end")
		}
	}
	t.Cleanup(stop)
	return stop
}

func TestWhatIsSentArrives(t *testing.T) {
	for _, over := range []string{"udp", "tcp"} {
		l := listen(t, ListenConfig{Key: "hunter2"})
		s := NewSender(SendConfig{Over: over, Address: l.Addr().String(), Agent: 77, Node: "pbx-1", Key: "hunter2"})
		stop := running(t, s)
		until(t, "it is connected", s.Connected)
		want := sample()
		payload := bytes.Clone(want.Payload)
		s.Send(&Message{Type: SIP, Protocol: 6, Src: want.Src, Dst: want.Dst, Time: want.Time, Payload: payload})
		clear(payload) // the message is the sender's own by now
		m, _, _ := next(t, l)
		if m.Type != SIP || m.Protocol != 6 || m.Src != want.Src || m.Dst != want.Dst || m.Time != want.Time || string(m.Payload) != invite ||
			m.Agent != 77 || string(m.Node) != "pbx-1" {
			t.Errorf("%s: got %+v", over, m)
		}
		if !s.Own(&m) {
			t.Error("the sender does not know its own message")
		}
		if m.Node = nil; s.Own(&m) {
			t.Error("another agent of the same id is taken for ours")
		}
		stop()
		if n := counted(s.Counters); n["hep.send.messages"] != 1 || len(n) != 1 {
			t.Errorf("%s: counters %v", over, n)
		}
	}
}

func TestItIsSentOverTLSToAServerThatIsTrusted(t *testing.T) {
	server := httptest.NewTLSServer(nil) // for its certificate
	defer server.Close()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: server.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	got := make(chan []byte, 1)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 6)
			if _, err := io.ReadFull(c, b); err == nil {
				got <- b
			}
			c.Close()
		}
	}()
	stranger := NewSender(SendConfig{Over: "tls", Address: ln.Addr().String(), Clock: soon{}})
	running(t, stranger)
	until(t, "the stranger's certificate is refused", func() bool { return counted(stranger.Counters)["hep.send.retries"] > 0 })
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	s := NewSender(SendConfig{Over: "tls", Address: ln.Addr().String(), TLS: &tls.Config{RootCAs: pool}, Clock: soon{}})
	running(t, s)
	m := sample()
	s.Send(&m)
	if b := <-got; !Is(b) {
		t.Errorf("got %q", b)
	}
	if stranger.Connected() {
		t.Error("connected to a server that nobody vouches for")
	}
}

func TestTheSenderNeverWaitsAndConnectsAgain(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close() // nobody is there yet
	s := NewSender(SendConfig{Over: "tcp", Address: address, MaxQueued: 10, Clock: soon{}})
	running(t, s)
	m := sample()
	begin := time.Now()
	for range 100 {
		s.Send(&m)
	}
	if d := time.Since(begin); d > time.Second {
		t.Errorf("sending to nobody took %v", d)
	}
	if n := counted(s.Counters); n["hep.send.dropped.queue"] != 90 {
		t.Errorf("counters %v", n)
	}
	for range 2 { // the first receiver goes away, the next one is found
		l, err := Listen(ListenConfig{Address: address, TCPOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		until(t, "it is connected", func() bool { s.Send(&m); return counted(l.Counters)["hep.listen.tcp"] > 10 })
		l.Close()
		until(t, "it has seen the end", func() bool { return !s.Connected() })
	}
}

func TestAReceiverThatDoesNotReadCostsMessagesNotMemory(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	s := NewSender(SendConfig{Over: "tcp", Address: ln.Addr().String(), QueueBytes: 1 << 20})
	stop := running(t, s)
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	m := sample()
	m.Payload = make([]byte, 60_000)
	until(t, "messages are dropped", func() bool {
		for range 100 {
			s.Send(&m)
		}
		return counted(s.Counters)["hep.send.dropped.queue"] > 100
	})
	if q := s.queued.Load(); q > 1<<20 {
		t.Errorf("%d bytes wait", q)
	}
	begin := time.Now()
	stop()
	if d := time.Since(begin); d > 2*lastTimeout {
		t.Errorf("it took %v to stop", d)
	}
	c.Close()
}

func TestSendingAllocatesNothing(t *testing.T) {
	s := NewSender(SendConfig{Over: "udp", Key: "hunter2", Node: "pbx-1"})
	m := sample()
	if n := testing.AllocsPerRun(100, func() {
		s.Send(&m)
		s.recycle(<-s.queue)
	}); n != 0 {
		t.Errorf("%v allocations a message", n)
	}
}

func TestMessagesTooLargeAreCounted(t *testing.T) {
	s := NewSender(SendConfig{Over: "udp"})
	m := sample()
	m.Payload = make([]byte, maxWrapped-100)
	s.Send(&m)
	m.Payload = make([]byte, MaxMessage)
	s.Send(&m)
	if n := counted(s.Counters); n["hep.send.dropped.size"] != 2 || len(s.queue) != 0 {
		t.Errorf("counters %v", n)
	}
}

func TestNobodyAtAUDPAddressIsCountedAndTried(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	s := NewSender(SendConfig{Over: "udp", Address: c.LocalAddr().String()})
	running(t, s)
	m := sample()
	until(t, "refused messages are counted", func() bool { s.Send(&m); return counted(s.Counters)["hep.send.lost"] > 1 })
}

func TestCountersAreDocumented(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "counters.md"))
	if err != nil {
		t.Fatal(err)
	}
	l, s := &Listener{}, &Sender{}
	for _, v := range []interface{ Add(uint64) uint64 }{
		&l.count.udp, &l.count.tcp, &l.count.format, &l.count.key, &l.count.size, &l.count.full, &l.count.conns, &l.count.refused, &l.count.slow, &l.count.failed,
		&s.sent, &s.full, &s.size, &s.lost, &s.try,
	} {
		v.Add(1)
	}
	n := counted(l.Counters)
	for name := range counted(s.Counters) {
		n[name] = 1
	}
	if len(n) != 15 {
		t.Errorf("%d counters: %v", len(n), n)
	}
	for name := range n {
		if !bytes.Contains(doc, []byte("| `"+name+"` |")) {
			t.Errorf("%s is not in docs/counters.md", name)
		}
	}
}
