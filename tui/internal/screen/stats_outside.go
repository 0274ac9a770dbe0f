package screen

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"voiptop/protocol"
)

// The sections of statistics that do not count calls: messages by the source's counters, and registrations that fail.

const (
	requestCounter  = "sip.requests."
	responseCounter = "sip.responses."
)

// methods counts requests and responses, in calls and outside of them, since the source began.
func (p *statsPane) methods() statsSection {
	s := statsSection{name: "Methods", kind: kindCounts, note: "messages, in calls and outside of them", none: "the source has counted no message yet"}
	all := int(p.live.counters[protocol.CountSIP])
	for name, n := range p.live.counters {
		r := &statsRow{p: p, style: p.e.Theme.Text, count: int(n), of: all, open: viewDone, version: p.version}
		switch {
		case n == 0:
			continue
		case strings.HasPrefix(name, requestCounter):
			r.key = name[len(requestCounter):]
			r.where = `message:"` + r.key + ` *"`
		case strings.HasPrefix(name, responseCounter):
			r.key = name[len(responseCounter):]
			r.where = `message:"SIP/2.0 ` + r.key[:1] + `*"`
			if c := r.key[0]; c >= '3' && c <= '6' {
				r.style = p.e.Theme.Warn
			}
		default:
			continue
		}
		switch r.key {
		case "REGISTER":
			r.open, r.where = viewRegs, ""
		case "other":
			r.where = ""
		}
		r.id = r.key
		s.rows = append(s.rows, r)
	}
	slices.SortFunc(s.rows, func(a, b *statsRow) int { return strings.Compare(a.key, b.key) })
	for i, r := range s.rows {
		r.at = i
	}
	return s
}

// failing are the registrations that need a look.
func (p *statsPane) failing() statsSection {
	s := statsSection{name: "Failing", kind: kindCounts, note: "registrations that fail, by their failures since the last success", answers: true, none: "no registration fails"}
	if !p.regs.loaded {
		s.none = "reading the registrations"
		if p.regs.err != nil {
			s.none = say(p.regs.err)
		}
	}
	all := 0
	for _, x := range p.regs.all {
		if x.r.State != protocol.RegistrationFailing {
			continue
		}
		about := "no answer"
		if x.r.Status > 0 {
			about = strings.TrimSpace(strconv.Itoa(x.r.Status) + " " + x.r.Reason)
		}
		all += x.r.Failures
		s.rows = append(s.rows, &statsRow{
			p: p, id: x.r.AOR + " " + x.r.Contact + " " + strconv.Itoa(int(x.r.SensorID)), key: x.r.AOR, style: p.e.Theme.Bad, count: x.r.Failures, about: about, open: viewRegs, where: "failing " + x.r.AOR,
			version: p.version,
		})
	}
	slices.SortStableFunc(s.rows, func(a, b *statsRow) int { return cmp.Or(cmp.Compare(b.count, a.count), strings.Compare(a.id, b.id)) })
	for i, r := range s.rows {
		r.at, r.of = i, all
	}
	return s
}
