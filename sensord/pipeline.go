package main

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
	"voiptop/sensord/internal/capture"
)

// pipeline is the one goroutine that reads packets and drives the engine. Others ask it to run a function between two
// packets.
type pipeline struct {
	source capture.Source
	engine *analyze.Engine
	asks   chan func()
	asked  atomic.Int32
	done   chan struct{} // closed when run has ended
}

func newPipeline(s capture.Source, e *analyze.Engine) *pipeline {
	return &pipeline{source: s, engine: e, asks: make(chan func()), done: make(chan struct{})}
}

// run reads until the source ends, then goes on answering until ctx ends. atEnd is called once, between the two.
func (p *pipeline) run(ctx context.Context, atEnd func()) error {
	defer close(p.done)
	stop := context.AfterFunc(ctx, func() { p.source.Close() }) // Next answers at once
	defer stop()
	err := p.read(ctx)
	if ctx.Err() != nil {
		p.engine.Interrupt()
	} else {
		p.engine.Close()
	}
	atEnd()
	if err != nil {
		return err
	}
	for {
		select {
		case f := <-p.asks:
			f()
		case <-ctx.Done():
			return nil
		}
	}
}

func (p *pipeline) read(ctx context.Context) error {
	var pkt analyze.Packet
	for {
		err := p.source.Next(&pkt)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			p.engine.Packet(&pkt)
		case errors.Is(err, capture.ErrIdle):
			p.engine.Tick(pkt.Time) // the source's clock
		case errors.Is(err, io.EOF):
			return nil
		default:
			return err
		}
		for p.asked.Load() > 0 {
			(<-p.asks)()
			p.asked.Add(-1)
		}
	}
}

var errStopped = &protocol.Problem{Code: protocol.CodeInternal, Status: 503, Title: "the sensor is stopping"}

// ask runs f between two packets and returns when it has run.
func (p *pipeline) ask(f func(*analyze.Engine)) error {
	ran := make(chan struct{})
	g := func() { f(p.engine); close(ran) }
	p.asked.Add(1)
	if w, ok := p.source.(capture.Waker); ok {
		w.Wake()
	}
	select {
	case p.asks <- g:
		<-ran
		return nil
	case <-p.done:
		return errStopped
	}
}
