package storetest

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/rules"
)

func testStats(t *testing.T, open Open) {
	t.Run("what is counted beside the calls is what a recount of them gives", func(t *testing.T) { testRecount(t, open) })
	t.Run("a batch that comes twice is counted once", func(t *testing.T) {
		f := newFixture(t, open)
		b := f.batch(1, f.call(now, nil), f.call(now.Add(-time.Hour), nil))
		for range 3 {
			_, err := f.AppendCDRs(f.ctx, b, now)
			f.ok(err)
		}
		if s := f.stats(store.StatsQuery{}); s.Totals.Calls != 2 || s.Source != store.FromRollups {
			t.Errorf("%d calls from %s, want 2 from rollups", s.Totals.Calls, s.Source)
		}
	})
	t.Run("a call that is replaced is counted as it is now", func(t *testing.T) {
		f := newFixture(t, open)
		c := f.call(now.Add(-time.Minute), func(c *protocol.CDR) { c.Status, c.Findings = 486, []protocol.Finding{{Code: "one-way-audio"}} })
		f.add(c, f.call(now, nil))
		c.Status, c.Findings = 200, nil
		f.add(c)
		s := f.stats(store.StatsQuery{})
		if want := map[int]int64{0: 1, 200: 1}; !reflect.DeepEqual(s.Totals.Status, want) || len(s.Totals.Findings) != 0 || s.Totals.Calls != 2 {
			t.Errorf("%+v, want status %v and no finding", s.Totals, want)
		}
	})
	t.Run("calls that are filed under now are counted there, but when they ran is not", func(t *testing.T) {
		f := newFixture(t, open)
		old := f.call(now.AddDate(-1, 0, 0), nil)
		for range 2 { // replaced the second time
			f.add(old)
		}
		s := f.stats(store.StatsQuery{CallQuery: store.CallQuery{From: protocol.TimeOf(now), To: protocol.TimeOf(now.Add(time.Minute))}})
		if s.Totals.Calls != 1 || s.Flow.Max != 0 {
			t.Errorf("%d calls, %d at a time; want one that did not run", s.Totals.Calls, s.Flow.Max)
		}
	})
	t.Run("days that are dropped are not counted", func(t *testing.T) {
		f := newFixture(t, open)
		f.add(f.call(now, nil), f.call(now.AddDate(0, 0, -3), nil), f.call(now.AddDate(0, 0, -5), nil))
		f.ok(f.DropBefore(f.ctx, now.AddDate(0, 0, -3)))
		if s := f.stats(store.StatsQuery{}); s.Totals.Calls != 2 {
			t.Errorf("%d calls, want the 2 of days that are kept", s.Totals.Calls)
		}
	})
	t.Run("what several write at once is counted whole", func(t *testing.T) { testManyWriters(t, open) })
	t.Run("another tenant's calls are not counted", func(t *testing.T) {
		f := newFixture(t, open)
		f.add(f.call(now, nil))
		other := f.newTenant("other")
		for _, q := range []store.StatsQuery{{}, {By: store.BySrc}} {
			q.From = protocol.TimeOf(now.AddDate(0, 0, -1))
			q.To = protocol.TimeOf(now.Add(time.Hour))
			if s, err := f.Stats(f.ctx, other, q); err != nil || s.Totals.Calls != 0 || len(s.Groups) != 0 {
				t.Errorf("by %q: %d calls, %v", q.By, s.Totals.Calls, err)
			}
		}
	})
	t.Run("a range or step that cannot be is refused", func(t *testing.T) {
		f := newFixture(t, open)
		at := protocol.TimeOf(now)
		for _, q := range []store.StatsQuery{
			{CallQuery: store.CallQuery{From: at + 1e9, To: at}},
			{CallQuery: store.CallQuery{From: at - 1e9, To: at}, Step: time.Second},
			{CallQuery: store.CallQuery{From: at - 1e9, To: at}, Step: 7 * time.Minute},
			{CallQuery: store.CallQuery{From: at - 25*86400e6, To: at}, Step: time.Minute},
		} {
			if _, err := f.Stats(f.ctx, f.tenant, q); !errors.Is(err, store.ErrRange) {
				t.Errorf("%+v: %v, want ErrRange", q, err)
			}
		}
	})
	t.Run("calls are grouped by what they have", func(t *testing.T) { testGroups(t, open) })
}

