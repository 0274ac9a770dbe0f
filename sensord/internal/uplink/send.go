package uplink

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/fxamacker/cbor/v2"

	"voiptop/protocol"
	"voiptop/protocol/link"
	"voiptop/sensord/internal/journal"
)

// batchBytes is how many bytes of records go in one batch: one more record still fits in link.MaxBatchRaw.
const batchBytes = 4 << 20

// send delivers the journal's records from number at on, in order, one batch at a time. A batch is acknowledged when it is
// stored; only then does the journal's cursor move. What a cut connection leaves open is sent again after the next hello;
// hosted skips by number what it has.
func (s *session) send(ctx context.Context, a *link.HelloAnswer, at uint64) error {
	j := s.u.cfg.Journal
	most := link.MaxBatch
	if a.Limits.MaxBatch > 0 {
		most = min(most, a.Limits.MaxBatch)
	}
	count := most
	if n := int(s.u.batch.Load()); n > 0 {
		count = min(n, most)
	}
	for {
		if err := j.Wait(ctx, at); err != nil {
			return err
		}
		b, err := j.Read(at, count, batchBytes)
		if err != nil {
			return err
		}
		if count == most && len(b.Records) < most { // others may come to go with them
			if err := wait(ctx, s.u.cfg.BatchDelay); err != nil {
				return err
			}
			if b, err = j.Read(at, count, batchBytes); err != nil {
				return err
			}
		}
		err = s.sendBatch(ctx, &b)
		var p *protocol.Problem
		errors.As(err, &p)
		bad, named := badRecord(p, &b)
		switch {
		case err == nil:
			count = min(2*count, most)
			s.u.batch.Store(int32(count))
		case p != nil && p.Status == http.StatusRequestEntityTooLarge && len(b.Records) > 1:
			count = (len(b.Records) + 1) / 2
			continue
		case named && bad > b.First: // those before it first
			count = int(bad - b.First)
			continue
		case named:
			s.u.log.Error("hosted cannot take a call, it is left out", "seq", bad, "code", p.Code, "reason", p.Title, "detail", p.Detail)
			b = journal.Batch{Epoch: b.Epoch, First: bad + 1, Lost: b.Lost + 1}
			if err := s.sendBatch(ctx, &b); err != nil {
				return err
			}
		default:
			if p == nil { // cut: on a bad network smaller batches come through
				s.u.batch.Store(int32(max(1, len(b.Records)/2)))
			}
			return err
		}
		at = b.Next()
		if err := s.acknowledged(at); err != nil {
			return err
		}
	}
}

// badRecord gives the number of the one record that hosted's refusal is about.
func badRecord(p *protocol.Problem, b *journal.Batch) (seq uint64, ok bool) {
	if p == nil || p.Code != protocol.CodeBadRequest {
		return 0, false
	}
	seq, err := strconv.ParseUint(p.Fields[link.FieldSeq], 10, 64)
	return seq, err == nil && seq >= b.First && seq < b.Next()
}

func (s *session) sendBatch(ctx context.Context, b *journal.Batch) error {
	m := &link.Batch{Epoch: b.Epoch, First: b.First, Lost: b.Lost, CDRs: make([]cbor.RawMessage, len(b.Records))}
	for i, r := range b.Records {
		m.CDRs[i] = r
	}
	body, err := link.EncodeBatch(m)
	if err != nil {
		return err
	}
	a, err := s.up.Send(ctx, body)
	if err != nil {
		return err
	}
	if want := (link.Cursor{Epoch: b.Epoch, Next: b.Next()}); a.Cursor != want {
		return fmt.Errorf("hosted is at %d/%d after a batch up to %d/%d", a.Cursor.Epoch, a.Cursor.Next, want.Epoch, want.Next)
	}
	return nil
}

func (s *session) acknowledged(next uint64) error {
	if err := s.u.cfg.Journal.Ack(next); err != nil {
		return err
	}
	s.u.mu.Lock()
	defer s.u.mu.Unlock()
	s.u.health.LastCDRAck = protocol.TimeOf(s.u.cfg.Clock())
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
