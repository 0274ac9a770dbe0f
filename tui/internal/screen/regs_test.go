package screen

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"voiptop/protocol"
	"voiptop/tui/source"
)

// registrations are nine telephones: one fails, one has run out, one was taken back.
func registrations() (list []protocol.Registration) {
	now := protocol.TimeOf(epoch)
	for i := range 9 {
		list = append(list, protocol.Registration{
			SensorID: 12, State: protocol.Registered, AOR: fmt.Sprintf("10%02d@pbx.example", i), Contact: fmt.Sprintf("sip:10%02d@10.0.0.%d:5060", i, 11+i),
			Src: fmt.Sprintf("10.0.0.%d:5060", 11+i), Dst: "10.0.0.5:5060", Transport: "udp", UserAgent: "Deskphone D120 2.8.1", Since: now - 7200e6, Refresh: now - 60e6,
			Until: now + protocol.Time(240e6-20e6*i), Attempt: now - 60e6, Status: 200, Reason: "OK", RTTMS: ptr(1.5 + float64(i)),
		})
	}
	fail, expired, off := &list[4], &list[6], &list[7]
	fail.State, fail.Failures, fail.Status, fail.Reason, fail.Since, fail.Refresh, fail.Until = protocol.RegistrationFailing, 17, 403, "Forbidden", 0, 0, 0
	expired.State, expired.Until = protocol.RegistrationExpired, now-3725e6
	off.State, off.Until = protocol.Unregistered, now-60e6
	return list
}

func (s *screenTest) aors() (out []string) {
	for _, r := range s.m.regs.shown {
		out = append(out, strings.TrimSuffix(r.(*regRow).r.AOR, "@pbx.example"))
	}
	return out
}

func TestRegistrationsThatNeedALookComeFirst(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.keys("3")
	if got := strings.Join(s.aors(), " "); got != "1004 1006 1007 1000 1001 1002 1003 1005 1008" {
		t.Errorf("the order is %s", got)
	}
	s.keys("s") // address
	if got := s.aors()[0]; got != "1000" {
		t.Errorf("sorted by address the first is %s", got)
	}
	s.keys("S")
	if got := s.aors()[0]; got != "1008" {
		t.Errorf("sorted by address in reverse the first is %s", got)
	}
}

func TestTimeThatIsLeftTicks(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.keys("3")
	s.want(`OK +1000@pbx.example +10.0.0.11:5060 .* 04:00 +1.5 +0`)
	s.want(`EXP +1006@.* -1:02:05 `)
	s.now = s.now.Add(61 * time.Second)
	s.want(`OK +1000@pbx.example .* 02:59 `)
}

func TestRegistrationsAreFilteredByWordsAndTheCallsKeepTheirFilter(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.keys("/", "mos<4", "enter", "3")
	s.want(`9 registrations`)
	s.keys("/", "FAIL", "enter")
	s.want(`/ FAIL .*1 of 9 shown`)
	s.want(`1004@pbx.example`)
	s.wantNot(`1005@`)
	s.keys("/", " 10.0.0.99")
	s.want(`None of 9 registrations matches the filter`)
	s.keys("enter", "1")
	s.want(`/ mos<4.*2 of 6 shown`)
	s.keys("3", "esc")
	s.want(`9 registrations`)
}

func TestTheRegistrationUnderTheCursorIsExplained(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 100, 30, asciiLook)
	s.feed(src)
	s.keys("3")
	s.want(`(?s)-- 1004@pbx.example -.*contact sip:1004@10.0.0.15:5060  udp to 10.0.0.5:5060.*never registered.*last answer 403 Forbidden after 5.5 ms  failures: 17, last 2026-11-22 12:03:31`)
	s.keys("j")
	s.want(`since 2026-11-22 10:04:31  last 2026-11-22 12:03:31  until 2026-11-22 11:02:26`)
	s.keys("y")
	if want := base64.StdEncoding.EncodeToString([]byte("1006@pbx.example")); !strings.Contains(s.term.String(), want) {
		t.Errorf("the terminal got %q", s.term.String())
	}
}

