// Package journal is the sensor's durable, append-only log of CDRs: at once the queue of what hosted does not have yet,
// and the local history of what it has. sensord appends ended calls, the uplink reads, sends and acknowledges them, the
// sensor API lists and finds them.
//
// It is not for packets (spool) and not for running calls.
//
// Promises. A record that Read gave out is on the disk and keeps its number for ever. A crash loses at most what was
// appended and not synced; whatever the files look like after it, Open succeeds. Damage costs the damaged records, no
// others, and yields none that were never written. Nothing that hosted has not acknowledged is removed silently: when the
// disk or MaxBytes is full the newest records are dropped, and a gap says how many.
//
// # Files
//
// All numbers are little endian. Segments are named by the number of their first record, 20 digits and ".cdr".
//
//	segment   0          512        1024
//	          | header   | header   | record | record | ...
//
//	header    0       8       16      24      32      40     44        512
//	          | magic | epoch | first | salt  | made  | CRC  | zeros   |
//
//	record    0     4     8      16   17
//	          | len | CRC | seq  | t  | payload, len bytes |
//
// magic is "VTJRNL01". The header stands there twice, in two sectors; either is enough. made is a time in microseconds. A
// header's CRC is the CRC32C of its first 40 bytes. A record's CRC is the CRC32C of salt, len, seq, t and payload; the salt
// is random and never leaves the disk, so that bytes which somebody sends in a SIP header cannot look like a record. t is 1
// for a CDR (payload: CBOR with integer keys, protocol.CDR) and 2 for a gap (payload: 8 bytes, how many numbers from seq
// on hold nothing). len is at most 1 MiB. Numbers rise and, but for gaps, by one.
//
// cursor holds how far hosted has acknowledged and replaces its predecessor by rename. dropped is written in place, in
// two slots by turns, so that a full disk can still record what it costs; see cursor.go.
//
// Each Open begins a new epoch. Numbers go on, so that order is kept; the epoch tells hosted apart records that carry
// the same number because a disk lost what it had promised to keep.
package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/link"
)

// Config is what a journal needs.
type Config struct {
	Dir          string
	MaxBytes     int64            // room on the disk, history included; 0: 1 GiB
	SegmentBytes int64            // 0: 8 MiB
	Clock        func() time.Time // required
	Log          *slog.Logger     // nil: none

	write func(*os.File, []byte) (int, error) // tests make it fail; nil: (*os.File).Write
	sync  func(*os.File) error                // nil: fdatasync
}

// Bounds.
const (
	defaultMaxBytes = 1 << 30
	defaultSegment  = 8 << 20
	maxPending      = 16 << 20 // bytes appended and not yet written
	maxLoaded       = 8        // segments whose records' places are in memory
	maxIndex        = 65536    // newest calls that Has, Find and Calls reach
)

// ErrClosed is what a closed journal answers.
var ErrClosed = errors.New("journal is closed")

// Journal is safe for use by many goroutines.
type Journal struct {
	cfg  Config
	log  *slog.Logger
	lock *os.File

	mu        sync.Mutex
	loaded    []*segment    // whose records are in memory, last used first
	segs      []*segment    // oldest first; the last is written if out is open
	out       *os.File      // the segment being written; nil until the first append and after an error
	bytes     int64         // of all segments
	epoch     uint64        // of what is appended now
	opened    uint64        // number of the first record since Open
	next      uint64        // number that the next record gets
	durable   uint64        // records below are on the disk
	acked     uint64        // hosted has the records below
	pending   []pendingRec  // appended, not yet written
	pendingN  int           // their bytes
	writing   []pendingRec  // taken from pending, not yet known to be durable
	drop      dropState     // numbers that fell out and are not in a gap record yet
	dropped   uint64        // numbers that ever fell out
	full      bool          // the last commit found no room
	index     index         // the newest calls
	oldestSeq uint64        // the cursor that oldestEnd was read at
	oldestEnd protocol.Time // of the oldest call that is not acknowledged
	changed   chan struct{} // closed and replaced at each commit
	closed    bool

	wake chan struct{} // tells the committer that pending is not empty
	done chan struct{} // the committer has ended
}

type pendingRec struct {
	seq   uint64
	typ   byte
	body  []byte
	id    protocol.UUID
	hash  uint64 // of the Call-ID
	group uint64 // hash of the group's id
}

// numbers is how many numbers the record stands for.
func (r pendingRec) numbers() uint64 {
	if r.typ == typeGap {
		return le.Uint64(r.body)
	}
	return 1
}

