// Package spool is captures at rest: one pcapng file for each call that a rule keeps, in a folder of its own, bounded by
// size, age and free disk. sensord hands it the packets that the engine keeps, or may keep yet, and the sensor API and
// listening read from it.
//
// It is not for deciding what to keep: that is the capture rules'.
//
// Files are DIR/YYYY-MM-DD/HH/UUID.pcapng, by the call's start in UTC. While a call runs its file ends in .part; after a
// crash it is cut to its last whole block and kept. After its end it may be compressed, to .pcapng.zst. Packets of calls that
// no rule has decided on are held in memory and in DIR/undecided. Only files of these forms are ever removed.
//
// record.go and window.go are the engine's side: what is stored, what is held. They give jobs to the writing goroutine
// (write.go, disk.go, finish.go), which alone touches the files of running calls. open.go and merge.go are the readers' side.
//
// docs/captures.md is the manual.
package spool

import (
	"container/heap"
	"container/list"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"voiptop/protocol"
)

// ErrNotKept says that there is no capture of a call and, as far as is known, never was.
var ErrNotKept = errors.New("no capture of this call was kept")

// ErrExpired says that a capture was kept, and retention has removed it.
var ErrExpired = errors.New("the capture of this call has expired")

// ErrRunning is an ErrNotKept of a call that has not ended; its capture can be had afterwards.
var ErrRunning = fmt.Errorf("%w yet: it is still running", ErrNotKept)

// Config is what a Spool needs to know.
type Config struct {
	Dir        string // made if it is not there
	MaxBytes   int64  // of all captures; 0: unbounded
	MaxDays    int    // a capture is kept for so long; 0: unbounded
	MinFree    int64  // bytes left free on the file system; 0: 256 MiB or a twentieth of it, whichever is less; negative: none
	CleanFree  int64  // captures go, oldest first, until so much is free; 0: 1 GiB or a tenth; negative: they do not
	MaxOpen    int    // files open at once; 0: a quarter of what the process may have, 4096 at most
	Buffer     int    // bytes of packets in memory on their way to the disk; 0: 128 MiB
	Window     int    // bytes of packets held in memory until a rule decides; 0: 64 MiB
	WindowDisk int64  // bytes of packets held on disk until a rule decides; 0: none
	Compress   bool   // captures of ended calls, with zstd
	Sensor     string // written into the files' comments
	Clock      func() time.Time
	Log        *slog.Logger

	free func(dir string) (free, total uint64) // of the file system; for tests
}

func (c *Config) defaults() {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.MaxOpen <= 0 {
		c.MaxOpen = openLimit()
	}
	c.MaxOpen = max(c.MaxOpen, 2) // what is held is copied from one file to another
	if c.Buffer <= 0 {
		c.Buffer = 128 << 20
	}
	if c.Window <= 0 {
		c.Window = 64 << 20
	}
	if c.free == nil {
		c.free = freeBytes
	}
}

// Spool holds captures. Its methods may be called by many goroutines. Keep, Decided and Kept never wait for the disk: a
// goroutine writes, behind a queue that is bounded by Config.Buffer.
type Spool struct {
	cfg  Config
	root *os.Root

	mu      sync.Mutex // of what follows, but for the writing goroutine's, and of recordings, but for their disk
	running map[protocol.UUID]*recording
	unsaved list.List // of *recording with packets to be stored in memory, by the time of the first
	ready   map[protocol.UUID]*capture
	oldest  ageHeap // of ready
	bytes   int64   // on disk, running recordings too
	expired *tombs
	stopped string
	warned  string // the last stop that was logged
	count   counts
	closed  bool

	memory int    // bytes of all chunks in use: stored, held and in the queue
	spare  *chunk // to use again
	spares int
	cut    []byte

	held               int   // bytes of chunks that are held in memory
	windowBytes        int64 // that are held on disk
	windowOff          bool  // the disk has failed, or is full: nothing is held on it until Retain
	letGoAt            time.Time
	unspilled          list.List // of *recording that hold packets in memory, by the time of the first
	heldMedia, heldSIP list.List // of *recording that hold media, or signalling only; the first to be let go is in front
	queue              []job
	wake               *sync.Cond // queue has grown, or the spool is closing
	compressing        []protocol.UUID
	compressWake       *sync.Cond
	goroutines         sync.WaitGroup
	retaining          sync.Mutex
	cleaned            time.Time // when CleanFree removed captures last

	// Of the writing goroutine:
	files      openFiles
	folder     string // made last
	stage      appender
	sinceCheck int // writes until free space is looked at again
}

