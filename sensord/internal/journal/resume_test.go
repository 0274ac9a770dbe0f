package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/link"
)

func encodeCDR(c *protocol.CDR) ([]byte, error) { return link.Marshal(c) }

func TestALongCallDoesNotMakeTheQueueOld(t *testing.T) {
	j := open(t, testConfig(t))
	c := call(0)
	c.End = c.Start + 7200_000_000
	if err := j.Append(c); err != nil {
		t.Fatal(err)
	}
	if err := j.Sync(); err != nil {
		t.Fatal(err)
	}
	if st := j.State(); st.Oldest != c.End {
		t.Errorf("the oldest record is of %v, its call ended at %v", st.Oldest.Std(), c.End.Std())
	}
}

func TestAcknowledgementMovesTheCursorForGood(t *testing.T) {
	cfg := testConfig(t)
	j := open(t, cfg)
	fill(t, j, 0, 10)
	if st := j.State(); st.Pending != 10 || st.Oldest != call(0).Start {
		t.Errorf("state %+v", st)
	}
	if err := j.Ack(6); err != nil {
		t.Fatal(err)
	}
	if err := j.Ack(99); err == nil {
		t.Error("acknowledged what was never written")
	}
	j.Close()
	j = open(t, cfg)
	if st := j.State(); st.Acked != 6 || st.Pending != 5 || st.Oldest != call(5).Start {
		t.Errorf("state after reopening %+v", st)
	}
}

func TestEachOpenBeginsAnEpochAndNumbersGoOn(t *testing.T) {
	cfg := testConfig(t)
	var epochs []uint64
	for i := range 3 {
		j := open(t, cfg)
		fill(t, j, i*4, i*4+4)
		epochs = append(epochs, j.State().Epoch)
		if next := j.State().Next; next != uint64(i*4+5) {
			t.Errorf("next %d", next)
		}
		j.Close()
	}
	if epochs[0] != 1_700_000_000 || epochs[1] != epochs[0]+1 || epochs[2] != epochs[1]+1 {
		t.Errorf("epochs %v", epochs)
	}
	j := open(t, cfg)
	at := uint64(1)
	for i := range 3 { // a batch is of one epoch
		b, err := j.Read(at, 100, 1<<20)
		if err != nil || b.Epoch != epochs[i] || len(b.Records) != 4 || b.Lost != 0 {
			t.Errorf("batch %d: %+v, %v", i, b, err)
		}
		at = b.Next()
	}
}

// A disk that loses records which it had promised to keep, and which hosted has, must not make new calls look like those.
func TestRecordsThatTheDiskLostDoNotLendTheirNumbersToNewOnes(t *testing.T) {
	cfg := testConfig(t)
	j := open(t, cfg)
	fill(t, j, 0, 10)
	old := j.State().Epoch
	j.Close()
	name := segments(t, cfg.Dir)[0]
	b := readFile(t, name)
	if err := os.Truncate(name, int64(len(b)-100)); err != nil { // calls 9 and 8 are gone, and the cursor never moved
		t.Fatal(err)
	}
	j = open(t, cfg)
	fill(t, j, 10, 12)
	at, err := j.Resume(old, 11) // hosted has all ten
	if err != nil {
		t.Fatal(err)
	}
	got, err := j.Read(at, 100, 1<<20)
	if err != nil || len(got.Records) != 2 || got.Epoch <= old {
		t.Errorf("from %d: %d records of epoch %d, %v; want the 2 new ones in a new epoch", at, len(got.Records), got.Epoch, err)
	}
}

func TestResumeTakesOverWhereHostedIs(t *testing.T) {
	cfg := testConfig(t)
	first := open(t, cfg)
	fill(t, first, 0, 10) // numbers 1..10
	e1 := first.State().Epoch
	first.Close()
	j := open(t, cfg)
	fill(t, j, 10, 20) // numbers 11..20
	e2 := j.State().Epoch
	for _, c := range []struct {
		name        string
		epoch, next uint64
		want        uint64
	}{
		{"hosted has nothing of this sensor", 0, 0, 1},
		{"in the first epoch", e1, 6, 6},
		{"the first epoch is there", e1, 11, 11},
		{"hosted has more of the first epoch than this disk", e1, 30, 11},
		{"in the second", e2, 15, 15},
		{"hosted was restored from a backup", e1, 3, 3},
		{"before anything that is here", e1 - 5, 100, 1},
	} {
		if at, err := j.Resume(c.epoch, c.next); err != nil || at != c.want || j.State().Acked != c.want {
			t.Errorf("%s: at %d, %v; want %d", c.name, at, err, c.want)
		}
	}
}

func TestLaterEpochAtHostedRaisesOursSoThatNothingIsTakenForOld(t *testing.T) {
	cfg := testConfig(t)
	j := open(t, cfg)
	fill(t, j, 0, 5)
	late := j.State().Epoch + 1000 // the clock was ahead once
	at, err := j.Resume(late, 50)
	if err != nil || at != 1 {
		t.Fatalf("at %d, %v", at, err)
	}
	check := func(j *Journal) {
		t.Helper()
		b, err := j.Read(1, 100, 1<<20)
		if err != nil || b.Epoch != late+1 || len(b.Records) != 5 {
			t.Errorf("epoch %d, %d records, %v; want epoch %d, 5", b.Epoch, len(b.Records), err, late+1)
		}
	}
	check(j)
	j.Close()
	j = open(t, cfg)
	check(j)
	if e := j.State().Epoch; e <= late+1 {
		t.Errorf("the next epoch is %d", e)
	}
}

