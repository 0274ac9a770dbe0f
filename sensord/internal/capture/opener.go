package capture

import (
	"io"
	"os"
	"sync"
	"sync/atomic"
)

// opener opens the files of a source and closes those that are open when the source is closed, by whichever goroutine.
type opener struct {
	blocks *pool // of the reader
	stdin  io.Reader
	closed atomic.Bool
	stop   chan struct{} // closed by Close
	mu     sync.Mutex
	files  map[*file]bool
}

// newOpener makes an opener. Of the files that it opens so many may be open at a time.
func newOpener(stdin io.Reader, live bool, most int) opener {
	if stdin == nil {
		stdin = os.Stdin
	}
	stop := make(chan struct{})
	size := aloneSize
	if most > 1 {
		size = mergedSize
	}
	return opener{blocks: &pool{size: size}, stdin: &stoppable{r: stdin, stop: stop, live: live}, stop: stop, files: map[*file]bool{}}
}

func (o *opener) open(path string) (*file, error) {
	f, err := openFile(path, o.stdin, o.blocks)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.files[f] = true
	if o.closed.Load() {
		f.close()
	}
	return f, nil
}

// shut closes a file that nothing more is read of. It is for the reader.
func (o *opener) shut(f *file) {
	f.end()
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.files, f)
	f.close()
}

// Close implements Source.
func (o *opener) Close() error {
	if o.closed.Swap(true) {
		return nil
	}
	close(o.stop)
	o.mu.Lock()
	defer o.mu.Unlock()
	for f := range o.files {
		f.close()
	}
	return nil
}
