package screen

import (
	"context"
	"fmt"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/tui/internal/style"
)

// pastCalls are n calls that ended, numbered down to from: the newest first.
func pastCalls(from, n int) (out []protocol.CDR) {
	for i := from + n - 1; i >= from; i-- {
		t := protocol.TimeOf(epoch) + protocol.Time(i)
		out = append(out, protocol.CDR{ID: protocol.UUID{0: 1, 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)}, CallID: fmt.Sprint(i), Caller: fmt.Sprint(i), Start: t, End: t + 1})
	}
	return out
}

// noted is a file.
type noted struct{ *fake }

func (noted) Notes() []string { return nil }

func TestCallsThatEndedBetweenTwoLooksAreListed(t *testing.T) {
	src := pbx()
	src.past = pastCalls(0, 600)
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.keys("2", "G", "G")
	s.want(`600 calls`)
	src.past = pastCalls(0, 3000) // more than a page ended
	s.send(refreshDue{})
	for range 8 {
		s.keys("G")
	}
	s.want(`3000 calls`)
}

func TestOfAFileAllCallsAreLoaded(t *testing.T) {
	src := pbx()
	src.past = pastCalls(0, 50_000)
	s := newScreen(t, noted{src}, 80, 24, asciiLook)
	s.send(feedMsg{conn: ended, fresh: true, calls: map[protocol.UUID]protocol.LiveCall{}})
	s.want(`50000 calls`)
	s.keys("/", "caller:7", "enter")
	s.want(`1 of 50000`)
}

func TestAFilterIsThereFromTheStart(t *testing.T) {
	src := pbx()
	m, _ := New(t.Context(), Config{Source: src, Theme: style.New(asciiLook), Now: func() time.Time { return epoch }, Zone: time.UTC, Filter: "state:ringing"})
	s := &screenTest{t: t, m: m, now: epoch}
	m.e.pause = func(context.Context, time.Duration) bool { return false }
	s.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	s.feed(src)
	s.want(`/ state:ringing +1 of 6 shown`)
	if err := CheckFilter("mos<"); err == nil {
		t.Error("a wrong filter is right")
	}
	if err := CheckFilter(`message:"a=sendonly" mos<3`); err != nil {
		t.Error(err)
	}
}
