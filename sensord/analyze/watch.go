package analyze

import (
	"voiptop/protocol"
	"voiptop/sensord/internal/diagnose"
)

// watched is a Sink that looks over the calls of each address before it gives them on, for what no single call shows.
type watched struct {
	Sink
	sources diagnose.Sources
}

// Call implements Sink.
func (w *watched) Call(c *protocol.CDR) {
	w.sources.Judge(c)
	w.Sink.Call(c)
}

func (w *watched) counters(n protocol.Counters) {
	if v := w.sources.Evicted; v > 0 {
		n["findings.sources.evicted"] += v
	}
}
