package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

func testAppend(t *testing.T, open Open) {
	three := func(f *fixture) []protocol.CDR {
		return []protocol.CDR{f.call(now, nil), f.call(now.Add(-time.Second), nil), f.call(now.Add(-2*time.Second), nil)}
	}
	count := func(t *testing.T, f *fixture, want uint64) {
		t.Helper()
		n, err := f.CountCalls(f.ctx, f.tenant)
		f.ok(err)
		if n != want {
			t.Errorf("%d calls stored, want %d", n, want)
		}
		s, err := f.Sensor(f.ctx, f.tenant, f.sensor.UUID)
		f.ok(err)
		if want > 0 && !s.LastCDR.Equal(now) {
			t.Errorf("last CDR of the sensor %v, want %v", s.LastCDR, now)
		}
	}

	t.Run("a batch that comes twice is stored once", func(t *testing.T) {
		f := newFixture(t, open)
		b := f.batch(10, three(f)...)
		for range 2 {
			cur, err := f.AppendCDRs(f.ctx, b, now)
			f.ok(err)
			if want := (store.Cursor{Epoch: 1, Next: 13}); cur != want {
				t.Errorf("cursor %v, want %v", cur, want)
			}
		}
		count(t, f, 3)
		if s, _ := f.Sensor(f.ctx, f.tenant, f.sensor.UUID); s.CDRs != 3 {
			t.Errorf("the sensor counts %d CDRs, want 3", s.CDRs)
		}
		if cur, err := f.Cursor(f.ctx, f.tenant, f.sensor.UUID); err != nil || cur.Next != 13 {
			t.Errorf("cursor %v, %v, want 13", cur, err)
		}
	})
	t.Run("of a batch that overlaps only the new part is stored", func(t *testing.T) {
		f := newFixture(t, open)
		c := three(f)
		f.add(c[:2]...)
		changed := c[0]
		changed.Caller = "not-again"
		cur, err := f.AppendCDRs(f.ctx, f.batch(0, changed, c[1], c[2]), now)
		f.ok(err)
		if cur.Next != 3 {
			t.Errorf("cursor at %d, want 3", cur.Next)
		}
		count(t, f, 3)
		if got, _ := f.Call(f.ctx, f.tenant, changed.ID); got.Caller == "not-again" {
			t.Error("a record that the cursor had passed was written again")
		}
	})
	t.Run("a gap is refused and stores nothing", func(t *testing.T) {
		f := newFixture(t, open)
		c := three(f)
		f.add(c[0])
		cur, err := f.AppendCDRs(f.ctx, f.batch(5, c[1:]...), now)
		if !errors.Is(err, store.ErrGap) {
			t.Errorf("error %v, want ErrGap", err)
		}
		if cur.Next != 1 {
			t.Errorf("the refused batch is answered with cursor %d, want 1, where to go on", cur.Next)
		}
		count(t, f, 1)
	})
	t.Run("numbers that the sensor says it lost are no gap", func(t *testing.T) {
		f := newFixture(t, open)
		c := three(f)
		f.add(c[0])
		b := f.batch(5, c[1:]...)
		b.Lost = 3 // 2, 3 and 4; 1 is still missing
		if _, err := f.AppendCDRs(f.ctx, b, now); !errors.Is(err, store.ErrGap) {
			t.Errorf("one that is not lost is missing: error %v, want ErrGap", err)
		}
		b.Lost = 4
		for range 2 {
			cur, err := f.AppendCDRs(f.ctx, b, now)
			f.ok(err)
			if cur.Next != 7 {
				t.Errorf("cursor at %d, want 7", cur.Next)
			}
		}
		count(t, f, 3)
	})
	t.Run("a new epoch starts at its own first number", func(t *testing.T) {
		f := newFixture(t, open)
		c := three(f)
		f.add(c[:2]...)
		cur, err := f.AppendCDRs(f.ctx, store.Batch{Tenant: f.tenant, Sensor: f.sensor.UUID, Epoch: 1<<64 - 2, First: 40, CDRs: c[2:]}, now)
		f.ok(err)
		if want := (store.Cursor{Epoch: 1<<64 - 2, Next: 41}); cur != want {
			t.Errorf("cursor %v, want %v", cur, want)
		}
		count(t, f, 3)
	})
	t.Run("an unknown sensor, or one of another tenant, stores nothing", func(t *testing.T) {
		f := newFixture(t, open)
		other := f.newTenant("other")
		for name, b := range map[string]store.Batch{
			"unknown":      {Tenant: f.tenant, Sensor: protocol.UUID{9}, Epoch: 1, CDRs: three(f)},
			"other tenant": {Tenant: other, Sensor: f.sensor.UUID, Epoch: 1, CDRs: three(f)},
		} {
			if _, err := f.AppendCDRs(f.ctx, b, now); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: error %v, want ErrNotFound", name, err)
			}
		}
		count(t, f, 0)
	})
	t.Run("a call that is there already by its id is replaced", func(t *testing.T) {
		f := newFixture(t, open)
		c := three(f)
		f.add(c...)
		again := c[1]
		again.EndCause = protocol.EndBye
		f.add(f.call(now, nil), again, f.call(now, nil))
		count(t, f, 5)
		if got, err := f.Call(f.ctx, f.tenant, again.ID); err != nil || got.EndCause != protocol.EndBye {
			t.Errorf("got %v, %v, want the later record", got.EndCause, err)
		}
		twice := f.call(now, nil)
		f.add(twice, twice)
		count(t, f, 6)
	})
	t.Run("two senders of the same batches store each call once", func(t *testing.T) {
		f := newFixture(t, open)
		const batches, size = 20, 10
		all := make([]store.Batch, batches)
		for i := range all {
			all[i] = f.batch(uint64(i * size))
			for range size {
				all[i].CDRs = append(all[i].CDRs, f.call(now, nil))
			}
		}
		done := make(chan error, 2)
		for range 2 {
			go func() { done <- f.appendAll(all) }()
		}
		f.ok(errors.Join(<-done, <-done))
		count(t, f, batches*size)
	})
	t.Run("hostile texts cost no record and come back as they were", func(t *testing.T) {
		f := newFixture(t, open)
		long := strings.Repeat("9", 5000)
		for _, s := range []string{"a\x00b", "\xff\xfe", long, strings.Repeat("é", 200), "'; DROP TABLE tenants; --", "\\x41\t\n\\."} {
			c := f.call(now, func(c *protocol.CDR) {
				c.CallID, c.Caller, c.Callee, c.GroupID, c.Src, c.Dst = s, s, s, s, s, s
				c.Findings = []protocol.Finding{{Code: s, Text: s}}
				c.Messages = []protocol.Message{{FirstLine: s}}
				c.Status = 1 << 30
			})
			f.add(f.call(now, nil), c)
			got, err := f.Call(f.ctx, f.tenant, c.ID)
			f.ok(err)
			if !reflect.DeepEqual(got, c) {
				t.Errorf("%.20q: got %+.200v", s, got)
			}
			if n := len(f.all(store.CallQuery{Text: s})); n != 1 {
				t.Errorf("search for %.20q finds %d calls, want 1", s, n)
			}
		}
	})
}

