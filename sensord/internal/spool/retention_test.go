package spool

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
)

func TestTheOldestCapturesMakeRoomOnTheDisk(t *testing.T) {
	dir := t.TempDir()
	now := start
	s := open(t, Config{Dir: dir, Clock: func() time.Time { return now }})
	var size int64
	for n := range 10 {
		now = start.Add(time.Duration(n) * time.Minute)
		size = int64(record(s, call(n, protocol.KeepRTP), 50).Bytes)
		contents(t, s, uuid(n))
	}
	const disk = 1 << 20
	others := int64(disk) - 15*size // what is not ours
	s.mu.Lock()
	s.cfg.CleanFree = 8 * size
	s.cfg.free = func(string) (uint64, uint64) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return uint64(disk - others - s.bytes), disk
	}
	s.mu.Unlock()
	// Free are 5 captures' worth, wanted are 8: the three oldest go.
	s.Retain(now)
	for n := range 10 {
		want := error(nil)
		if n < 3 {
			want = ErrExpired
		}
		if r, err := s.Read(uuid(n)); !errors.Is(err, want) {
			t.Errorf("call %d: %v, want %v", n, err, want)
		} else if err == nil {
			r.Close()
		}
	}
	// Something else fills the disk. What was removed a moment ago may not show yet: nothing goes.
	others += 2 * size
	s.Retain(now.Add(cleanEvery / 2))
	if st := s.State(); st.Files != 7 {
		t.Errorf("%d files", st.Files)
	}
	s.Retain(now.Add(cleanEvery))
	if st := s.State(); st.Files != 5 {
		t.Errorf("%d files", st.Files)
	}
	c := protocol.Counters{}
	if s.Counters(c); c["captures.expired.free"] != 5 || c["captures.expired.size"]+c["captures.expired.age"] != 0 {
		t.Errorf("counted %v", c)
	}
}

// A link that takes the place of a folder leads nothing out of the spool: no capture is written, read or removed through it.
func TestALinkInPlaceOfAFolderIsRefused(t *testing.T) {
	for _, level := range []string{"day", "hour", "undecided"} {
		for _, to := range []string{"outside", "inside"} {
			dir, outside := t.TempDir(), t.TempDir()
			target := outside
			if to == "inside" {
				target = filepath.Join(dir, "elsewhere")
				os.Mkdir(target, 0o750)
			}
			link := filepath.Join(dir, filepath.Dir(filePath(uuid(1))))
			switch level {
			case "day":
				link = filepath.Dir(link)
			case "undecided":
				link = filepath.Join(dir, heldFolder)
			}
			os.MkdirAll(filepath.Dir(link), 0o750)
			if err := os.Symlink(target, link); err != nil {
				t.Fatal(err)
			}
			// A capture that stands where the link leads to.
			at := map[string]string{"day": filepath.Base(filepath.Dir(filePath(uuid(2)))), "hour": ".", "undecided": "."}[level]
			precious := filepath.Join(target, at, uuid(2).String()+suffix)
			os.MkdirAll(filepath.Dir(precious), 0o750)
			b := appendPacket(appendInterface(appendSection(nil, "x", nil), 1), 0, 1, []byte("x"), 1)
			os.WriteFile(precious, b, 0o640)

			s := open(t, Config{Dir: dir, MaxBytes: 1, Window: 1, WindowDisk: 1 << 30})
			s.ready[uuid(2)] = &capture{id: uuid(2), size: int64(len(b))} // as if it had been taken in before the link was made
			s.oldest = ageHeap{s.ready[uuid(2)]}
			if level != "undecided" {
				if _, err := s.Read(uuid(2)); err == nil {
					t.Errorf("%s %s: a capture is read through a link", level, to)
				}
			}
			c := call(1, protocol.KeepRTP)
			if level == "undecided" {
				c = undecided(1)
			}
			talk(s, c, 0, 300)
			settled(t, s)
			c.Open = false
			s.Decided(c)
			s.Kept(c)
			settled(t, s)
			s.Retain(start.AddDate(1, 0, 0))
			s.Close()
			if _, err := os.Stat(precious); err != nil {
				t.Errorf("%s %s: a file behind a link is removed: %v", level, to, err)
			}
			for _, d := range []string{outside, filepath.Join(dir, "elsewhere")} {
				filepath.WalkDir(d, func(name string, e os.DirEntry, err error) error {
					if err == nil && !e.IsDir() && name != precious {
						t.Errorf("%s %s: %s was written through a link", level, to, name)
					}
					return nil
				})
			}
		}
	}
}

func TestHostileNamesAreNotTakenForCaptures(t *testing.T) {
	dir := t.TempDir()
	id := uuid(1).String()
	good := filePath(uuid(1))
	names := []string{
		"../" + good, "/" + good, "./" + good, good + "/", good + " ", " " + good, strings.ToUpper(good), good + ".part.part", good + ".zst.zst",
		"2026-11-22/11/" + id + suffix, "2026-11-23/10/" + id + suffix, "2026-11-22/10/../10/" + id + suffix, id + suffix,
		"2026-11-22/10/" + id[:35] + suffix, "2026-11-22/10/{" + id + "}" + suffix, "2026-11-22/10/" + strings.ReplaceAll(id, "-", "") + suffix,
		"2026-11-22/10/" + id + ".pcap", "2026-11-22/10/" + id + "\x00" + suffix, "", ".", "..", suffix, partSuffix,
	}
	for _, n := range names {
		if u, zst, part, ok := parsePath(n); ok {
			t.Errorf("%q is taken for a capture of %s (compressed %v, part %v)", n, u, zst, part)
		}
		if full := filepath.Join(dir, n); !strings.ContainsAny(n, "\x00") && strings.HasPrefix(full, dir+"/2026") && full != filepath.Join(dir, good) {
			os.MkdirAll(filepath.Dir(full), 0o750)
			os.WriteFile(full, []byte("mine"), 0o640)
		}
	}
	for _, n := range []string{good, good + partSuffix, good + ".zst", good + ".zst" + partSuffix} {
		if u, _, _, ok := parsePath(n); !ok || u != uuid(1) {
			t.Errorf("%q is not taken for a capture", n)
		}
	}
	count := func() (n int) {
		filepath.WalkDir(dir, func(_ string, e os.DirEntry, _ error) error {
			if e.Type().IsRegular() {
				n++
			}
			return nil
		})
		return n
	}
	before := count()
	s := open(t, Config{Dir: dir, MaxBytes: 1, MaxDays: 1})
	s.Retain(start.AddDate(1, 0, 0))
	s.Close()
	if after := count(); before == 0 || after != before {
		t.Errorf("of %d files %d are left", before, after)
	}
}

// FuzzParsePath: a name that is taken for a capture is the name of that capture.
func FuzzParsePath(f *testing.F) {
	f.Add(filePath(uuid(1)))
	f.Add(filePath(uuid(1)) + ".zst.part")
	f.Fuzz(func(t *testing.T, name string) {
		u, zst, part, ok := parsePath(name)
		if !ok {
			return
		}
		c := capture{id: u, zst: zst}
		if want := c.name(); name != want && (!part || name != want+partSuffix) {
			t.Fatalf("%q is taken for %q", name, want)
		}
	})
}
