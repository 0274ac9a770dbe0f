package call

import (
	"slices"
	"testing"

	"voiptop/protocol"
)

func TestPartialListsEachRunningCallOnceWhileOthersEnd(t *testing.T) {
	s := newSim(t)
	for _, id := range []string{"c1", "c2", "c3", "c4", "c5"} {
		s.sip(0, alice, bob, msg{id: id, first: inviteLine, cseq: "1 INVITE"})
	}
	var at Cursor
	list, more := s.t.Partial(&at, nil, 2)
	if !more {
		t.Fatal("no more after two of five")
	}
	s.t.finish(s.t.byID.of([]byte("c2"))) // where the cursor stands
	s.t.finish(s.t.byID.of([]byte("c3")))
	s.sip(1, alice, bob, msg{id: "c6", first: inviteLine, cseq: "1 INVITE"})
	list, more = s.t.Partial(&at, list, 2)
	if !more {
		t.Error("no more, and c6 is left")
	}
	list, more = s.t.Partial(&at, list, 2)
	if more {
		t.Error("more after the last")
	}
	var got []string
	for _, c := range list {
		got = append(got, c.CallID)
		if c.End != 0 || c.EndCause != "" {
			t.Errorf("%s ended at %v by %s", c.CallID, c.End, c.EndCause)
		}
	}
	if want := []string{"c1", "c2", "c4", "c5", "c6"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if none, more := new(Table).Partial(new(Cursor), []*protocol.CDR{}, 5); len(none) > 0 || more {
		t.Error("an empty table has calls")
	}
}
