package source_test

import (
	"testing"

	"voiptop/protocol"
	"voiptop/tui/source"
)

// history is a sensor with many past calls; one of them alone sent a REFER.
func history(n, at int) *fakeSensor {
	s := &fakeSensor{}
	for i := range n {
		c := &protocol.CDR{ID: protocol.UUID{0: byte(i >> 8), 1: byte(i), 2: 1}, CallID: "c", Caller: "1001", Start: 1e15 - protocol.Time(i), End: 1e15, Messages: []protocol.Message{{FirstLine: "BYE sip:x SIP/2.0"}}}
		if i == at {
			c.Caller, c.Messages[0].FirstLine = "2002", "REFER sip:x SIP/2.0"
		}
		s.calls = append(s.calls, c)
	}
	return s
}

func TestTheHistoryOfASensorIsSearchedBeyondWhatIsListed(t *testing.T) {
	path, _ := socket(t, history(1200, 1100))
	src, ok := source.NewSensor(path).(source.Searcher)
	if !ok {
		t.Fatal("a sensor does not search")
	}
	defer src.Close()
	for where, most := range map[string]int{"caller:2002": 1, "message:REFER*": 4} {
		found, after, n := 0, "", 0
		for n = 1; n < 10; n++ {
			p, err := src.Search(t.Context(), where, 100, after)
			if err != nil {
				t.Fatal(err)
			}
			for i := range p.Calls {
				if found++; p.Calls[i].Caller != "2002" || len(p.Calls[i].Messages) > 0 {
					t.Errorf("%s: found %+v", where, p.Calls[i])
				}
			}
			if after = p.Next; after == "" {
				if p.Searched != 0 {
					t.Errorf("%s: at its end it has searched back to %d", where, p.Searched)
				}
				break
			}
			if p.Searched == 0 {
				t.Errorf("%s: page %d does not say how far back it looked", where, n)
			}
		}
		if found != 1 || n > most {
			t.Errorf("%s: found %d in %d pages, want 1 in at most %d", where, found, n, most)
		}
	}
	if _, err := src.Search(t.Context(), "mos<", 100, ""); code(err) != protocol.CodeBadRequest {
		t.Errorf("a wrong condition: %v", err)
	}
}
