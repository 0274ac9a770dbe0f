package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
)

// wrote is how often, and how many bytes, this process has written (proc_pid_io(5)).
func wrote(t *testing.T) (calls, bytes uint64) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Skip(err)
	}
	for _, l := range strings.Split(string(b), "\n") {
		var n uint64
		name, v, _ := strings.Cut(l, ": ")
		fmt.Sscan(v, &n)
		switch name {
		case "syscw":
			calls = n
		case "wchar":
			bytes = n
		}
	}
	return calls, bytes
}

func openNow(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(list)
}

// 2,000 calls that talk at a time, with 100 packets a second each: stored, or held on disk until they end.
func TestTwoThousandCallsAtATimeTakeFewFilesAndLargeWrites(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 200 MB")
	}
	const calls, seconds, files, window = 2000, 2, 64, 32 << 20
	for _, held := range []bool{false, true} {
		dir := t.TempDir()
		s := open(t, Config{Dir: dir, MaxOpen: files, Window: window, WindowDisk: 1 << 40, Buffer: 1 << 30})
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		syscalls, bytes := wrote(t)
		base, most := openNow(t), 0
		all := make([]*analyze.KeptCall, calls)
		for n := range all {
			if all[n] = call(n, protocol.KeepRTP); held {
				all[n] = undecided(n)
			}
		}
		p := frame(0, 214)
		for i := range seconds * 100 {
			p.Time = start.UnixNano() + int64(i)*10e6
			for _, c := range all {
				h := headers
				if i == 0 {
					h = len(p.Data)
				}
				s.Keep(c, p, h)
			}
			if i%10 == 0 {
				most = max(most, openNow(t)-base)
				if i%50 == 0 {
					settled(t, s) // the disk keeps up; here there is no time between the packets
				}
			}
			if inMemory, _, _, _ := rest(s); inMemory > window {
				t.Fatalf("%d bytes are held in memory", inMemory)
			}
		}
		settled(t, s)
		runtime.GC()
		runtime.ReadMemStats(&after)
		for _, c := range all {
			if held {
				decide(s, c, "r", protocol.KeepRTP)
			}
			if k := s.Kept(c); k.Packets != seconds*100 || k.Partial {
				t.Fatalf("%s: %+v", c.CallID, k)
			}
		}
		settled(t, s)
		syscalls2, bytes2 := wrote(t)
		size := (bytes2 - bytes) / max(syscalls2-syscalls, 1)
		t.Logf("held %v: %d files open at most, %d MB in use, %d MB in writes of %d KB on the average",
			held, most, (after.HeapAlloc-min(after.HeapAlloc, before.HeapAlloc))>>20, (bytes2-bytes)>>20, size>>10)
		if most > files+8 { // and what the test has open
			t.Errorf("%d files are open", most)
		}
		if size < 8<<10 {
			t.Errorf("writes of %d bytes", size)
		}
		for n := 0; n < calls; n += 100 {
			f, err := os.Open(filepath.Join(dir, filePath(uuid(n))))
			if err != nil {
				t.Fatal(err)
			}
			if _, packets := wholeBlocks(f); packets != seconds*100 {
				t.Errorf("call %d: %d packets in the file", n, packets)
			}
			f.Close()
		}
	}
}
