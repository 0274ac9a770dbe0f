package analyze

import (
	"voiptop/protocol"
	"voiptop/sensord/internal/diagnose"
)

// watched is a Sink that looks over the transactions of each address before it gives them on, for what no single one shows. Calls it
// has looked over before (call.Config.Judge): rules may ask for what is found.
type watched struct {
	Sink
	sources diagnose.Sources
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
