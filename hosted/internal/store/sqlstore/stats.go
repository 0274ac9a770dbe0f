package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

const (
	day = 24 * hour

	// oldest is what statistics go back to at most, so that a series is bounded whatever is asked for.
	oldest = 400 * day
)

// StatsQuery is a checked store.StatsQuery, in whole minutes.
type StatsQuery struct {
	store.StatsQuery
	from, to, step, now protocol.Time
}

// NewStatsQuery checks q.
func NewStatsQuery(q store.StatsQuery, now time.Time) (StatsQuery, error) {
	s := StatsQuery{StatsQuery: q, step: protocol.Time(q.Step / time.Microsecond), now: protocol.TimeOf(now)}
	s.from, s.to = q.From, q.To
	if s.to == 0 {
		s.to = s.now
	}
	s.from = max(s.from-s.from%minute, s.now-s.now%day-oldest)
	s.to = (s.to + minute - 1) / minute * minute
	if s.to <= s.from {
		return s, fmt.Errorf("statistics of %s to %s: %w", s.from, s.to, store.ErrRange)
	}
	if s.step < 0 || s.step%minute != 0 || s.step != 0 && s.step < day && day%s.step != 0 || s.step > day && s.step%day != 0 {
		return s, fmt.Errorf("step of %s: %w", q.Step, store.ErrRange)
	}
	if s.step != 0 && (s.to-s.begin())/s.step > store.MaxPoints {
		return s, fmt.Errorf("%d points: %w", (s.to-s.begin())/s.step, store.ErrRange)
	}
	s.Top, s.Digits = orDefault(s.Top, store.DefaultTop, store.MaxTop), orDefault(s.Digits, store.DefaultDigits, store.MaxDigits)
	s.CallQuery.From, s.CallQuery.To, s.CallQuery.After, s.CallQuery.Limit = s.from, s.to, "", 0
	return s, nil
}

func orDefault(v, otherwise, most int) int {
	if v <= 0 {
		v = otherwise
	}
	return min(v, most)
}

// begin is where the series begins.
func (s *StatsQuery) begin() protocol.Time { return s.from - s.from%s.step }

// HasRollups tells whether rollups hold the answer.
func (s *StatsQuery) HasRollups() bool {
	only := store.CallQuery{From: s.CallQuery.From, To: s.CallQuery.To, SensorID: s.SensorID}
	switch s.By {
	case "", store.BySensor, store.ByStatus, store.ByEnd, store.ByFinding:
		return s.CallQuery == only
	}
	return false
}

// tally collects an answer.
type tally struct {
	q      *StatsQuery
	out    store.Stats
	flows  map[protocol.Time]*flowHour // of all sensors
	ran    Rollup                      // the flows of the calls that were read
	groups map[string]*store.Counts
	more   int64      // calls of properties that there was no room for
	before bool       // what is read began before the time that is asked for
	held   []*figures // read last, all filed under the same time: there may be more of them
	spare  []*figures // to be used again
	texts  interned
}

// maxGroups bounds the properties that are told apart; calls are read newest first, so that what many calls have is among them.
const maxGroups = 4000

func (s *StatsQuery) tally(from store.Source) *tally {
	t := &tally{q: s, groups: map[string]*store.Counts{}, out: store.Stats{From: s.from, To: s.to, Source: from, Step: time.Duration(s.step) * time.Microsecond}}
	if s.step != 0 {
		t.out.Series = make([]store.Point, (s.to-s.begin()+s.step-1)/s.step)
		for i := range t.out.Series {
			t.out.Series[i].At = s.begin() + protocol.Time(i)*s.step
		}
	}
	return t
}

// counts is what calls that are filed under at are counted in.
func (t *tally) counts(at protocol.Time) *store.Counts {
	if t.q.step == 0 {
		return &t.out.Totals
	}
	return &t.out.Series[(at-t.out.Series[0].At)/t.q.step].Counts
}

