package screen

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"

	"voiptop/protocol"
	"voiptop/tui/doctor"
	"voiptop/tui/internal/style"
)

// sequence takes apart the message of tea.Sequence, whose type is not exported.
func sequence(msg tea.Msg) []tea.Cmd {
	v := reflect.ValueOf(msg)
	if v.Kind() != reflect.Slice || v.Type().Elem() != reflect.TypeFor[tea.Cmd]() {
		return nil
	}
	out := make([]tea.Cmd, v.Len())
	for i := range out {
		out[i] = v.Index(i).Interface().(tea.Cmd)
	}
	return out
}

func TestScreensLookAsTheyShould(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}} {
		for _, c := range []struct {
			name string
			keys []string
		}{
			{"live", nil},
			{"done", []string{"2"}},
			{"regs", []string{"3"}},
			{"rules", []string{"5"}},
			{"editor", []string{"5", "e", "ctrl+end", "board: keep none when number:(2000 2001)"}},
			{"editor_wrong", []string{"5", "e", "ctrl+end", "board: keep none when numbr:2000"}},
			{"call", []string{"enter"}},
			{"streams", []string{"enter", "tab"}},
			{"findings", []string{"enter", "tab", "tab"}},
			{"help", []string{"?"}},
		} {
			t.Run(fmt.Sprintf("%s_%dx%d", c.name, size[0], size[1]), func(t *testing.T) {
				src := pbx()
				s := newScreen(t, src, size[0], size[1], asciiLook)
				s.feed(src)
				s.keys(c.keys...)
				golden(t, fmt.Sprintf("%s_%dx%d", c.name, size[0], size[1]), s.text())
			})
		}
	}
}

func TestWorstCallIsOnTopAndSortingGoesThroughTheColumns(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	first := func() string { return s.m.live.list.sorted[0].(*row).call.Caller }
	if first() != "1001" {
		t.Errorf("the first call is %s, want the bad one", first())
	}
	s.keys("s", "s") // state, from
	if first() != "+447700900123" {
		t.Errorf("sorted by From the first call is %s", first())
	}
	s.keys("S")
	if first() != "2010" {
		t.Errorf("sorted by From in reverse the first call is %s", first())
	}
}

func TestFilterFollowsEveryKeyAndSaysWhereItIsWrong(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.keys("/", "mos<4 state:up")
	s.want(`2 of 6 shown`)
	s.keys(" mos<")
	s.want(`1:20: `)
	s.keys("esc", "/", "mos<4")
	s.want(`2 of 6 shown`)
	s.keys("x")
	s.want(`1:5: found "4x", expected a number`)
	s.want(`2 of 6 shown`) // the last whole condition goes on
	s.keys("esc")
	s.want(`6 calls`)
	s.keys("/", "nobody", "enter")
	s.want(`None of 6 running calls matches`)
	s.keys("esc")
	s.want(`6 calls`)
}

func TestTabCompletesTheFilter(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.keys("/", "sta", "tab")
	s.want(`/ state`)
	s.keys("esc", "/", "stat", "tab", "esc", "/", "state:", "u", "tab")
	s.want(`/ state:up`)
	s.want(`4 of 6 shown`)
	s.keys("esc", "/", "mess", "tab")
	s.want(`/ message `)
	s.want(`tab next +message messages`)
	s.keys("tab")
	s.want(`/ messages `)
	s.keys("tab")
	s.want(`/ message `)
	s.keys(":", "B")
	s.wantNot(`tab next`)
}

func TestKeysThatAreReadTogetherAreAllTaken(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("jj/mos<4")})
	s.want(`/ mos<4.* 2 of 6 shown`)
}

func TestPastedTextIsNoSeriesOfCommands(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("2q"), Paste: true})
	s.want(`\[1 Live\]`)
	s.keys("/")
	s.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("caller:2007"), Paste: true})
	s.want(`1 of 6 shown`)
}

func TestCursorStaysOnItsCallWhenTheOrderChanges(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.keys("down", "down", "down")
	want := s.m.live.list.current().call.ID
	s.keys("s")
	if got := s.m.live.list.current().call.ID; got != want {
		t.Errorf("the cursor went from %v to %v", want, got)
	}
}

