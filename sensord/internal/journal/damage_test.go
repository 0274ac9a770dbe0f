package journal

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"voiptop/protocol"
)

// segments lists the segment files, oldest first.
func segments(t testing.TB, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*"+segmentExt))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// checkNoPhantom fails if a call was never written, comes twice or out of order. It gives how many there are.
func checkNoPhantom(t testing.TB, calls []protocol.CDR, written int) int {
	t.Helper()
	last := -1
	for _, c := range calls {
		n := int(le.Uint64(c.ID[:])) - 1
		if n <= last || n >= written {
			t.Fatalf("call %d after %d, of %d", n, last, written)
		}
		if want := call(n); c.CallID != want.CallID || c.Start != want.Start || len(c.Streams) != 1 || c.Streams[0].Packets != uint64(n) {
			t.Fatalf("call %d is %+v", n, c)
		}
		last = n
	}
	return len(calls)
}

func TestTornTailIsCutWhereverItTore(t *testing.T) {
	cfg := testConfig(t)
	j := open(t, cfg)
	fill(t, j, 0, 5)
	whole := readFile(t, segments(t, cfg.Dir)[0])
	j.Close()
	name := segments(t, cfg.Dir)[0]
	for cut := len(whole) - 1; cut >= headerSize; cut -= 2 {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		c := cfg
		c.Dir = dir
		j, err := Open(c)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		calls, lost := drain(t, j, 1)
		n := checkNoPhantom(t, calls, 5)
		if n > 4 || lost != 0 || j.State().Next != uint64(n)+1 {
			t.Fatalf("cut at %d: %d calls, %d lost, next %d", cut, n, lost, j.State().Next)
		}
		if err := j.Append(call(5)); err != nil {
			t.Fatal(err)
		}
		if err := j.Sync(); err != nil {
			t.Fatal(err)
		}
		if calls, _ = drain(t, j, 1); len(calls) != n+1 {
			t.Fatalf("cut at %d: %d calls after one more, want %d", cut, len(calls), n+1)
		}
		j.Close()
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEveryFlippedBitCostsOneCallAtMostAndMakesNone(t *testing.T) {
	cfg := testConfig(t)
	j := open(t, cfg)
	const n = 6
	fill(t, j, 0, n)
	j.Close()
	name := segments(t, cfg.Dir)[0]
	whole := readFile(t, name)
	for bit := 0; bit < len(whole)*8; bit += 7 {
		b := bytes.Clone(whole)
		b[bit/8] ^= 1 << (bit % 8)
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), b, 0o600); err != nil {
			t.Fatal(err)
		}
		c := cfg
		c.Dir = dir
		j, err := Open(c)
		if err != nil {
			t.Fatalf("bit %d: %v", bit, err)
		}
		calls, lost := drain(t, j, 1)
		got := checkNoPhantom(t, calls, n)
		switch last := calls[len(calls)-1].ID == call(n-1).ID; {
		case got < n-1:
			t.Fatalf("bit %d: %d calls of %d", bit, got, n)
		case got == n-1 && last && lost != 1: // in the middle: the hole is known
			t.Fatalf("bit %d: one call is missing, %d reported lost", bit, lost)
		}
		j.Close()
	}
}

func TestDamageIsKeptForInspectionAndReportedOnce(t *testing.T) {
	cfg := testConfig(t)
	j := open(t, cfg)
	fill(t, j, 0, 50)
	j.Close()
	name := segments(t, cfg.Dir)[0]
	b := readFile(t, name)
	for i := 2000; i < 2300; i++ {
		b[i] = 0xee
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	var logs bytes.Buffer
	cfg.Log = slog.New(slog.NewTextHandler(&logs, nil))
	for range 3 {
		j = open(t, cfg)
		calls, lost := drain(t, j, 1)
		if got := checkNoPhantom(t, calls, 50); got+int(lost) != 50 || lost == 0 || lost > 5 {
			t.Errorf("%d calls, %d lost", got, lost)
		}
		j.Close()
	}
	if n := strings.Count(logs.String(), "damaged"); n != 1 {
		t.Errorf("reported %d times, want once:\n%s", n, logs.String())
	}
	if kept, err := filepath.Glob(filepath.Join(cfg.Dir, quarantineDir, "*.bin")); err != nil || len(kept) != 1 {
		t.Errorf("kept %v, %v", kept, err)
	}
}

func TestSegmentWithoutAHeaderIsSetAside(t *testing.T) {
	cfg := testConfig(t)
	cfg.SegmentBytes = 4 << 10
	j := open(t, cfg)
	fill(t, j, 0, 200)
	j.Close()
	list := segments(t, cfg.Dir)
	if len(list) < 3 {
		t.Fatalf("%d segments", len(list))
	}
	b := readFile(t, list[1])
	clear(b[:headerSize])
	if err := os.WriteFile(list[1], b, 0o600); err != nil {
		t.Fatal(err)
	}
	j = open(t, cfg)
	calls, lost := drain(t, j, 1)
	if got := checkNoPhantom(t, calls, 200); got+int(lost) != 200 || lost == 0 {
		t.Errorf("%d calls, %d lost of 200", got, lost)
	}
	if _, err := os.Stat(filepath.Join(cfg.Dir, quarantineDir, filepath.Base(list[1]))); err != nil {
		t.Error(err)
	}
}

// A call may carry any bytes that somebody sends, a record of this format too. When the record around it is damaged, the
// search for the next good one must not take it.
func TestForgedRecordInsideACallIsNotFound(t *testing.T) {
	cfg := testConfig(t)
	j := open(t, cfg)
	fill(t, j, 0, 1)
	evil := call(1)
	forged := call(2)
	forged.CallID = "forged"
	body, err := encodeCDR(forged)
	if err != nil {
		t.Fatal(err)
	}
	evil.Reason = string(appendRecord(nil, 0, 2, typeCDR, body)) // the salt is not known to the sender
	if err := j.Append(evil); err != nil {
		t.Fatal(err)
	}
	fill(t, j, 2, 4)
	j.Close()
	name := segments(t, cfg.Dir)[0]
	b := readFile(t, name)
	at := bytes.Index(b, []byte(evil.CallID))
	b[at] ^= 1
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	calls, lost := drain(t, open(t, cfg), 1)
	for _, c := range calls {
		if c.CallID == "forged" {
			t.Fatal("a record was made from what somebody sent")
		}
	}
	if len(calls) != 3 || lost != 1 {
		t.Errorf("%d calls, %d lost; want 3, 1", len(calls), lost)
	}
}

func TestFullDiskDropsTheNewestAndSaysHowMany(t *testing.T) {
	for _, how := range []string{"at once", "in the middle of a record"} {
		t.Run(how, func(t *testing.T) {
			cfg := testConfig(t)
			full := false
			cfg.write = func(f *os.File, b []byte) (int, error) {
				if !full {
					return f.Write(b)
				}
				if how == "at once" {
					return 0, syscall.ENOSPC
				}
				n, err := f.Write(b[:len(b)/2])
				return n, errors.Join(err, syscall.ENOSPC)
			}
			var logs bytes.Buffer
			cfg.Log = slog.New(slog.NewTextHandler(&logs, nil))
			j := open(t, cfg)
			fill(t, j, 0, 10)
			full = true
			for i := 10; i < 15; i++ {
				fill(t, j, i, i+1) // each is a commit of its own
			}
			if st := j.State(); st.Dropped != 5 || st.Next != 16 {
				t.Errorf("state %+v", st)
			}
			if j.Has(call(12).ID) || !j.Has(call(3).ID) {
				t.Error("Has tells of a call that is not there, or not of one that is")
			}
			if how == "at once" { // a crash while the disk is full does not lose the count
				j.Close()
				full = false
				j = open(t, cfg)
				if st := j.State(); st.Dropped != 5 || st.Next != 16 {
					t.Errorf("after a restart: state %+v", st)
				}
			}
			full = false
			fill(t, j, 15, 20)
			calls, lost := drain(t, j, 1)
			if n := checkNoPhantom(t, calls, 20); n != 15 || lost != 5 {
				t.Errorf("%d calls, %d lost; want 15, 5", n, lost)
			}
			j.Close()
			j = open(t, cfg) // the gap is a record by now
			if calls, lost := drain(t, j, 1); len(calls) != 15 || lost != 5 || j.State().Dropped != 5 {
				t.Errorf("after reopening: %d calls, %d lost, state %+v", len(calls), lost, j.State())
			}
			if n := strings.Count(logs.String(), "newest calls are dropped"); n != 1 {
				t.Errorf("said %d times, want once:\n%s", n, logs.String())
			}
		})
	}
}

func TestFailedSyncDropsWhatItDidNotKeep(t *testing.T) {
	cfg := testConfig(t)
	bad := false
	cfg.sync = func(f *os.File) error {
		if bad {
			return syscall.EIO
		}
		return f.Sync()
	}
	j := open(t, cfg)
	fill(t, j, 0, 3)
	bad = true
	fill(t, j, 3, 6)
	bad = false
	fill(t, j, 6, 9)
	calls, lost := drain(t, j, 1)
	if n := checkNoPhantom(t, calls, 9); n != 6 || lost != 3 {
		t.Errorf("%d calls, %d lost; want 6, 3", n, lost)
	}
}

func TestHistoryIsBoundedAndWhatHostedLacksIsNeverRemoved(t *testing.T) {
	cfg := testConfig(t)
	cfg.MaxBytes, cfg.SegmentBytes = 64<<10, 8<<10
	j := open(t, cfg)
	fill(t, j, 0, 2000) // more than fits: nothing is acknowledged
	st := j.State()
	if st.Dropped == 0 || int64(st.Bytes) > cfg.MaxBytes {
		t.Fatalf("state %+v", st)
	}
	calls, lost := drain(t, j, 1)
	if n := checkNoPhantom(t, calls, 2000); n == 0 || calls[0].ID != call(0).ID || uint64(n)+lost != 2000 || lost != st.Dropped {
		t.Errorf("%d calls, %d lost of 2000; the oldest must be there", n, lost)
	}
	if err := j.Ack(2001); err != nil {
		t.Fatal(err)
	}
	for i := 2000; i < 4000; i += 100 {
		fill(t, j, i, i+100)
		if err := j.Ack(uint64(i) + 101); err != nil {
			t.Fatal(err)
		}
	}
	now := j.State()
	if now.Dropped != st.Dropped || int64(now.Bytes) > cfg.MaxBytes || now.Pending != 0 {
		t.Errorf("state %+v", now)
	}
	if calls, _ := drain(t, j, 2001); len(calls) == 0 || calls[len(calls)-1].ID != call(3999).ID {
		t.Errorf("%d calls of history, the newest missing", len(calls))
	}
}

func TestSecondProcessIsKeptOut(t *testing.T) {
	cfg := testConfig(t)
	open(t, cfg)
	if _, err := Open(cfg); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v", err)
	}
}

// TestKilledWriterLosesNothingThatWasSynced starts a real process that writes, and kills it with SIGKILL again and again.
func TestKilledWriterLosesNothingThatWasSynced(t *testing.T) {
	if os.Getenv("JOURNAL_WRITER") != "" {
		writer()
		return
	}
	dir := t.TempDir()
	synced, torn := 0, 0
	for round := range 12 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledWriterLosesNothingThatWasSynced$")
		cmd.Env = append(os.Environ(), "JOURNAL_WRITER="+dir, "JOURNAL_FROM="+strconv.Itoa(synced))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		until := time.Now().Add(time.Duration(5+rand.N(40)) * time.Millisecond)
		for lines.Scan() {
			n, err := strconv.Atoi(lines.Text())
			if err != nil {
				t.Fatalf("writer says %q", lines.Text())
			}
			if synced = n; time.Now().After(until) {
				break
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		rest, _ := io.ReadAll(out) // the pipe breaks with the process
		for _, l := range strings.Fields(string(rest)) {
			if n, err := strconv.Atoi(l); err == nil {
				synced = max(synced, n)
			}
		}
		_ = cmd.Wait() // killed

		j, err := Open(Config{Dir: dir, Clock: time.Now})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		calls, lost := drain(t, j, 1)
		n := checkNoPhantom(t, calls, 1<<30)
		if n < synced || lost != 0 {
			t.Fatalf("round %d: %d calls, %d lost, of %d that were synced", round, n, lost, synced)
		}
		torn += n - synced
		synced = n
		j.Close()
	}
	t.Logf("%d calls, %d of them beyond the last sync", synced, torn)
}

// writer appends for ever, and prints how many calls are synced.
func writer() {
	j, err := Open(Config{Dir: os.Getenv("JOURNAL_WRITER"), SegmentBytes: 64 << 10, Clock: time.Now})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	from, _ := strconv.Atoi(os.Getenv("JOURNAL_FROM"))
	for n := from; ; n++ {
		if err := j.Append(call(n)); err != nil {
			os.Exit(1)
		}
		if n%37 == 0 {
			if err := j.Sync(); err != nil {
				os.Exit(1)
			}
			fmt.Println(n + 1)
		}
	}
}

// FuzzScan: whatever a segment's bytes, reading them does not panic, and gives only records whose check sum is right, in
// rising order; bytes are either records, damage or tail.
func FuzzScan(f *testing.F) {
	h := header{epoch: 3, first: 1, salt: 42}
	good := h.encode()
	for i := range uint64(3) {
		good = appendRecord(good, h.salt, 1+i, typeCDR, []byte{0xa1, 0x01, 0x02, byte(i)})
	}
	good = appendRecord(good, h.salt, 4, typeGap, le.AppendUint64(nil, 5))
	good = appendRecord(good, h.salt, 9, typeCDR, []byte("x"))
	f.Add(good, uint16(0), byte(0))
	f.Add(good, uint16(1030), byte(4))
	f.Add(good[:len(good)-3], uint16(1100), byte(255))
	f.Fuzz(func(t *testing.T, b []byte, at uint16, flip byte) {
		if len(b) > 0 {
			b = bytes.Clone(b)
			b[int(at)%len(b)] ^= flip
		}
		refs, damage, tail := scan(b, h)
		if got, ok := decodeHeader(b); ok && got.made > 0 && len(b) < headerSlot {
			t.Fatal("a header from less than a header")
		}
		next, at2 := uint64(0), min(headerSize, len(b))
		spans := damage
		for _, r := range refs {
			if len(spans) > 0 && spans[0].from == at2 {
				at2 = spans[0].to
				spans = spans[1:]
			}
			if int(r.off) != at2 || r.end() > len(b) || r.seq < next {
				t.Fatalf("record %+v at %d, next %d", r, at2, next)
			}
			if le.Uint32(b[r.off+4:]) != checksum(h.salt, b[r.off:r.end()]) {
				t.Fatalf("record %+v has a wrong check sum", r)
			}
			at2, next = r.end(), r.seq+1
		}
		if len(spans) > 0 || tail != at2 {
			t.Fatalf("damage left %v, tail %d, want %d", spans, tail, at2)
		}
	})
}

func TestWaitReturnsWhenARecordIsThere(t *testing.T) {
	j := open(t, testConfig(t))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := j.Wait(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	done := make(chan error)
	go func() { done <- j.Wait(t.Context(), 1) }()
	fill(t, j, 0, 1)
	if err := <-done; err != nil {
		t.Error(err)
	}
	go func() { done <- j.Wait(t.Context(), 99) }()
	j.Close()
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
