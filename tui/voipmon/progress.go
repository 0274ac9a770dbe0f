package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// progress tells on a terminal how much of a download has come. It is a source.Sized.
type progress struct {
	io.Writer
	out   io.Writer
	n     int64
	total int64 // -1: not known
	shown int64 // what of n is on the terminal
}

// watched gives a writer that shows its progress on stderr, or w itself where stderr is no terminal. n bytes are there already.
func watched(w, stderr io.Writer, n int64) io.Writer {
	if f, ok := stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &progress{Writer: w, out: stderr, n: n, total: -1}
	}
	return w
}

// SetSize implements source.Sized.
func (p *progress) SetSize(total int64) { p.total = total }

// Write shows each hundredth of what is known to come, and each MiB of what is not.
func (p *progress) Write(b []byte) (int, error) {
	n, err := p.Writer.Write(b)
	p.n += int64(n)
	step := int64(1 << 20)
	if p.total > 0 {
		step = max(p.total/100, 1)
	}
	switch {
	case p.n == p.total:
		fmt.Fprint(p.out, "\r\033[K")
	case p.n-p.shown < step:
	case p.total > 0:
		p.shown = p.n
		fmt.Fprintf(p.out, "\r%d %% of %.1f MB", p.n*100/p.total, float64(p.total)/1e6)
	default:
		p.shown = p.n
		fmt.Fprintf(p.out, "\r%.1f MB", float64(p.n)/1e6)
	}
	return n, err
}
