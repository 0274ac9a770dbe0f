package audio

import (
	"net/netip"
	"slices"
	"strconv"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/rtp"
)

// maxHours is how long a time line may be.
const maxHours = 168

// track is a stream that is played.
type track struct {
	key   flowKey
	side  int
	rank  uint8 // of several at a time on one side, the highest is heard
	known format
	srtp  *decryption // nil: in the clear

	opusRate int // at which Opus is decoded: what its packets need
}

// Recording puts together what was found. c is the call's record, which names its streams; open opens the packets again.
// name is the file name to offer.
func (s *Scan) Recording(c *protocol.CDR, open Opener, name string) (*Recording, error) {
	s.decoder.Flush()
	r := &Recording{open: open, name: name, lines: &s.lines, rate: 8000}
	cut, end := false, int64(0)
	var lost [2]*sensorapi.MissingSide
	for i := range c.Streams {
		st := &c.Streams[i]
		key, ok := keyOf(st)
		f := s.flows[key]
		if !ok || f == nil || st.Media == "video" || st.Media == "image" {
			continue
		}
		if f.cut > f.packets/2 {
			cut = true
			continue
		}
		t := &track{key: key, side: sideOf(c, st), known: format{st.PayloadType, st.Codec, st.ClockRate, 1}, rank: uint8(min(i+1, 100))}
		if far(c, st, t.side) {
			t.rank += 100
		}
		if f.types == nil {
			continue
		}
		names, why := s.playable(t, f, st)
		if why != nil {
			if lost[t.side] == nil {
				why.Side = sideNames[t.side]
				lost[t.side] = why
			}
			continue
		}
		r.tracks = append(r.tracks, t)
		for _, n := range names {
			r.rate = max(r.rate, rateOf(n))
			if !slices.Contains(r.codecs[t.side], n.name) {
				r.codecs[t.side] = append(r.codecs[t.side], n.name)
			}
		}
		if r.start == 0 || f.first < r.start {
			r.start = f.first
		}
		end = max(end, f.last+frameTime(st))
	}
	for side, m := range lost {
		if m != nil && !slices.ContainsFunc(r.tracks, func(t *track) bool { return t.side == side }) {
			r.missing = append(r.missing, *m)
		}
	}
	if len(r.tracks) == 0 {
		if len(r.missing) > 0 {
			return nil, r.cannot(r.missing[0])
		}
		if cut {
			return nil, errHeadersOnly
		}
		return nil, errNoVoice
	}
	length := min(end-r.start, maxHours*3600*1e9)
	r.frames = samplesOf(length, r.rate)
	return r, nil
}

// samplesOf is how many samples a time has, ns. It is exact and does not overflow for as long as a time line may be.
func samplesOf(ns int64, rate int) int64 {
	return ns/1e9*int64(rate) + ns%1e9*int64(rate)/1e9
}

func frameTime(st *protocol.Stream) int64 {
	if st.PtimeMS > 0 && st.PtimeMS <= 200 {
		return int64(st.PtimeMS * 1e6)
	}
	return 20e6
}

func keyOf(st *protocol.Stream) (k flowKey, ok bool) {
	src, err := netip.ParseAddrPort(st.Src)
	if err != nil {
		return k, false
	}
	dst, err := netip.ParseAddrPort(st.Dst)
	return flowKey{decode.EndpointOf(src), decode.EndpointOf(dst), uint32(st.SSRC)}, err == nil
}

// sideOf is whose voice a stream carries.
func sideOf(c *protocol.CDR, st *protocol.Stream) int {
	switch st.Direction {
	case protocol.FromCaller:
		return caller
	case protocol.FromCallee:
		return callee
	}
	if sameHost(st.Dst, c.Src) || sameHost(st.Src, c.Dst) {
		return callee
	}
	return caller
}

// far reports whether a stream is the one that reaches the listener, where a call is seen on both sides of a relay.
func far(c *protocol.CDR, st *protocol.Stream, side int) bool {
	if side == callee {
		return sameHost(st.Dst, c.Src)
	}
	return !sameHost(st.Src, c.Src)
}

func sameHost(a, b string) bool {
	x, err := netip.ParseAddrPort(a)
	y, err2 := netip.ParseAddrPort(b)
	return err == nil && err2 == nil && x.Addr() == y.Addr()
}

// playable finds the codecs and the key of a stream, or why it cannot be played.
func (s *Scan) playable(t *track, f *flow, st *protocol.Stream) (names []codec, why *sensorapi.MissingSide) {
	t.opusRate = f.opusRate
	if st.Encrypted && !s.inTheClear(t, f) {
		t.srtp = s.unlock(t, f)
		if t.srtp == nil {
			m := &sensorapi.MissingSide{Code: protocol.CodeSRTPWithoutKey, Codec: upper(st.Codec), Detail: "the SDP in the capture tells no key (DTLS-SRTP, or signalling that was not captured)"}
			if len(s.lines.keys) > 0 {
				m.Detail = "none of the keys in the SDP opens the packets"
			}
			return nil, m
		}
		t.opusRate = 48000 // what it needs is not seen before it is opened
	}
	dead := ""
	for _, pt := range f.types {
		c := s.lines.codec(f.last, t, pt)
		switch c.kind {
		case voiceKind:
			names = append(names, c)
		case deadKind:
			if pt == st.PayloadType || dead == "" {
				dead = c.name
			}
		}
	}
	if len(names) == 0 {
		if dead == "" { // digits or noise only
			return nil, nil
		}
		return nil, &sensorapi.MissingSide{Code: protocol.CodeCodecNotDecodable, Codec: dead, Detail: "there is no decoder for " + dead + " in sensord"}
	}
	return names, nil
}

// codec is what a payload type of a track means at a time.
func (l *lines) codec(at int64, t *track, pt uint8) codec {
	f, ok := l.format(at, t.key.src, t.key.dst, pt)
	if !ok && pt == t.known.pt { // the signalling was not captured; the record knows
		f, ok = t.known, t.known.name != ""
	}
	if !ok {
		return codec{name: "payload type " + strconv.Itoa(int(pt)), kind: deadKind}
	}
	return codecOf(f.name, f.clock, f.channels, t.opusRate)
}

// rateOf is the rate that a WAV file needs for a codec.
func rateOf(c codec) int {
	switch {
	case c.rate <= 8000:
		return 8000
	case c.rate <= 16000:
		return 16000
	}
	return 48000
}

// inTheClear reports whether packets of a stream that was announced as SRTP are not encrypted, as a far end that knows no
// SRTP sends them: their length has no room for a tag.
func (s *Scan) inTheClear(t *track, f *flow) bool {
	if len(f.head) == 0 {
		return false
	}
	for _, b := range f.head {
		var h rtp.Header
		if !rtp.Parse(b, &h) {
			return false
		}
		unit := 0
		switch c := s.lines.codec(f.last, t, h.PayloadType); c.name {
		case "PCMU", "PCMA", "G722":
			unit = 40
		case "GSM":
			unit = gsmFrame
		}
		if unit == 0 || h.Length%unit != 0 {
			return false
		}
	}
	return true
}

// unlock finds the key of a stream by its first packets.
func (s *Scan) unlock(t *track, f *flow) *decryption {
	if len(s.lines.keys) == 0 {
		return nil
	}
	d := newDecryption(s.lines.keys)
	for _, b := range f.head {
		var h rtp.Header
		if !rtp.Parse(b, &h) {
			continue
		}
		if _, err := d.open(b, h.Seq, t.key.ssrc); err == nil {
			return d
		}
	}
	return nil
}
