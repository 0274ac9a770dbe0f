package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestHelpFitsEightyColumns(t *testing.T) {
	var out, errs bytes.Buffer
	if status := Main(t.Context(), []string{"--help"}, &out, &errs, nil); status != 0 || out.Len() == 0 {
		t.Fatalf("status %d: %s", status, errs.String())
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}
