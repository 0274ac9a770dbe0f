package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// breaking is a hosted that breaks a download off after so many bytes.
type breaking struct {
	data  []byte
	after int
	asked []string // ranges
}

func (s *breaking) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked = append(s.asked, r.Header.Get("Range"))
	left := s.after
	http.ServeContent(&cutting{w, &left}, r, "", time.Time{}, bytes.NewReader(s.data))
}

type cutting struct {
	http.ResponseWriter
	left *int
}

func (c *cutting) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b[:min(len(b), *c.left)])
	if *c.left -= n; *c.left == 0 {
		_ = http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, err
}

func TestADownloadThatWasGivenUpIsTakenUpAgain(t *testing.T) {
	t.Setenv("VOIPTOP_TOKEN", "token")
	data := make([]byte, 300_000)
	for i := range data {
		data[i] = byte(i * i >> 7)
	}
	s := &breaking{data: data, after: 200_000}
	server := httptest.NewServer(s)
	defer server.Close()
	const id = "01000000-0000-7000-8000-000000000001"
	out := filepath.Join(t.TempDir(), "call.pcapng")
	run := func(args ...string) (int, string) {
		var stderr bytes.Buffer
		status := Main(t.Context(), append([]string{"pcap", id, "--hosted", server.URL, "-o", out}, args...), nil, io.Discard, &stderr)
		return status, stderr.String()
	}
	if status, text := run(); status != 2 || !strings.Contains(text, "200000 bytes are in "+out+".part, --continue goes on") {
		t.Fatalf("status %d: %s", status, text)
	}
	if status, text := run("--continue"); status != 0 || !strings.Contains(text, "300000 bytes saved") {
		t.Fatalf("status %d: %s", status, text)
	}
	if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if want := []string{"", "bytes=134464-"}; strings.Join(s.asked, "|") != strings.Join(want, "|") {
		t.Errorf("asked for %q, want %q", s.asked, want)
	}
	if _, err := os.Stat(out + ".part"); err == nil {
		t.Error("the part file is still there")
	}

	// What was left is of another capture.
	for name, part := range map[string][]byte{
		"other bytes":        bytes.Repeat([]byte("x"), 100_000),
		"longer":             append(bytes.Clone(data), "more"...),
		"longer than it all": make([]byte, 900_000),
	} {
		os.WriteFile(out+".part", part, 0o600)
		s.after = len(data) + 1
		if status, text := run("--continue"); status != 2 || !strings.Contains(text, "is of another capture") {
			t.Errorf("%s: status %d: %s", name, status, text)
		}
		if got, err := os.ReadFile(out + ".part"); err != nil || len(got) != len(part) {
			t.Errorf("%s: of the part file %d bytes are left: %v", name, len(got), err)
		}
	}
	if status, text := run("--continue", "-o", "-"); status != 2 || !strings.Contains(text, "name it with -o") {
		t.Errorf("status %d: %s", status, text)
	}
	// Without the option it begins anew.
	if status, text := run(); status != 0 {
		t.Errorf("status %d: %s", status, text)
	}
}
