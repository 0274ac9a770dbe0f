package source_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/tui/source"
)

func TestAFileThatGrowsIsReadOn(t *testing.T) {
	whole, err := os.ReadFile(fixture)
	if err != nil {
		t.Fatal(err)
	}
	want := records(t)
	path := filepath.Join(t.TempDir(), "trace.pcap")
	if err := os.WriteFile(path, whole[:10], 0o600); err != nil { // not even its header
		t.Fatal(err)
	}
	f, err := source.NewFollow(path)
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	packets := func() uint64 {
		n := uint64(0)
		_ = f.Watch(t.Context(), func(u *protocol.LiveUpdate) error { n = u.Counters[protocol.CountPackets]; return os.ErrClosed })
		return n
	}
	last := uint64(0)
	for _, cut := range []int{len(whole) / 3, 2 * len(whole) / 3, len(whole)} {
		at, _ := out.Seek(0, 2)
		if _, err := out.Write(whole[at:cut]); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(20 * time.Second); packets() <= last; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("what was appended up to byte %d is not read", cut)
			}
		}
		last = packets()
	}
	for _, c := range want { // their messages can be read although the file has no end
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if got, err := f.Call(t.Context(), c.CallID); err == nil && len(got.Messages) == len(c.Messages) {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s is not read whole", c.CallID)
			}
		}
		list, err := textsOf(t, f, c)
		if err != nil {
			t.Fatal(err)
		}
		sameMessages(t, c, list)
	}
	done := make(chan error)
	go func() { done <- f.Close() }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
}
