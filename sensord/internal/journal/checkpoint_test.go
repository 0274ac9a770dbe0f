package journal

import (
	"errors"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"voiptop/protocol"
)

const checkpointTime = protocol.Time(1_700_000_060_000_000)

// running makes the n-th call as it looks while it runs: answered one second after its start.
func running(n int) *protocol.CDR {
	c := call(n)
	c.Answer = c.Start + 1_000_000
	return c
}

// yield lists calls, and then fails if err says so.
func yield(err error, calls ...*protocol.CDR) iter.Seq2[*protocol.CDR, error] {
	return func(yield func(*protocol.CDR, error) bool) {
		for _, c := range calls {
			if !yield(c, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func checkpoint(t testing.TB, j *Journal, calls ...*protocol.CDR) {
	t.Helper()
	if omitted, err := j.Checkpoint(checkpointTime, yield(nil, calls...)); err != nil || omitted != 0 {
		t.Fatalf("%d omitted, %v", omitted, err)
	}
}

func interrupted(t testing.TB, j *Journal, want int) []protocol.CDR {
	t.Helper()
	if n, err := j.Interrupt(); err != nil || n != want {
		t.Fatalf("%d interrupted (%v), want %d", n, err, want)
	}
	calls, _ := drain(t, j, 1)
	return calls
}

func TestCallsOfTheLastCheckpointBecomeInterruptedRecordsOnce(t *testing.T) {
	cfg := testConfig(t)
	j := open(t, cfg)
	checkpoint(t, j, running(0), running(1), running(2))
	bye := running(3)
	bye.End, bye.EndCause, bye.EndBy, bye.DurationMS = bye.Start+5_000_000, protocol.EndBye, protocol.PartyCaller, 5000
	checkpoint(t, j, running(1), running(2), bye) // 0 ended meanwhile
	fill(t, j, 0, 2)                              // and 1 after it
	j.Close()

	j = open(t, cfg)
	calls := interrupted(t, j, 2)
	if len(calls) != 4 {
		t.Fatalf("%d calls, want 4", len(calls))
	}
	c := calls[2]
	if c.ID != call(2).ID || c.EndCause != protocol.EndInterrupted || c.EndBy != protocol.PartySensor || c.End != checkpointTime ||
		c.DurationMS != 59_999 || c.ConnectMS == nil || *c.ConnectMS != 58_999 {
		t.Errorf("the running call is %+v", c)
	}
	if c = calls[3]; c.ID != bye.ID || c.EndCause != protocol.EndBye || c.DurationMS != 5000 {
		t.Errorf("the call that had ended is %+v", c)
	}
	if got := interrupted(t, j, 0); len(got) != 4 {
		t.Errorf("%d calls after a second start, want 4", len(got))
	}
}

func TestInterruptDoesNotDoubleCallsWhenItWasCutShortItself(t *testing.T) {
	cfg := testConfig(t)
	j := open(t, cfg)
	checkpoint(t, j, running(0), running(1))
	file := readFile(t, filepath.Join(cfg.Dir, checkpointName))
	interrupted(t, j, 2)
	j.Close()
	if err := os.WriteFile(filepath.Join(cfg.Dir, checkpointName), file, 0o600); err != nil { // as if it had not been removed
		t.Fatal(err)
	}
	if got := interrupted(t, open(t, cfg), 0); len(got) != 2 {
		t.Errorf("%d calls, want 2", len(got))
	}
}

func TestCheckpointThatCannotBeFinishedLeavesTheOneBefore(t *testing.T) {
	cfg := testConfig(t)
	j := open(t, cfg)
	checkpoint(t, j, running(0), running(1))
	failure := errors.New("stopping")
	if _, err := j.Checkpoint(checkpointTime, yield(failure, running(1))); !errors.Is(err, failure) {
		t.Fatalf("got %v, want %v", err, failure)
	}
	interrupted(t, j, 2)
}

func TestRemovedCheckpointYieldsNothing(t *testing.T) {
	cfg := testConfig(t)
	j := open(t, cfg)
	checkpoint(t, j, running(0))
	for range 2 {
		if err := j.RemoveCheckpoint(); err != nil {
			t.Fatal(err)
		}
	}
	j.Close()
	interrupted(t, open(t, cfg), 0)
}

func TestDamagedCheckpointCostsTheDamagedCallsAndYieldsNoOthers(t *testing.T) {
	cfg := testConfig(t)
	j := open(t, cfg)
	checkpoint(t, j, running(0), running(1), running(2))
	whole := readFile(t, filepath.Join(cfg.Dir, checkpointName))
	for i := range whole {
		b := slices.Clone(whole)
		b[i] ^= 0x10
		_, calls, ok := decodeCheckpoint(b)
		if ok || len(calls) > 2 {
			t.Fatalf("byte %d flipped: %d calls, whole %v", i, len(calls), ok)
		}
		for _, c := range calls {
			if n := int(le.Uint64(c.ID[:])) - 1; n < 0 || n > 2 || c.CallID != call(n).CallID {
				t.Fatalf("byte %d flipped: call %+v was never written", i, c)
			}
		}
	}
	for cut := range whole {
		if _, calls, ok := decodeCheckpoint(whole[:cut]); len(calls) > 2 || ok && cut > checkpointHead && len(calls) == 0 {
			t.Fatalf("cut at %d: %d calls, whole %v", cut, len(calls), ok)
		}
	}
}

func FuzzCheckpointYieldsOnlyCallsThatCanBeJournaled(f *testing.F) {
	cfg := testConfig(f)
	j := open(f, cfg)
	checkpoint(f, j, running(0), running(1))
	f.Add(readFile(f, filepath.Join(cfg.Dir, checkpointName)))
	f.Add([]byte(checkpointMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		at, calls, _ := decodeCheckpoint(b)
		if len(calls) > len(b)/8 {
			t.Fatalf("%d calls from %d bytes", len(calls), len(b))
		}
		for _, c := range calls {
			interrupt(c, at)
			if c.End == 0 && c.Start != 0 {
				t.Fatalf("%+v has no end", c)
			}
		}
	})
}
