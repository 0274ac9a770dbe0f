package web

import (
	"errors"
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
