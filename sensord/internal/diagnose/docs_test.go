package diagnose

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docs/findings.md has a section for each code, with all its parts, and no other; it explains each reason; and the GUI offers the codes.
func TestTheDocumentationHasEveryFindingAndEveryReason(t *testing.T) {
	b, err := os.ReadFile("../../../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	want := append(Codes(), OutsideCodes()...)
	slices.Sort(want)
	want = slices.Compact(want)
	var got []string
	for _, section := range strings.Split(page, "\n## ")[1:] {
		code, text, _ := strings.Cut(section, "\n")
		got = append(got, code)
		for _, part := range []string{"**Means** ", "**Decided** ", "**Looks like** ", "**Do** ", "**Not checked** "} {
			if strings.Count(text, part) != 1 {
				t.Errorf("%s: %q %d times, want once", code, part, strings.Count(text, part))
			}
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("sections %v, want %v", got, want)
	}
	choices, err := os.ReadFile("../../../hosted/web/src/pages/filterbar.tsx")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range Codes() {
		if !strings.Contains(string(choices), "'"+code+"'") {
			t.Errorf("the GUI's filter does not offer %s", code)
		}
	}
	source, err := os.ReadFile("limits.go")
	if err != nil {
		t.Fatal(err)
	}
	reasons := regexp.MustCompile(`reason\w+ += "(.*)"`).FindAllStringSubmatch(string(source), -1)
	if len(reasons) < 10 {
		t.Fatalf("%d reasons in limits.go", len(reasons))
	}
	for _, r := range reasons {
		if !strings.Contains(page, "\n| "+r[1]+" |") {
			t.Errorf("the page does not explain %q", r[1])
		}
	}
}