func TestPauseHoldsTheScreenAndCatchesUp(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.keys("p")
	src.updates = []*protocol.LiveUpdate{{T: protocol.TimeOf(epoch) + 1_000_000, Gone: []protocol.UUID{id(2)}, Counters: counters()}}
	s.feed(src)
	s.want(`PAUSED`)
	s.want(`2007`)
	s.keys("p")
	s.wantNot(`2007`)
	s.want(`5 calls`)
}

func TestLostSourceIsShownAndTheCallsStay(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.send(feedMsg{conn: lost, err: &protocol.Problem{Title: "the sensor has gone"}, retry: s.now.Add(4 * time.Second)})
	s.want(`OFFLINE.*the sensor has gone.*again in 4 s`)
	s.want(`\+420555123456`)
}

func TestEmptyScreenSaysWhyAndWhatToDo(t *testing.T) {
	for _, c := range []struct {
		m    feedMsg
		want string
	}{
		{feedMsg{conn: connecting}, `Connecting to /run/sensord/sensord.sock`},
		{feedMsg{conn: lost, err: &protocol.Problem{Title: "no sensor listens", Remedy: "start sensord"}}, `(?s)no sensor listens.*start sensord`},
		{feedMsg{conn: connected, calls: map[protocol.UUID]protocol.LiveCall{}, t: 1, info: &protocol.SensorInfo{Source: "eth0"}}, `(?s)No packets seen yet on eth0.*6 looks for the reason`},
		{feedMsg{conn: connected, calls: map[protocol.UUID]protocol.LiveCall{}, t: 1, counters: protocol.Counters{protocol.CountPackets: 42}}, `(?s)42 packets seen, but no SIP.*6 looks for the reason`},
		{feedMsg{conn: connected, calls: map[protocol.UUID]protocol.LiveCall{}, t: 1, counters: protocol.Counters{protocol.CountPackets: 42, protocol.CountSIP: 7}}, `(?s)No calls yet.*42 packets seen, 7 of them SIP`},
		{feedMsg{conn: connected, calls: map[protocol.UUID]protocol.LiveCall{}, t: 1, counters: protocol.Counters{protocol.CountPackets: 42, protocol.CountSIP: 7, protocol.CountCallsStarted: 3}}, `(?s)No running calls.*3 calls since the start`},
	} {
		s := newScreen(t, &fake{}, 100, 30, asciiLook)
		s.send(c.m)
		s.want(c.want)
	}
}

func TestEndOfAFileShowsItsCalls(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.send(feedMsg{conn: ended, calls: map[protocol.UUID]protocol.LiveCall{}, fresh: true, t: 1, counters: counters()})
	s.want(`FILE`)
	s.want(`\[2 Done\]`)
	s.want(`2000 +\+4207771`)
}

func TestCopyUsesOSC52(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 100, 24, asciiLook)
	s.feed(src)
	s.keys("y")
	if want := base64.StdEncoding.EncodeToString([]byte("call-1")); !strings.Contains(s.term.String(), "\x1b]52;c;"+want) {
		t.Errorf("the terminal got %q", s.term.String())
	}
	s.keys("enter", "Y")
	_, b64, _ := strings.Cut(s.term.String()[10:], "\x1b]52;c;")
	text, _ := base64.StdEncoding.DecodeString(strings.Trim(b64, "\a\x1b\\"))
	if !bytes.Contains(text, []byte("INVITE SDP")) || bytes.Contains(text, []byte{0x1b}) {
		t.Errorf("the ladder was copied as %q", text)
	}
}

func TestNextProblemStopsAtEachOne(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 120, 40, asciiLook)
	s.feed(src)
	s.keys("enter", "n")
	s.want(`(?m)^> .*INVITE SDP x2`)
	s.keys("n")
	s.want(`(?m)^> .*RTP 2\.31 6\.1%`)
	s.keys("N")
	s.want(`(?m)^> .*INVITE SDP x2`)
}

