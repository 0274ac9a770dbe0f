package source_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/analyze"
	"voiptop/tui/source"
)

func textsOf(t *testing.T, src source.Source, calls ...*protocol.CDR) (out []source.Text, err error) {
	t.Helper()
	err = src.(source.Reader).Texts(t.Context(), calls, nil, func(m source.Text) error {
		out = append(out, m)
		return nil
	})
	return out, err
}

// sameMessages compares texts with the record's summary of the messages.
func sameMessages(t *testing.T, c *protocol.CDR, list []source.Text) {
	t.Helper()
	if len(list) != len(c.Messages)+c.MessagesOmitted {
		t.Errorf("%s: %d messages, the record has %d", c.CallID, len(list), len(c.Messages))
	}
	for i := range c.Messages[:min(len(list), len(c.Messages))] {
		m, x := &c.Messages[i], &list[i]
		if x.CallID != c.CallID || x.T != m.T || x.Src != m.Src || x.Dst != m.Dst || !strings.HasPrefix(string(x.Raw), m.FirstLine) || !bytes.Contains(x.Raw, []byte("\r\n\r\n")) {
			t.Errorf("%s: message %d is %v %s > %s %.40q, the record says %+v", c.CallID, i, x.T, x.Src, x.Dst, x.Raw, m)
		}
	}
}

// TestFilesHaveEveryMessageWhole reads each fixture's calls one by one, and the whole file's at once: over UDP, TCP, TLS, HEP.
func TestFilesHaveEveryMessageWhole(t *testing.T) {
	files, err := filepath.Glob("../../fixtures/pcap/*/in.pcap*")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	for _, path := range files {
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			f, err := source.NewFile([]string{path}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if keys, err := os.ReadFile(filepath.Join(filepath.Dir(path), "keys.log")); err == nil {
				f.Decrypt(keys)
			}
			calls, _ := f.All(t.Context())
			for _, c := range calls {
				list, err := textsOf(t, f, c)
				if err != nil {
					t.Fatal(err)
				}
				sameMessages(t, c, list)
			}
			if len(calls) == 0 {
				return
			}
			all, err := textsOf(t, f, calls...)
			if err != nil {
				t.Fatal(err)
			}
			by := map[string][]source.Text{}
			for _, m := range all {
				by[m.CallID] = append(by[m.CallID], m)
			}
			for _, c := range calls {
				sameMessages(t, c, by[c.CallID])
			}
		})
	}
}

// Messages gives two messages a page of the second call's.
func (s *fakeSensor) Messages(ctx context.Context, id string, o sensorapi.MessageOptions) (*sensorapi.MessagePage, error) {
	f, err := s.Capture(ctx, id)
	if err != nil {
		return nil, err
	}
	in, err := analyze.Open([]string{"-"}, f)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	p := &sensorapi.MessagePage{Messages: []sensorapi.Message{}}
	n := 0
	return p, analyze.Messages(ctx, in, nil, func(d *analyze.Datagram, _, message []byte, transport string) error {
		if n++; n <= o.After {
			return nil
		}
		if len(p.Messages) == 2 {
			p.Next = n - 1
			return analyze.ErrEnough
		}
		p.Messages = append(p.Messages, sensorapi.Message{N: n, T: protocol.TimeFromNanos(d.Time), Src: d.Src.String(), Dst: d.Dst.String(), Transport: transport, Raw: bytes.Clone(message)})
		return nil
	})
}

func TestMessagesOfAKeptCallComeInPages(t *testing.T) {
	s := &fakeSensor{calls: records(t)}
	s.capture = captureOf(t, s.calls[1].CallID)
	path, _ := socket(t, s)
	h, err := source.NewHosted(hosted(t, s).URL, token)
	if err != nil {
		t.Fatal(err)
	}
	for name, src := range map[string]source.Source{"sensor": source.NewSensor(path), "hosted": h} {
		t.Run(name, func(t *testing.T) {
			defer src.Close()
			var told int64
			var list []source.Text
			err := src.(source.Reader).Texts(t.Context(), s.calls[1:2], func(n, _ int64) { told = n }, func(m source.Text) error {
				list = append(list, m)
				told -= int64(len(m.Raw))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			sameMessages(t, s.calls[1], list)
			if told <= 0 {
				t.Errorf("how much has come is not told: %d", told)
			}
			if list, err := textsOf(t, src, s.calls[2]); code(err) != protocol.CodeCaptureNotKept || list != nil {
				t.Errorf("of a call that was not kept: %d messages, %v", len(list), err)
			}
			if list, err := textsOf(t, src, s.calls[2], s.calls[1]); err != nil || len(list) != len(s.calls[1].Messages) {
				t.Errorf("of two calls, one of which was kept: %d messages, %v", len(list), err)
			}
		})
	}
}

func TestReadingMessagesEndsWithItsContextAndItsTaker(t *testing.T) {
	f, err := source.NewFile([]string{fixture}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	calls, err := f.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := f.Texts(t.Context(), calls, nil, func(source.Text) error { n++; return context.DeadlineExceeded }); err == nil || n != 1 {
		t.Errorf("the taker failed: %v after %d messages", err, n)
	}
}

func TestCallsAreFoundByWhatStandsInTheirMessages(t *testing.T) {
	f, err := source.NewFile([]string{fixture}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := f.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		words []string
		want  int
	}{
		{[]string{"rtpmap:0 pcmu"}, len(all)}, {[]string{all[0].CallID}, 1}, {[]string{all[0].CallID, "BYE sip:"}, 1}, {[]string{all[0].CallID, all[1].CallID}, 0}, {[]string{"no such thing"}, 0},
	} {
		got, err := f.InText(t.Context(), c.words)
		if err != nil || len(got) != c.want {
			t.Errorf("%q: %d calls, want %d, %v", c.words, len(got), c.want, err)
		}
	}
	if _, err := f.InText(t.Context(), make([]string, 65)); err == nil {
		t.Error("any number of words is searched for")
	}
}
