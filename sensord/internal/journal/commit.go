package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
)

// commitLoop writes what Append collected. All that came while the disk was busy goes in one write and one fdatasync.
func (j *Journal) commitLoop() {
	defer close(j.done)
	var buf []byte
	for range j.wake {
		buf = j.commit(buf[:0])
	}
	j.commit(buf[:0]) // what came before Close
}

// commit makes the pending records durable, or drops them. It answers buf for reuse. Only the committer calls it.
func (j *Journal) commit(buf []byte) []byte {
	j.mu.Lock()
	batch, drop := j.pending, j.drop
	j.pending, j.pendingN = nil, 0
	j.writing = batch
	j.mu.Unlock()
	if len(batch) == 0 {
		return buf
	}
	defer func() {
		j.mu.Lock()
		j.writing = nil
		j.mu.Unlock()
	}()
	if drop.count > 0 {
		batch = append([]pendingRec{gapRecord(drop.from, drop.count)}, batch...)
	}
	for len(batch) > 0 {
		seg, err := j.segment(batch[0].seq)
		n, refs := 0, []ref(nil)
		if err == nil {
			buf, refs = encodeBatch(buf[:0], seg, batch, j.cfg.SegmentBytes)
			n = len(refs)
			err = j.write(seg, buf)
		}
		if err != nil {
			j.failed(batch, err)
			return buf
		}
		j.committed(seg, batch[:n], refs, int64(len(buf)))
		batch = batch[n:]
	}
	return buf
}

func gapRecord(from, count uint64) pendingRec {
	return pendingRec{seq: from, typ: typeGap, body: le.AppendUint64(nil, count)}
}

// encodeBatch appends records to buf until the segment is full; one at least.
func encodeBatch(buf []byte, s *segment, batch []pendingRec, segmentBytes int64) ([]byte, []ref) {
	refs := make([]ref, 0, len(batch))
	for _, r := range batch {
		at := s.size + int64(len(buf))
		if len(refs) > 0 && at+int64(recordHead+len(r.body)) > segmentBytes {
			break
		}
		refs = append(refs, ref{seq: r.seq, off: uint32(at), len: uint32(len(r.body)), typ: r.typ})
		buf = appendRecord(buf, s.head.salt, r.seq, r.typ, r.body)
	}
	return buf, refs
}

