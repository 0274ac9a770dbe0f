package screen

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/tui/doctor"
	"voiptop/tui/internal/style"
	"voiptop/tui/source"
)

var update = flag.Bool("update", false, "write the golden files anew")

// epoch is when the tests happen.
var epoch = time.Date(2026, 11, 22, 12, 4, 31, 0, time.UTC)

// fake is a source under the test's control.
type fake struct {
	mu      sync.Mutex
	updates []*protocol.LiveUpdate // what Watch emits before it waits
	fail    error                  // why Watch ends, nil: it waits
	calls   map[protocol.UUID]*protocol.CDR
	past    []protocol.CDR
	regs    []protocol.Registration
	regsErr error
	outside []protocol.Transaction
	rules   string
	given   *sensorapi.HostedRules
	stored  sensorapi.Rules // what SetRules was given
	refuse  error           // what SetRules answers
	capture string          // "": not kept
	texts   []source.Text
	health  protocol.Health
	watched int
}

func (f *fake) Name() string { return "/run/sensord/sensord.sock" }

func (f *fake) Info(context.Context) (protocol.SensorInfo, error) {
	return protocol.SensorInfo{Name: "pbx-1", Source: "eth0"}, nil
}

func (f *fake) Watch(ctx context.Context, emit func(*protocol.LiveUpdate) error) error {
	f.mu.Lock()
	updates, fail := f.updates, f.fail
	f.watched++
	f.mu.Unlock()
	for _, u := range updates {
		if err := emit(u); err != nil {
			return err
		}
	}
	if fail != nil {
		return fail
	}
	<-ctx.Done()
	return ctx.Err()
}

func (f *fake) Calls(_ context.Context, limit int, after string) ([]protocol.CDR, string, error) {
	at := 0
	if after != "" {
		fmt.Sscan(after, &at)
	}
	end := min(at+limit, len(f.past))
	next := ""
	if end < len(f.past) {
		next = fmt.Sprint(end)
	}
	return f.past[at:end], next, nil
}

func (f *fake) Call(_ context.Context, id string) (*protocol.CDR, error) {
	u, err := protocol.ParseUUID(id)
	if err != nil {
		return nil, err
	}
	if c := f.calls[u]; c != nil {
		return c, nil
	}
	return nil, &protocol.Problem{Code: protocol.CodeNotFound, Title: "no such call"}
}

func (f *fake) Capture(_ context.Context, _ string, w io.Writer) (int64, error) {
	if f.capture == "" {
		return 0, &protocol.Problem{Code: protocol.CodeCaptureNotKept, Status: http.StatusNotFound, Title: "no rule kept the packets", Remedy: "write a rule"}
	}
	n, err := io.WriteString(w, f.capture)
	return int64(n), err
}

// whole is a fake that has the messages of its calls.
type whole struct{ *fake }

func (f whole) Texts(_ context.Context, _ []*protocol.CDR, _ source.Progress, emit func(source.Text) error) error {
	if f.texts == nil {
		return &protocol.Problem{Code: protocol.CodeCaptureNotKept, Status: http.StatusNotFound, Title: "no rule kept the packets"}
	}
	for _, t := range f.texts {
		if err := emit(t); err != nil {
			return err
		}
	}
	return nil
}

func (f *fake) Audio(_ context.Context, _ string, _ sensorapi.AudioOptions, w io.Writer) (int64, []sensorapi.MissingSide, error) {
	n, err := io.WriteString(w, "voice")
	return int64(n), []sensorapi.MissingSide{{Side: "callee", Code: protocol.CodeCodecNotDecodable, Codec: "G729"}}, err
}

func (f *fake) Registrations(context.Context) ([]protocol.Registration, error) {
	return f.regs, f.regsErr
}

func (f *fake) Requests(_ context.Context, limit int) ([]protocol.Transaction, error) {
	return f.outside[:min(limit, len(f.outside))], f.regsErr
}

func (f *fake) Rules(context.Context, protocol.UUID) (sensorapi.Rules, error) {
	return sensorapi.Rules{Revision: 7, Text: f.rules, Hosted: f.given}, nil
}

func (f *fake) SetRules(_ context.Context, _ protocol.UUID, r sensorapi.Rules) (sensorapi.Rules, error) {
	if f.refuse != nil {
		return sensorapi.Rules{}, f.refuse
	}
	f.rules, f.stored = r.Text, r
	return sensorapi.Rules{Revision: r.Revision + 1, Text: r.Text}, nil
}

func (f *fake) Close() error { return nil }

func ptr[T any](v T) *T { return &v }

func id(n int) protocol.UUID { return protocol.UUID{6: 0x70, 15: byte(n), 14: byte(n >> 8)} }

