package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"sync"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/mcp"
	"voiptop/protocol/sensorapi"
	"voiptop/rules"
	"voiptop/tui/doctor"
	"voiptop/tui/source"
)

// Bounds of what is asked of a local source.
const (
	scanCalls = 20_000  // ended calls that one search looks at
	scanPage  = 500     // of them at a time
	dryCalls  = 5000    // past calls that rules are tried on
	maxFile   = 2 << 30 // bytes of a capture file
	maxKnown  = 20_000  // calls of the file that was analysed last
)

// localCalls are the calls of a sensor or of capture files. It is an mcp.Source.
type localCalls struct {
	src    source.Source
	sensor *sensorHealth // nil: files
	folder *folder       // nil: none may be analysed
	masked bool
	now    func() time.Time
}

// condition reads a condition as the rules in force would read it.
func (l *localCalls) condition(ctx context.Context, text string) (rules.Expr, error) {
	if text == "" {
		return rules.Expr{}, nil
	}
	set, _ := l.set(ctx) // without rules there are no groups
	e, err := set.ParseSearch(text)
	var wrong *rules.Error
	switch {
	case errors.As(err, &wrong):
		return e, &protocol.Problem{Code: "bad-condition", Status: http.StatusUnprocessableEntity, Title: "the condition cannot be read", Detail: wrong.Error(), Remedy: "see condition_fields"}
	case err == nil && l.masked && e.AsksWho():
		return e, mcp.NumbersHidden()
	}
	return e, err
}

// set is the rules in force; nil: none.
func (l *localCalls) set(ctx context.Context) (*rules.Set, error) {
	r, err := l.src.Rules(ctx, protocol.UUID{})
	if err != nil {
		return nil, err
	}
	local, err := rules.ParseHosted("", r.Text) // names no file: this program would read it as its user
	if err != nil {
		return nil, badRules(err)
	}
	if r.Hosted == nil {
		return local, nil
	}
	hosted, err := rules.ParseHosted("", r.Hosted.Text)
	if err != nil {
		return nil, badRules(err)
	}
	return rules.Join(local, hosted), nil
}

func badRules(err error) error {
	return &protocol.Problem{Code: "bad-rules", Status: http.StatusUnprocessableEntity, Title: "the rules cannot be read", Detail: err.Error()}
}

// Search implements mcp.Source. It looks at the source's calls one after the other.
func (l *localCalls) Search(ctx context.Context, q mcp.Query) (page mcp.Page, err error) {
	where, err := l.condition(ctx, q.Where)
	if err != nil {
		return page, err
	}
	if err := l.settle(ctx); err != nil {
		return page, err
	}
	after := q.After
	var last protocol.Time
	for seen := 0; seen < scanCalls; {
		calls, next, err := l.src.Calls(ctx, scanPage, after)
		if err != nil {
			return page, err
		}
		for i := range calls {
			c := &calls[i]
			if q.From != 0 && c.Start < q.From {
				continue // calls are ordered by their end on a sensor: older ones may follow
			}
			if (q.To == 0 || c.Start < q.To) && where.Match(rules.Call{CDR: c, State: protocol.StateEnded}) {
				page.Calls = append(page.Calls, *c)
			}
			if len(page.Calls) == q.Limit && (i < len(calls)-1 || next != "") {
				page.Next = c.ID.String()
				return page, nil
			}
		}
		if next == "" {
			return page, nil
		}
		seen += len(calls)
		after = next
		last = calls[len(calls)-1].Start
	}
	page.Next, page.Searched = after, last
	return page, nil
}

// settle waits until capture files have been read.
func (l *localCalls) settle(ctx context.Context) error {
	f, ok := l.src.(*source.File)
	if !ok {
		return nil
	}
	_, err := f.All(ctx)
	return err
}

// Call implements mcp.Source.
func (l *localCalls) Call(ctx context.Context, id string) (*protocol.CDR, error) {
	if l.folder != nil {
		if c := l.folder.find(id); c != nil {
			return c, nil
		}
	}
	if err := l.settle(ctx); err != nil {
		return nil, err
	}
	return l.src.Call(ctx, id)
}

