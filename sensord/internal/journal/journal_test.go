package journal

import (
	"os"
	"testing"
	"time"

	"voiptop/protocol"
)

// testConfig does not wait for the disk; the test that kills a writer does.
func testConfig(t testing.TB) Config {
	return Config{Dir: t.TempDir(), Clock: func() time.Time { return time.Unix(1_700_000_000, 0) }, sync: func(*os.File) error { return nil }}
}

func open(t testing.TB, cfg Config) *Journal {
	t.Helper()
	j, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

// call makes the n-th call.
func call(n int) *protocol.CDR {
	c := &protocol.CDR{CallID: "call-" + string(rune('a'+n%26)) + time.Duration(n).String(), Caller: "1001", Start: 1_700_000_000_000_000 + protocol.Time(n)}
	le.PutUint64(c.ID[:], uint64(n)+1)
	c.Streams = []protocol.Stream{{Src: "10.0.0.1:4000", Packets: uint64(n)}}
	return c
}

func fill(t testing.TB, j *Journal, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := j.Append(call(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Sync(); err != nil {
		t.Fatal(err)
	}
}

// drain reads all from a number on.
func drain(t testing.TB, j *Journal, from uint64) (calls []protocol.CDR, lost uint64) {
	t.Helper()
	for {
		b, err := j.Read(from, 7, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		lost += b.Lost
		if len(b.Records) == 0 {
			return calls, lost
		}
		for _, r := range b.Records {
			c, err := decode(r)
			if err != nil {
				t.Fatal(err)
			}
			calls = append(calls, *c)
		}
		from = b.Next()
	}
}

func TestWhatIsAppendedIsReadBackInOrderAfterReopening(t *testing.T) {
	cfg := testConfig(t)
	j := open(t, cfg)
	fill(t, j, 0, 100)
	j.Close()
	j = open(t, cfg)
	fill(t, j, 100, 150)
	calls, lost := drain(t, j, 1)
	if len(calls) != 150 || lost != 0 {
		t.Fatalf("got %d calls, %d lost; want 150, 0", len(calls), lost)
	}
	for i, c := range calls {
		if c.ID != call(i).ID {
			t.Fatalf("call %d is %v", i, c.ID)
		}
	}
}
