package analyze

import (
	"voiptop/protocol"
	"voiptop/sensord/internal/diagnose"
)

// watched is a Sink that looks over the calls and transactions of each address before it gives them on, for what no single call shows.
type watched struct {
	Sink
	sources diagnose.Sources
}

// Call implements Sink.
func (w *watched) Call(c *protocol.CDR) {
	w.sources.Judge(c)
	w.Sink.Call(c)
}

// Transaction implements transact.Sink; it is asked only when the sink takes transactions.
func (w *watched) Transaction(r *protocol.Transaction) {
	w.sources.JudgeTransaction(r)
	w.Sink.(TransactionSink).Transaction(r)
}

func (w *watched) counters(n protocol.Counters) {
	if v := w.sources.Evicted; v > 0 {
		n["findings.sources.evicted"] += v
	}
}