// bad is the call with a bad carrier: an up call with loss towards the PBX.
func bad() *protocol.CDR {
	start := protocol.TimeOf(epoch.Add(-221 * time.Second))
	at := func(ms int64) protocol.Time { return start + protocol.Time(ms*1000) }
	phone, pbx, carrier := "10.0.0.11:5060", "10.0.0.5:5060", "198.51.100.9:5060"
	msg := func(ms int64, src, dst, line, cseq, sdp string) protocol.Message {
		return protocol.Message{T: at(ms), Src: src, Dst: dst, FirstLine: line, CSeq: cseq, SDP: sdp}
	}
	again := msg(550, pbx, carrier, "INVITE sip:420555123456@carrier SIP/2.0", "1 INVITE", "PCMA")
	again.Retransmission = true
	stream := func(src, dst string, ssrc protocol.SSRC, dir protocol.Direction, mos, loss, jitter float64) protocol.Stream {
		s := protocol.Stream{
			Src: src, Dst: dst, SSRC: ssrc, PayloadType: 8, Codec: "PCMA", ClockRate: 8000, Direction: dir, First: at(4300), Last: at(221_000),
			Packets: 10_800, Expected: 10_850, Lost: uint64(loss * 108), LossPct: loss, JitterMeanMS: jitter, JitterMaxMS: 2 * jitter, DeltaMaxMS: 300,
			MOSAdapt: protocol.MOS{Avg: mos, Min: mos - 0.2}, MOSF1: protocol.MOS{Avg: mos, Min: mos}, MOSF2: protocol.MOS{Avg: mos, Min: mos}, PtimeMS: 20, Media: "audio",
		}
		for i := range 21 {
			v := protocol.Interval{T: at(4300 + int64(i)*10_000), Packets: 500, JitterMS: jitter, MOS: mos}
			if loss > 1 && i > 12 {
				v.Lost, v.MOS = uint32(10*(i-11)), mos-0.1*float64(i-12)
			}
			s.Intervals = append(s.Intervals, v)
		}
		return s
	}
	worse := stream("198.51.100.9:30008", "10.0.0.5:30002", 0x90ce41f3, protocol.FromCallee, 2.31, 6.1, 31)
	worse.Bursts = [10]uint32{0: 12, 2: 4, 9: 3}
	return &protocol.CDR{
		ID: id(1), CallID: "95fb90b30002@10.0.0.5", SensorID: 12, Caller: "1001", Callee: "+420555123456", CallerName: "Front desk", Src: phone, Dst: pbx,
		Transport: "udp", Start: start, Ringing: at(1255), Answer: at(4259), DurationMS: 221_000, PDDMS: ptr(int64(1250)), SetupMS: ptr(int64(4250)), Status: 200,
		Reason: "OK", Codecs: []string{"PCMA"}, MOS: ptr(2.31), LossPct: ptr(6.1), JitterMS: ptr(31.0), Retransmissions: 1,
		Messages: []protocol.Message{
			msg(0, phone, pbx, "INVITE sip:420555123456@pbx SIP/2.0", "1 INVITE", "PCMA, PCMU"),
			msg(10, pbx, phone, "SIP/2.0 100 Trying", "1 INVITE", ""),
			msg(50, pbx, carrier, "INVITE sip:420555123456@carrier SIP/2.0", "1 INVITE", "PCMA, PCMU"), again,
			msg(560, carrier, pbx, "SIP/2.0 100 Trying", "1 INVITE", ""),
			msg(1250, carrier, pbx, "SIP/2.0 180 Ringing", "1 INVITE", ""),
			msg(1255, pbx, phone, "SIP/2.0 180 Ringing", "1 INVITE", ""),
			msg(4255, carrier, pbx, "SIP/2.0 200 OK", "1 INVITE", "PCMA"),
			msg(4259, pbx, phone, "SIP/2.0 200 OK", "1 INVITE", "PCMA"),
			msg(4279, phone, pbx, "ACK sip:420555123456@pbx SIP/2.0", "1 ACK", ""),
			msg(4282, pbx, carrier, "ACK sip:420555123456@carrier SIP/2.0", "1 ACK", ""),
		},
		Streams: []protocol.Stream{
			stream("10.0.0.11:4000", "10.0.0.5:30000", 0xb0b6b765, protocol.FromCaller, 4.38, 0, 2.1),
			stream("10.0.0.5:30000", "10.0.0.11:4000", 0x1f20aa01, protocol.FromCallee, 4.37, 0, 2.0),
			stream("10.0.0.5:30002", "198.51.100.9:30008", 0x77ab0012, protocol.FromCaller, 4.36, 0, 2.9), worse,
		},
		Findings: []protocol.Finding{{
			Code: "loss-burst", Severity: protocol.SeverityBad, Text: "bursty loss from 198.51.100.9 to 10.0.0.5: 6.1 %, up to 14 packets in a row",
			Evidence: "674 of 10850 packets, since 12:03:50; the streams to and from the caller are clean", Remedy: "the loss is beyond this network: ask the carrier, with the capture",
			Streams: []uint32{3, 2},
		}},
	}
}

