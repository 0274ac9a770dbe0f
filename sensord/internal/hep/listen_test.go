package hep

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/decode"
)

func listen(t *testing.T, cfg ListenConfig) *Listener {
	t.Helper()
	if cfg.Address == "" {
		cfg.Address = "127.0.0.1:0"
	}
	l, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func dial(t *testing.T, network string, to netip.AddrPort) net.Conn {
	t.Helper()
	c, err := net.Dial(network, to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func write(t *testing.T, c net.Conn, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

// next waits for the next packet, and takes it apart as the engine does.
func next(t *testing.T, s capture.Source) (Message, *decode.Datagram, capture.Packet) {
	t.Helper()
	var p capture.Packet
	for end := time.Now().Add(10 * time.Second); ; {
		err := s.Next(&p)
		if err == nil {
			break
		}
		if !errors.Is(err, capture.ErrIdle) || time.Now().After(end) {
			t.Fatalf("no packet: %v", err)
		}
	}
	var got *decode.Datagram
	decode.New(decode.Config{}, handler(func(d *decode.Datagram) {
		c := *d
		got = &c
	})).Packet(&p)
	if got == nil {
		t.Fatalf("packet %x of link %d holds no datagram", p.Data, p.Link)
	}
	var m Message
	if err := m.Parse(got.Payload); err != nil {
		t.Fatalf("%v in %q", err, got.Payload)
	}
	return m, got, p
}

type handler func(*decode.Datagram)

func (h handler) Datagram(d *decode.Datagram) { h(d) }

func counted(f func(func(string, uint64))) map[string]uint64 {
	n := map[string]uint64{}
	f(func(name string, v uint64) { n[name] = v })
	return n
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came that %s", what)
		}
	}
}

func TestMessagesComeOutOfTheListenerAsPackets(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		l := listen(t, ListenConfig{Address: address})
		msg := build(t, sample())
		for _, network := range []string{"udp", "tcp"} {
			c := dial(t, network, l.Addr())
			before := time.Now()
			write(t, c, msg)
			m, d, p := next(t, l)
			if string(m.Payload) != invite || !bytes.Equal(d.Payload, msg) {
				t.Errorf("%s: got %q", network, d.Payload)
			}
			if d.Src.String() != c.LocalAddr().String() || d.Dst.String() != l.Addr().String() || d.Transport != decode.UDP {
				t.Errorf("%s: from %s to %s", network, d.Src, d.Dst)
			}
			if at := time.Unix(0, p.Time); at.Before(before) || at.After(time.Now()) || p.Length != len(p.Data) {
				t.Errorf("%s: packet %+v", network, p)
			}
		}
		if n := counted(l.Counters); n["hep.listen.udp"] != 1 || n["hep.listen.tcp"] != 1 || len(n) != 3 {
			t.Errorf("counters %v", n)
		}
		if s := l.Stats(); s.Packets != 2 || len(s.Inputs) != 1 || s.Inputs[0] != "hep udp+tcp "+l.Addr().String() {
			t.Errorf("stats %+v", s)
		}
	}
}

func TestOneConnectionCarriesManyMessagesHoweverTheyAreSplit(t *testing.T) {
	l := listen(t, ListenConfig{})
	c := dial(t, "tcp", l.Addr())
	const n = 50
	var all []byte
	for i := range n {
		m := sample()
		m.Correlation = fmt.Appendf(nil, "%d", i)
		m.Payload = bytes.Repeat([]byte{byte('a' + i%26)}, 1+i*700)
		all = append(all, build(t, m)...)
	}
	go func() {
		for len(all) > 0 {
			k := min(1999, len(all))
			if _, err := c.Write(all[:k]); err != nil {
				return
			}
			all = all[k:]
		}
	}()
	for i := range n {
		m, _, _ := next(t, l)
		if string(m.Correlation) != fmt.Sprint(i) || len(m.Payload) != 1+i*700 {
			t.Fatalf("message %d: %q, %d bytes", i, m.Correlation, len(m.Payload))
		}
	}
}

func TestWhatIsNoHEPIsDroppedAndCounted(t *testing.T) {
	l := listen(t, ListenConfig{Key: "hunter2"})
	udp := dial(t, "udp", l.Addr())
	write(t, udp, []byte(invite)) // plain SIP
	m := sample()
	m.Key = []byte("hunter")
	write(t, udp, build(t, m))
	m.Key = nil
	write(t, udp, build(t, m))
	write(t, udp, []byte("\x01\x10\x02\x11\x13\xc4\x13\xce\xc0\x00\x02\x01\xc0\x00\x02\x02"+invite)) // has no key at all
	tcp := dial(t, "tcp", l.Addr())
	write(t, tcp, []byte("GET / HTTP/1.1\r\n\r\n"))
	until(t, "the HTTP client is sent away", func() bool {
		tcp.SetReadDeadline(time.Now().Add(time.Second))
		_, err := tcp.Read(make([]byte, 1))
		return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
	})
	large := sample()
	large.Payload = make([]byte, MaxMessage-300)
	b := build(t, large)
	write(t, dial(t, "tcp", l.Addr()), b)
	write(t, udp, build(t, sample()))
	until(t, "all is counted", func() bool { n := counted(l.Counters); return n["hep.listen.udp"] == 5 && n["hep.listen.tcp"] == 1 })
	if got, _, _ := next(t, l); string(got.Key) != "hunter2" || len(got.Payload) > 1000 && len(b) > maxWrapped {
		t.Errorf("got %d bytes with key %q", len(got.Payload), got.Key)
	}
	n := counted(l.Counters)
	if n["hep.listen.dropped.format"] != 2 || n["hep.listen.dropped.key"] != 3 {
		t.Errorf("counters %v", n)
	}
}

func TestAMessageTooLargeForAPacketIsDropped(t *testing.T) {
	l := listen(t, ListenConfig{TCPOnly: true})
	m := sample()
	m.Payload = make([]byte, MaxMessage-len(build(t, sample()))+len(m.Payload))
	c := dial(t, "tcp", l.Addr())
	write(t, c, build(t, m))
	write(t, c, build(t, sample()))
	if got, _, _ := next(t, l); string(got.Payload) != invite {
		t.Errorf("got %d bytes", len(got.Payload))
	}
	if n := counted(l.Counters); n["hep.listen.dropped.size"] != 1 || n["hep.listen.udp"] != 0 {
		t.Errorf("counters %v", n)
	}
	if u, err := net.Dial("udp", l.Addr().String()); err == nil {
		u.Write(build(t, sample()))
		u.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		if _, err := u.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("UDP is taken though only TCP was asked for")
		}
		u.Close()
	}
}

