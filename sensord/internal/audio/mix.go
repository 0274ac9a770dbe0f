package audio

// side is what is to be heard of one party: a window of its time line into which the streams write, and out of which the
// samples go in order when nothing that belongs before them can come any more.
//
// Of several streams that speak at a time one is heard: that of the highest rank.
type side struct {
	rate  int
	ring  []int16
	owner []uint8 // rank of the stream that wrote each sample, 0: nobody
	base  int64   // the first sample that has not gone out
	mute  bool    // digits are blanked, else rendered
	tones *toneFinder

	digits []digit
	lost   []loss
}

// loss is packets that were not played.
type loss struct {
	at int64 // sample
	n  int
}

const (
	windowSeconds = 2  // what is settled is 1 s behind the capture, and no voice is more than 0.7 s ahead of it
	maxDigits     = 64 // that have not gone out
	maxLosses     = 4096
)

func newSide(rate int, mute bool) *side {
	n := 1
	for n < windowSeconds*rate {
		n <<= 1
	}
	s := &side{rate: rate, ring: make([]int16, n), owner: make([]uint8, n), mute: mute}
	if mute {
		s.tones = newToneFinder(rate)
	}
	return s
}

// write puts samples at a place of the time line, as far as it is in the window.
func (s *side) write(at int64, pcm []int16, rank uint8) {
	if skip := s.base - at; skip > 0 {
		if skip >= int64(len(pcm)) {
			return
		}
		pcm, at = pcm[skip:], s.base
	}
	if room := s.base + int64(len(s.ring)) - at; room < int64(len(pcm)) {
		pcm = pcm[:max(room, 0)]
	}
	mask := int64(len(s.ring) - 1)
	for i, v := range pcm {
		j := (at + int64(i)) & mask
		if rank >= s.owner[j] {
			s.ring[j], s.owner[j] = v, rank
		}
	}
}

// silence says that a stream of that rank should have been heard from at to end, and was not.
func (s *side) silence(at, end int64, rank uint8) {
	at, end = max(at, s.base), min(end, s.base+int64(len(s.ring)))
	mask := int64(len(s.ring) - 1)
	for ; at < end; at++ {
		if j := at & mask; rank >= s.owner[j] {
			s.ring[j], s.owner[j] = 0, rank
		}
	}
}

// missed notes packets that were not played.
func (s *side) missed(at int64, n int) {
	if len(s.lost) < maxLosses {
		s.lost = append(s.lost, loss{at, n})
	}
}

// takeLost gives the packets noted since it was called last.
func (s *side) takeLost() []loss {
	l := s.lost
	s.lost = s.lost[:0]
	return l
}

// take appends the samples up to end to dst; the window moves on.
func (s *side) take(dst []int16, end int64) []int16 {
	mask, from, start := int64(len(s.ring)-1), len(dst), s.base
	for ; s.base < end; s.base++ {
		j := s.base & mask
		dst = append(dst, s.ring[j])
		s.ring[j], s.owner[j] = 0, 0
	}
	s.sound(dst[from:], start)
	return dst
}

// skip lets the samples up to end go.
func (s *side) skip(end int64) {
	mask := int64(len(s.ring) - 1)
	if end-s.base >= int64(len(s.ring)) {
		clear(s.ring)
		clear(s.owner)
		s.base = end
	}
	for ; s.base < end; s.base++ {
		j := s.base & mask
		s.ring[j], s.owner[j] = 0, 0
	}
	s.forget()
}

// forget drops digits that have gone out.
func (s *side) forget() {
	n := 0
	for _, d := range s.digits {
		if d.end+s.ms(digitMargin) > s.base {
			s.digits[n] = d
			n++
		}
	}
	s.digits = s.digits[:n]
}

func (s *side) ms(n int64) int64 { return n * int64(s.rate) / 1000 }
