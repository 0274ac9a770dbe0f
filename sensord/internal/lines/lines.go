// Package lines finds the lines of a text and the colon behind the name that a line begins with (Text), and the signs that divide a
// value (Signs): 64 bytes in a few instructions with AVX2 and on arm64, the plain way elsewhere. What they mean is for its callers, sip
// and sdp.
package lines

import "bytes"

const (
	block = 64        // bytes that are looked at together
	reach = 8 * block // how far is looked ahead
	room  = 96        // for so many lines
	few   = 29        // so many leave room for those of another block, and three marks more
)

// marks are offsets of what was found in some lines, which follow one another.
type marks struct {
	colons [room]uint16 // of the first colon, or of the end if there is none
	ends   [room]uint16 // of the line feed
}

// Text is a text that is read line by line. It holds no more than a view of it.
type Text struct {
	b     []byte
	base  int // where the lines ahead start
	next  int // the first of them that was not given away
	n     int
	ahead marks // from base
}

// Read starts at offset at of b.
func (t *Text) Read(b []byte, at int) { t.b, t.base, t.next, t.n = b, at, 0, 0 }

// Next is about the next line. Its end is the offset of its line feed, len(b) if it has none; the line after it starts one byte later.
// colon is the offset of the first colon in it, end if there is none. Behind the last line there are empty ones.
func (t *Text) Next() (colon, end int) {
	i := t.next
	if i == t.n {
		return t.look()
	}
	t.next = i + 1
	return t.base + int(t.ahead.colons[i]), t.base + int(t.ahead.ends[i])
}

// look is Next when lines have to be looked for.
func (t *Text) look() (colon, end int) {
	if t.n > 0 {
		t.base += int(t.ahead.ends[t.n-1]) + 1
	}
	rest := t.b[t.base:]
	near := rest[:min(len(rest), reach)]
	if t.n = find(near, &t.ahead); t.n > 0 {
		t.next = 1
		return t.base + int(t.ahead.colons[0]), t.base + int(t.ahead.ends[0])
	}
	// The line is longer than what was looked at, or it is the last one and has no end.
	end = len(t.b)
	if nl := bytes.IndexByte(rest[len(near):], '\n'); nl >= 0 {
		end = t.base + len(near) + nl
	}
	colon = end
	if i := bytes.IndexByte(t.b[t.base:end], ':'); i >= 0 {
		colon = t.base + i
	}
	t.base, t.next = min(end+1, len(t.b)), 0
	return colon, end
}
