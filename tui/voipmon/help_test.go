package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
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
	look(newRoot())
}

// TestTheManualHasEveryOption holds docs/voipmon.md to the code: a section for each command, which names each of its options.
func TestTheManualHasEveryOption(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "voipmon.md"))
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, s := range strings.Split(string(b), "\n## ")[1:] {
		name, text, _ := strings.Cut(s, "\n")
		sections[name] = text
	}
	option := regexp.MustCompile(`--[a-z][a-z-]*`)
	var look func(c *cobra.Command, section string)
	look = func(c *cobra.Command, section string) {
		for _, flag := range option.FindAllString(c.LocalFlags().FlagUsages(), -1) {
			if !strings.Contains(section, "`"+flag+"`") && !strings.Contains(section, "`"+flag+" ") {
				t.Errorf("docs/voipmon.md: the section of %s does not name %s", c.CommandPath(), flag)
			}
		}
		for _, sub := range c.Commands() {
			look(sub, section)
		}
	}
	for _, c := range newRoot().Commands() {
		section, ok := sections[c.Name()]
		if !ok {
			t.Errorf("docs/voipmon.md has no section about %s", c.Name())
		}
		look(c, section)
	}
}