// testManyWriters has two senders of the same batches for each of two sensors, of which one sends calls with the other's number, as
// after a change of numbers.
func testManyWriters(t *testing.T, open Open) {
	f := newFixture(t, open)
	second := f.newSensor(f.tenant, 9, 2)
	const batches, size = 12, 20
	done := make(chan error, 4)
	for _, sensor := range []store.Sensor{f.sensor, second} {
		all := make([]store.Batch, batches)
		for i := range all {
			all[i] = store.Batch{Tenant: f.tenant, Sensor: sensor.UUID, Epoch: 1, First: uint64(i * size)}
			for k := range size {
				all[i].CDRs = append(all[i].CDRs, f.call(now.Add(-time.Duration(k)*time.Second), func(c *protocol.CDR) { c.SensorID = 7 }))
			}
		}
		for range 2 {
			go func() { done <- f.appendAll(all) }()
		}
	}
	f.ok(errors.Join(<-done, <-done, <-done, <-done))
	n, err := f.CountCalls(f.ctx, f.tenant)
	f.ok(err)
	if s := f.stats(store.StatsQuery{Step: time.Hour}); n != 2*batches*size || s.Totals.Calls != int64(n) || s.Totals.Status[0] != int64(n) {
		t.Errorf("%d calls are stored, %d counted, want %d", n, s.Totals.Calls, 2*batches*size)
	}
}

// stats asks for all that the tests' calls can be in, unless q says otherwise.
func (f *fixture) stats(q store.StatsQuery) store.Stats {
	f.t.Helper()
	if q.From == 0 {
		q.From, q.To = protocol.TimeOf(now.AddDate(0, 0, -30)), protocol.TimeOf(now.AddDate(0, 0, 2))
	}
	s, err := f.Stats(f.ctx, f.tenant, q)
	f.ok(err)
	return s
}

// traffic makes calls of all kinds over two days; some end on another day than they began.
func (f *fixture) traffic(rnd *rand.Rand, n int) (calls []protocol.CDR) {
	causes := []protocol.EndCause{protocol.EndBye, protocol.EndBye, protocol.EndCancel, protocol.EndRejected, protocol.EndUnterminated}
	for range n {
		start := now.Add(-time.Duration(rnd.Int64N(int64(48 * time.Hour)))).Truncate(time.Microsecond)
		calls = append(calls, f.call(start, func(c *protocol.CDR) {
			c.DurationMS = int64(math.Exp(rnd.Float64()*18)) + rnd.Int64N(500)
			c.End = c.Start + protocol.Time(c.DurationMS*1000)
			c.EndCause = causes[rnd.IntN(len(causes))]
			c.Src, c.Dst = fmt.Sprintf("192.0.2.%d:5060", rnd.IntN(9)), "[2001:db8::1]:5060"
			c.Callee, c.UACaller = fmt.Sprintf("+420%06d", rnd.IntN(1000000)), []string{"", "Asterisk", "linphone"}[rnd.IntN(3)]
			switch rnd.IntN(4) {
			case 0:
				c.Status = []int{0, 404, 486, 503}[rnd.IntN(4)]
			default:
				c.Status, c.Answer = 200, c.Start
				connect, mos, loss, jitter := c.DurationMS, 1+math.Round(rnd.Float64()*3500)/1000, math.Round(rnd.ExpFloat64()*1000)/1000, rnd.Float64()*30
				c.ConnectMS, c.MOS, c.LossPct, c.JitterMS = &connect, &mos, &loss, &jitter
				c.Codecs = [][]string{{"PCMA"}, {"PCMA", "G722"}, {"opus", "opus"}}[rnd.IntN(3)]
			}
			if pdd := rnd.Int64N(20000); pdd > 500 {
				c.PDDMS = &pdd
			}
			for _, code := range []string{"one-way-audio", "nat-private-sdp", "one-way-audio"} {
				if rnd.IntN(5) == 0 {
					c.Findings = append(c.Findings, protocol.Finding{Code: code, Severity: []protocol.Severity{protocol.SeverityBad, protocol.SeverityInfo}[rnd.IntN(2)]})
				}
			}
			if rnd.IntN(9) == 0 {
				c.Joined, c.PDDMS = true, nil
			}
			c.OverLimit = rnd.IntN(20) == 0
			if rnd.IntN(10) == 0 {
				c.Capture = protocol.Capture{Kept: protocol.KeepRTP, Bytes: rnd.Uint64N(1e6)}
			}
		}))
	}
	return calls
}

