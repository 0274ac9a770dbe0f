package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
	source "voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/pcapng"
)

var start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// uuid is the id of call n, which starts n seconds after start.
func uuid(n int) (u protocol.UUID) {
	binary.BigEndian.PutUint64(u[:], uint64(start.Add(time.Duration(n)*time.Second).UnixMilli())<<16|0x7000)
	binary.BigEndian.PutUint64(u[8:], uint64(n)|1<<63)
	return u
}

func call(n int, keep protocol.Keep) *analyze.KeptCall {
	at := start.Add(time.Duration(n) * time.Second)
	return &analyze.KeptCall{
		ID: uuid(n), CallID: fmt.Sprintf("call-%d@example.com", n), Caller: "+4930/1", Callee: "1002",
		Start: protocol.TimeOf(at), Rule: "line 1", Keep: keep,
	}
}

func frame(i, size int) *analyze.Packet {
	data := []byte(strings.Repeat(string(rune('a'+i%26)), size))
	return &analyze.Packet{Time: start.UnixNano() + int64(i)*20e6 + 7, Data: data, Length: size, Link: source.LinkEthernet}
}

func open(t testing.TB, c Config) *Spool {
	t.Helper()
	if c.Clock == nil {
		c.Clock = func() time.Time { return start }
	}
	c.MinFree, c.CleanFree = -1, -1
	s, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// record keeps n packets of a call and ends it.
func record(s *Spool, c *analyze.KeptCall, n int) protocol.Capture {
	for i := range n {
		s.Keep(c, frame(i, 200), 54)
	}
	return s.Kept(c)
}

func dropped(s *Spool) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count.disk + s.count.slow + s.count.late
}

func contents(t *testing.T, s *Spool, u protocol.UUID) []byte {
	t.Helper()
	f, err := s.Open(u)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil || int64(len(b)) != f.Size {
		t.Fatalf("%d bytes, size %d, %v", len(b), f.Size, err)
	}
	return b
}

// packets reads a capture with the reader of package capture.
func packets(t *testing.T, path string) []source.Packet {
	t.Helper()
	src, err := source.Open([]string{path}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var out []source.Packet
	for {
		var p source.Packet
		err := src.Next(&p)
		if errors.Is(err, io.EOF) {
			if w := src.Stats().Warnings; len(w) > 0 {
				t.Errorf("%s: %+v", path, w)
			}
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		p.Data = slices.Clone(p.Data)
		out = append(out, p)
	}
}

func TestWhatIsKeptIsReadBack(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, Sensor: "berlin-1"})
	c := call(1, protocol.KeepRTP)
	var want []*analyze.Packet
	for i := range 300 {
		p := frame(i, 100+i)
		if i%3 == 0 {
			p.Link, p.Length = source.LinkSLL, 2000
		}
		want = append(want, p)
		s.Keep(c, p, 54)
	}
	kept := s.Kept(c)
	f, err := s.Open(c.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if kept.Kept != protocol.KeepRTP || kept.Packets != 300 || int64(kept.Bytes) != f.Size {
		t.Errorf("kept %+v, size %d", kept, f.Size)
	}
	if f.Name != "20261122-100001_+49301_1002.pcapng" {
		t.Errorf("name %q", f.Name)
	}
	path := filepath.Join(dir, "2026-11-22/10", c.ID.String()+".pcapng")
	got := packets(t, path)
	if len(got) != len(want) {
		t.Fatalf("%d packets", len(got))
	}
	for i, p := range got {
		if w := want[i]; p.Time != w.Time || string(p.Data) != string(w.Data) || p.Length != w.Length || p.Link != w.Link {
			t.Fatalf("packet %d: %+v", i, p)
		}
	}
	b := contents(t, s, c.ID)
	notes := strings.Join(comments(b), "\n")
	for _, n := range []string{"Call-ID: call-1@example.com", "Rule: line 1", "Sensor: berlin-1", "Start: 2026-11-22T10:00:01.000000Z"} {
		if !strings.Contains(notes, n) {
			t.Errorf("comments %q lack %q", notes, n)
		}
	}
	if st := s.State(); st.Files != 1 || st.Bytes != kept.Bytes || st.Stopped != "" || st.Free == 0 {
		t.Errorf("state %+v", st)
	}
	if tshark, err := exec.LookPath("tshark"); err == nil {
		out, err := exec.Command(tshark, "-n", "-r", path, "-T", "fields", "-e", "frame.number").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "\n300\n") {
			t.Errorf("tshark: %v %s", err, out)
		}
	} else {
		t.Log("tshark is not here")
	}
}

