package screen

import (
	"cmp"
	"fmt"
	"strconv"

	"voiptop/protocol"
	"voiptop/tui/internal/plural"
	"voiptop/tui/internal/table"
)

// regKey identifies a registration.
type regKey struct {
	sensor       uint16
	aor, contact string
}

// regsPane lists who is registered, and who fails to.
type regsPane struct {
	polled[regKey, *regRow, protocol.Registration]
}

type (
	regsMsg = polledMsg[protocol.Registration]
	regsDue = polledDue[protocol.Registration]
)

func newRegs(e *env, l *live) *regsPane {
	cols := make([]table.Column, len(regColumns))
	for i, c := range regColumns {
		cols[i] = c.Column
	}
	if !isFleet(e.Source) {
		cols = cols[:len(cols)-1] // the sensor
	}
	p := &regsPane{}
	p.live = l
	p.polledBy = polledBy[*regRow, protocol.Registration]{
		read:  e.Source.Registrations,
		row:   func(r protocol.Registration, round uint64) *regRow { return &regRow{p, r, round} },
		head:  func(r *regRow) string { return r.r.AOR },
		about: func(r *regRow) []string { return p.aboutOne(&r.r) },
		empty: p.nothing,
	}
	p.init(e, "regs", "registration", cols, func(col int) func(a, b *regRow) int {
		return func(a, b *regRow) int { return regColumns[col].cmp(&a.r, &b.r) }
	})
	return p
}

// aboutOne tells what is known of one registration.
func (p *regsPane) aboutOne(r *protocol.Registration) []string {
	t := p.e.Theme
	at := func(v protocol.Time) string { return v.Std().In(p.e.Zone).Format("2006-01-02 15:04:05") }
	where := t.NewLine(p.w).Add(t.Dim, " contact ").Add(t.Text, cmp.Or(r.Contact, "-")).Add(t.Dim, "  "+r.Transport+" to ").Add(t.Text, r.Dst)
	when := t.NewLine(p.w)
	switch {
	case r.Since == 0:
		when.Add(t.Warn, " never registered in view of the sensor")
	case r.State == protocol.Unregistered:
		when.Add(t.Dim, " taken back ").Add(t.Text, at(r.Attempt))
	default:
		when.Add(t.Dim, " since ").Add(t.Text, at(r.Since)).Add(t.Dim, "  last ").Add(t.Text, at(r.Refresh)).Add(t.Dim, "  until ").Add(t.Text, at(r.Until))
	}
	last := t.NewLine(p.w)
	switch {
	case r.Status == 0:
		last.Add(t.Bad, " the last attempt was not answered")
	default:
		last.Add(t.Dim, " last answer ").Add(t.Status(r.Status), strconv.Itoa(r.Status)+" "+r.Reason)
		if r.RTTMS != nil {
			last.Add(t.Dim, " after ").Add(t.Text, inMS(*r.RTTMS))
		}
	}
	if r.Failures > 0 {
		last.Add(t.Warn, "  failures: "+strconv.Itoa(r.Failures)).Add(t.Dim, ", last "+at(r.Attempt))
	}
	return []string{where.String(), when.String(), last.String()}
}

// status is the second line of the screen: how many there are in which state.
func (p *regsPane) status(w int) string {
	t := p.e.Theme
	l := t.NewLine(w)
	if p.err != nil && p.loaded {
		return l.Add(t.Warn, " "+say(p.err)).String()
	}
	n := map[protocol.RegistrationState]int{}
	for i := range p.all {
		n[p.all[i].r.State]++
	}
	for _, s := range []protocol.RegistrationState{protocol.Registered, protocol.RegistrationFailing, protocol.RegistrationExpired, protocol.Unregistered} {
		if n[s] > 0 {
			_, st := regState(t, s)
			l.Add(st, " "+strconv.Itoa(n[s])).Add(t.Dim, " "+string(s)+"  ")
		}
	}
	return l.String()
}

// nothing says why there is nothing to see, and what to do.
func (p *regsPane) nothing() []string {
	c := p.live.counters
	switch {
	case p.err != nil:
		return append(explain(p.err), "r tries again")
	case !p.loaded:
		return []string{"Reading the registrations"}
	case len(p.all) > 0:
		return p.unmatched()
	case p.live.conn == ended:
		return []string{"No registrations", "the file has been read: no REGISTER in it was answered, or timed out"}
	case c[protocol.CountPackets] == 0 && isFleet(p.e.Source):
		return []string{"No registrations", "no sensor that is online has seen a REGISTER; 7 shows the sensors"}
	case c[protocol.CountPackets] == 0:
		return []string{"No packets seen yet on " + p.live.info.Source, "is it the right interface, and is the mirror port on? 6 looks for the reason"}
	}
	return []string{
		"No registrations yet", fmt.Sprintf("%s seen, %d of them SIP, %d REGISTER", plural.Of(c[protocol.CountPackets], "packet"), c[protocol.CountSIP], c["sip.requests.REGISTER"]),
		"telephones register every few minutes; trunks by address never do",
	}
}
