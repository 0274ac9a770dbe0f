package journal

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"os"

	"voiptop/protocol"
	"voiptop/protocol/link"
)

// A checkpoint holds the calls that run, as far as they have come, so that a crash yields interrupted records and not
// nothing. It is the file "checkpoint" in the journal's folder and replaces its predecessor by rename:
//
//	0       8      16     20
//	| magic | time | CRC  | len | CRC | payload, len bytes | len | CRC | payload | ...
//
// magic is "VTJCHK01", time is that of the checkpoint in microseconds on the packets' clock; a CRC is the CRC32C of what
// stands before it in the header, and of a call's payload (CBOR, protocol.CDR).
const (
	checkpointName  = "checkpoint"
	checkpointMagic = "VTJCHK01"
	checkpointHead  = 20
	maxCheckpoint   = 64 << 20 // bytes; calls for which there is no room are left out
)

// Checkpoint makes durable which calls run at a time on the packets' clock, in place of the checkpoint before. calls may
// yield ended ones that are not appended yet; an error that it yields leaves the checkpoint before in its place. omitted is
// how many calls there was no room for.
func (j *Journal) Checkpoint(t protocol.Time, calls iter.Seq2[*protocol.CDR, error]) (omitted int, err error) {
	tmp := j.path("." + checkpointName)
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return 0, fmt.Errorf("journal checkpoint: %w", err)
	}
	w := bufio.NewWriterSize(f, 64<<10)
	head := le.AppendUint64([]byte(checkpointMagic), uint64(t))
	w.Write(le.AppendUint32(head, crc32.Checksum(head, castagnoli))) // Flush tells its errors
	size := checkpointHead
	var prefix [8]byte
	for c, cerr := range calls {
		if cerr != nil {
			err = cerr
			break
		}
		body, merr := link.Marshal(c)
		if merr != nil || len(body) > link.MaxRecord || size+len(prefix)+len(body) > maxCheckpoint {
			omitted++
			continue
		}
		le.PutUint32(prefix[:], uint32(len(body)))
		le.PutUint32(prefix[4:], crc32.Checksum(body, castagnoli))
		w.Write(prefix[:])
		w.Write(body)
		size += len(prefix) + len(body)
	}
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = j.cfg.sync(f)
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(tmp, j.path(checkpointName))
	}
	if err != nil {
		os.Remove(tmp)
		return omitted, fmt.Errorf("journal checkpoint: %w", err)
	}
	return omitted, nil
}

// Interrupt appends the calls of the checkpoint that a crash left, but for those that the journal has: they ended, as far
// as is known, at the checkpoint. Then it removes the checkpoint. It answers how many calls there were.
func (j *Journal) Interrupt() (n int, err error) {
	b, err := os.ReadFile(j.path(checkpointName))
	if missing(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("journal checkpoint: %w", err)
	}
	t, calls, whole := decodeCheckpoint(b)
	if !whole {
		j.log.Warn("the checkpoint is damaged; the calls that can be read are taken", "file", j.path(checkpointName), "calls", len(calls))
	}
	for _, c := range calls {
		if j.Has(c.ID) {
			continue
		}
		interrupt(c, t)
		if err := j.Append(c); err != nil {
			return n, err
		}
		n++
	}
	if err := j.Sync(); err != nil { // else the next start does it again
		return n, err
	}
	return n, j.RemoveCheckpoint()
}

// RemoveCheckpoint removes the checkpoint: its calls have been appended.
func (j *Journal) RemoveCheckpoint() error {
	if err := os.Remove(j.path(checkpointName)); err != nil && !missing(err) {
		return fmt.Errorf("journal checkpoint: %w", err)
	}
	return nil
}

// interrupt ends a call at t. One whose end was seen keeps it.
func interrupt(c *protocol.CDR, t protocol.Time) {
	if c.End != 0 {
		return
	}
	c.End, c.EndCause, c.EndBy = max(t, c.Start), protocol.EndInterrupted, protocol.PartySensor
	c.DurationMS = int64(c.End-c.Start) / 1000
	if c.Answer != 0 {
		connect := max(0, int64(c.End-c.Answer)/1000)
		c.ConnectMS = &connect
	}
}

// decodeCheckpoint reads what it can; whole is false when something is damaged.
func decodeCheckpoint(b []byte) (t protocol.Time, calls []*protocol.CDR, whole bool) {
	const sum = checkpointHead - 4
	if len(b) < checkpointHead || string(b[:8]) != checkpointMagic || le.Uint32(b[sum:]) != crc32.Checksum(b[:sum], castagnoli) {
		return 0, nil, false
	}
	t, whole = protocol.Time(le.Uint64(b[8:])), true
	for b = b[checkpointHead:]; len(b) > 0; {
		if len(b) < 8 {
			return t, calls, false
		}
		n, want := int64(le.Uint32(b)), le.Uint32(b[4:])
		if n > link.MaxRecord || n > int64(len(b)-8) {
			return t, calls, false
		}
		body := b[8 : 8+n]
		b = b[8+n:]
		c, err := decode(body)
		if crc32.Checksum(body, castagnoli) != want || err != nil {
			whole = false
			continue
		}
		calls = append(calls, c)
	}
	return t, calls, whole
}
