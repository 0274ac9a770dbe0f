package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/protocol"
)

// Calls implements store.Store.
func (s *Store) Calls(ctx context.Context, t store.TenantID, cq store.CallQuery) (page store.CallPage, err error) {
	q, err := sqlstore.NewQuery(t, cq)
	if err != nil {
		return page, err
	}
	err = s.snapshot(ctx, func(tx *sql.Tx, days []sqlstore.Day) (err error) {
		page, err = q.Calls(ctx, source{tx, days}, s.Now)
		return err
	})
	return page, err
}

// CountFound implements store.Store.
func (s *Store) CountFound(ctx context.Context, t store.TenantID, cq store.CallQuery, most int) (c store.CallCount, err error) {
	cq.After = ""
	q, err := sqlstore.NewQuery(t, cq)
	if err != nil {
		return c, err
	}
	err = s.snapshot(ctx, func(tx *sql.Tx, days []sqlstore.Day) (err error) {
		c, err = q.CountFound(ctx, source{tx, days}, s.Now, most)
		return err
	})
	return c, err
}

// source is the tables of all days, for a search.
type source struct {
	tx   *sql.Tx
	days []sqlstore.Day // newest first
}

// Span implements sqlstore.Source.
func (s source) Span(context.Context) (from, to protocol.Time, ok bool, err error) {
	if len(s.days) == 0 {
		return 0, 0, false, nil
	}
	return protocol.TimeOf(s.days[len(s.days)-1].Start()), protocol.TimeOf(s.days[0].End()), true, nil
}

// in lists the days that a part of time is in, in a query's order.
func (s source) in(q *sqlstore.Query, p sqlstore.Part) (days []sqlstore.Day) {
	for _, d := range s.days {
		if (p.To == 0 || d.Start().Before(p.To.Std())) && (p.From == 0 || d.End().After(p.From.Std())) {
			days = append(days, d)
		}
	}
	if q.Oldest() {
		slices.Reverse(days)
	}
	return days
}

// Select implements sqlstore.Source. It reads day by day.
func (s source) Select(ctx context.Context, q *sqlstore.Query, p sqlstore.Part, limit int) (all sqlstore.Rows, err error) {
	for _, d := range s.in(q, p) {
		some, err := selectDay(ctx, s.tx, q, d, p, limit-all.Read)
		if err != nil {
			return all, err
		}
		if some.Read == 0 {
			continue
		}
		all.Found, all.Read, all.Last = append(all.Found, some.Found...), all.Read+some.Read, some.Last
		if all.Read >= limit {
			break
		}
	}
	return all, nil
}

// Count implements sqlstore.Source.
func (s source) Count(ctx context.Context, q *sqlstore.Query, p sqlstore.Part, limit int) (n int, err error) {
	for _, d := range s.in(q, p) {
		from, err := matchesOf(ctx, s.tx, q, d)
		if err != nil {
			return n, err
		}
		if from == "" {
			continue
		}
		some, err := q.Count(ctx, s.tx, from, p, limit-n)
		if err != nil {
			return n, err
		}
		if n += some; n >= limit {
			break
		}
	}
	return n, nil
}

// fewMatches is how many matches of one day are sorted rather than met while walking through the day by time.
const fewMatches = 2000

func selectDay(ctx context.Context, tx *sql.Tx, q *sqlstore.Query, d sqlstore.Day, p sqlstore.Part, limit int) (sqlstore.Rows, error) {
	from, err := matchesOf(ctx, tx, q, d)
	if err != nil || from == "" {
		return sqlstore.Rows{}, err
	}
	return q.Select(ctx, tx, from, p, limit)
}

// matchesOf is where the matches of a day are read from, "" if there are none. SQLite does not know how many calls a number
// or an address matches: if it walks by time, a call that is not there costs the whole day; if it sorts what the index of
// numbers gives, a prefix that all have does. So the indexes are asked first how many there are.
func matchesOf(ctx context.Context, tx *sql.Tx, q *sqlstore.Query, d sqlstore.Day) (from string, err error) {
	if len(q.Narrow) == 0 {
		return table(d), nil
	}
	var parts []string
	for _, cond := range q.Narrow {
		parts = append(parts, fmt.Sprintf("SELECT n FROM (SELECT rowid AS n FROM %s WHERE %s LIMIT %d)", table(d), cond, fewMatches))
	}
	matches := strings.Join(parts, " UNION ")
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM (`+matches+`)`, q.Args()...).Scan(&n); err != nil {
		return "", fmt.Errorf("count matches of day %s: %w", d, err)
	}
	switch {
	case n == 0:
		return "", nil
	case n < fewMatches: // then no part was cut off
		return fmt.Sprintf("(%s) CROSS JOIN %[2]s ON %[2]s.rowid = n", matches, table(d)), nil // CROSS: in this order
	}
	return table(d), nil
}