// Live implements mcp.Source.
func (l *localCalls) Live(ctx context.Context, text string) (all []protocol.LiveCall, err error) {
	where, err := l.condition(ctx, text)
	if err != nil {
		return nil, err
	}
	enough := errors.New("enough")
	err = l.src.Watch(ctx, func(u *protocol.LiveUpdate) error {
		all = nil
		for i := range u.Calls {
			if where.Match(rules.LiveCall(&u.Calls[i])) {
				all = append(all, u.Calls[i])
			}
		}
		return enough
	})
	if errors.Is(err, enough) {
		err = nil
	}
	return all, err
}

// Sensors implements mcp.Source.
func (l *localCalls) Sensors(ctx context.Context) ([]mcp.Sensor, error) {
	if l.sensor != nil {
		return l.sensor.ask(ctx)
	}
	i, err := l.src.Info(ctx)
	return []mcp.Sensor{{Name: i.Name, Version: i.Version}}, err
}

// Registrations implements mcp.Source.
func (l *localCalls) Registrations(ctx context.Context) ([]protocol.Registration, []string, error) {
	if err := l.settle(ctx); err != nil {
		return nil, nil, err
	}
	list, err := l.src.Registrations(ctx)
	return list, nil, err
}

// Rules implements mcp.Source: the sensor's own rules, which set_rules replaces.
func (l *localCalls) Rules(ctx context.Context) (mcp.Rules, error) {
	r, err := l.src.Rules(ctx, protocol.UUID{})
	return mcp.Rules{Revision: r.Revision, Text: r.Text}, err
}

// CheckRules implements mcp.Source.
func (l *localCalls) CheckRules(ctx context.Context, text string) (out mcp.RuleCheck, err error) {
	set, err := rules.ParseHosted("", text)
	var wrong *rules.Error
	if errors.As(err, &wrong) {
		out.Problem = &mcp.RuleProblem{Line: wrong.Pos.Line, Column: wrong.Pos.Col, Found: wrong.Found, Expected: wrong.Expected, Nearest: wrong.Nearest}
		return out, nil
	}
	if err != nil {
		return out, err
	}
	for i := range set.Rules { // how many calls a rule finds would tell of a number whether it called
		if l.masked && set.Rules[i].When.AsksWho() {
			return out, mcp.NumbersHidden()
		}
	}
	if err := l.settle(ctx); err != nil {
		return out, err
	}
	out.Rules = make([]mcp.RuleCount, len(set.Rules))
	place := make(map[*rules.Rule]*mcp.RuleCount, len(set.Rules))
	for i := range set.Rules {
		r := &set.Rules[i]
		out.Rules[i] = mcp.RuleCount{Name: r.Name, Keep: r.Keep}
		place[r] = &out.Rules[i]
	}
	for after := ""; out.Checked < dryCalls; {
		calls, next, err := l.src.Calls(ctx, scanPage, after)
		if err != nil {
			return out, err
		}
		for i := range calls {
			out.Checked++
			if r := set.Decide(rules.Call{CDR: &calls[i], State: protocol.StateEnded}, l.now()); r != nil {
				n := place[r]
				n.Calls++
				n.Bytes += rules.EstimateBytes(&calls[i], r.Keep)
			}
		}
		if after = next; after == "" {
			break
		}
	}
	return out, nil
}

// ExplainRules implements mcp.Source.
func (l *localCalls) ExplainRules(ctx context.Context, c *protocol.CDR) (out []mcp.RuleStep, err error) {
	set, err := l.set(ctx)
	if err != nil {
		return nil, err
	}
	for _, x := range set.Explain(rules.Call{CDR: c}, l.now()) {
		out = append(out, mcp.RuleStep{Rule: x.Rule.Name, Keep: x.Rule.Keep, Decides: x.Decides, Why: x.Why})
	}
	return out, nil
}

// Fields implements mcp.Source.
func (*localCalls) Fields() (list []mcp.Field) {
	for _, f := range rules.Fields() {
		list = append(list, mcp.Field{Name: f.Name, Type: f.Type.String(), Doc: f.Doc, Words: f.Words, Ops: f.Ops()})
	}
	return list
}

