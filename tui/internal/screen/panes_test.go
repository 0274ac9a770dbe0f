package screen

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/tui/internal/ladder"
	"voiptop/tui/internal/prefs"
)

// press clicks at a cell.
func (s *screenTest) press(x, y int) {
	s.send(tea.MouseMsg{X: x, Y: y, Action: tea.MouseActionPress, Button: tea.MouseButtonLeft})
}

func (s *screenTest) roll(x, y, n int) {
	b := tea.MouseButtonWheelDown
	if n < 0 {
		b = tea.MouseButtonWheelUp
	}
	s.send(tea.MouseMsg{X: x, Y: y, Action: tea.MouseActionPress, Button: b})
}

// find is where a text stands on the screen.
func (s *screenTest) find(text string) (x, y int) {
	s.t.Helper()
	for y, l := range strings.Split(s.text(), "\n") {
		if i := strings.Index(l, text); i >= 0 {
			return len([]rune(l[:i])), y
		}
	}
	s.t.Fatalf("no %q on the screen:\n%s", text, s.text())
	return 0, 0
}

func TestTheMouseSortsChoosesAndOpens(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 120, 40, asciiLook)
	s.feed(src)
	s.press(s.find("Dur"))
	s.want(`Durv`)
	if got := s.m.live.list.sorted[0].(*row).call.Caller; got != "2001" {
		t.Errorf("the longest call is %s", got)
	}
	s.press(s.find("Durv"))
	s.want(`Dur\^`)
	x, y := s.find("2007")
	s.press(x, y)
	if got := s.m.live.list.current().call.Caller; got != "2007" {
		t.Errorf("the cursor is on %s", got)
	}
	x, y = s.find(" 1001 ")
	s.press(x+1, y)
	s.press(x+1, y)
	s.want(`Front desk`)
	s.press(s.find("Streams 4"))
	s.want(`\[Streams 4\]`)
	s.press(s.find("10.0.0.5:30002 "))
	if s.m.detail.stream != 2 {
		t.Errorf("stream %d is chosen", s.m.detail.stream)
	}
	s.press(s.find("Ladder"))
	x, y = s.find("200 SDP PCMA")
	s.press(x, y)
	s.want(`(?m)^> .*200 SDP PCMA`)
	s.keys("esc")
	s.press(s.find("3 Regs"))
	s.want(`\[3 Regs\]`)
	s.press(s.find("AOR"))
	s.want(`AOR\^`)
	s.now = s.now.Add(time.Minute)
	s.press(s.find("2 Done"))
	before := s.m.done.list.table.Cursor()
	s.roll(10, 10, 1)
	s.roll(10, 10, 1)
	if s.m.done.list.table.Cursor() == before {
		t.Error("the wheel moves nothing")
	}
}

func TestTwoSlowClicksAreNoDoubleClick(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 120, 40, asciiLook)
	s.feed(src)
	x, y := s.find("2007")
	s.press(x, y)
	s.now = s.now.Add(time.Second)
	s.press(x, y)
	s.want(`\[1 Live\]`)
}

func TestColumnsAndTheirOrderAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	p, _ := prefs.Load(path)
	s.m.e.set.file = p
	s.feed(src)
	s.keys("c", "down", " ", "down", "down", "K", "enter", "s") // without State; Dur before To
	s.want(`(?m)^ ! +From\^? +Dur +To +MOS`)
	s.keys("enter", "t", "esc")
	p, err := prefs.Load(path)
	if err != nil || !slices.Equal(p.List("live_columns")[:4], []string{"!", "From", "Dur", "To"}) || p.Get("live_sort") != "From" || p.Get("ladder_time") != "elapsed" {
		t.Fatalf("%q %q %q, %v", p.List("live_columns"), p.Get("live_sort"), p.Get("ladder_time"), err)
	}
	again, _ := New(t.Context(), Config{Source: src, Theme: s.m.e.Theme, Now: s.m.e.Now, Zone: time.UTC, Term: &s.term, Prefs: p})
	if col, _ := again.live.list.sortedBy(); again.live.list.titles()[col] != "From" || again.e.set.time != ladder.Elapsed || len(again.live.list.chosen()) != len(liveColumns)-1 {
		t.Errorf("sorted by %d, time %v, columns %v", col, again.e.set.time, again.live.list.chosen())
	}
}

func TestTheLastColumnCannotBeTakenAway(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.keys("c")
	for range liveColumns {
		s.keys(" ")
	}
	s.keys("enter")
	s.want(`at least one column must be on`)
	s.keys("esc")
	s.want(`State`)
}

