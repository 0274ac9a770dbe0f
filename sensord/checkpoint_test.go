package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
	"voiptop/sensord/analyze"
	"voiptop/sensord/internal/journal"
)

func TestKilledSensorReportsTheCallsThatRanAsInterrupted(t *testing.T) {
	b := newBench(t, "id_sensor = 1")
	file, truth := b.traffic(gen.Config{Seed: 8, Calls: 12, Rate: 12, Ring: time.Second, Talk: 100 * time.Second, TalkSpread: 0.9})
	cmd := b.process(nil, "-r", file, "--speed", "10", "--now")
	api := b.api()
	checkpoint := filepath.Join(b.dir, "state", "journal", "checkpoint")
	var ended []protocol.CDR
	b.until("some calls have ended and others are checkpointed", func() bool {
		_, err := os.Stat(checkpoint)
		ended, _ = api.Calls(t.Context(), 100, protocol.UUID{})
		return err == nil && len(ended) > 0
	})
	saved, err := os.Stat(checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if len(ended) == len(truth.List) {
		t.Fatal("all calls had ended")
	}

	b.start("-r", b.oneCall(), "--stay")
	api = b.api()
	list, err := api.Calls(t.Context(), 100, protocol.UUID{})
	if err != nil {
		t.Fatal(err)
	}
	after := map[string]protocol.CDR{}
	for _, c := range list {
		if _, twice := after[c.CallID]; twice {
			t.Errorf("call %s is there twice", c.CallID)
		}
		after[c.CallID] = c
	}
	for _, was := range ended {
		if c := after[was.CallID]; c.ID != was.ID || c.EndCause != was.EndCause || c.End != was.End {
			t.Errorf("call %s had ended by %s at %v, and now by %s at %v", was.CallID, was.EndCause, was.End, c.EndCause, c.End)
		}
	}
	interrupted := 0
	for _, want := range truth.List {
		c, ok := after[want.CallID]
		if !ok {
			t.Errorf("call %s is lost", want.CallID)
			continue
		}
		if c.EndCause != protocol.EndInterrupted {
			continue
		}
		interrupted++
		whole, err := api.Call(t.Context(), c.ID.String())
		if err != nil {
			t.Fatal(err)
		}
		if c = *whole; c.EndBy != protocol.PartySensor || c.Answer == 0 || len(c.Streams) != 2 || c.Streams[0].Packets < 100 ||
			c.DurationMS != int64(c.End-c.Start)/1000 || c.DurationMS < 10_000 {
			t.Errorf("interrupted call %s: end by %s, %d streams, %d ms", c.CallID, c.EndBy, len(c.Streams), c.DurationMS)
		}
	}
	if interrupted == 0 {
		t.Error("no call is interrupted")
	}
	if _, err := os.Stat(checkpoint); !os.IsNotExist(err) {
		t.Errorf("the checkpoint of %v is still there: %v", saved.ModTime(), err)
	}
}

func TestStoppedSensorLeavesNoCheckpoint(t *testing.T) {
	b := newBench(t, "id_sensor = 1")
	file, truth := b.traffic(gen.Config{Seed: 8, Calls: 3, Rate: 100, NoMedia: true, Talk: 100 * time.Second})
	b.start("-r", file, "--speed", "1", "--now")
	b.api()
	checkpoint := filepath.Join(b.dir, "state", "journal", "checkpoint")
	b.until("there is a checkpoint", func() bool { _, err := os.Stat(checkpoint); return err == nil })
	b.cancel()
	if s := b.wait(); s != 0 {
		t.Fatalf("exit status %d", s)
	}
	if _, err := os.Stat(checkpoint); !os.IsNotExist(err) {
		t.Errorf("the checkpoint is still there: %v", err)
	}
	b.start("-r", file, "--speed", "1", "--stay")
	list, err := b.api().Calls(t.Context(), 100, protocol.UUID{})
	if err != nil || len(list) != len(truth.List) {
		t.Fatalf("%d calls (%v), want %d", len(list), err, len(truth.List))
	}
	for _, c := range list {
		if c.EndCause != protocol.EndInterrupted {
			t.Errorf("%s ended by %s", c.CallID, c.EndCause)
		}
	}
}

// busy is an engine with 64 calls a minute after their start.
func busy(b *testing.B) *analyze.Engine {
	var pcap bytes.Buffer
	if _, err := gen.Generate(&pcap, gen.Config{Seed: 1, Calls: 64, Rate: 64, Talk: 90 * time.Second, RTCP: true, Loss: 0.01}); err != nil {
		b.Fatal(err)
	}
	src, err := analyze.Open([]string{"-"}, &pcap)
	if err != nil {
		b.Fatal(err)
	}
	defer src.Close()
	e := analyze.New(analyze.Config{SensorID: 1}, discard{})
	var p analyze.Packet
	for i := 0; i < 64*6000 && src.Next(&p) == nil; i++ {
		e.Packet(&p)
	}
	if e.Running() != 64 {
		b.Fatalf("%d calls run", e.Running())
	}
	return e
}

// BenchmarkCheckpointStep is how long the capture waits for one step of a checkpoint.
func BenchmarkCheckpointStep(b *testing.B) {
	e := busy(b)
	var at analyze.Cursor
	for more := true; b.Loop(); {
		if !more {
			at = analyze.Cursor{}
		}
		_, more = e.Partial(&at, nil, checkpointCalls)
	}
}

// BenchmarkCheckpoint is what a checkpoint of 2,048 calls costs beside that: its records are encoded and written.
func BenchmarkCheckpoint(b *testing.B) {
	calls, _ := busy(b).Partial(new(analyze.Cursor), nil, 64)
	j, err := journal.Open(journal.Config{Dir: b.TempDir(), Clock: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	for b.Loop() {
		omitted, err := j.Checkpoint(1, func(yield func(*protocol.CDR, error) bool) {
			for i := range 2048 {
				if !yield(calls[i%64], nil) {
					return
				}
			}
		})
		if err != nil || omitted > 0 {
			b.Fatal(omitted, err)
		}
	}
}

type discard struct{ analyze.KeepsNothing }

func (discard) Call(*protocol.CDR) {}
