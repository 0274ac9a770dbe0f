// Package opened is a capture that a user has opened in the browser: it reads the files once with the sensor's own engine, keeps the
// records, and answers what the GUI's pages ask of calls: lists, a search, records, messages, packets, sound, pictures of it. tui/wasm
// brings it into the browser, where nothing of the capture leaves the user's machine.
//
// Questions and answers are those of hosted's HTTP API (openapi.yaml), so that the pages are the same over both: /calls, /calls/ID,
// /calls/ID/audio and so on. A capture has beyond that /summary, and its /calls/ID/messages is one list, not in pages.
//
// It is not for showing anything, and does not know that it runs in a browser: it works with files, those of the capture and a folder of
// its own for what is large. There records, messages and packets are held, so that memory is bounded by the number of calls, at about 1.5 KiB
// a call, and not by the size of the capture.
package opened

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
)

// maxCalls bounds the calls that are in memory. There are that many in some 700 MB of signalling alone; behind them it ends with an
// error, and what came before is there.
const maxCalls = 300_000

// Options say what is opened.
type Options struct {
	Paths  []string // pcap, pcapng, plain, gzip or zstd; merged by time
	KeyLog string   // path of a TLS key log, "": none
	Dir    string   // an empty folder for what is large; Close removes what is in it
	// Progress, if it is not nil, hears every progressStep packets how far it is.
	Progress func(packets, calls uint64)
}

const progressStep = 4096 // packets

// Capture is an opened capture. Make it with New; Answer may be called from several goroutines, also while Read runs.
type Capture struct {
	o    Options
	keys []byte // of TLS; nil: none
	most int    // calls

	texts *texts

	mu      sync.Mutex // of what follows
	records *os.File   // a line of JSON a call, in the order of their ends: what `voipmon analyze --json` prints
	written *bufio.Writer
	size    int64 // of records
	calls   []*entry
	sorted  []int32                 // calls in the order of their start; nil: not sorted since the last came
	byID    map[protocol.UUID]int32 // index into calls
	found   *found                  // of the last search
	summary Summary

	reading sync.Mutex // of the packets of a call, one call at a time; and of what follows
	kept    []*packets // of the calls that were asked for last
	sound   *sound
}

// entry is a call in memory: what lists and most searches need. The record is a line in Capture.records.
type entry struct {
	call   protocol.CDR // without streams and messages
	at     int64
	length int32

	// What call points to. In the record it stands beside streams and messages, which would stay with it.
	connect, pdd, setup int64
	mos, loss, jitter   float64
}

func newEntry(r *protocol.CDR, at int64, length int) *entry {
	e := &entry{call: *r, at: at, length: int32(length)}
	e.call.Streams, e.call.Messages = nil, nil
	own(&e.call.ConnectMS, &e.connect)
	own(&e.call.PDDMS, &e.pdd)
	own(&e.call.SetupMS, &e.setup)
	own(&e.call.MOS, &e.mos)
	own(&e.call.LossPct, &e.loss)
	own(&e.call.JitterMS, &e.jitter)
	return e
}

// own moves what p points to into place.
func own[T any](p **T, place *T) {
	if *p != nil {
		*place = **p
		*p = place
	}
}

// Summary says what was read.
type Summary struct {
	analyze.Summary
	Done bool  // reading has ended
	Err  error // why before the end; nil: there
}

// New opens the files. Nothing is read yet.
func New(o Options) (*Capture, error) {
	c := &Capture{o: o, most: maxCalls, byID: map[protocol.UUID]int32{}}
	if o.KeyLog != "" {
		var err error
		if c.keys, err = analyze.ReadKeyLog(o.KeyLog); err != nil {
			return nil, err
		}
	}
	f, err := os.Create(filepath.Join(o.Dir, "records.ndjson"))
	if err != nil {
		return nil, fmt.Errorf("make room for the records: %w", err)
	}
	c.records, c.written = f, bufio.NewWriterSize(f, 256<<10)
	if c.texts, err = newTexts(o.Dir); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return c, nil
}

// Read analyses the capture to its end, or to that of ctx: calls that run then end as "unterminated". What is wrong with the files is in
// the summary.
func (c *Capture) Read(ctx context.Context) Summary {
	sum, err := c.read(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if flushed := c.written.Flush(); err == nil {
		err = flushed
	}
	c.summary = Summary{sum, true, err}
	return c.summary
}

func (c *Capture) read(ctx context.Context) (analyze.Summary, error) {
	src, err := analyze.Open(c.o.Paths, nil)
	if err != nil {
		return analyze.Summary{}, err
	}
	defer src.Close()
	return analyze.Run(ctx, &counted{Filler: src, of: c}, analyze.Config{TLSKeys: c.keys, SIP: c.texts.add}, c.take)
}

// counted tells of progress.
type counted struct {
	analyze.Filler
	of *Capture
	n  uint64
}

// Next implements analyze.Source.
func (s *counted) Next(p *analyze.Packet) error {
	err := s.Filler.Next(p)
	if err == nil {
		s.count(1)
	}
	return err
}

// Fill implements analyze.Filler.
func (s *counted) Fill(b *analyze.Batch) error {
	err := s.Filler.Fill(b)
	s.count(len(b.Packets))
	return err
}

// count takes n packets.
func (s *counted) count(n int) {
	before := s.n / progressStep
	s.n += uint64(n)
	for at := before + 1; at <= s.n/progressStep && s.of.o.Progress != nil; at++ {
		s.of.mu.Lock()
		calls := len(s.of.calls)
		s.of.mu.Unlock()
		s.of.o.Progress(at*progressStep, uint64(calls))
	}
}

// take takes a record.
func (c *Capture) take(r *protocol.CDR) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.calls) >= c.most {
		return fmt.Errorf("more than %d calls: what is behind them was not read; voipmon analyze reads captures of any size", c.most)
	}
	line := append(r.AppendJSON(c.written.AvailableBuffer()), '\n')
	if _, err := c.written.Write(line); err != nil {
		return fmt.Errorf("keep a record: %w", err)
	}
	e := newEntry(r, c.size, len(line))
	c.size += int64(len(line))
	if _, ok := c.byID[r.ID]; !ok {
		c.byID[r.ID] = int32(len(c.calls))
	}
	c.calls = append(c.calls, e)
	c.sorted, c.found = nil, nil
	return nil
}

// order is the calls in the order of their start; c.mu is held.
func (c *Capture) order() []int32 {
	if c.sorted == nil {
		c.sorted = make([]int32, len(c.calls))
		for i := range c.sorted {
			c.sorted[i] = int32(i)
		}
		slices.SortStableFunc(c.sorted, func(a, b int32) int { return cmp.Compare(c.calls[a].call.Start, c.calls[b].call.Start) })
	}
	return c.sorted
}

// line reads the record of a call.
func (c *Capture) line(i int32) ([]byte, error) {
	c.mu.Lock()
	e := c.calls[i]
	at, b := e.at, make([]byte, e.length)
	err := c.written.Flush()
	c.mu.Unlock()
	if err == nil {
		_, err = c.records.ReadAt(b, at)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read a record again: %w", err)
	}
	return b, nil
}

// Close removes what the capture holds.
func (c *Capture) Close() error {
	c.reading.Lock()
	defer c.reading.Unlock()
	errs := []error{c.records.Close(), os.Remove(c.records.Name()), c.texts.close()}
	for _, p := range c.kept {
		errs = append(errs, os.Remove(p.path))
	}
	c.kept = nil
	return errors.Join(errs...)
}