func TestPastCallsAreLoadedAsTheCursorNearsTheEnd(t *testing.T) {
	src := pbx()
	for i := range 1500 {
		src.past = append(src.past, protocol.CDR{ID: id(1000 + i), Start: protocol.TimeOf(epoch.Add(-time.Duration(i+300) * time.Hour)), End: 1, Status: 200})
	}
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.keys("2")
	s.want(`500\+ calls`)
	for range 3 {
		s.keys("end")
	}
	s.want(`1530 calls`)
}

func TestFilterLooksThroughThePagesThatAreNotThereYet(t *testing.T) {
	src := pbx()
	for i := range 1500 {
		c := protocol.CDR{ID: id(1000 + i), Start: protocol.TimeOf(epoch.Add(-time.Duration(i+300) * time.Hour)), End: 1, Status: 200}
		if i == 1400 {
			c.Caller = "needle"
		}
		src.past = append(src.past, c)
	}
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.keys("2", "/", "needle", "enter")
	s.want(`1 of 1530 shown`)
	s.want(`>.* needle`)
}

// TestEveryLineFitsWhateverTheSizeAndTheCalls draws random calls with hostile names at random sizes.
func TestEveryLineFitsWhateverTheSizeAndTheCalls(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	hostile := []string{"1001", "名前名前", "\x1b[31mred\x1b[2J", "\x1b]52;c;aGk=\x07", "\xff\xfe\x9b31m", "👩‍👩‍👧‍👦", "e\u0301", "\u202eevil", strings.Repeat("long", 100), "", "a\r\nb\tc"}
	name := func() string { return hostile[rng.IntN(len(hostile))] }
	looks := []style.Options{asciiLook, {Profile: termenv.ANSI256, Dark: true}, {Profile: termenv.ANSI}, {Profile: termenv.Ascii}}
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	for range rounds {
		src := pbx()
		for i := range src.updates[1].Calls {
			c := &src.updates[1].Calls[i]
			c.Caller, c.Callee, c.Src, c.Dst, c.Codec, c.Finding, c.CallID = name(), name(), name(), name(), name(), name(), name()
			c.Severity, c.State, c.SensorID = protocol.Severity(name()), protocol.State(name()), uint16(rng.IntN(65536))
		}
		call := src.calls[id(1)]
		call.Caller, call.Callee, call.CallerName, call.Reason, call.UACaller = name(), name(), name(), name(), name()
		for i := range call.Messages {
			m := &call.Messages[i]
			m.FirstLine, m.SDP, m.CSeq = m.FirstLine+name(), name(), name()
			if rng.IntN(3) == 0 {
				m.Src = name()
			}
		}
		call.Streams[0].Codec, call.Streams[1].Src, call.Streams[2].DTMF = name(), name(), name()
		call.Findings = append(call.Findings, protocol.Finding{Code: name(), Severity: protocol.Severity(name()), Text: name() + " " + name(), Evidence: name(), Remedy: name()})
		for i := range src.past {
			src.past[i].Caller, src.past[i].Callee, src.past[i].EndCause = name(), name(), protocol.EndCause(name())
		}
		for i := range src.regs {
			r := &src.regs[i]
			r.AOR, r.Contact, r.Src, r.Dst, r.UserAgent, r.Reason, r.State = name(), name(), name(), name(), name(), name(), protocol.RegistrationState(name())
		}
		src.rules = name() + "\n" + name()
		call.Capture = protocol.Capture{Kept: protocol.KeepSIP, Bytes: 9}
		call.End = call.Start + 1
		src.texts = textsOf(call)
		for i := range src.texts {
			src.texts[i].Raw = []byte(strings.Replace(string(src.texts[i].Raw), "Via:", name()+": "+name()+"\r\n "+name()+"\r\nVia:", 1) + name() + "\r\n" + strings.Repeat(name(), 300))
		}
		s := newScreen(t, whole{src}, 40+rng.IntN(210), 10+rng.IntN(70), looks[rng.IntN(len(looks))])
		s.feed(src)
		s.m.e.Doctor = func(_ context.Context, emit func(doctor.Outcome)) {
			for range 5 {
				emit(doctor.Outcome{Code: name(), Group: name(), Title: name(), Docs: name(), Result: doctor.Result{Status: doctor.Status(name()), Seen: name(), Why: name(), Remedy: name()}})
			}
		}
		for _, k := range []string{"", "j", "enter", "tab", "tab", "tab", "n", "l", "esc", "2", "G", "s", "3", "s", "S", "j", "/", "x", "esc", "4", "s", "/", "x", "esc", "enter", "esc", "5", "?", "esc", "6", "G", "n", "?", "esc", "/", "x", "esc", "1", " ", "c", "d", "j", "esc", "enter", "enter", "/", "i", "esc", "l", "esc", "=", "esc", " ", "j", " ", "=", "esc", "t", "o", "x", "c", "]", "J", "esc", "1", "w", "right", "down", "x", "esc"} {
			s.keys(k)
			w, h := 1+rng.IntN(250), 1+rng.IntN(80)
			s.m.Update(tea.WindowSizeMsg{Width: w, Height: h})
			checkFrame(t, s.m.View(), w, h)
		}
	}
}