func TestDamagedCursorIsNoReasonToRefuse(t *testing.T) {
	cfg := testConfig(t)
	j := open(t, cfg)
	fill(t, j, 0, 5)
	if err := j.Ack(4); err != nil {
		t.Fatal(err)
	}
	epoch := j.State().Epoch
	j.Close()
	for _, b := range [][]byte{{}, []byte("garbage"), make([]byte, cursorSize)} {
		if err := os.WriteFile(filepath.Join(cfg.Dir, cursorName), b, 0o600); err != nil {
			t.Fatal(err)
		}
		j = open(t, cfg)
		if at, err := j.Resume(epoch, 4); err != nil || at != 4 {
			t.Errorf("at %d, %v", at, err)
		}
		j.Close()
	}
}

func TestCallsAreListedNewestFirstInPages(t *testing.T) {
	cfg := testConfig(t)
	cfg.SegmentBytes = 4 << 10
	j := open(t, cfg)
	fill(t, j, 0, 300)
	j.Close()
	j = open(t, cfg)
	fill(t, j, 300, 310)
	want := 309
	for before := (protocol.UUID{}); ; {
		page, err := j.Calls(37, before)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, c := range page {
			if c.ID != call(want).ID || c.Streams != nil || c.Messages != nil {
				t.Fatalf("got %+v, want call %d without streams", c, want)
			}
			want--
		}
		before = page[len(page)-1].ID
	}
	if want != -1 {
		t.Errorf("the list ends before call %d", want)
	}
	if page, err := j.Calls(10, protocol.UUID{15: 9}); err != nil || len(page) != 0 {
		t.Errorf("before an unknown call: %d calls, %v", len(page), err)
	}
}

func TestCallIsFoundByIDAndByCallID(t *testing.T) {
	cfg := testConfig(t)
	j := open(t, cfg)
	fill(t, j, 0, 100)
	j.Close()
	j = open(t, cfg)
	c, ok := j.Find(call(40).ID.String())
	if !ok || c.CallID != call(40).CallID || len(c.Streams) != 1 {
		t.Errorf("by id: %+v, %v", c, ok)
	}
	if c, ok = j.Find(call(41).CallID); !ok || c.ID != call(41).ID {
		t.Errorf("by Call-ID: %+v, %v", c, ok)
	}
	if _, ok = j.Find("nobody"); ok {
		t.Error("found a call that is not there")
	}
	for i := range 100 {
		if !j.Has(call(i).ID) {
			t.Fatalf("Has does not know call %d", i)
		}
	}
	if j.Has(call(100).ID) {
		t.Error("Has knows a call that was not made")
	}
}

func TestIndexForgetsTheOldestBeyondItsBound(t *testing.T) {
	x := newIndex(3)
	for n := range 5 {
		x.remember(call(n).ID)
		x.add(entry{id: call(n).ID, seq: uint64(n + 1)})
	}
	for n := range 5 {
		if got := x.has(call(n).ID); got != (n >= 2) {
			t.Errorf("has call %d: %v", n, got)
		}
	}
	if len(x.ring) != 3 || len(x.seqs) != 3 || x.at(0).seq != 3 || x.below(5) != 2 {
		t.Errorf("%+v", x)
	}
}

func TestCallThatIsTooLargeIsRefusedByName(t *testing.T) {
	j := open(t, testConfig(t))
	c := call(0)
	c.Reason = string(make([]byte, link.MaxRecord))
	if err := j.Append(c); err == nil {
		t.Error("taken")
	}
	if st := j.State(); st.Next != 1 {
		t.Errorf("it used a number: %+v", st)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 100, 500} {
		b.Run(fmt.Sprintf("sync-every-%d", n), func(b *testing.B) {
			j, err := Open(Config{Dir: b.TempDir(), Clock: time.Now})
			if err != nil {
				b.Fatal(err)
			}
			defer j.Close()
			c := call(1)
			i := 0
			for b.Loop() {
				le.PutUint64(c.ID[:], uint64(i))
				if err := j.Append(c); err != nil {
					b.Fatal(err)
				}
				if i++; i%n == 0 {
					if err := j.Sync(); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func TestCallIsFoundWhileTheDiskIsSlow(t *testing.T) {
	cfg := testConfig(t)
	var hold atomic.Bool
	held, goOn := make(chan struct{}, 8), make(chan struct{})
	cfg.sync = func(*os.File) error {
		if hold.Load() {
			held <- struct{}{}
			<-goOn
		}
		return nil
	}
	j := open(t, cfg)
	fill(t, j, 0, 1) // the segment is there
	hold.Store(true)
	for i := 1; i < 3; i++ {
		if err := j.Append(call(i)); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			<-held // it is being written; the next waits for it
		}
	}
	for i := 1; i < 3; i++ {
		if c, ok := j.Find(call(i).CallID); !ok || c.ID != call(i).ID || len(c.Streams) != 1 {
			t.Errorf("call %d by Call-ID: %+v, %v", i, c, ok)
		}
		if _, ok := j.Find(call(i).ID.String()); !ok {
			t.Errorf("call %d by id: not found", i)
		}
	}
	hold.Store(false)
	close(goOn)
	if err := j.Sync(); err != nil {
		t.Fatal(err)
	}
	if _, ok := j.Find(call(2).CallID); !ok {
		t.Error("not found once it was on the disk")
	}
}
