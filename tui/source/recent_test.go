package source

import (
	"fmt"
	"os"
	"testing"

	"voiptop/protocol"
)

func TestMessagesOfStandardInputAreInMemory(t *testing.T) {
	in, err := os.Open("../../fixtures/pcap/sipp-answered-pcmu/in.pcap")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	f, err := NewFile([]string{"-"}, in)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	calls, err := f.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found, err := f.InText(t.Context(), []string{"Invite Sip:", calls[0].CallID}); err != nil || len(found) != 1 || !found[calls[0].CallID] {
		t.Errorf("found are %v, %v", found, err)
	}
	for _, c := range calls {
		n := 0
		if err := f.Texts(t.Context(), []*protocol.CDR{c}, nil, func(m Text) error {
			if x := &c.Messages[n]; m.T != x.T || m.Src != x.Src {
				t.Errorf("message %d is of %v, want %v", n, m.T, x.T)
			}
			n++
			return nil
		}); err != nil || n != len(c.Messages) {
			t.Errorf("%d messages, want %d, %v", n, len(c.Messages), err)
		}
	}
}

func TestOldMessagesAreLetGoCallByCall(t *testing.T) {
	r := &recent{by: map[string][]Text{}}
	f := &File{recent: r}
	const each = 1 << 20
	for i := range 100 {
		for range 2 {
			r.add(Text{CallID: fmt.Sprint(i), Raw: make([]byte, each/2)})
		}
		if r.bytes > maxRecent {
			t.Fatalf("%d bytes are kept", r.bytes)
		}
	}
	count := func(id string) (n int, err error) {
		err = f.fromRecent([]*protocol.CDR{{CallID: id}}, func(Text) error { n++; return nil })
		return n, err
	}
	if n, err := count("99"); n != 2 || err != nil {
		t.Errorf("of the last call %d messages are there, %v", n, err)
	}
	if n, err := count("0"); n != 0 || err == nil {
		t.Errorf("of the first call %d messages are there, %v", n, err)
	}
	if len(r.by) != len(r.order) || len(r.by) < 60 {
		t.Errorf("%d calls are kept, %d in order", len(r.by), len(r.order))
	}
}
