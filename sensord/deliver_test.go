package main

import (
	"net"
	"strings"
	"testing"
	"time"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
	"voiptop/protocol/link"
)

func TestReplayThatHostedDoesNotTakeEndsWithTheReasonAndKeepsItsCalls(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	for name, c := range map[string]struct {
		conf string
		want []string
	}{
		"not paired":     {"", []string{protocol.CodeNotPaired, "voipmon pair"}},
		"a wrong token":  {"cloud_token = nonsense", []string{protocol.CodeUnknownToken, "cloud_token"}},
		"nobody listens": {"cloud_token = " + link.NewToken([32]byte{1}).Text(), []string{"refused"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "id_sensor = 3\nserver_destination = "+nobody+"\n"+c.conf)
			file, truth := b.traffic(gen.Config{Seed: 2, Calls: 5, Talk: time.Second, NoMedia: true})
			began := time.Now()
			b.start("-r", file, "--wait-delivery", "1500ms")
			if s := b.wait(); s != 1 {
				t.Errorf("exit status %d", s)
			}
			if d := time.Since(began); d < 1500*time.Millisecond || d > 10*time.Second {
				t.Errorf("it took %v", d)
			}
			log := b.log.String()
			for _, w := range append(c.want, "sensord: 5 calls are not in hosted ("+nobody+") after 1.5s without progress", "stay in "+b.dir+"/state/journal") {
				if !strings.Contains(log, w) {
					t.Errorf("the message lacks %q:\n%s", w, log)
				}
			}
			if n := strings.Count(log, "waiting until hosted has the calls"); n != 1 {
				t.Errorf("it says %d times what it waits for:\n%s", n, log)
			}
			b.start("-r", file, "--stay")
			if list, err := b.api().Calls(t.Context(), 100, protocol.UUID{}); err != nil || len(list) != len(truth.List) {
				t.Errorf("%d calls in the journal (%v), want %d", len(list), err, len(truth.List))
			}
		})
	}
}