func TestTheDoctorsRemedyIsCopied(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.keys("D")
	s.want(`1 ok +1 to look at +1 failed +1 not checked`)
	s.keys("n")
	s.want(`(?m)^> FAIL  tcp-60023`)
	s.want(`(?s)why +nothing listens there.*do +nc -vz voip.example 60023`)
	s.keys("y")
	s.want(`remedy copied`)
	s.keys("n")
	s.want(`(?m)^> warn  drops`)
}

func TestTheDoctorOfAFileSaysWhatWasNotUnderstood(t *testing.T) {
	s := fixtureScreen(t, "truncated", 100, 30)
	s.keys("6")
	s.want(`warn +input`)
	s.want(`ok +packets-seen`)
}

func TestTheDoctorOfAFleetSaysSinceWhenASensorIsOffline(t *testing.T) {
	src := pbx()
	src.health = protocol.Health{Info: protocol.SensorInfo{Version: "1.2", Source: "eth0"}, Counters: protocol.Counters{protocol.CountPackets: 7}, Link: protocol.LinkHealth{State: "up"}}
	s := newScreen(t, sick{fleet{src}}, 120, 40, asciiLook)
	s.m.e.Doctor = nil
	s.feed(src)
	s.keys("6")
	s.want(`sensor 12 pbx-1`)
	s.want(`ok +sensord-socket +sensord 1.2`)
	s.want(`FAIL +link-up +offline since 2026-11-22 11:04:31 UTC \(1:00:00\), last from 192.0.2.7:4711`)
}

func TestMarksStayWithTheirCallsAndMakeRules(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 120, 40, asciiLook)
	s.feed(src)
	s.keys(" ", " ")
	s.want(`(?m)^\*!! UP +1001`)
	s.want(`2 marked`)
	s.keys("S")
	s.want(`(?m)^\*!! UP +1001`)
	s.keys("R")
	s.want(`caller=1001 callee=\+420555123456`)
	s.want(`caller=2007 callee=\+420623354594`)
}

func TestTheCursorStaysOnItsMessageWhenTheCallGoesOn(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 120, 40, asciiLook)
	s.feed(src)
	s.keys("enter", "down", "down", "down")
	want := s.m.detail.key(s.m.detail.row())
	leg := *bad()
	leg.ID, leg.CallID, leg.Start = id(77), "leg", leg.Start-1_000_000
	leg.Messages = []protocol.Message{{T: leg.Start, Src: "10.0.0.11:5060", Dst: "10.0.0.5:5060", FirstLine: "INVITE sip:x SIP/2.0", CSeq: "1 INVITE"}}
	s.m.detail.take(bad(), []*protocol.CDR{&leg})
	if got := s.m.detail.row().Label; got != "100" {
		t.Errorf("the cursor was on %v, is on %q", want, got) // one leg more is before it
	}
}

func TestAnOfflineSensorIsToldOfEverywhere(t *testing.T) {
	src := pbx()
	s := newScreen(t, sick{fleet{src}}, 120, 40, asciiLook)
	s.feed(src)
	s.want(`1 of 2 sensors offline`)
	s.keys("7", "G")
	s.want(`offline since 2026-11-22 11:04:31 UTC \(1:00:00\), last from 192.0.2.7:4711`)
}

func TestAFilterLooksIntoTheMessagesOfAFile(t *testing.T) {
	s := fixtureScreen(t, "sipp-answered-pcmu", 100, 30)
	s.m.e.pause = func(_ context.Context, d time.Duration) bool { return d == seekPause || d == previewWait }
	id := s.m.done.list.current().call.CallID
	s.keys("G")
	last := s.m.done.list.current().call
	s.keys("home")
	s.keys("/", `text:"`+last.CallID+`"`)
	if p := s.m.done.preview.cdr; p == nil || p.CallID != last.CallID {
		t.Errorf("the preview is not of %s, the only call that is left", last.CallID)
	}
	s.keys("esc", "home", "/", `text:"`+id+`"`)
	if n := s.m.done.list.table.Len(); n != 1 {
		t.Errorf("%d calls are shown", n)
	}
	s.keys(" caller:9999", "enter")
	s.want(`None of 3 past calls matches`)
	s.keys("esc")
	s.want(`3 calls`)
}

func TestAFilterOfASensorSaysThatItHasNoMessages(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 160, 24, asciiLook)
	s.feed(src)
	s.keys("/", "text:x")
	s.want(`text: looks into capture files`)
	s.keys("enter") // a filter that is not in force is not kept
	s.want(`text: looks into capture files`)
	s.keys("esc", "7")
	s.want(`a hosted service has sensors`)
}
