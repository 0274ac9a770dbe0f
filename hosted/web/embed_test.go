package web

import (
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

var reference = regexp.MustCompile(`(?:src|href)="([^"]*)"`)

// The page loads nothing but files that are built into the program.
func TestBuiltGUIIsComplete(t *testing.T) {
	page, err := fs.ReadFile(FS(), "index.html")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the GUI has not been built: npm run build in hosted/web")
	}
	if err != nil {
		t.Fatal(err)
	}
	refs := reference.FindAllSubmatch(page, -1)
	if len(refs) < 3 {
		t.Errorf("index.html has %d references, want at least the script, the style sheet and the icon:\n%s", len(refs), page)
	}
	for _, m := range refs {
		name, local := strings.CutPrefix(string(m[1]), "/")
		if !local {
			t.Errorf("index.html loads %s, which is not its own", m[1])
			continue
		}
		if _, err := fs.Stat(FS(), name); err != nil {
			t.Errorf("index.html loads %s: %v", name, err)
		}
	}
}

var engine = regexp.MustCompile(`/assets/engine-[\w-]+\.wasm`)

// The page that opens captures fetches a program that is there, packed, and is one.
func TestTheEngineThatThePageFetchesIsEmbedded(t *testing.T) {
	found := false
	err := fs.WalkDir(FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".js") {
			return err
		}
		script, err := fs.ReadFile(FS(), path)
		if err != nil {
			return err
		}
		for _, url := range engine.FindAllString(string(script), -1) {
			found = true
			f, err := FS().Open(url[1:] + ".gz")
			if err != nil {
				t.Errorf("%s names %s: %v", path, url, err)
				continue
			}
			defer f.Close()
			head := make([]byte, 4)
			z, err := gzip.NewReader(f)
			if err == nil {
				_, err = io.ReadFull(z, head)
			}
			if err != nil || string(head) != "\x00asm" {
				t.Errorf("%s is no WebAssembly: %q, %v", url, head, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !found {
		t.Skip("the GUI has not been built with the engine: make gui")
	}
}

func TestFSHoldsWhatIsServedAndNoSources(t *testing.T) {
	err := fs.WalkDir(FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".map") || strings.HasSuffix(path, ".ts") || strings.HasSuffix(path, ".tsx") {
			t.Errorf("%s is embedded", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
