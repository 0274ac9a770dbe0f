package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// filled reads a source by so many batches in some order, and compares what they hold when they are filled again, the latest moment.
func filled(t testing.TB, s Source, batches ...*Batch) []got {
	t.Helper()
	var out []got
	at := make([]int, len(batches)) // what of out came with them
	r := rand.New(rand.NewPCG(9, uint64(len(batches))))
	for {
		k := r.IntN(len(batches))
		b := batches[k]
		for j, p := range b.Packets {
			if want := out[at[k]+j]; !same(p, want) {
				t.Fatalf("packet %d has changed while its batch was not given back: %d bytes, were %d", at[k]+j, len(p.Data), len(want.data))
			}
		}
		err := Fill(s, b)
		at[k] = len(out)
		for _, p := range b.Packets {
			if cap(p.Data) != len(p.Data) {
				t.Fatal("whoever appends to a packet writes into the next one")
			}
			out = append(out, got{pkt{p.Time, string(p.Data), p.Length, 0}, p.Link, p.Iface})
		}
		switch {
		case errors.Is(err, io.EOF):
			return out
		case err != nil && !errors.Is(err, ErrIdle):
			t.Fatal(err)
		case err == nil && len(b.Packets) == 0:
			t.Fatal("an empty batch, and no error")
		}
	}
}

func same(p Packet, g got) bool {
	return p.Time == g.t && string(p.Data) == g.data && p.Length == g.length && p.Link == g.link && p.Iface == g.input
}

// lending is a source that is no Filler.
type lending struct{ Source }

// disorder swaps packets here and there, of which some are large.
func disorder(r *rand.Rand, n int) []pkt {
	var out []pkt
	at := base
	for i := range n {
		at += r.Int64N(2e6)
		size := r.IntN(300)
		if r.IntN(400) == 0 {
			size = r.IntN(maxFrame + 1)
		}
		out = append(out, pkt{t: at, data: strings.Repeat(string(rune('a'+i%26)), size), length: size + r.IntN(3)})
	}
	for range r.IntN(40) {
		i := r.IntN(n)
		j := min(n-1, i+r.IntN(100))
		out[i].t, out[j].t = out[j].t, out[i].t
	}
	if r.IntN(4) == 0 { // a simulation
		for i := range out {
			out[i].t = int64(i)
		}
	}
	if r.IntN(4) == 0 { // a clock that was set back
		for i := n / 2; i < n; i++ {
			out[i].t -= min(out[i].t, 3600e9)
		}
	}
	return out
}

func TestBatchesHoldWhatTheirSourceGivesOneByOne(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for round := range 60 {
		dir := t.TempDir()
		var paths []string
		for i := range 1 + r.IntN(3)*r.IntN(2) {
			pkts := disorder(r, 1+r.IntN(6000))
			order := []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian}[r.IntN(2)]
			var b []byte
			if r.IntN(2) == 0 {
				b = pcapBytes(order, true, LinkEthernet, pkts...)
			} else {
				b = ngBytes(order, LinkRaw, pkts[:len(pkts)/2]...)
				b = append(b, ngBytes(order, LinkSLL, pkts[len(pkts)/2:]...)...)
			}
			if r.IntN(4) == 0 {
				b = b[:len(b)-r.IntN(min(40, len(b)-100))]
			}
			paths = append(paths, write(t, dir, fmt.Sprint(i), b))
		}
		want, stats := read(t, paths...)
		for _, lent := range []bool{false, true} {
			s, err := Open(paths, Options{})
			if err != nil {
				t.Fatal(err)
			}
			var batches []*Batch
			for range 1 + r.IntN(5) {
				batches = append(batches, NewBatch(1+r.IntN(1500)))
			}
			src := Source(s)
			if lent {
				src = lending{s}
			}
			g := filled(t, src, batches...)
			if !slices.Equal(g, want) {
				t.Fatalf("round %d, lent %v: %d packets, want %d", round, lent, len(g), len(want))
			}
			if st := s.Stats(); st.Packets != stats.Packets || st.Bytes != stats.Bytes || !slices.Equal(st.Warnings, stats.Warnings) {
				t.Fatalf("round %d: %+v, want %+v", round, st, stats)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestBatchesOfALargeFileLieInAFewBlocks(t *testing.T) {
	path := write(t, t.TempDir(), "a", bigPcap(60_000, 214))
	for _, n := range []int{1, 100, 1280} {
		s, err := Open([]string{path}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if g := filled(t, s, NewBatch(n), NewBatch(n), NewBatch(n)); len(g) != 60_000 {
			t.Errorf("batches of %d: %d packets", n, len(g))
		}
		if made, most := s.(*files).blocks.made, 2*3+2; made > most { // each batch holds the end of one and the beginning of another
			t.Errorf("batches of %d: %d blocks, want at most %d", n, made, most)
		}
	}
}

func TestFillingABatchCostsNoAllocation(t *testing.T) {
	s, err := Open([]string{write(t, t.TempDir(), "a", bigPcap(60_000, 214))}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := NewBatch(500)
	if n := testing.AllocsPerRun(80, func() {
		if err := s.Fill(b); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}

func TestSecretsComeInBatchesWhereTheyComeOneByOne(t *testing.T) {
	le := binary.LittleEndian
	b := append(ngSection(le), ngInterfaceBlock(le, ngIface{LinkRaw, -1, 0})...)
	for i := range 3000 {
		if i%700 == 3 {
			b = append(b, secretsBlock(le, secretsTLS, fmt.Sprintf("line %d\n", i))...)
		}
		b = append(b, ngPacket(le, pkt{data: "packet"}, uint64(i))...)
	}
	path := write(t, t.TempDir(), "a.pcapng", b)
	told := func(read func(s Filler) ([]Packet, error)) (out []string) {
		s, err := Open([]string{path}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for n := 0; ; {
			list, err := read(s)
			for _, p := range list {
				if p.Secrets != nil {
					out = append(out, fmt.Sprintf("%d %s", n, p.Secrets))
				}
				n++
			}
			if err != nil {
				return out
			}
		}
	}
	want := told(func(s Filler) ([]Packet, error) {
		var p Packet
		if err := s.Next(&p); err != nil {
			return nil, err
		}
		return []Packet{p}, nil
	})
	batch := NewBatch(1000)
	g := told(func(s Filler) ([]Packet, error) {
		err := s.Fill(batch)
		return batch.Packets, err
	})
	if !slices.Equal(g, want) || len(g) != 5 {
		t.Errorf("secrets %q, want %q", g, want)
	}
}

func TestOnlyRegularFilesNeverWait(t *testing.T) {
	path := write(t, t.TempDir(), "a.pcap", bigPcap(3, 100))
	for _, tt := range []struct {
		paths []string
		want  bool
	}{{[]string{path}, false}, {[]string{filepath.Dir(path)}, false}, {[]string{"-"}, true}, {[]string{path, "-"}, true}} {
		s, err := Open(tt.paths, Options{Stdin: bytes.NewReader(bigPcap(3, 100))})
		if err != nil {
			t.Fatal(err)
		}
		if Waits(s) != tt.want || !Waits(lending{s}) {
			t.Errorf("%v: waits %v, want %v", tt.paths, Waits(s), tt.want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
