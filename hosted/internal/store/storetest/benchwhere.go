package storetest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// BenchmarkWhere asks for the first page of conditions, over the last day and over 25 days, of so many calls as the variable
// BENCH_CALLS says, spread over 24 days. It reports what the slowest page took, and how far it came where the time was up.
//
// settle does what the database does by itself in time.
func BenchmarkWhere(b *testing.B, open Open, settle func(store.Store) error) {
	rows := 50_000
	if n, err := strconv.Atoi(os.Getenv("BENCH_CALLS")); err == nil {
		rows = n
	}
	f := newFixtureAt(b, open, time.Now)
	now := time.Now()
	begin := time.Now()
	middle := fill(f, now, rows)
	b.Logf("%d calls stored at %.0f a second", rows, float64(rows)/time.Since(begin).Seconds())
	f.ok(settle(f.Store))
	for _, text := range []string{
		"", "caller:+42020001*", "caller:+4202*", "number:+42020001234", "callid=\"call-nothing\"", "callid=\"" + middle + "\"", "ip:192.0.2.7", "ip:203.0.113.0/24", "status:486", "status:503", "status:604",
		"mos<2.5", "mos<1.2", "finding:loss-burst", "kept:(sip headers rtp)", "ua:snom*", "ua:nothing*", "jana", "nothing", "mos<3.5 and ua:snom*", "not (status:200 or status:486)", "duration>1200", "end:cancel and pdd>3",
	} {
		for name, from := range map[string]time.Time{"day": now.AddDate(0, 0, -1), "25 days": now.AddDate(0, 0, -25)} {
			q := store.CallQuery{Where: parsed(b, text), From: protocol.TimeOf(from)}
			b.Run(fmt.Sprintf("%s/%s", text, name), func(b *testing.B) {
				var p store.CallPage
				var err error
				for b.Loop() {
					if p, err = f.Calls(f.ctx, f.tenant, q); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(len(p.Calls)), "calls")
				if p.Searched != 0 {
					b.ReportMetric(now.Sub(p.Searched.Std()).Hours()/24, "days-searched")
				}
			})
		}
	}
}

// fill stores calls as a busy switch has them: 3 % busy, 0.1 % failed with 503, 0.2 % with a bad MOS, 1 % kept. It answers the
// Call-ID of one in the middle.
func fill(f *fixture, now time.Time, rows int) (middle string) {
	r := rand.New(rand.NewPCG(1, 1))
	const size = 500
	for n := 0; n < rows; {
		batch := f.batch(uint64(n))
		for range min(size, rows-n) {
			c := f.call(now.Add(-24*24*time.Hour+time.Duration(n)*(24*24*time.Hour/time.Duration(rows))), usual(n))
			c.ID[10], c.ID[11] = byte(n>>24), byte(n>>16)
			c.CallID = fmt.Sprintf("%x@10.0.0.%d", r.Uint64(), r.IntN(250))
			c.Caller, c.Callee = fmt.Sprintf("+4202%07d", r.IntN(100_000)), fmt.Sprintf("+4203%07d", r.IntN(10_000))
			c.Src, c.GroupID = fmt.Sprintf("192.0.2.%d:5060", 1+r.IntN(50)), c.ID.String()
			c.UACaller, c.CallerName = []string{"Yealink SIP-T46U 108.86", "Asterisk PBX 18.9", "snomD785/10", "Grandstream GXP2170"}[r.IntN(4)], []string{"", "Jana Nováková", "Reception", "Petr"}[r.IntN(4)]
			c.DurationMS = int64(r.ExpFloat64() * 120_000)
			mos := max(1, 4.41-r.ExpFloat64()*0.12)
			c.MOS, c.Capture.Kept = &mos, protocol.KeepNone
			switch k := r.IntN(1000); {
			case k < 30:
				c.Status, c.EndCause, c.MOS = 486, protocol.EndRejected, nil
			case k < 31:
				c.Status, c.EndCause, c.MOS = 503, protocol.EndRejected, nil
			case k < 33:
				mos = 1 + 2*r.Float64()
				c.Findings = []protocol.Finding{{Code: "loss-burst", Severity: protocol.SeverityBad}}
			case k < 43:
				c.Capture.Kept = protocol.KeepRTP
			case k < 53:
				c.EndCause, c.Status, c.MOS = protocol.EndCancel, 487, nil
			}
			if n == rows/2 {
				middle = c.CallID
			}
			batch.CDRs = append(batch.CDRs, c)
			n++
		}
		if _, err := f.AppendCDRs(f.ctx, batch, now); err != nil {
			f.t.Fatal(err)
		}
	}
	return middle
}
