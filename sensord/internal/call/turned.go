package call

import (
	"net/netip"

	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/tone"
	"voiptop/sensord/internal/turn"
)

// Media of a party that cannot be reached goes through a TURN server (RFC 8656): its SDP names an address of the server's, by which
// the server relays, and before the server RTP is carried in messages of TURN between the two. Both are seen as streams, before the server and
// behind it, of one SSRC, as with any relay: the one before belongs to the call that announced the relayed address, or the peer's.

// Bounds of what is kept of TURN.
const (
	maxTurnClients  = 4096
	maxTurnChannels = 16 // of a client
)

// turnKey is a client and its server.
type turnKey struct{ client, server decode.Endpoint }

// turnClient is what a client and its server told of what they relay.
type turnClient struct {
	relayed  decode.Endpoint // port 0: not seen
	channels []turnChannel
}

type turnChannel struct {
	number uint16
	peer   decode.Endpoint
}

// turnPath is the way that data takes which a TURN server relays: between whom it goes, as SDP names them.
type turnPath struct {
	src, dst decode.Endpoint // one is the relayed address, or the client's while that is not known, the other the peer's, or the server's
	relayed  decode.Endpoint // port 0: not known
}

// turnTable holds the clients of TURN servers, the oldest of which goes when there are too many.
type turnTable struct {
	clients map[turnKey]*turnClient
	order   []turnKey
	oldest  int

	path  turnPath        // of the datagram at hand
	on    bool            // there is one
	moved decode.Datagram // it, between the ends of path
}

// client finds a client, and makes room for it if it is new.
func (t *turnTable) client(k turnKey) *turnClient {
	c := t.clients[k]
	if c != nil {
		return c
	}
	if t.clients == nil {
		t.clients = map[turnKey]*turnClient{}
	}
	if len(t.order) < maxTurnClients {
		t.order = append(t.order, k)
	} else {
		delete(t.clients, t.order[t.oldest])
		t.order[t.oldest] = k
		t.oldest = (t.oldest + 1) % maxTurnClients
	}
	c = &turnClient{}
	t.clients[k] = c
	return c
}

// bind notes of which peer a channel is.
func (c *turnClient) bind(number uint16, peer netip.AddrPort) {
	for i := range c.channels {
		if c.channels[i].number == number {
			c.channels[i].peer = decode.EndpointOf(peer)
			return
		}
	}
	if len(c.channels) == maxTurnChannels {
		c.channels = append(c.channels[:0], c.channels[1:]...)
	}
	c.channels = append(c.channels, turnChannel{number, decode.EndpointOf(peer)})
}

// TURN takes what a message of TURN says of its client, other than data.
func (t *Table) TURN(d *decode.Datagram, m *turn.Message) {
	switch m.Kind {
	case turn.Allocated:
		c := t.turn.client(turnKey{d.Dst, d.Src})
		c.relayed, c.channels = decode.EndpointOf(m.Relayed), c.channels[:0]
	case turn.Bound:
		t.turn.client(turnKey{d.Src, d.Dst}).bind(m.Channel, m.Peer)
	}
}

// Turned is Media for what was taken out of m: d is between the client and its server, and has the data as its payload.
func (t *Table) Turned(d *decode.Datagram, m *turn.Message) {
	t.count.turned++
	t.findPath(d, m)
	t.turn.on = true
	t.Media(d)
	t.turn.on = false
}

// findPath sets the path of data.
func (t *Table) findPath(d *decode.Datagram, m *turn.Message) {
	client, server := d.Src, d.Dst
	fromClient := m.FromClient
	if !m.Directed {
		fromClient = t.turn.clients[turnKey{client, server}] != nil ||
			t.turn.clients[turnKey{server, client}] == nil && !isTURN(client.Port) && (isTURN(server.Port) || server.Port < client.Port)
	}
	if !fromClient {
		client, server = server, client
	}
	p := &t.turn.path
	p.relayed = decode.Endpoint{}
	near, far := client, server
	c := t.turn.clients[turnKey{client, server}]
	if c != nil {
		if p.relayed = c.relayed; t.ends.get(&c.relayed) != nil || t.ends.get(&client) == nil && c.relayed.Port != 0 {
			near = c.relayed
		}
		for i := range c.channels {
			if c.channels[i].number == m.Channel {
				far = c.channels[i].peer
			}
		}
	}
	if m.Peer.IsValid() {
		far = decode.EndpointOf(m.Peer)
	}
	if p.src, p.dst = near, far; !fromClient {
		p.src, p.dst = far, near
	}
}

func isTURN(port uint16) bool { return port == turn.Port || port == turn.SecurePort }

// between is d as calls know its ends: what a TURN server relays goes from the relayed address to the peer, or the other way.
func (t *Table) between(d *decode.Datagram) *decode.Datagram {
	v := &t.turn
	if !v.on {
		return d
	}
	v.moved = *d
	v.moved.Src, v.moved.Dst = v.path.src, v.path.dst
	return &v.moved
}

// ends are the source and the destination of s as SDP names them.
func (s *stream) ends() (src, dst *decode.Endpoint) {
	if x := s.extra; x != nil && x.turn != nil {
		return &x.turn.src, &x.turn.dst
	}
	return &s.key.src, &s.key.dst
}

// extra is what few streams have.
type extra struct {
	inband *tone.DTMF // digits within the voice; nil: not looked for
	turn   *turnPath  // within TURN; nil: not
}

func (s *stream) more() *extra {
	if s.extra == nil {
		s.extra = &extra{}
	}
	return s.extra
}
