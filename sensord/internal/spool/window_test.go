package spool

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
	source "voiptop/sensord/internal/capture"
)

const headers = 54 // of the media packets of these tests

// undecided is a call of which no rule has decided.
func undecided(n int) *analyze.KeptCall {
	c := call(n, protocol.KeepRTP)
	c.Rule, c.Open = "", true
	return c
}

// decide is what a rule says in the end.
func decide(s *Spool, c *analyze.KeptCall, rule string, keep protocol.Keep) {
	c.Rule, c.Keep, c.Open = rule, keep, false
	s.Decided(c)
}

// talk keeps a signalling packet, then n-1 of media.
func talk(s *Spool, c *analyze.KeptCall, from, n int) {
	for i := from; i < from+n; i++ {
		if i == from {
			s.Keep(c, frame(i, 600), 600)
		} else {
			s.Keep(c, frame(i, 214), headers)
		}
	}
}

func heldFiles(t *testing.T, dir string) int {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(dir, heldFolder))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return len(list)
}

// settled waits until the writing goroutine has done all it was given.
func settled(t testing.TB, s *Spool) {
	t.Helper()
	last := &recording{done: make(chan struct{})}
	s.mu.Lock()
	s.put(job{kind: jobEnd, r: last})
	s.mu.Unlock()
	select {
	case <-last.done:
	case <-time.After(30 * time.Second):
		t.Fatal("the disk does not keep up")
	}
}

// rest is what the spool still has of calls.
func rest(s *Spool) (held, memory int, disk int64, running int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held, s.memory, s.windowBytes, len(s.running)
}

func TestAnUndecidedCallBecomesACaptureAtTheLevelDecided(t *testing.T) {
	for _, where := range []string{"memory", "disk", "both"} {
		for _, keep := range []protocol.Keep{protocol.KeepRTP, protocol.KeepHeaders, protocol.KeepSIP, protocol.KeepNone} {
			t.Run(where+" "+string(keep), func(t *testing.T) {
				dir := t.TempDir()
				cfg := Config{Dir: dir, WindowDisk: 1 << 30}
				if where != "memory" {
					cfg.Window = 3 * chunkSize
				}
				s := open(t, cfg)
				c := undecided(1)
				talk(s, c, 0, 100)
				talk(s, c, 100, 100)
				if where == "disk" {
					s.mu.Lock()
					s.cfg.Window = 0
					s.makeRoom()
					s.mu.Unlock()
				}
				settled(t, s)
				if onDisk := heldFiles(t, dir) > 0; onDisk != (where != "memory") {
					t.Fatalf("held on disk: %v", onDisk)
				}
				if st := s.State(); st.HeldCalls != 1 || st.HeldBytes < 200*214 || st.Files != 0 {
					t.Errorf("state %+v", st)
				}
				if _, err := s.Read(c.ID); !errors.Is(err, ErrRunning) {
					t.Errorf("read while it runs: %v", err)
				}
				decide(s, c, "bad ones", keep)
				kept := s.Kept(c)

				want := map[protocol.Keep]uint64{protocol.KeepRTP: 200, protocol.KeepHeaders: 200, protocol.KeepSIP: 2, protocol.KeepNone: 0}[keep]
				if kept.Kept != keep || kept.Packets != want || kept.Partial {
					t.Errorf("kept %+v, want %d packets", kept, want)
				}
				if keep == protocol.KeepNone {
					if _, err := s.Read(c.ID); !errors.Is(err, ErrNotKept) {
						t.Errorf("%v", err)
					}
				} else {
					f, err := s.Read(c.ID)
					if err != nil {
						t.Fatal(err)
					}
					f.Close()
					if uint64(f.Size) != kept.Bytes || f.Info.Rule != "bad ones" || f.Info.Keep != keep || f.Info.Partial {
						t.Errorf("size %d, kept %+v, info %+v", f.Size, kept, f.Info)
					}
					got := packets(t, filepath.Join(dir, filePath(c.ID)))
					if uint64(len(got)) != want {
						t.Fatalf("%d packets", len(got))
					}
					for i, p := range got {
						w := frame(i, 214)
						cut := 214
						switch {
						case keep == protocol.KeepSIP:
							w, cut = frame(i*100, 600), 600
						case i%100 == 0:
							w, cut = frame(i, 600), 600
						case keep == protocol.KeepHeaders:
							cut = headers
						}
						if p.Time != w.Time || p.Length != w.Length || string(p.Data) != string(w.Data[:cut]) {
							t.Fatalf("packet %d: %d of %d bytes at %d", i, len(p.Data), p.Length, p.Time)
						}
					}
				}
				settled(t, s)
				held, memory, disk, running := rest(s)
				if n := heldFiles(t, dir); n != 0 || held != 0 || disk != 0 || memory != 0 || running != 0 {
					t.Errorf("%d files, %d bytes in memory (%d), %d on disk, %d calls are left", n, held, memory, disk, running)
				}
			})
		}
	}
}

