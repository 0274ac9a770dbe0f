package opened

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"voiptop/fixtures"
	"voiptop/fixtures/gen"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/analyze"
	"voiptop/tui/source"
)

// captures are the recorded calls, by the names of their scenarios.
func captures(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	paths, err := filepath.Glob("../../../fixtures/pcap/*/in.pcap*")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no fixture: %v", err)
	}
	for _, p := range paths {
		out[filepath.Base(filepath.Dir(p))] = p
	}
	return out
}

// open opens files, as they would be in a browser.
func open(t testing.TB, keylog string, paths ...string) *Capture {
	t.Helper()
	c, err := New(Options{Paths: paths, KeyLog: keylog, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

// made writes a capture of so many calls.
func made(t testing.TB, calls int) string {
	t.Helper()
	var b bytes.Buffer
	cfg := gen.SIPOnly(7)
	cfg.Calls = calls
	if _, err := gen.Generate(&b, cfg); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "made.pcap")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (a *Answer) bytes(t testing.TB) []byte {
	t.Helper()
	if a.File == "" {
		return a.Body
	}
	b, err := os.ReadFile(a.File)
	if err != nil {
		t.Fatal(err)
	}
	if a.Once {
		if err := os.Remove(a.File); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// ask asks what must be answered.
func (c *Capture) ask(t testing.TB, target string) *Answer {
	t.Helper()
	a := c.Answer(context.Background(), target)
	if a.Status != http.StatusOK {
		t.Fatalf("%s: %d %s", target, a.Status, a.Body)
	}
	return a
}

type page struct {
	Calls []protocol.CDR `json:"calls"`
	Next  string         `json:"next"`
}

func (c *Capture) page(t testing.TB, q url.Values) (p page) {
	t.Helper()
	if err := json.Unmarshal(c.ask(t, "/calls?"+q.Encode()).bytes(t), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func problemOf(t testing.TB, a *Answer) (p protocol.Problem) {
	t.Helper()
	if err := json.Unmarshal(a.Body, &p); err != nil || p.Code == "" || p.Title == "" || p.Status != a.Status || a.Status < 400 {
		t.Fatalf("%d %s is no problem: %v", a.Status, a.Body, err)
	}
	return p
}

func TestRecordsAreThoseOfVoipmonAnalyzeToTheByte(t *testing.T) {
	for name, path := range captures(t) {
		t.Run(name, func(t *testing.T) {
			src, err := analyze.Open([]string{path}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			var want bytes.Buffer
			sum, err := analyze.Lines(t.Context(), src, analyze.Config{}, func(b []byte, c *protocol.CDR) []byte { return append(c.AppendJSON(b), '\n') },
				func(b []byte) error { _, err := want.Write(b); return err })
			if err != nil {
				t.Fatal(err)
			}
			c := open(t, "", path)
			got := c.Read(t.Context())
			if a := c.ask(t, "/calls.ndjson"); !bytes.Equal(a.bytes(t), want.Bytes()) || a.Once {
				t.Errorf("records differ:\n%s\nwant\n%s", a.bytes(t), want.Bytes())
			}
			if fmt.Sprint(got.NotAnalysed(), got.Counters) != fmt.Sprint(sum.NotAnalysed(), sum.Counters) || got.Packets != sum.Packets || got.Err != nil || len(got.Warnings) != len(sum.Warnings) {
				t.Errorf("summary %+v\nwant %+v", got, sum)
			}
			for line := range bytes.Lines(want.Bytes()) {
				var r protocol.CDR
				if err := json.Unmarshal(line, &r); err != nil {
					t.Fatal(err)
				}
				if b := c.ask(t, "/calls/"+r.ID.String()).bytes(t); !bytes.Equal(b, line) {
					t.Errorf("the record of %s is\n%swant\n%s", r.ID, b, line)
				}
			}
		})
	}
}

// What is asked of a call is what voipmon and voiptop give of it: its packets, its messages, its sound.
func TestACallIsWhatTheTerminalShowsOfIt(t *testing.T) {
	before := source.Application
	source.Application = Application
	t.Cleanup(func() { source.Application = before })
	for name, path := range captures(t) {
		t.Run(name, func(t *testing.T) {
			f, err := source.NewFile([]string{path}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			calls, err := f.All(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			c := open(t, "", path)
			c.Read(t.Context())
			for _, r := range calls[:min(len(calls), 3)] {
				sameAsTerminal(t, c, f, r)
			}
		})
	}
}

func sameAsTerminal(t *testing.T, c *Capture, f *source.File, r *protocol.CDR) {
	t.Helper()
	at := "/calls/" + r.ID.String()
	var packets, wav bytes.Buffer
	_, err := f.Capture(t.Context(), r.ID.String(), &packets)
	got := c.Answer(t.Context(), at+"/capture")
	switch {
	case err != nil:
		problemOf(t, got)
	case !bytes.Equal(got.bytes(t), packets.Bytes()):
		t.Errorf("call %s: %d bytes of packets, want %d", r.CallID, len(got.bytes(t)), packets.Len())
	case got.Name != r.FileName(".pcapng"):
		t.Errorf("call %s: saved as %q", r.CallID, got.Name)
	}

	var texts []source.Text
	if err := f.Texts(t.Context(), []*protocol.CDR{r}, nil, func(x source.Text) error { texts = append(texts, x); return nil }); err != nil {
		t.Fatal(err)
	}
	var messages []message
	if err := json.Unmarshal(c.ask(t, at+"/messages").bytes(t), &messages); err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(messages, texts, func(m message, x source.Text) bool {
		return m == message{x.T, x.Src, x.Dst, x.Transport, strings.ToValidUTF8(string(x.Raw), "\ufffd")}
	}) {
		t.Errorf("call %s: %d messages, want %d", r.CallID, len(messages), len(texts))
	}
	for _, m := range r.Messages { // the page finds each of the record's among them
		if !slices.ContainsFunc(messages, func(x message) bool {
			return x.T == m.T && x.Src == m.Src && x.Dst == m.Dst && strings.HasPrefix(x.Text, m.FirstLine)
		}) {
			t.Errorf("call %s: %s at %s is not among the messages", r.CallID, m.FirstLine, m.T)
		}
	}

	// The sound is made of the call's own packets, as on a sensor, but where its keys are in a connection with others'.
	if r.Transport != "tls" && packets.Len() > 0 {
		path := filepath.Join(t.TempDir(), "call.pcapng")
		if err := os.WriteFile(path, packets.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		own, err := source.NewFile([]string{path}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer own.Close()
		if _, err := own.All(t.Context()); err != nil {
			t.Fatal(err)
		}
		f = own
	}
	_, missing, err := f.Audio(t.Context(), r.CallID, sensorapi.AudioOptions{}, &wav)
	a, peaks := c.Answer(t.Context(), at+"/audio"), c.Answer(t.Context(), at+"/audio/peaks?points=100")
	if err != nil {
		var want *protocol.Problem
		if p, q := problemOf(t, a), problemOf(t, peaks); !errors.As(err, &want) || p.Title != want.Title || q.Code != p.Code {
			t.Errorf("call %s: %v, %v, want %v", r.CallID, p, q, err)
		}
		return
	}
	if got := a.bytes(t); !bytes.Equal(got, wav.Bytes()) || a.Type != "audio/wav" {
		t.Errorf("call %s: %d bytes of sound, want %d", r.CallID, len(got), wav.Len())
	}
	var p sensorapi.Peaks
	if err := json.Unmarshal(peaks.Body, &p); err != nil || p.Points != 100 || len(p.Sides) != 2 || len(p.Sides[0].Min) != 100 || len(p.Missing) != len(missing) {
		t.Errorf("call %s: peaks %s, %v", r.CallID, peaks.Body, err)
	}
	if s := c.ask(t, at+"/audio/spectrogram?width=64&height=32"); s.Type != "image/png" || !bytes.HasPrefix(s.Body, []byte("\x89PNG")) {
		t.Errorf("call %s: the spectrogram is %s", r.CallID, s.Type)
	}
}

func TestATLSCallIsReadWithItsKeyLog(t *testing.T) {
	capture, keylog := fixtures.WithoutSecrets(t, "../../../fixtures/pcap/baresip-tls/in.pcapng")
	blind := open(t, "", capture)
	if s := blind.Read(t.Context()); s.Calls != 0 || !slices.Contains(s.NotAnalysed(), "tls.streams") {
		t.Errorf("without keys: %d calls, %v", s.Calls, s.NotAnalysed())
	}
	c := open(t, keylog, capture)
	if s := c.Read(t.Context()); s.Calls == 0 {
		t.Fatal("no call with the keys")
	}
	at := "/calls/" + c.page(t, nil).Calls[0].ID.String()
	if b := c.ask(t, at+"/messages").bytes(t); !bytes.Contains(b, []byte(`"text":"INVITE sip:`)) {
		t.Errorf("messages %s", b)
	}
	if a := c.Answer(t.Context(), at+"/audio"); a.Status != http.StatusOK {
		t.Errorf("the voice, whose keys are in the SDP: %s", a.Body)
	} else {
		a.bytes(t)
	}
	if _, err := New(Options{Paths: []string{capture}, KeyLog: capture + ".none", Dir: t.TempDir()}); err == nil {
		t.Error("a key log that is not there was taken")
	}
}

func TestListsAreInTheOrderOfStartAPageAtATime(t *testing.T) {
	c := open(t, "", made(t, 230))
	c.Read(t.Context())
	for order, ascending := range map[string]bool{"": true, "oldest": true, "newest": false} {
		var all []protocol.CDR
		after := ""
		for range 4 {
			p := c.page(t, url.Values{"order": {order}, "after": {after}, "limit": {"100"}})
			all = append(all, p.Calls...)
			if after = p.Next; after == "" {
				break
			}
		}
		if len(all) != 230 || after != "" {
			t.Fatalf("%q: %d calls, next %q", order, len(all), after)
		}
		seen := map[protocol.UUID]bool{}
		for i := range all {
			seen[all[i].ID] = true
			if d := cmp.Compare(all[i].Start, all[max(0, i-1)].Start); ascending && d < 0 || !ascending && d > 0 {
				t.Errorf("%q: call %d is out of order", order, i)
			}
			if len(all[i].Streams)+len(all[i].Messages) > 0 {
				t.Errorf("a list carries streams or messages")
			}
		}
		if len(seen) != 230 {
			t.Errorf("%q: %d different calls", order, len(seen))
		}
	}
}

func TestSearchesAreInTheLanguageOfRules(t *testing.T) {
	c := open(t, "", made(t, 200))
	c.Read(t.Context())
	all := c.page(t, url.Values{"limit": {"500"}}).Calls
	count := func(f func(*protocol.CDR) bool) (n int) {
		for i := range all {
			if f(&all[i]) {
				n++
			}
		}
		return n
	}
	messages := 0
	for line := range bytes.Lines(c.ask(t, "/calls.ndjson").bytes(t)) {
		var r protocol.CDR
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		if len(r.Messages)+r.MessagesOmitted > 6 {
			messages++
		}
	}
	for where, want := range map[string]int{
		"":                      200,
		"status:200":            count(func(r *protocol.CDR) bool { return r.Status == 200 }),
		"not status:200":        count(func(r *protocol.CDR) bool { return r.Status != 200 }),
		"end:bye and by:caller": count(func(r *protocol.CDR) bool { return r.EndCause == "bye" && r.EndBy == "caller" }),
		"messages>6":            messages, // which lists do not carry
		"caller:none":           0,
	} {
		q := url.Values{"where": {where}}.Encode()
		for range 2 { // the second time from memory
			if n := len(c.page(t, url.Values{"where": {where}, "limit": {"500"}}).Calls); n != want {
				t.Errorf("%q finds %d, want %d", where, n, want)
			}
		}
		if got := string(c.ask(t, "/calls/count?"+q).Body); got != fmt.Sprintf(`{"calls":%d,"complete":true}`, want) {
			t.Errorf("%q counts %s, want %d", where, got, want)
		}
		if got := bytes.Count(c.ask(t, "/calls.ndjson?"+q).bytes(t), []byte("\n")); got != want {
			t.Errorf("%q: %d lines, want %d", where, got, want)
		}
		a := c.ask(t, "/calls.csv?"+q)
		rows, err := csv.NewReader(bytes.NewReader(a.bytes(t))).ReadAll()
		if err != nil || len(rows) != want+1 || a.Name != "made.csv" {
			t.Errorf("%q: %d rows in %s, want %d and a head: %v", where, len(rows), a.Name, want, err)
		}
	}
	if messages == 0 || messages == 200 {
		t.Errorf("all calls, or none, have more than 6 messages: %d", messages)
	}
	a := c.ask(t, "/calls.csv?columns=caller,callee")
	if b := a.bytes(t); !bytes.HasPrefix(b, []byte("caller,callee\n")) {
		t.Errorf("chosen columns: %.40s", b)
	}
}

func TestAConditionThatCannotBeReadIsShownItsPlace(t *testing.T) {
	c := open(t, "", made(t, 1))
	c.Read(t.Context())
	var v struct {
		OK    bool
		Error *struct {
			Line, Column             int
			Found, Expected, Nearest string
		}
	}
	read := func(where string) {
		v.Error = nil
		if err := json.Unmarshal(c.ask(t, "/searches/check?"+url.Values{"where": {where}}.Encode()).Body, &v); err != nil {
			t.Fatal(err)
		}
	}
	if read("mos<3.5"); !v.OK || v.Error != nil {
		t.Errorf("a good condition: %+v", v)
	}
	if read("status:200 and cdec:PCMA"); v.OK || v.Error == nil || v.Error.Column != 16 || v.Error.Nearest != "codec" {
		t.Errorf("a wrong field: %+v", v.Error)
	}
	if read(strings.Repeat("a", maxWhere+1)); v.OK {
		t.Error("a condition of any length was taken")
	}
	if p := problemOf(t, c.Answer(t.Context(), "/calls?where=cdec:PCMA")); p.Code != "bad-condition" || p.Fields["column"] != "1" {
		t.Errorf("%+v", p)
	}
	if b := c.ask(t, "/searches/fields").Body; !bytes.Contains(b, []byte(`"name":"mos"`)) || bytes.Contains(b, []byte("header.NAME")) {
		t.Errorf("fields %s", b)
	}
}

func TestWhatIsNotThereIsAProblem(t *testing.T) {
	c := open(t, "", made(t, 1))
	c.Read(t.Context())
	id := c.page(t, nil).Calls[0].ID.String()
	for target, want := range map[string]int{
		"/":                                      404,
		"/nothing":                               404,
		"/calls/none":                            404,
		"/calls/" + id + "/nothing":              404,
		"/calls/" + id + "/audio?side=left":      400,
		"/calls/" + id + "/audio/peaks?points=0": 400,
		"/calls/" + id + "/audio":                404, // made without media
		"/calls?limit=501":                       400,
		"/calls?after=-1":                        400,
		"/calls.csv?columns=nothing":             400,
		"%zz":                                    400,
		"/calls/%zz":                             400,
	} {
		if a := c.Answer(t.Context(), target); a.Status != want {
			t.Errorf("%s: %d %s, want %d", target, a.Status, a.Body, want)
		} else {
			problemOf(t, a)
		}
	}
}

func TestAReadingThatIsStoppedShowsWhatCame(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	dir := t.TempDir()
	var told []uint64
	c, err := New(Options{Paths: []string{made(t, 3000)}, Dir: dir, Progress: func(packets, _ uint64) {
		if told = append(told, packets); len(told) == 2 {
			stop()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := c.Read(ctx)
	if s.Err == nil || s.Packets == 0 || s.Calls == 0 || s.Calls >= 3000 || !s.Done {
		t.Errorf("stopped: %d packets, %d calls, %v", s.Packets, s.Calls, s.Err)
	}
	if n := len(c.page(t, url.Values{"limit": {"500"}}).Calls); n == 0 {
		t.Error("no call is listed")
	}
	var r Report
	if err := json.Unmarshal(c.ask(t, "/summary").Body, &r); err != nil || r.Error == "" || r.Calls != s.Calls || !r.Done {
		t.Errorf("the report %+v, %v", r, err)
	}
	if p := problemOf(t, c.Answer(ctx, "/calls?where=messages>3")); p.Code != "cancelled" {
		t.Errorf("a question that was cancelled: %+v", p)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestMoreCallsThanMemoryIsMeantForEndTheReading(t *testing.T) {
	c := open(t, "", made(t, 300))
	c.most = 120
	if s := c.Read(t.Context()); s.Err == nil || !strings.Contains(s.Err.Error(), "more than 120 calls") {
		t.Errorf("%v", s.Err)
	}
	if p := c.page(t, url.Values{"limit": {"500"}}); len(p.Calls) != 120 {
		t.Errorf("%d calls are listed", len(p.Calls))
	}
}

func TestAFileThatIsNoCaptureSaysWhatItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(path, []byte("not packets\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := open(t, "", path)
	if s := c.Read(t.Context()); s.Err == nil || !strings.Contains(s.Err.Error(), `found text`) {
		t.Errorf("%v", s.Err)
	}
	if p := c.page(t, nil); len(p.Calls) != 0 {
		t.Error("it has calls")
	}
}

// FuzzAnswer: whatever is asked, there is an answer, and what is not good is a problem.
func FuzzAnswer(f *testing.F) {
	c := open(f, "", made(f, 3))
	c.Read(f.Context())
	id := c.page(f, nil).Calls[0].ID.String()
	for _, s := range []string{
		"/calls?where=mos<4&limit=2&order=newest", "/calls/" + id + "/messages", "/calls/" + id + "/audio/peaks?points=9&side=caller",
		"/calls.csv?columns=caller", "/calls/count?where=a\"", "/summary", "/searches/check?where=%zz", "//", "/calls//", "/calls/%2f",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		a := c.Answer(t.Context(), target)
		if a.Status != http.StatusOK {
			problemOf(t, a)
			return
		}
		if b := a.bytes(t); a.Type == typeJSON && !json.Valid(b) {
			t.Errorf("%q: %s", target, b)
		}
	})
}
