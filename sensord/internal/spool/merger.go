package spool

import (
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io"

	"voiptop/sensord/internal/pcapng"
)

// merger writes the merged file, a block at a time, into what Read gives.
type merger struct {
	legs       legHeap
	out        []byte         // not read yet
	buf        []byte         // out's
	interfaces uint32         // described so far
	recent     map[uint64]int // digest of a packet written lately: its leg
	order      [recentPackets]uint64
	written    int
	hash       maphash.Hash
	err        error
}

// leg is one capture that is being merged.
type leg struct {
	number     int
	name       string // of its interfaces
	blocks     *blockReader
	begun      bool     // the section header was there
	interfaces []uint32 // numbers in the result
	packet     packet   // next to be written
	block      []byte   // it, whole
}

func newMerger(in []*Reader) (*merger, error) {
	m := &merger{recent: map[uint64]int{}}
	notes := make([]string, len(in))
	for i, r := range in {
		notes[i] = fmt.Sprintf("Call %d: Call-ID %s, from %s to %s, start %s, rule %s, keep %s", i+1, short(r.Info.CallID), short(r.Info.Caller),
			short(r.Info.Callee), r.Info.Start, short(r.Info.Rule), r.Info.Keep)
		if r.Info.Partial {
			notes[i] += ", partial"
		}
	}
	if in[0].Info.Sensor != "" {
		notes = append(notes, keySensor+in[0].Info.Sensor)
	}
	m.buf = pcapng.AppendSection(nil, application(), notes)
	for i, r := range in {
		l := &leg{number: i, name: short(r.Info.CallID), blocks: newBlockReader(io.NewSectionReader(r, 0, r.Size))}
		if more, err := m.advance(l); err != nil {
			return nil, err
		} else if more {
			m.legs = append(m.legs, l)
		}
	}
	m.out = m.buf
	heap.Init(&m.legs)
	return m, nil
}

// short cuts a value that may be as long as a packet.
func short(s string) string { return s[:min(len(s), 200)] }

// Read implements io.Reader.
func (m *merger) Read(p []byte) (n int, err error) {
	for len(m.out) == 0 {
		if m.err != nil {
			return 0, m.err
		}
		m.buf = m.buf[:0]
		m.err = m.step()
		m.out = m.buf
	}
	n = copy(p, m.out)
	m.out = m.out[n:]
	return n, nil
}

// step writes the next packets into the buffer. It answers io.EOF with the last.
func (m *merger) step() error {
	for len(m.buf) < 64<<10 {
		if len(m.legs) == 0 {
			return io.EOF
		}
		l := m.legs[0]
		if !m.seen(l) {
			at := len(m.buf)
			m.buf = append(m.buf, l.block...)
			binary.LittleEndian.PutUint32(m.buf[at+8:], l.packet.iface)
		}
		more, err := m.advance(l)
		if err != nil {
			return err
		}
		if more {
			heap.Fix(&m.legs, 0)
		} else {
			heap.Pop(&m.legs)
		}
	}
	return nil
}

// seen tells whether another leg had the packet as well, and remembers it.
func (m *merger) seen(l *leg) bool {
	m.hash.Reset()
	var b [12]byte
	binary.LittleEndian.PutUint64(b[:], uint64(l.packet.time))
	binary.LittleEndian.PutUint32(b[8:], uint32(l.packet.length))
	m.hash.Write(b[:])
	m.hash.Write(l.packet.data)
	d := m.hash.Sum64()
	if by, ok := m.recent[d]; ok {
		return by != l.number
	}
	slot := m.written % recentPackets
	if m.written >= recentPackets {
		delete(m.recent, m.order[slot])
	}
	m.recent[d], m.order[slot] = l.number, d
	m.written++
	return false
}

// advance reads on to the next packet of a leg. What describes interfaces before it is written. more is false at the end.
func (m *merger) advance(l *leg) (more bool, err error) {
	for {
		kind, b, err := l.blocks.next()
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("capture of call %q: %w", l.name, err)
		}
		if l.begun = l.begun || kind == pcapng.Section; !l.begun {
			return false, fmt.Errorf("capture of call %q: %w", l.name, errTorn)
		}
		switch kind {
		case pcapng.Section:
			l.interfaces = l.interfaces[:0] // numbered anew
		case pcapng.Interface:
			if len(b) < 20 || m.interfaces == maxInterfaces {
				return false, fmt.Errorf("capture of call %q: %w", l.name, errTorn)
			}
			l.interfaces = append(l.interfaces, m.interfaces)
			m.interfaces++
			m.buf = pcapng.AppendNamedInterface(m.buf, binary.LittleEndian.Uint16(b[8:]), l.name)
		case pcapng.Enhanced:
			p, ok := parsePacket(b)
			if !ok || p.iface >= uint32(len(l.interfaces)) {
				return false, fmt.Errorf("capture of call %q: %w", l.name, errTorn)
			}
			p.iface = l.interfaces[p.iface]
			l.packet, l.block = p, b
			return true, nil
		}
	}
}

// maxInterfaces bounds the interfaces of a merged file; a call has one or two.
const maxInterfaces = 1 << 16

// legHeap has the leg with the earliest packet on top.
type legHeap []*leg

func (h legHeap) Len() int { return len(h) }
func (h legHeap) Less(i, j int) bool {
	if h[i].packet.time != h[j].packet.time {
		return h[i].packet.time < h[j].packet.time
	}
	return h[i].number < h[j].number
}
func (h legHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *legHeap) Push(x any)   { *h = append(*h, x.(*leg)) }
func (h *legHeap) Pop() any {
	old := *h
	l := old[len(old)-1]
	*h = old[:len(old)-1]
	return l
}
