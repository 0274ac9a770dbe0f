package quality

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// docs/mos.md has a row for each codec, with the figures that are used.
func TestTheDocumentationHasEveryCodecAsItIsRated(t *testing.T) {
	b, err := os.ReadFile("../../../docs/mos.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, line := range strings.Split(string(b), "\n") {
		if strings.HasPrefix(line, "| `") {
			rows++
		}
	}
	for _, c := range codecs {
		figures := "ITU-T"
		if c.Provisional {
			figures = "provisional"
		}
		row := fmt.Sprintf("| `%s` | %s | %g | %g | %g | %s | %s |", strings.Join(c.names, "` `"), c.Name, c.Ie, c.Bpl, c.DelayMS, figures, c.Source)
		if !strings.Contains(string(b), row+"\n") {
			t.Errorf("docs/mos.md lacks the row\n%s", row)
		}
	}
	if rows != len(codecs) {
		t.Errorf("%d rows, want %d", rows, len(codecs))
	}
}
