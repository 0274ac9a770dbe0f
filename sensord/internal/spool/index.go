package spool

import (
	"bufio"
	"container/heap"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"voiptop/protocol"
)

const (
	suffix     = ".pcapng"
	partSuffix = ".part" // after suffix, while the call runs
)

// filePath is where the capture of a call is, below the spool's folder: by its start, which the first 48 bits of its id
// tell in milliseconds.
func filePath(u protocol.UUID) string {
	ms := int64(binary.BigEndian.Uint64(u[:8]) >> 16)
	return time.UnixMilli(ms).UTC().Format("2006-01-02/15/") + u.String() + suffix
}

// parsePath is the inverse of filePath; part says that the name ends in .part.
func parsePath(name string) (u protocol.UUID, part, ok bool) {
	whole, part := strings.CutSuffix(name, partSuffix)
	u, err := protocol.ParseUUID(strings.TrimSuffix(path.Base(whole), suffix))
	return u, part, err == nil && filePath(u) == whole
}

// rebuild reads the folder: finished files are taken in, unfinished ones are cut to their last whole block and finished.
func (s *Spool) rebuild() error {
	return fs.WalkDir(s.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			s.cfg.Log.Warn("a folder of the spool cannot be read", "name", name, "err", err)
			return nil
		}
		u, part, ok := parsePath(name)
		if !ok || !d.Type().IsRegular() {
			return nil
		}
		if part {
			if name, err = s.repair(name); err != nil || name == "" {
				if err != nil {
					s.cfg.Log.Warn("a capture that was being written cannot be repaired", "name", name, "err", err)
				}
				return nil
			}
		}
		info, err := s.root.Lstat(name)
		if err != nil {
			return nil // gone in between
		}
		if s.ready[u] == nil {
			c := &capture{id: u, size: info.Size(), kept: info.ModTime().Unix(), at: len(s.oldest)}
			s.ready[u] = c
			s.oldest = append(s.oldest, c)
			s.bytes += c.size
		}
		return nil
	})
}

// repair cuts an unfinished file to its last whole block and gives it its final name. A file without a packet goes.
func (s *Spool) repair(name string) (string, error) {
	f, _, err := s.openRegular(name, os.O_RDWR)
	if err != nil {
		return name, err
	}
	defer f.Close()
	size, packets := wholeBlocks(f)
	final := strings.TrimSuffix(name, partSuffix)
	if old, err := s.root.Lstat(final); packets == 0 || err == nil && old.Size() >= size {
		return "", s.root.Remove(name) // nothing is in it, or a replay of the same packets had come further before
	}
	if err := f.Truncate(size); err != nil {
		return name, err
	}
	if err := s.root.Rename(name, final); err != nil {
		return name, err
	}
	s.cfg.Log.Info("a capture that was being written is kept as far as it went", "name", final, "bytes", size, "packets", packets)
	return final, nil
}

// wholeBlocks returns how many bytes of r are whole pcapng blocks, and how many of these are packets.
func wholeBlocks(r io.Reader) (size int64, packets int) {
	b := bufio.NewReaderSize(r, 64<<10)
	for {
		h, err := b.Peek(8)
		if err != nil {
			return size, packets
		}
		kind, n := binary.LittleEndian.Uint32(h), binary.LittleEndian.Uint32(h[4:])
		if n < 12 || n%4 != 0 || n > blockMaximum || size == 0 && kind != blockSection {
			return size, packets
		}
		if _, err := b.Discard(int(n) - 4); err != nil {
			return size, packets
		}
		var end [4]byte
		if _, err := io.ReadFull(b, end[:]); err != nil || binary.LittleEndian.Uint32(end[:]) != n {
			return size, packets
		}
		size += int64(n)
		if kind == blockEnhanced {
			packets++
		}
	}
}

// Retain removes the captures that were kept first while there is more than MaxBytes, and those older than MaxDays. It
// also brings to disk what waits in memory; sensord calls it every minute.
func (s *Spool) Retain(now time.Time) {
	s.mu.Lock()
	for _, r := range s.running {
		if !r.ended {
			s.flush(r)
		}
	}
	s.mu.Unlock()
	s.retain(now)
}

func (s *Spool) retain(now time.Time) {
	var gone []*capture
	s.mu.Lock()
	for len(s.oldest) > 0 {
		tooMuch := s.cfg.MaxBytes > 0 && s.bytes > s.cfg.MaxBytes
		tooOld := s.cfg.MaxDays > 0 && s.oldest[0].kept < now.AddDate(0, 0, -s.cfg.MaxDays).Unix()
		if !tooMuch && !tooOld {
			break
		}
		c := heap.Pop(&s.oldest).(*capture)
		delete(s.ready, c.id)
		s.bytes -= c.size
		gone = append(gone, c)
	}
	for _, c := range gone {
		s.expired.add(c.id)
	}
	s.mu.Unlock()
	for _, c := range gone {
		name := filePath(c.id)
		if err := s.root.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.cfg.Log.Error("an expired capture cannot be removed", "name", name, "err", err)
			continue
		}
		// The folders of its hour and day go with the last file in them.
		if s.root.Remove(path.Dir(name)) == nil {
			_ = s.root.Remove(path.Dir(path.Dir(name)))
		}
	}
	if err := s.expired.save(); err != nil {
		s.cfg.Log.Warn("the list of expired captures cannot be written", "dir", s.cfg.Dir, "err", err)
	}
}
