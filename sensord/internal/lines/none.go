//go:build !amd64 && !arm64

package lines

// find makes marks of the lines of b that have an end, b starting with a line and being at most reach long, and answers how many they are:
// all, or at least few.
func find(b []byte, m *marks) int { return plain(b, m) }

// findSigns is Signs.Find but for what it writes behind the signs, and n, which is not large.
func findSigns(b []byte, n int, s *Signs) int { return plainSigns(b[:n], s) }
