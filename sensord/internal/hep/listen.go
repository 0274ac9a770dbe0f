package hep

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/decode"
)

// ListenConfig says what a Listener listens on. The zero value of each bound means its default.
type ListenConfig struct {
	Address string // host:port, for UDP and TCP
	TCPOnly bool
	Key     string // authentication key that messages must have; "": none is asked for
	Clock   capture.Clock
	Log     *slog.Logger

	MaxConns   int           // TCP connections at a time; 256
	MaxQueued  int           // messages that wait to be analysed; 8192
	QueueBytes int           // their bytes; 32 MiB
	IdleTime   time.Duration // after which a connection that says nothing is closed; 15 min
	SlowTime   time.Duration // in which a message that has begun must be complete; 30 s
}

func (c ListenConfig) withDefaults() ListenConfig {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&c.MaxConns, 256)
	def(&c.MaxQueued, 8192)
	def(&c.QueueBytes, 32<<20)
	if c.IdleTime <= 0 {
		c.IdleTime = 15 * time.Minute
	}
	if c.SlowTime <= 0 {
		c.SlowTime = 30 * time.Second
	}
	if c.Clock == nil {
		c.Clock = capture.SystemClock{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Listener takes HEP from SIP servers and capture agents. It is a capture.Source: a packet is an IP and UDP header with
// the message behind it as it came, also when it came over TCP, so that the engine finds HEP in it as it does in a capture.
type Listener struct {
	cfg   ListenConfig
	key   [sha256.Size]byte
	name  string
	udp   *net.UDPConn // nil: TCP only
	tcp   net.Listener
	queue chan *received
	free  chan *received
	wake  atomic.Pointer[func()] // called when a message was queued
	wrap  Wrapper

	roused chan struct{}
	lent   *received
	timer  *time.Timer
	count  listenCounts

	stop context.CancelFunc
	ctx  context.Context
	work sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// received is a message on its way to the reader.
type received struct {
	b        []byte
	src, dst decode.Endpoint
	at       int64 // nanoseconds since the epoch
}

// Listen opens the sockets and begins to take messages. What is not fetched with Next waits, up to a bound.
func Listen(cfg ListenConfig) (*Listener, error) {
	cfg = cfg.withDefaults()
	l := &Listener{
		cfg: cfg, key: sha256.Sum256([]byte(cfg.Key)), conns: map[net.Conn]struct{}{},
		queue: make(chan *received, cfg.MaxQueued), free: make(chan *received, 256), roused: make(chan struct{}, 1),
		timer: time.NewTimer(time.Hour),
	}
	var err error
	if l.tcp, err = net.Listen("tcp", cfg.Address); err != nil {
		return nil, fmt.Errorf("hep: %w; name another hep_bind_port or hep_bind_ip", err)
	}
	over := "tcp"
	if !cfg.TCPOnly {
		over = "udp+tcp"
		at := net.UDPAddrFromAddrPort(l.tcp.Addr().(*net.TCPAddr).AddrPort()) // the same port, also if it was 0
		if l.udp, err = net.ListenUDP("udp", at); err != nil {
			l.tcp.Close()
			return nil, fmt.Errorf("hep: %w; name another hep_bind_port or hep_bind_ip", err)
		}
		if err := l.udp.SetReadBuffer(4 << 20); err != nil {
			cfg.Log.Warn("hep: the receive buffer stays small", "err", err)
		}
	}
	l.name = "hep " + over + " " + l.tcp.Addr().String()
	l.ctx, l.stop = context.WithCancel(context.Background())
	l.work.Add(1)
	go l.accept()
	if l.udp != nil {
		l.work.Add(1)
		go l.readUDP()
	}
	return l, nil
}

// Addr is where the listener listens.
func (l *Listener) Addr() netip.AddrPort { return l.tcp.Addr().(*net.TCPAddr).AddrPort() }

func (l *Listener) readUDP() {
	defer l.work.Done()
	buf := make([]byte, 1<<16)
	local := l.udp.LocalAddr().(*net.UDPAddr).AddrPort()
	for {
		n, from, err := l.udp.ReadFromUDPAddrPort(buf)
		switch {
		case l.ctx.Err() != nil:
			return
		case err != nil:
			l.count.failed.Add(1)
			if l.pause(10 * time.Millisecond) {
				return
			}
			continue
		}
		l.count.udp.Add(1)
		l.take(buf[:n], from, local)
	}
}

func (l *Listener) accept() {
	defer l.work.Done()
	for {
		c, err := l.tcp.Accept()
		switch {
		case l.ctx.Err() != nil:
			if err == nil {
				c.Close()
			}
			return
		case err != nil:
			l.count.failed.Add(1) // out of descriptors, say: others may be given back
			if l.pause(100 * time.Millisecond) {
				return
			}
			continue
		}
		l.mu.Lock()
		full := len(l.conns) >= l.cfg.MaxConns
		if !full {
			l.conns[c] = struct{}{}
		}
		l.mu.Unlock()
		if full {
			l.count.refused.Add(1)
			c.Close()
			continue
		}
		l.count.conns.Add(1)
		l.work.Add(1)
		go l.serve(c)
	}
}

// pause waits, and says whether the listener was closed meanwhile.
func (l *Listener) pause(d time.Duration) bool {
	select {
	case <-l.ctx.Done():
		return true
	case <-l.cfg.Clock.After(d):
		return false
	}
}

func (l *Listener) serve(c net.Conn) {
	defer l.work.Done()
	err := l.read(c)
	l.mu.Lock()
	delete(l.conns, c)
	l.mu.Unlock()
	c.Close()
	var slow net.Error
	switch {
	case l.ctx.Err() != nil, errors.Is(err, io.EOF):
		return
	case errors.As(err, &slow) && slow.Timeout():
		l.count.slow.Add(1)
	case errors.Is(err, ErrNotHEP), errors.Is(err, ErrChunk):
		l.count.format.Add(1)
	default:
		l.count.failed.Add(1)
	}
	l.cfg.Log.Info("hep: connection closed", "peer", c.RemoteAddr(), "err", err)
}

// read takes messages from a connection until it ends. A connection that is not at the start of a message cannot be
// trusted any more.
func (l *Listener) read(c net.Conn) error {
	from := c.RemoteAddr().(*net.TCPAddr).AddrPort()
	local := c.LocalAddr().(*net.TCPAddr).AddrPort()
	r := bufio.NewReaderSize(c, 16<<10)
	var buf []byte
	for {
		if err := c.SetReadDeadline(time.Now().Add(l.cfg.IdleTime)); err != nil { // the kernel's clock, whatever ours is
			return fmt.Errorf("set the deadline: %w", err)
		}
		if _, err := r.Peek(1); err != nil {
			return err // io.EOF, the regular end, as it is
		}
		if r.Buffered() < headLen {
			if err := c.SetReadDeadline(time.Now().Add(l.cfg.SlowTime)); err != nil {
				return fmt.Errorf("set the deadline: %w", err)
			}
		}
		h, err := r.Peek(headLen)
		if err != nil {
			return fmt.Errorf("read the head of a message: %w", unexpected(err))
		}
		if !Is(h) {
			return ErrNotHEP
		}
		n := length(h)
		if n < headLen {
			return ErrChunk
		}
		if r.Buffered() < n {
			if err := c.SetReadDeadline(time.Now().Add(l.cfg.SlowTime)); err != nil {
				return fmt.Errorf("set the deadline: %w", err)
			}
		}
		if cap(buf) < n {
			buf = make([]byte, n)
		}
		if _, err := io.ReadFull(r, buf[:n]); err != nil {
			return fmt.Errorf("read a message: %w", unexpected(err))
		}
		l.count.tcp.Add(1)
		l.take(buf[:n], from, local)
	}
}

// unexpected tells an end in the middle of a message from the regular one.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// take checks a message and queues a copy of it, or counts why not.
func (l *Listener) take(b []byte, from, local netip.AddrPort) {
	var m Message
	switch {
	case IsOld(b):
	case m.Parse(b) != nil || m.Cut:
		l.count.format.Add(1)
		return
	}
	if l.cfg.Key != "" {
		if got := sha256.Sum256(m.Key); subtle.ConstantTimeCompare(got[:], l.key[:]) != 1 {
			l.count.key.Add(1)
			return
		}
	}
	if len(b) > maxWrapped {
		l.count.size.Add(1)
		return
	}
	if int(l.count.queued.Load())+len(b) > l.cfg.QueueBytes {
		l.count.full.Add(1)
		return
	}
	var r *received
	select {
	case r = <-l.free:
	default:
		r = &received{}
	}
	r.b = append(r.b[:0], b...)
	r.src, r.dst = decode.EndpointOf(from), decode.EndpointOf(local)
	if local.Addr().IsUnspecified() && isIPv4(r.src) {
		r.dst.IP = [16]byte{10: 0xff, 11: 0xff}
	}
	r.at = l.cfg.Clock.Now().UnixNano()
	l.count.queued.Add(int64(len(b)))
	select {
	case l.queue <- r:
		if wake := l.wake.Load(); wake != nil {
			(*wake)()
		}
	default:
		l.count.queued.Add(-int64(len(b)))
		l.count.full.Add(1)
		l.recycle(r)
	}
}

// recycle keeps small buffers for the next messages.
func (l *Listener) recycle(r *received) {
	if cap(r.b) > 8<<10 {
		return
	}
	select {
	case l.free <- r:
	default:
	}
}
