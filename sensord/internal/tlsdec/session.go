package tlsdec

import "crypto/sha256"

// sessions knows TLS 1.2 sessions by what they are resumed with, a session ID (RFC 5246) or a ticket (RFC 5077): programs
// write a session's secret to the key log once, when it is made. In TLS 1.3 every connection has secrets of its own.
type sessions struct {
	madeBy map[[32]byte]random // digest of an ID or ticket -> the connection whose secret it is
	order  [][32]byte          // a ring: the oldest at next once it is full
	next   int
	max    int
}

func newSessions(max int) *sessions {
	return &sessions{madeBy: map[[32]byte]random{}, max: max}
}

func (s *sessions) add(name []byte, r random) {
	if len(name) == 0 {
		return
	}
	id := sha256.Sum256(name)
	if _, known := s.madeBy[id]; !known {
		if len(s.order) < s.max {
			s.order = append(s.order, id)
		} else {
			delete(s.madeBy, s.order[s.next])
			s.order[s.next] = id
			s.next = (s.next + 1) % s.max
		}
	}
	s.madeBy[id] = r
}

func (s *sessions) find(name []byte) (random, bool) {
	r, ok := s.madeBy[sha256.Sum256(name)]
	return r, ok
}

// resume finds out, when both hellos of a TLS 1.2 connection are known, which connection's secret it is under: its own,
// or that of the session that it resumes.
func (c *conn) resume() {
	if c.v13 || c.suite == nil || c.client == nil || c.origin != nil {
		return
	}
	c.origin = &c.random
	if id := c.server.session; len(id) > 0 && string(id) == string(c.clientHello.session) {
		name := c.clientHello.ticket
		if len(name) == 0 {
			name = id
		}
		if r, ok := c.table.sessions.find(name); ok {
			c.origin = &r
		}
		return
	}
	c.table.sessions.add(c.server.session, *c.origin)
}

// ticketed takes a NewSessionTicket of TLS 1.2, RFC 5077 section 3.3: lifetime 4 | size 2 ticket.
func (c *conn) ticketed(body []byte) {
	k := cursor{b: body}
	k.take(4)
	if ticket := k.take(int(k.u16())); !k.bad && c.origin != nil {
		c.table.sessions.add(ticket, *c.origin)
	}
}

// named is what the key log says of the connection; nil if nothing.
func (c *conn) named() *secrets {
	if s := c.table.log.byRandom[c.random]; s != nil || c.origin == nil {
		return s
	}
	return c.table.log.byRandom[*c.origin]
}
