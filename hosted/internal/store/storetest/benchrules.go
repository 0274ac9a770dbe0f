package storetest

import (
	"fmt"
	"testing"

	"voiptop/hosted/internal/store"
)

// BenchmarkRuleRevisions asks, as every node does twice a second, which rules are in force, among so many tenants that all
// have some.
func BenchmarkRuleRevisions(b *testing.B, open Open) {
	for _, tenants := range []int{10, 1000} {
		b.Run(fmt.Sprint(tenants, " tenants"), func(b *testing.B) {
			f := newFixture(b, open)
			for n := range tenants {
				if _, err := f.SetRules(f.ctx, store.RuleSet{Tenant: f.newTenant(fmt.Sprint("t", n)), Text: "all: keep sip", Changed: now}); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				if all, err := f.RuleRevisions(f.ctx); err != nil || len(all) != tenants {
					b.Fatalf("%d revisions, %v", len(all), err)
				}
			}
		})
	}
}
