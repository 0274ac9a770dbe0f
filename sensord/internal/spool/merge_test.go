package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"voiptop/protocol"
	source "voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/pcapng"
)

// legs records three calls of one conversation, 100 packets each: the second shares every other packet with the first, the
// third has a link type of its own and is compressed.
func legs(t *testing.T) (s *Spool, dir string) {
	dir = t.TempDir()
	s = open(t, Config{Dir: dir, Sensor: "berlin-1"})
	for n := range 3 {
		c := call(n, protocol.KeepRTP)
		for i := range 100 {
			p := frame(i, 214)
			if n == 1 && i%2 == 1 {
				p.Time += 3
			}
			if n == 2 {
				p.Time += 1
				p.Data = bytes.Clone(p.Data)
				p.Data[0] = '2'
				p.Link = source.LinkSLL
			}
			s.Keep(c, p, headers)
		}
		s.Kept(c)
		contents(t, s, c.ID)
	}
	s.Close()
	s = open(t, Config{Dir: dir, Sensor: "berlin-1", Compress: true})
	compressed(t, s, 3)
	return s, dir
}

func TestAGroupIsOneFileInTheOrderOfTime(t *testing.T) {
	s, _ := legs(t)
	f, err := s.Merge([]protocol.UUID{uuid(2), uuid(7), uuid(0), uuid(1)}) // of 7 nothing was kept
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil || int64(len(b)) != f.Size || f.Name != "20261122-100000_+49301_1002_group.pcapng" || f.Tag == "" {
		t.Fatalf("%d bytes, size %d, %q, %v", len(b), f.Size, f.Name, err)
	}
	path := filepath.Join(t.TempDir(), "group.pcapng")
	os.WriteFile(path, b, 0o600)
	got := packets(t, path)
	if len(got) != 250 {
		t.Fatalf("%d packets, want 100 + 50 + 100", len(got))
	}
	sll := 0
	for i, p := range got {
		if i > 0 && p.Time < got[i-1].Time {
			t.Fatalf("packet %d is before the one before", i)
		}
		if p.Link == source.LinkSLL {
			sll++
			if p.Data[0] != '2' {
				t.Fatalf("packet %d has the interface of another call", i)
			}
		}
	}
	if sll != 100 {
		t.Errorf("%d packets of the third call", sll)
	}
	notes := strings.Join(comments(b), "\n")
	for n := range 3 {
		if want := fmt.Sprintf("Call %d: Call-ID call-%d@example.com, from +4930/1 to 1002", n+1, n); !strings.Contains(notes, want) {
			t.Errorf("comments %q lack %q", notes, want)
		}
	}
	opens(t, path, 250)
}

// opens checks that tshark reads a file with so many packets, without complaint.
func opens(t *testing.T, path string, packets int) {
	t.Helper()
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Log("tshark is not here")
		return
	}
	var stderr bytes.Buffer
	cmd := exec.Command(tshark, "-n", "-r", path, "-T", "fields", "-e", "frame.number", "-e", "frame.interface_name")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	complaint := strings.TrimSpace(strings.ReplaceAll(stderr.String(), "Running as user \"root\" and group \"root\". This could be dangerous.", ""))
	if n := bytes.Count(out, []byte("\n")); err != nil || n != packets || complaint != "" {
		t.Errorf("tshark: %v, %d packets of %d, %s", err, n, packets, complaint)
	}
}

func TestAGroupIsServedInParts(t *testing.T) {
	s, _ := legs(t)
	group := []protocol.UUID{uuid(0), uuid(1), uuid(2)}
	serve := func(head http.Header) *httptest.ResponseRecorder {
		f, err := s.Merge(group)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.Header = head
		w.Header().Set("ETag", `"`+f.Tag+`"`)
		http.ServeContent(w, r, f.Name, f.ModTime, f)
		return w
	}
	whole := serve(http.Header{}).Body.Bytes()
	for _, at := range []int{0, 1, 5000, len(whole) - 1} {
		w := serve(http.Header{"Range": {fmt.Sprintf("bytes=%d-", at)}})
		if w.Code != http.StatusPartialContent || !bytes.Equal(w.Body.Bytes(), whole[at:]) {
			t.Errorf("from %d: status %d, %d bytes", at, w.Code, w.Body.Len())
		}
	}
	tag := serve(http.Header{}).Header().Get("ETag")
	group = group[:2] // one has expired
	if w := serve(http.Header{"Range": {"bytes=5000-"}, "If-Range": {tag}}); w.Code != http.StatusOK {
		t.Errorf("the rest of another file is given: status %d", w.Code)
	}
}

