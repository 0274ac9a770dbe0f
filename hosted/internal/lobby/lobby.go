// Package lobby keeps count of connections whose peers have not proved who they are, so that a flood of them ends nothing but
// itself: there is room for so many, and when it is full the network that has the most of them loses its oldest. A peer that
// proves itself leaves, and counts no more. hosted's web server and the sensors' link (hosted/internal/sensors) share one.
//
// It is not for deadlines, which their servers set, and not for who has proved what.
package lobby

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
)

// Lobby is safe for use by many goroutines.
type Lobby struct {
	max  int
	full func()
	mu   sync.Mutex
	seq  uint64
	in   map[net.Conn]*list.Element
	nets map[netip.Prefix]*list.List // of each network the guests, oldest first
}

type guest struct {
	net.Conn
	network netip.Prefix
	seq     uint64
}

// New makes a lobby with room for max connections. full, which may be nil, is called for each that had to go.
func New(max int, full func()) *Lobby {
	return &Lobby{max: max, full: full, in: map[net.Conn]*list.Element{}, nets: map[netip.Prefix]*list.List{}}
}

// Enter counts a connection, unless it is counted, and closes another when there is no room for it.
func (l *Lobby) Enter(c net.Conn) {
	l.mu.Lock()
	if _, ok := l.in[c]; ok {
		l.mu.Unlock()
		return
	}
	l.seq++
	g := guest{c, networkOf(c.RemoteAddr()), l.seq}
	if l.nets[g.network] == nil {
		l.nets[g.network] = list.New()
	}
	l.in[c] = l.nets[g.network].PushBack(g)
	var out net.Conn
	if len(l.in) > l.max {
		out = l.oldest()
		l.remove(out)
	}
	l.mu.Unlock()
	if out != nil {
		bare(out).Close()
		if l.full != nil {
			l.full()
		}
	}
}

// Leave counts a connection no more: its peer has proved itself, or it is closed.
func (l *Lobby) Leave(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(c)
}

// Len is how many are in it.
func (l *Lobby) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.in)
}

func (l *Lobby) remove(c net.Conn) {
	e, ok := l.in[c]
	if !ok {
		return
	}
	delete(l.in, c)
	network := e.Value.(guest).network
	conns := l.nets[network]
	if conns.Remove(e); conns.Len() == 0 {
		delete(l.nets, network)
	}
}

// oldest is the oldest connection of the network that has the most; of several that have, the oldest of all.
func (l *Lobby) oldest() (out net.Conn) {
	most, first := 0, uint64(0)
	for _, conns := range l.nets {
		g := conns.Front().Value.(guest)
		if n := conns.Len(); n > most || n == most && g.seq < first {
			most, first, out = n, g.seq, g.Conn
		}
	}
	return out
}

// networkOf is what counts as one peer: an IPv6 site has a /64 of addresses.
func networkOf(a net.Addr) netip.Prefix {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Prefix{} // all of them together
	}
	ip := ap.Addr().Unmap().WithZone("")
	if ip.Is6() {
		return netip.PrefixFrom(ip, 64).Masked()
	}
	return netip.PrefixFrom(ip, 32)
}

// bare is the connection below TLS, which is closed without a farewell that the peer would not read.
func bare(c net.Conn) net.Conn {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		return t.NetConn()
	}
	return c
}
