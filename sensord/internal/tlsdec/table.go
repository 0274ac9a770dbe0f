package tlsdec

import (
	"container/list"

	"voiptop/sensord/internal/decode"
)

// Config bounds a Table. The zero value of each field means its default.
type Config struct {
	MaxConns int   // connections; 8192
	MaxBytes int   // held back of all of them: records whose key or end has not come; 32 MiB
	MaxKeys  int   // connections whose secrets are remembered, those named last, and TLS 1.2 sessions; 65,536
	KeyWait  int64 // nanoseconds that a connection waits for its secrets; 5 s
}

func (c Config) withDefaults() Config {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&c.MaxConns, 8192)
	def(&c.MaxBytes, 32<<20)
	def(&c.MaxKeys, 65536)
	if c.KeyWait <= 0 {
		c.KeyWait = 5e9
	}
	return c
}

// Stream takes the plaintext of one direction of a connection.
type Stream interface {
	// Plain takes the content of a record, in order. d says when and between whom; its Payload is not b, and it has no Packet
	// when it was held back. Both are valid until Plain returns. gap says that content before it is missing. The answer
	// is whether more of the connection is wanted.
	Plain(d *decode.Datagram, b []byte, gap bool) bool
	// Close ends the stream.
	Close()
}

// Table is the connections that are read. Make it with New; it has one user.
type Table struct {
	cfg      Config
	open     func() Stream
	log      *keyLog
	sessions *sessions
	byStream map[uint64]*conn
	pairs    map[pair]*conn // of which one direction was seen, by the other
	byUse    list.List      // of *conn, longest unused first
	waiting  list.List      // of *conn that hold something back, longest waiting first
	bytes    int
	count    [nCounts]uint64
	scratch  [maxRecord]byte
}

type pair struct{ src, dst decode.Endpoint }

// New makes a table. open makes what takes the plaintext of a direction.
func New(cfg Config, open func() Stream) *Table {
	cfg = cfg.withDefaults()
	return &Table{cfg: cfg, open: open, log: newKeyLog(cfg.MaxKeys), sessions: newSessions(cfg.MaxKeys), byStream: map[uint64]*conn{}, pairs: map[pair]*conn{}}
}

// Keys takes whole lines of a key log, and reads what was waiting for them.
func (t *Table) Keys(lines []byte) {
	t.log.add(lines)
	var ready []*conn
	for e := t.waiting.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*conn); c.named() != nil {
			ready = append(ready, c)
		}
	}
	for _, c := range ready {
		c.progress = true
		c.release()
		c.settle()
	}
}

// Feed takes the next bytes of a stream, or its end. It sets d.Ignore when nothing more of the stream can be read, or is
// wanted.
func (t *Table) Feed(d *decode.Datagram) {
	t.Tick(d.Time)
	c := t.byStream[d.Stream]
	switch {
	case d.End:
		if c != nil {
			c.leave(d.Stream)
		}
		return
	case c == nil && !d.Fresh: // its connection was evicted
		d.Ignore = true
		return
	case c == nil:
		c = t.join(d)
	}
	t.byUse.MoveToBack(c.use)
	switch h := c.half(d.Stream); {
	case c.dead:
	case h.blocked:
		c.hold(h, d, d.Payload)
	default:
		c.run(h, d)
	}
	c.release()
	if c.settle(); c.dead {
		d.Ignore = true
		c.leave(d.Stream)
	}
}

// join adds a stream, to the connection whose other direction it is if that was seen.
func (t *Table) join(d *decode.Datagram) *conn {
	c := t.pairs[pair{d.Src, d.Dst}]
	if c != nil {
		delete(t.pairs, pair{d.Src, d.Dst})
		var out Stream
		if !c.dead {
			out = t.open()
		}
		c.halves[1].start(d, out)
		t.byStream[d.Stream] = c
		return c
	}
	for t.byUse.Len() >= t.cfg.MaxConns {
		t.evict()
	}
	c = &conn{table: t, missing: pair{d.Dst, d.Src}}
	c.halves[0].start(d, t.open())
	if old := t.pairs[c.missing]; old != nil { // the same addresses again
		t.remove(old)
	}
	t.byStream[d.Stream], t.pairs[c.missing] = c, c
	c.use = t.byUse.PushBack(c)
	return c
}

// evict forgets the connection that was not used for longest.
func (t *Table) evict() {
	c := t.byUse.Front().Value.(*conn)
	if !c.dead {
		t.count[evicted]++
	}
	t.remove(c)
}

// remove forgets a connection.
func (t *Table) remove(c *conn) {
	c.kill()
	for i := range c.halves {
		if h := &c.halves[i]; h.seen && !h.gone {
			delete(t.byStream, h.stream)
		}
	}
	if t.pairs[c.missing] == c {
		delete(t.pairs, c.missing)
	}
	if c.use != nil {
		t.byUse.Remove(c.use)
		c.use = nil
	}
}

// Tick moves the clock on to now, nanoseconds since the epoch: connections that waited too long for their secrets are given up.
func (t *Table) Tick(now int64) { t.expire(now - t.cfg.KeyWait) }

func (t *Table) expire(since int64) {
	for e := t.waiting.Front(); e != nil && e.Value.(*conn).since < since; e = t.waiting.Front() {
		c := e.Value.(*conn)
		c.fail(c.whyWaiting())
		c.settle()
	}
}

// Close ends all connections: those that still wait are given up.
func (t *Table) Close() {
	t.expire(1<<63 - 1)
	for e := t.byUse.Front(); e != nil; e = t.byUse.Front() {
		t.remove(e.Value.(*conn))
	}
}

// counts by name.
const (
	decrypted = iota
	unwanted
	resynced
	earlyData
	evicted
	noKey
	wrongKey
	noHandshake
	badSuite
	badVersion
	malformed
	renegotiated
	lostTrack
	nCounts
)

var countNames = [nCounts]string{
	"tls.decrypted", "tls.other", "tls.resynced", "tls.early-data", "tls.evicted", "tls.undecrypted.no-key", "tls.undecrypted.wrong-key",
	"tls.undecrypted.handshake", "tls.undecrypted.suite", "tls.undecrypted.version", "tls.undecrypted.malformed",
	"tls.undecrypted.renegotiated", "tls.undecrypted.lost",
}

// Counters calls add with everything that was counted.
func (t *Table) Counters(add func(name string, n uint64)) {
	for i, n := range t.count {
		add(countNames[i], n)
	}
	add("tls.keys.evicted", t.log.evicted)
	add("tls.keys.unparsed", t.log.bad)
}
