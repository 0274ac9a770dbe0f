package hep

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"voiptop/sensord/internal/capture"
)

// SendConfig says where a Sender sends to. The zero value of each bound means its default.
type SendConfig struct {
	Over    string // udp, tcp or tls
	Address string // host:port
	Agent   uint32 // capture agent id
	Node    string // name of the capturing node; "" is not sent
	Key     string // authentication key; "" is not sent
	TLS     *tls.Config
	Clock   capture.Clock
	Log     *slog.Logger

	MaxQueued  int // messages that wait to be sent; 8192
	QueueBytes int // their bytes; 32 MiB
}

// Sender sends messages to a Homer, or whoever takes HEP3. Send never waits: what cannot be sent is counted. Run does the
// sending.
type Sender struct {
	cfg   SendConfig
	key   []byte // nil: none
	node  []byte // nil: none
	queue chan []byte
	free  chan []byte

	connected                   atomic.Bool
	queued                      atomic.Int64 // bytes
	waiting                     atomic.Int64 // messages queued, or written and not yet given to the network
	sent, full, size, lost, try atomic.Uint64
}

// NewSender makes a Sender. It connects when it runs.
func NewSender(cfg SendConfig) *Sender {
	if cfg.MaxQueued <= 0 {
		cfg.MaxQueued = 8192
	}
	if cfg.QueueBytes <= 0 {
		cfg.QueueBytes = 32 << 20
	}
	if cfg.Clock == nil {
		cfg.Clock = capture.SystemClock{}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Sender{cfg: cfg, queue: make(chan []byte, cfg.MaxQueued), free: make(chan []byte, 256)}
	if cfg.Key != "" {
		s.key = []byte(cfg.Key)
	}
	if cfg.Node != "" {
		s.node = []byte(cfg.Node)
	}
	return s
}

// Send queues m, with the agent's id, name and key. m and what it points to are not used after it returns. Any goroutine
// may call it.
func (s *Sender) Send(m *Message) {
	c := *m
	c.Agent, c.Key, c.Node = s.cfg.Agent, s.key, s.node
	var b []byte
	select {
	case b = <-s.free:
	default:
	}
	b, err := Append(b[:0], &c)
	if err != nil || s.cfg.Over == "udp" && len(b) > maxWrapped {
		s.size.Add(1)
		return
	}
	if int(s.queued.Load())+len(b) > s.cfg.QueueBytes {
		s.full.Add(1)
		return
	}
	s.queued.Add(int64(len(b)))
	s.waiting.Add(1)
	select {
	case s.queue <- b:
	default:
		s.queued.Add(-int64(len(b)))
		s.waiting.Add(-1)
		s.full.Add(1)
		s.recycle(b)
	}
}

// recycle keeps small buffers for the next messages.
func (s *Sender) recycle(b []byte) {
	if cap(b) > 8<<10 {
		return
	}
	select {
	case s.free <- b:
	default:
	}
}

// Own reports whether m was sent by this sender, and has come back.
func (s *Sender) Own(m *Message) bool {
	return m.Version == 3 && m.Agent == s.cfg.Agent && string(m.Node) == s.cfg.Node
}

// Counters calls f with everything that was counted and is not zero. Names are those of docs/counters.md.
func (s *Sender) Counters(f func(name string, n uint64)) {
	for _, v := range []struct {
		name string
		n    *atomic.Uint64
	}{
		{"hep.send.messages", &s.sent},
		{"hep.send.dropped.queue", &s.full},
		{"hep.send.dropped.size", &s.size},
		{"hep.send.lost", &s.lost},
		{"hep.send.retries", &s.try},
	} {
		if n := v.n.Load(); n > 0 {
			f(v.name, n)
		}
	}
}

// Waits between two attempts to connect, and for one to succeed or a write to be taken.
const (
	firstWait    = time.Second
	longestWait  = 30 * time.Second
	dialTimeout  = 10 * time.Second
	writeTimeout = 10 * time.Second
	lastTimeout  = 2 * time.Second // for what is queued, when it is stopped
)

// Run connects and sends until ctx ends, and connects again when the connection is lost. What is still queued when ctx
// ends is sent if there is a connection that takes it at once.
func (s *Sender) Run(ctx context.Context) error {
	wait := firstWait
	for {
		c, err := s.dial(ctx)
		if err == nil {
			s.cfg.Log.Info("hep: sending", "over", s.cfg.Over, "to", s.cfg.Address)
			wait = firstWait
			s.connected.Store(true)
			err = s.pump(ctx, c)
			s.connected.Store(false)
			c.Close()
		}
		if ctx.Err() != nil {
			return nil
		}
		s.try.Add(1)
		s.cfg.Log.Warn("hep: not sending", "over", s.cfg.Over, "to", s.cfg.Address, "err", err, "again_in", wait)
		select {
		case <-ctx.Done():
			return nil
		case <-s.cfg.Clock.After(wait/2 + rand.N(wait/2)):
		}
		wait = min(2*wait, longestWait)
	}
}

// done counts messages that do not wait any more.
func (s *Sender) done(how *atomic.Uint64, n uint64) {
	how.Add(n)
	s.waiting.Add(-int64(n))
}

// Waiting is how many messages are still to be sent.
func (s *Sender) Waiting() int { return int(s.waiting.Load()) }

// Connected reports whether messages go out; over UDP that means that there is an address to send them to.
func (s *Sender) Connected() bool { return s.connected.Load() }

func (s *Sender) dial(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	if s.cfg.Over != "tls" {
		c, err := d.DialContext(ctx, s.cfg.Over, s.cfg.Address)
		if err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
		return c, nil
	}
	ctx, stop := context.WithTimeout(ctx, dialTimeout)
	defer stop()
	c, err := (&tls.Dialer{NetDialer: &d, Config: s.cfg.TLS}).DialContext(ctx, "tcp", s.cfg.Address)
	if err != nil {
		return nil, fmt.Errorf("connect with TLS: %w", err)
	}
	return c, nil
}

var errClosed = errors.New("the other side has closed the connection")

// pump sends what is queued until ctx ends or the connection breaks.
func (s *Sender) pump(ctx context.Context, c net.Conn) error {
	if s.cfg.Over == "udp" {
		return s.pumpUDP(ctx, c)
	}
	gone := make(chan struct{})
	go func() { // nothing comes back but the end
		_, _ = io.Copy(io.Discard, c)
		close(gone)
	}()
	defer func() {
		c.Close()
		<-gone
	}()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastTimeout, func() { c.Close() }) })()
	w := bufio.NewWriterSize(c, 32<<10)
	unflushed := uint64(0)
	flush := func() error {
		err := w.Flush()
		if err == nil {
			s.done(&s.sent, unflushed)
			unflushed = 0
		}
		return err
	}
	write := func(b []byte) error {
		s.queued.Add(-int64(len(b)))
		unflushed++
		err := c.SetWriteDeadline(time.Now().Add(writeTimeout))
		if err == nil {
			_, err = w.Write(b)
		}
		s.recycle(b)
		if err == nil && len(s.queue) == 0 {
			err = flush()
		}
		if err != nil {
			s.done(&s.lost, unflushed)
			return fmt.Errorf("send: %w", err)
		}
		return nil
	}
	for {
		select {
		case b := <-s.queue:
			if err := write(b); err != nil {
				return err
			}
		case <-gone:
			return errClosed
		case <-ctx.Done():
			for len(s.queue) > 0 {
				if err := write(<-s.queue); err != nil {
					return err
				}
			}
			return nil
		}
	}
}

// pumpUDP sends datagrams. That nobody takes them, an ICMP message tells with the next one at best; they go on being sent.
func (s *Sender) pumpUDP(ctx context.Context, c net.Conn) error {
	failing := false
	send := func(b []byte) {
		s.queued.Add(-int64(len(b)))
		_, err := c.Write(b)
		s.recycle(b)
		if err == nil {
			s.done(&s.sent, 1)
			return
		}
		s.done(&s.lost, 1)
		if !failing {
			failing = true
			s.cfg.Log.Warn("hep: a message could not be sent; further ones are only counted", "to", s.cfg.Address, "err", err)
		}
	}
	for {
		select {
		case b := <-s.queue:
			send(b)
		case <-ctx.Done():
			for len(s.queue) > 0 {
				send(<-s.queue)
			}
			return nil
		}
	}
}
