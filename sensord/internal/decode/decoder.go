package decode

import (
	"encoding/binary"

	"voiptop/sensord/internal/capture"
)

// maxDepth is how many headers a frame may have one in the other before it is given up.
const maxDepth = 24

// maxBack is how far back in time a packet may be, in nanoseconds, and still count as late; one farther back means that
// the clock was set.
const maxBack = 1e9

// Decoder takes frames apart and gives the datagrams in them to its Handler. It has one user; what it holds is bounded
// by its Config.
type Decoder struct {
	h   Handler
	dup DuplicateHandler // nil if h is none

	d       Datagram
	frame   uint64
	depth   int
	id      uint32 // identification of the innermost IP header, 0 if it has none
	missing int    // bytes of the innermost IP packet that were not captured
	loose   int    // how many reassembled buffers b stands in; 0: b is within the frame

	seen      *duplicates // nil: off
	fragments fragments
	streams   streams
	messages  messages

	counts     [nCounters]uint64
	linkTypes  kinds
	etherTypes kinds
	pppTypes   kinds
	ipProtos   [256]uint64
}

// New returns a Decoder that gives datagrams to h, and duplicates too if h is a DuplicateHandler.
func New(cfg Config, h Handler) *Decoder {
	cfg = cfg.withDefaults()
	x := &Decoder{h: h}
	x.dup, _ = h.(DuplicateHandler)
	if cfg.DuplicateWindow > 0 {
		x.seen = newDuplicates(cfg.DuplicateWindow)
	}
	x.fragments.init(cfg.MaxFragments, cfg.MaxFragmentBytes)
	x.streams.init(cfg.MaxStreams, cfg.MaxStreamBytes)
	x.messages.init()
	return x
}

// begin moves on to the next frame.
func (x *Decoder) begin(p *capture.Packet, time int64) {
	x.frame++
	x.d.Frame, x.d.Packet = x.frame, p
	if time > x.d.Time || time < x.d.Time-maxBack {
		x.d.Time = time
	}
	if x.fragments.waiting() || x.streams.waiting() || x.messages.waiting() {
		x.expire()
		x.d.Packet = p
	}
}

// Packet decodes one frame. Nothing of p is kept when it returns.
func (x *Decoder) Packet(p *capture.Packet) {
	x.begin(p, p.Time)
	x.depth, x.id, x.missing, x.loose = 0, 0, 0, 0

	b := p.Data
	if p.Link == capture.LinkEthernet {
		if len(b) >= 14 && b[12] == 8 && b[13] == 0 {
			x.ipv4(b[14:])
		} else {
			x.ethernet(b)
		}
	} else {
		x.link(p.Link, b)
	}
	if x.d.Earlier != nil {
		x.d.Earlier = nil
	}
}

// expire gives up what has waited too long for its missing parts.
func (x *Decoder) expire() {
	x.expireFragments(x.d.Time - fragmentAge)
	x.expireStreams(x.d.Time - holdAge)
	x.expireMessages(x.d.Time - messageAge)
}

// Flush ends the input: what was held back for missing parts is given to the handler as far as it goes, and every TCP
// stream ends.
func (x *Decoder) Flush() {
	const never = 1<<63 - 1
	x.expireFragments(never)
	x.expireStreams(never)
	x.expireMessages(never)
	x.endStreams()
}

// enter counts a layer and says whether there may be one more.
func (x *Decoder) enter() bool {
	x.depth++
	if x.depth > maxDepth {
		x.count(cDepth)
		return false
	}
	return true
}

// offset returns where b, a piece of the frame, starts in it; 0 if it is a piece of something put together.
func (x *Decoder) offset(b []byte) int {
	if x.loose > 0 {
		return 0
	}
	return cap(x.d.Packet.Data) - cap(b)
}

func be16(b []byte) uint16 { return binary.BigEndian.Uint16(b) }
func be32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }

func (c Config) withDefaults() Config {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&c.MaxFragments, 1024)
	def(&c.MaxFragmentBytes, 16<<20)
	def(&c.MaxStreams, 32768)
	def(&c.MaxStreamBytes, 16<<20)
	if c.DuplicateWindow == 0 {
		c.DuplicateWindow = 50e6
	}
	return c
}
