package lines

import "golang.org/x/sys/cpu"

var avx2 = cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasPOPCNT

// find makes marks of the lines of b that have an end, b starting with a line and being at most reach long, and answers how many they are:
// all, or at least few.
func find(b []byte, m *marks) int {
	if !avx2 || len(b) < block {
		return plain(b, m)
	}
	return findAVX2(&b[0], len(b), m)
}

// findAVX2 is find for n bytes, at least 64.
//
//go:noescape
func findAVX2(b *byte, n int, m *marks) int

// findSigns is Signs.Find but for what it writes behind the signs, and n, which is not large.
func findSigns(b []byte, n int, s *Signs) int {
	if !avx2 || n == 0 || len(b) < (n+block-1)&^(block-1) {
		return plainSigns(b[:n], s)
	}
	return findSignsAVX2(&b[0], n, s)
}

// findSignsAVX2 is findSigns for at least one byte. It reads whole blocks.
//
//go:noescape
func findSignsAVX2(b *byte, n int, s *Signs) int