// group is what calls with a property are counted in, nil if there is no room.
func (t *tally) group(key string) *store.Counts {
	g := t.groups[key]
	if g == nil && len(t.groups) < maxGroups {
		g = &store.Counts{}
		t.groups[key] = g
	}
	return g
}

// Rollups answers from rollups.
func (s *StatsQuery) Rollups(ctx context.Context, db Querier, tenant store.TenantID) (store.Stats, error) {
	t := s.tally(store.FromRollups)
	t.flows = map[protocol.Time]*flowHour{}
	fine := s.step%hour != 0 // hours do not fit in
	wholeFrom, wholeTo := (s.from+hour-1)/hour*hour, s.to-s.to%hour
	if fine || wholeTo < wholeFrom {
		wholeFrom, wholeTo = s.to, s.to
	}
	read := func(row rollupKey, data []byte) error {
		var flow *flowHour
		if row.step == hour {
			if flow = t.flows[row.at]; flow == nil {
				flow = &flowHour{}
				t.flows[row.at] = flow
			}
			if row.at < wholeFrom || row.at >= wholeTo {
				return mergeRollup(data, &store.Counts{}, flow)
			}
		}
		if s.By == store.BySensor {
			if g := t.group(strconv.Itoa(int(row.sensor))); g != nil {
				if err := mergeRollup(data, g, nil); err != nil {
					return err
				}
			}
		}
		return mergeRollup(data, t.counts(row.at), flow)
	}
	for _, part := range []struct{ step, from, to protocol.Time }{
		{minute, s.from, min(wholeFrom, s.to)}, {minute, max(wholeTo, wholeFrom), s.to}, {hour, s.from - s.from%hour, s.to},
	} {
		if err := eachRollup(ctx, db, tenant, s.SensorID, part.step, part.from, part.to, read); err != nil {
			return t.out, fmt.Errorf("read rollups: %w", err)
		}
	}
	t.flow()
	return t.finish(), nil
}

func eachRollup(ctx context.Context, db Querier, t store.TenantID, sensor uint16, step, from, to protocol.Time, fn func(rollupKey, []byte) error) error {
	if from >= to {
		return nil
	}
	query, args := `SELECT at, sensor_id, data FROM rollups WHERE tenant = $1 AND step = $2 AND at >= $3 AND at < $4`, []any{t, int64(step), int64(from), int64(to)}
	if sensor != 0 {
		query, args = query+` AND sensor_id = $5`, append(args, int64(sensor))
	}
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		k := rollupKey{step: step}
		var data sql.RawBytes
		if err := rows.Scan((*int64)(&k.at), &k.sensor, &data); err != nil {
			return err
		}
		if err := fn(k, data); err != nil {
			return fmt.Errorf("sensor %d, %s: %w", k.sensor, k.at, err)
		}
	}
	return rows.Err()
}

// LongCall is what a call lasts that an index finds by that, ms; migrations name it, too.
const LongCall = 3_600_000

// lookBack is how much earlier than the time that is asked for all calls are read that may still run in it: those that are no
// longer than LongCall. Of those before it, Long finds the others.
const lookBack = LongCall * 1000

// ToRead selects the calls that Calls reads.
func (s *StatsQuery) ToRead() store.CallQuery {
	q := s.CallQuery
	q.From = max(s.from-lookBack, 1)
	return q
}

// Long selects the calls that began before those of ToRead and may still run in the time that is asked for.
func (s *StatsQuery) Long(t store.TenantID) (Query, error) {
	q := s.CallQuery
	q.From, q.To = max(s.from-maxRun, 1), max(s.from-lookBack, 2)
	long, err := NewQuery(t, q)
	long.and("duration_ms > " + strconv.Itoa(LongCall))
	long.walks, long.Narrow = false, nil // the index leads to all of them, and they are few
	return long, err
}

