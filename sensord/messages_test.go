package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

func TestMessagesOfAKeptCallComeInPages(t *testing.T) {
	_, api, c := playBack(t, "baresip-g722", "all: keep sip", "")
	whole, err := api.Call(t.Context(), c.ID.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{1, 3, 200} {
		var got []sensorapi.Message
		for o := (sensorapi.MessageOptions{Limit: limit}); ; {
			p, err := api.Messages(t.Context(), c.CallID, o)
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Messages) > limit || p.Running {
				t.Fatalf("limit %d: a page of %d, running %v", limit, len(p.Messages), p.Running)
			}
			got = append(got, p.Messages...)
			if o.After = p.Next; p.Next == 0 {
				break
			}
		}
		if len(got) != len(whole.Messages) {
			t.Fatalf("limit %d: %d messages, the record has %d", limit, len(got), len(whole.Messages))
		}
		for i, m := range got {
			w := whole.Messages[i]
			if m.N != i+1 || m.T != w.T || m.Src != w.Src || m.Dst != w.Dst || m.Transport == "" || !strings.HasPrefix(string(m.Raw), w.FirstLine+"\r\n") {
				t.Errorf("limit %d: message %+v, the record has %+v", limit, m, w)
			}
		}
	}
	if _, err := api.Messages(t.Context(), c.CallID, sensorapi.MessageOptions{Limit: sensorapi.MaxMessages + 1}); problemOf(err).Code != protocol.CodeBadRequest {
		t.Errorf("a page that is too long: %v", err)
	}
	if _, err := api.Messages(t.Context(), "no such call", sensorapi.MessageOptions{}); problemOf(err).Code != protocol.CodeNotFound {
		t.Errorf("no such call: %v", err)
	}
}

func TestWhyThereAreNoMessagesIsSaid(t *testing.T) {
	_, api, c := playBack(t, "sipp-answered-pcmu", "nothing: keep none", "")
	_, err := api.Messages(t.Context(), c.ID.String(), sensorapi.MessageOptions{})
	if p := problemOf(err); p.Code != protocol.CodeCaptureNotKept || !strings.Contains(p.Detail, "nothing") {
		t.Errorf("%+v", p)
	}
}

func TestMessagesOfACallThatRunsAreThoseKeptOrHeldSoFar(t *testing.T) {
	for _, c := range []struct{ rule, why string }{
		{"all: keep rtp", "kept"},
		{"bad: keep rtp when mos<2", "held until the MOS is known"},
		{"", "neither"},
	} {
		b := newBench(t, "id_sensor = 3")
		if err := os.MkdirAll(filepath.Join(b.dir, "state"), 0o700); err != nil {
			t.Fatal(err)
		}
		b.write("state/local.rules", c.rule+"\n")
		file, truth := b.traffic(gen.Config{Seed: 5, Calls: 1, Talk: 10 * time.Minute, Ring: 100 * time.Millisecond})
		b.start("-r", file, "--speed", "1", "--now", "--stay")
		api, id := b.api(), truth.List[0].CallID
		b.until("the call is up", func() bool {
			return row(t, api, func(l *protocol.LiveCall) bool { return l.CallID == id && l.State == protocol.StateUp })
		})
		p, err := api.Messages(t.Context(), id, sensorapi.MessageOptions{})
		if c.rule == "" {
			if q := problemOf(err); q.Code != protocol.CodeCaptureNotKept {
				t.Errorf("%s: %v", c.why, err)
			}
			continue
		}
		if err != nil || !p.Running || len(p.Messages) < 3 || !strings.HasPrefix(string(p.Messages[0].Raw), "INVITE ") {
			t.Errorf("%s: %v", c.why, fmt.Sprint(p, err))
		}
		b.stop()
	}
}
