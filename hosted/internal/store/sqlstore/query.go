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
)

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// Query is a store.CallQuery as SQL: the rows after a place, newest first. Filing time and id order the calls, so that a
// page begins exactly where the one before ended, whatever arrived meanwhile.
type Query struct {
	Limit    int           // rows that a page has
	From, To protocol.Time // the part of time that can hold matches, 0: unbounded
	// Narrow are conditions that an index answers each (numbers, addresses, a Call-ID), of which a match fulfils one; none if
	// the query has none. They may match few calls or nearly all.
	Narrow []string
	where  string // the whole condition
	args   []any  // of where and Narrow
}

// NewQuery translates q.
func NewQuery(t store.TenantID, q store.CallQuery) (Query, error) {
	s := Query{Limit: q.Limit, From: q.From, To: q.To}
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
	if q.From != 0 {
		s.and("at >= " + s.arg(int64(q.From)))
	}
	if q.To != 0 {
		s.and("at < " + s.arg(int64(q.To)))
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
		if isCode(q.Finding) {
			s.and("findings <> '' AND findings LIKE " + s.arg("% "+q.Finding+" %"))
		} else {
			s.and("1 = 0") // no finding has such a code
		}
	}
	if q.After != "" {
		at, id, err := parseCursor(q.After)
		if err != nil {
			return s, err
		}
		s.and(fmt.Sprintf("(at, id) < (%s, %s)", s.arg(int64(at)), s.arg(id.String())))
		if s.To == 0 || s.To > at+1 {
			s.To = at + 1
		}
	}
	return s, nil
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
		for _, t := range terms {
			s.Narrow = append(s.Narrow, "tenant = $1 AND "+t)
		}
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

// cursors are "MICROSECONDS.ID" of a page's last row.
func cursor(at protocol.Time, id protocol.UUID) string { return fmt.Sprintf("%d.%s", int64(at), id) }

func parseCursor(s string) (at protocol.Time, id protocol.UUID, err error) {
	a, b, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(a, 10, 64)
	if err == nil {
		id, err = protocol.ParseUUID(b)
	}
	if err != nil || n <= 0 {
		return 0, id, fmt.Errorf("%q: %w", s, store.ErrCursor)
	}
	return protocol.Time(n), id, nil
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

// Select reads at most limit rows, newest first. from is a table of calls, or a join of one.
func (s *Query) Select(ctx context.Context, db Querier, from string, limit int) ([]Found, error) {
	rows, err := db.QueryContext(ctx, fmt.Sprintf(`SELECT at, summary FROM %s WHERE %s ORDER BY at DESC, id DESC LIMIT %d`, from, s.where, limit),
		s.args...)
	if err != nil {
		return nil, fmt.Errorf("list calls: %w", err)
	}
	defer rows.Close()
	var all []Found
	for rows.Next() {
		var at int64
		var summary sql.RawBytes
		if err := rows.Scan(&at, &summary); err != nil {
			return nil, fmt.Errorf("list calls: %w", err)
		}
		c, err := decodeSummary(summary)
		if err != nil {
			return nil, err
		}
		all = append(all, Found{protocol.Time(at), c})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list calls: %w", err)
	}
	return all, nil
}

// Page makes the page of up to Limit+1 rows: one more than fit means that there is a next page.
func (s *Query) Page(found []Found) store.CallPage {
	p := store.CallPage{Calls: make([]protocol.CDR, 0, min(len(found), s.Limit))}
	if len(found) > s.Limit {
		found = found[:s.Limit]
		last := found[len(found)-1]
		p.Next = cursor(last.At, last.Call.ID)
	}
	for i := range found {
		p.Calls = append(p.Calls, found[i].Call)
	}
	return p
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
