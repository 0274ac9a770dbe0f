package screen

import (
	"cmp"
	"strconv"
	"strings"

	"voiptop/protocol"
	"voiptop/tui/internal/style"
	"voiptop/tui/internal/table"
)

// requestRow is a line of the table of requests outside of calls.
type requestRow struct {
	p     *requestsPane
	r     protocol.Transaction
	round uint64
}

func (r *requestRow) ID() requestKey {
	return requestKey{r.r.SensorID, r.r.CallID, r.r.Method, r.r.Src, r.r.First}
}

func (r *requestRow) Version() uint64 { return r.round }

func (r *requestRow) Cell(col, w int) (string, style.Style) { return requestColumns[col].cell(r, w) }

func (r *requestRow) text() string {
	x := &r.r
	return strings.ToLower(strings.Join([]string{
		x.Method, x.From, x.FromDomain, x.To, x.ToDomain, x.Src, x.Dst, x.Transport, x.UserAgent, x.Event, strconv.Itoa(x.Status), x.Reason, x.CallID, string(requestGrade(x)),
	}, "\n"))
}

// grade is how a request went.
type grade string

const (
	requestOK     grade = "ok"
	requestFailed grade = "failed"
	requestSilent grade = "no-answer"
)

func requestGrade(r *protocol.Transaction) grade {
	switch {
	case r.Status == 0:
		return requestSilent
	case r.Status >= 300:
		return requestFailed
	}
	return requestOK
}

// requestColumn is one column: how it looks and how it sorts.
type requestColumn struct {
	table.Column
	cell func(r *requestRow, w int) (string, style.Style)
	cmp  func(a, b *protocol.Transaction) int
}

// requestColumns are all columns; the last is for fleets only. By the first the newest is on top.
var requestColumns = []requestColumn{
	{
		table.Column{Title: "Time", Min: 8, Max: 14, Desc: true},
		func(r *requestRow, w int) (string, style.Style) {
			t := r.r.First.Std().In(r.p.e.Zone)
			if w >= 14 {
				return t.Format("01-02 15:04:05"), r.p.e.Theme.Dim
			}
			return t.Format("15:04:05"), r.p.e.Theme.Dim
		},
		func(a, b *protocol.Transaction) int { return cmp.Compare(b.First, a.First) },
	},
	requestText("Method", 9, 9, 0, func(r *protocol.Transaction) string { return r.Method }),
	requestText("From", 16, 28, 0, func(r *protocol.Transaction) string { return who(r.From, r.FromDomain) }),
	requestText("To", 16, 28, 1, func(r *protocol.Transaction) string { return who(r.To, r.ToDomain) }),
	{
		table.Column{Title: "Answer", Min: 14, Max: 26},
		func(r *requestRow, _ int) (string, style.Style) {
			if r.r.Status == 0 {
				return "none", r.p.e.Theme.Bad
			}
			return strings.TrimSpace(strconv.Itoa(r.r.Status) + " " + r.r.Reason), r.p.e.Theme.Status(r.r.Status)
		},
		func(a, b *protocol.Transaction) int { return cmp.Compare(a.Status, b.Status) },
	},
	{
		table.Column{Title: "ms", Min: 6, Right: true, Desc: true},
		func(r *requestRow, _ int) (string, style.Style) {
			if r.r.ResponseMS == nil {
				return "-", r.p.e.Theme.Dim
			}
			digits := 1
			if *r.r.ResponseMS >= 1000 {
				digits = 0
			}
			return strconv.FormatFloat(*r.r.ResponseMS, 'f', digits, 64), r.p.e.Theme.Text
		},
		func(a, b *protocol.Transaction) int {
			return cmp.Compare(descending(a.ResponseMS), descending(b.ResponseMS))
		},
	},
	requestAddress("Source", 2, func(r *protocol.Transaction) string { return r.Src }),
	requestAddress("Destination", 3, func(r *protocol.Transaction) string { return r.Dst }),
	{
		table.Column{Title: "Times", Min: 5, Right: true, Prio: 4, Desc: true},
		func(r *requestRow, _ int) (string, style.Style) {
			if r.r.Count < 2 {
				return "1", r.p.e.Theme.Dim
			}
			return strconv.Itoa(r.r.Count), r.p.e.Theme.Warn
		},
		func(a, b *protocol.Transaction) int { return cmp.Compare(b.Count, a.Count) },
	},
	requestText("Event", 8, 14, 5, func(r *protocol.Transaction) string { return r.Event }),
	requestText("User agent", 14, 28, 6, func(r *protocol.Transaction) string { return r.UserAgent }),
	requestText("Call-ID", 16, 40, 7, func(r *protocol.Transaction) string { return r.CallID }),
	{
		table.Column{Title: "Sensor", Min: 6, Right: true, Prio: 6},
		func(r *requestRow, _ int) (string, style.Style) {
			return strconv.Itoa(int(r.r.SensorID)), r.p.e.Theme.Dim
		},
		func(a, b *protocol.Transaction) int { return cmp.Compare(a.SensorID, b.SensorID) },
	},
}

// who is the user of an address with its domain.
func who(user, domain string) string { return strings.Trim(user+"@"+domain, "@") }

func requestText(title string, lo, hi, prio int, get func(*protocol.Transaction) string) requestColumn {
	return requestColumn{
		table.Column{Title: title, Min: lo, Max: hi, Prio: prio},
		func(r *requestRow, _ int) (string, style.Style) { return get(&r.r), r.p.e.Theme.Text },
		func(a, b *protocol.Transaction) int { return strings.Compare(get(a), get(b)) },
	}
}

func requestAddress(title string, prio int, get func(*protocol.Transaction) string) requestColumn {
	c := requestText(title, 15, 22, prio, get)
	c.cell = func(r *requestRow, w int) (string, style.Style) { return fitAddress(get(&r.r), w), r.p.e.Theme.Text }
	return c
}
