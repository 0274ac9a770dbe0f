package screen

import (
	"context"
	"strconv"
	"strings"

	"voiptop/protocol"
	"voiptop/tui/internal/table"
	"voiptop/tui/source"
)

// listedRequests is how many requests are asked for; of a file all are there.
const listedRequests = 1000

// requestKey identifies a request outside of calls.
type requestKey struct {
	sensor              uint16
	callID, method, src string
	first               protocol.Time
}

// requestsPane lists the requests outside of calls that ended last. It is the other page of Regs.
type requestsPane struct {
	polled[requestKey, *requestRow, protocol.Transaction]
}

type (
	requestsMsg = polledMsg[protocol.Transaction]
	requestsDue = polledDue[protocol.Transaction]
)

func newRequests(e *env, l *live) *requestsPane {
	cols := make([]table.Column, len(requestColumns))
	for i, c := range requestColumns {
		cols[i] = c.Column
	}
	if !isFleet(e.Source) {
		cols = cols[:len(cols)-1] // the sensor
	}
	p := &requestsPane{}
	p.live = l
	p.polledBy = polledBy[*requestRow, protocol.Transaction]{
		read:  requestsOf(e.Source),
		row:   func(r protocol.Transaction, round uint64) *requestRow { return &requestRow{p, r, round} },
		head:  func(r *requestRow) string { return r.r.Method + "  " + r.r.CallID },
		about: func(r *requestRow) []string { return p.aboutOne(&r.r) },
		empty: p.nothing,
	}
	p.init(e, "requests", "request", cols, func(col int) func(a, b *requestRow) int {
		return func(a, b *requestRow) int { return requestColumns[col].cmp(&a.r, &b.r) }
	})
	return p
}

// requestsOf reads those of a source; nil: it has none.
func requestsOf(s source.Source) func(ctx context.Context) ([]protocol.Transaction, error) {
	from, ok := s.(source.Requester)
	if !ok {
		return nil
	}
	limit := listedRequests
	if isFile(s) {
		limit = fileDone
	}
	return func(ctx context.Context) ([]protocol.Transaction, error) { return from.Requests(ctx, limit) }
}

// count says how many there are, and that there may be older ones.
func (p *requestsPane) count() string {
	if len(p.all) == listedRequests && p.table.Len() == len(p.all) && !isFile(p.e.Source) {
		return "the last " + p.grid.count()
	}
	return p.grid.count()
}

// aboutOne tells what is known of one request.
func (p *requestsPane) aboutOne(r *protocol.Transaction) []string {
	t := p.e.Theme
	what := t.NewLine(p.w)
	if len(r.Contacts) > 0 {
		what.Add(t.Dim, " contact ").Add(t.Text, strings.Join(r.Contacts, ", "))
	}
	if r.Event != "" {
		what.Add(t.Dim, " event ").Add(t.Text, r.Event)
	}
	if r.Expires != nil {
		what.Add(t.Dim, " expires ").Add(t.Text, strconv.FormatInt(*r.Expires, 10)+" s")
	}
	if r.UserAgent != "" {
		what.Add(t.Dim, " by ").Add(t.Text, r.UserAgent)
	}
	when := t.NewLine(p.w).Add(t.Dim, " sent ").Add(t.Text, r.First.Std().In(p.e.Zone).Format("2006-01-02 15:04:05.000")).Add(t.Dim, "  "+r.Transport+" ").
		Add(t.Text, r.Src+" "+t.Glyph.Arrow+" "+r.Dst)
	how := t.NewLine(p.w).Add(t.Dim, " attempts ").Add(t.Text, strconv.Itoa(r.Attempts))
	if r.Challenges > 0 {
		how.Add(t.Dim, "  challenged ").Add(t.Text, strconv.Itoa(r.Challenges))
	}
	if r.Count > 1 {
		how.Add(t.Dim, "  stands for ").Add(t.Warn, strconv.Itoa(r.Count)+" alike")
	}
	for i := range r.Findings {
		how.Add(t.Text, "  ").Add(t.Severity(r.Findings[i].Severity), r.Findings[i].Code)
	}
	return []string{what.String(), when.String(), how.String()}
}

// status is the second line of the screen: how many of each method, and how many of them went wrong.
func (p *requestsPane) status(w int) string {
	t := p.e.Theme
	l := t.NewLine(w)
	if p.err != nil && p.loaded {
		return l.Add(t.Warn, " "+say(p.err)).String()
	}
	all, bad := map[string]int{}, map[string]int{}
	for _, x := range p.all {
		all[x.r.Method] += max(x.r.Count, 1)
		if requestGrade(&x.r) != requestOK {
			bad[x.r.Method] += max(x.r.Count, 1)
		}
	}
	for _, m := range []string{"REGISTER", "SUBSCRIBE", "NOTIFY", "PUBLISH", "MESSAGE", "OPTIONS"} {
		if all[m] == 0 {
			continue
		}
		l.Add(t.Dim, " "+m+" ").Add(t.Text, strconv.Itoa(all[m]))
		if bad[m] > 0 {
			l.Add(t.Bad, " ("+strconv.Itoa(bad[m])+" failed)")
		}
		l.Add(t.Text, " ")
	}
	return l.String()
}

// nothing says why there is nothing to see.
func (p *requestsPane) nothing() []string {
	switch {
	case p.err != nil:
		return append(explain(p.err), "r tries again")
	case !p.loaded:
		return []string{"Reading the requests outside of calls"}
	case len(p.all) > 0:
		return p.unmatched()
	}
	return []string{"No requests outside of calls", "REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, MESSAGE and OPTIONS are here once they are answered, or 32 s after nobody did"}
}
