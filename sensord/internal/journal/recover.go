package journal

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"voiptop/protocol/link"
)

const (
	segmentExt    = ".cdr"
	quarantineDir = "quarantine"
	maxQuarantine = 64 // files kept; what is damaged beyond is only logged
)

func segmentName(first uint64) string { return fmt.Sprintf("%020d%s", first, segmentExt) }

// recover reads what is on the disk. Segments are scanned from the newest until the index is full; older ones when
// somebody reads them.
func (j *Journal) recover() error {
	drop, err := j.readDrop()
	if err != nil {
		return err
	}
	var prev uint64 // the newest epoch so far
	b, err := os.ReadFile(j.path(cursorName))
	switch acked, epoch, ok := decodeCursor(b); {
	case ok:
		j.acked, prev = acked, epoch
	case err == nil:
		j.log.Warn("journal cursor is damaged: hosted is asked how far it has come", "file", j.path(cursorName))
	case !missing(err):
		return fmt.Errorf("journal: %w", err)
	}
	if err := j.listSegments(); err != nil {
		return err
	}
	for i, s := range j.segs {
		prev = max(prev, s.epoch)
		j.bytes += s.size
		if i+1 < len(j.segs) {
			s.next = j.segs[i+1].head.first
		}
	}
	if err := j.cutTail(); err != nil {
		return err
	}
	j.fillIndex()

	j.next = max(1, j.acked, drop.from+drop.count)
	if n := len(j.segs); n > 0 {
		j.next = max(j.next, j.segs[n-1].next)
		if drop.count > 0 && drop.from < j.segs[n-1].next { // the gap record was written, the slot not cleared
			drop.from, drop.count = 0, 0
		}
		if j.acked == 0 {
			j.acked = j.segs[0].head.first
		}
	}
	if j.acked == 0 {
		j.acked = j.next
	}
	j.drop, j.dropped = drop, drop.total
	j.durable, j.opened = j.next, j.next
	j.epoch = max(prev+1, uint64(max(0, j.cfg.Clock().Unix())))
	return nil
}

// listSegments opens the folder's segments. A file whose header is damaged beyond use is moved aside.
func (j *Journal) listSegments() error {
	names, err := filepath.Glob(j.path("*" + segmentExt))
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	slices.Sort(names) // twenty digits: by number
	for _, path := range names {
		name := filepath.Base(path)
		first, err := strconv.ParseUint(strings.TrimSuffix(name, segmentExt), 10, 64)
		if err != nil {
			j.log.Warn("journal: ignored a file that is no segment", "file", path)
			continue
		}
		b := make([]byte, headerSize)
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		n, _ := f.ReadAt(b, 0) // what is missing does not decode
		st, err := f.Stat()
		f.Close()
		if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		h, ok := decodeHeader(b[:n])
		if !ok || h.first != first || st.Size() < headerSize {
			j.setAside(path, st.Size())
			continue
		}
		j.segs = append(j.segs, &segment{path: path, name: name, head: h, epoch: h.epoch, next: first, size: st.Size()})
	}
	return nil
}

// setAside moves a segment that cannot be read out of the way. One that a crash left without a header held nothing.
func (j *Journal) setAside(path string, size int64) {
	if size < headerSize {
		os.Remove(path)
		return
	}
	to := filepath.Join(j.path(quarantineDir), filepath.Base(path))
	err := os.MkdirAll(j.path(quarantineDir), 0o750)
	if err == nil {
		err = os.Rename(path, to)
	}
	j.log.Error("journal: a segment's header is damaged, its records are set aside", "file", path, "bytes", size, "kept", to, "err", err)
}

// cutTail removes what a crash left behind the last record of the newest segment, and a segment without records.
func (j *Journal) cutTail() error {
	if len(j.segs) == 0 {
		return nil
	}
	s := j.segs[len(j.segs)-1]
	b, err := os.ReadFile(s.path)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	refs, damage, tail := scan(b, s.head)
	j.report(s, b, damage)
	if tail < len(b) {
		j.log.Info("journal: cut an unfinished record", "file", s.path, "offset", tail, "bytes", len(b)-tail)
		if err := os.Truncate(s.path, int64(tail)); err != nil {
			return fmt.Errorf("journal: cut %s: %w", s.path, err)
		}
		j.bytes -= int64(len(b) - tail)
		s.size = int64(tail)
	}
	if len(refs) == 0 { // its name is free for the next
		j.bytes -= s.size
		j.segs = j.segs[:len(j.segs)-1]
		if err := os.Remove(s.path); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		return nil
	}
	s.refs = refs
	s.next = max(s.next, nextAfter(refs, b))
	return nil
}

