package journal

import (
	"context"
	"errors"
	"fmt"
	"sort"

	"voiptop/protocol"
	"voiptop/protocol/link"
)

// Batch is consecutive records of one epoch.
type Batch struct {
	Epoch   uint64
	First   uint64   // number of Records[0]
	Lost    uint64   // numbers between where the reading began and First that hold nothing
	Records [][]byte // protocol.CDR in CBOR, each
}

// Next is the number behind the batch.
func (b *Batch) Next() uint64 { return b.First + uint64(len(b.Records)) }

// view is a segment as it was at one moment.
type view struct {
	*segment
	size int64
	next uint64
}

// now is the segment's view while nobody writes.
func (s *segment) now() view { return view{s, s.size, s.next} }

// views lists the segments, and the number up to which records are on the disk.
func (j *Journal) views() ([]view, uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	v := make([]view, len(j.segs))
	for i, s := range j.segs {
		v[i] = s.now()
	}
	return v, j.durable
}

// Read gives the records from number from on: at most count of them, at most maxBytes together but one at least. Damaged
// and dropped records are passed over; Lost counts them. When nothing else is on the disk yet the batch is empty, and its
// First says how far there is nothing.
func (j *Journal) Read(from uint64, count, maxBytes int) (Batch, error) {
	for {
		b, err := j.read(from, count, maxBytes)
		if !errors.Is(err, errGone) { // else history was removed meanwhile
			return b, err
		}
	}
}

func (j *Journal) read(from uint64, count, maxBytes int) (Batch, error) {
	segs, durable := j.views()
	for i := sort.Search(len(segs), func(i int) bool { return segs[i].next > from }); i < len(segs); i++ {
		s := segs[i]
		refs, err := j.refs(s)
		if err != nil {
			return Batch{}, err
		}
		refs = refs[sort.Search(len(refs), func(k int) bool { return refs[k].seq >= from }):]
		for len(refs) > 0 && refs[0].typ != typeCDR {
			refs = refs[1:]
		}
		n, size := 0, 0
		for n < len(refs) && n < count && refs[n].typ == typeCDR && refs[n].seq == refs[0].seq+uint64(n) && refs[n].seq < durable {
			if size += int(refs[n].len); n > 0 && size > maxBytes {
				break
			}
			n++
		}
		if n == 0 {
			continue
		}
		recs, err := s.records(refs[:n])
		if err != nil {
			return Batch{}, err
		}
		if len(recs) == 0 { // damaged since it was scanned: scan again
			s.unload()
			return j.read(from, count, maxBytes)
		}
		return Batch{Epoch: j.epochOf(s.segment), First: refs[0].seq, Lost: refs[0].seq - from, Records: recs}, nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	first := max(from, durable)
	return Batch{Epoch: j.epoch, First: first, Lost: first - from}, nil
}

// epochOf reads what relabel may change.
func (j *Journal) epochOf(s *segment) uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return s.epoch
}

// records reads the payloads of consecutive records, up to the first that is damaged.
func (s *segment) records(refs []ref) ([][]byte, error) {
	base := int(refs[0].off)
	b := make([]byte, refs[len(refs)-1].end()-base)
	if err := s.read(b, int64(base)); err != nil {
		return nil, err
	}
	out := make([][]byte, 0, len(refs))
	for _, r := range refs {
		rec := b[int(r.off)-base : r.end()-base]
		if !s.intact(rec, r) {
			break
		}
		out = append(out, rec[recordHead:])
	}
	return out, nil
}

// Wait returns when there is a record with the number from or later on the disk, or with ctx's error.
func (j *Journal) Wait(ctx context.Context, from uint64) error {
	for {
		j.mu.Lock()
		ready, closed, ch := j.durable > from, j.closed, j.changed
		j.mu.Unlock()
		switch {
		case ready:
			return nil
		case closed:
			return ErrClosed
		}
		select {
		case <-ch:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Calls lists calls, newest first, at most limit, older than the call before unless that is zero; without streams and
// messages. It reaches back 65,536 calls or as far as history goes.
func (j *Journal) Calls(limit int, before protocol.UUID) ([]protocol.CDR, error) {
	j.mu.Lock()
	end := len(j.index.ring)
	if !before.IsZero() {
		end = j.index.below(j.index.seqs[before]) // none when it is not known
	}
	seqs := make([]uint64, 0, min(limit, end))
	for i := end - 1; i >= 0 && len(seqs) < limit; i-- {
		if e := j.index.at(i); j.index.seqs[e.id] == e.seq {
			seqs = append(seqs, e.seq)
		}
	}
	j.mu.Unlock()
	out := make([]protocol.CDR, 0, len(seqs))
	for _, seq := range seqs {
		c, err := j.call(seq)
		if err != nil {
			return nil, err
		}
		if c != nil {
			c.Streams, c.Messages = nil, nil
			out = append(out, *c)
		}
	}
	return out, nil
}

// Find gives a call by its UUID or Call-ID; of several with one Call-ID the newest.
func (j *Journal) Find(id string) (*protocol.CDR, bool) {
	var seqs []uint64
	hash := hashCallID(id)
	j.mu.Lock()
	if c := j.underway(id, hash); c != nil {
		j.mu.Unlock()
		return c, true
	}
	if u, err := protocol.ParseUUID(id); err == nil && j.index.seqs[u] != 0 {
		seqs = append(seqs, j.index.seqs[u])
	}
	for i := len(j.index.ring) - 1; i >= 0; i-- {
		if e := j.index.at(i); e.hash == hash {
			seqs = append(seqs, e.seq)
		}
	}
	j.mu.Unlock()
	for _, seq := range seqs {
		c, err := j.call(seq)
		if err != nil {
			j.log.Error("journal: a call cannot be read", "seq", seq, "err", err)
			continue
		}
		if c != nil && (c.CallID == id || c.ID.String() == id) {
			return c, true
		}
	}
	return nil, false
}

// underway finds a call that is on its way to the disk, so that none is out of sight between its end and the commit.
// Called with j.mu held.
func (j *Journal) underway(id string, hash uint64) *protocol.CDR {
	for _, recs := range [][]pendingRec{j.pending, j.writing} {
		for i := len(recs) - 1; i >= 0; i-- {
			r := &recs[i]
			if r.typ != typeCDR || r.hash != hash && r.id.String() != id {
				continue
			}
			if c, err := decode(r.body); err == nil && (c.CallID == id || c.ID.String() == id) { // Append encoded it
				return c
			}
		}
	}
	return nil
}

// call reads one record, nil if it is gone or damaged.
func (j *Journal) call(seq uint64) (*protocol.CDR, error) {
	b, err := j.Read(seq, 1, link.MaxRecord)
	if err != nil || len(b.Records) == 0 || b.First != seq {
		return nil, err
	}
	c, err := decode(b.Records[0])
	if err != nil {
		return nil, fmt.Errorf("decode record %d: %w", seq, err)
	}
	return c, nil
}
