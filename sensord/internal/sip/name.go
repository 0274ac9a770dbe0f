package sip

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Name is a header field that the package indexes. Other header fields are found with Message.Header.
type Name uint8

// The indexed header fields.
const (
	Via Name = iota
	From
	To
	CallID
	CSeq
	Contact
	ContentType
	ContentLength
	UserAgent
	Server
	Reason
	Replaces
	ReferTo
	RSeq
	RAck
	Route
	RecordRoute
	Require
	Event
	Expires
	Authorization
	ProxyAuthorization
	PAssertedIdentity
	Supported
	Subject
	ReferredBy
	ContentEncoding
	AllowEvents
	SessionExpires
	numNames
	notIndexed Name = 255
)

var names = [numNames]string{
	"via", "from", "to", "call-id", "cseq", "contact", "content-type", "content-length", "user-agent", "server",
	"reason", "replaces", "refer-to", "rseq", "rack", "route", "record-route", "require", "event", "expires", "authorization",
	"proxy-authorization", "p-asserted-identity", "supported", "subject", "referred-by", "content-encoding", "allow-events",
	"session-expires",
}

// compact are the one-letter forms (RFC 3261 section 7.3.3, RFC 3515, 3892, 4028, 6665).
var compact = func() (t [256]Name) {
	for i := range t {
		t[i] = notIndexed
	}
	for c, n := range map[byte]Name{
		'v': Via, 'f': From, 't': To, 'i': CallID, 'm': Contact, 'c': ContentType, 'l': ContentLength,
		'r': ReferTo, 'o': Event, 'k': Supported, 's': Subject, 'b': ReferredBy, 'e': ContentEncoding, 'u': AllowEvents, 'x': SessionExpires,
	} {
		t[c], t[c-'a'+'A'] = n, n
	}
	return t
}()

// nameOf answers which indexed field b is the name of, in any case.
func nameOf(b []byte) Name {
	if len(b) == 1 {
		return compact[b[0]]
	}
	for n, name := range names {
		if len(name) == len(b) && equalFold(b, name) {
			return Name(n)
		}
	}
	return notIndexed
}

// fieldName finds the name of a header line and where its colon is. line is the line and whatever follows it.
//
// other has a bit for a name that is not indexed, see Others.
func fieldName(line []byte) (n Name, colon int, other Others) {
	if len(line) < 16 {
		return longFieldName(line)
	}
	// The bytes before the first colon; behind the last one there are zeros.
	w := words{binary.LittleEndian.Uint64(line), binary.LittleEndian.Uint64(line[8:])}
	if m := colons(w.lo); m != 0 {
		colon = bits.TrailingZeros64(m) / 8
		w.lo &= m&-m>>7 - 1
		w.hi = 0
	} else if m := colons(w.hi); m != 0 {
		colon = 8 + bits.TrailingZeros64(m)/8
		w.hi &= m&-m>>7 - 1
	} else {
		return longFieldName(line)
	}
	hash := w.hash()
	if at := &byWords[hash]; colon == at.length && w.lo|at.fold.lo == at.lo && w.hi|at.fold.hi == at.hi {
		return at.name, colon, 0
	}
	if colon == 0 || blank(line[colon-1]) || bytes.IndexByte(line[:colon], '\n') >= 0 {
		return longFieldName(line)
	}
	return notIndexed, colon, 1 << (hash / 2)
}

// colons has a bit for the first byte of w that is a colon, and perhaps some for bytes behind it.
func colons(w uint64) uint64 {
	const each = 0x0101010101010101
	x := w ^ each*':'
	return (x - each) &^ x & (each << 7)
}

// longFieldName is fieldName for all lines.
func longFieldName(line []byte) (n Name, colon int, other Others) {
	for colon < len(line) && line[colon] != ':' && line[colon] != '\n' {
		colon++
	}
	if colon == 0 || colon == len(line) || line[colon] != ':' {
		return notIndexed, 0, 0
	}
	if n = nameOf(trimRight(line[:colon])); n == notIndexed {
		other = anyOther
	}
	return n, colon, other
}

// Others tells which header fields that are not indexed a message may have, by a few bits of their names: to walk over its lines
// is seldom worth while.
type Others uint64

const (
	indexed  Others = 1 // every message may have those
	anyOther        = ^Others(0)
)

// OthersOf is what Message.Others has something in common with if the message has a field of that name.
func OthersOf(name string) Others {
	if _, _, other := fieldName(append([]byte(name), ":               "...)); other != 0 {
		return other
	}
	return indexed
}

// words are up to 16 bytes, to be compared at once.
type words struct{ lo, hi uint64 }

// known is a name as words. Its letters match whatever their case, which fold sets.
type known struct {
	words
	fold   words
	length int
	name   Name
}

const knownBits = 7

// hash is the place of a name in byWords. The multipliers were chosen so that no two names share one, which a test asserts.
func (w words) hash() uint64 {
	const lower = 0x2020202020202020
	return ((w.lo|lower)*0xb3bb06be44e4bc7d ^ (w.hi|lower)*0xfa649bfeb8810e3d) >> (64 - knownBits)
}

// byWords are the names of up to 16 bytes, the compact forms included.
var byWords = func() (t [1 << knownBits]known) {
	for i := range t {
		t[i].length = -1 // no name
	}
	add := func(name string, n Name) {
		var text, fold [16]byte
		copy(text[:], name)
		for i, c := range text {
			if 'a' <= c && c <= 'z' {
				fold[i] = 0x20
			}
		}
		load := func(b *[16]byte) words {
			return words{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])}
		}
		k := known{load(&text), load(&fold), len(name), n}
		t[k.hash()] = k
	}
	for n, name := range names {
		if len(name) <= 16 {
			add(name, Name(n))
		}
	}
	for c := byte('a'); c <= 'z'; c++ {
		if compact[c] != notIndexed {
			add(string(c), compact[c])
		}
	}
	return t
}()

// equalFold compares b, in any case, with s, which is in lower case. Only ASCII letters fold.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range len(b) {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != s[i] {
			return false
		}
	}
	return true
}
