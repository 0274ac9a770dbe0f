package quality

import "math/bits"

// IntervalLength is how long an interval of a stream is, nanoseconds.
const IntervalLength = 10e9

// The buffers that a Meter plays into, as indices.
const (
	F1       = iota // fixed, 50 ms
	F2              // fixed, 200 ms
	Adaptive        // follows the jitter, up to 500 ms
	Buffers
)

const minPackets = 50 // expected in an interval, for it to count as the worst

// Score is the MOS of a stream behind one buffer: the mean over its packets, and the worst interval's. 0: no packets.
type Score struct{ Avg, Min float64 }

// Interval is ten seconds of a stream, or what is left at its end.
type Interval struct {
	Start    int64 // nanoseconds since the epoch
	Packets  uint32
	Lost     uint32  // in the network
	JitterMS float64 // mean of the running interarrival jitter
	MOS      [Buffers]float64
}

// Meter rates one stream. It has a fixed size. Init before use.
type Meter struct {
	codec   Codec
	fixedMS float64 // one-way delay besides the buffer's: packet, look-ahead, network

	started bool
	top     uint64 // newest sequence number
	from    uint64 // first sequence number of the open interval
	settled uint64 // all below are counted in play
	words   [meterWords]word
	play    [Buffers]playout
	adapt   adaptive

	// the open interval
	start, end int64
	packets    uint32
	skipped    uint32  // sequence numbers that did not come
	jitter     float64 // sum over the packets, ms
	depth      float64 // of the adaptive buffer, sum over the packets, ms

	// the closed ones
	last     Interval
	weight   float64 // packets expected
	sum      [Buffers]float64
	min      [Buffers]float64
	minShort bool // min is that of an interval below minPackets
}

// Init makes m ready for a stream of the given codec and packet time (0: 20 ms). networkMS is the one-way network delay
// if it is known (half of the RTCP round trip), else 0.
func (m *Meter) Init(c Codec, ptimeMS, networkMS float64) {
	*m = Meter{}
	m.Set(c, ptimeMS, networkMS)
}

// Set changes what is known of the stream, from the interval on that is open now.
func (m *Meter) Set(c Codec, ptimeMS, networkMS float64) {
	if ptimeMS <= 0 {
		ptimeMS = 20
	}
	m.codec, m.fixedMS = c, ptimeMS+c.DelayMS+max(networkMS, 0)
}

// Codec is that of which the figures are used now.
func (m *Meter) Codec() *Codec { return &m.codec }

// Packet takes a unique packet that arrived at t nanoseconds with the extended sequence number seq, delay nanoseconds later
// than the earliest ones (0 when it carries no media time), and the running jitter of its stream in milliseconds: what an
// rtp.Event says of a packet that is New. It reports whether an interval was closed, which Closed then gives.
func (m *Meter) Packet(t int64, seq uint64, delay int64, jitterMS float64) (closed bool) {
	switch {
	case !m.started:
		m.started = true
		m.open(t, seq)
		m.top = seq
	case seq > m.top:
		if t >= m.end {
			m.close(seq)
			m.open(t, seq)
			closed = true
		} else {
			m.skipped += uint32(seq - m.top - 1)
		}
		if seq>>6 != m.top>>6 {
			m.turn(seq)
		}
		m.top = seq
	case seq >= m.from:
		if m.skipped > 0 {
			m.skipped-- // it had been taken for lost
		}
	case m.weight == 0 && m.settled == m.from && m.top-seq < 64*(meterWords-1): // from before the first
		m.skipped += uint32(m.from - seq - 1)
		m.from, m.settled = seq, seq
	default: // it belongs to the interval before
		if m.last.Lost > 0 {
			m.last.Lost--
			m.last.Packets++
		}
		return false
	}
	m.packets++
	m.jitter += jitterMS
	depth := m.adapt.packet(t, delay)
	m.depth += float64(depth) * 1e-6
	if seq >= m.settled {
		m.words[seq>>6%meterWords].set(seq, delay, depth)
	}
	return closed
}

// Closed is the interval that was closed last.
func (m *Meter) Closed() Interval { return m.last }

// Open is the interval that is still open, rated as if it ended now. ok is false when it has no packet.
func (m *Meter) Open() (i Interval, ok bool) {
	if m.packets == 0 {
		return i, false
	}
	c := *m
	c.close(m.top + 1)
	return c.last, true
}

