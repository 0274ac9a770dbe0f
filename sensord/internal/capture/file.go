package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	// windowSize is how many packets a file may have a packet late. Writers that merge several queues or interfaces
	// are out of order by a few.
	windowSize = 64
	// maxStep is how far back in time a packet may be and still be put into its place at once, in nanoseconds. A longer step
	// back is a clock that was set, and what was read before comes first; or a file whose few packets lie far apart is out of
	// order, and then one of the next aheadSize goes on where the step began, or they are the last of the file.
	maxStep   = int64(1e9)
	aheadSize = windowSize
	ringSize  = windowSize + aheadSize

	// earliest is the least time of a packet: a simulation begins at 0, which means none in records. They count microseconds.
	earliest = int64(1e3)

	maxZstdWindow = 128 << 20
)

// file reads one capture file, in the order of time within the window.
type file struct {
	name string
	disk *os.File // nil for standard input
	b    *buffer
	f    format

	ring    [ringSize]record // sorted by time, from head
	head, n int
	ahead   [aheadSize]record // read after a step back in time, not in the ring yet
	later   int               // records in ahead that are to come after all in the ring
	err     error             // why nothing more is read
	warning *Warning
	secrets []byte // TLS key log lines that were read, and not handed out yet

	window int        // packets that are looked over: windowSize
	unruly int        // so many packets are read one by one, since there was one out of order
	live   *stoppable // what is read, if it is a capture that is being made
	silent bool       // nothing came of late
}

// patience is how long packets wait for others when nothing comes. Writers that merge several queues are faster.
const patience = 100 * time.Millisecond

// openFile opens a capture file and reads its header. stdin is what "-" reads.
func openFile(path string, stdin io.Reader, p *pool) (*file, error) {
	f := &file{name: path, window: windowSize}
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
	if err := f.start(in, p); err != nil {
		f.close()
		var d *damage
		if errors.As(err, &d) {
			err = errors.New(d.text)
		}
		return nil, fmt.Errorf("open capture %s: %w", f.name, err)
	}
	return f, nil
}

func (f *file) start(in io.Reader, p *pool) error {
	f.b = newBuffer(in, p, f.leave)
	head := f.b.peek(8)
	plain, err := decompress(head, &prefixed{f.b.b[:f.b.end], in, f.b.err})
	if err != nil {
		return err
	}
	if plain != nil { // it still reads the block
		f.b = newBuffer(plain, p, f.leave)
		head = f.b.peek(8)
	}
	if s, ok := in.(*stoppable); ok && s.live && plain == nil {
		f.live = s
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

// end lets the memory go that the file was read into. It is called by the reader, after the last packet was asked for.
func (f *file) end() {
	for ; f.n > 0; f.n-- {
		f.ring[f.head].in.let()
		f.head = (f.head + 1) % ringSize
	}
	for ; f.later > 0; f.later-- {
		f.ahead[f.later-1].in.let()
	}
	f.b.in.let()
}

// leave is called when the reading goes on to another block: packets that wait in one before this are copied out, so that few
// blocks are held.
func (f *file) leave(in *block) {
	for i := range f.n {
		f.ring[(f.head+i)%ringSize].part(in)
	}
	for i := range f.later {
		f.ahead[i].part(in)
	}
}

// part copies a packet out that lies in another block than in.
func (r *record) part(in *block) {
	if r.in != nil && r.in != in {
		r.data = slices.Clip(bytes.Clone(r.data))
		r.in.let()
		r.in = nil
	}
}

// read reads the next record, which holds its block from then on.
func (f *file) read(r *record) error {
	err := f.f.next(r)
	if err == nil {
		r.in = f.b.in
		r.in.held++
	}
	return err
}

// fill reads on until the window is full or nothing more comes. A record is read into its place in the window: mostly it is
// the newest.
func (f *file) fill() {
	for f.n < f.window && f.later == 0 && f.err == nil {
		at := f.head + f.n
		r := &f.ring[at%ringSize]
		if err := f.read(r); err != nil {
			f.ended(err)
			return
		}
		if f.n > 0 {
			if newest := f.ring[(at-1)%ringSize].time; r.time < newest {
				f.ahead[0] = *r
				if r.time < newest-maxStep {
					f.lookAhead(newest)
				} else {
					f.insert(&f.ahead[0])
				}
				continue
			}
		}
		f.n++
	}
}

// fillLive is fill of a capture that is being made: it reads no further when nothing comes.
func (f *file) fillLive() {
	defer func() { f.window = windowSize }()
	for before := -1; f.n < windowSize && f.n != before && !f.nothingComes(); {
		before, f.window = f.n, f.n+1
		f.fill()
	}
}

// nothingComes reports whether a capture that is being made is silent, and packets of it wait.
func (f *file) nothingComes() bool {
	if f.n == 0 || !f.b.empty() {
		return false
	}
	wait := patience
	if f.silent { // then all that waits goes out
		wait = 0
	}
	f.silent = !f.live.ready(wait)
	return f.silent
}

// ended takes why nothing more is read.
func (f *file) ended(err error) {
	f.err = io.EOF
	var d *damage
	if errors.As(err, &d) {
		f.warning = &Warning{f.name, d.off, d.text}
	}
}

// lookAhead finds out what a long step back is. What was out of order is put into its place; after a clock was set it waits.
func (f *file) lookAhead(newest int64) {
	f.later = 1
	for f.ahead[f.later-1].time < newest {
		if f.later == aheadSize {
			return
		}
		if err := f.read(&f.ahead[f.later]); err != nil {
			f.ended(err)
			break
		}
		f.later++
	}
	f.takeAhead()
}

// takeAhead puts what was read ahead into the window.
func (f *file) takeAhead() {
	for i := range f.later {
		f.insert(&f.ahead[i])
	}
	f.later = 0
}

// startAnew goes on after a step back, with what was read ahead. It answers false at the end.
func (f *file) startAnew() bool {
	f.takeAhead()
	f.fill()
	return f.n > 0
}

// insert puts r into its place, after those of the same time.
func (f *file) insert(r *record) {
	i := f.head + f.n
	for ; i > f.head && f.ring[(i-1)%ringSize].time > r.time; i-- {
		f.ring[i%ringSize] = f.ring[(i-1)%ringSize]
	}
	f.ring[i%ringSize] = *r
	f.n++
}

// peek returns the time of the next packet; ok is false at the end.
func (f *file) peek() (t int64, ok bool) {
	if f.live != nil {
		f.fillLive()
	} else {
		f.fill()
	}
	if f.n == 0 && !f.startAnew() {
		return 0, false
	}
	return f.ring[f.head].time, true
}

// next fills p, but for Iface; Data lies in the block in, of which the caller is a holder from then on. It answers io.EOF at the end,
// damaged or not.
func (f *file) next(p *Packet) (in *block, err error) {
	if f.live == nil {
		f.fill() // else peek has, before
	}
	if f.n == 0 && !f.startAnew() {
		return nil, f.err
	}
	in = f.take(p)
	p.Secrets, f.secrets = f.secrets, nil
	return in, nil
}

// take takes the oldest packet out of the window, without secrets.
func (f *file) take(p *Packet) *block {
	r := &f.ring[f.head]
	f.head = (f.head + 1) % ringSize
	f.n--
	p.Time, p.Link, p.Length, p.Data = max(r.time, earliest), r.link, int(max(r.length, int32(len(r.data)))), r.data
	return r.in
}
