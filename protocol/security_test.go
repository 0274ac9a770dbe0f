package protocol

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docs/security.md names the test that holds each promise. It names none that is not there.
func TestThePromisesOfSecurityAreHeldByTests(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git"):
			return filepath.SkipDir
		case strings.HasSuffix(path, "_test.go"):
			b, err := os.ReadFile(path)
			all.Write(b)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`\b(Test|Fuzz)[A-Z][A-Za-z0-9]+`).FindAllString(string(page), -1)
	for _, name := range names {
		if !bytes.Contains(all.Bytes(), []byte("func "+name+"(")) {
			t.Errorf("docs/security.md names %s, which is no test", name)
		}
	}
	if len(names) < 40 {
		t.Errorf("docs/security.md names %d tests", len(names))
	}
}

// What is linked into the programs is under a licence that asks for no more than its own text to go along.
func TestWhatIsLinkedMayBe(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}{{end}}{{end}}",
		"../sensord", "../hosted", "../tui/voiptop", "../tui/voipmon").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	permissive := regexp.MustCompile(`Apache License|Permission is hereby granted, free of charge|Redistribution and use in source and binary|Permission to use, copy, modify,? and(/or)? distribute`)
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		path, dir, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if path == "" || seen[path] {
			continue
		}
		seen[path] = true
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		good := false
		for _, f := range files {
			name := strings.ToLower(f.Name())
			if !strings.HasPrefix(name, "licen") && !strings.HasPrefix(name, "copying") || f.IsDir() {
				continue
			}
			b, err := os.ReadFile(filepath.Join(dir, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			good = good || permissive.Match(bytes.Join(bytes.Fields(b), []byte(" ")))
		}
		if !good {
			t.Errorf("%s: no permissive licence is found in %s", path, dir)
		}
	}
	if len(seen) < 50 {
		t.Errorf("only %d modules were looked at", len(seen))
	}
}
