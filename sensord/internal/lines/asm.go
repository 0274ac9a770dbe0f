//go:build amd64 || arm64

package lines

// find makes marks of the lines of b that have an end, b starting with a line and being at most reach long, and answers how many they are:
// all, or at least few.
func find(b []byte, m *marks) int {
	if !vectors || len(b) < block {
		return plain(b, m)
	}
	return findBlocks(&b[0], len(b), m)
}

// findBlocks is find for n bytes, at least 64.
//
//go:noescape
func findBlocks(b *byte, n int, m *marks) int

// findSigns is Signs.Find but for what it writes behind the signs, and n, which is not large.
func findSigns(b []byte, n int, s *Signs) int {
	if !vectors || n == 0 || len(b) < (n+block-1)&^(block-1) {
		return plainSigns(b[:n], s)
	}
	return findSignsBlocks(&b[0], n, s)
}

// findSignsBlocks is findSigns for at least one byte. It reads whole blocks.
//
//go:noescape
func findSignsBlocks(b *byte, n int, s *Signs) int
