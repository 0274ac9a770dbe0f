package spool

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/sensord/internal/pcapng"
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
			b := pcapng.AppendPacket(pcapng.AppendInterface(pcapng.AppendSection(nil, "x", nil), 1), 0, 1, []byte("x"), 1)
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

func TestRetentionRemovesTheOldestFirstAndRemembersIt(t *testing.T) {
	dir := t.TempDir()
	now := start
	size := int64(record(open(t, Config{Dir: t.TempDir()}), call(0, protocol.KeepRTP), 50).Bytes)
	cfg := Config{Dir: dir, MaxBytes: 5*size + size/2, Clock: func() time.Time { return now }}
	s := open(t, cfg)
	for n := range 12 {
		now = start.Add(time.Duration(n) * time.Minute)
		record(s, call(n*4000, protocol.KeepRTP), 50)
		contents(t, s, uuid(n*4000)) // waits for the file
	}
	is := func(s *Spool, from int) {
		t.Helper()
		for n := range 12 {
			want := error(nil)
			if n < from {
				want = ErrExpired
			}
			f, err := s.Open(uuid(n * 4000))
			if !errors.Is(err, want) {
				t.Errorf("call %d: %v, want %v", n, err, want)
			}
			if err == nil {
				f.Close()
			}
		}
	}
	is(s, 7)
	if _, err := s.Open(uuid(1)); !errors.Is(err, ErrNotKept) {
		t.Errorf("a call never kept: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, filepath.Dir(filePath(uuid(0))))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the empty folder is still there: %v", err)
	}
	st := s.State()
	if st.Files != 5 || int64(st.Bytes) > cfg.MaxBytes {
		t.Errorf("state %+v", st)
	}
	s.Close()

	cfg.MaxBytes, cfg.MaxDays = 0, 2
	s = open(t, cfg)
	if again := s.State(); again.Files != st.Files || again.Bytes != st.Bytes {
		t.Errorf("after opening again %+v, before %+v", again, st)
	}
	is(s, 7)
	s.Retain(start.AddDate(0, 0, 2).Add(8*time.Minute + time.Second))
	is(s, 9)
	s.Retain(start.AddDate(0, 0, 3))
	is(s, 12)
	if st := s.State(); st.Files != 0 || st.Bytes != 0 {
		t.Errorf("state %+v", st)
	}
}

func TestOnlyCapturesAreEverRemoved(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "precious")
	os.WriteFile(outside, []byte("precious"), 0o600)
	hour := filepath.Join(dir, filepath.Dir(filePath(uuid(1))))
	os.MkdirAll(hour, 0o755)
	os.WriteFile(filepath.Join(hour, "notes.txt"), []byte("mine"), 0o600)
	os.WriteFile(filepath.Join(dir, uuid(3).String()+suffix), []byte("at the wrong place"), 0o600)
	os.WriteFile(filepath.Join(dir, "x.pcapng.part"), []byte("not a call's"), 0o600)
	os.Symlink(outside, filepath.Join(dir, filePath(uuid(2))))
	os.Symlink(outside, filepath.Join(dir, filePath(uuid(4))+partSuffix))
	s := open(t, Config{Dir: dir, MaxBytes: 1})
	record(s, call(1, protocol.KeepRTP), 10)
	record(s, call(4, protocol.KeepRTP), 10) // its .part is a link to somewhere else
	s.Close()
	s = open(t, Config{Dir: dir, MaxBytes: 1})
	s.Retain(start.AddDate(1, 0, 0))
	for _, path := range []string{outside, filepath.Join(hour, "notes.txt"), filepath.Join(dir, uuid(3).String()+suffix), filepath.Join(dir, "x.pcapng.part")} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	if b, _ := os.ReadFile(outside); string(b) != "precious" {
		t.Errorf("a file outside was written: %q", b)
	}
	if _, err := s.Open(uuid(2)); !errors.Is(err, ErrNotKept) {
		t.Errorf("a symlink was opened: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, filePath(uuid(1)))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the capture is still there: %v", err)
	}
}

func TestASymlinkInPlaceOfACaptureIsNotFollowed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	record(s, call(1, protocol.KeepRTP), 10)
	contents(t, s, uuid(1))
	name := filepath.Join(dir, filePath(uuid(1)))
	os.Rename(name, name+"x")
	os.Symlink(filepath.Base(name)+"x", name)
	if f, err := s.Open(uuid(1)); err == nil {
		t.Errorf("opened %s", f.Name)
	}
}

func TestTheListOfExpiredCapturesIsBounded(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	tb, err := openTombs(root)
	if err != nil {
		t.Fatal(err)
	}
	const n = 2*maxTombs + 1000
	for i := range n {
		tb.add(uuid(i))
	}
	if err := tb.save(); err != nil {
		t.Fatal(err)
	}
	if len(tb.known) != maxTombs || tb.has(uuid(0)) || !tb.has(uuid(n-1)) {
		t.Errorf("%d known", len(tb.known))
	}
	again, err := openTombs(root)
	if err != nil || again.lines > maxTombs+1 || !again.has(uuid(n-1)) || !again.has(uuid(n-maxTombs)) || again.has(uuid(0)) {
		t.Errorf("%v, %d lines", err, again.lines)
	}
}
