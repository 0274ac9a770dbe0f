package screen

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"

	"voiptop/protocol"
	"voiptop/tui/internal/style"
)

// busy is a source whose past calls went in many ways.
func busy() *fake {
	f := pbx()
	for i := range f.past {
		c := &f.past[i]
		c.UACaller, c.UACallee, c.PDDMS = "Yealink SIP-T46U 108.86.0.20", "Asterisk PBX 20.6.0", ptr(int64(200+100*i))
		if c.Answer != 0 {
			c.ConnectMS = ptr(int64(i) * 9000)
		}
		switch i % 6 {
		case 1:
			c.Src, c.MOS, c.LossPct, c.JitterMS = "[2001:db8:85a3::8a2e:370:7334]:5060", ptr(3.4), ptr(2.5), ptr(33.0)
			c.Findings = []protocol.Finding{{Code: "loss-burst", Severity: protocol.SeverityBad}}
		case 2:
			c.Codecs, c.MOS = []string{"G729"}, ptr(3.93)
		}
	}
	last := f.updates[len(f.updates)-1]
	for name, n := range map[string]uint64{"sip.requests.INVITE": 812, "sip.requests.REGISTER": 4100, "sip.requests.OPTIONS": 12, "sip.responses.2xx": 3900, "sip.responses.5xx": 3} {
		last.Counters[name] = n
	}
	return f
}

func TestStatisticsLookAsTheyShould(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 10}} {
		for _, c := range []struct {
			name string
			keys []string
		}{
			{"stats", []string{"8"}},
			{"stats_status", []string{"8", "tab"}},
			{"stats_mos", []string{"8", "l", "l", "l", "l"}},
			{"stats_sources", []string{"8", "h", "h", "h", "h", "h", "h", "h", "h"}},
			{"stats_methods", []string{"i", "left", "left"}},
			{"stats_failing", []string{"i", "left"}},
		} {
			t.Run(fmt.Sprintf("%s_%dx%d", c.name, size[0], size[1]), func(t *testing.T) {
				src := busy()
				s := newScreen(t, src, size[0], size[1], asciiLook)
				s.feed(src)
				s.keys(c.keys...)
				golden(t, fmt.Sprintf("%s_%dx%d", c.name, size[0], size[1]), s.text())
			})
		}
	}
}

func TestStatisticsSayTheSameInAllColours(t *testing.T) {
	texts := map[string]bool{}
	for name, look := range map[string]style.Options{"dark": {Profile: termenv.ANSI256, Dark: true}, "light": {Profile: termenv.ANSI256}, "16": {Profile: termenv.ANSI}, "none": {Profile: termenv.Ascii}} {
		src := busy()
		s := newScreen(t, src, 120, 40, look)
		s.feed(src)
		s.keys("8", "l", "l", "l", "l")
		texts[ansi.Strip(s.m.View())] = true
		for _, line := range strings.Split(s.m.View(), "\n") {
			if n := ansi.StringWidth(line); n != 120 {
				t.Errorf("%s: a line is %d cells wide: %q", name, n, line)
			}
		}
	}
	if len(texts) != 1 {
		t.Errorf("colours change what is said: %d texts", len(texts))
	}
}

func TestARowOfStatisticsOpensItsCallsAndEscGoesBack(t *testing.T) {
	src := busy()
	s := newScreen(t, src, 100, 30, asciiLook)
	s.feed(src)
	s.keys("8", "tab", "j", "enter")
	s.want(`/ status=486 +6 of 30 shown`)
	s.want(`\[2 Done\]`)
	s.want(`486 rejected`)
	s.keys("esc")
	s.want(`\[8 Stats\]`)
	s.want(`> ?486 Busy Here`)
	s.wantNot(`/ status`)

	s.keys("/", "caller:2001 or codec:G729", "enter")
	s.send(tickMsg{})
	s.now = s.now.Add(2 * time.Second)
	s.send(tickMsg{})
	s.want(`/ caller:2001 or codec:G729 +6 calls`)
	s.keys("h", "l", "g", "enter")
	s.want(`/ \(caller:2001 or codec:G729\) status=200`)
	s.keys("esc")
	s.want(`/ caller:2001 or codec:G729 `)
	s.keys("enter", "x", "esc")
	s.want(`\[8 Stats\]`)
	s.keys("2", "esc")
	s.want(`\[2 Done\]`) // it was opened by its key: esc clears the filter
	s.wantNot(`caller:2001 or`)
}

func TestFailingRegistrationsOfStatisticsOpenInRegs(t *testing.T) {
	src := busy()
	s := newScreen(t, src, 100, 30, asciiLook)
	s.feed(src)
	s.keys("8", "h", "enter")
	s.want(`\[3 Regs\]`)
	s.want(`/ failing `)
	s.want(`1 of \d+ shown`)
}

func TestTheConditionOfARowIsCopied(t *testing.T) {
	src := busy()
	s := newScreen(t, src, 100, 30, asciiLook)
	s.feed(src)
	s.keys("8", "tab", "j", "y")
	if got := s.term.String(); !strings.Contains(got, base64.StdEncoding.EncodeToString([]byte("status=486"))) {
		t.Errorf("the terminal got %q", got)
	}
}

func TestStatisticsReadOnUntilAllCallsAreCounted(t *testing.T) {
	src := &fake{calls: map[protocol.UUID]*protocol.CDR{}}
	for i := range 1800 {
		start := protocol.TimeOf(epoch.Add(-time.Duration(i) * time.Minute))
		src.past = append(src.past, protocol.CDR{ID: protocol.UUID{6: byte(i >> 8), 7: byte(i)}, CallID: fmt.Sprint("c", i), Start: start, End: start + 1, Caller: "1", Callee: "2", Status: 200, ConnectMS: ptr(int64(0))})
	}
	s := newScreen(t, src, 100, 30, asciiLook)
	s.keys("8")
	for range 3 {
		s.now = s.now.Add(time.Minute)
		s.send(tickMsg{})
	}
	s.want(`1800 past calls, 2026-11-21 06:05 to 2026-11-22 12:04`)
	s.want(`ASR 100.0%`)
}

func TestEmptyStatisticsSayWhy(t *testing.T) {
	src := &fake{}
	s := newScreen(t, src, 80, 24, asciiLook)
	s.keys("8")
	s.want(`No past calls`)
	s.keys("h")
	s.want(`no registration fails`)
	s.keys("h")
	s.want(`the source has counted no message yet`)
	s.keys("enter", "y", "R", "w", "S", "s", "c", "esc", "esc")
}

func TestTheMouseChoosesSectionsAndRowsOfStatistics(t *testing.T) {
	src := busy()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.keys("8")
	click := func(x, y int) {
		s.now = s.now.Add(time.Second)
		s.send(tea.MouseMsg{X: x, Y: y, Action: tea.MouseActionPress, Button: tea.MouseButtonLeft})
	}
	click(3, 5) // Status
	s.want(`> ?200 OK`)
	click(30, 6)
	s.want(`> ?486 Busy Here`)
	s.send(tea.MouseMsg{X: 30, Y: 6, Action: tea.MouseActionPress, Button: tea.MouseButtonLeft})
	s.want(`/ status=486`)
}

func TestACountThatIsUnderWayIsNotStartedTwice(t *testing.T) {
	src := busy()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.keys("2")
	first := s.m.stats.look()
	if first == nil || s.m.stats.look() != nil {
		t.Fatal("a count was started twice, or never")
	}
	s.run(first)
	if s.m.stats.look() != nil {
		t.Error("what was counted is counted again")
	}
}