func testRecount(t *testing.T, open Open) {
	f := newFixture(t, open)
	second := f.newSensor(f.tenant, 9, 2)
	rnd := rand.New(rand.NewPCG(3, 4))
	mine, other := f.traffic(rnd, 900), f.traffic(rnd, 400)
	for i := range other {
		other[i].SensorID = 9
	}
	for part := range slices.Chunk(mine, 100) {
		f.add(part...)
		_, err := f.AppendCDRs(f.ctx, f.batch(f.next-uint64(len(part)), part...), now) // again
		f.ok(err)
	}
	for i := range mine[:50] { // some come again, changed
		change := f.traffic(rnd, 1)[0]
		change.ID, change.Start, change.End, change.CallID = mine[i].ID, mine[i].Start, mine[i].Start+protocol.Time(change.DurationMS*1000), mine[i].CallID
		mine[i] = change
	}
	f.add(mine[:50]...)
	_, err := f.AppendCDRs(f.ctx, store.Batch{Tenant: f.tenant, Sensor: second.UUID, Epoch: 1, First: 1, CDRs: other}, now)
	f.ok(err)
	all := append(slices.Clone(mine), other...)

	day := now.Truncate(24 * time.Hour)
	for _, tt := range []struct {
		from, to time.Time
		step     time.Duration
		sensor   uint16
	}{
		{now.AddDate(0, 0, -3), now.Add(time.Hour), 0, 0},
		{now.AddDate(0, 0, -3), now.Add(time.Hour), time.Hour, 0},
		{now.Add(-47*time.Hour - 13*time.Minute), now.Add(-11 * time.Minute), 0, 9},
		{now.Add(-47*time.Hour - 13*time.Minute), now.Add(-11 * time.Minute), 2 * time.Hour, 0},
		{now.Add(-20*time.Hour - 13*time.Minute), now.Add(-19 * time.Hour), 5 * time.Minute, 0},
		{now.Add(-70 * time.Minute), now, time.Minute, 7},
		{now.Add(-40 * time.Hour), now.Add(-4 * time.Hour), 90 * time.Minute, 0},
		{now.Add(-4*time.Minute - 7*time.Second), now.Add(-2 * time.Second), time.Minute, 0}, // widened to whole minutes
		{now.Add(-25 * time.Minute), now.Add(-20 * time.Minute), 0, 0},
		{day.AddDate(0, 0, -4), day.AddDate(0, 0, 1), 24 * time.Hour, 0},
	} {
		t.Run(fmt.Sprint(tt.to.Sub(tt.from), " in steps of ", tt.step, " of ", tt.sensor), func(t *testing.T) {
			q := store.StatsQuery{Step: tt.step, By: store.BySensor}
			q.From, q.To, q.SensorID = protocol.TimeOf(tt.from), protocol.TimeOf(tt.to), tt.sensor
			got, err := f.Stats(f.ctx, f.tenant, q)
			f.ok(err)
			compare(t, got, all, tt.sensor, tt.step)
			if got.Source != store.FromRollups {
				t.Errorf("made of %s", got.Source)
			}

			q.Where, err = rules.ParseExpr("caller:(*) or status >= 0 or not status >= 0") // every call
			f.ok(err)
			slow, err := f.Stats(f.ctx, f.tenant, q)
			f.ok(err)
			if slow.Source != store.FromCalls || slow.Partial {
				t.Errorf("made of %s, partial %v; want all calls", slow.Source, slow.Partial)
			}
			if slow.Read < got.Totals.Calls {
				t.Errorf("%d calls read for %d", slow.Read, got.Totals.Calls)
			}
			slow.Source, slow.Read = got.Source, 0
			if !reflect.DeepEqual(slow, got) {
				t.Errorf("counted from the calls: %+.600v\nfrom rollups: %+.600v", slow, got)
			}
		})
	}
}

// compare counts the calls itself.
func compare(t *testing.T, got store.Stats, all []protocol.CDR, sensor uint16, step time.Duration) {
	t.Helper()
	count := func(from, to protocol.Time, sensor uint16) (c store.Counts) {
		for i := range all {
			if d := &all[i]; d.Start >= from && d.Start < to && (sensor == 0 || d.SensorID == sensor) {
				c.Add(d, 1)
			}
		}
		return c
	}
	if want := count(got.From, got.To, sensor); !reflect.DeepEqual(got.Totals, want) {
		t.Errorf("totals %+.500v\nwant %+.500v", got.Totals, want)
	}
	if f := flow(all, sensor, got.From, got.To); f != got.Flow {
		t.Errorf("flow %+v, want %+v", got.Flow, f)
	}
	for _, g := range got.Groups {
		n, _ := strconv.Atoi(g.Key)
		if want := count(got.From, got.To, uint16(n)); !reflect.DeepEqual(g.Counts, want) {
			t.Errorf("sensor %s: %+.500v\nwant %+.500v", g.Key, g.Counts, want)
		}
	}
	us := protocol.Time(step / time.Microsecond)
	for _, p := range got.Series {
		from, to := max(p.At, got.From), min(p.At+us, got.To)
		want := count(from, to, sensor)
		if !reflect.DeepEqual(p.Counts, want) {
			t.Errorf("%s: %+.300v\nwant %+.300v", p.At, p.Counts, want)
		}
		if f := flow(all, sensor, from, to); f != p.Flow {
			t.Errorf("%s: flow %+v, want %+v", p.At, p.Flow, f)
		}
	}
	if n := len(got.Series); step != 0 && (n == 0 || got.Series[0].At > got.From || got.Series[n-1].At+us < got.To) {
		t.Errorf("%d points do not cover the range", n)
	}
}

