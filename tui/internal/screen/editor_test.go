package screen

import (
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

func editing(t *testing.T, keys ...string) (*screenTest, *fake) {
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.keys("5", "e")
	s.keys(keys...)
	return s, src
}

func TestEditedRulesAreSavedWithTheRevisionThatTheyBeganFrom(t *testing.T) {
	s, src := editing(t, "ctrl+end", "all: keep sip", "ctrl+s")
	s.want(`saved: revision 8 is in force`)
	want := "# what we keep\nbad-carrier: keep rtp\n  when ip:198.51.100.0/24\nall: keep sip"
	if src.stored.Revision != 7 || src.stored.Text != want {
		t.Errorf("stored %+v", src.stored)
	}
	s.keys("esc")
	s.want(`Capture rules`)
	s.want(`all: keep sip`)
}

func TestAWrongRuleIsNotSavedAndTheCursorGoesThere(t *testing.T) {
	s, src := editing(t, "ctrl+end", "all: keep everything", "ctrl+s")
	s.want(`not saved: 4:11: `)
	if src.stored.Text != "" {
		t.Errorf("stored %q", src.stored.Text)
	}
	s.want(`4:11  changed`)
}

func TestARefusedSaveKeepsTheText(t *testing.T) {
	s, src := editing(t)
	src.refuse = &protocol.Problem{Code: "rules-changed", Title: "the rules have changed", Remedy: "read them again"}
	s.keys("x: keep rtp", "\n", "ctrl+s")
	s.want(`not saved: `)
	s.want(`x: keep rtp`)
}

func TestChangesAreNotLostByOneKey(t *testing.T) {
	s, _ := editing(t, "# mine", "esc")
	s.want(`esc again drops the changes`)
	s.keys("!")
	s.want(`# mine!# what we keep`)
	s.keys("ctrl+c")
	s.want(`ctrl\+c again quits`)
	if _, cmd := s.m.Update(tea.KeyMsg{Type: tea.KeyCtrlC}); cmd == nil {
		t.Error("the second ctrl+c does not quit")
	} else if _, ok := cmd().(tea.QuitMsg); !ok {
		t.Error("the second ctrl+c does not quit")
	}
	s.keys("x", "esc", "esc")
	s.want(`Capture rules`)
	s.wantNot(`# mine`)
}

func TestPreviewCountsTheCallsOfEachRule(t *testing.T) {
	s, _ := editing(t)
	s.keys("board: keep none when caller:(2007 2010 2001)", "enter", "rest: keep sip", "enter")
	s.want(`36 calls on the other screens`)
	s.want(`board +keep none +6 calls +\S+2`) // three that run, three of the past
	s.want(`rest +keep sip +30 calls`)
	s.want(`bad-carrier +keep rtp +0 calls`)
	s.keys("ctrl+z", "ctrl+k")
	s.wantNot(`rest`)
}

func TestTabGoesThroughWhatMayStandThere(t *testing.T) {
	s, _ := editing(t, "x: keep rtp when cal", "tab")
	s.want(`x: keep rtp when caller:?`)
	s.want(`What may stand here`)
	s.want(`callee +\S+`)
	s.keys("tab")
	s.want(`x: keep rtp when callee:?`)
	s.keys("ctrl+z", "ctrl+z")
	s.want(`x: keep rtp when cal#`)
	s.wantNot(`What may stand here`)
}

func TestRulesAreSwitchedMovedAndDeletedWhole(t *testing.T) {
	s, src := editing(t, "ctrl+end", "# staff", "enter", "staff: keep sip", "enter", "  when caller:10*")
	s.keys("ctrl+o", "ctrl+s")
	want := "# what we keep\nbad-carrier: keep rtp\n  when ip:198.51.100.0/24\n# staff\nstaff: keep sip off\n  when caller:10*"
	if src.rules != want {
		t.Errorf("switched off: %q", src.rules)
	}
	s.want(`staff +keep sip +off`)
	s.send(tea.KeyMsg{Type: tea.KeyUp, Alt: true})
	s.keys("ctrl+o", "ctrl+s")
	if want = "# staff\nstaff: keep sip\n  when caller:10*\n# what we keep\nbad-carrier: keep rtp\n  when ip:198.51.100.0/24\n"; src.rules != want {
		t.Errorf("moved: %q", src.rules)
	}
	s.keys("ctrl+x", "ctrl+s")
	if want = "# what we keep\nbad-carrier: keep rtp\n  when ip:198.51.100.0/24\n"; src.rules != want {
		t.Errorf("deleted: %q", src.rules)
	}
}

func TestListsInFilesAreTheSensors(t *testing.T) {
	s, src := editing(t, "group vip: file vip.csv", "enter", "vip: keep rtp when caller:@vip", "enter")
	s.want(`the rules are right; what they do is not tried`)
	s.keys("ctrl+s")
	if !strings.HasPrefix(src.rules, "group vip: file vip.csv\n") {
		t.Errorf("%q", src.rules)
	}
}

func TestPastedRulesAreText(t *testing.T) {
	s, _ := editing(t)
	s.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("a: keep rtp\r\nb: keep sip\r\n"), Paste: true})
	s.want(`a +keep rtp +36 calls`)
	s.want(`b +keep sip +0 calls`)
}

func TestARuleIsMadeOfACall(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.keys("R")
	s.want(`call: keep rtp when caller=1001 callee="?\+420555123456`)
	s.want(`call +keep rtp +1 call `)
	s.keys("ctrl+s")
	if !strings.HasPrefix(src.rules, "call: keep rtp when ") || !strings.HasSuffix(src.rules, "\n# what we keep\nbad-carrier: keep rtp\n  when ip:198.51.100.0/24\n") {
		t.Errorf("%q", src.rules)
	}
	s.keys("esc", "2", "enter", "R")
	s.want(`call-2: keep rtp when `)
}

func TestLongLinesScrollWithTheCursor(t *testing.T) {
	s, _ := editing(t, "# "+strings.Repeat("0123456789", 12)+"END")
	s.want(`789END`)
	s.keys("home")
	s.want(`# 0123456789`)
}

func TestHostedsRulesStandBelowTheSensorsOwn(t *testing.T) {
	src := pbx()
	src.given = &sensorapi.HostedRules{Revision: 12, Text: "all: keep sip", Problem: &protocol.Problem{Title: "too new for this sensor"}}
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.keys("5")
	s.want(`bad-carrier: keep rtp`)
	s.want(`then hosted's rules, revision 12`)
	s.want(`too new for this sensor`)
	s.want(`1 +all: keep sip`)
	s.keys("e")
	s.wantNot(`all: keep sip`)
}

func TestPreviewSaysWhichRulesHaveNoEffect(t *testing.T) {
	s, _ := editing(t, "old: keep rtp until 2020-01-01", "enter", "none: keep rtp off", "enter", "one: keep rtp when caller:2010 state:up", "backspace", "backspace")
	s.want(`Not right yet`)
	s.keys("ctrl+k", "one: keep rtp when caller:2003", "enter")
	s.want(`old +keep rtp +expired on 2020-01-01`)
	s.want(`none +keep rtp +off`)
	s.want(`one +keep rtp +1 call  `)
}
