package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func write(t testing.TB, dir, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// got is a packet that was read, with its data copied.
type got struct {
	pkt
	link, input uint16
}

func readAll(t testing.TB, s Source) []got {
	t.Helper()
	var out []got
	var p Packet
	for {
		err := s.Next(&p)
		if errors.Is(err, io.EOF) {
			return out
		}
		if errors.Is(err, ErrIdle) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, got{pkt{p.Time, string(p.Data), p.Length, 0}, p.Link, p.Iface})
	}
}

func read(t testing.TB, paths ...string) ([]got, Stats) {
	t.Helper()
	s, err := Open(paths, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return readAll(t, s), s.Stats()
}

const base = int64(1_700_000_000_000_000_000)

func some(n int) []pkt {
	var out []pkt
	for i := range n {
		out = append(out, pkt{t: base + int64(i)*20_000_000, data: fmt.Sprintf("packet %d %s", i, strings.Repeat("x", i%100))})
	}
	return out
}

func check(t *testing.T, gots []got, want []pkt, link uint16) {
	t.Helper()
	if len(gots) != len(want) {
		t.Fatalf("%d packets, want %d", len(gots), len(want))
	}
	for i, g := range gots {
		w := want[i]
		if g.t != w.t || g.data != w.data || g.length != int(w.wire()) || g.link != link {
			t.Fatalf("packet %d: got %+v, want %+v of link %d", i, g, w, link)
		}
	}
}

func TestEveryFileFormatIsRead(t *testing.T) {
	want := some(500)
	want[3].length = 1500
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, nano := range []bool{false, true} {
			t.Run(fmt.Sprintf("pcap %v nano %v", order, nano), func(t *testing.T) {
				g, _ := read(t, write(t, t.TempDir(), "a.pcap", pcapBytes(order, nano, LinkSLL2|4<<28, want...)))
				check(t, g, want, LinkSLL2)
			})
		}
		t.Run(fmt.Sprintf("pcapng %v", order), func(t *testing.T) {
			g, _ := read(t, write(t, t.TempDir(), "a.pcapng", ngBytes(order, LinkRaw, want...)))
			check(t, g, want, LinkRaw)
		})
	}
}

func TestCompressedFilesAreRead(t *testing.T) {
	want := some(5000)
	plain := pcapBytes(binary.LittleEndian, true, LinkEthernet, want...)
	var gz, zs bytes.Buffer
	w := gzip.NewWriter(&gz)
	w.Write(plain)
	w.Close()
	z, err := zstd.NewWriter(&zs)
	if err != nil {
		t.Fatal(err)
	}
	z.Write(plain)
	z.Close()
	dir := t.TempDir()
	for name, b := range map[string][]byte{"a.gz": gz.Bytes(), "named.anyhow": zs.Bytes()} {
		g, _ := read(t, write(t, dir, name, b))
		check(t, g, want, LinkEthernet)
	}
	s, err := Open([]string{"-"}, Options{Stdin: &gz})
	if err != nil {
		t.Fatal(err)
	}
	check(t, readAll(t, s), want, LinkEthernet)
	if in := s.Stats().Inputs; in[0] != "stdin" {
		t.Error(in)
	}

	cut, st := read(t, write(t, dir, "cut.gz", zs.Bytes()[:len(zs.Bytes())/2]))
	if len(st.Warnings) != 1 || !strings.Contains(st.Warnings[0].Text, "ends within") || len(cut) >= len(want) {
		t.Errorf("a cut compressed file: %d packets, %+v", len(cut), st.Warnings)
	}
}

