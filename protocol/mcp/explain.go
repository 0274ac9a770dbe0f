package mcp

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"voiptop/protocol"
)

// explained is a call in words.
type explained struct {
	Call      row       `json:"call"`
	Summary   string    `json:"summary"`
	Findings  []finding `json:"findings" jsonschema:"the gravest first"`
	Unchecked []string  `json:"unchecked,omitempty" jsonschema:"what could not be looked for, and why: its absence says nothing"`
	text      string
}

func (e explained) words() string { return e.text }

var ends = map[protocol.EndCause]string{
	protocol.EndBye: "was hung up", protocol.EndCancel: "was cancelled before an answer", protocol.EndRejected: "was rejected", protocol.EndNoAnswer: "got no answer to its INVITE",
	protocol.EndTimeoutRTP: "was given up by the sensor: media had stopped, and no BYE came", protocol.EndTimeoutBye: "was given up by the sensor: it had no media, or was on hold, and no more of it was seen, no BYE either",
	protocol.EndTimeoutMax: "lasted longer than the sensor follows a call", protocol.EndUnterminated: "did not end before the capture did", protocol.EndInterrupted: "was interrupted: the sensor stopped",
}

// explain tells a call in words: what happened, what was wrong, and what to do.
func explain(c *protocol.CDR) explained {
	e := explained{Call: rowOf(c), Findings: findingsOf(c), Summary: summary(c)}
	for _, u := range c.Unchecked {
		var codes []string
		for _, code := range u.Codes {
			codes = append(codes, token(code))
		}
		e.Unchecked = append(e.Unchecked, clean(u.Reason, 100)+": "+strings.Join(codes, ", "))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Call %s, %s\n%s\n", e.Call.ID, e.Call.Start, e.Summary)
	fmt.Fprintf(&b, "From %s (%s) to %s (%s), sensor %d\n", quoted(c.Caller), clean(c.Src, 64), quoted(c.Callee), clean(c.Dst, 64), c.SensorID)
	for i, f := range e.Findings {
		fmt.Fprintf(&b, "\n%d. %s (%s): %s\n", i+1, f.Code, f.Severity, f.Text)
		if f.Evidence != "" {
			fmt.Fprintf(&b, "   Evidence: %s\n", f.Evidence)
		}
		if f.Remedy != "" {
			fmt.Fprintf(&b, "   What to do: %s\n", f.Remedy)
		}
	}
	if len(e.Findings) == 0 {
		b.WriteString("\nNothing was found wrong with it.\n")
	}
	if len(e.Unchecked) > 0 {
		b.WriteString("\nNot looked for, so that nothing is known of it:\n")
		for _, u := range e.Unchecked {
			fmt.Fprintf(&b, "- %s\n", u)
		}
	}
	e.text = b.String()
	return e
}

func summary(c *protocol.CDR) string {
	var p []string
	switch {
	case c.Answer != 0 && c.ConnectMS != nil:
		p = append(p, "It was answered and talked for "+duration(*c.ConnectMS))
	case c.Answer != 0:
		p = append(p, "It is answered")
	case c.Ringing != 0:
		p = append(p, "It rang and was not answered")
	default:
		p = append(p, "It was not answered")
	}
	if c.PDDMS != nil {
		p = append(p, "the first sign of life came after "+duration(*c.PDDMS))
	}
	if c.EndCause != "" {
		end := cmp.Or(ends[c.EndCause], "ended")
		if c.EndBy == protocol.PartyCaller || c.EndBy == protocol.PartyCallee {
			end += " by the " + string(c.EndBy)
		}
		p = append(p, "it "+end)
	}
	if c.Status >= 300 {
		p = append(p, fmt.Sprintf("the last answer was %d %s", c.Status, quoted(c.Reason)))
	}
	switch {
	case c.OverLimit:
		p = append(p, "its media was not analysed: there were more calls than the tenant's channels")
	case c.MOS != nil:
		q := fmt.Sprintf("its worst direction had a MOS of %.2f", *c.MOS)
		if c.LossPct != nil && c.JitterMS != nil {
			q += fmt.Sprintf(" with %.2f %% loss and %.1f ms jitter", *c.LossPct, *c.JitterMS)
		}
		p = append(p, q)
	case c.Answer != 0:
		p = append(p, "no quality of media was measured")
	}
	return strings.Join(p, "; ") + "."
}

func duration(ms int64) string {
	return (time.Duration(ms) * time.Millisecond).Round(10 * time.Millisecond).String()
}
