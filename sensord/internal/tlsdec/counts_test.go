package tlsdec

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestCountersAreDocumented(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "counters.md"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	New(Config{}, nil).Counters(func(name string, _ uint64) {
		n++
		if !bytes.Contains(doc, []byte("| `"+name+"` |")) {
			t.Errorf("%s is not in docs/counters.md", name)
		}
	})
	if n != nCounts+2 {
		t.Errorf("%d counters", n)
	}
}
