package spool

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"voiptop/protocol"
	"voiptop/sensord/internal/pcapng"
)

const (
	suffix     = ".pcapng"
	zstSuffix  = ".pcapng.zst" // compressed
	partSuffix = ".part"       // after suffix, while the call runs or the file is being compressed
)

// startOf is when a call began: the first 48 bits of its id, a UUIDv7 (RFC 9562 section 5.7), tell the time in milliseconds.
func startOf(u protocol.UUID) time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(u[:8]) >> 16)).UTC()
}

// folderPath is where the captures of the hour are in which a call began, below the spool's folder.
func folderPath(u protocol.UUID) string { return startOf(u).Format("2006-01-02/15") }

// filePath is where the capture of a call is, below the spool's folder.
func filePath(u protocol.UUID) string { return folderPath(u) + "/" + u.String() + suffix }

// name is where the file is.
func (c *capture) name() string {
	if c.zst {
		return folderPath(c.id) + "/" + c.id.String() + zstSuffix
	}
	return filePath(c.id)
}

// parsePath is the inverse of filePath; zst says that the file is compressed, part that the name ends in .part.
func parsePath(name string) (u protocol.UUID, zst, part, ok bool) {
	whole, part := strings.CutSuffix(name, partSuffix)
	base, zst := strings.CutSuffix(path.Base(whole), zstSuffix)
	u, err := protocol.ParseUUID(strings.TrimSuffix(base, suffix))
	if err != nil {
		return u, zst, part, false
	}
	c := capture{id: u, zst: zst}
	return u, zst, part, c.name() == whole
}

// rebuild reads the folder: finished files are taken in, unfinished ones are cut to their last whole block and finished. What
// was held, undecided, when sensord was killed goes: no rule has said that it may stay.
func (s *Spool) rebuild() error {
	s.removeUndecided()
	return fs.WalkDir(s.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			s.cfg.Log.Warn("a folder of the spool cannot be read", "name", name, "err", err)
			return nil
		}
		u, zst, part, ok := parsePath(name)
		if !ok || !d.Type().IsRegular() {
			return nil
		}
		// The order is X.pcapng, X.pcapng.part, X.pcapng.zst, X.pcapng.zst.part.
		switch {
		case zst && (part || s.ready[u] != nil): // being compressed when sensord was killed: the plain file is whole
			s.removeFile(name)
			return nil
		case part:
			if name, err = s.repair(u); err != nil {
				s.cfg.Log.Warn("a capture that was being written cannot be repaired", "name", filePath(u)+partSuffix, "err", err)
			}
			if name == "" {
				return nil
			}
		}
		if info, err := s.root.Lstat(name); err == nil { // else it has gone in between
			s.known(&capture{id: u, size: info.Size(), kept: info.ModTime().Unix(), zst: zst})
		}
		return nil
	})
}

// known takes a file into the index while that is built, in place of the one before.
func (s *Spool) known(c *capture) {
	if old := s.ready[c.id]; old != nil {
		s.bytes += c.size - old.size
		old.size, old.kept = c.size, c.kept
		return
	}
	c.at = len(s.oldest)
	s.ready[c.id] = c
	s.oldest = append(s.oldest, c)
	s.bytes += c.size
	if !c.zst {
		s.wantCompressed(c.id)
	}
}

// repair cuts an unfinished file to its last whole block and gives it its final name, which is the answer. A file goes, and
// the answer is "", when it holds no packet, or when a capture of the same packets, that were replayed, has come as far.
func (s *Spool) repair(u protocol.UUID) (string, error) {
	final := filePath(u)
	name := final + partSuffix
	f, _, err := s.openRegular(name, os.O_RDWR)
	if err != nil {
		return "", err
	}
	defer f.Close()
	size, packets := wholeBlocks(f)
	if packets == 0 || s.sizeOf(&capture{id: u}) >= size || s.sizeOf(&capture{id: u, zst: true}) >= size {
		return "", s.root.Remove(name)
	}
	if err := f.Truncate(size); err != nil {
		return "", err
	}
	if err := s.root.Rename(name, final); err != nil {
		return "", err
	}
	s.count.recovered++
	s.cfg.Log.Info("a capture that was being written is kept as far as it went", "name", final, "bytes", size, "packets", packets)
	return final, nil
}

// sizeOf is the size of the pcapng file in a capture, compressed or not; 0 if there is none.
func (s *Spool) sizeOf(c *capture) int64 {
	r, err := s.openCapture(c)
	if err != nil {
		return 0
	}
	defer r.Close()
	return r.Size
}

// wholeBlocks returns how many bytes of r are whole pcapng blocks, and how many of these are packets.
func wholeBlocks(r io.Reader) (size int64, packets int) {
	b := newBlockReader(r)
	for {
		kind, block, err := b.next()
		if err != nil || size == 0 && kind != pcapng.Section {
			return size, packets
		}
		size += int64(len(block))
		if kind == pcapng.Enhanced {
			packets++
		}
	}
}

// removeUndecided removes what was held when sensord was killed: no rule has said that it may stay.
func (s *Spool) removeUndecided() {
	list, err := fs.ReadDir(s.root.FS(), heldFolder)
	if err != nil || s.plainFolder(heldFolder) != nil {
		return // there is none
	}
	n := 0
	for _, d := range list {
		base, ok := strings.CutSuffix(d.Name(), suffix)
		if u, err := protocol.ParseUUID(base); ok && err == nil && heldPath(u) == heldFolder+"/"+d.Name() && d.Type().IsRegular() {
			s.removeFile(heldPath(u))
			n++
		}
	}
	if n > 0 {
		s.cfg.Log.Info("held packets of calls that no rule had decided on are removed", "calls", n)
	}
}

func (s *Spool) removeFile(name string) {
	if err := s.root.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.cfg.Log.Warn("a file that is left over cannot be removed", "name", name, "err", err)
	}
}
