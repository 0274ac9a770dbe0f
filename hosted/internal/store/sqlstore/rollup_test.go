package sqlstore

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

func randomCounts(rnd *rand.Rand) (c store.Counts, f flowHour) {
	for range rnd.IntN(60) {
		connect, pdd, mos, loss := rnd.Int64N(1e6), rnd.Int64N(1e5), 1+float64(rnd.IntN(3500))/1000, float64(rnd.IntN(1000))/100
		d := protocol.CDR{Status: []int{0, 200, 486, 699}[rnd.IntN(4)], EndCause: protocol.EndBye, PDDMS: &pdd}
		if d.Status == 200 {
			d.ConnectMS, d.MOS, d.LossPct, d.JitterMS = &connect, &mos, &loss, &loss
			d.Findings = []protocol.Finding{{Code: "one-way-audio"}}
		}
		c.Add(&d, 1)
		f.starts[rnd.IntN(flowSlots)]++
		f.ends[rnd.IntN(flowSlots)]++
		f.running += rnd.Int64N(3)
	}
	return c, f
}

func (f *flowHour) merge(o *flowHour) {
	f.running += o.running
	for i := range f.starts {
		f.starts[i] += o.starts[i]
		f.ends[i] += o.ends[i]
	}
}

func TestAStoredRollupIsReadAsItWas(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var sum store.Counts
	var sumFlow flowHour
	var got store.Counts
	var gotFlow flowHour
	for range 200 {
		c, f := randomCounts(rnd)
		data := appendRollup(nil, &c, &f)
		var back store.Counts
		var backFlow flowHour
		if err := mergeRollup(data, &back, &backFlow); err != nil || !reflect.DeepEqual(back, c) || backFlow != f {
			t.Fatalf("read %+.300v, %v\nwant %+.300v", back, err, c)
		}
		sum.Merge(&c)
		sumFlow.merge(&f)
		if err := mergeRollup(data, &got, &gotFlow); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(got, sum) || gotFlow != sumFlow {
		t.Error("what is read on top of each other is not the sum")
	}
}

func TestARollupIsSmall(t *testing.T) {
	c, f := randomCounts(rand.New(rand.NewPCG(5, 6)))
	if n := len(appendRollup(nil, &c, &f)); n > 1500 {
		t.Errorf("%d calls take %d bytes", c.Calls, n)
	}
	if n := len(appendRollup(nil, &store.Counts{}, nil)); n > 20 {
		t.Errorf("none take %d bytes", n)
	}
}

func FuzzAStoredRollup(f *testing.F) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 5 {
		c, flow := randomCounts(rnd)
		f.Add(appendRollup(nil, &c, &flow))
		f.Add(appendRollup(nil, &c, nil))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var c store.Counts
		var flow flowHour
		if err := mergeRollup(data, &c, &flow); err != nil {
			if !errors.Is(err, errDamaged) {
				t.Errorf("error %v", err)
			}
			return
		}
		again := appendRollup(nil, &c, &flow)
		var c2 store.Counts
		var flow2 flowHour
		if err := mergeRollup(again, &c2, &flow2); err != nil || !reflect.DeepEqual(c, c2) || flow != flow2 {
			t.Errorf("written again it is another: %v", err)
		}
		if !bytes.Equal(again, appendRollup(nil, &c2, &flow2)) {
			t.Error("the same counts are written in two ways")
		}
	})
}

// endless is a source of calls, one a second back from to, several at each full minute.
type endless struct{ to protocol.Time }

func (e endless) Span(context.Context) (from, to protocol.Time, ok bool, err error) {
	return 1, e.to, true, nil
}

func (e endless) Select(_ context.Context, _ *Query, p Part, limit int) (rows Rows, err error) {
	at := e.to
	if p.To != 0 {
		at = min(at, p.To)
	}
	const second = protocol.Time(1e6)
	for at = (at - 1) / second * second; at >= p.From && at > 0; at -= second {
		calls := 1
		if at%minute == 0 {
			calls = 7
		}
		for k := range calls {
			place := Place{at, protocol.UUID{0: byte(200 - k)}}
			if p.After.At != 0 && (at > p.After.At || at == p.After.At && place.ID[0] >= p.After.ID[0]) {
				continue
			}
			if rows.Read == limit {
				return rows, nil
			}
			rows.Found = append(rows.Found, Found{at, protocol.CDR{Start: at}})
			rows.Read, rows.Last = rows.Read+1, place
		}
	}
	return rows, nil
}

func (endless) Count(context.Context, *Query, Part, int) (int, error) { return 0, nil }

// countOf is how many calls endless has in a time.
func countOf(from, to protocol.Time) (n int64) {
	for at := (from + 999_999) / 1e6 * 1e6; at < to; at += 1e6 {
		n++
		if at%minute == 0 {
			n += 6
		}
	}
	return n
}

func TestWhatIsTooMuchToReadIsCountedWholeFromWhereTheAnswerSays(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	to := protocol.TimeOf(now)
	for _, step := range []time.Duration{0, time.Hour} {
		q, err := NewStatsQuery(store.StatsQuery{CallQuery: store.CallQuery{From: to - 20*day, To: to, Status: 200}, Step: step}, now)
		if err != nil {
			t.Fatal(err)
		}
		calls, err := NewQuery(1, q.ToRead())
		if err != nil {
			t.Fatal(err)
		}
		s, err := q.Calls(t.Context(), endless{to}, 1, &calls, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		if want := countOf(s.From, s.To); !s.Partial || s.Totals.Calls != want || want < store.StatsRows/2 || s.From <= q.from {
			t.Errorf("partial %v: %d calls counted since %s, there are %d", s.Partial, s.Totals.Calls, s.From, want)
		}
		for i, p := range s.Series {
			from, to := max(p.At, s.From), min(p.At+hour, s.To)
			if p.Calls != countOf(from, to) || i == 0 && p.At+hour <= s.From {
				t.Errorf("%s: %d calls, want %d", p.At, p.Calls, countOf(from, to))
			}
		}
	}
}

func TestAnExactAnswerTakesItsTime(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	to := protocol.TimeOf(at)
	for exact, partial := range map[bool]bool{false: true, true: false} {
		q, err := NewStatsQuery(store.StatsQuery{CallQuery: store.CallQuery{From: to - day, To: to, Status: 200}, Exact: exact}, at)
		if err != nil {
			t.Fatal(err)
		}
		calls, err := NewQuery(1, q.ToRead())
		if err != nil {
			t.Fatal(err)
		}
		clock := at
		s, err := q.Calls(t.Context(), endless{to}, 1, &calls, func() time.Time { clock = clock.Add(150 * time.Millisecond); return clock })
		if err != nil {
			t.Fatal(err)
		}
		if s.Partial != partial || s.Flow.Known == partial || !partial && s.Totals.Calls != countOf(to-day, to) || s.Read < s.Totals.Calls {
			t.Errorf("exact %v: partial %v, %d calls counted, %d read, there are %d", exact, s.Partial, s.Totals.Calls, s.Read, countOf(to-day, to))
		}
	}
}