// What calls and rules do in any order is what a simple model says of them: a list of what is stored and one of what is held.
func TestAnyOrderOfDecisionsKeepsWhatTheModelKeeps(t *testing.T) {
	type model struct {
		call         *analyze.KeptCall
		stored, held []source.Packet // held: Data whole, Link says what of it is not media
		level        protocol.Keep
	}
	levels := []protocol.Keep{protocol.KeepNone, protocol.KeepSIP, protocol.KeepHeaders, protocol.KeepRTP}
	for seed := range uint64(150) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		dir := t.TempDir()
		s := open(t, Config{Dir: dir, MaxOpen: 1 + rnd.IntN(4), Window: 1 + rnd.IntN(40_000), WindowDisk: 1 << 30})
		calls := make([]*model, 1+rnd.IntN(5))
		for n := range calls {
			calls[n] = &model{call: undecided(n), level: protocol.KeepNone}
		}
		cutTo := func(p source.Packet, level protocol.Keep) (source.Packet, bool) {
			h := int(p.Link)
			switch {
			case h >= p.Length, level == protocol.KeepRTP:
				return p, true
			case level == protocol.KeepHeaders && h > 0:
				p.Data = p.Data[:h]
				return p, true
			}
			return p, false
		}
		keepIt := func(m *model, p source.Packet, level protocol.Keep) {
			if q, ok := cutTo(p, level); ok {
				m.stored = append(m.stored, q)
				if level.Rank() > m.level.Rank() {
					m.level = level
				}
			}
		}
		for i := range 400 {
			m := calls[rnd.IntN(len(calls))]
			c := m.call
			if rnd.IntN(25) == 0 {
				c.Open, c.Keep, c.Rule, c.NoAudio = rnd.IntN(3) == 0, levels[rnd.IntN(4)], "", rnd.IntN(2) == 0
				if c.Open && c.Keep == protocol.KeepNone {
					c.Keep = protocol.KeepRTP
				}
				if c.Keep != protocol.KeepNone || rnd.IntN(2) == 0 {
					c.Rule = fmt.Sprintf("rule %d", i)
				}
				s.Decided(c)
				switch {
				case c.Open:
					continue
				case c.Keep != protocol.KeepNone:
					for _, p := range m.held {
						keepIt(m, p, c.Keep)
					}
				case c.Rule != "":
					m.stored, m.level = nil, protocol.KeepNone
				}
				m.held = nil
				continue
			}
			size := 60 + rnd.IntN(1400)
			h := []int{size, 54, 54, 54, 70, 0}[rnd.IntN(6)]
			p := frame(i, size)
			s.Keep(c, p, h)
			q := source.Packet{Time: p.Time, Data: p.Data, Length: p.Length, Link: uint16(h)}
			switch {
			case c.Keep == protocol.KeepNone, c.Keep == protocol.KeepSIP && h < size:
			case c.Open && c.Keep == protocol.KeepHeaders && h == 0:
			case c.Open:
				if c.Keep == protocol.KeepHeaders {
					q.Data = q.Data[:min(h, size)] // more cannot be kept
				}
				m.held = append(m.held, q)
			default:
				keepIt(m, q, c.Keep)
			}
			if held, _, _, _ := rest(s); held > s.cfg.Window {
				t.Fatalf("seed %d: %d bytes are held in memory, at most %d", seed, held, s.cfg.Window)
			}
		}
		for n, m := range calls {
			if m.call.Open {
				m.call.Open, m.call.Keep, m.call.Rule = false, protocol.KeepNone, ""
				s.Decided(m.call)
			}
			kept := s.Kept(m.call)
			if kept.Packets != uint64(len(m.stored)) || kept.Partial || kept.Kept != m.level {
				t.Fatalf("seed %d, call %d: kept %+v, want %d at level %s", seed, n, kept, len(m.stored), m.level)
			}
			if len(m.stored) == 0 {
				continue
			}
			f, err := s.Read(m.call.ID)
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
			if uint64(f.Size) != kept.Bytes || f.Info.Keep != m.level || f.Info.NoAudio != kept.NoAudio {
				t.Fatalf("seed %d, call %d: size %d, kept %+v, info %+v", seed, n, f.Size, kept, f.Info)
			}
			got := packets(t, filepath.Join(dir, filePath(m.call.ID)))
			if !slices.EqualFunc(got, m.stored, func(a, b source.Packet) bool {
				return a.Time == b.Time && string(a.Data) == string(b.Data) && a.Length == b.Length
			}) {
				t.Fatalf("seed %d, call %d: other packets are stored than were to be", seed, n)
			}
		}
		settled(t, s)
		held, memory, disk, running := rest(s)
		if n := heldFiles(t, dir); n != 0 || held != 0 || disk != 0 || memory != 0 || running != 0 || s.unspilled.Len()+s.heldMedia.Len()+s.heldSIP.Len() != 0 {
			t.Fatalf("seed %d: left are %d files, %d bytes in memory (%d), %d on disk, %d calls", seed, n, held, memory, disk, running)
		}
		var sum int64
		for _, c := range s.ready {
			sum += c.size
		}
		if s.bytes != sum {
			t.Fatalf("seed %d: %d bytes counted, %d are there", seed, s.bytes, sum)
		}
		s.Close()
	}
}

