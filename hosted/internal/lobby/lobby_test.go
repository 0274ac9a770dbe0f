package lobby

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
)

// visitor is a connection that only knows where it comes from.
type visitor struct {
	net.Conn
	from   string
	closed bool
}

func (v *visitor) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(v.from), 1))
}
func (v *visitor) Close() error { v.closed = true; return nil }

func TestAFloodEndsNothingButItself(t *testing.T) {
	dropped := 0
	l := New(100, func() { dropped++ })
	var sensors []*visitor
	for i := range 50 {
		v := &visitor{from: fmt.Sprintf("192.0.2.%d", i)}
		sensors = append(sensors, v)
		l.Enter(v)
	}
	var flood []*visitor
	for i := range 10_000 {
		v := &visitor{from: "198.51.100.1"}
		if i%2 == 1 { // and from one site that has many addresses
			v.from = fmt.Sprintf("2001:db8::%x", i)
		}
		flood = append(flood, v)
		l.Enter(v)
	}
	for _, v := range sensors {
		if v.closed {
			t.Errorf("%s had to go", v.from)
		}
	}
	open := 0
	for _, v := range flood {
		if !v.closed {
			open++
		}
	}
	if open != 50 || dropped != 9950 || l.Len() != 100 {
		t.Errorf("%d of the flood are open, %d had to go, %d are in", open, dropped, l.Len())
	}
	if last := flood[len(flood)-1]; last.closed {
		t.Error("the newest had to go, and not the oldest")
	}
}

func TestWhoHasProvedItselfTakesNoRoom(t *testing.T) {
	l := New(2, nil)
	a, b, c := &visitor{from: "192.0.2.1"}, &visitor{from: "192.0.2.1"}, &visitor{from: "192.0.2.1"}
	l.Enter(a)
	l.Enter(a) // once
	l.Leave(a)
	l.Enter(b)
	l.Enter(c)
	if a.closed || b.closed || c.closed || l.Len() != 2 {
		t.Errorf("%v %v %v, %d in", a.closed, b.closed, c.closed, l.Len())
	}
	l.Leave(b)
	l.Leave(b)
	l.Leave(c)
	if l.Len() != 0 || len(l.nets) != 0 {
		t.Errorf("%d in, %d networks", l.Len(), len(l.nets))
	}
}

func TestOfEqualNetworksTheOldestConnectionGoes(t *testing.T) {
	l := New(3, nil)
	var all []*visitor
	for i := range 5 {
		v := &visitor{from: fmt.Sprintf("192.0.2.%d", i)}
		all = append(all, v)
		l.Enter(v)
	}
	for i, v := range all {
		if v.closed != (i < 2) {
			t.Errorf("number %d: closed %v", i, v.closed)
		}
	}
}

func TestManyMayComeAndGoAtOnce(t *testing.T) {
	l := New(10, nil)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 200 {
				v := &visitor{from: fmt.Sprintf("192.0.2.%d", i)}
				l.Enter(v)
				l.Leave(v)
			}
		})
	}
	wg.Wait()
	if l.Len() != 0 {
		t.Errorf("%d stay", l.Len())
	}
}
