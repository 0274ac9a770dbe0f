package main

import (
	"fmt"

	"voiptop/protocol"
	"voiptop/protocol/link"
	"voiptop/sensord/analyze"
)

// limited applies what hosted allows to the calls that begin from now on.
func (d *daemon) limited(l link.Limits) {
	if err := d.pipeline.ask(func(e *analyze.Engine) { e.SetMaxChannels(l.MaxChannels) }); err != nil {
		return // stopping
	}
	if was := d.maxChannels.Swap(int64(l.MaxChannels)); was != int64(l.MaxChannels) {
		d.log.Info("hosted limits the calls whose media is analysed", "channels", l.MaxChannels)
	}
}

// overLimit says that calls are over the limit now; nil when none is.
func (d *daemon) overLimit(c protocol.Counters) *protocol.Problem {
	n := c[protocol.CountOverLimitNow]
	if n == 0 {
		return nil
	}
	return &protocol.Problem{
		Code: "over-limit", Title: fmt.Sprintf("%d running calls are over the limit of %d channels", n, d.maxChannels.Load()),
		Detail: "they get records of their SIP alone; their media is not analysed",
		Remedy: "raise the tenant's limit (hosted tenant set NAME --max-channels N)",
	}
}
