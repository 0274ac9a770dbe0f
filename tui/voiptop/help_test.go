package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestHelpFitsEightyColumns(t *testing.T) {
	var out, errs bytes.Buffer
	if status := Main(t.Context(), []string{"--help"}, nil, &out, &errs); status != 0 || out.Len() == 0 {
		t.Fatalf("status %d: %s", status, errs.String())
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// TestTheManualHasEveryOption holds docs/voiptop.md to the code.
func TestTheManualHasEveryOption(t *testing.T) {
	manual, err := os.ReadFile(filepath.Join("..", "..", "docs", "voiptop.md"))
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if status := Main(t.Context(), []string{"--help"}, nil, &out, &errs); status != 0 {
		t.Fatalf("status %d: %s", status, errs.String())
	}
	_, flags, _ := strings.Cut(out.String(), "\nFlags:\n")
	n := 0
	for _, m := range regexp.MustCompile(`(?m)^ +(?:(-.), )?(--[a-z-]+)`).FindAllStringSubmatch(flags, -1) {
		short, long := m[1], m[2]
		if n++; long == "--help" || long == "--version" || short != "" && strings.Contains(string(manual), " "+short+" ") {
			continue
		}
		if !regexp.MustCompile(long + `[\x60 ,\]]`).Match(manual) {
			t.Errorf("docs/voiptop.md does not name %s", long)
		}
	}
	if n < 5 {
		t.Errorf("%d options are in\n%s", n, flags)
	}
}
