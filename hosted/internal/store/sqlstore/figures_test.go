package sqlstore

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

var allDimensions = []store.Dimension{
	"", store.BySensor, store.ByStatus, store.ByEnd, store.ByFinding, store.BySrc, store.ByDst, store.ByPrefix, store.ByUA, store.ByCodec, store.ByDomain,
}

// counted is what statistics by a dimension make of one call.
func counted(by store.Dimension, at protocol.Time, c *protocol.CDR) (totals store.Counts, groups map[string]*store.Counts, flow Rollup) {
	t := (&StatsQuery{StatsQuery: store.StatsQuery{By: by, Digits: 4}, from: math.MinInt64}).tally(store.FromCalls)
	t.add(at, c)
	return t.out.Totals, t.groups, t.ran
}

// sameFigures holds what is read of a summary for statistics against the whole of it.
func sameFigures(t *testing.T, summary []byte, fallback bool) {
	t.Helper()
	want, err := decodeSummary(summary)
	if err != nil {
		return
	}
	for _, by := range allDimensions {
		var f figures
		var texts interned
		if err := f.read(want.Start, summary, by, &texts); err != nil {
			t.Fatalf("by %q: %v", by, err)
		}
		if whole := f.call.CallID != ""; whole != fallback && want.CallID != "" {
			t.Errorf("by %q: the whole summary is decoded: %t, want %t", by, whole, fallback)
		}
		if f.call.ID != want.ID || f.at != want.Start {
			t.Fatalf("by %q: call %s at %s, want %s at %s", by, f.call.ID, f.at, want.ID, want.Start)
		}
		totals, groups, flow := counted(by, want.Start, &want)
		gotTotals, gotGroups, gotFlow := counted(by, f.at, &f.call)
		if !reflect.DeepEqual(totals, gotTotals) || !reflect.DeepEqual(groups, gotGroups) || !reflect.DeepEqual(flow, gotFlow) {
			t.Fatalf("by %q:\n%+v %v\nwant\n%+v %v", by, gotTotals, gotGroups, totals, groups)
		}
	}
}

// anyCall is a call with any of the fields.
func anyCall(r *rand.Rand) protocol.CDR {
	text := func(from ...string) string { return from[r.IntN(len(from))] }
	some := func() bool { return r.IntN(2) == 0 }
	number := func() *int64 {
		n := r.Int64N(400_000) - 10
		return map[bool]*int64{true: &n}[some()]
	}
	float := func() *float64 {
		n := math.Round(r.Float64()*5000) / 1000
		return map[bool]*float64{true: &n}[some()]
	}
	c := protocol.CDR{
		ID: protocol.UUID{1, 2, byte(r.Int())}, CallID: "x@y", SensorID: uint16(r.Int()), Caller: "1", Callee: text("", "+420777", "00420", "101"), CalleeDomain: text("", "pbx.example"),
		Src: text("", "192.0.2.1:5060", "[2001:db8::1]:5060", "?"), Dst: text("", "192.0.2.2:5060"), Start: protocol.Time(1_800_000_000_000_000 + r.Int64N(1e9)), DurationMS: r.Int64N(1e6),
		ConnectMS: number(), PDDMS: number(), Status: []int{0, 200, 486, 503, 7000}[r.IntN(5)], EndCause: protocol.EndCause(text("", "bye", "cancel", "no-answer", "other words")),
		UACaller: text("", "Snom", "\xff"), UACallee: text("", "Snom", "Yealink"), MOS: float(), LossPct: float(), JitterMS: float(),
		Capture: protocol.Capture{Kept: protocol.Keep(text("", "none", "rtp")), Packets: uint64(r.IntN(9)), Bytes: uint64(r.Int64())}, OverLimit: some(), Joined: some(), Rule: text("", "r"),
	}
	if some() {
		c.End = c.Start + protocol.Time(r.Int64N(1e10))
	}
	if some() {
		c.Ringing = c.Start
	}
	c.GroupID = text("", c.ID.String(), protocol.UUID{9}.String())
	for range r.IntN(4) {
		c.Codecs = append(c.Codecs, text("PCMA", "PCMU", "opus"))
		c.Findings = append(c.Findings, protocol.Finding{Code: text("one-way-audio", "loss-burst", "Not a code"), Severity: protocol.SeverityBad, Text: "t", Messages: []uint32{1, 70000}})
		c.Unchecked = append(c.Unchecked, protocol.Unchecked{Reason: "no media seen", Codes: []string{"a", "b"}})
	}
	return c
}

func TestStatisticsOfASummaryAreThoseOfTheWholeCall(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		c := anyCall(r)
		summary, _, err := encodeCDR(&c)
		if err != nil {
			t.Fatal(err)
		}
		sameFigures(t, summary, false)
	}
	c := anyCall(r)
	summary, _, err := encodeCDR(&c)
	if err != nil {
		t.Fatal(err)
	}
	other := slices.Concat([]byte{0xbf}, summary[2:], []byte{0xff}) // the same map without its length, which encodeCDR does not write
	if summary[0] != 0xb8 {
		other = slices.Concat([]byte{0xbf}, summary[1:], []byte{0xff})
	}
	if _, err := decodeSummary(other); err != nil {
		t.Fatal(err)
	}
	sameFigures(t, other, true)
	for i := range summary {
		var f figures
		var texts interned
		if err := f.read(1, summary[:i], "", &texts); err == nil && i > 0 {
			t.Errorf("a summary that is cut at byte %d is read", i)
		}
	}
}

func FuzzStatisticsOfASummaryAreThoseOfTheWholeCall(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 10 {
		c := anyCall(r)
		summary, _, err := encodeCDR(&c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(summary)
	}
	f.Fuzz(func(t *testing.T, summary []byte) {
		var got figures
		var texts interned
		if err := got.read(1, summary, store.ByUA, &texts); err != nil {
			if _, whole := decodeSummary(summary); whole == nil {
				t.Fatal("statistics refuse what is a call:", err)
			}
		}
		if size := len(got.call.Findings) + len(got.call.Codecs); size > len(summary) {
			t.Fatalf("%d bytes become %d things", len(summary), size)
		}
	})
}

func TestRowsBehindAPlaceAreLookedForFromItOn(t *testing.T) {
	p := Part{From: 1000, To: 9000, After: Place{At: 5000, ID: protocol.UUID{7}}}
	for _, up := range []bool{false, true} {
		q, err := NewQuery(1, store.CallQuery{Oldest: up})
		if err != nil {
			t.Fatal(err)
		}
		_, args := q.in(p)
		low, high := args[len(args)-4], args[len(args)-3]
		if want := map[bool][2]int64{false: {1000, 5001}, true: {5000, 9000}}[up]; low != any(want[0]) || high != any(want[1]) {
			t.Errorf("oldest first %t: from %v to %v, want %v", up, low, high, want)
		}
	}
}