// flow asks every call at every ten seconds whether it runs.
func flow(all []protocol.CDR, sensor uint16, from, to protocol.Time) (f store.Flow) {
	const every = protocol.Time(10e6)
	to = min(to, protocol.TimeOf(now))
	f.Known = true
	var sum, n int64
	for at := (from + every - 1) / every * every; at < to; at += every {
		var running, began int64
		for i := range all {
			c := &all[i]
			if sensor != 0 && c.SensorID != sensor {
				continue
			}
			if c.Start <= at && c.End > at {
				running++
			}
			if c.Start <= at && c.Start > at-every {
				began++
			}
		}
		if running > f.Max {
			f.Max, f.MaxAt = running, at
		}
		f.PeakCPS = max(f.PeakCPS, float64(began)/10)
		sum, n = sum+running, n+1
	}
	if n > 0 {
		f.Mean = float64(sum) / float64(n)
	}
	return f
}

func testGroups(t *testing.T, open Open) {
	f := newFixture(t, open)
	rnd := rand.New(rand.NewPCG(5, 6))
	calls := f.traffic(rnd, 400)
	f.add(calls...)
	one := func(get func(*protocol.CDR) string) func(*protocol.CDR) []string {
		return func(c *protocol.CDR) []string { return []string{get(c)} }
	}
	for by, get := range map[store.Dimension]func(*protocol.CDR) []string{
		store.BySensor: one(func(c *protocol.CDR) string { return strconv.Itoa(int(c.SensorID)) }),
		store.ByStatus: one(func(c *protocol.CDR) string { return strconv.Itoa(c.Status) }),
		store.ByEnd:    one(func(c *protocol.CDR) string { return string(c.EndCause) }),
		store.BySrc:    one(func(c *protocol.CDR) string { return c.Src[:len(c.Src)-len(":5060")] }),
		store.ByDst:    one(func(*protocol.CDR) string { return "2001:db8::1" }),
		store.ByPrefix: one(func(c *protocol.CDR) string { return c.Callee[1:5] }),
		store.ByUA:     func(c *protocol.CDR) []string { return []string{c.UACaller, c.UACallee} },
		store.ByDomain: one(func(c *protocol.CDR) string { return c.CalleeDomain }),
		store.ByCodec:  func(c *protocol.CDR) []string { return c.Codecs },
		store.ByFinding: func(c *protocol.CDR) (codes []string) {
			for _, f := range c.Findings {
				codes = append(codes, f.Code)
			}
			return codes
		},
	} {
		t.Run(string(by), func(t *testing.T) {
			want := map[string]int64{}
			for i := range calls {
				keys := slices.Clone(get(&calls[i]))
				slices.Sort(keys)
				for _, k := range slices.Compact(keys) {
					want[k]++
				}
			}
			for _, cond := range []string{"", "caller:(*) or not status >= 0 or status >= 0"} {
				q := store.StatsQuery{By: by}
				var err error
				q.Where, err = rules.ParseExpr(cond)
				f.ok(err)
				s := f.stats(q)
				got := map[string]int64{}
				for _, g := range s.Groups {
					got[g.Key] = g.Calls
				}
				if !reflect.DeepEqual(got, want) || s.Others != 0 {
					t.Errorf("where %q: %v and %d others, want %v", cond, got, s.Others, want)
				}
				q.Top = 1
				top := f.stats(q)
				if len(top.Groups) != 1 || top.Groups[0].Calls != s.Groups[0].Calls {
					t.Errorf("where %q: the one with most is %+.100v, want %+.100v", cond, top.Groups, s.Groups[:1])
				}
				var others int64
				for _, g := range s.Groups[1:] {
					others += g.Calls
				}
				if top.Others != others {
					t.Errorf("where %q: %d others, want %d", cond, top.Others, others)
				}
			}
		})
	}
}
