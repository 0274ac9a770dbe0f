package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"voiptop/tui/source"
)

func TestProgressTellsTheShareThatHasComeAndGoesAtTheEnd(t *testing.T) {
	var out bytes.Buffer
	var w source.Sized = &progress{Writer: io.Discard, out: &out, total: -1}
	w.SetSize(10_000_000)
	for range 1000 {
		if n, err := w.Write(make([]byte, 10_000)); n != 10_000 || err != nil {
			t.Fatal(n, err)
		}
	}
	text := out.String()
	if !strings.Contains(text, "\r50 % of 10.0 MB") || strings.Count(text, "\r") != 100 || !strings.HasSuffix(text, "\r\033[K") {
		t.Errorf("%q", text)
	}
	if w := watched(io.Discard, &out, 0); w != io.Discard {
		t.Error("progress is shown where no terminal is")
	}
}

func TestProgressOfAnUnknownSizeTellsWhatHasCome(t *testing.T) {
	var out bytes.Buffer
	w := &progress{Writer: io.Discard, out: &out, total: -1}
	_, _ = w.Write(make([]byte, 3<<20))
	_, _ = w.Write(make([]byte, 10))
	if out.String() != "\r3.1 MB" {
		t.Errorf("%q", out.String())
	}
}
