package journal

import (
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// cursor is how far hosted has acknowledged, in a file that replaces its predecessor by rename:
//
//	0       8       16      24     28
//	| magic | acked | epoch | CRC32C |
//
// epoch is the one that was current when it was written.
const (
	cursorName  = "cursor"
	cursorMagic = "VTJCUR01"
	cursorSize  = 28
)

func encodeCursor(acked, epoch uint64) []byte {
	b := append(make([]byte, 0, cursorSize), cursorMagic...)
	b = le.AppendUint64(b, acked)
	b = le.AppendUint64(b, epoch)
	return le.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeCursor(b []byte) (acked, epoch uint64, ok bool) {
	if len(b) != cursorSize || string(b[:8]) != cursorMagic || le.Uint32(b[24:]) != crc32.Checksum(b[:24], castagnoli) {
		return 0, 0, false
	}
	return le.Uint64(b[8:]), le.Uint64(b[16:]), true
}

// writeCursor makes the cursor durable. Called with j.mu held, by the one goroutine that acknowledges.
func (j *Journal) writeCursor() error {
	tmp := j.path("." + cursorName)
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("journal cursor: %w", err)
	}
	_, err = f.Write(encodeCursor(j.acked, j.epoch))
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(tmp, j.path(cursorName))
	}
	if err == nil {
		err = syncDir(j.cfg.Dir)
	}
	if err != nil {
		return fmt.Errorf("journal cursor: %w", err)
	}
	return nil
}

// dropState is the range of numbers that hold nothing because there was no room, until a gap record says so in the log.
// It is kept in a file whose blocks exist already, two slots of 512 bytes that are written by turns; the one with the
// higher turn counts:
//
//	0       8      16     24      32      40
//	| magic | turn | from | count | total | CRC32C |
//
// total is how many numbers ever fell out.
type dropState struct {
	turn  uint64
	from  uint64
	count uint64
	total uint64
}

const (
	dropName  = "dropped"
	dropMagic = "VTJDRP01"
	dropSize  = 44
)

func (d dropState) encode() []byte {
	b := append(make([]byte, 0, dropSize), dropMagic...)
	b = le.AppendUint64(b, d.turn)
	b = le.AppendUint64(b, d.from)
	b = le.AppendUint64(b, d.count)
	b = le.AppendUint64(b, d.total)
	return le.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeDrop(b []byte) (d dropState) {
	for off := 0; off+dropSize <= len(b) && off <= headerSlot; off += headerSlot {
		c := b[off : off+dropSize]
		if string(c[:8]) != dropMagic || le.Uint32(c[40:]) != crc32.Checksum(c[:40], castagnoli) {
			continue
		}
		if t := le.Uint64(c[8:]); t >= d.turn {
			d = dropState{turn: t, from: le.Uint64(c[16:]), count: le.Uint64(c[24:]), total: le.Uint64(c[32:])}
		}
	}
	return d
}

// writeDrop makes d durable without asking the disk for room.
func (j *Journal) writeDrop(d dropState) error {
	f, err := os.OpenFile(j.path(dropName), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	defer f.Close()
	if _, err := f.WriteAt(d.encode(), int64(d.turn%2)*headerSlot); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return fdatasync(f)
}

// readDrop reads the file, or makes it, with its blocks, while there is room.
func (j *Journal) readDrop() (dropState, error) {
	b, err := os.ReadFile(j.path(dropName))
	if err == nil && len(b) == headerSize {
		return decodeDrop(b), nil
	}
	if err != nil && !missing(err) {
		return dropState{}, fmt.Errorf("journal: %w", err)
	}
	b = make([]byte, headerSize)
	copy(b, dropState{}.encode())
	if err := os.WriteFile(j.path(dropName), b, 0o640); err != nil {
		return dropState{}, fmt.Errorf("journal: %w", err)
	}
	return dropState{}, nil
}

func fdatasync(f *os.File) error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err != unix.EINTR {
			return err
		}
	}
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// lockDir keeps a second process out of the journal.
func lockDir(dir string) (*os.File, error) {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("journal %s is in use by another process (%s is locked: %w): is sensord running already?", dir, path, err)
	}
	return f, nil
}