func TestPcapngInterfacesHaveTheirOwnClocksAndLinkTypes(t *testing.T) {
	le, be := binary.LittleEndian, binary.BigEndian
	b := ngSection(be) // interface, resolution, offset, units, time
	cases := []struct {
		i     ngIface
		units uint64
		want  int64
	}{
		{ngIface{1, 6, 0}, 1_700_000_000_000_001, base + 1000},
		{ngIface{101, 9, 0}, 1_700_000_000_000_000_002, base + 2},
		{ngIface{113, 3, 0}, 1_700_000_000_003, base + 3e6},
		{ngIface{276, 0x80 | 10, 0}, 1_700_000_000<<10 | 512, base + 5e8},
		{ngIface{0, 12, 1_700_000_000}, 7_000_000_000_000, base + 7e9},
		{ngIface{1, 0, 0}, 1_700_000_008, base + 8e9},
		{ngIface{1, 0x80, -8}, 1_700_000_018, base + 10e9},
	}
	for _, c := range cases {
		b = append(b, ngInterfaceBlock(be, c.i)...)
	}
	for i, c := range cases {
		b = append(b, ngPacket(be, pkt{data: fmt.Sprint(i), iface: i}, c.units)...)
	}
	// A second section, of the other byte order, with an interface of its own, and a simple packet, without a time.
	b = append(b, ngSection(le)...)
	b = append(b, ngInterfaceBlock(le, ngIface{147, 9, 0})...)
	b = append(b, ngPacket(le, pkt{data: "new section"}, uint64(base+20e9))...)
	b = append(b, ngBlock(le, blockSimple, append(le.AppendUint32(nil, 5), "plain"...))...)
	// An obsolete packet block.
	o := append(le.AppendUint16(le.AppendUint16(nil, 0), 9), binary.BigEndian.AppendUint64(nil, 0)...)
	le.PutUint32(o[4:], uint32((base+30e9)>>32))
	le.PutUint32(o[8:], uint32((base+30e9)&0xffffffff))
	o = le.AppendUint32(le.AppendUint32(o, 3), 60)
	b = append(b, ngBlock(le, blockPacket, append(o, "old"...))...)

	g, st := read(t, write(t, t.TempDir(), "a.pcapng", b))
	if len(st.Warnings) != 0 || len(g) != len(cases)+3 {
		t.Fatalf("%d packets, %+v", len(g), st.Warnings)
	}
	byData := map[string]got{}
	for _, p := range g {
		byData[p.data] = p
	}
	for i, c := range cases {
		if p := byData[fmt.Sprint(i)]; p.t != c.want || p.link != c.i.link {
			t.Errorf("interface %d: got %d of link %d, want %d of %d", i, p.t, p.link, c.want, c.i.link)
		}
	}
	if p := byData["new section"]; p.t != base+20e9 || p.link != 147 {
		t.Errorf("new section: %+v", p)
	}
	if p := byData["plain"]; p.t != base+20e9 || p.length != 5 {
		t.Errorf("simple packet: %+v", p)
	}
	if p := byData["old"]; p.t != base+30e9 || p.length != 60 {
		t.Errorf("obsolete packet: %+v", p)
	}
}

func TestPacketsSlightlyOutOfOrderComeSorted(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	want := some(3000)
	shuffled := slices.Clone(want)
	for i := 0; i+8 <= len(shuffled); i += 8 {
		g := shuffled[i : i+8]
		r.Shuffle(8, func(a, b int) { g[a], g[b] = g[b], g[a] })
	}
	g, _ := read(t, write(t, t.TempDir(), "a.pcap", pcapBytes(binary.LittleEndian, true, 1, shuffled...)))
	check(t, g, want, 1)
}

func TestPacketsThatLieFarApartComeSorted(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	want := some(203)
	for i := range want {
		want[i].t = base + int64(i)*45e9
	}
	shuffled := slices.Clone(want)
	for i := 0; i < len(shuffled); i += 40 {
		g := shuffled[i:min(i+40, len(shuffled))]
		r.Shuffle(len(g), func(a, b int) { g[a], g[b] = g[b], g[a] })
	}
	slices.Reverse(shuffled[200:]) // the last one comes first: nothing follows that would tell
	g, _ := read(t, write(t, t.TempDir(), "a.pcap", pcapBytes(binary.LittleEndian, true, 1, shuffled...)))
	check(t, g, want, 1)
}