// SetRules implements mcp.RuleWriter.
func (l *localCalls) SetRules(ctx context.Context, revision uint64, text string) (uint64, error) {
	r, err := l.src.SetRules(ctx, protocol.UUID{}, sensorapi.Rules{Revision: revision, Text: text})
	return r.Revision, err
}

// sensorHealth asks a sensor how it does.
type sensorHealth struct{ api *sensorapi.Client }

func newSensorHealth(socket string) *sensorHealth { return &sensorHealth{sensorapi.Dial(socket)} }

func (s *sensorHealth) ask(ctx context.Context) ([]mcp.Sensor, error) {
	h, err := s.api.Health(ctx)
	if err != nil {
		var p *protocol.Problem
		if !errors.As(err, &p) {
			err = &protocol.Problem{Code: protocol.CodeSensorOffline, Title: "the sensor does not answer", Remedy: "use the tool doctor"}
		}
		return nil, err
	}
	i := h.Info
	return []mcp.Sensor{{
		ID: i.SensorID, Name: i.Name, Version: i.Version, Online: true, Running: &h.Running, Queue: &h.Journal.Pending, Problems: h.Problems,
	}}, nil
}

// localDoctor makes the checks of `voipmon doctor`.
type localDoctor struct{ env *doctor.Env }

// Doctor implements mcp.Doctor.
func (d localDoctor) Doctor(ctx context.Context, only []string) (list []mcp.Check, err error) {
	sel := doctor.Selection{Only: only}
	if err := sel.Validate(); err != nil {
		return nil, &protocol.Problem{Code: protocol.CodeBadRequest, Title: err.Error()}
	}
	doctor.Run(ctx, d.env, sel, func(o doctor.Outcome) {
		list = append(list, mcp.Check{Code: o.Code, Group: o.Group, Status: string(o.Status), Seen: o.Seen, Why: o.Why, Remedy: o.Remedy})
	})
	return list, ctx.Err()
}

// folder is where capture files may be read, and the calls of the one that was read last. It is an mcp.Analyzer.
type folder struct {
	dir *os.Root // nothing outside of it can be opened, by whatever name or link

	mu    sync.Mutex
	calls []*protocol.CDR
}

// Analyze implements mcp.Analyzer.
func (f *folder) Analyze(ctx context.Context, path string) (out mcp.Analysis, err error) {
	file, err := f.dir.Open(path)
	if err != nil {
		return out, &protocol.Problem{
			Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: fmt.Sprintf("there is no file %q in the folder that was allowed", path),
			Remedy: "name it by its path below that folder",
		}
	}
	defer file.Close()
	if fi, err := file.Stat(); err != nil || !fi.Mode().IsRegular() || fi.Size() > maxFile {
		return out, &protocol.Problem{Code: protocol.CodeBadRequest, Title: fmt.Sprintf("%q is no file of at most %d GiB", path, maxFile>>30)}
	}
	src, err := source.NewFile([]string{"-"}, io.LimitReader(file, maxFile))
	if err != nil {
		return out, &protocol.Problem{Code: protocol.CodeBadRequest, Title: fmt.Sprintf("%q cannot be read as a capture", path), Detail: reason(err)}
	}
	defer src.Close()
	if out.Calls, err = src.All(ctx); ctx.Err() != nil {
		return out, ctx.Err()
	}
	out.Warnings = src.Notes()
	if err != nil && len(out.Calls) == 0 {
		return out, &protocol.Problem{Code: protocol.CodeBadRequest, Title: fmt.Sprintf("%q cannot be read as a capture", path), Detail: reason(err)}
	}
	_ = src.Watch(ctx, func(u *protocol.LiveUpdate) error { out.Packets = u.Counters[protocol.CountPackets]; return io.EOF }) // one look
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = out.Calls[:min(len(out.Calls), maxKnown)]
	return out, nil
}

// reason is an error without the path of this machine's file system.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

func (f *folder) find(id string) *protocol.CDR {
	f.mu.Lock()
	defer f.mu.Unlock()
	uuid, err := protocol.ParseUUID(id)
	for _, c := range f.calls {
		if err == nil && c.ID == uuid || c.CallID == id {
			return c
		}
	}
	return nil
}
