package main

import (
	"fmt"
	"testing"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
)

func TestTheSensorTellsRegistrationsAndTransactions(t *testing.T) {
	b := newBench(t, "id_sensor = 3")
	file, truth := b.traffic(gen.Config{Seed: 4, Calls: 10, Rate: 1, NoMedia: true, Registers: 5, Options: 5})
	b.start("-r", file, "--stay")
	api, ctx := b.api(), t.Context()
	var list []protocol.Transaction
	count := func(method string) (n int64) {
		for _, r := range list {
			if r.Method == method && r.SensorID == 3 {
				n += int64(r.Count)
			}
		}
		return n
	}
	b.until("all transactions are told", func() bool {
		list, _ = api.Transactions(ctx, 1000)
		return count("REGISTER") == truth.Registers && count("OPTIONS") == truth.Pings
	})
	if truth.Registers == 0 || truth.Pings == 0 {
		t.Error("there were none")
	}
	few, err := api.Transactions(ctx, 3)
	if err != nil || len(few) != 3 || few[0].CallID != list[0].CallID || few[2].CallID != list[2].CallID {
		t.Errorf("the newest three: %+v, %v", few, err)
	}
	regs, err := api.Registrations(ctx)
	if err != nil || len(regs) == 0 {
		t.Fatalf("%d registrations, %v", len(regs), err)
	}
	for i, r := range regs {
		if r.AOR == "" || r.State == "" || r.SensorID != 3 || i > 0 && r.AOR < regs[i-1].AOR {
			t.Errorf("registration %+v", r)
		}
	}
	if _, err := api.Transactions(ctx, 0); err == nil {
		t.Error("a list of no length was given")
	}
}

func TestRecentTransactionsAreARing(t *testing.T) {
	var r recent
	if got := r.newest(5); len(got) != 0 {
		t.Errorf("an empty ring has %v", got)
	}
	for i := range recentTransactions + 10 {
		r.add(&protocol.Transaction{CallID: fmt.Sprint(i)})
		if got := r.newest(2); got[0].CallID != fmt.Sprint(i) || i > 0 && got[1].CallID != fmt.Sprint(i-1) {
			t.Fatalf("after %d the newest are %v", i, got)
		}
	}
	all := r.newest(2 * recentTransactions)
	if len(all) != recentTransactions || all[len(all)-1].CallID != "10" {
		t.Errorf("%d remembered, the oldest %s", len(all), all[len(all)-1].CallID)
	}
}