// Calls answers from the calls themselves: those that q, made of ToRead, selects, newest first, as far as it gets, and those of Long.
func (s *StatsQuery) Calls(ctx context.Context, src Source, tenant store.TenantID, q *Query, now func() time.Time) (store.Stats, error) {
	t := s.tally(store.FromCalls)
	rows, patience := store.StatsRows, store.StatsTime
	if s.Exact {
		rows, patience = math.MaxInt, store.ExactTime
	}
	whole, err := t.read(ctx, src, q, now, rows, patience)
	if err != nil {
		return t.out, err
	}
	if whole {
		var long Query
		if long, err = s.Long(tenant); err == nil {
			t.before = true
			whole, err = t.read(ctx, src, &long, now, rows, patience)
		}
		if err != nil {
			return t.out, err
		}
	}
	if whole {
		t.flows = make(map[protocol.Time]*flowHour, len(t.ran.rows))
		for k, row := range t.ran.rows {
			t.flows[k.at] = &row.flow
		}
		t.flow()
	}
	return t.finish(), nil
}

// read counts what a query selects until it has read so many rows, or for so long; whole: that was all.
func (t *tally) read(ctx context.Context, src Source, q *Query, now func() time.Time, most int, patience time.Duration) (whole bool, err error) {
	w, err := q.newWalk(ctx, src, now)
	if err != nil || w == nil {
		return err == nil, err
	}
	if q.rest.IsZero() {
		q.take = t.take
	}
	read := 0
	defer func() {
		t.release()
		t.out.Read += int64(read)
	}()
	for {
		rows, more, err := w.read(ctx, src, q.most())
		if err != nil {
			return false, err
		}
		for i := range rows.Found {
			f := t.room()
			*f = figures{at: rows.Found[i].At, call: rows.Found[i].Call}
			t.hold(f)
		}
		read += rows.Read
		if !more && !w.next() {
			return true, nil
		}
		if read >= most || now().Sub(w.began) > patience {
			if !t.before { // what was counted is whole already
				t.cut(w.at())
			}
			return false, nil
		}
	}
}

// take counts a row.
func (t *tally) take(at protocol.Time, summary []byte) (protocol.UUID, error) {
	f := t.room()
	if err := f.read(at, summary, t.q.By, &t.texts); err != nil {
		return protocol.UUID{}, err
	}
	t.hold(f)
	return f.call.ID, nil
}

func (t *tally) room() *figures {
	if n := len(t.spare); n > 0 {
		f := t.spare[n-1]
		t.spare = t.spare[:n-1]
		return f
	}
	return &figures{}
}

// hold counts what was read before, and keeps f, unless both are filed under the same time.
func (t *tally) hold(f *figures) {
	if len(t.held) > 0 && t.held[0].at != f.at {
		t.release()
	}
	t.held = append(t.held, f)
}

func (t *tally) release() {
	for _, f := range t.held {
		t.add(f.at, &f.call)
	}
	t.spare = append(t.spare, t.held...)
	t.held = t.held[:0]
}

// cut says that nothing behind a place was read. What is filed under its time was read in part, so that it is not counted.
func (t *tally) cut(p Place) {
	from := p.At
	if !p.ID.IsZero() {
		from++
		t.held = t.held[:0]
	}
	if from <= t.q.from {
		return
	}
	t.out.Partial, t.out.From = true, from
	for len(t.out.Series) > 0 && t.out.Series[0].At+t.q.step <= from {
		t.out.Series = t.out.Series[1:]
	}
}

