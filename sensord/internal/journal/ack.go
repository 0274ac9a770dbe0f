package journal

import (
	"fmt"
	"os"
	"sort"
)

// Ack notes, durably, that hosted has all records below next.
func (j *Journal) Ack(next uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if next <= j.acked {
		return nil
	}
	if next > j.durable {
		return fmt.Errorf("acknowledgement of record %d, but the last is %d", next-1, j.durable-1)
	}
	j.acked = next
	return j.writeCursor()
}

// Resume takes over how far hosted says it is: everything of earlier epochs, and of epoch the records below next. Where
// that differs from the cursor here - an acknowledgement that was lost on the way, a cursor file that was damaged, a hosted
// that was restored from a backup - hosted is right. An epoch of 0 says that hosted has nothing yet of this sensor.
// It answers the number to go on with.
func (j *Journal) Resume(epoch, next uint64) (uint64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if epoch == 0 {
		return j.acked, nil
	}
	if epoch > j.epoch || (epoch == j.epoch && next > j.next) {
		// Hosted knows an epoch that is to come: this clock was behind when it began, or the disk is an old copy.
		return j.acked, j.relabel(epoch + 1)
	}
	at := uint64(0)
	if i := sort.Search(len(j.segs), func(i int) bool { return j.segs[i].epoch > epoch }); i > 0 {
		at = j.segs[i-1].next
		if j.segs[i-1].epoch == epoch {
			at = min(at, next)
		}
	}
	at = min(max(at, j.oldest()), j.durable)
	if at == j.acked {
		return at, nil
	}
	if at < j.acked {
		j.log.Warn("hosted has fewer calls than it acknowledged: sending again what is still here", "from", at, "to", j.acked)
	}
	j.acked = at
	return at, j.writeCursor()
}

// oldest is the first number that may still be here. Called with j.mu held.
func (j *Journal) oldest() uint64 {
	if len(j.segs) == 0 {
		return j.next
	}
	return j.segs[0].head.first
}

// relabel gives everything since Open another epoch. Called with j.mu held.
func (j *Journal) relabel(epoch uint64) error {
	j.log.Warn("journal: hosted knows a later epoch; was the clock wrong, or is this disk a copy?", "epoch", j.epoch, "now", epoch)
	j.epoch = epoch
	for _, s := range j.segs {
		if s.head.first < j.opened || s.epoch == epoch {
			continue
		}
		h := s.head
		h.epoch = epoch
		if err := rewriteHeader(s.path, h); err != nil {
			return fmt.Errorf("journal: relabel %s: %w", s.path, err)
		}
		s.epoch = epoch
	}
	return j.writeCursor()
}

// rewriteHeader changes one copy and then the other, so that one is always whole.
func rewriteHeader(path string, h header) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	b := h.encode()
	for off := 0; off < headerSize; off += headerSlot {
		if _, err := f.WriteAt(b[off:off+headerSlot], int64(off)); err != nil {
			return err
		}
		if err := fdatasync(f); err != nil {
			return err
		}
	}
	return nil
}
