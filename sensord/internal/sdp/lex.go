package sdp

func skip(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	return b
}

func word(b []byte) (w, rest []byte) {
	b = skip(b)
	for i, c := range b {
		if c == ' ' || c == '\t' {
			return b[:i], b[i+1:]
		}
	}
	return b, nil
}

// behind leaves n words of b behind.
func behind(b []byte, n int) []byte {
	for range n {
		_, b = word(b)
	}
	return b
}

// cut is bytes.Cut for what is short.
func cut(b []byte, at byte) (before, after []byte) {
	for i, c := range b {
		if c == at {
			return b[:i], b[i+1:]
		}
	}
	return b, nil
}

// leading reads the first word as number does.
func leading(b []byte, limit int) (n int, ok bool, rest []byte) {
	b = skip(b)
	for i, c := range b {
		if c < '0' || c > '9' {
			if i > 0 && (c == ' ' || c == '\t') {
				return n, true, b[i+1:]
			}
			_, rest = word(b)
			return 0, false, rest
		}
		if n = n*10 + int(c-'0'); n > limit {
			_, rest = word(b)
			return 0, false, rest
		}
	}
	return n, len(b) > 0, nil
}

func number(b []byte, limit int) (int, bool) {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = n*10 + int(c-'0'); n > limit {
			return 0, false
		}
	}
	return n, len(b) > 0
}

// fold compares b in any case with s, in lower case.
func fold(b []byte, s string) bool {
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

func contains(b []byte, s string) bool {
	for i := 0; i+len(s) <= len(b); i++ {
		if fold(b[i:i+len(s)], s) {
			return true
		}
	}
	return false
}