func TestEmptyListOfRegistrationsSaysWhy(t *testing.T) {
	seen := protocol.Counters{protocol.CountPackets: 42, protocol.CountSIP: 7}
	for _, c := range []struct {
		m    feedMsg
		err  error
		want string
	}{
		{feedMsg{conn: connected, calls: map[protocol.UUID]protocol.LiveCall{}, t: 1, info: &protocol.SensorInfo{Source: "eth0"}}, nil, `(?s)No packets seen yet on eth0.*6 looks for the reason`},
		{feedMsg{conn: connected, calls: map[protocol.UUID]protocol.LiveCall{}, t: 1, counters: seen}, nil, `(?s)No registrations yet.*42 packets seen, 7 of them SIP, 0 REGISTER`},
		{feedMsg{conn: ended, calls: map[protocol.UUID]protocol.LiveCall{}, t: 1, counters: seen}, nil, `(?s)No registrations.*the file has been read`},
		{feedMsg{conn: connected}, &protocol.Problem{Title: "no sensor listens", Remedy: "start sensord"}, `(?s)no sensor listens.*start sensord.*r tries again`},
	} {
		s := newScreen(t, &fake{regsErr: c.err}, 100, 30, asciiLook)
		s.send(c.m)
		s.keys("3")
		s.want(c.want)
	}
}

func TestRegistrationsOfTheOtherSensorsAreShownBesideAnError(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	src.regsErr = errors.New("sensor pbx-2: gone")
	s.keys("3")
	s.want(`sensor pbx-2: gone`)
	s.want(`1004@pbx.example`)
	src.regs, src.regsErr = nil, errors.New("all gone")
	s.keys("r")
	s.want(`all gone`)
	s.want(`1004@pbx.example`) // what was known stays
}

// While they are on the screen, the registrations are asked for again and again; not when they are not.
func TestRegistrationsAreAskedForWhileTheyAreSeen(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.keys("3")
	asked := 0
	s.m.e.pause = func(_ context.Context, d time.Duration) bool {
		if d == polledEvery {
			asked++
		}
		return d == polledEvery && asked < 5
	}
	s.m.regs.timer = false
	s.keys("r")
	if asked != 5 {
		t.Errorf("looked %d times", asked)
	}
	s.keys("1")
	asked = 0
	s.m.regs.timer = false
	s.send(regsDue{})
	if asked != 0 || s.m.regs.busy {
		t.Error("it looks although nobody sees it")
	}
}

// fleet is a fake of several sensors.
type fleet struct{ *fake }

func (fleet) Sensors(context.Context) ([]source.SensorStatus, error) {
	return []source.SensorStatus{{SensorID: 12, Name: "pbx-1", Online: true, LocalRuleRevision: 3, HostedRuleRevision: 7, RulesProblem: &protocol.Problem{Title: "too old for these rules"}}}, nil
}

// sick is a fleet whose sensors tell their health, with one that is offline.
type sick struct{ fleet }

func (f sick) Sensors(ctx context.Context) ([]source.SensorStatus, error) {
	list, err := f.fleet.Sensors(ctx)
	return append(list, source.SensorStatus{SensorID: 13, Name: "pbx-2", LastSeen: protocol.TimeOf(epoch.Add(-time.Hour)), Addr: "192.0.2.7:4711"}), err
}

func (f sick) Health(context.Context, protocol.UUID) (protocol.Health, error) { return f.health, nil }

func TestSensorsSayWhichRulesAreInForce(t *testing.T) {
	s := newScreen(t, pbx(), 100, 24, asciiLook)
	m, _ := New(t.Context(), Config{Source: fleet{pbx()}, Theme: s.m.e.Theme, Now: func() time.Time { return epoch }, Zone: time.UTC, Term: &s.term})
	s.m, m.w, m.h = m, 100, 24
	m.e.pause = func(context.Context, time.Duration) bool { return false }
	m.resize()
	s.keys("7")
	s.want(`rules: its own, revision 3; hosted's, revision 7, not the newest: too old for these rules`)
}

func TestTabsOfAFleetFitNarrowScreens(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, w := range []int{40, 60, 80} {
		s := newScreen(t, pbx(), w, 24, asciiLook)
		m, _ := New(ctx, Config{Source: fleet{pbx()}, Theme: s.m.e.Theme, Now: func() time.Time { return epoch }, Zone: time.UTC, Term: &s.term})
		s.m = m
		s.m.e.pause = func(context.Context, time.Duration) bool { return false }
		s.m.w, s.m.h = w, 24
		s.m.resize()
		for i, name := range []string{"1 Live", "2 Done", "3 Regs", "4 (RTP|Streams)", "5 Rules", "6 Doc(tor)?", "7 Sens(ors)?"} {
			s.keys(fmt.Sprint(i + 1))
			s.want(`\[` + name + `\]`)
			for _, l := range strings.Split(s.m.View(), "\n") {
				if ansi.StringWidth(l) != w {
					t.Fatalf("a line of %d cells on a screen of %d", ansi.StringWidth(l), w)
				}
			}
		}
	}
}
