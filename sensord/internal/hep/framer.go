package hep

import "bytes"

// Framer cuts the messages out of one direction of a byte stream. Bytes that arrive in one piece are not copied; what is
// incomplete is held, at most one message. The zero value is ready.
type Framer struct {
	held []byte
	// Skipped counts the bytes that belonged to no message: the middle of one when the capture began or had a gap.
	Skipped uint64
}

// Feed takes the next bytes of the stream and calls emit with every message that is complete; it is valid until emit
// returns.
func (f *Framer) Feed(b []byte, emit func(msg []byte)) {
	if len(f.held) > 0 {
		f.held = append(f.held, b...)
		b = f.held
	}
	for {
		n := resync(b)
		f.Skipped += uint64(n)
		b = b[n:]
		if len(b) < headLen {
			break
		}
		if n = length(b); n < headLen { // no message: leave its mark behind
			f.Skipped++
			b = b[1:]
			continue
		}
		if n > len(b) {
			break
		}
		emit(b[:n:n])
		b = b[n:]
	}
	f.held = append(f.held[:0], b...) // b may be a tail of held: append moves memory as copy does
}

// Gap forgets a message that is not complete: bytes of the stream are missing here.
func (f *Framer) Gap() {
	f.Skipped += uint64(len(f.held))
	f.held = f.held[:0]
}

// resync answers how many bytes of b come before the next message, or what may become one.
func resync(b []byte) int {
	if n := bytes.Index(b, []byte(magic)); n >= 0 {
		return n
	}
	for n := max(len(b)-len(magic)+1, 0); n < len(b); n++ {
		if magic[:len(b)-n] == string(b[n:]) {
			return n
		}
	}
	return len(b)
}
