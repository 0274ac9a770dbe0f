package e2e

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"voiptop/fixtures/gen"
	"voiptop/fixtures/stack"
	"voiptop/protocol"
)

// Two real sensors at two nodes want twice the tenant's channels and more: together they use the limit, both have some, and no
// record is lost.
func TestATenantsChannelsBoundTheSumOfItsSensors(t *testing.T) {
	const limit = 12
	p := start(t, 2*time.Minute)
	out, err := exec.CommandContext(p.ctx, filepath.Join(bin, "hosted"), "tenant", "set", "default", "--max-channels", "12", "--db", p.db).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	token, err := p.ca.APIToken(p.ctx, "test")
	if err != nil {
		t.Fatal(err)
	}
	pcap := filepath.Join(t.TempDir(), "calls.pcap")
	truth := traffic(t, pcap, gen.Config{Seed: 5, Calls: 70, Rate: 4, Ring: time.Second, Talk: 5 * time.Second})
	one, two := p.sensor(p.a, p.ca, 1, "", p.a), p.sensor(p.b, p.cb, 2, "", p.b)
	for _, s := range []*stack.Stack{one, two} {
		p.run(s, "-r", pcap, "--speed", "1", "--now")
	}
	p.at(p.ca, 1, "a")
	p.at(p.ca, 2, "b")
	// Calls that began before hello know no limit: they end first.
	view := watch(p.ctx, t, p.b, token)
	begin, looks, sum, shared := time.Now(), 0, 0, false
	view.until(p.ctx, t, "the calls of 14 s", func(calls map[protocol.UUID]protocol.LiveCall) bool {
		used, over := map[uint16]int{}, map[uint16]int{}
		for _, c := range calls {
			switch {
			case c.State == protocol.StateEnded:
			case c.OverLimit:
				over[c.SensorID]++
			default:
				used[c.SensorID]++
			}
		}
		if time.Since(begin) > 9*time.Second {
			looks++
			shared = shared || used[1] >= 3 && used[2] >= 3 && over[1] > 0 && over[2] > 0
			sum += used[1] + used[2]
		}
		return time.Since(begin) > 14*time.Second
	})
	// What the two sensors say in one look is not of the same moment: a call that has ended may be counted in a single one.
	if sum > looks*(limit+1) {
		t.Errorf("%.1f calls were analysed at a time, of %d; each sensor for itself would have had as many", float64(sum)/float64(looks), limit)
	}
	if looks < 5 || !shared {
		t.Errorf("%d looks; both had channels, and calls over the limit: %v", looks, shared)
	}
	list := p.calls(p.ca, 2*len(truth.List))
	over := 0
	for id, n := range count(list) {
		if n != 1 {
			t.Errorf("call %s is stored %d times", id, n)
		}
	}
	for _, c := range list {
		if c.OverLimit {
			over++
		}
	}
	if over == 0 || over == len(list) {
		t.Errorf("%d of %d calls are over the limit", over, len(list))
	}
}
