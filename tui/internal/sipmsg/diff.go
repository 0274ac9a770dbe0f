package sipmsg

import "strings"

// Change says how two lines differ.
type Change uint8

// The kinds of difference.
const (
	Same    Change = iota
	Changed        // the same header or the same SDP line with another value
	Removed        // only in the first message
	Added          // only in the second
)

// Pair is a line of each message beside the other's; that which is missing is nil.
type Pair struct {
	Change Change
	A, B   *Line
}

// maxDiff bounds the lines of a message that are compared one by one; those behind are compared in their order.
const maxDiff = 1000

// Diff compares two messages. Lines stay in their order; a header is beside the header of the same name, whatever its value.
func Diff(a, b []Line) []Pair {
	n, m := min(len(a), maxDiff), min(len(b), maxDiff)
	// best[i][j] is the score of the best match of a[i:] with b[j:].
	best := make([]int32, (n+1)*(m+1))
	at := func(i, j int) *int32 { return &best[i*(m+1)+j] }
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			v := max(*at(i+1, j), *at(i, j+1))
			if s := likeness(&a[i], &b[j]); s > 0 {
				v = max(v, s+*at(i+1, j+1))
			}
			*at(i, j) = v
		}
	}
	var out []Pair
	i, j := 0, 0
	for i < n && j < m {
		s := likeness(&a[i], &b[j])
		switch {
		case s > 0 && *at(i, j) == s+*at(i+1, j+1):
			p := Pair{Changed, &a[i], &b[j]}
			if a[i].Text == b[j].Text {
				p.Change = Same
			}
			out = append(out, p)
			i++
			j++
		case *at(i, j) == *at(i+1, j):
			out = append(out, Pair{Removed, &a[i], nil})
			i++
		default:
			out = append(out, Pair{Added, nil, &b[j]})
			j++
		}
	}
	for ; i < len(a); i++ {
		out = append(out, Pair{Removed, &a[i], nil})
	}
	for ; j < len(b); j++ {
		out = append(out, Pair{Added, nil, &b[j]})
	}
	return out
}

// likeness is how well two lines go together, 0: not at all.
func likeness(a, b *Line) int32 {
	switch {
	case a.Kind != b.Kind:
		return 0
	case a.Text == b.Text:
		return 16
	case a.Kind == Start:
		return 12
	case a.Kind != Header && a.Kind != SDP || a.Name == "" || !strings.EqualFold(Long(a.Name), Long(b.Name)):
		return 0
	}
	// The more they begin alike, the better: a=rtpmap:8 goes with a=rtpmap:8.
	n := int32(0)
	for n < 8 && int(n)+len(a.Name) < min(len(a.Text), len(b.Text)) && a.Text[len(a.Name)+int(n)] == b.Text[min(len(b.Name)+int(n), len(b.Text)-1)] {
		n++
	}
	return 4 + n/2
}

// Differ answers what of two lines is not the same: a[head:len(a)-tail] against b[head:len(b)-tail]. Cuts are between runes.
func Differ(a, b string) (head, tail int) {
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	for head > 0 && head < len(a) && a[head]&0xc0 == 0x80 {
		head--
	}
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	for tail > 0 && a[len(a)-tail]&0xc0 == 0x80 {
		tail--
	}
	return head, tail
}
