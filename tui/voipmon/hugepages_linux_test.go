//go:build amd64 || arm64

package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"unsafe"
)

func TestTheHeapOfAnAnalysisIsAskedForInHugePages(t *testing.T) {
	if os.Getenv("VOIPMON_TEST_HUGE_PAGES") == "" { // a heap that nothing else has used yet
		cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), "VOIPMON_TEST_HUGE_PAGES=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if bytes.Contains(out, []byte("--- SKIP")) {
			t.Skip("this kernel has no huge pages")
		}
		return
	}
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage"); err != nil {
		t.Skip("this kernel has no huge pages")
	}
	hugePages(hugeRoom)
	calls := make([][]byte, 32)
	asked := 0
	for i := range calls {
		calls[i] = make([]byte, 1<<20)
		if flags := vmFlags(t, uintptr(unsafe.Pointer(&calls[i][0]))); strings.Contains(flags, " hg ") {
			asked++
		}
	}
	if asked < len(calls)/8 {
		t.Errorf("of %d allocations %d lie in room that was asked for in huge pages", len(calls), asked)
	}
}

// vmFlags are the flags of the mapping that holds an address (proc_pid_smaps(5)).
func vmFlags(t *testing.T, addr uintptr) string {
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	within := false
	for s := bufio.NewScanner(bytes.NewReader(smaps)); s.Scan(); {
		line := s.Text()
		if from, rest, ok := strings.Cut(line, "-"); ok {
			to, _, _ := strings.Cut(rest, " ")
			a, err1 := strconv.ParseUint(from, 16, 64)
			b, err2 := strconv.ParseUint(to, 16, 64)
			if err1 == nil && err2 == nil {
				within = uint64(addr) >= a && uint64(addr) < b
			}
		}
		if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok && within {
			return flags + " "
		}
	}
	t.Fatalf("no mapping holds %#x", addr)
	return ""
}
