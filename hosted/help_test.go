package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

func TestHelpFitsEightyColumns(t *testing.T) {
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		var b bytes.Buffer
		c.SetOut(&b)
		if err := c.Help(); err != nil || b.Len() == 0 {
			t.Errorf("%s: %v", c.CommandPath(), err)
		}
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%s: %d columns: %s", c.CommandPath(), n, line)
			}
		}
		for _, sub := range c.Commands() {
			look(sub)
		}
	}
	look(newRoot(time.Now))
}

// TestTheManualHasEveryOptionOfServe holds docs/hosted.md, and the pages that it sends one to for their subject, to the code.
func TestTheManualHasEveryOptionOfServe(t *testing.T) {
	var manual []byte
	for _, page := range []string{"hosted.md", "scaling.md", "alerts.md", "oidc.md", "mcp.md"} {
		b, err := os.ReadFile(filepath.Join("..", "docs", page))
		if err != nil {
			t.Fatal(err)
		}
		manual = append(manual, b...)
	}
	serve, _, err := newRoot(time.Now).Find([]string{"serve"})
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(serve.LocalFlags().FlagUsages() + serve.InheritedFlags().FlagUsages()) {
		flag := regexp.MustCompile(`^ +(?:-., )?(--[a-z-]+)`).FindStringSubmatch(line)
		if flag != nil && !regexp.MustCompile("`"+flag[1]+"[` ]").Match(manual) {
			t.Errorf("no page explains %s", flag[1])
		}
	}
}
