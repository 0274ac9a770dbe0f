package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/relay"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/calltable"
	"voiptop/protocol/mask"
)

// form is how records are exported.
type form struct {
	ending, mediaType string
	table             bool // columns and zone can be chosen
	writer            func(w io.Writer, o *exportOptions) recordWriter
}

// recordWriter writes records one by one.
type recordWriter interface {
	Write(c *protocol.CDR) error
	Flush() error
}

// exportOptions are what only an export is asked for.
type exportOptions struct {
	columns []calltable.Column
	zone    *time.Location
	limit   int // 0: all that are found
}

var (
	asCSV = form{".csv", "text/csv; charset=utf-8; header=present", true, func(w io.Writer, o *exportOptions) recordWriter {
		c := calltable.NewWriter(w, o.columns, o.zone)
		c.NameZone = true
		return csvRecords{c}
	}}
	asNDJSON = form{".ndjson", "application/x-ndjson", false, func(w io.Writer, _ *exportOptions) recordWriter { return &ndjsonRecords{w: w} }}
)

// csvRecords has a head even without records.
type csvRecords struct{ *calltable.Writer }

func (c csvRecords) Flush() error { return errors.Join(c.Head(), c.Writer.Flush()) }

// ndjsonRecords writes a record a line, as /calls gives it.
type ndjsonRecords struct {
	w   io.Writer
	buf []byte
}

func (n *ndjsonRecords) Write(c *protocol.CDR) error {
	n.buf = append(c.AppendJSON(n.buf), '\n')
	if len(n.buf) < 32<<10 {
		return nil
	}
	return n.Flush()
}

func (n *ndjsonRecords) Flush() error {
	_, err := n.w.Write(n.buf)
	n.buf = n.buf[:0]
	return err
}

// exportColumns lists the columns that a stored call has: its streams and messages are not read for a list.
func exportColumns() []calltable.Column {
	return slices.DeleteFunc(calltable.Columns(), func(c calltable.Column) bool { return c.Name == "streams" || c.Name == "messages" })
}

// exportPage is how many records are read at a time: that many are in memory.
const exportPage = maxLimit

// export serves all calls that a search finds as a file that is made while it is sent.
func (a *api) export(f form) handler {
	return func(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
		o, rest, err := f.options(r.URL.Query())
		if err != nil {
			return err
		}
		q, err := a.searchOf(r.Context(), id, rest)
		if err != nil {
			return err
		}
		q.Limit = exportPage
		if o.limit != 0 {
			q.Limit = min(exportPage, o.limit)
		}
		first, err := a.Store.Calls(r.Context(), id.Tenant, q) // before anything is said: a search may be refused
		if err != nil {
			return err
		}
		m, err := a.masker(r.Context(), id)
		if err != nil {
			return err
		}
		h := w.Header()
		name := "calls-" + a.Now().UTC().Format("20060102-150405") + f.ending
		header := func() {
			h.Set("Content-Type", f.mediaType)
			h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
		}
		if r.Method == http.MethodHead {
			header()
			return nil
		}
		s, err := a.Gate.Enter(w, r, relay.KindExport, int64(id.Tenant), id.User)
		if err != nil {
			return err
		}
		defer s.Done()
		detail := f.ending[1:] + " of " + describe(r.URL.Query())
		if err := a.record(r, id, auth.ActionExportOpen, "calls", 0, detail); err != nil {
			return err
		}
		header()
		n, err := a.sendRecords(r, id, s, f.writer(s, o), m, q, first, o.limit)
		a.recordExport(r, id, s.Bytes(), fmt.Sprintf("%d calls as %s", n, detail))
		if err != nil {
			if s.Err() == nil && r.Context().Err() == nil {
				a.Log.Error("export not finished", "user", id.Name, "error", err)
			}
			s.Break()
			panic(http.ErrAbortHandler) // the browser must not take what it has for the whole
		}
		return nil
	}
}

