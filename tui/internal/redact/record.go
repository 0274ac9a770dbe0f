package redact

import (
	"slices"
	"strings"

	"voiptop/protocol"
)

// Call masks a copy of a record. Its id, its group and its numbers of packets stay.
func (r *Redactor) Call(c *protocol.CDR) *protocol.CDR {
	m := *c
	m.CallID = r.ID(c.CallID)
	m.Caller, m.Callee, m.CalleeURI = r.User(c.Caller), r.User(c.Callee), r.User(c.CalleeURI)
	m.CallerDomain, m.CalleeDomain = r.domain(c.CallerDomain), r.domain(c.CalleeDomain)
	m.CallerName = r.Words(c.CallerName)
	m.Src, m.Dst = r.Endpoint(c.Src), r.Endpoint(c.Dst)
	m.DTMFInfo = blankDigits(c.DTMFInfo)
	m.Streams = slices.Clone(c.Streams)
	for i := range m.Streams {
		s := &m.Streams[i]
		s.Src, s.Dst, s.DTMF = r.Endpoint(s.Src), r.Endpoint(s.Dst), blankDigits(s.DTMF)
	}
	m.Messages = slices.Clone(c.Messages)
	for i := range m.Messages {
		x := &m.Messages[i]
		x.Src, x.Dst, x.FirstLine = r.Endpoint(x.Src), r.Endpoint(x.Dst), r.startLine(x.FirstLine)
	}
	m.Findings = slices.Clone(c.Findings)
	for i := range m.Findings {
		f := &m.Findings[i]
		f.Text, f.Evidence, f.Remedy = r.Text(f.Text), r.Text(f.Evidence), r.Text(f.Remedy)
	}
	m.Reason, m.Rule = r.Text(c.Reason), r.Text(c.Rule)
	return &m
}

// domain masks a domain with the port that may stand behind it.
func (r *Redactor) domain(s string) string {
	if s == "" {
		return ""
	}
	return r.hostPort(s)
}

// blankDigits tells how many digits were typed, and not which: they may be a secret.
func blankDigits(s string) string { return strings.Repeat("*", len(s)) }