func testCalls(t *testing.T, open Open) {
	t.Run("a call comes back whole, in a list without streams and messages", func(t *testing.T) {
		f := newFixture(t, open)
		c := f.call(now, func(c *protocol.CDR) {
			pdd, mos := int64(180), 3.912
			c.PDDMS, c.MOS, c.LossPct, c.Codecs = &pdd, &mos, new(float64), []string{"PCMU"}
			c.Streams = []protocol.Stream{{Src: "192.0.2.1:4000", SSRC: 0xdeadbeef, Bursts: [10]uint32{1}, RTCP: &protocol.RTCP{RTTMS: &mos}}}
			c.Messages = []protocol.Message{{T: c.Start, FirstLine: "INVITE sip:1@example.com SIP/2.0"}}
			c.Findings = []protocol.Finding{{Code: "one-way-audio", Severity: protocol.SeverityBad}}
			c.Capture = protocol.Capture{Kept: protocol.KeepRTP, Packets: 7, Bytes: 900}
		})
		f.add(c)
		got, err := f.Call(f.ctx, f.tenant, c.ID)
		f.ok(err)
		if !reflect.DeepEqual(got, c) {
			t.Errorf("got  %+v\nwant %+v", got, c)
		}
		c.Streams, c.Messages = nil, nil
		if p := f.list(store.CallQuery{}); len(p.Calls) != 1 || !reflect.DeepEqual(p.Calls[0], c) {
			t.Errorf("list has %+v\nwant %+v", p.Calls, c)
		}
	})
	t.Run("another tenant sees nothing", func(t *testing.T) {
		f := newFixture(t, open)
		c := f.call(now, nil)
		f.add(c)
		other := f.newTenant("other")
		if _, err := f.Call(f.ctx, other, c.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("error %v, want ErrNotFound", err)
		}
		for _, q := range []store.CallQuery{{}, {Text: c.ID.String()}, {Text: c.CallID}} {
			if p, err := f.Calls(f.ctx, other, q); err != nil || len(p.Calls) != 0 {
				t.Errorf("%+v lists %d calls, %v", q, len(p.Calls), err)
			}
		}
		if n, err := f.CountCalls(f.ctx, other); err != nil || n != 0 {
			t.Errorf("counts %d, %v", n, err)
		}
	})
	t.Run("an unknown call is not found", func(t *testing.T) {
		f := newFixture(t, open)
		if _, err := f.Call(f.ctx, f.tenant, protocol.UUID{1}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("error %v, want ErrNotFound", err)
		}
	})
	t.Run("each field selects", func(t *testing.T) { testFields(t, open) })
	t.Run("pages hold each call once while calls arrive", func(t *testing.T) {
		f := newFixture(t, open)
		rnd := rand.New(rand.NewPCG(1, 2))
		want := map[protocol.UUID]bool{}
		for range 10 {
			var batch []protocol.CDR
			for range 20 { // many start at the same time, and on several days
				c := f.call(now.Add(-time.Duration(rnd.IntN(40))*3*time.Hour), nil)
				want[c.ID] = true
				batch = append(batch, c)
			}
			f.add(batch...)
		}
		last, q := protocol.TimeOf(now), store.CallQuery{Limit: 7}
		for {
			p := f.list(q)
			for _, c := range p.Calls {
				if !want[c.ID] {
					t.Fatalf("call %s comes twice or arrived after the first page", c.ID)
				}
				delete(want, c.ID)
				if c.Start > last {
					t.Fatalf("call of %v comes after %v", c.Start, last)
				}
				last = c.Start
			}
			if p.Next == "" {
				break
			}
			if len(p.Calls) != q.Limit {
				t.Fatalf("a page in the middle has %d calls, want %d", len(p.Calls), q.Limit)
			}
			q.After = p.Next
			f.add(f.call(now.Add(time.Minute), nil)) // newer than all
		}
		if len(want) != 0 {
			t.Errorf("%d calls were in no page", len(want))
		}
	})
	t.Run("a number that thousands have is paged like any other", func(t *testing.T) {
		f := newFixture(t, open)
		const many = 2500
		for range many / 500 {
			var batch []protocol.CDR
			for range 500 {
				batch = append(batch, f.call(now.Add(-time.Duration(f.made)*time.Second), func(c *protocol.CDR) { c.Caller, c.Callee = "77", "77" }))
			}
			f.add(batch...)
		}
		f.add(f.call(now, func(c *protocol.CDR) { c.Callee = "78" }))
		seen := map[protocol.UUID]bool{}
		for _, c := range f.all(store.CallQuery{Number: "77", Limit: 900}) {
			seen[c.ID] = true
		}
		if len(seen) != many {
			t.Errorf("%d calls found, want %d", len(seen), many)
		}
	})
	t.Run("a page that is exactly full has no next one", func(t *testing.T) {
		f := newFixture(t, open)
		f.add(f.call(now, nil), f.call(now, nil))
		if p := f.list(store.CallQuery{Limit: 2}); p.Next != "" || len(p.Calls) != 2 {
			t.Errorf("%d calls, next %q", len(p.Calls), p.Next)
		}
	})
	t.Run("a cursor that is none is refused", func(t *testing.T) {
		f := newFixture(t, open)
		for _, after := range []string{"x", "1", "1.", ".", "-5." + protocol.UUID{}.String(), "1.x' OR 1=1", "99999999999999999999." + protocol.UUID{}.String()} {
			if _, err := f.Calls(f.ctx, f.tenant, store.CallQuery{After: after}); !errors.Is(err, store.ErrCursor) {
				t.Errorf("%q: error %v, want ErrCursor", after, err)
			}
		}
	})
}

