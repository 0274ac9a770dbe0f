package lines

// Signs are offsets of the signs in a value of a SIP header field that divide it, or hide those that do (RFC 3261 section 25.1): the
// semicolon, the comma, < and >, the quote and the backslash.
type Signs [32]uint16

const (
	manySigns = 28   // room for three more
	longValue = 1024 // bytes
)

// Find writes the signs of the first n bytes of b in their order and then n, and answers how many signs there are: -1 if they are too
// many for a usual value, or if it is too long for one.
func (s *Signs) Find(b []byte, n int) int {
	if n > longValue {
		return -1
	}
	k := findSigns(b, n, s)
	if k >= 0 {
		s[k] = uint16(n)
	}
	return k
}

// plainSigns is findSigns for every processor.
func plainSigns(b []byte, s *Signs) (n int) {
	for i, c := range b {
		if !isSign[c] {
			continue
		}
		if n == manySigns {
			return -1
		}
		s[n] = uint16(i)
		n++
	}
	return n
}

var isSign = [256]bool{'"': true, ',': true, ';': true, '<': true, '>': true, '\\': true}
