package tlsdec

import (
	"bytes"
	"encoding/binary"
)

// Types of handshake messages, RFC 8446 section 4.
const (
	helloRequest  = 0
	clientHello   = 1
	serverHello   = 2
	sessionTicket = 4
	finished      = 20
	keyUpdate     = 24
)

// maxHello is the longest hello that is put together; one with post-quantum keys has some 2 kB.
const maxHello = 64 << 10

// messages cuts handshake messages out of records: type 1 | length 3 | body. They may lie across records, and several
// in one. Only hellos and tickets are held together; of the others the type is what matters.
type messages struct {
	head [4]byte
	have int    // bytes of head
	left int    // bytes of the body to come
	body []byte // of a hello or ticket
}

// feed takes a record's content and calls emit at the end of each message; body is nil but for hellos and tickets. emit answers
// whether to go on. feed answers false if it did not, or if one of those is too long.
func (m *messages) feed(b []byte, emit func(kind uint8, body []byte) bool) bool {
	for len(b) > 0 {
		if m.have < 4 {
			n := copy(m.head[m.have:], b)
			m.have += n
			b = b[n:]
			if m.have < 4 {
				return true
			}
			m.left = int(m.head[1])<<16 | int(m.head[2])<<8 | int(m.head[3])
			m.body = m.body[:0]
			if m.wanted() && m.left > maxHello {
				return false
			}
		}
		n := min(m.left, len(b))
		if m.wanted() {
			m.body = append(m.body, b[:n]...)
		}
		m.left -= n
		b = b[n:]
		if m.left == 0 {
			m.have = 0
			if !emit(m.head[0], m.body) {
				return false
			}
		}
	}
	return true
}

func (m *messages) wanted() bool {
	return m.head[0] == clientHello || m.head[0] == serverHello || m.head[0] == sessionTicket
}

func (m *messages) reset() { m.have, m.left = 0, 0 }

const (
	version12 = 0x0303
	version13 = 0x0304

	extEncryptThenMAC    = 22
	extSessionTicket     = 35
	extEarlyData         = 42
	extSupportedVersions = 43
)

// hello is what is needed of a ClientHello or ServerHello.
type hello struct {
	random         random
	session        []byte // its ID
	ticket         []byte // the client's
	suite          uint16 // the server's
	version        uint16
	retry          bool // HelloRetryRequest
	early          bool // the client sends 0-RTT data
	encryptThenMAC bool
	compressed     bool // the server chose a compression
}

// retryRandom marks a ServerHello as HelloRetryRequest: SHA-256 of that word, RFC 8446 section 4.1.3.
var retryRandom = random{
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
	0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
}

// parseClientHello reads RFC 8446 section 4.1.2: version 2 | random 32 | size 1 session | size 2 suites | size 1
// compressions | size 2 extensions.
func parseClientHello(b []byte) (h hello, ok bool) {
	c := cursor{b: b}
	h.version = c.u16()
	copy(h.random[:], c.take(32))
	h.session = bytes.Clone(c.take(int(c.u8())))
	c.take(int(c.u16()))
	c.take(int(c.u8()))
	c.extensions(func(kind uint16, body []byte) {
		switch kind {
		case extEarlyData:
			h.early = true
		case extSessionTicket:
			h.ticket = bytes.Clone(body)
		}
	})
	return h, !c.bad
}

// parseServerHello reads RFC 8446 section 4.1.3: version 2 | random 32 | size 1 session | suite 2 | compression 1 | size 2
// extensions, which TLS 1.2 may leave out.
func parseServerHello(b []byte) (h hello, ok bool) {
	c := cursor{b: b}
	h.version = c.u16()
	copy(h.random[:], c.take(32))
	h.session = bytes.Clone(c.take(int(c.u8())))
	h.suite = c.u16()
	h.compressed = c.u8() != 0
	c.extensions(func(kind uint16, body []byte) {
		switch {
		case kind == extSupportedVersions && len(body) == 2:
			h.version = binary.BigEndian.Uint16(body)
		case kind == extEncryptThenMAC:
			h.encryptThenMAC = true
		}
	})
	h.retry = h.random == retryRandom
	return h, !c.bad
}

// cursor reads fields one after the other; bad says that they went beyond the end.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if n > len(c.b) {
		c.b, c.bad = nil, true
		return nil
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) u8() uint8 {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) u16() uint16 {
	if b := c.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

// extensions reads type 2 | size 2 body, for as long as there are any.
func (c *cursor) extensions(emit func(kind uint16, body []byte)) {
	if c.bad || len(c.b) == 0 {
		return
	}
	e := cursor{b: c.take(int(c.u16()))}
	for len(e.b) > 0 {
		kind := e.u16()
		body := e.take(int(e.u16()))
		if e.bad {
			c.bad = true
			return
		}
		emit(kind, body)
	}
}
