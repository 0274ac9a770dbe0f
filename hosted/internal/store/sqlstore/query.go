package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/rules"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// Query is a store.CallQuery as SQL: the rows after a place, newest first unless it says otherwise. Filing time and id order the calls, so that a
// page begins exactly where the one before ended, whatever arrived meanwhile.
type Query struct {
	Limit    int           // rows that a page has
	From, To protocol.Time // the part of time that can hold matches, 0: unbounded
	// Narrow are conditions that an index answers each (numbers, addresses, a Call-ID), of which a match fulfils one; none if
	// the query has none. They may match few calls or nearly all.
	Narrow []string
	where  string     // the whole condition, but for rest and where the page begins
	rest   rules.Expr // what is asked of the rows yet
	whole  bool       // the page has streams and messages
	args   []any      // of where and Narrow
	after  Place      // the page begins behind it
	up     bool       // the oldest first
	// walks: no index leads to the matches, so that time is gone through slice by slice.
	walks bool
	// prefix: the index leads to what texts begin with, which may be few calls or nearly all.
	prefix bool
	// take, if there is one, gets the rows in place of Rows.Found, and answers the call's id. The summary is good until it returns.
	take func(at protocol.Time, summary []byte) (protocol.UUID, error)
}

// searched are the columns that a condition is asked of. They are compared by bytes: in PostgreSQL >= of a column with the
// collation C is ~>=~, which may be used below row-level security.
var searched = rules.Columns{
	ID: "id", Group: "group_id", CallID: "call_id", Caller: "caller", Callee: "callee", SrcIP: "src_ip", DstIP: "dst_ip", Sensor: "sensor_id", Status: "status",
	MOS: "mos", Findings: "findings", Kept: "kept", Facts: "facts", Duration: "duration_ms", Talk: "connect_ms", PDD: "pdd_ms", Loss: "loss_pct", Jitter: "jitter_ms",
}

// NewQuery translates q.
func NewQuery(t store.TenantID, q store.CallQuery) (Query, error) {
	s := Query{whole: q.Whole, Limit: q.Limit, From: q.From, To: q.To, up: q.Oldest}
	if s.Limit <= 0 {
		s.Limit = defaultLimit
	}
	s.Limit = min(s.Limit, maxLimit)
	s.and("tenant = " + s.arg(t))
	if q.CallID != "" {
		s.any("call_id = " + s.arg(Text(q.CallID)))
	}
	if !q.Group.IsZero() {
		g := s.arg(q.Group.String())
		s.any("id = "+g, "group_id = "+s.arg(q.Group.String())+" AND "+isLeg)
	}
	if q.Number != "" {
		s.any(s.number(q.Number)...)
	}
	if q.Text != "" {
		s.any(s.text(q.Text)...)
	}
	if q.SensorID != 0 {
		s.and("sensor_id = " + s.arg(int64(q.SensorID)))
	}
	if q.Status != 0 {
		s.and("status = " + s.arg(int64(q.Status)))
	}
	if q.MaxMOS != 0 {
		s.and("mos < " + s.arg(q.MaxMOS))
	}
	if q.Kept {
		s.and("kept")
	}
	if q.Finding != "" {
		if store.IsFindingCode(q.Finding) {
			s.and("findings <> '' AND findings LIKE " + s.arg("% "+q.Finding+" %"))
		} else {
			s.and("1 = 0") // no finding has such a code
		}
	}
	s.walks = q.SensorID != 0 || q.Status != 0 || q.MaxMOS != 0 || q.Kept || q.Finding != "" || !q.Where.IsZero()
	if !q.Where.IsZero() {
		s.condition(q.Where)
	}
	s.walks = s.walks && len(s.Narrow) == 0
	if q.After != "" {
		var err error
		if s.after, err = parseCursor(q.After); err != nil {
			return s, err
		}
		if s.up {
			s.From = max(s.From, s.after.At)
		} else if s.To == 0 || s.To > s.after.At+1 {
			s.To = s.after.At + 1
		}
	}
	return s, nil
}

