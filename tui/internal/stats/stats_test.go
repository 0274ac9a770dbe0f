package stats

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"voiptop/protocol"
	"voiptop/rules"
	"voiptop/sensord/analyze"
)

// check counts the calls that each row's condition finds.
func check(t *testing.T, calls []*protocol.CDR) *Report {
	t.Helper()
	r := Of(calls)
	count := func(where string) (n int) {
		e, err := rules.ParseExpr(where)
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		for _, c := range calls {
			if e.Match(rules.Call{CDR: c}) {
				n++
			}
		}
		return n
	}
	for _, f := range r.Figures {
		if f.Where == "" {
			continue
		}
		if n := count(f.Where); n != f.Calls {
			t.Errorf("%s: %q finds %d calls, %d were counted", f.Name, f.Where, n, f.Calls)
		}
	}
	for _, s := range r.Sections {
		if s.Others > 0 {
			continue
		}
		for _, row := range s.Rows {
			if row.Where == "" {
				continue
			}
			if n := count(row.Where); n != row.Calls {
				t.Errorf("%s %s: %q finds %d calls, %d were counted", s.Name, row.Key, row.Where, n, row.Calls)
			}
		}
	}
	return r
}

func TestEachRowsConditionFindsTheCallsThatItCounts(t *testing.T) {
	files, err := filepath.Glob("../../../fixtures/pcap/*/in.pcap*")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	var all []*protocol.CDR
	for _, f := range files {
		list, _, err := analyze.Files(t.Context(), []string{f}, nil, analyze.Config{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, list...)
	}
	r := check(t, all)
	if r.Calls != len(all) || len(r.Section("Findings").Rows) < 5 || len(r.Section("Status").Rows) < 5 {
		t.Errorf("%d of %d calls, %+v", r.Calls, len(all), r.Section("Findings"))
	}
	check(t, nil)
}

func TestEachRowsConditionFindsTheCallsThatItCountsWhateverTheyAre(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	maybe := func(v float64) *float64 {
		if rng.IntN(3) == 0 {
			return nil
		}
		return &v
	}
	var all []*protocol.CDR
	for i := range 2000 {
		c := &protocol.CDR{
			ID: protocol.UUID{1, byte(i >> 8), byte(i)}, SensorID: uint16(rng.IntN(3)), Start: protocol.Time(1e15 + rng.Int64N(1e9)), Caller: pick("", "1001", "+42", "a b", `q"\\`, "*", "@x", "not"),
			Callee: pick("or", "(", "#7", "00420"), Src: pick("", "10.0.0.1:5060", "[2001:db8::1]:5060", "10.0.0.1:5080", "pbx"), Dst: pick("192.0.2.1:5060", "[::ffff:192.0.2.1]:1"),
			UACaller: pick("", "Yealink SIP-T46U 108*", "x~y", "a"), UACallee: pick("", "a", "Asterisk PBX 20"), Joined: rng.IntN(5) == 0, OverLimit: rng.IntN(9) == 0,
			EndCause: protocol.EndCause(pick("bye", "cancel", "rejected", "no-answer", "unterminated", "interrupted", "timeout-rtp")), Retransmissions: rng.IntN(2),
		}
		if c.End = c.Start; rng.IntN(5) > 0 {
			c.End += protocol.Time(rng.Int64N(1e8))
		}
		if rng.IntN(2) == 0 {
			c.Ringing = c.Start + protocol.Time(rng.Int64N(int64(c.End-c.Start)+1))
		}
		c.DurationMS = int64(c.End-c.Start) / 1000
		c.Status = []int{0, 0, 200, 404, 480, 486, 503, 603}[rng.IntN(8)]
		if c.Status == 200 {
			c.ConnectMS = new(int64)
			*c.ConnectMS = []int64{0, 9999, 10_000, 61_000}[rng.IntN(4)]
		}
		if rng.IntN(3) > 0 {
			c.PDDMS = new(int64)
			*c.PDDMS = rng.Int64N(12_000)
		}
		c.MOS, c.LossPct, c.JitterMS = maybe([]float64{1, 2.5, 3.1, 3.599, 3.6, 4.03, 4.3, 4.41}[rng.IntN(8)]), maybe([]float64{0, 0.1, 0.999, 1, 20, 33}[rng.IntN(6)]), maybe([]float64{0, 1, 29.999, 30, 100}[rng.IntN(5)])
		for range rng.IntN(3) {
			c.Codecs = append(c.Codecs, pick("PCMU", "telephone event", "G729"))
			c.Findings = append(c.Findings, protocol.Finding{Code: pick("one-way-audio", "loss"), Severity: protocol.Severity(pick("info", "warn", "bad"))})
		}
		all = append(all, c)
	}
	check(t, all)
}

func TestFiguresAreThoseOfTheDefinitions(t *testing.T) {
	ms := func(v int64) *int64 { return &v }
	mos := func(v float64) *float64 { return &v }
	calls := []*protocol.CDR{
		{Start: 1e6, End: 61e6, Status: 200, ConnectMS: ms(60_000), PDDMS: ms(1000), MOS: mos(4.4), EndCause: protocol.EndBye},
		{Start: 2e6, End: 9e6, Status: 200, ConnectMS: ms(4000), PDDMS: ms(2000), MOS: mos(3.2), EndCause: protocol.EndBye},
		{Start: 2.5e6, End: 4e6, Status: 486, PDDMS: ms(3000), EndCause: protocol.EndRejected},
		{Start: 2.6e6, End: 4e6, Status: 487, Ringing: 3e6, EndCause: protocol.EndCancel},
		{Start: 3e6, End: 4e6, Status: 503, EndCause: protocol.EndRejected},
		{Start: 70e6, End: 71e6, Joined: true, ConnectMS: ms(8000), EndCause: protocol.EndBye},
		{Start: 80e6, End: 81e6, EndCause: protocol.EndUnterminated},
	}
	r := Of(calls)
	got := ""
	for _, f := range r.Figures {
		if f.OK {
			got += fmt.Sprintf("%s %.4g %s %d|", f.Name, f.Value, f.Note, f.Calls)
		}
	}
	const want = "calls 7  7|attempts 5  5|ASR 40  3|NER 80  1|ACD 2.4e+04  3|short 2  2|PDD 2000 median 2.00 95% 3.00 1|MOS 3.8 5% below 3.20 1|" +
		"findings 0  0|alarming 0  0|sent again 0  0|legs 0  0|joined 1  1|over limit 0  0|at once 5  0|per second 3  0|"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if r.First != 1e6 || r.Last != 80e6 {
		t.Errorf("from %d to %d", r.First, r.Last)
	}
}

func BenchmarkOf(b *testing.B) {
	var calls []*protocol.CDR
	for i := range 100_000 {
		v, d := 3+float64(i%14)/10, int64(i)
		calls = append(calls, &protocol.CDR{
			Start: protocol.Time(i * 1000), End: protocol.Time(i*1000 + 1e8), Status: 200, ConnectMS: &d, PDDMS: &d, MOS: &v, LossPct: &v, JitterMS: &v,
			Src: fmt.Sprintf("10.0.%d.1:5060", i%200), Dst: "10.9.9.9:5060", UACaller: "phone", UACallee: "pbx", Codecs: []string{"PCMU"}, Caller: fmt.Sprint(i % 5000), Callee: fmt.Sprint(i),
		})
	}
	for b.Loop() {
		Of(calls)
	}
}
