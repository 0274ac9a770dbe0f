package spool

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"voiptop/protocol"
)

// compressed waits until n captures are compressed.
func compressed(t *testing.T, s *Spool, n uint64) {
	t.Helper()
	for range 1000 {
		s.mu.Lock()
		done := s.count.compressed >= n
		s.mu.Unlock()
		if done {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("captures are not compressed")
}

func TestACompressedCaptureIsReadAsThePcapngFileItWas(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, Sensor: "berlin-1"})
	kept := record(s, call(1, protocol.KeepRTP), 5000)
	want := contents(t, s, uuid(1))
	before, err := os.Stat(filepath.Join(dir, filePath(uuid(1))))
	if err != nil {
		t.Fatal(err)
	}
	s.Close()

	s = open(t, Config{Dir: dir, Compress: true})
	compressed(t, s, 1)
	if _, err := os.Stat(filepath.Join(dir, filePath(uuid(1)))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the plain file is still there: %v", err)
	}
	check := func(when string) {
		t.Helper()
		f, err := s.Open(uuid(1))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		got, err := io.ReadAll(f)
		if err != nil || !bytes.Equal(got, want) || f.Size != int64(len(want)) || f.Size != int64(kept.Bytes) {
			t.Errorf("%s: %d bytes, size %d, want %d; %v", when, len(got), f.Size, len(want), err)
		}
		if !f.ModTime.Equal(before.ModTime()) {
			t.Errorf("%s: finished at %v, want %v", when, f.ModTime, before.ModTime())
		}
		r, err := s.Read(uuid(1))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if r.Info.CallID != "call-1@example.com" || r.Info.Sensor != "berlin-1" || r.Info.Keep != protocol.KeepRTP {
			t.Errorf("%s: %+v", when, r.Info)
		}
		rnd := rand.New(rand.NewPCG(1, 2))
		for range 50 { // ranges
			at := rnd.IntN(len(want))
			part := make([]byte, rnd.IntN(len(want)-at))
			if _, err := r.ReadAt(part, int64(at)); err != nil || !bytes.Equal(part, want[at:at+len(part)]) {
				t.Fatalf("%s: %d bytes at %d: %v", when, len(part), at, err)
			}
			if _, err := r.Seek(int64(at), io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(r, part); err != nil || !bytes.Equal(part, want[at:at+len(part)]) {
				t.Fatalf("%s: read at %d: %v", when, at, err)
			}
		}
	}
	check("compressed")
	z := filepath.Join(dir, (&capture{id: uuid(1), zst: true}).name())
	onDisk, err := os.Stat(z)
	if err != nil || onDisk.Size() >= int64(len(want)) {
		t.Fatalf("%v, %v", onDisk, err)
	}
	if st := s.State(); st.Files != 1 || int64(st.Bytes) != onDisk.Size() {
		t.Errorf("state %+v, on disk %d", st, onDisk.Size())
	}
	s.Close()
	s = open(t, Config{Dir: dir}) // compressing switched off: what is compressed stays readable
	check("after a restart")
	if st := s.State(); st.Files != 1 || int64(st.Bytes) != onDisk.Size() {
		t.Errorf("state after a restart %+v, on disk %d", st, onDisk.Size())
	}
	// Any zstd reads it.
	raw, err := os.ReadFile(z)
	if err != nil {
		t.Fatal(err)
	}
	d, err := zstd.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got, err := io.ReadAll(d); err != nil || !bytes.Equal(got, want) {
		t.Errorf("zstd: %d bytes, %v", len(got), err)
	}
	if tool, err := exec.LookPath("zstd"); err == nil {
		if out, err := exec.Command(tool, "-dc", z).Output(); err != nil || !bytes.Equal(out, want) {
			t.Errorf("zstd -dc: %d bytes, %v", len(out), err)
		}
	}
	s.cfg.MaxDays = 1
	s.Retain(start.AddDate(10, 0, 0))
	if _, err := s.Open(uuid(1)); !errors.Is(err, ErrExpired) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(z); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the expired file is still there: %v", err)
	}
}

// Whatever a crash leaves of the compressing, the packets are there.
func TestATornCompressedFileNeverLosesThePlainOne(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, Compress: true})
	record(s, call(1, protocol.KeepRTP), 3000)
	compressed(t, s, 1)
	want := contents(t, s, uuid(1))
	s.Close()
	plain := filepath.Join(dir, filePath(uuid(1)))
	z := filepath.Join(dir, (&capture{id: uuid(1), zst: true}).name())
	whole, err := os.ReadFile(z)
	if err != nil {
		t.Fatal(err)
	}
	for name, files := range map[string]map[string][]byte{
		"while it is written":             {plain: want, z + partSuffix: whole[:len(whole)/2]},
		"before it has its name":          {plain: want, z + partSuffix: whole},
		"before the plain one is removed": {plain: want, z: whole},
		"damaged, the plain one there":    {plain: want, z: whole[:len(whole)-5]},
		"after all":                       {z: whole},
	} {
		for _, f := range []string{plain, z, z + partSuffix} {
			os.Remove(f)
		}
		for f, b := range files {
			os.WriteFile(f, b, 0o640)
		}
		for _, again := range []bool{false, true} {
			s := open(t, Config{Dir: dir, Compress: again})
			if again && files[plain] != nil {
				compressed(t, s, 1)
			}
			if got := contents(t, s, uuid(1)); !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes, want %d", name, len(got), len(want))
			}
			if _, err := os.Stat(z + partSuffix); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: the half file is still there", name)
			}
			s.Close()
		}
	}
}

func TestACaptureIsReadWhileItIsCompressed(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir(), Compress: true})
	for n := range 20 {
		record(s, call(n, protocol.KeepRTP), 500)
	}
	settled(t, s)
	for done := uint64(0); done < 20; {
		s.mu.Lock()
		done = s.count.compressed
		s.mu.Unlock()
		for n := range 20 {
			if got := contents(t, s, uuid(n)); len(got) < 500*200 {
				t.Fatalf("call %d: %d bytes", n, len(got))
			}
		}
	}
}

func TestADamagedCompressedCaptureIsAnError(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, Compress: true})
	record(s, call(1, protocol.KeepRTP), 3000)
	compressed(t, s, 1)
	z := filepath.Join(dir, (&capture{id: uuid(1), zst: true}).name())
	whole, err := os.ReadFile(z)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{10, len(whole) / 2, len(whole) - 1, len(whole) - 12} {
		b := bytes.Clone(whole)
		b[at] ^= 0x55
		os.WriteFile(z, b, 0o640)
		f, err := s.Open(uuid(1))
		if err == nil {
			_, err = io.ReadAll(f)
			f.Close()
		}
		if err == nil {
			t.Errorf("a flipped byte at %d of %d goes unnoticed", at, len(whole))
		}
	}
}