func TestAClockThatWasSetBackDoesNotMixOldAndNew(t *testing.T) {
	for _, back := range []int64{3600e9, 5e9} {
		want := append(some(200), some(200)...)
		for i := range 200 {
			want[i].t += back
		}
		g, _ := read(t, write(t, t.TempDir(), "a.pcap", pcapBytes(binary.LittleEndian, true, 1, want...)))
		check(t, g, want, 1)
	}
}

func TestAPacketOfTimeZeroHasATime(t *testing.T) {
	g, _ := read(t, write(t, t.TempDir(), "a.pcap", pcapBytes(binary.LittleEndian, true, 1, pkt{data: "first"}, pkt{t: 20e6, data: "second"})))
	if len(g) != 2 || g[0].t != 1000 || g[1].t != 20e6 {
		t.Errorf("got %+v", g)
	}
}

func TestALatePacketDoesNotPinTheBuffer(t *testing.T) {
	pkts := []pkt{{t: base + 990e6, data: "early bird"}}
	for i := range 2000 {
		pkts = append(pkts, pkt{t: base + int64(i)*1e6, data: strings.Repeat("y", 2000)})
	}
	s, err := Open([]string{write(t, t.TempDir(), "a.pcap", pcapBytes(binary.LittleEndian, true, 1, pkts...))}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := readAll(t, s)
	if len(g) != len(pkts) || g[990].data != "early bird" {
		t.Errorf("%d packets, the early one is not in its place", len(g))
	}
	if n := s.(*files).blocks.made; n > 4 {
		t.Errorf("%d blocks of memory", n)
	}
}

func TestSeveralFilesAreMergedByTime(t *testing.T) {
	dir := t.TempDir()
	all := some(4000)
	var parts [40][]pkt // more than may be open at once
	for i, p := range all {
		k := i % len(parts)
		if i < 2000 {
			k = i / 100
		}
		parts[k] = append(parts[k], p)
	}
	for i, p := range parts {
		write(t, dir, fmt.Sprintf("d%d/%02d.pcap", i%3, i), pcapBytes(binary.LittleEndian, true, 1, p...))
	}
	write(t, dir, "README.md", []byte("not a capture, and not named like one"))
	write(t, dir, "d0/empty.pcap", nil)
	g, st := read(t, dir)
	check(t, g, all, 1)
	if len(st.Inputs) != 40 || st.Packets != 4000 || filepath.Base(st.Inputs[0]) != "00.pcap" {
		t.Errorf("%d inputs, %d packets", len(st.Inputs), st.Packets)
	}
	if len(st.Warnings) != 1 || !strings.Contains(st.Warnings[0].Text, "empty") {
		t.Errorf("warnings: %+v", st.Warnings)
	}
	for _, p := range g[:100] {
		if base := filepath.Base(st.Inputs[p.input]); base != "00.pcap" {
			t.Fatalf("packet of %s", base)
		}
	}
}

func TestADamagedFileIsReadAsFarAsItGoes(t *testing.T) {
	le := binary.LittleEndian
	whole := pcapBytes(le, true, 1, some(3)...)
	ng := ngBytes(le, 1, some(3)...)
	second := int64(24 + 16 + len(some(3)[0].data))
	big := slices.Clone(whole)
	le.PutUint32(big[second+8:], 1<<20)
	stray := append(ngSection(le), ngPacket(le, pkt{data: "x", iface: 4}, 0)...)
	tests := []struct {
		name    string
		b       []byte
		packets int
		offset  int64
		text    string
	}{
		{"cut in a packet", whole[:len(whole)-1], 2, int64(len(whole) - 16 - len(some(3)[2].data)), "ends within a packet"},
		{"cut in a header", whole[:second+7], 1, second, "packet header: 7 of 16 bytes"},
		{"a length that cannot be", big, 1, second, "damaged"},
		{"pcapng cut in a block", ng[:len(ng)-5], 2, int64(len(ng) - 32 - (len(some(3)[2].data)+3)&^3), "ends within a packet block"},
		{"pcapng, an interface that is not described", stray, 0, 28, "interface 4"},
		{"pcapng, a block of 4 bytes", append(slices.Clone(ng), 6, 0, 0, 0, 4, 0, 0, 0), 3, int64(len(ng)), "block of 4 bytes"},
		{"pcapng, a block of 2 GiB", append(slices.Clone(ng), 6, 0, 0, 0, 0, 0, 0, 0x80), 3, int64(len(ng)), "damaged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			name := write(t, t.TempDir(), "a.pcap", tt.b)
			g, st := read(t, name)
			if len(g) != tt.packets || len(st.Warnings) != 1 {
				t.Fatalf("%d packets, %+v", len(g), st.Warnings)
			}
			if w := st.Warnings[0]; w.Input != name || w.Offset != tt.offset || !strings.Contains(w.Text, tt.text) {
				t.Errorf("warning %+v, want offset %d and %q", w, tt.offset, tt.text)
			}
		})
	}
}

