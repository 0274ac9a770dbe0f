package source

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"voiptop/sensord/analyze"
)

// followEvery is how often a file that is followed is looked at for what was appended.
const followEvery = 200 * time.Millisecond

// NewFollow opens a capture file that is being written: it is read as it grows, and has no end. Its messages and packets can be read
// again, as those of other files.
func NewFollow(path string) (*File, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f := newFile([]string{path})
	f.open = func() (analyze.Source, error) { // its header may not be written yet
		in, err := analyze.OpenLive(&growing{f.ctx, r})
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		return &withFile{in, r}, nil
	}
	return f, nil
}

// growing reads a file, and waits at its end for more until ctx ends.
type growing struct {
	ctx context.Context
	f   *os.File
}

// Read implements io.Reader.
func (g *growing) Read(b []byte) (int, error) {
	for {
		n, err := g.f.Read(b)
		if n > 0 || !errors.Is(err, io.EOF) {
			return n, err
		}
		t := time.NewTimer(followEvery)
		select {
		case <-t.C:
		case <-g.ctx.Done():
			t.Stop()
			return 0, io.EOF
		}
	}
}

// withFile closes its file with it.
type withFile struct {
	analyze.Source
	file *os.File
}

// Close implements analyze.Source.
func (s *withFile) Close() error { return errors.Join(s.Source.Close(), s.file.Close()) }