func TestAFullQueueDropsAndKeepsWhatItHas(t *testing.T) {
	msg := build(t, sample())
	for name, cfg := range map[string]ListenConfig{"messages": {MaxQueued: 4}, "bytes": {QueueBytes: 4*len(msg) + 1}} {
		l := listen(t, cfg)
		c := dial(t, "tcp", l.Addr())
		for range 10 {
			write(t, c, msg)
		}
		until(t, "all have come", func() bool { return counted(l.Counters)["hep.listen.tcp"] == 10 })
		until(t, "what is too much is dropped", func() bool { return counted(l.Counters)["hep.listen.dropped.queue"] == 6 })
		for range 4 {
			next(t, l)
		}
		var p capture.Packet
		if err := l.Next(&p); !errors.Is(err, capture.ErrIdle) || p.Time == 0 {
			t.Errorf("%s: after the last one: %v at %d", name, err, p.Time)
		}
		write(t, c, msg)
		next(t, l)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	l := listen(t, ListenConfig{MaxConns: 2, SlowTime: 50 * time.Millisecond})
	slow, idle := dial(t, "tcp", l.Addr()), dial(t, "tcp", l.Addr())
	write(t, slow, build(t, sample())[:20]) // and never the rest
	until(t, "two are connected", func() bool { return counted(l.Counters)["hep.listen.connections"] == 2 })
	third := dial(t, "tcp", l.Addr())
	third.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := third.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the third connection: %v", err)
	}
	until(t, "the slow one is closed", func() bool { return counted(l.Counters)["hep.listen.connections.slow"] == 1 })
	write(t, idle, build(t, sample()))
	next(t, l)
	write(t, dial(t, "tcp", l.Addr()), build(t, sample()))
	next(t, l)
	if n := counted(l.Counters); n["hep.listen.connections.refused"] != 1 || n["hep.listen.connections"] != 3 {
		t.Errorf("counters %v", n)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var p capture.Packet
	if err := l.Next(&p); !errors.Is(err, capture.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestATakenPortSaysWhatToDo(t *testing.T) {
	l := listen(t, ListenConfig{})
	if _, err := Listen(ListenConfig{Address: l.Addr().String()}); err == nil || !strings.Contains(err.Error(), "hep_bind_port") {
		t.Errorf("got %v", err)
	}
}

// wire is a source that waits like an interface, and can be woken.
type wire struct {
	packets chan capture.Packet
	wake    chan struct{}
	closed  chan struct{}
	waits   time.Duration
}

func (w *wire) Next(p *capture.Packet) error {
	select {
	case *p = <-w.packets:
		return nil
	default:
	}
	select {
	case *p = <-w.packets:
		return nil
	case <-w.wake:
		return capture.ErrIdle
	case <-w.closed:
		return capture.ErrClosed
	case <-time.After(w.waits):
		return capture.ErrIdle
	}
}

func (w *wire) Wake() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *wire) Stats() capture.Stats {
	return capture.Stats{Packets: 7, Inputs: []string{"eth0", "eth1"}}
}

func (w *wire) Close() error {
	close(w.closed)
	return nil
}

func TestMessagesAndPacketsComeOutOfOneSource(t *testing.T) {
	w := &wire{packets: make(chan capture.Packet, 100), wake: make(chan struct{}, 1), closed: make(chan struct{}), waits: time.Hour}
	l := listen(t, ListenConfig{Log: slog.New(slog.DiscardHandler)})
	s := Beside(w, l)
	c := dial(t, "tcp", l.Addr())
	msg := build(t, sample())
	var p capture.Packet

	// A wire that is silent for an hour holds no message up.
	for range 3 {
		sent := time.AfterFunc(20*time.Millisecond, func() { c.Write(msg) })
		for errors.Is(s.Next(&p), capture.ErrIdle) {
		}
		sent.Stop()
		if p.Iface != 2 || p.Link != capture.LinkRaw {
			t.Fatalf("packet %+v", p)
		}
	}

	// Neither starves the other.
	for i := range 50 {
		w.packets <- capture.Packet{Time: int64(i)}
	}
	for range 200 {
		write(t, c, msg)
	}
	until(t, "all messages are there", func() bool { return len(l.queue) == 200 })
	fromWire, lastOfWire := 0, 0
	for i := range 250 {
		for errors.Is(s.Next(&p), capture.ErrIdle) {
		}
		if p.Iface == 0 {
			fromWire++
			lastOfWire = i
		}
	}
	if fromWire != 50 || lastOfWire < 100 {
		t.Errorf("%d packets of the wire, the last in place %d", fromWire, lastOfWire)
	}
	if st := s.Stats(); st.Packets != 7+203 || len(st.Inputs) != 3 {
		t.Errorf("stats %+v", st)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var closed error
	for closed = capture.ErrIdle; errors.Is(closed, capture.ErrIdle); { // it may have been woken before
		closed = s.Next(&p)
	}
	if !errors.Is(closed, capture.ErrClosed) {
		t.Errorf("after Close: %v", closed)
	}
}

func TestAWaitForMessagesCanBeEnded(t *testing.T) {
	l := listen(t, ListenConfig{})
	var p capture.Packet
	l.Wake()
	begin := time.Now()
	for range 2 { // woken, and then by itself
		if err := l.Next(&p); !errors.Is(err, capture.ErrIdle) {
			t.Fatal(err)
		}
		if p.Time < begin.UnixNano() {
			t.Errorf("idle at %d, which was before it began", p.Time)
		}
	}
	if d := time.Since(begin); d < idleAfter || d > 10*idleAfter {
		t.Errorf("two waits took %v, want one of %v", d, idleAfter)
	}
}

// BenchmarkListener is the way of a message over a TCP connection into a packet.
func BenchmarkListener(b *testing.B) {
	l, err := Listen(ListenConfig{Address: "127.0.0.1:0"})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	const batch = 32
	msg := bytes.Repeat(build(b, sample()), batch)
	var p capture.Packet
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%batch == 0 {
			if _, err := c.Write(msg); err != nil {
				b.Fatal(err)
			}
		}
		for l.Next(&p) != nil {
		}
	}
}