// liveCalls are six running calls, the second the bad one.
func liveCalls() []protocol.LiveCall {
	row := func(n int, state protocol.State, from, to string, secs int, mos, loss, jit float64, trend []byte) protocol.LiveCall {
		c := protocol.LiveCall{
			ID: id(n), CallID: fmt.Sprint("call-", n), SensorID: 12, State: state, Caller: from, Callee: to, Src: "10.0.0.11:5060", Dst: "10.0.0.5:5060",
			Transport: "udp", Start: protocol.TimeOf(epoch.Add(-time.Duration(secs) * time.Second)), Codec: "PCMA", PDDMS: ptr(int64(1250)), Trend: trend,
		}
		if mos > 0 {
			c.MOS, c.LossPct, c.JitterMS = &mos, &loss, &jit
		}
		return c
	}
	good := []byte{44, 44, 44, 43, 44, 44, 44, 44}
	worst := row(1, protocol.StateUp, "1001", "+420555123456", 221, 2.31, 6.1, 31, []byte{44, 44, 40, 35, 30, 25, 20, 18})
	worst.Finding, worst.Severity = "loss-burst", protocol.SeverityBad
	fair := row(2, protocol.StateUp, "2007", "+420623354594", 52, 3.48, 1.9, 18, []byte{44, 40, 36, 30, 36, 33, 35, 36})
	fair.Finding, fair.Severity = "jitter-high", protocol.SeverityWarn
	return []protocol.LiveCall{
		worst, fair, row(3, protocol.StateUp, "2010", "+420643616946", 9, 4.33, 0, 3, good),
		row(4, protocol.StateHold, "1003", "*98", 137, 4.35, 0, 2, good), row(5, protocol.StateUp, "2001", "+420630258326", 24*60+5, 4.37, 0.1, 4, good),
		row(6, protocol.StateRinging, "+447700900123", "1005", 3, 0, 0, 0, nil),
	}
}

func counters() protocol.Counters {
	return protocol.Counters{
		protocol.CountPackets: 4_031_222, protocol.CountSIP: 9120, protocol.CountRTP: 4_000_000, protocol.CountCallsStarted: 812,
		protocol.CountCallsEnded: 806, protocol.CountKernelDrops: 0,
	}
}

// pbx is a source with six running and some past calls.
func pbx() *fake {
	b := bad()
	f := &fake{calls: map[protocol.UUID]*protocol.CDR{b.ID: b}, rules: "# what we keep\nbad-carrier: keep rtp\n  when ip:198.51.100.0/24\n"}
	early := counters()
	early[protocol.CountSIP] -= 2060
	early[protocol.CountRTP] -= 18_500
	early[protocol.CountCallsStarted] -= 21
	now := protocol.TimeOf(epoch)
	f.updates = []*protocol.LiveUpdate{{T: now - 5_000_000, Snapshot: true, Calls: liveCalls()[:3], Counters: early}, {T: now, Calls: liveCalls(), Counters: counters()}}
	f.regs = registrations()
	for i := range 30 {
		c := protocol.CDR{
			ID: id(100 + i), CallID: fmt.Sprint("past-", i), SensorID: 12, Caller: fmt.Sprint(2000 + i), Callee: fmt.Sprintf("+4207771%05d", i*37), Src: "10.0.0.11:5060", Dst: "10.0.0.5:5060",
			Start: protocol.TimeOf(epoch.Add(-time.Duration(i+1) * 7 * time.Minute)), End: protocol.TimeOf(epoch.Add(-time.Duration(i) * 7 * time.Minute)), DurationMS: 420_000,
			Status: 200, EndCause: protocol.EndBye, EndBy: protocol.PartyCaller, MOS: ptr(4.2), LossPct: ptr(0.1), JitterMS: ptr(3.0), Codecs: []string{"PCMA"},
		}
		c.Answer = c.Start + 1
		if i%5 == 3 {
			c.Status, c.EndCause, c.Answer, c.MOS, c.LossPct, c.JitterMS = 486, protocol.EndRejected, 0, nil, nil, nil
		}
		f.past = append(f.past, c)
		f.calls[c.ID] = &f.past[i]
	}
	return f
}

// screenTest drives a Model by hand, without a program: commands run when drain is called.
type screenTest struct {
	t    *testing.T
	m    *Model
	now  time.Time
	term strings.Builder
	dir  string
}

