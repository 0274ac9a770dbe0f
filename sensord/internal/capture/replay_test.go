package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// played is a packet of a replay with the clock's time when it came.
type played struct {
	got
	at time.Time
}

// play reads n packets, or to the end, in virtual time.
func play(t *testing.T, s Source, n int) []played {
	t.Helper()
	var out []played
	var p Packet
	for len(out) < n {
		before := time.Now()
		err := s.Next(&p)
		switch {
		case errors.Is(err, io.EOF):
			return out
		case errors.Is(err, ErrIdle):
			if d := time.Since(before); d != idleAfter {
				t.Fatalf("idle after %v", d)
			}
		case err != nil:
			t.Fatal(err)
		default:
			out = append(out, played{got{pkt{p.Time, string(p.Data), p.Length, 0}, p.Link, p.Iface}, time.Now()})
		}
	}
	return out
}

func replayFile(t *testing.T, dir, name string, start int64, n int) string {
	pkts := some(n)
	for i := range pkts {
		pkts[i].t += start - base
	}
	return write(t, dir, name, pcapBytes(binary.LittleEndian, true, 1, pkts...))
}

func TestReplayHandsOutPacketsWhenTheyAreDue(t *testing.T) {
	path := replayFile(t, t.TempDir(), "a.pcap", base, 100)
	for _, speed := range []float64{1, 4, 0.5} {
		for _, toNow := range []bool{false, true} {
			t.Run(fmt.Sprint(speed, toNow), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					s, err := NewReplay([]string{path}, ReplayOptions{Speed: speed, ToNow: toNow})
					if err != nil {
						t.Fatal(err)
					}
					first := base
					if toNow {
						first = start.UnixNano()
					}
					for i, p := range play(t, s, 1000) {
						off := time.Duration(i) * 20 * time.Millisecond
						if p.t != first+int64(off) {
							t.Fatalf("packet %d has time %d, want %d", i, p.t, first+int64(off))
						}
						if late := p.at.Sub(start) - time.Duration(float64(off)/speed); late < -time.Microsecond || late > time.Microsecond {
							t.Fatalf("packet %d comes %v late", i, late)
						}
						if i == 99 && s.Stats().Packets < 64 {
							t.Errorf("stats: %+v", s.Stats())
						}
					}
				})
			})
		}
	}
}

func TestReplayAsFastAsPossibleDoesNotWait(t *testing.T) {
	path := replayFile(t, t.TempDir(), "a.pcap", base, 100)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s, err := NewReplay([]string{path}, ReplayOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if p := play(t, s, 1000); len(p) != 100 || time.Since(start) != 0 {
			t.Errorf("%d packets in %v", len(p), time.Since(start))
		}
	})
}

func TestReplayInALoopPlaysFilesSideBySide(t *testing.T) {
	dir := t.TempDir()
	replayFile(t, dir, "a.pcap", base, 50)             // 1 s
	replayFile(t, dir, "b.pcap", base+1_000_000e9, 10) // 0.2 s, much later
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s, err := NewReplay([]string{dir}, ReplayOptions{Speed: 1, Loop: true, ToNow: true, Stagger: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		starts := map[uint16][]time.Duration{}
		last := int64(0)
		for _, p := range play(t, s, 500) {
			if p.t < last {
				t.Fatal("times go back")
			}
			last = p.t
			if p.t != p.at.UnixNano() {
				t.Fatalf("packet of %v comes at %v", time.Unix(0, p.t), p.at)
			}
			if strings.HasPrefix(p.data, "packet 0 ") {
				starts[p.input] = append(starts[p.input], p.at.Sub(start))
			}
		}
		if fmt.Sprint(starts[0][:3]) != "[0s 3.98s 7.96s]" || fmt.Sprint(starts[1][:3]) != "[500ms 3.68s 6.86s]" {
			t.Errorf("starts: %v", starts)
		}
		s.Close()
	})
}

func TestReplayDoesNotWaitForTheYearsBetweenFiles(t *testing.T) {
	dir := t.TempDir()
	a := replayFile(t, dir, "a.pcap", base, 10)
	b := replayFile(t, dir, "b.pcap", base+365*86400e9, 10)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s, err := NewReplay([]string{b, a}, ReplayOptions{Speed: 1})
		if err != nil {
			t.Fatal(err)
		}
		p := play(t, s, 100)
		if len(p) != 20 || p[0].t != base || p[19].t != base+365*86400e9+180e6 {
			t.Fatalf("%d packets, %+v", len(p), p)
		}
		if d := p[10].at.Sub(start); d > 4*time.Second || d < 2*time.Second {
			t.Errorf("the second file starts after %v", d)
		}
	})
}

func TestReplayIdleTellsTheTimeItHasComeTo(t *testing.T) {
	pkts := some(2)
	pkts[1].t += 10e9
	path := write(t, t.TempDir(), "a.pcap", pcapBytes(binary.LittleEndian, true, 1, pkts...))
	synctest.Test(t, func(t *testing.T) {
		s, err := NewReplay([]string{path}, ReplayOptions{Speed: 2})
		if err != nil {
			t.Fatal(err)
		}
		var p Packet
		if err := s.Next(&p); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			if err := s.Next(&p); !errors.Is(err, ErrIdle) || p.Time != base+int64(i+1)*200e6 {
				t.Fatalf("%v at %d", err, p.Time-base)
			}
		}
	})
}

func TestCloseEndsAReplayThatWaits(t *testing.T) {
	pkts := some(2)
	pkts[1].t += 3600e9
	path := write(t, t.TempDir(), "a.pcap", pcapBytes(binary.LittleEndian, true, 1, pkts...))
	synctest.Test(t, func(t *testing.T) {
		s, err := NewReplay([]string{path}, ReplayOptions{Speed: 0.01})
		if err != nil {
			t.Fatal(err)
		}
		play(t, s, 1)
		time.AfterFunc(50*time.Millisecond, func() { s.Close() })
		start := time.Now()
		if err := s.Next(&Packet{}); !errors.Is(err, ErrClosed) || time.Since(start) != 50*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestAFileThatGoesAwayEndsItsLoop(t *testing.T) {
	dir := t.TempDir()
	path := replayFile(t, dir, "a.pcap", base, 3)
	s, err := NewReplay([]string{path}, ReplayOptions{Loop: true})
	if err != nil {
		t.Fatal(err)
	}
	play(t, s, 7)
	write(t, dir, filepath.Base(path), nil)
	if n := len(play(t, s, 100)); n > 3 {
		t.Errorf("%d more packets", n)
	}
	if w := s.Stats().Warnings; len(w) != 1 || w[0].Input != path {
		t.Errorf("warnings: %v", w)
	}
}

func TestReplayRefusesWhatItCannotPlay(t *testing.T) {
	empty := write(t, t.TempDir(), "a.pcap", pcapBytes(binary.LittleEndian, true, 1))
	for name, try := range map[string]func() (Source, error){
		"no packet":      func() (Source, error) { return NewReplay([]string{empty}, ReplayOptions{}) },
		"negative speed": func() (Source, error) { return NewReplay([]string{empty}, ReplayOptions{Speed: -1}) },
		"stdin in a loop": func() (Source, error) {
			return NewReplay([]string{"-"}, ReplayOptions{Loop: true, Stdin: strings.NewReader("")})
		},
		"missing": func() (Source, error) { return NewReplay([]string{empty + "x"}, ReplayOptions{}) },
	} {
		if s, err := try(); err == nil {
			t.Errorf("%s: no error, %v", name, s)
		}
	}
}
