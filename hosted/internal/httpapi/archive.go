package httpapi

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/relay"
	"voiptop/protocol"
)

// codeTooManyCalls is the code of the problem of a search that finds more calls than one archive holds.
const codeTooManyCalls = "too-many-calls"

// Headers of an answer with an archive, whose exact size nobody knows before its end.
const (
	headerCalls = "X-Total-Calls" // calls in the index
	headerBytes = "X-Total-Bytes" // what the archive will have, if every capture is still there
)

// overhead is about what a call adds to an archive beside its packets: local header, data descriptor, directory, index.
const overhead = 512

// entry is a file of an archive.
type entry struct {
	calls   []*protocol.CDR // whose packets are in it; its sensor is asked for the first
	file    string
	problem *protocol.Problem // why there are no packets, known before the sensor is asked
	wish
}

// fileName is unlike that of any other call: an archive may hold several of the same second and numbers.
func fileName(c *protocol.CDR, end string) string { return c.FileName("_" + c.ID.String() + end) }

// captures serves the packets of all calls that a search finds, as a zip that is made while it is sent.
func (a *api) captures(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	calls, err := a.search(r, id)
	if err != nil {
		return err
	}
	entries := make([]entry, len(calls))
	for i := range calls {
		c := &calls[i]
		entries[i] = entry{calls: []*protocol.CDR{c}, file: fileName(c, ".pcapng"), wish: wish{asset: packets, call: c.ID.String()}}
	}
	name := "captures-" + a.Now().UTC().Format("20060102-150405") + ".zip"
	return a.archive(w, r, id, name, "", fmt.Sprintf("zip of %d calls", len(calls)), entries)
}