// nextAfter gives the number behind the last record.
func nextAfter(refs []ref, b []byte) uint64 {
	if len(refs) == 0 {
		return 0
	}
	r := refs[len(refs)-1]
	if r.typ == typeGap {
		return r.seq + max(1, le.Uint64(b[r.end()-gapBody:]))
	}
	return r.seq + 1
}

// fillIndex notes the newest calls, oldest first.
func (j *Journal) fillIndex() {
	from, n := len(j.segs), 0
	for from > 0 && n < maxIndex {
		from--
		refs, err := j.refs(j.segs[from].now())
		if err != nil {
			j.log.Error("journal: a segment cannot be read", "err", err)
		}
		n += len(refs)
	}
	for _, s := range j.segs[from:] {
		refs, err := j.refs(s.now())
		if err != nil {
			continue // logged above
		}
		b := make([]byte, s.size)
		if s.read(b, 0) != nil {
			continue
		}
		for _, r := range refs {
			if r.typ != typeCDR {
				continue
			}
			var c struct {
				ID      [16]byte `cbor:"1,keyasint"`
				CallID  string   `cbor:"2,keyasint"`
				GroupID string   `cbor:"3,keyasint"`
			}
			if link.Unmarshal(b[int(r.off)+recordHead:r.end()], &c) == nil {
				j.index.add(entry{id: c.ID, hash: hashCallID(c.CallID), group: hashGroup(c.GroupID), seq: r.seq})
			}
		}
	}
}

// refs gives a segment's records and sets aside what is damaged.
func (j *Journal) refs(s view) ([]ref, error) {
	j.use(s.segment)
	refs, damage, err := s.load(s.size)
	if err != nil || len(damage) == 0 {
		return refs, err
	}
	b := make([]byte, s.size)
	if err := s.read(b, 0); err == nil {
		j.report(s.segment, b, damage)
	}
	return refs, nil
}

// use keeps the segments that were read last in memory, and no others.
func (j *Journal) use(s *segment) {
	j.mu.Lock()
	defer j.mu.Unlock()
	i := slices.Index(j.loaded, s)
	switch {
	case i > 0:
		j.loaded = slices.Delete(j.loaded, i, i+1)
	case i == 0:
		return
	case len(j.loaded) == maxLoaded:
		old := j.loaded[maxLoaded-1]
		j.loaded = j.loaded[:maxLoaded-1]
		if j.out == nil || old != j.segs[len(j.segs)-1] { // the one being written stays loaded
			old.unload()
		}
	}
	j.loaded = slices.Insert(j.loaded, 0, s)
}

// report keeps a copy of damaged bytes, for whoever wants to see what happened. A range that has its copy was reported.
func (j *Journal) report(s *segment, b []byte, damage []span) {
	for _, d := range damage {
		name := fmt.Sprintf("%s-%d-%d.bin", strings.TrimSuffix(s.name, segmentExt), d.from, d.to)
		to := filepath.Join(j.path(quarantineDir), name)
		if _, err := os.Stat(to); err == nil {
			continue
		}
		list, err := os.ReadDir(j.path(quarantineDir))
		if missing(err) {
			err = os.MkdirAll(j.path(quarantineDir), 0o750)
		}
		attrs := []any{"file", s.path, "offset", d.from, "bytes", d.to - d.from}
		if err == nil && len(list) < maxQuarantine {
			if err = os.WriteFile(to, b[d.from:d.to], 0o640); err == nil {
				attrs = append(attrs, slog.String("kept", to))
			}
		}
		if err != nil {
			attrs = append(attrs, "err", err)
		}
		j.log.Error("journal: records are damaged and skipped; the disk may be failing", attrs...)
	}
}
