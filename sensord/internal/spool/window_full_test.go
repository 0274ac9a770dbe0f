package spool

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
)

func TestAFullWindowLetsTheOldestMediaGoAndSaysSo(t *testing.T) {
	for _, disk := range []int64{0, 300_000} {
		dir := t.TempDir()
		s := open(t, Config{Dir: dir, Window: 200_000, WindowDisk: disk})
		const calls, each = 20, 200
		for n := range calls {
			c := undecided(n)
			talk(s, c, 0, each)
			if inMemory, _, onDisk, _ := rest(s); inMemory > 200_000 || onDisk > disk {
				t.Fatalf("%d bytes in memory, %d on disk", inMemory, onDisk)
			}
		}
		counters := protocol.Counters{}
		missing, partial := uint64(0), uint64(0)
		for n := range calls {
			c := undecided(n)
			decide(s, c, "r", protocol.KeepRTP)
			kept := s.Kept(c)
			if (kept.Packets < each) != kept.Partial || kept.Packets == 0 {
				t.Errorf("call %d: %+v", n, kept)
			}
			if n == calls-1 && kept.Partial || n == 0 && !kept.Partial {
				t.Errorf("call %d of %d is partial: %v", n, calls, kept.Partial)
			}
			missing += each - kept.Packets
			if kept.Partial {
				partial++
			}
			got := packets(t, filepath.Join(dir, filePath(wait(t, s, c))))
			if uint64(len(got)) != kept.Packets || len(got[0].Data) != 600 {
				t.Errorf("call %d: %d packets, the first of %d bytes, want the signalling", n, len(got), len(got[0].Data))
			}
			if r, err := s.Read(c.ID); err != nil || r.Info.Partial != kept.Partial {
				t.Errorf("call %d says %+v, %v", n, r, err)
			} else {
				r.Close()
			}
		}
		settled(t, s)
		s.Counters(counters)
		if n := counters["captures.window.dropped.full"]; n != missing || missing == 0 || counters["captures.partial"] != partial {
			t.Errorf("missing are %d packets in %d captures, counted %v", missing, partial, counters)
		}
		if s.LetGo().IsZero() {
			t.Error("it is not said when")
		}
	}
}

// wait returns the id of a call when its file is finished.
func wait(t *testing.T, s *Spool, c *analyze.KeptCall) protocol.UUID {
	t.Helper()
	if err := s.await(c.ID); err != nil {
		t.Fatal(err)
	}
	return c.ID
}

func TestSignallingIsLetGoOnlyWhereThereIsNothingElse(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, Window: 20_000})
	for n := range 40 { // signalling alone
		s.Keep(undecided(n), frame(n, 1500), 1500)
	}
	partial := 0
	for n := range 40 {
		c := undecided(n)
		decide(s, c, "r", protocol.KeepSIP)
		if k := s.Kept(c); k.Packets == 0 {
			partial++
			if !k.Partial || k.Kept != protocol.KeepNone {
				t.Errorf("call %d: %+v", n, k)
			}
		}
	}
	if partial == 0 || partial > 36 {
		t.Errorf("of %d calls all is gone", partial)
	}
}

func TestAMediaLossDoesNotMakeASignallingCapturePartial(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir(), Window: 3 * chunkSize})
	c := undecided(1)
	talk(s, c, 0, 500)
	decide(s, c, "r", protocol.KeepSIP)
	if k := s.Kept(c); k.Packets != 1 || k.Partial {
		t.Errorf("%+v", k)
	}
	if s.count.windowFull == 0 {
		t.Error("nothing was let go: the test shows nothing")
	}
}

func TestADiskThatCannotHoldIsCountedAndTriedAgain(t *testing.T) {
	dir := t.TempDir()
	obstacle := filepath.Join(dir, heldFolder)
	os.WriteFile(obstacle, nil, 0o600) // works for root too
	s := open(t, Config{Dir: dir, Window: 2 * chunkSize, WindowDisk: 1 << 30})
	c := undecided(1)
	talk(s, c, 0, 200)
	settled(t, s)
	if st := s.State(); s.count.windowDisk == 0 || !strings.Contains(st.Stopped, heldFolder) {
		t.Errorf("%d counted, %+v", s.count.windowDisk, st)
	}
	os.Remove(obstacle)
	s.Retain(start)
	talk(s, c, 200, 400)
	decide(s, c, "r", protocol.KeepRTP)
	k := s.Kept(c)
	if !k.Partial || k.Packets < 400 || k.Packets+s.count.windowDisk != 600 {
		t.Errorf("%+v, %d counted", k, s.count.windowDisk)
	}
	contents(t, s, c.ID)
	if got := packets(t, filepath.Join(dir, filePath(c.ID))); uint64(len(got)) != k.Packets {
		t.Errorf("%d packets in the file, kept %+v", len(got), k)
	}
	if st := s.State(); st.Stopped != "" {
		t.Errorf("afterwards: %+v", st)
	}
}

// A decision that comes before the failure is known.
func TestWhatCouldNotBeHeldIsNotSaidToBeStored(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, heldFolder), nil, 0o600)
	s := open(t, Config{Dir: dir, Window: 2 * chunkSize, WindowDisk: 1 << 30})
	c := undecided(1)
	s.mu.Lock() // the writing goroutine does nothing until the decision is there
	for i := range 200 {
		s.hold(s.recordingOf(c), frame(i, 214), headers, protocol.KeepRTP)
	}
	c.Open, c.Rule = false, "r"
	s.decide(s.running[c.ID], c)
	s.mu.Unlock()
	settled(t, s)
	talk(s, c, 200, 100)
	s.Kept(c)
	settled(t, s)
	if _, err := s.Read(c.ID); !errors.Is(err, ErrNotKept) {
		t.Errorf("%v", err)
	}
	if s.count.disk != 300 || s.count.partial != 1 {
		t.Errorf("%+v", s.count)
	}
}

// Decisions do not let what waits for the disk grow without bound.
func TestDecisionsDoNotOverfillTheQueue(t *testing.T) {
	dir := t.TempDir()
	const window, buffer = 200_000, 400_000
	s := open(t, Config{Dir: dir, Window: window, Buffer: buffer})
	s.mu.Lock() // the disk hangs
	most := 0
	for n := range 50 {
		c := undecided(n)
		for i := range 200 {
			s.hold(s.recordingOf(c), frame(i, 214), headers, protocol.KeepRTP)
		}
		c.Open, c.Rule = false, "r"
		s.decide(s.running[c.ID], c)
		most = max(most, s.memory)
	}
	s.mu.Unlock()
	if most > buffer+2*window {
		t.Errorf("%d bytes in memory", most)
	}
	lost := 0
	for n := range 50 {
		k := s.Kept(call(n, protocol.KeepRTP))
		if k.Partial != (k.Packets < 200) {
			t.Errorf("call %d: %+v", n, k)
		}
		lost += 200 - int(k.Packets)
	}
	settled(t, s)
	if lost == 0 || s.count.slow != uint64(lost) {
		t.Errorf("%d packets are lost, %d counted", lost, s.count.slow)
	}
	for n := range 50 {
		r, err := s.Read(uuid(n))
		if err != nil {
			continue
		}
		r.Close()
		packets(t, filepath.Join(dir, filePath(uuid(n))))
	}
}
