package capture

import (
	"container/heap"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Clock is what a replay goes by. SystemClock is the real one.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

// SystemClock is the machine's clock.
type SystemClock struct{}

// Now implements Clock.
func (SystemClock) Now() time.Time { return time.Now() }

// After implements Clock.
func (SystemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// ReplayOptions say how files are played.
type ReplayOptions struct {
	Speed   float64       // 1 is the speed they were captured at, 0 as fast as possible
	Loop    bool          // every file starts again LoopPause after its end, with later timestamps, until Close
	ToNow   bool          // timestamps are moved so that the replay starts at the clock's time
	Stagger time.Duration // time over which the starts of several files are spread with Loop or ToNow; 5 s
	Clock   Clock         // SystemClock
	Stdin   io.Reader     // what "-" reads; os.Stdin
}

const (
	// LoopPause is how long after its end a looped file starts again, in the time of its packets.
	LoopPause = 3 * time.Second

	idleAfter = 100 * time.Millisecond
	// maxSilence is the longest wait, in the time of the packets, for the next file when none is being played.
	maxSilence = LoopPause
)

// NewReplay returns a Source that hands out the packets of capture files when they are due; between them Next answers
// ErrIdle every 100 ms. Paths are as for Open. Without Loop and ToNow the files keep their times and are merged, like
// Open does. With either, all files are played side by side, their starts spread over Stagger.
func NewReplay(paths []string, o ReplayOptions) (Source, error) {
	if o.Speed < 0 {
		return nil, fmt.Errorf("replay speed %g: want 0 (as fast as possible) or more", o.Speed)
	}
	if o.Clock == nil {
		o.Clock = SystemClock{}
	}
	if o.Stagger == 0 {
		o.Stagger = 5 * time.Second
	}
	names, err := expand(paths)
	if err != nil {
		return nil, err
	}
	r := &replay{opener: newOpener(o.Stdin, false, len(names)), o: o, wake: make(chan struct{}, 1)}
	for _, n := range names {
		if err := r.add(n); err != nil {
			_ = r.Close()
			return nil, err
		}
	}
	if len(r.heap) == 0 {
		_ = r.Close()
		return nil, fmt.Errorf("no packet to replay in %s", strings.Join(paths, " "))
	}
	r.begin()
	return r, nil
}

// replay plays files on one line of time: that of the packets it hands out. The line runs Speed times as fast as the clock.
type replay struct {
	opener
	o     ReplayOptions
	heap  playHeap
	last  *player // whose packet is lent out
	lent  *block  // in which that packet lies
	count counts
	wake  chan struct{}

	zero int64     // on the line of time, when the clock showed at
	at   time.Time //
	now  int64     // how far the line has come, when last looked
}

// player plays one file.
type player struct {
	path  string
	iface uint16
	file  *file // nil before its start and between two rounds
	first int64 // time of its first packet, in the file
	shift int64 // from times in the file to times handed out
	due   int64 // its next packet, on the line of time
	end   int64 // its last packet handed out, on the line of time
	again bool  // it has been played once
}

func (r *replay) add(in input) error {
	if in.path == "-" && r.o.Loop {
		return errors.New("standard input (-) cannot be replayed in a loop")
	}
	f, err := r.open(in.path)
	if err != nil {
		if !in.found {
			return err
		}
		if looksLikeCapture(in.path) {
			r.count.warn(&Warning{in.path, 0, err.Error()})
		}
		return nil
	}
	p := &player{path: in.path, iface: r.count.input(f.name), file: f}
	t, ok := f.peek()
	if !ok {
		r.count.warn(f.warning)
		r.shut(f)
		return nil
	}
	p.first, p.due = t, t
	r.heap = append(r.heap, p)
	if in.path != "-" {
		r.shut(f)
		p.file = nil
	}
	return nil
}

// begin lays the files on the line of time.
func (r *replay) begin() {
	r.at = r.o.Clock.Now()
	r.zero = r.heap[0].first
	for _, p := range r.heap {
		r.zero = min(r.zero, p.first)
	}
	if r.o.ToNow {
		r.zero = r.at.UnixNano()
	}
	if r.o.ToNow || r.o.Loop {
		for i, p := range r.heap {
			p.due = r.zero + int64(r.o.Stagger)*int64(i)/int64(len(r.heap))
			p.shift = p.due - p.first
		}
	}
	r.now = r.zero
	heap.Init(&r.heap)
}

func (r *replay) Next(p *Packet) error {
	r.lent.let()
	r.lent = nil
	for {
		if r.closed.Load() {
			return ErrClosed
		}
		if r.last != nil {
			r.advance()
		}
		if len(r.heap) == 0 {
			r.count.publish()
			if r.closed.Load() { // while it waited for more
				return ErrClosed
			}
			return io.EOF
		}
		b := r.heap[0]
		if err := r.wait(b); err != nil {
			r.count.publish()
			p.Time = r.now
			return err
		}
		if b.file == nil && !r.start(b) {
			continue
		}
		r.last = b
		var err error
		if r.lent, err = b.file.next(p); err != nil {
			continue
		}
		p.Time += b.shift
		p.Iface = b.iface
		b.end = p.Time
		r.count.packet(len(p.Data))
		return nil
	}
}

// wait returns nil when the next packet, of b, is due.
func (r *replay) wait(b *player) error {
	if r.o.Speed == 0 || b.due <= r.now {
		return nil
	}
	if b.file == nil && b.due-r.now > int64(maxSilence) && r.silent() {
		r.zero += b.due - r.now - int64(maxSilence) // nothing plays: do not wait for hours
	}
	r.look()
	if b.due <= r.now {
		return nil
	}
	d := time.Duration(float64(b.due-r.now) / r.o.Speed)
	select {
	case <-r.o.Clock.After(min(d, idleAfter)):
	case <-r.wake:
		if r.closed.Load() {
			return ErrClosed
		}
		r.look()
		return ErrIdle
	case <-r.stop:
		return ErrClosed
	}
	r.look()
	if d > idleAfter {
		return ErrIdle
	}
	r.now = max(r.now, b.due) // a timer that was early by a rounding
	return nil
}

func (r *replay) look() {
	r.now = r.zero + int64(float64(r.o.Clock.Now().Sub(r.at))*r.o.Speed)
}

// silent says whether no file is between its first and last packet.
func (r *replay) silent() bool {
	for _, p := range r.heap {
		if p.file != nil {
			return false
		}
	}
	return true
}

// start opens a file for the next round.
func (r *replay) start(b *player) bool {
	f, err := r.open(b.path)
	if err == nil {
		if _, ok := f.peek(); ok {
			b.file = f
			return true
		}
		r.shut(f)
		err = errors.New("the file has become empty")
	}
	r.count.warn(&Warning{b.path, 0, err.Error()})
	heap.Pop(&r.heap)
	return false
}

// advance moves the player whose packet was lent out to its next packet's place.
func (r *replay) advance() {
	b := r.last
	r.last = nil
	t, ok := b.file.peek()
	switch {
	case ok:
		b.due = max(t+b.shift, b.end) // a clock that was set back does not move the line back
	case r.o.Loop:
		if !b.again {
			b.again = true
			r.count.warn(b.file.warning)
		}
		r.shut(b.file)
		b.file = nil
		b.due = b.end + int64(LoopPause)
		b.shift = b.due - b.first
	default:
		r.count.warn(b.file.warning)
		r.shut(b.file)
		heap.Pop(&r.heap)
		return
	}
	heap.Fix(&r.heap, 0)
}

// Wake implements Waker.
func (r *replay) Wake() {
	select {
	case r.wake <- struct{}{}:
	default: // one is on its way
	}
}

func (r *replay) Stats() Stats { return r.count.stats() }

type playHeap []*player

func (h playHeap) Len() int { return len(h) }
func (h playHeap) Less(i, j int) bool {
	return h[i].due < h[j].due || h[i].due == h[j].due && h[i].iface < h[j].iface
}
func (h playHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *playHeap) Push(x any)   { *h = append(*h, x.(*player)) }
func (h *playHeap) Pop() any {
	old := *h
	p := old[len(old)-1]
	*h = old[:len(old)-1]
	return p
}
