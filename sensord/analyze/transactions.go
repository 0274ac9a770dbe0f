package analyze

import (
	"cmp"
	"context"

	"voiptop/protocol"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sip"
	"voiptop/sensord/internal/transact"
)

// TransactionSink is a Sink that also takes the records of requests outside of calls. They come in the order of their end.
type TransactionSink interface {
	Sink
	// Transaction takes a record, which is the sink's from then on.
	Transaction(r *protocol.Transaction)
}

// newOutside makes the table of what happens outside of calls. Its records go through w to its sink if that takes them.
func newOutside(sensor uint16, w *watched) *transact.Table {
	if _, ok := w.Sink.(TransactionSink); ok {
		return transact.New(transact.Config{SensorID: sensor}, w)
	}
	return transact.New(transact.Config{SensorID: sensor}, nil)
}

// transaction hands a message that belongs to no call to the table of those.
func (e *Engine) transaction(d *decode.Datagram, m *sip.Message, transport string) {
	if transact.Follows(m.Method()) && !e.calls.Has(m) {
		e.outside.SIP(d, m, transport)
	}
}

// Registrations appends what is known of registrations, in no order (protocol.SortRegistrations), to dst.
func (e *Engine) Registrations(dst []protocol.Registration) []protocol.Registration {
	e.outside.Tick(e.calls.Now())
	return e.outside.Registrations(dst)
}

// Transactions analyses src to its end and calls emit with the record of every request outside of calls, in the order of
// their end. It does not close src.
func Transactions(ctx context.Context, src Source, cfg Config, emit func(*protocol.Transaction) error) (Summary, error) {
	o := &transactions{emit: emit}
	e := New(cfg, o)
	var list []*worker
	for range workers() {
		list = append(list, &worker{})
	}
	s, err := run(ctx, src, e, list, &o.ender, func() bool { return o.err != nil })
	return s, cmp.Or(o.err, err)
}

// transactions is a Sink that gives transactions on, and only counts calls.
type transactions struct {
	ender
	emit func(*protocol.Transaction) error
	err  error // of emit, which is not called again
}

// Transaction implements TransactionSink.
func (o *transactions) Transaction(r *protocol.Transaction) {
	if o.err == nil {
		o.err = o.emit(r)
	}
}
