package capture

import (
	"container/heap"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Options of Open. The zero value is fine.
type Options struct {
	Stdin io.Reader // what "-" reads; os.Stdin
	// Live says that "-" is a capture that is being made: while nothing comes, packets are not kept waiting for others that may belong
	// before them.
	Live bool
}

// maxOpen is how many files stay open from the start. Of more, only those whose time has come are open.
const maxOpen = 16

// Open opens capture files and merges them by time: pcap and pcapng, plain, gzip or zstd, found out by their content.
// "-" is standard input, a directory stands for the capture files in it and below, in the order of their names. A file
// that cannot be read, or is no capture, is an error; in a directory it is passed over, with a warning if its name ends
// like a capture's. A file that is cut or damaged is read as far as it goes, and a warning tells where that was.
func Open(paths []string, o Options) (Filler, error) {
	names, err := expand(paths)
	if err != nil {
		return nil, err
	}
	s := &files{opener: newOpener(o.Stdin, o.Live, len(names))}
	for i, n := range names {
		s.waits = s.waits || n.pipe
		if err := s.add(i, n, len(names) > maxOpen); err != nil {
			_ = s.Close()
			return nil, err
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no capture file in %s", strings.Join(paths, " "))
	}
	heap.Init(&s.heap)
	return s, nil
}

// input is a file to read.
type input struct {
	path  string
	found bool // in a directory, and was not named
	pipe  bool // or a terminal: somebody writes into it
}

func expand(paths []string) ([]input, error) {
	var out []input
	for _, p := range paths {
		if p == "-" {
			if slices.ContainsFunc(out, func(i input) bool { return i.path == p }) {
				return nil, errors.New("standard input (-) can be read once only")
			}
			out = append(out, input{path: p, pipe: true})
			continue
		}
		info, err := os.Stat(p)
		if err != nil {
			return nil, fmt.Errorf("open capture: %w", err)
		}
		if !info.IsDir() {
			out = append(out, input{path: p, pipe: !info.Mode().IsRegular()})
			continue
		}
		err = filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.Type().IsRegular() {
				out = append(out, input{path: path, found: true})
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read capture folder: %w", err)
		}
	}
	return out, nil
}

// looksLikeCapture goes by the name, for files that turned out not to be captures.
func looksLikeCapture(path string) bool {
	base := strings.ToLower(filepath.Base(path))
	for _, end := range []string{".gz", ".zst"} {
		base = strings.TrimSuffix(base, end)
	}
	for _, end := range []string{".pcap", ".pcapng", ".cap", ".dmp"} {
		if strings.HasSuffix(base, end) {
			return true
		}
	}
	return false
}

// files is a Source over files, merged by time.
type files struct {
	opener
	heap  mergeHeap
	count counts
	waits bool // a file is a pipe
	// last is the file whose packet is lent out: it moves on when the next one is asked for.
	last *merged
	lent *block // in which that packet lies
}

// merged is one of the files that are merged.
type merged struct {
	path  string
	iface uint16
	time  int64 // of its next packet
	file  *file // nil until its time has come
}

func (s *files) add(i int, in input, reopen bool) error {
	f, err := s.open(in.path)
	if err != nil {
		if !in.found {
			return err
		}
		if looksLikeCapture(in.path) {
			s.count.warn(&Warning{in.path, 0, err.Error()})
		}
		return nil
	}
	if s.count.inputs() == math.MaxUint16 {
		s.shut(f)
		return fmt.Errorf("more than %d capture files", math.MaxUint16)
	}
	m := &merged{path: in.path, iface: s.count.input(f.name), file: f}
	t, ok := f.peek()
	if !ok {
		s.count.warn(f.warning)
		s.shut(f)
		return nil
	}
	if m.time = t; reopen && in.path != "-" {
		s.shut(f)
		m.file = nil
	}
	s.heap = append(s.heap, m)
	return nil
}

func (s *files) Next(p *Packet) (err error) {
	s.lent.let()
	s.lent, err = s.next(p)
	return err
}

// next fills p. Data lies in the block in, of which the caller is a holder from then on.
func (s *files) next(p *Packet) (in *block, err error) {
	for {
		if err := s.turn(); err != nil {
			return nil, err
		}
		m := s.heap[0]
		s.last = m
		if in, err = m.file.next(p); err != nil {
			continue
		}
		p.Iface = m.iface
		s.count.packet(len(p.Data))
		return in, nil
	}
}

// Fill implements Filler.
func (s *files) Fill(b *Batch) error {
	s.lent.let()
	s.lent = nil
	b.Release()
	from := s.count.bytes
	for len(b.Packets) < b.most && s.count.bytes-from < batchBytes {
		if err := s.turn(); err != nil {
			return err
		}
		if len(s.heap) == 1 && s.heap[0].file.calm() {
			if more := s.run(b); !more {
				return nil
			}
			continue
		}
		in, err := s.next(b.next())
		if err != nil {
			return err
		}
		b.keep(in)
		b.took(1)
	}
	return nil
}

// Waits implements Filler.
func (s *files) Waits() bool { return s.waits }

// run fills a batch with packets of the only file that is left, and reports whether there are more before it must be read on.
func (s *files) run(b *Batch) (more bool) {
	m := s.heap[0]
	s.last = m
	n := len(b.Packets)
	more = m.file.run(b)
	bytes := 0
	for i := range b.Packets[n:] {
		p := &b.Packets[n+i]
		p.Iface = m.iface
		bytes += len(p.Data)
	}
	s.count.add(len(b.Packets)-n, bytes)
	return more
}

// turn makes the first of the heap the file whose packet is next, open.
func (s *files) turn() error {
	for {
		if s.closed.Load() {
			return ErrClosed
		}
		if s.last != nil {
			s.advance()
		}
		if len(s.heap) == 0 {
			s.count.publish()
			if s.closed.Load() { // while it waited for more
				return ErrClosed
			}
			return io.EOF
		}
		m := s.heap[0]
		if m.file != nil {
			return nil
		}
		f, err := s.open(m.path)
		if err == nil {
			m.file = f
			return nil
		}
		s.count.warn(&Warning{m.path, 0, err.Error()})
		heap.Pop(&s.heap)
	}
}

// advance moves the file that was read last to its next packet's place.
func (s *files) advance() {
	m := s.last
	s.last = nil
	t, ok := m.file.peek()
	if !ok {
		s.count.warn(m.file.warning)
		s.shut(m.file)
		heap.Pop(&s.heap)
		return
	}
	if m.time = t; len(s.heap) > 1 {
		heap.Fix(&s.heap, 0)
	}
}

func (s *files) Stats() Stats { return s.count.stats() }

type mergeHeap []*merged

func (h mergeHeap) Len() int { return len(h) }
func (h mergeHeap) Less(i, j int) bool {
	return h[i].time < h[j].time || h[i].time == h[j].time && h[i].iface < h[j].iface
}
func (h mergeHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *mergeHeap) Push(x any)   { *h = append(*h, x.(*merged)) }
func (h *mergeHeap) Pop() any {
	old := *h
	m := old[len(old)-1]
	*h = old[:len(old)-1]
	return m
}