func testFields(t *testing.T, open Open) {
	f := newFixture(t, open)
	mos := func(v float64) func(*protocol.CDR) { return func(c *protocol.CDR) { c.MOS = &v } }
	calls := map[string]protocol.CDR{}
	for name, change := range map[string]func(*protocol.CDR){
		"plain":  nil,
		"caller": func(c *protocol.CDR) { c.Caller = "+420221" },
		"callee": func(c *protocol.CDR) { c.Callee = "+420331" },
		"v4":     func(c *protocol.CDR) { c.Src, c.Dst = "192.0.2.10:5060", "198.51.100.1:5060" },
		"v6":     func(c *protocol.CDR) { c.Src, c.Dst = "192.0.2.99:5060", "[2001:db8::1]:5060" },
		"busy":   func(c *protocol.CDR) { c.Status = 486 },
		"bad":    mos(2.5),
		"good":   mos(4.4),
		"finding": func(c *protocol.CDR) {
			c.Findings = []protocol.Finding{{Code: "nat-private-sdp"}, {Code: "late-media"}}
		},
		"kept":    func(c *protocol.CDR) { c.Capture.Kept = protocol.KeepSIP },
		"none":    func(c *protocol.CDR) { c.Capture.Kept = protocol.KeepNone },
		"nine":    func(c *protocol.CDR) { c.SensorID = 9 },
		"early":   func(c *protocol.CDR) { c.Start = protocol.TimeOf(now.Add(-50 * time.Hour)) },
		"percent": func(c *protocol.CDR) { c.Caller = "%" },
	} {
		c := f.call(now, change)
		calls[name] = c
		f.add(c)
	}
	calls["leg"] = f.call(now, func(c *protocol.CDR) { c.GroupID = calls["busy"].ID.String() })
	f.add(calls["leg"])
	at := func(d time.Duration) protocol.Time { return protocol.TimeOf(now.Add(d)) }
	for _, tt := range []struct {
		q    store.CallQuery
		want string
	}{
		{store.CallQuery{Number: "+420"}, "callee caller"},
		{store.CallQuery{Number: "+42022"}, "caller"},
		{store.CallQuery{Number: "420"}, ""},
		{store.CallQuery{Number: "%"}, "percent"},
		{store.CallQuery{Number: "_"}, ""},
		{store.CallQuery{Text: "+4203"}, "callee"},
		{store.CallQuery{Text: calls["busy"].CallID}, "busy"},
		{store.CallQuery{Text: calls["good"].ID.String()}, "good"},
		{store.CallQuery{Text: "call-"}, ""},
		{store.CallQuery{CallID: calls["bad"].CallID}, "bad"},
		{store.CallQuery{CallID: "+420221"}, ""},
		{store.CallQuery{Group: calls["busy"].ID}, "busy leg"},
		{store.CallQuery{Group: calls["bad"].ID}, "bad"},
		{store.CallQuery{Group: protocol.UUID{9}}, ""},
		{store.CallQuery{Group: calls["busy"].ID, Status: 486}, "busy"},
		{store.CallQuery{Text: "192.0.2.10"}, "v4"},
		{store.CallQuery{Text: "192.0.2.1"}, ""},
		{store.CallQuery{Text: "::ffff:198.51.100.1"}, "v4"},
		{store.CallQuery{Text: "2001:0db8:0:0::1"}, "v6"},
		{store.CallQuery{Text: "[2001:db8::1]"}, "v6"},
		{store.CallQuery{Status: 486}, "busy"},
		{store.CallQuery{MaxMOS: 3}, "bad"},
		{store.CallQuery{MaxMOS: 4.5}, "bad good"},
		{store.CallQuery{Finding: "late-media"}, "finding"},
		{store.CallQuery{Finding: "nat-private-sdp"}, "finding"},
		{store.CallQuery{Finding: "late"}, ""},
		{store.CallQuery{Finding: "%"}, ""},
		{store.CallQuery{Kept: true}, "kept"},
		{store.CallQuery{SensorID: 9}, "nine"},
		{store.CallQuery{To: at(-time.Hour)}, "early"},
		{store.CallQuery{From: at(-50 * time.Hour), To: at(0)}, "early"},
		{store.CallQuery{From: at(-50*time.Hour) + 1, To: at(0)}, ""},
		{store.CallQuery{From: at(0), Status: 486}, "busy"},
		{store.CallQuery{From: at(0) + 1}, ""},
		{store.CallQuery{Number: "+420", Status: 486}, ""},
	} {
		t.Run(strings.Trim(fmt.Sprintf("%+v", tt.q), "{}"), func(t *testing.T) {
			f.t = t
			want := map[protocol.UUID]string{}
			for _, name := range strings.Fields(tt.want) {
				want[calls[name].ID] = name
			}
			for _, c := range f.all(tt.q) {
				if want[c.ID] == "" {
					t.Errorf("found %+v", c)
				}
				delete(want, c.ID)
			}
			for _, name := range want {
				t.Errorf("%s is not found", name)
			}
		})
	}
}

