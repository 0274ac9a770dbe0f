package opened

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"voiptop/protocol"
)

// The capture is not there any more, or nothing was put aside: the messages are the same.
func TestMessagesAreThereWithoutReadingTheCaptureAgain(t *testing.T) {
	for name, path := range captures(t) {
		t.Run(name, func(t *testing.T) {
			copied := filepath.Join(t.TempDir(), filepath.Base(path))
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(copied, content, 0o600); err != nil {
				t.Fatal(err)
			}
			c, again := open(t, "", copied), open(t, "", path)
			again.texts.most = 0
			c.Read(t.Context())
			again.Read(t.Context())
			if err := os.Remove(copied); err != nil {
				t.Fatal(err)
			}
			for _, r := range again.page(t, url.Values{"limit": {"5"}}).Calls {
				at := "/calls/" + r.ID.String() + "/messages"
				if got, want := c.ask(t, at).bytes(t), again.ask(t, at).bytes(t); !bytes.Equal(got, want) {
					t.Errorf("call %s: put aside\n%s\nin the capture\n%s", r.CallID, got, want)
				}
			}
		})
	}
}

func TestMessagesThatBeginNoCallAreNotPutAside(t *testing.T) {
	c := open(t, "", made(t, 50)) // with REGISTERs and OPTIONS
	s := c.Read(t.Context())
	if s.Counters["sip.requests.REGISTER"] == 0 {
		t.Fatal("there is no REGISTER")
	}
	calls := map[string]bool{}
	for _, e := range c.calls {
		calls[e.call.CallID] = true
	}
	for id := range c.texts.of {
		if !calls[id] {
			t.Errorf("messages of %s are put aside, which is no call", id)
		}
	}
	if len(c.texts.of) != len(calls) {
		t.Errorf("messages of %d calls are put aside, of %d", len(c.texts.of), len(calls))
	}
}

func TestTheCallsOfAConversationAreOneCapture(t *testing.T) {
	c := open(t, "", captures(t)["linphone-attended"])
	c.Read(t.Context())
	all := c.page(t, nil).Calls
	group := ""
	for i := range all {
		if all[i].GroupID != "" && all[i].GroupID != all[i].ID.String() {
			group = all[i].GroupID
		}
	}
	legs := c.page(t, url.Values{"group": {group}}).Calls
	if group == "" || len(legs) < 2 {
		t.Fatalf("%d legs of %q", len(legs), group)
	}
	for i := range legs {
		if legs[i].GroupID != group {
			t.Errorf("call %s is of group %s", legs[i].ID, legs[i].GroupID)
		}
	}
	a := c.ask(t, "/calls/"+legs[0].ID.String()+"/capture?group=1")
	if !strings.HasSuffix(a.Name, "_conversation.pcapng") {
		t.Errorf("saved as %q", a.Name)
	}
	whole := open(t, "", a.File)
	if s := whole.Read(t.Context()); s.Err != nil || int(s.Calls) != len(legs) {
		t.Fatalf("%d calls in it, %v, want %d", s.Calls, s.Err, len(legs))
	}
	var packets uint64
	for i := range legs {
		at := "/calls/" + legs[i].ID.String()
		one := open(t, "", c.ask(t, at+"/capture").File)
		packets += one.Read(t.Context()).Packets
		var got, want protocol.CDR
		if err := json.Unmarshal(whole.ask(t, "/calls/"+url.PathEscape(legs[i].CallID)).Body, &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(c.ask(t, at).Body, &want); err != nil {
			t.Fatal(err)
		}
		if len(got.Messages) != len(want.Messages) || len(got.Streams) != len(want.Streams) {
			t.Errorf("call %s has %d messages and %d streams in it, want %d and %d", want.CallID, len(got.Messages), len(got.Streams), len(want.Messages), len(want.Streams))
		}
	}
	if n := whole.summary.Packets; n == 0 || n > packets {
		t.Errorf("%d packets, the legs alone have %d", n, packets)
	}
	if p := c.page(t, url.Values{"group": {"nothing"}}); len(p.Calls) != 0 {
		t.Errorf("%d calls of no group", len(p.Calls))
	}
}

func TestThePacketsOfFewCallsAreHeld(t *testing.T) {
	c := open(t, "", made(t, keptCalls+9))
	c.Read(t.Context())
	calls := c.page(t, url.Values{"limit": {"500"}}).Calls
	for range 2 {
		for i := range calls {
			if b := c.ask(t, "/calls/"+calls[i].ID.String()+"/capture").bytes(t); len(b) == 0 {
				t.Fatal("no packets")
			}
			if files, err := os.ReadDir(c.o.Dir); err != nil || len(files) > keptCalls+2 { // with the records and the messages
				t.Fatalf("%d files are held, %v", len(files), err)
			}
		}
	}
}
