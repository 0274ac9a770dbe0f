package spool

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
)

func TestAnUnwritableSpoolStopsCapturesAndSaysWhy(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	record(s, call(1, protocol.KeepRTP), 10)
	contents(t, s, uuid(1))
	// A file where the folder of the next hour has to be: works for root too.
	os.WriteFile(filepath.Join(dir, "2026-11-22", "11"), nil, 0o600)
	bad := call(3600, protocol.KeepRTP)
	for i := range 100 {
		s.Keep(bad, frame(i, 500), 500)
	}
	s.Kept(bad)
	if _, err := s.Open(bad.ID); !errors.Is(err, ErrNotKept) {
		t.Errorf("%v", err)
	}
	st := s.State()
	if st.Stopped == "" || st.Files != 1 || dropped(s) != 100 {
		t.Errorf("state %+v, %d dropped", st, dropped(s))
	}
	record(s, call(2, protocol.KeepRTP), 10)
	contents(t, s, uuid(2))
	if st := s.State(); st.Stopped != "" || st.Files != 2 {
		t.Errorf("afterwards: %+v", st)
	}
	if s.mu.Lock(); s.memory != 0 || len(s.running) != 0 {
		t.Errorf("%d bytes in memory, %d running", s.memory, len(s.running))
	}
	s.mu.Unlock()
}

func TestAFullDiskStopsCaptures(t *testing.T) {
	s, err := Open(Config{Dir: t.TempDir(), MinFree: 1 << 61, Clock: func() time.Time { return start }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := call(1, protocol.KeepRTP)
	record(s, c, 100)
	if _, err := s.Open(c.ID); !errors.Is(err, ErrNotKept) {
		t.Error(err)
	}
	if st := s.State(); !strings.Contains(st.Stopped, "free") || st.Files != 0 || st.Bytes != 0 {
		t.Errorf("state %+v", st)
	}
}

func TestMemoryIsBoundedWhenTheDiskIsSlow(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir(), Buffer: 50_000, Window: 1})
	s.mu.Lock()
	s.memory += 44_000 // that the disk does not take
	s.mu.Unlock()
	c := call(1, protocol.KeepRTP)
	for i := range 100 {
		s.Keep(c, frame(i, 1000), 1000)
		s.mu.Lock()
		if s.memory > 50_001 {
			t.Fatalf("%d bytes in memory", s.memory)
		}
		s.mu.Unlock()
	}
	if dropped(s) == 0 || s.State().Stopped == "" {
		t.Errorf("%d dropped, %+v", dropped(s), s.State())
	}
}

func TestAnUnusableFolderIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o600)
	if _, err := Open(Config{Dir: filepath.Join(file, "spool")}); err == nil || !strings.Contains(err.Error(), file) {
		t.Error(err)
	}
}
