package main

import (
	"context"
	"time"

	"voiptop/sensord/analyze"
)

// A change of rules is applied to the running calls in slices, between which packets are read.
const (
	sliceTime  = 2 * time.Millisecond
	sliceCalls = 4 // between two looks at the clock: much may be held of a call
	slicePause = 2 * time.Millisecond
)

// followRules applies the rules whenever they have changed, until ctx ends.
func (d *daemon) followRules(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.rules.changed:
			if err := d.redecide(ctx); err != nil {
				return // the sensor is stopping
			}
		}
	}
}

// redecide puts the rules in force for calls that begin, then asks them of all that run. Another change meanwhile begins anew.
func (d *daemon) redecide(ctx context.Context) error {
	decider := analyze.ByRules(d.rules.take())
	if err := d.pipeline.ask(func(e *analyze.Engine) { e.SetDecider(decider) }); err != nil {
		return err
	}
	pause := time.NewTicker(slicePause)
	defer pause.Stop()
	var at analyze.Cursor
	for more := true; more && len(d.rules.changed) == 0; {
		err := d.pipeline.ask(func(e *analyze.Engine) {
			for began := time.Now(); more && time.Since(began) < sliceTime; {
				more = e.Redecide(&at, sliceCalls)
			}
		})
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-pause.C:
		}
	}
	return nil
}