func TestWhatARuleDoesNotWantIsNotKept(t *testing.T) {
	sip, rtp := frame(0, 400), frame(1, 214)
	tests := []struct {
		keep protocol.Keep
		want []int // lengths
	}{
		{protocol.KeepRTP, []int{400, 214}},
		{protocol.KeepHeaders, []int{400, 54}},
		{protocol.KeepSIP, []int{400}},
		{protocol.KeepNone, nil},
	}
	for i, tt := range tests {
		dir := t.TempDir()
		s := open(t, Config{Dir: dir})
		c := call(i, tt.keep)
		s.Keep(c, sip, 400)
		s.Keep(c, rtp, 54)
		kept := s.Kept(c)
		if kept.Packets != uint64(len(tt.want)) || kept.Kept != tt.keep {
			t.Errorf("%s: kept %+v", tt.keep, kept)
		}
		if tt.want == nil {
			if _, err := s.Open(c.ID); !errors.Is(err, ErrNotKept) {
				t.Errorf("%s: %v", tt.keep, err)
			}
			continue
		}
		contents(t, s, c.ID)
		var got []int
		for _, p := range packets(t, filepath.Join(dir, filePath(c.ID))) {
			got = append(got, len(p.Data))
			if p.Length != 400 && p.Length != 214 {
				t.Errorf("%s: length on the wire %d", tt.keep, p.Length)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.keep, got, tt.want)
		}
	}
}

