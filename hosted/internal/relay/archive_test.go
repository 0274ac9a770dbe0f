package relay

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
)

// holes writes a file and leaves out what is zero.
type holes struct {
	f  *os.File
	at int64
}

var zeros = make([]byte, 1<<20)

func (h *holes) Write(b []byte) (int, error) {
	if !bytes.Equal(b, zeros[:len(b)]) {
		if _, err := h.f.WriteAt(b, h.at); err != nil {
			return 0, err
		}
	}
	h.at += int64(len(b))
	return len(b), nil
}

func TestAnArchiveBeyondFourGigabytesHasSizesOf64Bits(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 8.2 GB of nothing")
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "x.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const big int64 = 4<<30 + 100<<20
	out := &holes{f: f}
	a := NewArchive(out)
	for _, name := range []string{"first.pcapng", "second.pcapng"} { // the second begins beyond 4 GiB
		p := a.Part(name, time.Unix(1_700_000_000, 0), nil)
		p.Header().Set("Content-Length", strconv.FormatInt(big, 10))
		p.Turn()
		for left := big; left > 0; left -= int64(len(zeros)) {
			if _, err := p.Write(zeros); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.List(&protocol.CDR{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Close(time.Unix(1_700_000_000, 0)); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(f, out.at)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"first.pcapng", "second.pcapng", IndexName} {
		entry := z.File[i]
		if entry.Name != name || i < 2 && entry.UncompressedSize64 != uint64(big) {
			t.Errorf("%s has %d bytes", entry.Name, entry.UncompressedSize64)
		}
		if i == 1 {
			continue // as the first
		}
		r, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, r); err != nil || uint64(n) != entry.UncompressedSize64 { // checks the CRC
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
	}
}

func TestAPartThatNobodyWaitsForEnds(t *testing.T) {
	gone := make(chan struct{})
	close(gone)
	a := NewArchive(io.Discard)
	p := a.Part("x", time.Time{}, gone)
	if n, err := p.Write([]byte("packets")); err == nil || n != 0 || p.Begun() {
		t.Errorf("%d bytes written, %v", n, err)
	}
	if p.List(&protocol.CDR{}) == nil {
		t.Error("the archive goes on")
	}
}

func TestARefusalWithoutWordsIsStillListed(t *testing.T) {
	var out bytes.Buffer
	a := NewArchive(&out)
	for _, answer := range []func(p *Part){
		func(*Part) {}, // it broke off before it began
		func(p *Part) { p.WriteHeader(http.StatusTeapot) },
		func(p *Part) { p.WriteHeader(http.StatusBadGateway); _, _ = p.Write(bytes.Repeat([]byte("x"), 1<<20)) },
		func(p *Part) { p.WriteHeader(http.StatusPartialContent); _, _ = p.Write([]byte("packets")) },
	} {
		p := a.Part("x.pcapng", time.Time{}, nil)
		p.Turn()
		answer(p)
		if err := p.List(&protocol.CDR{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Close(time.Time{}); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil || len(z.File) != 1 {
		t.Fatalf("%d files, %v", len(z.File), err)
	}
	r, err := z.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil || len(rows) != 5 {
		t.Fatalf("%v, %v", rows, err)
	}
	for i, want := range []string{"offline", "internal", "internal", "internal"} {
		if row := rows[i+1]; row[7] != want || row[9] != "" {
			t.Errorf("%v, want %s", row, want)
		}
	}
}

func FuzzACellIsNoFormula(f *testing.F) {
	for _, s := range []string{"", "+420221234567", "=1+1", "-1", "@x", "\tx", "+", "+x", "a=1", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := text(s)
		if got != "" && strings.ContainsRune("=-@\t\r\n", rune(got[0])) || strings.HasPrefix(got, "+") && (len(got) == 1 || strings.Trim(got[1:], "0123456789") != "") {
			t.Errorf("%q becomes %q", s, got)
		}
		if !strings.HasSuffix(got, strings.ToValidUTF8(s, "\uFFFD")) || len(got) > len(strings.ToValidUTF8(s, "\uFFFD"))+1 {
			t.Errorf("%q becomes %q, which says something else", s, got)
		}
	})
}
