package sip

import "bytes"

// MaxFramed is the largest message that a Framer holds together. A stream with a longer one is resynchronised.
const MaxFramed = 64 << 10

// Framer cuts the messages out of one direction of a byte stream (RFC 3261 section 18.3). Bytes that arrive in one
// piece are not copied; what is incomplete is held. The zero value is ready.
type Framer struct {
	held []byte
	// Skipped counts the bytes that belonged to no message: the middle of one when the capture began or had a gap.
	Skipped uint64
}

// Feed takes the next bytes of the stream and calls emit with every message that is complete; a message is valid until
// emit returns. A message without Content-Length ends where the next one starts, or at the end of b.
func (f *Framer) Feed(b []byte, emit func(msg []byte)) {
	if len(f.held) > 0 {
		f.held = append(f.held, b...)
		b = f.held
	}
	rest := f.cut(b, emit)
	switch {
	case len(rest) == 0:
		f.held = f.held[:0]
	case len(rest) > MaxFramed:
		f.Skipped += uint64(len(rest))
		f.held = f.held[:0]
	default:
		f.held = append(f.held[:0], rest...) // rest may be a tail of held: append moves memory as copy does
	}
}

// Held is how many bytes of a message that is not complete are held.
func (f *Framer) Held() int { return len(f.held) }

// Cut emits the message that is held although it is not complete, because the bytes that follow were not captured (snaplen):
// its Message says that it is cut. What does not look like a message is left to Gap.
func (f *Framer) Cut(emit func(msg []byte)) {
	if LooksLikeSIP(f.held) {
		emit(f.held)
		f.held = f.held[:0]
	}
}

// CutBody emits the message that is held if its head is whole: the rest of its body was not captured.
func (f *Framer) CutBody(emit func(msg []byte)) {
	if LooksLikeSIP(f.held) && headEnd(f.held) > 0 {
		emit(f.held)
		f.held = f.held[:0]
	}
}

// Gap forgets a message that is not complete: bytes of the stream are missing here.
func (f *Framer) Gap() {
	f.Skipped += uint64(len(f.held))
	f.held = f.held[:0]
}

// cut emits the messages in b and returns what is incomplete.
func (f *Framer) cut(b []byte, emit func([]byte)) []byte {
	for {
		for len(b) > 0 && (b[0] == '\r' || b[0] == '\n' || b[0] == 0) { // keep-alive
			b = b[1:]
		}
		if len(b) == 0 {
			return nil
		}
		if !MayStart(b) {
			n := resync(b)
			f.Skipped += uint64(n)
			b = b[n:]
			continue
		}
		head := headEnd(b)
		if head < 0 {
			return b
		}
		n := contentLength(b[:head])
		if n < 0 { // without a length: up to the next message, or all there is
			n = nextStart(b[head:])
		}
		if n > MaxFramed { // no message: leave its first line behind
			f.Skipped++
			b = b[1:]
			continue
		}
		if head+n > len(b) {
			return b
		}
		emit(b[: head+n : head+n])
		b = b[head+n:]
	}
}

// MayStart reports whether b starts a message, or is the beginning of something that may become one.
func MayStart(b []byte) bool {
	if bytes.IndexByte(b, '\n') >= 0 {
		return LooksLikeSIP(b)
	}
	if startsWithVersion(b) {
		return true
	}
	sp := bytes.IndexByte(b, ' ')
	if sp < 0 {
		sp = len(b)
	}
	if sp > maxMethod || len(b) > 4096 {
		return false
	}
	for _, c := range b[:sp] {
		if !token[c] && c != '/' {
			return false
		}
	}
	return true
}

// resync finds the next line that starts a message; len(b) less the last, unfinished line when there is none.
func resync(b []byte) int {
	at := 0
	for {
		nl := bytes.IndexByte(b[at:], '\n')
		if nl < 0 {
			if at > 0 && MayStart(b[at:]) {
				return at
			}
			return len(b)
		}
		at += nl + 1
		if startsHere(b[at:]) {
			return at
		}
	}
}

// startsHere reports whether b begins with the whole first line of a message.
func startsHere(b []byte) bool {
	return bytes.IndexByte(b, '\n') > 0 && b[0] != '\r' && LooksLikeSIP(b)
}

// nextStart answers how many bytes of b come before the next message.
func nextStart(b []byte) int {
	for at := 0; at < len(b); {
		if startsHere(b[at:]) {
			return at
		}
		nl := bytes.IndexByte(b[at:], '\n')
		if nl < 0 {
			break
		}
		at += nl + 1
	}
	return len(b)
}

// headEnd answers the offset after the blank line, -1 when it has not come yet.
func headEnd(b []byte) int {
	for at := 0; ; {
		nl := bytes.IndexByte(b[at:], '\n')
		if nl < 0 {
			return -1
		}
		at += nl + 1
		if at < len(b) && b[at] == '\n' {
			return at + 1
		}
		if at+1 < len(b) && b[at] == '\r' && b[at+1] == '\n' {
			return at + 2
		}
	}
}

// WholeLines answers a message that was cut without its last line, unless that is whole: a value that is cut is another value.
func WholeLines(b []byte) []byte {
	if head := headEnd(b); head >= 0 {
		if n := contentLength(b[:head]); n >= 0 && head+n <= len(b) { // what was cut came after it
			return b
		}
	}
	return b[:bytes.LastIndexByte(b, '\n')+1]
}

// contentLength reads the length out of a message head, -1 without one.
func contentLength(head []byte) int {
	var m Message
	if m.Parse(head) != nil {
		return 0
	}
	return m.ContentLength()
}

// HasMessage reports whether a message starts at one of the lines of b: a stream joined in the middle of a message.
func HasMessage(b []byte) bool {
	for {
		nl := bytes.IndexByte(b, '\n')
		if nl < 0 {
			return false
		}
		b = b[nl+1:]
		if startsHere(b) {
			return true
		}
	}
}