func (s *Query) condition(e rules.Expr) {
	w := e.SQL(searched, len(s.args)+1)
	s.args = append(s.args, w.Args...)
	s.rest = w.Rest
	if w.SQL != "" {
		s.and("(" + w.SQL + ")")
	}
	if s.Narrow == nil {
		s.narrow(w.Keys)
		s.prefix = len(w.Keys) > 0 && !w.Whole
	}
}

// WalkPrefixes makes a search by the beginning of a text go through time slice by slice: for a database that would sort all that
// begins so.
func (s *Query) WalkPrefixes() { s.walks = s.walks || s.prefix }

func (s *Query) narrow(terms []string) {
	for _, t := range terms {
		s.Narrow = append(s.Narrow, "tenant = $1 AND "+t)
	}
}

// isLeg is the condition of the indexes of groups: most calls are a group of their own, named by their own id, and need
// no place in it.
const isLeg = "group_id <> CAST(id AS TEXT)"

func (s *Query) and(cond string) {
	if s.where != "" {
		s.where += " AND "
	}
	s.where += cond
}

// any adds conditions of which one must hold.
func (s *Query) any(terms ...string) {
	s.and("(" + strings.Join(terms, " OR ") + ")")
	if s.Narrow == nil {
		s.narrow(terms)
	}
}

func (s *Query) arg(v any) string {
	s.args = append(s.args, v)
	return "$" + strconv.Itoa(len(s.args))
}

// number matches calls whose caller or callee begins with prefix. The columns are compared by bytes, so that a range of
// an index answers it; that also is what PostgreSQL may do below row-level security, where LIKE may not use an index.
func (s *Query) number(prefix string) []string {
	low := s.arg(Text(prefix))
	high := s.arg(Text(prefix) + "\U0010FFFF")
	return []string{fmt.Sprintf("caller >= %s AND caller < %s", low, high), fmt.Sprintf("callee >= %s AND callee < %s", low, high)}
}

func (s *Query) text(text string) []string {
	byCallID := "call_id = " + s.arg(Text(text))
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		ip := s.arg(canonicalIP(a))
		return []string{"src_ip = " + ip, "dst_ip = " + ip, byCallID}
	}
	if id, err := protocol.ParseUUID(text); err == nil {
		return []string{"id = " + s.arg(id.String()), byCallID}
	}
	return append(s.number(text), byCallID)
}

// Place is where in the order of calls something is: behind the call with that time and id. The zero Place is before all.
type Place struct {
	At protocol.Time
	ID protocol.UUID
}

// cursors are "MICROSECONDS.ID" of a place.
func (p Place) cursor() string { return fmt.Sprintf("%d.%s", int64(p.At), p.ID) }

func parseCursor(s string) (Place, error) {
	a, b, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(a, 10, 64)
	var id protocol.UUID
	if err == nil {
		id, err = protocol.ParseUUID(b)
	}
	if err != nil || n <= 0 {
		return Place{}, fmt.Errorf("%q: %w", s, store.ErrCursor)
	}
	return Place{protocol.Time(n), id}, nil
}

// Found is a call that a page lists, and what it is filed under.
type Found struct {
	At   protocol.Time
	Call protocol.CDR
}

// Querier is a *sql.DB, *sql.Tx or *sql.Conn.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Args are the parameters of the conditions.
func (s *Query) Args() []any { return s.args }

// in is the condition of a part of time, and all parameters. Time is bounded by the place, too: SQLite goes to one bound of an index, and
// steps from there over all that the place excludes.
func (s *Query) in(p Part) (where string, args []any) {
	q := Query{where: s.where, args: s.args[:len(s.args):len(s.args)]}
	if p.After != (Place{}) {
		if s.up {
			p.From = max(p.From, p.After.At)
		} else if p.To == 0 || p.To > p.After.At+1 {
			p.To = p.After.At + 1
		}
	}
	if p.From != 0 {
		q.and("at >= " + q.arg(int64(p.From)))
	}
	if p.To != 0 {
		q.and("at < " + q.arg(int64(p.To)))
	}
	if p.After != (Place{}) {
		q.and(fmt.Sprintf("(at, id) %s (%s, %s)", s.behind(), q.arg(int64(p.After.At)), q.arg(p.After.ID.String())))
	}
	return q.where, q.args
}

