package hep

import (
	"errors"
	"sync/atomic"
	"time"

	"voiptop/sensord/internal/capture"
)

// maxWrapped is the largest message that fits into one IPv4 packet behind a UDP header.
const maxWrapped = MaxMessage - 20 - 8

// idleAfter is how long Next waits, as capture.Source has it.
const idleAfter = 100 * time.Millisecond

// listenCounts is what a Listener has counted.
type listenCounts struct {
	udp, tcp                     atomic.Uint64 // messages that came
	format, key, size, full      atomic.Uint64 // of them, dropped
	conns, refused, slow, failed atomic.Uint64
	packets, bytes               atomic.Uint64 // given to the reader
	queued                       atomic.Int64  // bytes
}

// Counters calls f with everything that was counted and is not zero. Names are those of docs/counters.md.
func (l *Listener) Counters(f func(name string, n uint64)) {
	c := &l.count
	for _, v := range []struct {
		name string
		n    *atomic.Uint64
	}{
		{"hep.listen.udp", &c.udp},
		{"hep.listen.tcp", &c.tcp},
		{"hep.listen.dropped.format", &c.format},
		{"hep.listen.dropped.key", &c.key},
		{"hep.listen.dropped.size", &c.size},
		{"hep.listen.dropped.queue", &c.full},
		{"hep.listen.connections", &c.conns},
		{"hep.listen.connections.refused", &c.refused},
		{"hep.listen.connections.slow", &c.slow},
		{"hep.listen.errors", &c.failed},
	} {
		if n := v.n.Load(); n > 0 {
			f(v.name, n)
		}
	}
}

// Next implements capture.Source.
func (l *Listener) Next(p *capture.Packet) error {
	if l.poll(p) {
		return nil
	}
	l.timer.Reset(idleAfter)
	select {
	case r := <-l.queue:
		l.lend(p, r)
		return nil
	case <-l.ctx.Done():
		return capture.ErrClosed
	case <-l.roused:
	case <-l.timer.C:
	}
	p.Time = l.cfg.Clock.Now().UnixNano()
	return capture.ErrIdle
}

// Wake makes a Next that waits, else the next one that would, answer capture.ErrIdle at once. Any goroutine may call it.
func (l *Listener) Wake() {
	select {
	case l.roused <- struct{}{}:
	default:
	}
}

// poll is Next without waiting.
func (l *Listener) poll(p *capture.Packet) bool {
	if l.lent != nil {
		l.recycle(l.lent)
		l.lent = nil
	}
	select {
	case r := <-l.queue:
		l.lend(p, r)
		return true
	default:
		return false
	}
}

func (l *Listener) lend(p *capture.Packet, r *received) {
	l.lent = r
	l.count.queued.Add(-int64(len(r.b)))
	data, _ := l.wrap.UDP(r.src, r.dst, r.b)
	*p = capture.Packet{Time: r.at, Data: data, Length: len(data), Link: capture.LinkRaw}
	l.count.packets.Add(1)
	l.count.bytes.Add(uint64(len(data)))
}

// Stats implements capture.Source.
func (l *Listener) Stats() capture.Stats {
	return capture.Stats{Packets: l.count.packets.Load(), Bytes: l.count.bytes.Load(), Inputs: []string{l.name}}
}

// Close implements capture.Source. It returns when all connections are closed.
func (l *Listener) Close() error {
	l.stop()
	l.tcp.Close()
	if l.udp != nil {
		l.udp.Close()
	}
	l.mu.Lock()
	for c := range l.conns {
		c.Close()
	}
	l.mu.Unlock()
	l.work.Wait()
	return nil
}

// Beside returns a source of the packets of wire and, as an input after those of wire, of the messages of l. Wire
// should have a method Wake, that makes a Next which waits answer capture.ErrIdle: without it, messages may wait for as
// long as wire does. Closing it closes both.
func Beside(wire capture.Source, l *Listener) capture.Source {
	b := &beside{wire: wire, hep: l, input: uint16(len(wire.Stats().Inputs))}
	if w, ok := wire.(interface{ Wake() }); ok {
		b.rouse = w.Wake
		wake := func() {
			if b.waiting.CompareAndSwap(true, false) {
				w.Wake()
			}
		}
		l.wake.Store(&wake)
	}
	return b
}

type beside struct {
	wire    capture.Source
	hep     *Listener
	input   uint16
	rouse   func()
	waiting atomic.Bool // the reader waits for wire, or is about to
	row     int
}

// maxRow is how many messages are taken before the wire has its turn.
const maxRow = 32

func (b *beside) Next(p *capture.Packet) error {
	if b.row < maxRow && b.message(p) {
		return nil
	}
	b.row = 0
	b.waiting.Store(true)
	if b.rouse != nil && len(b.hep.queue) > 0 && b.waiting.CompareAndSwap(true, false) {
		b.rouse() // look whether there is a packet, do not wait
	}
	err := b.wire.Next(p)
	b.waiting.Store(false)
	if errors.Is(err, capture.ErrIdle) && b.message(p) {
		return nil
	}
	return err
}

func (b *beside) message(p *capture.Packet) bool {
	if !b.hep.poll(p) {
		return false
	}
	b.row++
	p.Iface = b.input
	return true
}

func (b *beside) Stats() capture.Stats {
	s, h := b.wire.Stats(), b.hep.Stats()
	s.Packets += h.Packets
	s.Bytes += h.Bytes
	s.Inputs = append(s.Inputs, h.Inputs...)
	return s
}

// Wake implements capture.Waker where wire does.
func (b *beside) Wake() {
	if b.rouse != nil {
		b.rouse()
	}
}

func (b *beside) Close() error { return errors.Join(b.wire.Close(), b.hep.Close()) }