func testDays(t *testing.T, open Open) {
	t.Run("retention drops the days that have ended, and no other", func(t *testing.T) {
		f := newFixture(t, open)
		midnight := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
		before, after := f.call(midnight.Add(-time.Microsecond), nil), f.call(midnight, nil)
		f.add(before, after)
		f.ok(f.DropBefore(f.ctx, midnight.Add(-time.Microsecond)))
		if n := len(f.all(store.CallQuery{})); n != 2 {
			t.Fatalf("%d calls left while the older day had not ended, want 2", n)
		}
		for range 2 { // the second finds nothing to drop
			f.ok(f.DropBefore(f.ctx, midnight.Add(23*time.Hour)))
			if got := f.all(store.CallQuery{}); len(got) != 1 || got[0].ID != after.ID {
				t.Fatalf("left %v, want the call of the later day", got)
			}
		}
		again := before
		again.Caller = "again"
		f.add(again) // the day comes back
		if got, err := f.Call(f.ctx, f.tenant, before.ID); err != nil || got.Caller != "again" {
			t.Errorf("a call of a dropped day is not stored: %v", err)
		}
	})
	t.Run("days are made as calls need them, in one batch too", func(t *testing.T) {
		f := newFixture(t, open)
		var batch []protocol.CDR
		for d := range 25 {
			batch = append(batch, f.call(now.AddDate(0, 0, -d), nil))
		}
		f.add(batch...)
		if n := len(f.all(store.CallQuery{Limit: 3})); n != 25 {
			t.Errorf("%d calls, want 25", n)
		}
	})
	t.Run("a call with an impossible time is filed under now", func(t *testing.T) {
		f := newFixture(t, open)
		for name, start := range map[string]time.Time{
			"old file": now.AddDate(-7, 0, 0), "no time": {}, "ahead": now.AddDate(10, 0, 0), "before 1970": now.AddDate(-90, 0, 0),
		} {
			c := f.call(start, nil)
			f.add(c)
			got, err := f.Call(f.ctx, f.tenant, c.ID)
			if err != nil || got.Start != c.Start {
				t.Errorf("%s: start %v, %v, want %v", name, got.Start, err, c.Start)
			}
			f.next = 0 // the same again, a day later, as a second replay of the file gives it
			cur, err := f.AppendCDRs(f.ctx, store.Batch{Tenant: f.tenant, Sensor: f.sensor.UUID, Epoch: uint64(f.made) + 100, CDRs: []protocol.CDR{c}}, now.AddDate(0, 0, 1))
			f.ok(err)
			if cur.Next != 1 {
				t.Errorf("%s: cursor %v", name, cur)
			}
			if n := len(f.all(store.CallQuery{Text: c.ID.String()})); n != 1 {
				t.Errorf("%s: listed %d times, want once", name, n)
			}
		}
		f.ok(f.DropBefore(f.ctx, now.AddDate(0, 0, -1)))
		if n, err := f.CountCalls(f.ctx, f.tenant); err != nil || n != 4 {
			t.Errorf("%d calls left after retention, %v, want 4", n, err)
		}
	})
}