// behind is the comparison that holds for what comes after a place.
func (s *Query) behind() string {
	if s.up {
		return ">"
	}
	return "<"
}

// Oldest reports whether the oldest calls come first.
func (s *Query) Oldest() bool { return s.up }

// Select reads at most limit rows of a part of time, in the query's order. from is a table of calls, or a join of one.
func (s *Query) Select(ctx context.Context, db Querier, from string, p Part, limit int) (Rows, error) {
	where, args := s.in(p)
	order := "at DESC, id DESC"
	if s.up {
		order = "at, id"
	}
	var all Rows
	columns, row := "at, id, summary", (*Rows).decode
	detail := s.whole || s.rest.Detail()
	switch {
	case s.take != nil:
		columns, row = "at, summary", (*Rows).pass
	case detail:
		columns += ", detail"
	}
	err := bounded(ctx, func(ctx context.Context) error {
		rows, err := db.QueryContext(ctx, fmt.Sprintf(`SELECT %s FROM %s WHERE %s ORDER BY %s LIMIT %d`, columns, from, where, order, limit), args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := row(&all, s, rows, detail); err != nil {
				return err
			}
			all.Read++
		}
		return rows.Err()
	})
	if err != nil {
		return Rows{}, fmt.Errorf("list calls: %w", err)
	}
	return all, nil
}

// pass gives a row to take.
func (r *Rows) pass(s *Query, row scanner, _ bool) (err error) {
	var summary sql.RawBytes
	if err = row.Scan((*int64)(&r.Last.At), &summary); err == nil {
		r.Last.ID, err = s.take(r.Last.At, summary)
	}
	return err
}

// decode adds a row to Found, if it is what was asked for.
func (r *Rows) decode(s *Query, row scanner, detail bool) error {
	var summary, more sql.RawBytes
	into := []any{(*int64)(&r.Last.At), uuid{&r.Last.ID}, &summary}
	if detail {
		into = append(into, &more)
	}
	if err := row.Scan(into...); err != nil {
		return err
	}
	c, err := decodeCall(summary, more)
	if err != nil {
		return err
	}
	if s.rest.IsZero() || s.rest.Match(rules.Call{CDR: &c, State: protocol.StateEnded}) {
		if !s.whole {
			c.Streams, c.Messages = nil, nil
		}
		r.Found = append(r.Found, Found{r.Last.At, c})
	}
	return nil
}

// Count counts the rows of a part of time, at most limit. It does not ask them what SQL does not answer.
func (s *Query) Count(ctx context.Context, db Querier, from string, p Part, limit int) (n int, err error) {
	where, args := s.in(p)
	err = bounded(ctx, func(ctx context.Context) error {
		rows, err := db.QueryContext(ctx, fmt.Sprintf(`SELECT count(*) FROM (SELECT 1 AS one FROM %s WHERE %s LIMIT %d) AS found`, from, where, limit), args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := rows.Scan(&n); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return 0, fmt.Errorf("count calls: %w", err)
	}
	return n, nil
}

// bounded runs a statement that may take store.StatementTime.
func bounded(ctx context.Context, fn func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, store.StatementTime)
	defer cancel()
	err := fn(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return store.ErrTooSlow
	}
	return err
}

// ReadCall reads a whole call from a table, store.ErrNotFound if it is not there.
func ReadCall(ctx context.Context, db Querier, table string, t store.TenantID, id protocol.UUID) (protocol.CDR, error) {
	rows, err := db.QueryContext(ctx, `SELECT summary, detail FROM `+table+` WHERE tenant = $1 AND id = $2`, t, id.String())
	if err != nil {
		return protocol.CDR{}, fmt.Errorf("call %s: %w", id, err)
	}
	defer rows.Close()
	if !rows.Next() {
		err := rows.Err()
		if err == nil {
			err = store.ErrNotFound
		}
		return protocol.CDR{}, fmt.Errorf("call %s: %w", id, err)
	}
	var summary, detail []byte
	if err := rows.Scan(&summary, &detail); err != nil {
		return protocol.CDR{}, fmt.Errorf("call %s: %w", id, err)
	}
	return decodeCDR(summary, detail)
}