func TestWhatIsNoCaptureIsAnError(t *testing.T) {
	dir := t.TempDir()
	tests := map[string]struct {
		b    []byte
		want string
	}{
		"empty":       {nil, "an empty file"},
		"text":        {[]byte("hello world, no capture"), `text, "hello wo"`},
		"xz":          {[]byte("\xfd7zXZ\x00\x00\x00"), "unpack it first"},
		"bytes":       {[]byte{1, 2, 3, 4, 5}, "01 02 03 04 05"},
		"cut header":  {pcapBytes(binary.LittleEndian, true, 1)[:20], "20 of 24 bytes"},
		"pcapng 2":    {append([]byte{0xa, 0xd, 0xd, 0xa, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 2, 0}, make([]byte, 14)...), "version 2"},
		"broken gzip": {[]byte{0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, "gzip"},
	}
	for name, tt := range tests {
		path := write(t, dir, name, tt.b)
		_, err := Open([]string{path}, Options{})
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q and the path", name, err, tt.want)
		}
	}
	for _, paths := range [][]string{{filepath.Join(dir, "missing")}, {t.TempDir()}, {"-", "-"}} {
		if _, err := Open(paths, Options{Stdin: strings.NewReader("")}); err == nil {
			t.Errorf("%v: no error", paths)
		}
	}
}

