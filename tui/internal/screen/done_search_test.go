package screen

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/rules"
	"voiptop/tui/internal/style"
	"voiptop/tui/source"
)

// archive is a fake that searches: the first half of what it has, then, on the next page, the rest.
type archive struct {
	*fake
	asked []string
}

func (a *archive) Search(_ context.Context, where string, limit int, after string) (source.Page, error) {
	a.asked = append(a.asked, where+"|"+after)
	e, err := rules.ParseExpr(where)
	if err != nil {
		return source.Page{}, err
	}
	if len(e.Headers()) > 0 {
		return source.Page{}, &protocol.Problem{Code: "bad-condition", Status: http.StatusUnprocessableEntity, Title: "the condition cannot be read"}
	}
	half := len(a.past) / 2
	part, p := a.past[:half], source.Page{Next: "half", Searched: a.past[half].Start}
	if after != "" {
		part, p = a.past[half:], source.Page{}
	}
	for i := range part {
		if e.Match(rules.Call{CDR: &part[i]}) && len(p.Calls) < limit {
			p.Calls = append(p.Calls, part[i])
		}
	}
	return p, nil
}

func TestAFilterFindsPastCallsThatAreNotLoaded(t *testing.T) {
	src := &archive{fake: &fake{calls: map[protocol.UUID]*protocol.CDR{}}}
	for i := range 3000 {
		start := protocol.TimeOf(epoch.Add(-time.Duration(i) * time.Minute))
		src.past = append(src.past, protocol.CDR{
			ID: protocol.UUID{6: byte(i >> 8), 7: byte(i)}, CallID: fmt.Sprint("c", i), Start: start, End: start + 1, Caller: fmt.Sprint(100000 + i), Callee: "42",
		})
	}
	s := newScreen(t, src, 100, 30, style.Options{})
	s.m.e.pause = func(_ context.Context, d time.Duration) bool { return d == seekPause }
	s.keys("2")
	s.want(`(?s)100000.*100010`)
	s.keys("/")
	for _, c := range "caller=102900" {
		s.keys(string(c))
	}
	s.want(`102900`)
	s.wantNot(`100000`)
	if last := src.asked[len(src.asked)-1]; last != "caller=102900|half" {
		t.Errorf("asked last for %s of %d, want the second page", last, len(src.asked))
	}

	s.keys("esc", "home")
	s.want(`(?s)100000.*100010`)
	asked := len(src.asked)
	s.keys("/")
	for _, c := range "caller:none" {
		s.keys(string(c))
	}
	s.want(`matches the filter`)
	if len(src.asked) == asked {
		t.Error("the second filter was not searched for")
	}

	s.keys("esc", "/")
	for _, c := range "header.X-A:1" {
		s.keys(string(c))
	}
	s.want(`(?s)the condition cannot be read.*those that are loaded matches the filter: 501 past calls`)
}

func TestAnAnswerToAnEarlierFilterIsNotShown(t *testing.T) {
	src := &archive{fake: &fake{}}
	s := newScreen(t, src, 100, 30, style.Options{})
	s.keys("2")
	s.m.done.seek("caller:1")
	turn := s.m.done.seeks.turn
	s.m.done.seek("caller:2")
	s.send(soughtMsg{turn: turn, page: source.Page{Next: "x", Calls: []protocol.CDR{{ID: protocol.UUID{1}, Caller: "1"}}}})
	if s.m.done.seeks.next != "" || len(s.m.done.list.rows) != 0 {
		t.Errorf("%+v, %d rows", s.m.done.seeks, len(s.m.done.list.rows))
	}
}

func TestAFilterOnStreamsOrMessagesShowsWhatTheSourceFound(t *testing.T) {
	src := &archive{fake: &fake{calls: map[protocol.UUID]*protocol.CDR{}}}
	for i := range 40 {
		start := protocol.TimeOf(epoch.Add(-time.Duration(i) * time.Minute))
		src.past = append(src.past, protocol.CDR{ID: protocol.UUID{7: byte(i)}, CallID: fmt.Sprint("c", i), Start: start, End: start + 1, Caller: fmt.Sprint(100000 + i), Callee: "42"})
	}
	src.past[30].Messages = []protocol.Message{{FirstLine: "REFER sip:x SIP/2.0"}}
	listed := unlisted{src}
	s := newScreen(t, listed, 100, 30, style.Options{})
	s.m.e.pause = func(_ context.Context, d time.Duration) bool { return d == seekPause }
	s.keys("2", "/")
	for _, c := range "message:REFER*" {
		s.keys(string(c))
	}
	s.want(`1 of 40 shown`)
	s.want(`100030`)
	s.keys("esc")
	s.want(`40 calls`)
}

// unlisted is an archive whose lists are without streams and messages, as those of a sensor and of hosted.
type unlisted struct{ *archive }

func (u unlisted) Calls(ctx context.Context, limit int, after string) ([]protocol.CDR, string, error) {
	list, next, err := u.archive.Calls(ctx, limit, after)
	out := make([]protocol.CDR, len(list))
	for i := range list {
		out[i] = list[i]
		out[i].Messages = nil
	}
	return out, next, err
}
