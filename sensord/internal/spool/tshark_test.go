package spool

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"voiptop/protocol"
	source "voiptop/sensord/internal/capture"
)

// tshark opens every form that a capture may have.
func TestTsharkOpensEveryCapture(t *testing.T) {
	write := func(name string, f io.ReadCloser, err error) string {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer f.Close()
		b, err := io.ReadAll(f)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		path := filepath.Join(t.TempDir(), "x.pcapng")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, Window: 3 * chunkSize, WindowDisk: 1 << 30})
	n := 0
	for _, held := range []bool{false, true} {
		for _, keep := range []protocol.Keep{protocol.KeepSIP, protocol.KeepHeaders, protocol.KeepRTP} {
			c := call(n, keep)
			if held {
				c = undecided(n)
			}
			n++
			talk(s, c, 0, 100)
			p := frame(100, 300)
			p.Link = source.LinkSLL
			s.Keep(c, p, 300)
			talk(s, c, 101, 99)
			decide(s, c, "a rule with a name that is a good deal longer than the one before, so that it has to be cut where there is no room", keep)
			kept := s.Kept(c)
			f, err := s.Open(c.ID)
			opens(t, write(string(keep), f, err), int(kept.Packets))
		}
	}
	// Stored, then held, then stored again under another rule, and partial.
	c := call(n, protocol.KeepRTP)
	talk(s, c, 0, 50)
	c.Open = true
	s.Decided(c)
	s.mu.Lock()
	s.cfg.WindowDisk = 0
	s.mu.Unlock()
	talk(s, c, 50, 500)
	decide(s, c, "r", protocol.KeepHeaders)
	kept := s.Kept(c)
	if !kept.Partial {
		t.Errorf("%+v", kept)
	}
	f, err := s.Open(c.ID)
	opens(t, write("partial", f, err), int(kept.Packets))
	s.Close()

	// Cut by a crash.
	plain := filepath.Join(dir, filePath(c.ID))
	b, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(plain)
	os.WriteFile(plain+partSuffix, b[:len(b)-10], 0o600)
	s = open(t, Config{Dir: dir, Compress: true})
	f, err = s.Open(c.ID)
	opens(t, write("recovered", f, err), int(kept.Packets)-1)
	compressed(t, s, uint64(n)+1)
	f, err = s.Open(c.ID)
	opens(t, write("compressed", f, err), int(kept.Packets)-1)
}