func checkFrame(t *testing.T, view string, w, h int) {
	t.Helper()
	lines := strings.Split(view, "\n")
	if len(lines) != h {
		t.Fatalf("%dx%d: %d lines", w, h, len(lines))
	}
	for _, l := range lines {
		if ansi.StringWidth(l) != w || ansi.StringWidthWc(l) != w {
			t.Fatalf("%dx%d: line %q is %d cells", w, h, l, ansi.StringWidth(l))
		}
		for rest := l; ; {
			_, after, found := strings.Cut(rest, "\x1b")
			if !found {
				break
			}
			end := strings.IndexFunc(after, func(r rune) bool { return !strings.ContainsRune("[0123456789;", r) })
			if end < 0 || after[end] != 'm' || after[0] != '[' {
				t.Fatalf("%dx%d: line %q has an escape sequence that is no style of ours", w, h, l)
			}
			rest = after[end+1:]
		}
		if strings.ContainsFunc(l, func(r rune) bool { return r != 0x1b && !unicode.IsGraphic(r) || r == utf8.RuneError }) {
			t.Fatalf("%dx%d: line %q has a control character", w, h, l)
		}
	}
}

func TestUpdateDoesNotTouchTheSource(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.m.e.Source = nil // Update that asks it would panic; the commands that it returns are not run
	for _, msg := range []tea.Msg{
		feedMsg{conn: connected, fresh: true, calls: map[protocol.UUID]protocol.LiveCall{id(1): liveCalls()[0]}, t: 1, counters: counters()},
		tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("2")},
		tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("3")},
		regsDue{},
		regsMsg{list: registrations()},
		tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("4")},
		tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("1")},
		tea.KeyMsg{Type: tea.KeyEnter},
		tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("=")},
		tea.KeyMsg{Type: tea.KeyEnter}, // the message
		textsDue{},
		tea.KeyMsg{Type: tea.KeyEsc},
		tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("w")},
		tea.KeyMsg{Type: tea.KeyEnter},
		tea.KeyMsg{Type: tea.KeyEsc},
		tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("4")},
		streamsWake{},
		tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("6")},
		tickMsg{},
		previewDue{id(1)},
		detailDue{id(1)},
		refreshDue{},
	} {
		s.m.Update(msg)
	}
}

func TestErrorsOfTheCallsScreenCanBeLeft(t *testing.T) {
	src := pbx()
	delete(src.calls, id(1))
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.keys("enter")
	s.want(`(?s)no such call.*esc goes back`)
	s.keys("esc")
	s.want(`6 calls`)
}

func TestALongMessageIsReadToItsEnd(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.send(toast{"not saved: the packets of this call were not kept: rule board decided: keep none; change the rule, or put another before it", true})
	s.want(`not saved: the packets of this call were not kept`)
	s.want(`change the rule, or put another before it|put\s+another before it`)
	s.keys("j")
	s.want(`quit`) // the next key takes it away
}