// sendRecords writes page after page, and answers how many records went out.
func (a *api) sendRecords(r *http.Request, id auth.Identity, s *relay.Stream, w recordWriter, m *mask.Masker, q store.CallQuery, page store.CallPage, limit int) (n int, err error) {
	for {
		maskCalls(m, page.Calls)
		for i := range page.Calls {
			if limit != 0 && n == limit {
				return n, w.Flush()
			}
			if err := w.Write(&page.Calls[i]); err != nil {
				return n, err
			}
			n++
		}
		if err := w.Flush(); err != nil {
			return n, err
		}
		if q.After = page.Next; q.After == "" || limit != 0 && n == limit {
			return n, nil
		}
		if err := s.FlushError(); err != nil {
			return n, err
		}
		if page, err = a.Store.Calls(r.Context(), id.Tenant, q); err != nil {
			return n, err
		}
	}
}

func (a *api) recordExport(r *http.Request, id auth.Identity, bytes int64, detail string) {
	if err := a.record(r.WithContext(context.WithoutCancel(r.Context())), id, auth.ActionExport, "calls", bytes, detail); err != nil {
		a.Log.Error("audit of an export failed", "user", id.Name, "bytes", bytes, "error", err)
	}
}

// maxExport bounds the parameter limit.
const maxExport = 100_000_000

// options reads what only an export has, and answers the parameters of its search.
func (f *form) options(values url.Values) (*exportOptions, url.Values, error) {
	o := &exportOptions{columns: exportColumns(), zone: time.UTC}
	rest := maps.Clone(values)
	for _, name := range []string{"columns", "zone", "limit", "after"} {
		v, ok := rest[name]
		if !ok {
			continue
		}
		delete(rest, name)
		if name == "after" || !f.table && name != "limit" {
			return nil, nil, badRequest(name, "is no parameter of this export", "leave it out")
		}
		if len(v) > 1 || len(v[0]) > maxColumns {
			return nil, nil, badRequest(name, "is given twice or too long", "give it once")
		}
		var err error
		switch {
		case v[0] == "":
		case name == "columns":
			o.columns, err = chooseColumns(v[0])
		case name == "zone":
			if o.zone, err = zoneOf(v[0]); err != nil {
				err = badRequest(name, strconv.Quote(v[0])+" is no time zone", "give a name such as Europe/Prague, or UTC")
			}
		default:
			if o.limit, err = between(v[0], 1, maxExport); err != nil {
				err = badRequest(name, strconv.Quote(v[0])+" is not understood", "give a number from 1 on, or leave it out for all calls that are found")
			}
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return o, rest, nil
}

// maxColumns bounds a list of columns in bytes.
const maxColumns = 1024

// chooseColumns reads names between commas.
func chooseColumns(list string) ([]calltable.Column, error) {
	chosen, err := calltable.Choose(strings.Split(list, ","))
	if err != nil {
		return nil, badRequest("columns", "is not understood: "+err.Error(), "give names between commas")
	}
	stored := calltable.Names(exportColumns())
	for _, c := range chosen {
		if !slices.Contains(stored, c.Name) {
			return nil, badRequest("columns", "names "+c.Name+", which lists of calls do not have", "ask /calls/{id}")
		}
	}
	return chosen, nil
}

// zoneOf reads the IANA name of a time zone. The zone of this machine is nobody's.
func zoneOf(name string) (*time.Location, error) {
	if name == "Local" {
		return nil, errors.New("not a zone of its own")
	}
	return time.LoadLocation(name)
}

// describe is a search for the audit log.
func describe(values url.Values) string {
	const most = 300
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if v := values[name][0]; v != "" && name != "columns" {
			parts = append(parts, name+"="+v)
		}
	}
	s := strings.ToValidUTF8(strings.Join(parts, " "), "\uFFFD")
	if s == "" {
		return "all calls"
	}
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "..."
	}
	return s
}
