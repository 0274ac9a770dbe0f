package screen

import (
	"context"
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/tui/internal/ladder"
	"voiptop/tui/internal/sipmsg"
)

// marks are the calls that the user has marked, in whichever list they are.
type marks map[protocol.UUID]bool

func (m marks) toggle(id protocol.UUID) {
	if m[id] {
		delete(m, id)
	} else {
		m[id] = true
	}
}

// marked are the marked calls that are known, in the order of their start.
func (m *Model) marked() (out []*protocol.CDR) {
	if len(m.e.marks) == 0 {
		return nil
	}
	seen := map[protocol.UUID]bool{}
	for _, l := range []*list{m.done.list, m.live.list} { // an ended call is in both for a moment: its record counts
		for _, r := range l.order {
			if id := r.call.ID; m.e.marks[id] && !seen[id] && !r.gone {
				seen[id] = true
				out = append(out, r.call.CDR)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *protocol.CDR) int { return slices.Compare(a.ID[:], b.ID[:]) }) // an id begins with the time
	return out
}

// marks is how many marked calls are known: for every frame, so it does not look through the lists.
func (m *Model) marks() (n int) {
	for id := range m.e.marks {
		if m.live.list.rows[id] != nil || m.done.list.rows[id] != nil {
			n++
		}
	}
	return n
}

// legsKnown are the calls of a group that the lists have.
func (m *Model) legsKnown(group string) (out []protocol.UUID) {
	if group == "" {
		return nil
	}
	for _, l := range []*list{m.live.list, m.done.list} {
		for _, r := range l.order {
			if r.call.GroupID == group && !r.gone {
				out = append(out, r.call.ID)
			}
		}
	}
	return out
}

// compare shows two marked calls beside each other; with one marked, that one and the call under the cursor.
func (m *Model) compare() tea.Cmd {
	list := m.marked()
	if c := m.target(); len(list) == 1 && c != nil && c.ID != list[0].ID {
		list = append(list, c)
	}
	if len(list) != 2 {
		return toastCmd("space marks two calls, = compares them", false)
	}
	a, b := list[0].ID.String(), list[1].ID.String()
	return m.e.ask(func(ctx context.Context) tea.Msg {
		x, err := m.e.Source.Call(ctx, a)
		if err != nil {
			return toast{say(err), true}
		}
		y, err := m.e.Source.Call(ctx, b)
		if err != nil {
			return toast{say(err), true}
		}
		return compareMsg{x, y}
	})
}

// compareMsg is two calls to compare.
type compareMsg struct{ a, b *protocol.CDR }

func (m *Model) compared(msg compareMsg) {
	name := func(c *protocol.CDR) string {
		return between(m.e.Theme, c, m.w/2-14) + "  " + c.Start.Std().In(m.e.Zone).Format("15:04:05")
	}
	m.ask(newDifference(m.e.Theme, name(msg.a), name(msg.b), m.e.callLines(msg.a), m.e.callLines(msg.b)))
}

// callLines are a call as lines that can be compared: its facts, its streams, its messages.
func (e *env) callLines(c *protocol.CDR) (out []sipmsg.Line) {
	fact := func(name, value string) {
		if value != "" {
			out = append(out, sipmsg.Line{Kind: sipmsg.Header, Name: name, Text: name + ": " + value})
		}
	}
	ms := func(v *int64) string {
		if v == nil {
			return ""
		}
		return msOrS(*v)
	}
	rated := func(v *float64) string {
		if v == nil {
			return ""
		}
		return fmt.Sprintf("%.2f", *v)
	}
	fact("from", strings.Trim(c.Caller+"@"+c.CallerDomain, "@"))
	fact("to", strings.Trim(c.Callee+"@"+c.CalleeDomain, "@"))
	fact("start", c.Start.Std().In(e.Zone).Format("2006-01-02 15:04:05 MST"))
	fact("way", c.Src+" > "+c.Dst+" "+c.Transport)
	fact("duration", clock(lasted(c, e.clock())))
	if c.End != 0 {
		fact("end", strings.Join(strings.Fields(fmt.Sprintf("%d %s %s by %s", c.Status, c.Reason, c.EndCause, c.EndBy)), " "))
	}
	fact("post-dial delay", ms(c.PDDMS))
	fact("setup", ms(c.SetupMS))
	fact("caller's agent", c.UACaller)
	fact("callee's agent", c.UACallee)
	fact("codecs", strings.Join(c.Codecs, ", "))
	fact("MOS", rated(c.MOS))
	fact("loss %", rated(c.LossPct))
	fact("jitter ms", rated(c.JitterMS))
	fact("kept", strings.TrimSpace(string(c.Capture.Kept)+" "+c.Rule))
	for i := range c.Findings {
		fact("finding "+c.Findings[i].Code, c.Findings[i].Text)
	}
	for i := range c.Streams {
		s := &c.Streams[i]
		fact("stream "+string(s.Direction), fmt.Sprintf("%s ptime %g MOS %s loss %.1f%% jitter %s", s.Codec, s.PtimeMS, mosText(s.MOSAdapt.Avg), s.LossPct, inMS(s.JitterMeanMS)))
	}
	for _, r := range ladder.Build([]*protocol.CDR{c}, ladder.Options{}).Rows {
		if r.Message >= 0 {
			out = append(out, sipmsg.Line{Kind: sipmsg.Body, Text: r.Label})
		}
	}
	return out
}
