package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/analyze"
)

// fileEvery is the time between snapshots while the file is read.
const fileEvery = 500 * time.Millisecond

// File reads capture files with the sensor's own engine. Reading begins with the first question.
type File struct {
	paths []string
	name  string
	input analyze.Source
	open  func() (analyze.Source, error) // makes input when reading begins; nil: it is there
	keys  []byte                         // of TLS; nil: none
	once  sync.Once
	stop  context.CancelFunc
	ctx   context.Context
	ended chan struct{} // closed when the files have been read

	mu       sync.Mutex // held while a packet is analysed
	engine   *analyze.Engine
	packets  uint64                 // that were read, that at hand included
	spans    map[string]span        // by Call-ID, see locate
	recent   *recent                // messages of standard input, nil: the files can be read again
	calls    []*protocol.CDR        // ended ones, as they ended
	requests []protocol.Transaction // outside of calls, as they ended
	err      error                  // why reading ended early
	notes    []string
}

// NewFile opens capture files, merged by time. "-" is stdin.
func NewFile(paths []string, stdin io.Reader) (*File, error) {
	open := func() (analyze.Source, error) { return analyze.Open(paths, stdin) }
	if len(paths) == 1 && paths[0] == "-" {
		open = func() (analyze.Source, error) { return analyze.OpenLive(stdin) }
	}
	in, err := open()
	if err != nil {
		return nil, err
	}
	f := newFile(paths)
	f.input = in
	return f, nil
}

func newFile(paths []string) *File {
	f := &File{paths: paths, ended: make(chan struct{}), name: filepath.Base(paths[0]), spans: map[string]span{}}
	if paths[0] == "-" {
		f.name = "stdin"
	}
	if n := len(paths) - 1; n > 0 {
		f.name += fmt.Sprintf(" +%d", n)
	}
	if f.stdin() {
		f.recent = &recent{by: map[string][]Text{}}
	}
	f.ctx, f.stop = context.WithCancel(context.Background())
	f.engine = analyze.New(analyze.Config{SIP: f.locate}, (*fileSink)(f))
	return f
}

// Decrypt names the secrets of TLS connections: lines of a key log. It comes before the first question.
func (f *File) Decrypt(keys []byte) {
	if f.keys = keys; keys != nil {
		f.engine.Keys(keys)
	}
}

// Name is the first file's name.
func (f *File) Name() string { return f.name }

// Info describes the files.
func (f *File) Info(context.Context) (protocol.SensorInfo, error) {
	return protocol.SensorInfo{Name: f.name, Version: protocol.Version, Commit: protocol.Commit}, nil
}

// Notes says what was wrong with the files: what was readable of them has been read. It implements Noter.
func (f *File) Notes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.notes)
}

// start begins to read.
func (f *File) start() { f.once.Do(func() { go f.read() }) }

func (f *File) read() {
	defer close(f.ended)
	if f.open != nil {
		in, err := f.open()
		f.mu.Lock()
		if f.input = in; err != nil {
			f.finish(err)
		}
		f.mu.Unlock()
		if err != nil {
			return
		}
	}
	var p analyze.Packet
	for f.ctx.Err() == nil {
		err := f.input.Next(&p) // may wait, on stdin: not under the lock
		f.mu.Lock()
		if err != nil {
			f.finish(err)
			f.mu.Unlock()
			return
		}
		f.packets++
		f.engine.Packet(&p)
		f.mu.Unlock()
	}
}

// finish ends the input; f.mu is held.
func (f *File) finish(err error) {
	f.engine.Close()
	if f.input != nil {
		for _, w := range f.input.Stats().Warnings {
			f.notes = append(f.notes, fmt.Sprintf("%s, at byte %d: %s", f.label(w.Input), w.Offset, w.Text))
		}
	}
	if !errors.Is(err, io.EOF) {
		f.err = fmt.Errorf("read %s: %w", f.name, err)
		f.notes = append(f.notes, f.err.Error())
	}
}

// label is a short name of an input that no other has: with its folder where several are called alike.
func (f *File) label(path string) string {
	base := filepath.Base(path)
	for _, p := range f.paths {
		if p != path && filepath.Base(p) == base {
			return filepath.Join(filepath.Base(filepath.Dir(path)), base)
		}
	}
	return base
}

// fileSink is a File as its engine sees it. f.mu is held whenever the engine runs.
type fileSink File

func (s *fileSink) Call(c *protocol.CDR) {
	s.calls = append(s.calls, c)
}

