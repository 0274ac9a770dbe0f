package spool

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"voiptop/protocol"
	"voiptop/sensord/internal/journal"
)

// onSmallDisk runs the test again in a mount namespace of its own, with a file system of 24 MiB at the folder that it gets.
// It answers "" in the process that only started the other.
func onSmallDisk(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("SPOOL_SMALL_DISK"); dir != "" {
		if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "SPOOL_SMALL_DISK="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, unix.EPERM) {
		t.Skip("mounting wants root")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return ""
}

func TestAFullDiskStopsCapturesAndNeverRecords(t *testing.T) {
	dir := onSmallDisk(t)
	if dir == "" {
		return
	}
	s, err := Open(Config{Dir: filepath.Join(dir, "spool"), CleanFree: -1, Window: 1 << 20, WindowDisk: 1 << 30}) // a twentieth is left alone
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	j, err := journal.Open(journal.Config{Dir: filepath.Join(dir, "journal"), Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	stopped := false
	for n := range 400 {
		c := call(n, protocol.KeepRTP)
		if n%2 == 0 {
			c = undecided(n)
		}
		talk(s, c, 0, 500) // 120 KB
		c.Open = false
		s.Decided(c)
		s.Kept(c)
		if err := j.Append(&protocol.CDR{ID: c.ID, CallID: c.CallID, Caller: strings.Repeat("1", 1000)}); err != nil {
			t.Fatal(err)
		}
		if n%20 == 0 {
			settled(t, s)
			stopped = stopped || s.State().Stopped != ""
		}
	}
	settled(t, s)
	if err := j.Sync(); err != nil {
		t.Fatal(err)
	}
	if st := s.State(); !stopped || !strings.Contains(st.Stopped, "are free") || st.Files == 0 || s.count.disk == 0 {
		t.Errorf("the disk is full: %+v, %d packets dropped", st, s.count.disk)
	}
	if st := j.State(); st.Dropped != 0 || st.Next != 401 {
		t.Errorf("records were dropped: %+v", st)
	}
	for n := range 400 { // what is there is whole
		b, err := s.Read(uuid(n))
		if err != nil {
			continue
		}
		if whole, packets := wholeBlocks(b); whole != b.Size || packets == 0 {
			t.Errorf("call %d: %d of %d bytes are whole, %d packets", n, whole, b.Size, packets)
		}
		b.Close()
	}
	// There is room again.
	s.cfg.MaxBytes = 1
	s.Retain(time.Now())
	c := call(1000, protocol.KeepRTP)
	if k := record(s, c, 100); k.Packets != 100 {
		t.Errorf("%+v", k)
	}
	settled(t, s)
	if st := s.State(); st.Stopped != "" {
		t.Errorf("afterwards: %+v", st)
	}
}

// Where nothing is left alone a write fails in the middle. The file ends with a whole block nevertheless.
func TestAWriteThatFailsInTheMiddleLeavesWholeBlocks(t *testing.T) {
	dir := onSmallDisk(t)
	if dir == "" {
		return
	}
	s, err := Open(Config{Dir: dir, MinFree: -1, CleanFree: -1, Window: 1 << 20, WindowDisk: 1 << 30, Clock: func() time.Time { return start }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n := range 60 {
		c := call(n, protocol.KeepRTP)
		if n%2 == 0 {
			c = undecided(n)
		}
		talk(s, c, 0, 3000)
		settled(t, s)
		c.Open = false
		s.Decided(c)
		s.Kept(c)
	}
	settled(t, s)
	if s.count.disk+s.count.windowDisk == 0 || s.State().Stopped == "" {
		t.Errorf("the disk is not full: %+v, %+v", s.State(), s.count)
	}
	partial := 0
	for n := range 60 {
		r, err := s.Read(uuid(n))
		if err != nil {
			continue
		}
		whole, packets := wholeBlocks(r)
		if whole != r.Size || packets == 0 || r.Info.Partial != (packets < 3000) {
			t.Errorf("call %d: %d of %d bytes are whole, %d packets, %+v", n, whole, r.Size, packets, r.Info)
		}
		if r.Info.Partial {
			partial++
		}
		r.Close()
	}
	if partial == 0 {
		t.Error("no capture is partial: the test shows nothing")
	}
	filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && !strings.HasSuffix(name, suffix) || strings.Contains(name, heldFolder+"/") {
			t.Errorf("%s is left", name)
		}
		return nil
	})
}