func (t *tally) add(at protocol.Time, c *protocol.CDR) {
	if at == c.Start {
		t.ran.addFlow(c, 0, 1)
	}
	if at < t.q.from {
		return
	}
	t.counts(at).Add(c, 1)
	each := func(key string) {
		if g := t.group(key); g != nil {
			g.Add(c, 1)
		} else {
			t.more++
		}
	}
	switch t.q.By {
	case store.BySensor:
		each(strconv.Itoa(int(c.SensorID)))
	case store.ByStatus:
		each(strconv.Itoa(c.Status))
	case store.ByEnd:
		each(string(c.EndCause))
	case store.ByFinding:
		for i := range c.Findings {
			if !slices.ContainsFunc(c.Findings[:i], func(f protocol.Finding) bool { return f.Code == c.Findings[i].Code }) {
				each(c.Findings[i].Code)
			}
		}
	case store.BySrc:
		each(ipOf(c.Src))
	case store.ByDst:
		each(ipOf(c.Dst))
	case store.ByPrefix:
		each(prefix(c.Callee, t.q.Digits))
	case store.ByUA:
		each(c.UACaller)
		if c.UACallee != c.UACaller {
			each(c.UACallee)
		}
	case store.ByDomain:
		each(c.CalleeDomain)
	case store.ByCodec:
		for i, codec := range c.Codecs {
			if !slices.Contains(c.Codecs[:i], codec) {
				each(codec)
			}
		}
	}
}

// prefix is the first digits of a number without the + or 00 in front, as conditions see it.
func prefix(number string, digits int) string {
	if bare, ok := strings.CutPrefix(number, "+"); ok {
		number = bare
	} else if bare, ok := strings.CutPrefix(number, "00"); ok {
		number = bare
	}
	for i := range number {
		if digits == 0 {
			return number[:i]
		}
		digits--
	}
	return number
}

// flow counts the running calls of each step.
func (t *tally) flow() {
	q := t.q
	counted := func(from, to protocol.Time) (f store.Flow) {
		from, to = max(from, q.from), min(to, q.to, q.now)
		f.Known = true
		var sum, n int64
		for h := from - from%hour; h < to; h += hour {
			x := t.flows[h]
			if x == nil {
				n += int64((min(h+hour, to) - max(h, from)) / flowEvery)
				continue
			}
			running := x.running
			for i := range flowSlots {
				running += x.starts[i] - x.ends[i]
				at := h + protocol.Time(i)*flowEvery
				if at < from || at >= to {
					continue
				}
				if running > f.Max {
					f.Max, f.MaxAt = running, at
				}
				f.PeakCPS = max(f.PeakCPS, float64(x.starts[i])/10)
				sum, n = sum+running, n+1
			}
		}
		if n > 0 {
			f.Mean = float64(sum) / float64(n)
		}
		return f
	}
	for i := range t.out.Series {
		p := &t.out.Series[i]
		p.Flow = counted(p.At, p.At+q.step)
	}
	t.out.Flow = counted(q.from, q.to)
}

// finish adds up the series, and chooses the groups.
func (t *tally) finish() store.Stats {
	for i := range t.out.Series {
		t.out.Totals.Merge(&t.out.Series[i].Counts)
	}
	if t.out.Source == store.FromRollups {
		switch t.q.By {
		case store.ByStatus:
			for status, n := range t.out.Totals.Status {
				t.groups[strconv.Itoa(status)] = &store.Counts{Calls: n}
			}
		case store.ByEnd:
			for end, n := range t.out.Totals.End {
				t.groups[string(end)] = &store.Counts{Calls: n}
			}
		case store.ByFinding:
			for code, n := range t.out.Totals.Findings {
				t.groups[code] = &store.Counts{Calls: n}
			}
		}
	}
	for key, c := range t.groups {
		t.out.Groups = append(t.out.Groups, store.Group{Key: key, Counts: *c})
	}
	slices.SortFunc(t.out.Groups, func(a, b store.Group) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Key, b.Key))
	})
	t.out.Others = t.more
	if len(t.out.Groups) > t.q.Top {
		for i := range t.out.Groups[t.q.Top:] {
			t.out.Others += t.out.Groups[t.q.Top+i].Calls
		}
		t.out.Groups = t.out.Groups[:t.q.Top]
	}
	return t.out
}