// segment gives the one to write to; a new one that begins with number first if there is none or it is full.
func (j *Journal) segment(first uint64) (*segment, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.out != nil {
		s := j.segs[len(j.segs)-1]
		if s.size < j.cfg.SegmentBytes {
			return s, nil
		}
		err := j.out.Close()
		j.out = nil
		if err != nil {
			return nil, fmt.Errorf("close %s: %w", s.path, err)
		}
		s.unload()
	}
	if !j.room(headerSize) {
		return nil, errMaxBytes
	}
	h := header{epoch: j.epoch, first: first, made: uint64(max(0, j.cfg.Clock().UnixMicro()))}
	var salt [8]byte
	_, _ = rand.Read(salt[:]) // never fails: crypto/rand documents it
	h.salt = le.Uint64(salt[:])
	name := segmentName(first)
	f, err := os.OpenFile(j.path(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, err
	}
	if _, err = j.cfg.write(f, h.encode()); err == nil {
		err = j.cfg.sync(f)
	}
	if err == nil {
		err = syncDir(j.cfg.Dir)
	}
	if err != nil {
		f.Close()
		os.Remove(f.Name())
		return nil, err
	}
	s := &segment{path: f.Name(), name: name, head: h, epoch: h.epoch, next: first, size: headerSize, refs: []ref{}}
	j.out = f
	j.segs = append(j.segs, s)
	j.bytes += headerSize
	return s, nil
}

var errMaxBytes = errors.New("the journal's room is full of records that hosted does not have yet")

// room tells whether n more bytes fit in MaxBytes, and removes history for them: the oldest segments that hosted has.
// Called with j.mu held.
func (j *Journal) room(n int64) bool {
	for j.bytes+n > j.cfg.MaxBytes {
		if !j.removeOldest() {
			return false
		}
	}
	return true
}

// removeOldest removes the oldest segment if hosted has all of it and it is not being written. Called with j.mu held.
func (j *Journal) removeOldest() bool {
	if len(j.segs) == 0 {
		return false
	}
	s := j.segs[0]
	if s.next > j.acked || (j.out != nil && len(j.segs) == 1) {
		return false
	}
	s.close()
	if err := os.Remove(s.path); err != nil && !missing(err) {
		j.log.Error("journal: cannot remove history", "err", err)
	}
	j.segs = j.segs[1:]
	j.bytes -= s.size
	return true
}

// write puts buf at the end of the segment being written, durably, or leaves the segment as it was.
func (j *Journal) write(s *segment, buf []byte) error {
	j.mu.Lock()
	ok, out := j.room(int64(len(buf))), j.out
	j.mu.Unlock()
	if !ok {
		return errMaxBytes
	}
	_, err := j.cfg.write(out, buf)
	for err != nil {
		// The disk is full: history goes first, then the newest.
		if e := j.rewind(out, s.size); e != nil {
			return e
		}
		j.mu.Lock()
		freed := j.removeOldest()
		j.mu.Unlock()
		if !freed {
			return err
		}
		_, err = j.cfg.write(out, buf)
	}
	if err = j.cfg.sync(out); err != nil {
		if e := j.rewind(out, s.size); e != nil {
			return e
		}
	}
	return err
}

// rewind cuts a failed write off. If that fails too the segment is left behind: Open cuts its tail.
func (j *Journal) rewind(out *os.File, size int64) error {
	err := out.Truncate(size)
	if err == nil {
		_, err = out.Seek(size, 0)
	}
	if err == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.out = nil
	return errors.Join(err, out.Close())
}

// committed publishes records that are on the disk now.
func (j *Journal) committed(s *segment, batch []pendingRec, refs []ref, bytes int64) {
	s.wrote(refs)
	j.mu.Lock()
	defer j.mu.Unlock()
	s.size += bytes
	j.bytes += bytes
	for _, r := range batch {
		s.next = r.seq + r.numbers()
		if r.typ == typeCDR {
			j.index.add(entry{id: r.id, hash: r.hash, group: r.group, seq: r.seq})
			continue
		}
		j.drop = dropState{turn: j.drop.turn + 1, total: j.dropped}
		if err := j.writeDrop(j.drop); err != nil {
			j.log.Error("journal: cannot record what was dropped", "err", err)
		}
	}
	j.durable = s.next
	if j.full {
		j.full = false
		j.log.Info("journal: there is room again", "dropped", j.dropped)
	}
	j.broadcast()
}

// overflow drops a call because too much is waiting for the disk already. Called with j.mu held.
func (j *Journal) overflow(seq uint64) {
	if n := len(j.pending); n > 0 && j.pending[n-1].typ == typeGap {
		body := j.pending[n-1].body
		le.PutUint64(body, le.Uint64(body)+1)
	} else {
		j.pending = append(j.pending, gapRecord(seq, 1))
	}
	j.dropped++
	j.noRoom(fmt.Errorf("the disk is so slow that %d bytes wait for it", maxPending))
}

// failed drops records that cannot be written, the newest there are.
func (j *Journal) failed(batch []pendingRec, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	end := j.durable
	for _, r := range batch {
		end = r.seq + r.numbers()
		if r.seq < j.drop.from+j.drop.count { // the gap record of what fell out before
			continue
		}
		if j.drop.count == 0 {
			j.drop.from = r.seq
		}
		j.drop.count = end - j.drop.from
		if r.typ == typeCDR {
			j.index.forget(r.id)
			j.dropped++
		}
	}
	j.drop.turn++
	j.drop.total = j.dropped
	if e := j.writeDrop(j.drop); e != nil {
		j.log.Error("journal: cannot record what was dropped", "err", e)
	}
	j.noRoom(err)
	j.durable = end
	j.broadcast()
}

// noRoom says once that calls are being dropped. Called with j.mu held.
func (j *Journal) noRoom(err error) {
	if !j.full {
		j.full = true
		j.log.Error("journal: the newest calls are dropped until there is room", "err", err, "dir", j.cfg.Dir,
			"remedy", "free space on that disk, or see why hosted does not take the calls (voipmon doctor)")
	}
}

// broadcast wakes all who wait for a commit. Called with j.mu held.
func (j *Journal) broadcast() {
	close(j.changed)
	j.changed = make(chan struct{})
}
