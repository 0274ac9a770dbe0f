package tlsdec

import (
	"container/list"

	"voiptop/sensord/internal/decode"
)

// epoch is which keys protect a direction's records.
type epoch uint8

const (
	inClear epoch = iota
	inHandshake
	inApplication // TLS 1.2: after ChangeCipherSpec
)

// conn is a connection.
type conn struct {
	table   *Table
	halves  [2]half // the one that was seen first, the other
	missing pair    // the stream that was not seen yet
	use     *list.Element

	client      *half // nil until its ClientHello has been read
	clientHello hello
	random      random
	skipped     int // bytes of early data
	server      hello
	suite       *suite // nil until the ServerHello has been read
	v13         bool
	origin      *random // TLS 1.2: of the connection that made the secret; see resume

	held     []decode.Datagram // of both directions, in order; see hold
	heldSize int
	waiting  *list.Element
	since    int64
	progress bool // what is held may be readable now
	size     int  // as accounted in table.bytes
	opened   bool // a record has been read
	dead     bool
}

// half is one direction of a connection.
type half struct {
	stream     uint64
	seen, gone bool
	out        Stream
	buf        []byte // a record whose end has not come
	messages   messages
	epoch      epoch
	key        *opener // nil until the first record of the epoch
	traffic    []byte  // TLS 1.3: the secret of key
	seq        uint64  // number of the next record
	blocked    bool    // waits for the other direction, or for a secret
	gap        bool    // content is missing before the next record
	lost       bool    // it is not known where and which the next record is
	trials     []trial
	budget     int // bytes that may be decrypted in search of it
}

func (h *half) start(d *decode.Datagram, out Stream) {
	h.stream, h.seen, h.out, h.budget = d.Stream, true, out, searchBudget
}

func (c *conn) half(stream uint64) *half {
	if c.halves[0].stream == stream {
		return &c.halves[0]
	}
	return &c.halves[1]
}

// run takes the next bytes of a direction. What comes after a record that cannot be read yet stays in h.buf, and d is
// held in its place.
func (c *conn) run(h *half, d *decode.Datagram) {
	if d.Gap && !d.Fresh {
		h.buf = h.buf[:0]
		h.lose()
	}
	b := d.Payload
	if len(h.buf) > 0 {
		h.buf = append(h.buf, b...)
		b = h.buf
	}
	for more := true; more && !c.dead; {
		n := 0
		switch {
		case h.lost:
			n, more = c.search(h, b)
		default:
			if n = cutRecord(b); n > 0 {
				n = c.record(h, d, b[:n])
				more = n > 0
			} else if more = n < 0; more {
				n = 0
				c.derailed(h)
			}
		}
		b = b[n:]
	}
	if c.dead {
		return
	}
	switch {
	case len(b) == 0 && cap(h.buf) > 2048:
		h.buf = nil
	case len(b) != len(h.buf): // else nothing was taken of it
		h.buf = append(h.buf[:0], b...)
	}
	if h.blocked {
		c.hold(h, d, nil)
	}
}

// derailed: what follows in a direction is no record.
func (c *conn) derailed(h *half) {
	if c.suite == nil {
		c.fail(malformed)
		return
	}
	h.lose()
}

// record takes a record and answers how many bytes of it are done with. 0 means that it cannot be read yet: h is blocked.
func (c *conn) record(h *half, d *decode.Datagram, b []byte) int {
	kind := b[0]
	if h.epoch == inClear {
		switch {
		case kind == handshake:
			if !h.messages.feed(b[headLen:], func(kind uint8, body []byte) bool { return c.hello(h, kind, body) }) && !c.dead {
				c.fail(malformed)
			}
			return len(b)
		case kind == alert:
			return len(b)
		case kind == changeCipherSpec && c.v13:
			return len(b)
		case c.suite == nil || c.client == nil:
			h.blocked = true
			return 0
		case kind == changeCipherSpec:
			h.enter(inApplication)
			return len(b)
		case !c.v13:
			c.fail(malformed)
			return len(b)
		}
		h.enter(inHandshake)
	}
	switch {
	case c.v13 && kind != applicationData: // for the sake of middleboxes, RFC 8446 appendix D.4
		return len(b)
	case kind == changeCipherSpec:
		c.fail(renegotiated)
		return len(b)
	case h.key == nil && !c.unlock(h):
		h.blocked = true
		return 0
	}
	plain, kind, ok := h.key.open(c.table.scratch[:], b, h.seq)
	if !ok {
		return c.unreadable(h, len(b))
	}
	h.seq++
	c.content(h, d, kind, plain)
	return len(b)
}

// hello takes a handshake message in clear. It answers false when the connection was given up.
func (c *conn) hello(h *half, kind uint8, body []byte) bool {
	switch kind {
	case clientHello:
		p, ok := parseClientHello(body)
		if !ok || c.client != nil && c.client != h {
			c.fail(malformed)
			return false
		}
		if c.client == nil {
			c.client, c.clientHello, c.random, c.progress = h, p, p.random, true
			c.resume()
		}
	case serverHello:
		p, ok := parseServerHello(body)
		if !ok || c.client == h {
			c.fail(malformed)
			return false
		}
		if c.suite != nil {
			return true
		}
		if p.retry {
			c.v13 = true
			return true
		}
		switch c.server = p; p.version {
		case version13:
			c.v13, c.suite = true, suites13[p.suite]
		case version12:
			c.suite = suites12[p.suite]
		default:
			c.fail(badVersion)
			return false
		}
		if c.suite == nil || p.compressed {
			c.fail(badSuite)
			return false
		}
		c.progress = true
		c.resume()
	case sessionTicket:
		c.ticketed(body)
	}
	return true
}

// enter goes on to the next keys.
func (h *half) enter(e epoch) {
	h.epoch, h.key, h.traffic, h.seq = e, nil, nil, 0
	h.messages.reset()
}

// maxEarly is how much early data is passed over: more than any server takes.
const maxEarly = 1 << 20

// unreadable decides what to do about a record of n bytes that does not open, and answers how many of them are done with.
func (c *conn) unreadable(h *half, n int) int {
	switch {
	case c.clientHello.early && h == c.client && h.epoch == inHandshake && h.seq == 0 && c.skipped < maxEarly: // under the early traffic secret
		c.table.count[earlyData]++
		c.skipped += n
		return n
	case h.seq == 0 && !h.gap:
		c.fail(wrongKey)
		return n
	}
	h.lose()
	return 1
}

// content takes what a record held.
func (c *conn) content(h *half, d *decode.Datagram, kind uint8, b []byte) {
	if !c.opened {
		c.opened = true
		c.table.count[decrypted]++
	}
	switch {
	case kind == applicationData && h.epoch == inApplication:
		gap := h.gap
		h.gap = false
		if len(b) > 0 && !h.out.Plain(d, b, gap) {
			c.fail(unwanted)
		}
	case kind == handshake && c.v13:
		ok := h.messages.feed(b, func(kind uint8, _ []byte) bool {
			switch {
			case kind == finished && h.epoch == inHandshake:
				h.enter(inApplication)
			case kind == keyUpdate && h.epoch == inApplication: // RFC 8446 section 7.2
				h.key, h.traffic = c.updated(h.traffic)
				h.seq = 0
			}
			return true
		})
		if !ok {
			h.messages.reset()
		}
	}
}
