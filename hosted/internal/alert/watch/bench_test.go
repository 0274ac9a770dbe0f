package watch

import (
	"fmt"
	"testing"
	"time"

	"voiptop/hosted/internal/alert"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/rules"
)

// BenchmarkStored is what counting a call costs a tenant that has alerts, at ingest.
func BenchmarkStored(b *testing.B) {
	for _, alerts := range []int{1, 20, 100} {
		b.Run(fmt.Sprint(alerts), func(b *testing.B) {
			s := New(Config{Now: time.Now})
			t := &tenant{counts: map[int64]*counted{}}
			for i := range alerts {
				spec := alert.Spec{Name: "x", Metric: alert.ASR, Threshold: 40, Where: fmt.Sprintf("callee:42%d* or src:10.%d.0.0/16", i, i), By: []alert.By{alert.ByTenant, alert.BySource}[i%2]}
				spec.Defaults()
				c, err := alert.NewCounter(int64(i), spec, rules.ParseExpr)
				if err != nil {
					b.Fatal(err)
				}
				t.counts[c.ID] = &counted{Tally: alert.NewTally(c)}
			}
			s.tenants[1] = t
			calls := make([]protocol.CDR, 500)
			now := time.Now()
			for i := range calls {
				ms := int64(1000)
				calls[i] = protocol.CDR{Start: protocol.TimeOf(now.Add(-time.Minute)), End: protocol.TimeOf(now), Callee: fmt.Sprint("42", i), Src: fmt.Sprintf("10.%d.0.1:5060", i%50), Status: 200, ConnectMS: &ms}
			}
			b.ResetTimer()
			for range b.N {
				s.Stored(store.TenantID(1), calls)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(calls)), "ns/call")
		})
	}
}
