package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// documented are the metrics of docs/metrics.md with the labels that it gives.
func documented(t *testing.T, prefix string) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `("+prefix+"_[a-z0-9_]+)(?:\\{([a-z_,]+)\\})?` \\|").FindAllStringSubmatch(string(page), -1) {
		if _, twice := all[m[1]]; twice {
			t.Errorf("docs/metrics.md has %s twice", m[1])
		}
		all[m[1]] = m[2]
	}
	return all
}

// The names that hosted registers are literals in files that import the Prometheus client.
func TestTheMetricsPageHasEveryMetricAndNoOther(t *testing.T) {
	name := regexp.MustCompile(`^hosted_[a-z0-9_]+$`)
	exported := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == "node_modules" {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return fmt.Errorf("parse %s: %w", path, err)
		}
		if !slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool { return strings.Contains(i.Path.Value, "/client_golang/") }) {
			return nil
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil && name.MatchString(s) {
					exported[s] = true
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	page := documented(t, "hosted")
	for m := range exported {
		if _, ok := page[m]; !ok {
			t.Errorf("docs/metrics.md lacks %s", m)
		}
	}
	for m := range page {
		if !exported[m] {
			t.Errorf("docs/metrics.md has %s, which hosted has not", m)
		}
	}
	if len(exported) < 35 {
		t.Errorf("only %d metrics are found", len(exported))
	}
}

func TestMetricsHaveTheLabelsThatThePageGives(t *testing.T) {
	in := start(t, time.Now, "--db", sqliteIn(t))
	in.login("admin", in.password())
	page, seen := documented(t, "hosted"), map[string]bool{}
	sample := regexp.MustCompile(`^(hosted_[a-z0-9_]+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? [0-9.e+-]+$`)
	label := regexp.MustCompile(`([a-z_]+)="(?:[^"\\]|\\.)*"`)
	_, text := in.ask(http.MethodGet, "/metrics", "", "")
	for line := range strings.SplitSeq(text, "\n") {
		m := sample.FindStringSubmatch(line)
		if m == nil {
			if strings.HasPrefix(line, "hosted_") {
				t.Errorf("not understood: %s", line)
			}
			continue
		}
		var labels []string
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			if l[1] != "le" {
				labels = append(labels, l[1])
			}
		}
		var want []string
		if page[m[1]] != "" {
			want = strings.Split(page[m[1]], ",")
		}
		slices.Sort(labels)
		slices.Sort(want)
		if !slices.Equal(labels, want) {
			t.Errorf("%s has the labels %v, docs/metrics.md says %v", m[1], labels, want)
		}
		seen[m[1]] = true
	}
	for _, m := range []string{"hosted_http_requests_total", "hosted_tenant_channels_limit", "hosted_build_info", "hosted_alerts_leader"} {
		if !seen[m] {
			t.Errorf("%s is not served", m)
		}
	}
}