func (*fileSink) Keep(*analyze.KeptCall, *analyze.Packet, int) {}

func (*fileSink) Decided(*analyze.KeptCall) {}

func (*fileSink) Kept(*analyze.KeptCall) protocol.Capture { return protocol.Capture{} }

// Watch emits snapshots while the files are read, one when they have been, and answers nil.
func (f *File) Watch(ctx context.Context, emit func(*protocol.LiveUpdate) error) error {
	f.start()
	t := time.NewTicker(fileEvery)
	defer t.Stop()
	for end := false; ; {
		if err := emit(f.snapshot()); err != nil {
			return err
		}
		if end {
			return nil
		}
		select {
		case <-f.ended:
			end = true
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *File) snapshot() *protocol.LiveUpdate {
	f.mu.Lock()
	defer f.mu.Unlock()
	u := &protocol.LiveUpdate{T: protocol.TimeFromNanos(f.engine.Now()), Snapshot: true, Counters: protocol.Counters{}}
	for _, c := range f.engine.Live(nil) {
		if c.End == 0 { // the ended ones are in Calls
			u.Calls = append(u.Calls, c)
		}
	}
	f.engine.Counters(u.Counters)
	return u
}

// Calls lists the calls that ended up to now, that which ended last first: what ends later comes on the first page.
func (f *File) Calls(_ context.Context, limit int, after string) ([]protocol.CDR, string, error) {
	f.start()
	f.mu.Lock()
	defer f.mu.Unlock()
	at := len(f.calls)
	if after != "" {
		id, err := protocol.ParseUUID(after)
		if err != nil {
			return nil, "", err
		}
		i := slices.IndexFunc(f.calls, func(c *protocol.CDR) bool { return c.ID == id })
		if i < 0 {
			return nil, "", notFound("no call " + after)
		}
		at = i
	}
	end := max(at-limit, 0)
	out := make([]protocol.CDR, 0, at-end)
	for i := at - 1; i >= end; i-- {
		out = append(out, *f.calls[i])
	}
	next := ""
	if end > 0 {
		next = f.calls[end].ID.String()
	}
	return out, next, nil
}

// All waits for the end of the files and answers every record as it is, oldest first: what `voipmon analyze --json` prints.
func (f *File) All(ctx context.Context) ([]*protocol.CDR, error) {
	f.start()
	select {
	case <-f.ended:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	out := slices.Clone(f.calls)
	slices.SortFunc(out, func(a, b *protocol.CDR) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.CallID, b.CallID), slices.Compare(a.ID[:], b.ID[:]))
	})
	return out, f.err
}

// Call finds a call by its UUID or Call-ID.
func (f *File) Call(_ context.Context, id string) (*protocol.CDR, error) {
	f.start()
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.find(id); c != nil {
		return c, nil
	}
	return nil, notFound(fmt.Sprintf("no call %q in %s", id, f.name))
}

func (f *File) find(id string) *protocol.CDR {
	uuid, err := protocol.ParseUUID(id)
	for _, c := range f.calls {
		if err == nil && c.ID == uuid || c.CallID == id {
			return c
		}
	}
	return f.engine.Find(id)
}

// Registrations tells who is registered, as far as the files have been read.
func (f *File) Registrations(context.Context) ([]protocol.Registration, error) {
	f.start()
	f.mu.Lock()
	list := f.engine.Registrations(nil)
	f.mu.Unlock()
	protocol.SortRegistrations(list)
	return list, nil
}

// Rules answers that a file has none.
func (f *File) Rules(context.Context, protocol.UUID) (sensorapi.Rules, error) {
	return sensorapi.Rules{}, noRules()
}

// SetRules answers that a file has none.
func (f *File) SetRules(context.Context, protocol.UUID, sensorapi.Rules) (sensorapi.Rules, error) {
	return sensorapi.Rules{}, noRules()
}

func noRules() error {
	return &protocol.Problem{
		Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: "a file has no capture rules",
		Remedy: "voipmon rules test says what rules would keep of it",
	}
}

// Close ends reading and waits for it. Stdin may never end: reading it is left to the end of the program.
func (f *File) Close() error {
	f.stop()
	f.once.Do(func() { close(f.ended) })
	if f.stdin() {
		return nil
	}
	<-f.ended
	if f.input == nil {
		return nil
	}
	return f.input.Close()
}

func (f *File) stdin() bool { return slices.Contains(f.paths, "-") }