func TestManyCallsShareFewOpenFiles(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, MaxOpen: 3})
	for i := range 100 {
		for n := range 40 {
			s.Keep(call(n, protocol.KeepRTP), frame(i, 300), 300)
		}
	}
	for n := range 40 {
		if k := s.Kept(call(n, protocol.KeepRTP)); k.Packets != 100 {
			t.Fatalf("call %d: %+v", n, k)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := s.files.byUse.Len(); n != 0 || s.memory != 0 {
		t.Errorf("%d files open, %d bytes in memory", n, s.memory)
	}
	for n := range 40 {
		got := packets(t, filepath.Join(dir, filePath(uuid(n))))
		if len(got) != 100 {
			t.Fatalf("call %d: %d packets", n, len(got))
		}
		for i, p := range got {
			if string(p.Data) != string(frame(i, 300).Data) {
				t.Fatalf("call %d, packet %d differs", n, i)
			}
		}
	}
}

func TestPacketsReachTheDiskWithinASecondOfPackets(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	quiet, busy := call(1, protocol.KeepRTP), call(2, protocol.KeepRTP)
	s.Keep(quiet, frame(0, 100), 100)
	for i := range 60 {
		s.Keep(busy, frame(i, 100), 100)
	}
	path := filepath.Join(dir, filePath(quiet.ID)+partSuffix)
	for range 200 {
		if f, err := os.Open(path); err == nil {
			_, n := wholeBlocks(f)
			f.Close()
			if n == 1 {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the packet of the quiet call is not on disk")
}

func TestAfterACrashWhatWasWrittenIsReadable(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	record(s, call(1, protocol.KeepRTP), 100)
	whole := contents(t, s, uuid(1))
	s.Close()

	name := filepath.Join(dir, filePath(uuid(2)))
	for cut := len(whole) - 300; cut < len(whole); cut += 7 {
		os.WriteFile(name+partSuffix, whole[:cut], 0o640)
		os.Remove(name)
		s := open(t, Config{Dir: dir})
		if got := packets(t, name); len(got) < 98 || len(got) > 99 {
			t.Fatalf("cut at %d: %d packets", cut, len(got))
		}
		contents(t, s, uuid(2))
		s.Close()
	}
	for what, b := range map[string][]byte{"nothing": {}, "half a header": whole[:10], "garbage": []byte(strings.Repeat("x", 100)), "no packet": whole[:len(pcapng.AppendSection(nil, "", nil))]} {
		os.Remove(name)
		os.WriteFile(name+partSuffix, b, 0o640)
		s := open(t, Config{Dir: dir})
		if _, err := s.Open(uuid(2)); !errors.Is(err, ErrNotKept) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := os.Stat(name + partSuffix); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the file is still there", what)
		}
		s.Close()
	}
}

func TestASpoolSurvivesKill9(t *testing.T) {
	if dir := os.Getenv("SPOOL_TO_BE_KILLED"); dir != "" {
		s := open(t, Config{Dir: dir})
		for i := 0; ; i++ {
			for n := range 5 {
				s.Keep(call(n, protocol.KeepRTP), frame(i, 200+i%50), 54)
			}
			if i == 2000 {
				s.Kept(call(4, protocol.KeepRTP))
			}
			if i%100 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestASpoolSurvivesKill9$")
	cmd.Env = append(os.Environ(), "SPOOL_TO_BE_KILLED="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := filepath.Join(dir, filePath(uuid(4)))
	for range 1000 {
		if _, err := os.Stat(ended); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	cmd.Process.Kill()
	cmd.Wait()
	s := open(t, Config{Dir: dir})
	for n := range 4 {
		contents(t, s, uuid(n))
		got := packets(t, filepath.Join(dir, filePath(uuid(n))))
		if len(got) < 1000 {
			t.Errorf("call %d: %d packets", n, len(got))
		}
		for i, p := range got {
			if string(p.Data) != string(frame(i, 200+i%50).Data) {
				t.Fatalf("call %d, packet %d differs", n, i)
			}
		}
	}
}

func TestAPacketAfterTheEndDoesNotTouchTheCapture(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	record(s, call(1, protocol.KeepRTP), 100)
	whole := contents(t, s, uuid(1))
	if k := record(s, call(1, protocol.KeepRTP), 1); k.Kept != protocol.KeepNone || dropped(s) != 1 {
		t.Errorf("%+v, %d dropped", k, dropped(s))
	}
	s.Close()

	// A replay of the same packets that was killed early leaves the longer capture; one that goes further replaces it.
	name := filepath.Join(dir, filePath(uuid(1)))
	os.WriteFile(name+partSuffix, whole[:len(whole)/2], 0o640)
	s = open(t, Config{Dir: dir})
	if string(contents(t, s, uuid(1))) != string(whole) {
		t.Error("half a capture has replaced the whole")
	}
	record(s, call(1, protocol.KeepRTP), 200)
	contents(t, s, uuid(1))
	if n := len(packets(t, name)); n != 200 || s.State().Files != 1 {
		t.Errorf("%d packets, %+v", n, s.State())
	}
}

// FuzzWholeBlocks checks that what is found whole at the start of any bytes is found whole again when the rest is cut off.
func FuzzWholeBlocks(f *testing.F) {
	b := pcapng.AppendSection(nil, "test", []string{"a"})
	b = pcapng.AppendInterface(b, 1)
	b = pcapng.AppendPacket(b, 0, 1, []byte("hello"), 5)
	f.Add(b)
	f.Add(b[:len(b)-3])
	f.Fuzz(func(t *testing.T, b []byte) {
		size, n := wholeBlocks(strings.NewReader(string(b)))
		if size > int64(len(b)) || size%4 != 0 {
			t.Fatalf("%d bytes whole of %d", size, len(b))
		}
		if s, m := wholeBlocks(strings.NewReader(string(b[:size]))); s != size || m != n {
			t.Fatalf("%d bytes, %d packets; again %d, %d", size, n, s, m)
		}
		comments(b)
	})
}

// BenchmarkKeep is what a packet costs the engine, of a call that is stored and of one that is held.
func BenchmarkKeep(b *testing.B) {
	for name, held := range map[string]bool{"stored": false, "held": true} {
		b.Run(name, func(b *testing.B) {
			s := open(b, Config{Dir: b.TempDir(), MaxBytes: 100 << 20, WindowDisk: 1 << 30, Window: 16 << 20})
			p := frame(1, 214)
			n := 0
			c := call(n, protocol.KeepRTP)
			c.Open = held
			b.ReportAllocs()
			b.SetBytes(214)
			for i := 1; b.Loop(); i++ {
				p.Time += 1e6
				s.Keep(c, p, headers)
				if i%20_000 == 0 {
					b.StopTimer()
					c.Keep, c.Open = protocol.KeepNone, false
					s.Decided(c)
					s.Kept(c)
					settled(b, s)
					n++
					c = call(n, protocol.KeepRTP)
					c.Open = held
					b.StartTimer()
				}
			}
			if d := dropped(s); d > 0 {
				b.Errorf("%d dropped", d)
			}
		})
	}
}