// capture is a finished file.
type capture struct {
	id   protocol.UUID
	size int64
	kept int64 // when it was finished, Unix seconds
	zst  bool  // compressed
	ours bool  // finished since Open: its call has ended
	at   int   // in the heap
}

// Open opens or makes a spool, and finishes the files that a crash left. The caller closes it.
func Open(c Config) (*Spool, error) {
	c.defaults()
	if err := os.MkdirAll(c.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("make the spool folder: %w; name a folder that sensord may write to", err)
	}
	root, err := os.OpenRoot(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the spool folder: %w", err)
	}
	s := &Spool{cfg: c, root: root, running: map[protocol.UUID]*recording{}, ready: map[protocol.UUID]*capture{}}
	s.files.init(c.MaxOpen)
	s.wake, s.compressWake = sync.NewCond(&s.mu), sync.NewCond(&s.mu)
	if s.expired, err = openTombs(root); err != nil {
		root.Close()
		return nil, fmt.Errorf("open the spool folder %s: %w", c.Dir, err)
	}
	if err := s.rebuild(); err != nil {
		root.Close()
		return nil, fmt.Errorf("read the spool folder %s: %w", c.Dir, err)
	}
	heap.Init(&s.oldest)
	s.goroutines.Go(s.write)
	if c.Compress {
		s.goroutines.Go(s.compress)
	}
	return s, nil
}

// Close finishes what is being written and waits for it. Recordings that have not ended are kept as far as they are; what is
// held, undecided, goes.
func (s *Spool) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	for _, r := range s.running {
		if !r.ended {
			s.drop(r)
			s.end(r)
		}
	}
	s.closed = true
	s.wake.Signal()
	s.compressWake.Signal()
	s.mu.Unlock()
	s.goroutines.Wait()
	return errors.Join(s.expired.close(), s.root.Close())
}

// State says how much room captures take, and why none is written if so.
func (s *Spool) State() protocol.SpoolState {
	free, _ := s.cfg.free(s.cfg.Dir)
	s.mu.Lock()
	defer s.mu.Unlock()
	return protocol.SpoolState{
		Dir: s.cfg.Dir, Files: uint64(len(s.ready)), Bytes: uint64(s.bytes), MaxBytes: uint64(max(s.cfg.MaxBytes, 0)),
		MaxDays: s.cfg.MaxDays, Free: free, Stopped: s.stopped,
		HeldCalls: uint64(s.heldMedia.Len() + s.heldSIP.Len()), HeldBytes: uint64(int64(s.held) + s.windowBytes),
	}
}

// stop notes why captures are not written, and logs it once. "" means that they are.
func (s *Spool) stop(why string) {
	s.stopped = why
	if why == "" {
		if s.warned != "" {
			s.cfg.Log.Info("captures are written again", "dir", s.cfg.Dir)
		}
		s.warned = ""
		return
	}
	if s.warned == "" {
		s.cfg.Log.Error("captures are not written", "dir", s.cfg.Dir, "reason", why)
		s.warned = why
	}
}

// ageHeap has the capture that was kept first on top.
type ageHeap []*capture

func (h ageHeap) Len() int { return len(h) }
func (h ageHeap) Less(i, j int) bool {
	if h[i].kept != h[j].kept {
		return h[i].kept < h[j].kept
	}
	return string(h[i].id[:]) < string(h[j].id[:])
}

func (h ageHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

func (h *ageHeap) Push(x any) {
	c := x.(*capture)
	c.at = len(*h)
	*h = append(*h, c)
}

func (h *ageHeap) Pop() any {
	old := *h
	c := old[len(old)-1]
	*h = old[:len(old)-1]
	return c
}
