package main

import (
	"context"
	"sync"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
)

// recentTransactions is how many requests outside of calls the sensor remembers.
const recentTransactions = 4000

// recent holds the transactions that ended last. The zero value is ready; it may be used from many goroutines.
type recent struct {
	mu   sync.Mutex
	list []*protocol.Transaction // a ring once it is full
	next int                     // where the next goes
}

func (r *recent) add(t *protocol.Transaction) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.list) < recentTransactions {
		r.list = append(r.list, t)
	} else {
		r.list[r.next] = t
	}
	r.next = (r.next + 1) % recentTransactions
}

// newest lists the transactions that ended last, newest first.
func (r *recent) newest(limit int) []protocol.Transaction {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(limit, len(r.list))
	out := make([]protocol.Transaction, n)
	for i := range out {
		out[i] = *r.list[(r.next-1-i+recentTransactions)%recentTransactions]
	}
	return out
}

// Transaction implements analyze.TransactionSink.
func (s sink) Transaction(t *protocol.Transaction) { s.d.transactions.add(t) }

func (s sensor) Transactions(_ context.Context, limit int) ([]protocol.Transaction, error) {
	return s.d.transactions.newest(limit), nil
}

func (s sensor) Registrations(context.Context) (list []protocol.Registration, err error) {
	err = s.d.pipeline.ask(func(e *analyze.Engine) { list = e.Registrations(nil) })
	protocol.SortRegistrations(list)
	return list, err
}
