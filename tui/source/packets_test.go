package source_test

import (
	"os"
	"path/filepath"
	"testing"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
	"voiptop/tui/source"
)

// collect writes the packets of calls to a file and answers what the engine makes of them.
func collect(t *testing.T, src source.Source, calls []*protocol.CDR, keep protocol.Keep) (list []*protocol.CDR, missing []source.Missing, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "out.pcapng")
	f, failed := os.Create(path)
	if failed != nil {
		t.Fatal(failed)
	}
	w := analyze.NewPacketWriter(f, "test")
	missing, err = source.Packets(t.Context(), src, calls, keep, nil, source.Taker{Packet: w.Write})
	if err != nil {
		return nil, missing, err
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	list, _, err = analyze.Files(t.Context(), []string{path}, nil, analyze.Config{})
	return list, missing, err
}

func TestPacketsOfSeveralCallsAreOneCapture(t *testing.T) {
	f, err := source.NewFile([]string{fixture}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := f.All(t.Context())
	if err != nil || len(all) < 3 {
		t.Fatal(err)
	}
	for _, keep := range []protocol.Keep{protocol.KeepRTP, protocol.KeepSIP} {
		got, _, err := collect(t, f, all[:2], keep)
		if err != nil || len(got) != 2 {
			t.Fatalf("%s: %d calls, %v", keep, len(got), err)
		}
		for i, c := range got {
			if c.ID != all[i].ID || len(c.Messages) != len(all[i].Messages) {
				t.Errorf("%s: call %d is %s with %d messages", keep, i, c.CallID, len(c.Messages))
			}
			if media := len(c.Streams) > 0; media != (keep == protocol.KeepRTP) {
				t.Errorf("%s: %d streams", keep, len(c.Streams))
			}
		}
	}
}

func TestPacketsOfASensorAreThoseItKept(t *testing.T) {
	s := &fakeSensor{calls: records(t)}
	s.capture = captureOf(t, s.calls[1].CallID)
	path, _ := socket(t, s)
	src := source.NewSensor(path)
	defer src.Close()
	t.Setenv("TMPDIR", t.TempDir())
	got, missing, err := collect(t, src, s.calls[1:3], protocol.KeepSIP)
	if err != nil || len(got) != 1 || got[0].CallID != s.calls[1].CallID || len(got[0].Streams) != 0 {
		t.Errorf("%d calls, %v", len(got), err)
	}
	if len(missing) != 1 || missing[0].Call.ID != s.calls[2].ID || code(missing[0].Err) != protocol.CodeCaptureNotKept {
		t.Errorf("missing are %+v", missing)
	}
	if _, _, err := collect(t, src, s.calls[2:3], protocol.KeepRTP); code(err) != protocol.CodeCaptureNotKept {
		t.Errorf("of a call that was not kept: %v", err)
	}
	if left, _ := os.ReadDir(os.TempDir()); len(left) != 0 {
		t.Errorf("%d files are left", len(left))
	}
}

func TestCallsOfAConversationAreFound(t *testing.T) {
	f, err := source.NewFile([]string{fixture}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := f.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		want := 0
		for _, x := range all {
			if x.GroupID == c.GroupID && c.GroupID != "" || x == c {
				want++
			}
		}
		if ids, err := f.Group(t.Context(), c); err != nil || len(ids) != want || ids[0] != c.ID {
			t.Errorf("%s: %v, %v, want %d", c.CallID, ids, err, want)
		}
	}
}