func TestNoVoiceIsHeldWhereHeadersAreTheMostThatMayBeKept(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	c := undecided(1)
	c.Keep = protocol.KeepHeaders
	talk(s, c, 0, 100)
	s.Keep(c, frame(100, 214), 0) // not even headers
	if held, _, _, _ := rest(s); held > 100*(headers+60)+2*chunkSize {
		t.Errorf("%d bytes are held", held)
	}
	decide(s, c, "other rules", protocol.KeepRTP) // that came during the call
	if kept := s.Kept(c); kept.Packets != 100 {
		t.Errorf("kept %+v", kept)
	}
	settled(t, s)
	for i, p := range packets(t, filepath.Join(dir, filePath(c.ID))) {
		if want := headers; i > 0 && (len(p.Data) != want || p.Length != 214) {
			t.Fatalf("packet %d: %d bytes of %d, want %d", i, len(p.Data), p.Length, want)
		}
	}
}

func TestWhatWasHeldAtACrashIsGoneAfterwards(t *testing.T) {
	dir := t.TempDir()
	os.MkdirAll(filepath.Join(dir, heldFolder), 0o750)
	os.WriteFile(filepath.Join(dir, heldPath(uuid(1))), []byte("packets"), 0o640)
	outside := filepath.Join(t.TempDir(), "precious")
	os.WriteFile(outside, nil, 0o600)
	os.Symlink(outside, filepath.Join(dir, heldPath(uuid(2))))
	mine := filepath.Join(dir, heldFolder, "notes.txt")
	os.WriteFile(mine, nil, 0o600)
	s := open(t, Config{Dir: dir, WindowDisk: 1 << 30, Window: 1})
	if _, err := os.Lstat(filepath.Join(dir, heldPath(uuid(1)))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("held packets are still there: %v", err)
	}
	for _, name := range []string{outside, mine} {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
	c := undecided(2) // where a link is
	talk(s, c, 0, 100)
	settled(t, s)
	decide(s, c, "r", protocol.KeepRTP)
	if k := s.Kept(c); k.Packets != 100 {
		t.Errorf("%+v", k)
	}
	contents(t, s, c.ID)
	if b, _ := os.ReadFile(outside); len(b) != 0 {
		t.Errorf("a file outside was written: %d bytes", len(b))
	}
}

func TestAnUndecidedCallIsLetGoWhenTheSpoolCloses(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, Window: 1, WindowDisk: 1 << 30})
	talk(s, undecided(1), 0, 100)
	s.Close()
	if n := heldFiles(t, dir); n != 0 {
		t.Errorf("%d files are left", n)
	}
	s = open(t, Config{Dir: dir})
	if _, err := s.Read(uuid(1)); !errors.Is(err, ErrNotKept) {
		t.Errorf("%v", err)
	}
}

func TestAPacketIsKeptWithoutAllocation(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir(), Window: 1 << 20, WindowDisk: 1 << 30})
	for name, c := range map[string]*analyze.KeptCall{"stored": call(1, protocol.KeepRTP), "held": undecided(2)} {
		p := frame(1, 214)
		keep := func() {
			p.Time += 1e6
			s.Keep(c, p, headers)
		}
		for range 20_000 { // chunks go round
			keep()
		}
		if n := testing.AllocsPerRun(5000, keep); n != 0 {
			t.Errorf("%s: %v allocations a packet", name, n)
		}
	}
}
