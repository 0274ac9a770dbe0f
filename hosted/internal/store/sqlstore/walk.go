package sqlstore

import (
	"context"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// Part is a part of time, behind a place in it: [From, To), 0 is unbounded.
type Part struct {
	From, To protocol.Time
	After    Place
}

// Rows are the rows that a statement has read.
type Rows struct {
	Found []Found // those that match
	Read  int
	Last  Place // of the last one read
}

// Source is what is searched: the calls of one tenant.
type Source interface {
	// Span is a part of time in which all calls are; ok is false if there are none.
	Span(ctx context.Context) (from, to protocol.Time, ok bool, err error)
	// Select reads at most limit rows of a part of time, in the query's order.
	Select(ctx context.Context, q *Query, p Part, limit int) (Rows, error)
	// Count counts at most limit rows of a part of time.
	Count(ctx context.Context, q *Query, p Part, limit int) (int, error)
}

// The slices of time that are gone through where no index leads to the matches: as long as one takes between quick and slow.
const (
	firstSlice = protocol.Time(time.Hour / time.Microsecond)
	leastSlice = protocol.Time(time.Minute / time.Microsecond)
	quick      = 100 * time.Millisecond
	slow       = 400 * time.Millisecond

	// Rows of a statement whose matches are not known to SQL.
	firstChunk = 150
	maxChunk   = 4000
)

// walk goes through the part of time that a query is about, in its order, until the time is up.
type walk struct {
	q       *Query
	now     func() time.Time
	began   time.Time // the search
	slice   protocol.Time
	part    Part // the current slice, behind what was read of it
	oldest  protocol.Time
	newest  protocol.Time // what ends there was searched last, in a walk from the oldest on
	started time.Time     // the current slice
	chunk   int
}

// newWalk begins a search; nil if there is nothing to search in.
func (s *Query) newWalk(ctx context.Context, src Source, now func() time.Time) (*walk, error) {
	w := &walk{q: s, now: now, began: now(), slice: firstSlice, chunk: firstChunk, part: Part{From: s.From, To: s.To, After: s.after}}
	w.started = w.began
	if !s.walks {
		return w, nil
	}
	from, to, ok, err := src.Span(ctx)
	if err != nil || !ok {
		return nil, err
	}
	w.oldest, w.newest = max(s.From, from), to
	if s.To != 0 {
		w.newest = min(to, s.To)
	}
	if w.newest <= w.oldest {
		return nil, nil
	}
	w.part.From, w.part.To = w.oldest, w.newest
	w.cut()
	return w, nil
}

// cut makes the current part a slice that begins where the search goes on.
func (w *walk) cut() {
	if w.q.up {
		w.part.To = min(w.newest, w.part.From+w.slice)
	} else {
		w.part.From = max(w.oldest, w.part.To-w.slice)
	}
}

// read reads the next rows of the slice, and answers whether there may be more of them. want is how many matches are of use.
func (w *walk) read(ctx context.Context, src Source, want int) (rows Rows, more bool, err error) {
	if !w.q.rest.IsZero() { // how many rows hold so many matches is not known
		want = max(want, w.chunk)
		w.chunk = min(2*w.chunk, w.q.most())
	}
	rows, err = src.Select(ctx, w.q, w.part, want)
	if rows.Read > 0 {
		w.part.After = rows.Last
	}
	return rows, rows.Read == want, err
}

// most is how many rows a statement reads: fewer where each is to be read with its streams and messages, so that the clock is looked
// at as often.
func (s *Query) most() int {
	if s.rest.Detail() {
		return maxChunk / 8
	}
	return maxChunk
}

// next goes on to the next slice; false behind the last.
func (w *walk) next() bool {
	if !w.q.walks || !w.q.up && w.part.From <= w.oldest || w.q.up && w.part.To >= w.newest {
		return false
	}
	switch took := w.now().Sub(w.started); {
	case took < quick:
		w.slice *= 2
	case took > slow:
		w.slice = max(w.slice/2, leastSlice)
	}
	if w.q.up {
		w.part.From = w.part.To
	} else {
		w.part.To = w.part.From
	}
	w.started = w.now()
	w.cut()
	return true
}

// late reports whether the time is up.
func (w *walk) late() bool { return w.now().Sub(w.began) > store.SearchTime }

// at is how far the search has come: what is behind it was not looked at.
func (w *walk) at() Place {
	after := w.part.After
	switch {
	case w.q.up && after.At < w.part.From:
		return Place{At: w.part.From} // no call has the zero id
	case !w.q.up && (after.At == 0 || after.At >= w.part.To):
		return Place{At: w.part.To}
	}
	return after
}

// Calls reads a page.
func (s *Query) Calls(ctx context.Context, src Source, now func() time.Time) (store.CallPage, error) {
	p := store.CallPage{Calls: []protocol.CDR{}}
	w, err := s.newWalk(ctx, src, now)
	if w == nil {
		return p, err
	}
	var found []Found
	for {
		rows, more, err := w.read(ctx, src, s.Limit+1-len(found)) // one more tells whether there is a next page
		if err != nil {
			return p, err
		}
		found = append(found, rows.Found...)
		if len(found) > s.Limit {
			found = found[:s.Limit]
			last := &found[len(found)-1]
			p.Next = Place{last.At, last.Call.ID}.cursor()
			break
		}
		if !more && !w.next() {
			break
		}
		if w.late() {
			p.Searched, p.Next = w.at().At, w.at().cursor()
			break
		}
	}
	for i := range found {
		p.Calls = append(p.Calls, found[i].Call)
	}
	return p, nil
}

// CountFound counts the matches, up to most.
func (s *Query) CountFound(ctx context.Context, src Source, now func() time.Time, most int) (c store.CallCount, err error) {
	s.after = Place{}
	w, err := s.newWalk(ctx, src, now)
	if w == nil {
		return store.CallCount{Complete: true}, err
	}
	for {
		var n int
		var more bool
		if s.rest.IsZero() {
			n, err = src.Count(ctx, s, w.part, most+1-c.Calls)
		} else {
			var rows Rows
			rows, more, err = w.read(ctx, src, most+1-c.Calls)
			n = len(rows.Found)
		}
		if err != nil {
			return c, err
		}
		if c.Calls += n; c.Calls > most {
			c.Calls = most
			return c, nil
		}
		if !more && !w.next() {
			c.Complete = true
			return c, nil
		}
		if w.late() {
			c.Searched = w.at().At
			return c, nil
		}
	}
}
