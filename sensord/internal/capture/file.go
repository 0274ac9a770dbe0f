package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	// windowSize is how many packets a file may have a packet late. Writers that merge several queues or interfaces
	// are out of order by a few.
	windowSize = 64
	// maxStep is how far back in time a packet may be and still be put into its place, in nanoseconds. A longer step
	// back is a clock that was set: what was read before comes first.
	maxStep = int64(60e9)
	// maxHeld is how far behind a packet may wait in the file's buffer for its turn; then it is copied out.
	maxHeld = 256 << 10

	maxZstdWindow = 128 << 20
)

// file reads one capture file, in the order of time within the window.
type file struct {
	name string
	disk *os.File // nil for standard input
	b    *buffer
	f    format

	ring       [windowSize]record // sorted by time, from head
	head, n    int
	pending    record // read, but to come after all in the ring
	hasPending bool
	err        error // why nothing more is read
	warning    *Warning
	secrets    []byte // TLS key log lines that were read, and not handed out yet
}

// openFile opens a capture file and reads its header. stdin is what "-" reads.
func openFile(path string, stdin io.Reader) (*file, error) {
	f := &file{name: path}
	var in io.Reader
	if path == "-" {
		f.name = "stdin"
		in = stdin
	} else {
		o, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("open capture: %w", err)
		}
		f.disk = o
		in = o
	}
	if err := f.start(in); err != nil {
		f.close()
		var d *damage
		if errors.As(err, &d) {
			err = errors.New(d.text)
		}
		return nil, fmt.Errorf("open capture %s: %w", f.name, err)
	}
	return f, nil
}

func (f *file) start(in io.Reader) error {
	f.b = newBuffer(in, f.keep)
	head := f.b.peek(8)
	plain, err := decompress(head, &prefixed{f.b.b[:f.b.end], in, f.b.err})
	if err != nil {
		return err
	}
	if plain != nil {
		f.b = newBuffer(plain, f.keep)
		head = f.b.peek(8)
	}
	if err := f.b.cause(); err != nil {
		return err
	}
	if len(head) < 4 {
		return notCapture(head)
	}
	switch magic := uint32(head[0]) | uint32(head[1])<<8 | uint32(head[2])<<16 | uint32(head[3])<<24; magic {
	case magicMicro, magicNano, magicMicroSwapped, magicNanoSwapped, magicModified, magicModSwapped:
		f.f, err = newPcap(f.b)
	case magicNG:
		f.f, err = newPcapNG(f.b, f.tell)
	default:
		err = notCapture(head)
	}
	return err
}

// decompress returns a reader of what is compressed in r, nil if head is not of a compressed file.
func decompress(head []byte, r io.Reader) (io.Reader, error) {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		return z, nil
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		return z, nil
	}
	return nil, nil
}

// prefixed reads what has been read already, then the rest.
type prefixed struct {
	head []byte
	r    io.Reader
	err  error
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.head) > 0 {
		n := copy(b, p.head)
		p.head = p.head[n:]
		return n, nil
	}
	if p.err != nil {
		return 0, p.err
	}
	return p.r.Read(b)
}

func notCapture(head []byte) error {
	found := fmt.Sprintf("bytes % x", head)
	switch {
	case len(head) == 0:
		found = "an empty file"
	case bytes.HasPrefix(head, []byte("\xfd7zXZ")):
		found = "xz compression (unpack it first)"
	case bytes.HasPrefix(head, []byte("BZh")):
		found = "bzip2 compression (unpack it first)"
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		found = "a zip archive (unpack it first)"
	case bytes.HasPrefix(head, []byte("snoop\x00")):
		found = "a snoop capture (convert it with editcap)"
	case utf8.Valid(head) && !bytes.ContainsFunc(head, func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\r\n", r) }):
		found = fmt.Sprintf("text, %q", head)
	}
	return fmt.Errorf("not a pcap or pcapng file: found %s", found)
}

// tell takes TLS key log lines.
func (f *file) tell(lines []byte) {
	if len(f.secrets) > 0 {
		f.secrets = append(f.secrets, '\n')
	}
	f.secrets = append(f.secrets, lines...)
}

// close may be called beside a read, which then fails. The decompressors hold memory only.
func (f *file) close() {
	if f.disk != nil {
		_ = f.disk.Close() // read only: nothing is lost
	}
}

// keep tells the buffer from which offset on packets still stand in it, and copies out those that have waited long.
func (f *file) keep(pos int64) int64 {
	oldest := pos
	for i := range f.n {
		r := &f.ring[(f.head+i)%windowSize]
		if r.data != nil {
			continue
		}
		if pos-r.off > maxHeld {
			at := int(r.off - f.b.base)
			r.data = bytes.Clone(f.b.b[at : at+int(r.caplen)])
			continue
		}
		oldest = min(oldest, r.off)
	}
	return oldest
}

// fill reads on until the window is full or nothing more comes. A record is read into its place in the window: mostly it is
// the newest.
func (f *file) fill() {
	for f.n < windowSize && !f.hasPending && f.err == nil {
		at := f.head + f.n
		r := &f.ring[at%windowSize]
		if err := f.f.next(r); err != nil {
			f.err = io.EOF
			var d *damage
			if errors.As(err, &d) {
				f.warning = &Warning{f.name, d.off, d.text}
			}
			return
		}
		if f.n > 0 {
			if newest := f.ring[(at-1)%windowSize].time; r.time < newest {
				f.pending = *r
				if r.time < newest-maxStep {
					f.hasPending = true
					return
				}
				f.insert()
				continue
			}
		}
		f.n++
	}
}

// insert puts the pending record into its place, after those of the same time.
func (f *file) insert() {
	i := f.head + f.n
	for ; i > f.head && f.ring[(i-1)%windowSize].time > f.pending.time; i-- {
		f.ring[i%windowSize] = f.ring[(i-1)%windowSize]
	}
	f.ring[i%windowSize] = f.pending
	f.n++
}

// peek returns the time of the next packet; ok is false at the end.
func (f *file) peek() (t int64, ok bool) {
	f.fill()
	if f.n == 0 {
		if !f.hasPending {
			return 0, false
		}
		return f.pending.time, true
	}
	return f.ring[f.head].time, true
}

// next fills p, but for Iface. It answers io.EOF at the end, damaged or not.
func (f *file) next(p *Packet) error {
	f.fill()
	if f.n == 0 {
		if !f.hasPending {
			return f.err
		}
		f.hasPending = false
		f.insert()
		f.fill()
	}
	r := &f.ring[f.head]
	f.head = (f.head + 1) % windowSize
	f.n--
	p.Time, p.Link, p.Length = r.time, r.link, int(max(r.length, r.caplen))
	p.Secrets, f.secrets = f.secrets, nil
	if p.Data = r.data; r.data == nil {
		at := int(r.off - f.b.base)
		p.Data = f.b.b[at : at+int(r.caplen) : at+int(r.caplen)]
	}
	return nil
}