// Open opens or creates the journal in cfg.Dir and repairs what a crash left. It fails only when the folder cannot be
// used, or another process has it.
func Open(cfg Config) (*Journal, error) {
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = defaultMaxBytes
	}
	if cfg.SegmentBytes == 0 {
		cfg.SegmentBytes = min(defaultSegment, max(cfg.MaxBytes/4, 64<<10))
	}
	if cfg.write == nil {
		cfg.write = (*os.File).Write
	}
	if cfg.sync == nil {
		cfg.sync = fdatasync
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(cfg.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("journal folder: %w", err)
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	j := &Journal{
		cfg: cfg, log: cfg.Log, lock: lock,
		index:   newIndex(maxIndex),
		changed: make(chan struct{}),
		wake:    make(chan struct{}, 1),
		done:    make(chan struct{}),
	}
	if err := j.recover(); err != nil {
		lock.Close()
		return nil, err
	}
	go j.commitLoop()
	return j, nil
}

// Append adds an ended call. It does not wait for the disk; Sync does. It fails when the journal is closed or the CDR is
// larger than link.MaxRecord. A CDR for which there is no room is dropped and counted, later, by the committer.
func (j *Journal) Append(c *protocol.CDR) error {
	body, err := link.Marshal(c)
	if err != nil {
		return fmt.Errorf("journal call %s: %w", c.CallID, err)
	}
	if len(body) > link.MaxRecord {
		return fmt.Errorf("journal call %s: %d bytes, at most %d", c.CallID, len(body), link.MaxRecord)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return ErrClosed
	}
	r := pendingRec{seq: j.next, typ: typeCDR, body: body, id: c.ID, hash: hashCallID(c.CallID), group: hashGroup(c.GroupID)}
	j.next++
	if j.pendingN+len(body) > maxPending { // the disk hangs: what is not in memory cannot be written
		j.overflow(r.seq)
		return nil
	}
	j.pending = append(j.pending, r)
	j.pendingN += len(body)
	j.index.remember(c.ID)
	select {
	case j.wake <- struct{}{}:
	default:
	}
	return nil
}

// Sync waits until all that was appended before is on the disk or dropped.
func (j *Journal) Sync() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for want := j.next; j.durable < want; {
		if j.closed {
			return ErrClosed
		}
		ch := j.changed
		j.mu.Unlock()
		<-ch
		j.mu.Lock()
	}
	return nil
}

// Has tells whether a call is among the newest 65,536 of the journal, so that the same file analysed again after a crash
// stores each call once.
func (j *Journal) Has(id protocol.UUID) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.index.has(id)
}

// State tells how far the journal is ahead of hosted.
func (j *Journal) State() protocol.QueueState {
	j.mu.Lock()
	q := protocol.QueueState{
		Epoch: j.epoch, Next: j.next, Acked: j.acked, Pending: j.next - j.acked,
		Dropped: j.dropped, Bytes: uint64(j.bytes),
	}
	acked, known := j.acked, j.oldestSeq == j.acked
	q.Oldest = j.oldestEnd
	j.mu.Unlock()
	if q.Pending == 0 {
		q.Oldest = 0
	} else if !known {
		q.Oldest = j.readOldest(acked)
	}
	return q
}

// readOldest reads when the first call from acked on ended, and keeps it until the cursor moves.
func (j *Journal) readOldest(acked uint64) protocol.Time {
	b, err := j.Read(acked, 1, link.MaxRecord)
	if err != nil || len(b.Records) == 0 {
		return 0
	}
	c, err := decode(b.Records[0])
	if err != nil {
		return 0
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.oldestSeq, j.oldestEnd = acked, cmp.Or(c.End, c.Start)
	return j.oldestEnd
}

// Close writes what is pending and releases the files.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	close(j.wake)
	j.mu.Unlock()
	<-j.done
	j.mu.Lock()
	defer j.mu.Unlock()
	var err error
	if j.out != nil {
		err = j.out.Close()
		j.out = nil
	}
	for _, s := range j.segs {
		s.close()
	}
	close(j.changed)
	return errors.Join(err, j.lock.Close())
}

// Dir is the journal's folder.
func (j *Journal) Dir() string { return j.cfg.Dir }

// decode reads a CDR record's payload.
func decode(b []byte) (*protocol.CDR, error) {
	c := &protocol.CDR{}
	return c, link.Unmarshal(b, c)
}

// path names a file of the journal.
func (j *Journal) path(name string) string { return filepath.Join(j.cfg.Dir, name) }

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