func newScreen(t *testing.T, src source.Source, w, h int, look style.Options) *screenTest {
	t.Helper()
	s := &screenTest{t: t, now: epoch, dir: t.TempDir()}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	s.m, _ = New(ctx, Config{Source: src, Theme: style.New(look), Now: func() time.Time { return s.now }, Zone: time.UTC, Term: &s.term, Dir: s.dir, Doctor: checks})
	s.m.e.pause = func(_ context.Context, d time.Duration) bool { return d == previewWait || d == checkWait } // nothing else comes round by itself
	s.send(tea.WindowSizeMsg{Width: w, Height: h})
	return s
}

// checks are outcomes of a doctor.
func checks(_ context.Context, emit func(doctor.Outcome)) {
	for _, o := range []doctor.Outcome{
		{Code: "conf-readable", Group: "config", Title: "the configuration file can be read", Result: doctor.Result{Status: doctor.OK, Seen: "/etc/voipmonitor.conf"}},
		{Code: "tcp-60023", Group: "network", Title: "hosted's port accepts connections", Docs: "docs/doctor.md#tcp-60023", Result: doctor.Result{
			Status: doctor.Fail, Seen: "voip.example:60023: connection refused", Why: "nothing listens there, or a firewall refuses", Remedy: "nc -vz voip.example 60023",
		}},
		{Code: "tls", Group: "link", Title: "hosted proves who it is (TLS 1.3)", Result: doctor.Result{Status: doctor.Skip, Seen: "not checked: needs tcp-60023"}},
		{Code: "drops", Group: "capture", Title: "none are dropped", Result: doctor.Result{Status: doctor.Warn, Seen: "42 of 99000 packets (0.04 %)", Remedy: "write ringbuffer = 200"}},
	} {
		emit(o)
	}
}

// send gives the model a message and runs the commands that follow.
func (s *screenTest) send(msg tea.Msg) {
	if f, ok := msg.(feedMsg); ok { // as Update does, without the command that waits for the next
		s.run(s.m.take(f))
		return
	}
	_, cmd := s.m.Update(msg)
	s.run(cmd)
}

func (s *screenTest) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	msg := cmd()
	list, ok := msg.(tea.BatchMsg)
	if !ok {
		list = sequence(msg)
	}
	for _, c := range list {
		s.run(c)
	}
	if msg != nil && list == nil {
		_, next := s.m.Update(msg)
		s.run(next)
	}
}

// feed gives the model what its source says.
func (s *screenTest) feed(src *fake) {
	f := newFeed(src, func() time.Time { return s.now })
	for _, u := range src.updates {
		f.change(func(m *feedMsg) {
			m.conn = connected
			m.info = &protocol.SensorInfo{Name: "pbx-1", Source: "eth0"}
			m.merge(u)
		})
		s.send(f.take())
	}
}

func (s *screenTest) keys(list ...string) {
	s.t.Helper()
	named := map[string]tea.KeyType{
		"enter": tea.KeyEnter, "esc": tea.KeyEsc, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown, "pgdown": tea.KeyPgDown, "pgup": tea.KeyPgUp,
		"home": tea.KeyHome, "end": tea.KeyEnd, "left": tea.KeyLeft, "right": tea.KeyRight, "backspace": tea.KeyBackspace,
		"ctrl+s": tea.KeyCtrlS, "ctrl+o": tea.KeyCtrlO, "ctrl+x": tea.KeyCtrlX, "ctrl+z": tea.KeyCtrlZ, "ctrl+k": tea.KeyCtrlK, "ctrl+g": tea.KeyCtrlG, "ctrl+c": tea.KeyCtrlC, "ctrl+end": tea.KeyCtrlEnd,
	}
	for _, k := range list {
		if kind, ok := named[k]; ok {
			s.send(tea.KeyMsg{Type: kind})
			continue
		}
		for _, r := range k {
			s.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}})
		}
	}
}

// text is the screen without colours and without blanks at the ends of lines.
func (s *screenTest) text() string {
	lines := strings.Split(ansi.Strip(s.m.View()), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

func (s *screenTest) want(pattern string) {
	s.t.Helper()
	if !regexp.MustCompile(pattern).MatchString(s.text()) {
		s.t.Errorf("the screen does not show %q:\n%s", pattern, s.text())
	}
}

func (s *screenTest) wantNot(pattern string) {
	s.t.Helper()
	if regexp.MustCompile(pattern).MatchString(s.text()) {
		s.t.Errorf("the screen shows %q:\n%s", pattern, s.text())
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

var asciiLook = style.Options{Profile: termenv.Ascii, ASCII: true}

func newBenchScreen(b *testing.B, src *fake) *Model {
	m, _ := New(b.Context(), Config{Source: src, Theme: style.New(style.Options{Profile: termenv.ANSI256}), Now: func() time.Time { return epoch }, Zone: time.UTC, Term: io.Discard})
	m.Update(tea.WindowSizeMsg{Width: 120, Height: 40})
	return m
}