func TestAGroupThatIsTooLargeToMeasureIsStreamed(t *testing.T) {
	s, _ := legs(t)
	var in []*Reader
	for n := range 3 {
		r, err := s.Read(uuid(n))
		if err != nil {
			t.Fatal(err)
		}
		in = append(in, r)
	}
	in[0].Size = maxMeasured // as if; the rest of it is not there
	f, err := merge(in)
	if err != nil || f.Size != -1 {
		t.Fatalf("size %d, %v", f.Size, err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if _, n := wholeBlocks(bytes.NewReader(b)); n != 250 || err != nil {
		t.Errorf("%d packets, %v", n, err)
	}
}

func TestAGroupWithoutACaptureSaysWhyOfTheFirst(t *testing.T) {
	s, _ := legs(t)
	if _, err := s.Merge([]protocol.UUID{uuid(8), uuid(9)}); !errors.Is(err, ErrNotKept) {
		t.Errorf("%v", err)
	}
	if _, err := s.Merge(nil); !errors.Is(err, ErrNotKept) {
		t.Errorf("no calls: %v", err)
	}
}

// readerOf gives a capture in memory.
func readerOf(n int, b []byte) *Reader {
	return &Reader{ID: uuid(n), Size: int64(len(b)), Info: readInfo(comments(b)), content: inMemory{bytes.NewReader(b)}}
}

type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

func TestAMergeKeepsSectionsApart(t *testing.T) {
	part := func(link uint16, from int) []byte {
		b := pcapng.AppendSection(nil, "t", nil)
		b = pcapng.AppendInterface(b, link)
		for i := range 3 {
			b = pcapng.AppendPacket(b, 0, int64(from+i), []byte{byte(link)}, 1)
		}
		return b
	}
	two := append(part(1, 0), part(113, 10)...) // a file of two sections, each with an interface 0
	f, err := merge([]*Reader{readerOf(0, two), readerOf(1, part(101, 5))})
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.pcapng")
	os.WriteFile(path, b, 0o600)
	got := packets(t, path)
	if len(got) != 9 {
		t.Fatalf("%d packets", len(got))
	}
	for _, p := range got {
		if byte(p.Link) != p.Data[0] {
			t.Errorf("at %d: link type %d, want %d", p.Time, p.Link, p.Data[0])
		}
	}
}

// FuzzMerge: whatever captures hold, a merge of them is whole blocks, with no more packets than they have together, in the
// order of time if theirs is, and the same again when it is read again.
func FuzzMerge(f *testing.F) {
	b := pcapng.AppendSection(nil, "test", []string{"Call-ID: a"})
	b = pcapng.AppendInterface(b, 1)
	for i := range 5 {
		b = pcapng.AppendPacket(b, 0, int64(i), []byte("hello"), 5)
	}
	f.Add(b, b)
	f.Add(b, append(bytes.Clone(b), b...))
	f.Add(b[:len(b)-3], appendMarked(bytes.Clone(b), 0, 7, []byte("x"), 1, 0))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		m, err := merge([]*Reader{readerOf(0, a), readerOf(1, b)})
		if err != nil {
			return // damaged
		}
		got, err := io.ReadAll(m)
		if err != nil || int64(len(got)) != m.Size {
			t.Fatalf("%d bytes, size %d, %v", len(got), m.Size, err)
		}
		whole, n := wholeBlocks(bytes.NewReader(got))
		if whole != int64(len(got)) {
			t.Fatalf("%d of %d bytes are whole blocks", whole, len(got))
		}
		_, na := wholeBlocks(bytes.NewReader(a))
		_, nb := wholeBlocks(bytes.NewReader(b))
		if n > na+nb {
			t.Fatalf("%d packets of %d and %d", n, na, nb)
		}
		if ordered(a) && ordered(b) && !ordered(got) {
			t.Fatal("out of order")
		}
		if _, err := m.Seek(int64(len(got)/2), io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if again, err := io.ReadAll(m); err != nil || !bytes.Equal(again, got[len(got)/2:]) {
			t.Fatalf("read again it is another: %v", err)
		}
	})
}

func ordered(b []byte) bool {
	last, ok := int64(-1<<63), true
	eachBlock(b, func(kind uint32, b []byte) {
		if p, is := parsePacket(b); kind == pcapng.Enhanced && is {
			ok = ok && p.time >= last
			last = p.time
		}
	})
	return ok
}

// FuzzCutter: whatever was held, what a level leaves of it is whole blocks, no more and no longer than there were, and with
// signalling alone the same when it is done again.
func FuzzCutter(f *testing.F) {
	b := pcapng.AppendInterface(nil, 1)
	b = appendMarked(b, 0, 1, []byte("signalling"), 10, markSignalling)
	b = appendMarked(b, 0, 2, []byte("headvoice"), 9, 4)
	b = pcapng.AppendPacket(b, 0, 3, []byte("headvoice"), 9)
	f.Add(b, uint8(1))
	f.Add(b, uint8(2))
	f.Add(binary.LittleEndian.AppendUint32(b, 7), uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, level uint8) {
		levels := []protocol.Keep{protocol.KeepSIP, protocol.KeepHeaders, protocol.KeepRTP}
		keep := levels[int(level)%3]
		cut := func(b []byte) (out []byte, packets uint64) {
			c := cutter{level: keep}
			eachBlock(b, func(kind uint32, b []byte) {
				before := len(out)
				out = c.append(out, kind, b)
				if len(out)-before > len(b) {
					t.Fatalf("a block of %d bytes became %d", len(b), len(out)-before)
				}
			})
			return out, c.packets
		}
		in := 0
		eachBlock(b, func(kind uint32, _ []byte) {
			if kind == pcapng.Enhanced {
				in++
			}
		})
		out, n := cut(b)
		whole, left := 0, uint64(0)
		eachBlock(out, func(kind uint32, b []byte) {
			whole += len(b)
			if kind == pcapng.Enhanced {
				left++
			}
		})
		if whole != len(out) || left != n || left > uint64(in) {
			t.Fatalf("%d of %d bytes whole, %d packets, counted %d, of %d", whole, len(out), left, n, in)
		}
		if again, _ := cut(out); keep == protocol.KeepSIP && !bytes.Equal(again, out) {
			t.Fatal("cut again it is another")
		}
	})
}

func BenchmarkMerge(b *testing.B) {
	dir := b.TempDir()
	s := open(b, Config{Dir: dir})
	for n := range 2 {
		c := call(n, protocol.KeepRTP)
		for i := range 30_000 {
			p := frame(i, 214)
			p.Time += int64(n)
			s.Keep(c, p, headers)
		}
		s.Kept(c)
	}
	settled(b, s)
	for b.Loop() {
		f, err := s.Merge([]protocol.UUID{uuid(0), uuid(1)})
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(f.Size)
		f.Close()
	}
}