// search lists the calls of an archive, newest first.
func (a *api) search(r *http.Request, id auth.Identity) ([]protocol.CDR, error) {
	values := r.URL.Query()
	q, err := a.searchOf(r.Context(), id, values)
	if err != nil {
		return nil, err
	}
	limit := a.Gate.Calls + 1 // one more than may be
	if values.Get("limit") != "" {
		limit = q.Limit
	}
	var calls []protocol.CDR
	for q.Limit = maxLimit; len(calls) < limit; {
		q.Limit = min(maxLimit, limit-len(calls))
		page, err := a.Store.Calls(r.Context(), id.Tenant, q)
		if err != nil {
			return nil, err
		}
		calls = append(calls, page.Calls...)
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	switch {
	case len(calls) > a.Gate.Calls:
		return nil, &protocol.Problem{
			Code: codeTooManyCalls, Status: http.StatusUnprocessableEntity, Title: fmt.Sprintf("the search finds more than %d calls", a.Gate.Calls),
			Detail: "one archive holds no more", Remedy: fmt.Sprintf("narrow the search, for example by from and to, or take the newest with limit=%d", a.Gate.Calls),
			Fields: map[string]string{"limit": strconv.Itoa(a.Gate.Calls)},
		}
	case len(calls) == 0:
		return nil, notFound("the search finds no call")
	}
	return calls, nil
}

// archive sends a zip with a file of each entry whose packets can be had and an index of all calls. query goes to the sensors,
// detail into the audit log.
func (a *api) archive(w http.ResponseWriter, r *http.Request, id auth.Identity, name, query, detail string, entries []entry) error {
	calls, total := 0, int64(0)
	for i := range entries {
		for _, c := range entries[i].calls {
			calls++
			if total += overhead; kept(c) {
				total += int64(c.Capture.Bytes)
			}
		}
	}
	h := w.Header()
	header := func() {
		h.Set("Content-Type", "application/zip")
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
		h.Set("Accept-Ranges", "none")
		h.Set(headerCalls, strconv.Itoa(calls))
		h.Set(headerBytes, strconv.FormatInt(total, 10))
	}
	if r.Method == http.MethodHead {
		header()
		return nil
	}
	s, err := a.Gate.Enter(w, r, relay.KindArchive, int64(id.Tenant), id.User)
	if err != nil {
		return err
	}
	defer s.Done()
	header()
	f := &fetcher{
		api: a, id: id, request: r, query: query, detail: detail, zip: relay.NewArchive(s),
		sensors: map[uint16]protocol.UUID{},
	}
	if err := f.run(entries); err != nil {
		if s.Status() == 0 { // nothing has been said yet
			for _, k := range []string{"Content-Disposition", "Accept-Ranges", headerCalls, headerBytes} {
				h.Del(k)
			}
			return err
		}
		if s.Err() == nil && r.Context().Err() == nil {
			a.Log.Error("archive not finished", "user", id.Name, "error", err)
		}
		s.Break()
		panic(http.ErrAbortHandler) // the browser must not take what it has for the whole
	}
	return nil
}

// fetcher asks sensors for captures and puts them into an archive one after the other. So that the way to the sensor is not
// waited for at each of them, the next few are asked for ahead; what they send waits in their streams' windows.
type fetcher struct {
	*api
	id      auth.Identity
	request *http.Request
	query   string
	detail  string // for the audit log
	zip     *relay.Archive
	sensors map[uint16]protocol.UUID // that were found
}

// ahead is how many captures are asked for before it is their turn.
const ahead = 3

// fetched is an entry that is on its way.
type fetched struct {
	*entry
	part *relay.Part   // nil: the entry has a problem
	done chan struct{} // closed when the sensor has answered
	err  error         // the archive cannot go on
}

func (f *fetcher) run(entries []entry) error {
	ctx, cancel := context.WithCancel(f.request.Context())
	var g sync.WaitGroup
	defer g.Wait()
	defer cancel()
	coming := make(chan *fetched, ahead-1)
	g.Go(func() {
		defer close(coming)
		for i := range entries {
			x := f.begin(ctx, &g, &entries[i])
			select {
			case coming <- x:
			case <-ctx.Done():
				return
			}
			if x.err != nil {
				return
			}
		}
	})
	for x := range coming {
		if err := f.finish(x); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.zip.Close(f.Now())
}

// begin writes down that the packets were asked for, and asks.
func (f *fetcher) begin(ctx context.Context, g *sync.WaitGroup, e *entry) *fetched {
	x := &fetched{entry: e}
	var err error
	if e.sensor, err = f.keeper(ctx, e.calls[0]); err != nil {
		if !errors.As(err, &e.problem) {
			x.err = err
		}
		return x
	}
	r := f.request.Clone(ctx)
	if x.err = f.recordOpen(r, f.id, &e.wish, f.detail); x.err != nil {
		return x
	}
	r.Method, r.URL, r.Header = http.MethodGet, &url.URL{RawQuery: f.query}, http.Header{}
	x.part = f.zip.Part(e.file, e.calls[0].Start.Std(), ctx.Done())
	x.done = make(chan struct{})
	g.Go(func() {
		defer close(x.done)
		defer func() {
			switch v := recover(); v {
			case nil:
			case http.ErrAbortHandler: //nolint:errorlint // the value that the reverse proxy panics with
				x.part.Broken()
			default:
				panic(v)
			}
		}()
		f.Links.Relay(x.part, r, e.sensor, e.sensorPath())
	})
	return x
}

// keeper is api.keeper, without asking the store for the same sensor again.
func (f *fetcher) keeper(ctx context.Context, c *protocol.CDR) (protocol.UUID, error) {
	if s, ok := f.sensors[c.SensorID]; ok && kept(c) && f.Links.Client(s) != nil {
		return s, nil
	}
	s, err := f.api.keeper(ctx, f.id.Tenant, c)
	if err == nil {
		f.sensors[c.SensorID] = s
	}
	return s, err
}

// finish lets a capture into the archive and lists its calls.
func (f *fetcher) finish(x *fetched) error {
	if x.err != nil {
		return x.err
	}
	if x.problem == nil {
		x.part.Turn()
		<-x.done
		if x.part.Begun() {
			f.recordDone(f.request, f.id, x.asset, x.call, x.part.Bytes(), f.detail)
		}
	}
	for _, c := range x.calls {
		if x.problem != nil {
			f.zip.Refuse(c, x.problem)
		} else if err := x.part.List(c); err != nil {
			return err
		}
	}
	return nil
}
