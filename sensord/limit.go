package main

import (
	"context"
	"fmt"

	"voiptop/protocol"
	"voiptop/protocol/link"
	"voiptop/protocol/sensorapi"
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

// setLimits applies what hosted says while the link is up: the tenant's channels are divided among its sensors anew.
func (d *daemon) setLimits(_ context.Context, l sensorapi.Limits) (sensorapi.Limits, error) {
	err := d.pipeline.ask(func(e *analyze.Engine) {
		e.SetMaxChannels(l.MaxChannels)
		l.Channels, l.OverLimit = e.Channels()
	})
	if err != nil {
		return l, err
	}
	if was := d.maxChannels.Swap(int64(l.MaxChannels)); was != int64(l.MaxChannels) {
		d.log.Debug("hosted divides the tenant's channels anew", "channels", l.MaxChannels, "used", l.Channels, "over_limit", l.OverLimit)
	}
	return l, nil
}

// overLimit says that calls are over the limit now; nil when none is.
func (d *daemon) overLimit(c protocol.Counters) *protocol.Problem {
	n := c[protocol.CountOverLimitNow]
	if n == 0 {
		return nil
	}
	return &protocol.Problem{
		Code: "over-limit", Title: fmt.Sprintf("%d running calls are over the limit of %d channels", n, d.maxChannels.Load()),
		Detail: "they get records of their SIP alone, their media is not analysed; the limit is this sensor's part of the tenant's channels",
		Remedy: "raise the tenant's limit (hosted tenant set NAME --max-channels N)",
	}
}
