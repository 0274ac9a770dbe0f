package opened

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/calltable"
)

// Exports are as voipmon analyze writes them, in the order in which the calls ended.

// exportLines answers the records that are found, one a line.
func (c *Capture) exportLines(ctx context.Context, q url.Values) (*Answer, error) {
	if q.Get("where") == "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		if err := c.written.Flush(); err != nil {
			return nil, fmt.Errorf("keep the records: %w", err)
		}
		return &Answer{Status: http.StatusOK, Type: typeNDJSON, Name: c.name(".ndjson"), File: c.records.Name()}, nil
	}
	return c.export(ctx, q, ".ndjson", typeNDJSON, func(w io.Writer, i int32) error {
		if i == end {
			return nil
		}
		b, err := c.line(i)
		if err == nil {
			_, err = w.Write(b)
		}
		return err
	})
}

// exportCSV answers the calls that are found as a table: columns names those that are wanted. Times are UTC.
func (c *Capture) exportCSV(ctx context.Context, q url.Values) (*Answer, error) {
	columns := calltable.Columns()
	if v := q.Get("columns"); v != "" {
		var err error
		if columns, err = calltable.Choose(strings.Split(v, ",")); err != nil {
			return nil, badRequest("columns", v, "names of columns")
		}
	}
	var table *calltable.Writer
	detail := slices.ContainsFunc(columns, func(c calltable.Column) bool { return c.Name == "streams" || c.Name == "messages" })
	return c.export(ctx, q, ".csv", "text/csv; charset=utf-8", func(w io.Writer, i int32) error {
		if table == nil {
			table = calltable.NewWriter(w, columns, time.UTC)
		}
		if i == end {
			return errors.Join(table.Head(), table.Flush())
		}
		r := &protocol.CDR{}
		if detail {
			var err error
			if r, err = c.record(i); err != nil {
				return err
			}
		} else {
			c.mu.Lock()
			*r = c.calls[i].call
			c.mu.Unlock()
		}
		return table.Write(r)
	})
}

// end is what export's write is called with behind the last call.
const end = int32(-1)

// export writes what is found to a file: write is called with every call, then with end.
func (c *Capture) export(ctx context.Context, q url.Values, ending, mediaType string, write func(io.Writer, int32) error) (a *Answer, err error) {
	list, err := c.search(ctx, q.Get("where"))
	if err != nil {
		return nil, err
	}
	list = slices.Clone(list)
	slices.Sort(list)
	f, err := os.Create(filepath.Join(c.o.Dir, "export"+ending))
	if err != nil {
		return nil, fmt.Errorf("make room for the export: %w", err)
	}
	w := bufio.NewWriterSize(f, 256<<10)
	for n, i := range list {
		if n%64 == 0 && ctx.Err() != nil {
			err = ctx.Err()
		}
		if err != nil {
			break
		}
		err = write(w, i)
	}
	if err == nil {
		err = write(w, end)
	}
	if err = errors.Join(err, w.Flush(), f.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(f.Name()))
	}
	return &Answer{Status: http.StatusOK, Type: mediaType, Name: c.name(ending), File: f.Name(), Once: true}, nil
}

// name is that of the capture, with another ending.
func (c *Capture) name(end string) string {
	base := filepath.Base(c.o.Paths[0])
	for _, e := range []string{".gz", ".zst", ".pcap", ".pcapng", ".cap", ".dmp"} {
		base = strings.TrimSuffix(base, e)
	}
	return base + end
}
