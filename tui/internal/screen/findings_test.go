package screen

import (
	"strings"
	"testing"
	"time"

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

func TestAFindingLeadsToWhereItWasFound(t *testing.T) {
	src := pbx()
	c := src.calls[id(1)]
	c.Findings = []protocol.Finding{
		{Code: "retransmission-storm", Severity: protocol.SeverityBad, Text: "again", Messages: []uint32{3}}, // counted on the row of message 2
		{Code: "missing-ack", Severity: protocol.SeverityWarn, Text: "no ACK", Messages: []uint32{8, 7}, Streams: []uint32{0}},
		{Code: "joined-mid-call", Severity: protocol.SeverityInfo, Text: "joined"},
	}
	s := newScreen(t, src, 120, 40, asciiLook)
	s.feed(src)
	s.keys("enter", "tab", "tab")
	s.want(`in +messages 9, 8; stream 1`)
	s.keys("enter")
	s.want(`(?m)^> .*INVITE SDP x2`)
	s.keys("tab", "tab", "n", "enter")
	s.want(`(?m)^> .*\+0\.004 .*200 SDP PCMA`)
	s.want(`found in 2 other rows as well`)
	s.keys("tab", "tab", "n", "enter")
	s.want(`no single message or stream shows this finding`)
}

func TestARunningCallLastsAsLongInTheListAsInDetail(t *testing.T) {
	src := pbx()
	src.calls[id(1)].DurationMS = 5000 // the record is as old as the last packet
	s := newScreen(t, src, 120, 40, asciiLook)
	s.feed(src)
	s.want(`1001 +\+420555123456 +03:41`)
	s.keys("enter")
	s.want(`running +03:41`)
	s.now = s.now.Add(7 * time.Second)
	s.want(`running +03:48`)
	s.keys("esc")
	s.send(tickMsg{})
	s.want(`1001 +\+420555123456 +03:48`)
}
