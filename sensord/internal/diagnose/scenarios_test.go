package diagnose_test

import (
	"testing"

	"voiptop/fixtures/faults"
	"voiptop/sensord/internal/diagnose"
)

// Each finding has a capture that shows it and one that does not; fixtures/faults runs the engine on them.
func TestEachFindingHasACaptureThatShowsItAndOneThatDoesNot(t *testing.T) {
	check := func(codes []string, outside bool) {
		shows, not := map[string]int{}, map[string]int{}
		for _, s := range faults.All() {
			switch {
			case s.Outside != outside:
			case s.Shows():
				shows[s.Code]++
			default:
				not[s.Code]++
			}
		}
		for _, code := range codes {
			if shows[code] == 0 || not[code] == 0 {
				t.Errorf("%s: %d captures show it, %d do not; want one of each at least", code, shows[code], not[code])
			}
		}
		if known := len(codes); len(shows) != known {
			t.Errorf("captures show %d codes, want %d: %v", len(shows), known, shows)
		}
	}
	check(diagnose.Codes(), false)
	check(diagnose.OutsideCodes(), true)
}
