package call

import "unicode/utf8"

// lines are the status lines that calls share: most responses have one of a few. Those that are known stay as they are, so that records can
// be made of them while others are added.
type lines struct {
	known [256]string // the first is none
	n     int
	index [512]uint8 // by a hash of the line: which of known; 0: none
}

// of is which of the known ones a line is, or becomes; 0: none, for there are too many.
func (l *lines) of(line []byte) uint8 {
	at := &l.index[uint64(noDigest.Bytes(line))%uint64(len(l.index))]
	switch {
	case *at != 0:
		if l.known[*at] == string(line) {
			return *at
		}
	case l.n < len(l.known)-1 && utf8.Valid(line):
		l.n++
		l.known[l.n], *at = string(line), uint8(l.n)
		return *at
	}
	return 0
}
