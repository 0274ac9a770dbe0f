package sip

import (
	"bytes"
	"encoding/binary"
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
var compact = map[string]Name{
	"v": Via, "f": From, "t": To, "i": CallID, "m": Contact, "c": ContentType, "l": ContentLength, "r": ReferTo, "o": Event,
	"k": Supported, "s": Subject, "b": ReferredBy, "e": ContentEncoding, "u": AllowEvents, "x": SessionExpires,
}

// nameOf answers which indexed field b is the name of, in any case.
func nameOf(b []byte) Name {
	if len(b) < wide {
		n, _ := wordsOf(b, ':').name()
		return n
	}
	for _, n := range longNames {
		if equalFold(b, names[n]) {
			return n
		}
	}
	return notIndexed
}

// longNames do not fit words.
var longNames = [...]Name{ProxyAuthorization, PAssertedIdentity, ContentEncoding}

// fieldName tells which field the line of b is that starts at offset at and has a colon behind its name. other has a bit for a name that
// is not indexed, see Others.
func fieldName(b []byte, at, colon int) (n Name, other Others) {
	if length := colon - at; length < wide && at <= len(b)-wide {
		line, head := b[at:at+wide], &heads[length&(wide-1)]
		n, hash := words{binary.LittleEndian.Uint64(line) & head.lo, binary.LittleEndian.Uint64(line[8:]) & head.hi}.name()
		if n != notIndexed || !blank(b[colon-1]) {
			return n, 1 << (hash / 2 % 64)
		}
	}
	name := trimRight(b[at:colon])
	return nameOf(name), otherOf(name)
}

// Others tells which header fields that are not indexed a message may have, by a few bits of their names: to walk over its lines
// is seldom worth while.
type Others uint64

const indexed Others = 1 // every message may have those

// otherOf has the bit of a name that is not indexed.
func otherOf(name []byte) Others {
	_, hash := wordsOf(name, ':').name()
	return 1 << (hash / 2)
}

// OthersOf is what Message.Others has something in common with if the message has a field of that name.
func OthersOf(name string) Others {
	if b := []byte(name); nameOf(b) == notIndexed {
		return otherOf(b)
	}
	return indexed
}

// words are the first 16 bytes of a name and the colon behind it, to be compared at once; behind the colon there are zeros.
type words struct{ lo, hi uint64 }

const wide = 16 // bytes of words

// load makes words of b.
func load(b *[wide]byte) words {
	return words{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])}
}

// wordsOf makes words of a name and what comes behind it.
func wordsOf(name []byte, then ...byte) words {
	var text [wide]byte
	copy(text[copy(text[:], name):], then)
	return load(&text)
}

// heads are ones for the bytes of words that a name of so many and its colon fill.
var heads = func() (t [wide]words) {
	for n := range t {
		t[n] = wordsOf(bytes.Repeat([]byte{0xff}, n+1))
	}
	return t
}()

// known is a name as words. Its letters match whatever their case, which fold sets.
type known struct {
	words
	fold words
	name Name
}

const knownBits = 7

// name tells which indexed field w is the name of, and where in byWords it was looked for.
func (w words) name() (n Name, hash uint64) {
	hash = w.hash()
	if at := &byWords[hash]; w.lo|at.fold.lo == at.lo && w.hi|at.fold.hi == at.hi {
		return at.name, hash
	}
	return notIndexed, hash
}

// hash is the place of a name in byWords. The multipliers were chosen so that no two names share one, which a test asserts.
func (w words) hash() uint64 {
	const lower = 0x2020202020202020
	return ((w.lo|lower)*0xb0e25386a9e2612f ^ (w.hi|lower)*0xe59e1f0c59f7412d) >> (64 - knownBits)
}

// byWords are the names that fit words, the compact forms included.
var byWords = func() (t [1 << knownBits]known) {
	add := func(name string, n Name) {
		var fold [wide]byte
		for i, c := range []byte(name) {
			if 'a' <= c && c <= 'z' {
				fold[i] = 0x20
			}
		}
		k := known{wordsOf([]byte(name), ':'), load(&fold), n}
		t[k.hash()] = k
	}
	for n, name := range names {
		if len(name) < wide {
			add(name, Name(n))
		}
	}
	for name, n := range compact {
		add(name, n)
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
