package source

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"voiptop/protocol"
)

// Requester is a Source that knows the requests outside of calls: REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, MESSAGE, OPTIONS.
type Requester interface {
	Source
	// Requests lists those that ended last, newest first: at most limit (1..1000). Of a fleet it is what all sensors that are online
	// know; when one of them does not answer, there is an error beside the others' list.
	Requests(ctx context.Context, limit int) ([]protocol.Transaction, error)
}

// maxRequests bounds how many requests of a file are kept: the last ones.
const maxRequests = 100_000

// Transaction implements analyze.TransactionSink.
func (s *fileSink) Transaction(r *protocol.Transaction) {
	if len(s.requests) == 2*maxRequests {
		s.requests = append(s.requests[:0], s.requests[maxRequests:]...)
	}
	s.requests = append(s.requests, *r)
}

// Requests lists the requests outside of calls, as far as the files have been read.
func (f *File) Requests(_ context.Context, limit int) ([]protocol.Transaction, error) {
	f.start()
	f.mu.Lock()
	defer f.mu.Unlock()
	out := slices.Clone(f.requests[max(0, len(f.requests)-limit):])
	slices.Reverse(out)
	return out, nil
}

// Requests asks the sensor.
func (s *sensor) Requests(ctx context.Context, limit int) ([]protocol.Transaction, error) {
	list, err := s.api.Transactions(ctx, limit)
	return list, s.explain(err)
}

// Requests asks all sensors that are online.
func (h *Hosted) Requests(ctx context.Context, limit int) ([]protocol.Transaction, error) {
	all, err := ofEach[protocol.Transaction](ctx, h, "/transactions?limit="+strconv.Itoa(limit))
	slices.SortStableFunc(all, func(a, b protocol.Transaction) int { return cmp.Compare(b.Last, a.Last) })
	return all[:min(limit, len(all))], err
}