// Summary rates the stream so far, the open interval included.
func (m *Meter) Summary() (s [Buffers]Score) {
	c := *m
	if c.packets > 0 {
		c.close(c.top + 1)
	}
	if c.weight == 0 {
		return s
	}
	for b := range s {
		avg := c.sum[b] / c.weight
		s[b] = Score{avg, min(avg, c.min[b])} // a short interval counts for avg alone
	}
	return s
}

// open begins an interval at the packet seq.
func (m *Meter) open(t int64, seq uint64) {
	if t >= m.end+IntervalLength || m.end == 0 { // the first, or the first after a long pause
		m.end = t
	}
	m.start, m.end = m.end, m.end+IntervalLength
	m.from, m.settled = seq, seq
	m.play = [Buffers]playout{}
	m.packets, m.skipped, m.jitter, m.depth = 0, 0, 0, 0
}

// close rates the open interval, whose sequence numbers end before seq.
func (m *Meter) close(seq uint64) {
	if seq-m.top > 1 {
		m.skipped += uint32(seq - m.top - 1)
	}
	if last := seq - 1; last>>6 != m.top>>6 {
		m.turn(last)
		m.top = last
	}
	m.settle(seq)
	expected := float64(seq - m.from)
	m.last = Interval{
		Start: m.start, Packets: m.packets, Lost: m.skipped,
		JitterMS: m.jitter / float64(m.packets),
	}
	depth := [Buffers]float64{F1: depthF1 / 1e6, F2: depthF2 / 1e6, Adaptive: m.depth / float64(m.packets)}
	short := expected < minPackets
	for b := range Buffers {
		p := &m.play[b]
		mos := Conditions{
			Codec:   m.codec,
			LossPct: 100 * float64(p.lost) / expected,
			BurstR:  p.burstRatio(expected),
			DelayMS: m.fixedMS + depth[b],
		}.MOS()
		m.last.MOS[b] = mos
		m.sum[b] += mos * expected
		if m.weight == 0 || m.minShort && !short || m.minShort == short && mos < m.min[b] {
			m.min[b] = mos
		}
	}
	m.minShort = short && (m.weight == 0 || m.minShort)
	m.weight += expected
}

// turn makes room for the block of sequence numbers that to is in, and settles what leaves the window.
func (m *Meter) turn(to uint64) {
	if head := to >> 6; head >= meterWords-1 {
		m.settle((head - meterWords + 1) << 6)
	}
	n := to>>6 - m.top>>6
	for i := uint64(1); i <= min(n, meterWords); i++ {
		m.words[(m.top>>6+i)%meterWords] = word{}
	}
}

// settle counts the packets below limit.
func (m *Meter) settle(limit uint64) {
	for m.settled < limit {
		block, low := m.settled>>6, m.settled&63
		end := min(limit, (block+1)<<6)
		mask := ^uint64(0) >> (64 - (end - m.settled)) << low
		if m.top>>6-block >= meterWords { // skipped over as a whole: nothing in it was received
			for b := range m.play {
				m.play[b].count(0, mask, low)
			}
		} else {
			for b, w := range m.words[block%meterWords] {
				m.play[b].count(w, mask, low)
			}
		}
		m.settled = end
	}
}

// playout counts, for one buffer, over the open interval.
type playout struct {
	lost, runs uint32
	missing    bool // the newest packet that was counted was not played
}

// count takes the packets of a block that mask covers, from bit low up.
func (p *playout) count(played, mask uint64, low uint64) {
	gone := ^played & mask
	if gone == 0 {
		p.missing = false
		return
	}
	before := gone << 1
	if p.missing {
		before |= 1 << low
	}
	p.lost += uint32(bits.OnesCount64(gone))
	p.runs += uint32(bits.OnesCount64(gone &^ before))
	p.missing = gone>>(63-bits.LeadingZeros64(mask))&1 != 0
}

// burstRatio is BurstR of G.107 clause 7.5: the mean length of the runs that were seen, over that of random loss of the
// same probability, which is 1/(1-p).
func (p *playout) burstRatio(expected float64) float64 {
	if p.runs == 0 {
		return 1
	}
	lost := float64(p.lost)
	return max(1, lost/float64(p.runs)*(1-lost/expected))
}
