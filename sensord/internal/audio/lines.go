package audio

import (
	"bytes"
	"slices"

	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sdp"
)

// Bounds of what is kept of a call's session descriptions.
const (
	maxLines = 256
	maxKeys  = 32
)

// lines is what the call's session descriptions say of its audio: what payload types mean, and keys.
type lines struct {
	list []line
	keys []srtpKey
	seen [][]byte // descriptions that were read, to pass over those that are sent again

	parser sdp.Session
}

// line is an m= section of audio.
type line struct {
	t       int64
	end     decode.Endpoint // where its owner wants the audio
	formats []format
}

type format struct {
	pt       uint8
	name     string
	clock    uint32
	channels int
}

// add reads a session description that was seen at t.
func (l *lines) add(t int64, body []byte) {
	if slices.ContainsFunc(l.seen, func(b []byte) bool { return bytes.Equal(b, body) }) || len(l.seen) >= maxLines {
		return
	}
	l.seen = append(l.seen, bytes.Clone(body))
	if l.parser.Parse(body) {
		for i := range l.parser.Media {
			m := &l.parser.Media[i]
			if m.Kind != sdp.Audio || len(l.list) >= maxLines {
				continue
			}
			n := line{t: t}
			if m.Addr.IsValid() {
				n.end = decode.Endpoint{IP: m.Addr.As16(), Port: m.Port}
			}
			for _, f := range m.Formats {
				n.formats = append(n.formats, format{f.PT, string(f.Name), f.Clock, int(f.Chans)})
			}
			l.list = append(l.list, n)
		}
	}
	audio := false
	for row := range bytes.Lines(body) {
		row = bytes.TrimRight(row, "\r\n ")
		switch {
		case bytes.HasPrefix(row, []byte("m=")):
			audio = bytes.HasPrefix(row, []byte("m=audio"))
		case audio && bytes.HasPrefix(row, []byte("a=crypto:")):
			if k, ok := parseCrypto(string(row[len("a=crypto:"):])); ok && len(l.keys) < maxKeys && !slices.Contains(l.keys, k) {
				l.keys = append(l.keys, k)
			}
		}
	}
}

// format finds what a payload type means in packets from src to dst at time t: by the description of who receives them, else
// of who sends them, else by any of the call; the newest before t, else the first; else by RFC 3551.
func (l *lines) format(t int64, src, dst decode.Endpoint, pt uint8) (f format, ok bool) {
	best := -1
	for i := range l.list {
		n := &l.list[i]
		at := slices.IndexFunc(n.formats, func(f format) bool { return f.pt == pt && f.name != "" })
		if at < 0 {
			continue
		}
		score := 0
		switch n.end {
		case dst:
			score = 4
		case src:
			score = 2
		}
		if n.t <= t {
			score++
		}
		if score > best || score == best && score&1 == 1 {
			best, f = score, n.formats[at]
		}
	}
	if best >= 0 {
		return f, true
	}
	s := sdp.Static(pt)
	return format{pt, string(s.Name), s.Clock, int(s.Chans)}, s.Name != nil
}
