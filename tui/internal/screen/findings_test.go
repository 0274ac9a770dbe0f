package screen

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"voiptop/protocol"
	"voiptop/tui/internal/style"
)

func TestFindingsPageTellsNotCheckedFromNotFound(t *testing.T) {
	theme := style.New(style.Options{})
	page := func(c *protocol.CDR) string { return ansi.Strip(strings.Join(findingLines(theme, c, 70), "\n")) }
	if got := page(&protocol.CDR{}); !strings.Contains(got, "nothing found") || strings.Contains(got, "not checked") {
		t.Errorf("all was checked:\n%s", got)
	}
	got := page(&protocol.CDR{Unchecked: []protocol.Unchecked{{Reason: "no media seen", Codes: []string{"loss-burst", "jitter-high"}}}})
	for _, want := range []string{"nothing found", "not checked", "no media seen: loss-burst, jitter-high"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