func TestNothingComesAfterClose(t *testing.T) {
	s, err := Open([]string{write(t, t.TempDir(), "a", pcapBytes(binary.LittleEndian, true, 1, some(3)...))}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Close()
	if err := s.Next(&Packet{}); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}

func TestReadingAPacketCostsNoAllocation(t *testing.T) {
	s, err := Open([]string{write(t, t.TempDir(), "a", bigPcap(5000, 214))}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var p Packet
	if n := testing.AllocsPerRun(4000, func() {
		if err := s.Next(&p); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
}

// FuzzOpen reads arbitrary bytes as a capture: no panic, no more bytes out than there were in, lengths that agree, and
// the same packets whether the file comes at once or in small pieces, one by one or in batches.
func FuzzOpen(f *testing.F) {
	f.Add(pcapBytes(binary.LittleEndian, false, 1, some(3)...))
	f.Add(pcapBytes(binary.BigEndian, true, 1, some(3)...))
	f.Add(ngBytes(binary.LittleEndian, 1, some(3)...))
	f.Add(append(ngBytes(binary.BigEndian, 1, some(2)...), ngBytes(binary.LittleEndian, 113, some(2)...)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		var gots [2][]got
		for i, r := range []io.Reader{bytes.NewReader(b), &dribble{b}} {
			s, err := Open([]string{"-"}, Options{Stdin: r})
			if err != nil {
				return
			}
			var p Packet
			sum := 0
			for {
				err := s.Next(&p)
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if sum += len(p.Data); sum > len(b) && b[0] != 0x1f && b[0] != 0x28 {
					t.Fatalf("%d bytes of packets out of %d", sum, len(b))
				}
				if p.Length < len(p.Data) || len(p.Data) > maxFrame || p.Time < 0 {
					t.Fatalf("%d bytes, length %d, time %d", len(p.Data), p.Length, p.Time)
				}
				gots[i] = append(gots[i], got{pkt{p.Time, string(p.Data), p.Length, 0}, p.Link, p.Iface})
				if len(gots[i]) > 10_000 {
					break
				}
			}
		}
		if !slices.Equal(gots[0], gots[1]) {
			t.Fatal("the packets depend on how the file is read")
		}
		if len(gots[0]) > 10_000 {
			return
		}
		s, err := Open([]string{"-"}, Options{Stdin: bytes.NewReader(b)})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(filled(t, s, NewBatch(70), NewBatch(3), NewBatch(1000)), gots[0]) {
			t.Fatal("batches hold other packets")
		}
	})
}

// dribble hands out a few bytes at a time.
type dribble struct{ b []byte }

func (d *dribble) Read(p []byte) (int, error) {
	if len(d.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, d.b[:min(7, len(d.b))])
	d.b = d.b[n:]
	return n, nil
}

func TestCloseWakesAReadOfStandardInput(t *testing.T) {
	for name, open := range map[string]func(io.Reader) (Source, error){
		"files":  func(r io.Reader) (Source, error) { return Open([]string{"-"}, Options{Stdin: r}) },
		"replay": func(r io.Reader) (Source, error) { return NewReplay([]string{"-"}, ReplayOptions{Stdin: r}) },
	} {
		t.Run(name, func(t *testing.T) {
			r, w := io.Pipe()
			defer w.Close()
			all := bigPcap(windowSize+1, 100)
			go w.Write(all)
			s, err := open(r)
			if err != nil {
				t.Fatal(err)
			}
			got := make(chan error)
			go func() {
				var p Packet
				for {
					if err := s.Next(&p); err != nil && !errors.Is(err, ErrIdle) {
						got <- err
						return
					}
				}
			}()
			time.Sleep(20 * time.Millisecond)
			s.Close()
			select {
			case err := <-got:
				if !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
			case <-time.After(2 * time.Second):
				t.Fatal("Next still waits")
			}
		})
	}
}

func TestAModifiedPcapHasLongerPacketHeaders(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		want := []pkt{{t: 1e18, data: "first"}, {t: 1e18 + 5000, data: "second", length: 60}}
		plain := pcapBytes(order, false, LinkEthernet, want...)
		b := append(order.AppendUint32(nil, magicModified), plain[4:pcapFileHeader]...)
		for at := pcapFileHeader; at < len(plain); {
			n := pcapPacketHeader
			b = append(append(b, plain[at:at+n]...), 2, 0, 0, 0, 8, 0, 0, 0)
			size := len(want[0].data)
			if at > pcapFileHeader {
				size = len(want[1].data)
			}
			b = append(b, plain[at+n:at+n+size]...)
			at += n + size
		}
		got, _ := read(t, write(t, t.TempDir(), "a.pcap", b))
		if len(got) != len(want) {
			t.Fatalf("%v: %d packets, want %d", order, len(got), len(want))
		}
		for i, g := range got {
			if g.t != want[i].t || g.data != want[i].data || g.length != int(want[i].wire()) {
				t.Errorf("%v: got %+v, want %+v", order, g, want[i])
			}
		}
	}
}

func TestAPacketOfALiveCaptureIsNotKeptWaitingForOthers(t *testing.T) {
	r, w := io.Pipe()
	head := len(pcapBytes(binary.LittleEndian, false, 1))
	var pkts []pkt
	for i := range 3 {
		pkts = append(pkts, pkt{t: int64(i+1) * 1e9, data: string(rune(i))})
	}
	whole := pcapBytes(binary.LittleEndian, false, 1, pkts...)
	size := (len(whole) - head) / len(pkts)
	send := func(b []byte) { go func() { _, _ = w.Write(b) }() }
	send(whole[:head+size])
	s, err := Open([]string{"-"}, Options{Stdin: r, Live: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range pkts { // each when the one before has been read
		if i > 0 {
			send(whole[head+i*size : head+(i+1)*size])
		}
		var p Packet
		got := make(chan error, 1)
		go func() { got <- s.Next(&p) }()
		select {
		case err := <-got:
			if err != nil || p.Data[0] != byte(i) {
				t.Fatalf("packet %d: %v, %v", i, p.Data, err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("packet %d is kept waiting", i)
		}
	}
}
