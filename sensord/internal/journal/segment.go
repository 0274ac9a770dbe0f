package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"

	"voiptop/protocol/link"
)

const (
	headerSlot = 512
	headerSize = 2 * headerSlot
	headerSum  = 40 // bytes of a header that its CRC covers
	recordHead = 17
	minRecord  = recordHead + 1 // no record is empty
	magic      = "VTJRNL01"

	typeCDR byte = 1
	typeGap byte = 2
	gapBody      = 8

	maxSkip = 1 << 24 // numbers that may be missing behind damage
)

var (
	le         = binary.LittleEndian
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errGone    = errors.New("segment was removed")
)

// header is the beginning of a segment.
type header struct {
	epoch uint64
	first uint64
	salt  uint64
	made  uint64 // microseconds since 1970
}

// encode gives the header's two copies.
func (h header) encode() []byte {
	b := make([]byte, headerSize)
	copy(b, magic)
	le.PutUint64(b[8:], h.epoch)
	le.PutUint64(b[16:], h.first)
	le.PutUint64(b[24:], h.salt)
	le.PutUint64(b[32:], h.made)
	le.PutUint32(b[40:], crc32.Checksum(b[:headerSum], castagnoli))
	copy(b[headerSlot:], b[:headerSlot])
	return b
}

// decodeHeader reads the copy that is intact; where both are, the one of the higher epoch (see relabel).
func decodeHeader(b []byte) (h header, ok bool) {
	for off := 0; off+headerSlot <= len(b) && off < headerSize; off += headerSlot {
		c := b[off : off+headerSlot]
		if string(c[:8]) != magic || crc32.Checksum(c[:headerSum], castagnoli) != le.Uint32(c[40:]) {
			continue
		}
		if e := le.Uint64(c[8:]); !ok || e > h.epoch {
			h, ok = header{epoch: e, first: le.Uint64(c[16:]), salt: le.Uint64(c[24:]), made: le.Uint64(c[32:])}, true
		}
	}
	return h, ok
}

// appendRecord adds a record's bytes to b.
func appendRecord(b []byte, salt, seq uint64, typ byte, body []byte) []byte {
	at := len(b)
	b = le.AppendUint32(b, uint32(len(body)))
	b = append(b, 0, 0, 0, 0)
	b = le.AppendUint64(b, seq)
	b = append(b, typ)
	b = append(b, body...)
	le.PutUint32(b[at+4:], checksum(salt, b[at:]))
	return b
}

// checksum covers the salt and a whole record except the checksum itself.
func checksum(salt uint64, rec []byte) uint32 {
	var s [8]byte
	le.PutUint64(s[:], salt)
	c := crc32.Update(0, castagnoli, s[:])
	c = crc32.Update(c, castagnoli, rec[:4])
	return crc32.Update(c, castagnoli, rec[8:])
}

// ref is where a record is in its segment.
type ref struct {
	seq uint64
	off uint32 // of the record's head
	len uint32 // of the payload
	typ byte
}

// end is the offset behind the record.
func (r ref) end() int { return int(r.off) + recordHead + int(r.len) }

// span is a range of a segment's bytes.
type span struct{ from, to int }

// recordAt reads the record at off of a segment's bytes. Its number must be in [min, max].
func recordAt(b []byte, off int, salt, min, max uint64) (ref, bool) {
	if off+minRecord > len(b) {
		return ref{}, false
	}
	n, seq, typ := le.Uint32(b[off:]), le.Uint64(b[off+8:]), b[off+16]
	if n == 0 || n > link.MaxRecord || off+recordHead+int(n) > len(b) || seq < min || seq > max {
		return ref{}, false
	}
	if typ != typeCDR && (typ != typeGap || n != gapBody) {
		return ref{}, false
	}
	r := ref{seq: seq, off: uint32(off), len: n, typ: typ}
	return r, le.Uint32(b[off+4:]) == checksum(salt, b[off:r.end()])
}

// scan finds the records of a segment's bytes and what lies between them that is none. tail is the end of the last
// record: bytes from there on are no record, and not in damage.
func scan(b []byte, h header) (refs []ref, damage []span, tail int) {
	next := h.first
	for off, bad := headerSize, -1; ; {
		// Numbers rise by one. Behind damage they may be ahead, by a gap too if its record is what was damaged.
		ceiling := next
		if bad >= 0 {
			ceiling += maxSkip
		}
		r, ok := recordAt(b, off, h.salt, next, ceiling)
		switch {
		case ok:
			if bad >= 0 {
				damage = append(damage, span{bad, off})
				bad = -1
			}
			refs = append(refs, r)
			off = r.end()
			tail = off
			next = r.seq + 1
			if r.typ == typeGap {
				next = r.seq + max(1, le.Uint64(b[off-gapBody:]))
			}
		case off+minRecord > len(b):
			return refs, damage, max(tail, min(headerSize, len(b)))
		default:
			if bad < 0 {
				bad = off
			}
			off++
		}
	}
}

// segment is one file.
type segment struct {
	path string
	name string
	head header

	// Under the journal's lock:
	epoch uint64 // head.epoch, unless relabelled
	next  uint64 // number behind the last record
	size  int64  // of what is valid

	mu   sync.Mutex
	f    *os.File // for reading; opened when needed
	refs []ref    // of all good records; nil when not loaded
	gone bool
}

// read fills b from off.
func (s *segment) read(b []byte, off int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return errGone
	}
	if s.f == nil {
		f, err := os.Open(s.path)
		if err != nil {
			return err
		}
		s.f = f
	}
	_, err := s.f.ReadAt(b, off)
	return err
}

// load scans the file if its records are not known, and tells what is damaged.
func (s *segment) load(size int64) (refs []ref, damage []span, err error) {
	s.mu.Lock()
	refs = s.refs
	s.mu.Unlock()
	if refs != nil {
		return refs, nil, nil
	}
	b := make([]byte, size)
	if err := s.read(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("read %s: %w", s.path, err)
	}
	refs, damage, tail := scan(b, s.head)
	if tail < len(b) {
		damage = append(damage, span{tail, len(b)})
	}
	if refs == nil {
		refs = []ref{}
	}
	s.mu.Lock()
	s.refs = refs
	s.mu.Unlock()
	return refs, damage, nil
}

// wrote adds records that were just written.
func (s *segment) wrote(refs []ref) {
	s.mu.Lock()
	s.refs = append(s.refs, refs...)
	s.mu.Unlock()
}

// unload forgets where the records are.
func (s *segment) unload() {
	s.mu.Lock()
	s.refs = nil
	if s.f != nil {
		s.f.Close()
		s.f = nil
	}
	s.mu.Unlock()
}

func (s *segment) close() {
	s.mu.Lock()
	s.gone = true
	if s.f != nil {
		s.f.Close()
		s.f = nil
	}
	s.mu.Unlock()
}

// intact checks a record that was read again.
func (s *segment) intact(rec []byte, r ref) bool {
	var want [recordHead]byte
	le.PutUint32(want[:], r.len)
	le.PutUint64(want[8:], r.seq)
	want[16] = r.typ
	return bytes.Equal(rec[:4], want[:4]) && bytes.Equal(rec[8:recordHead], want[8:]) && le.Uint32(rec[4:]) == checksum(s.head.salt, rec)
}
