package call

import (
	"bytes"
	"net/netip"

	"voiptop/protocol"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sip"
)

// From and To of a request within a dialog name who sends it and who gets it, not who called. Of a call that was joined this has to
// be found out otherwise, or said to be assumed.

// role says who of the two that a message names made the call.
type role uint8

const (
	nobodyKnows role = iota
	fromCalled       // the party in From
	toCalled         // the party in To
)

// whoCalled reads it from the tag of the first INVITE's From that a proxy had itself told in its Record-Route, and is told in the Route of
// what is sent within the call (parameter ftag, of Kamailio and OpenSIPS); or from the Call-ID: who makes a call writes his own host
// behind the @ (RFC 3261 section 8.1.1.4 recommends it, most telephones and systems with a Call-ID of that form do).
func whoCalled(d *decode.Datagram, m *sip.Message) role {
	if m.Request() {
		if r := byRoute(m); r != nobodyKnows {
			return r
		}
	}
	id := m.CallID()
	i := bytes.LastIndexByte(id, '@')
	if i < 0 {
		return nobodyKnows
	}
	host := sip.ParseURI(id[i:]).Host
	from, to := uriHost(m, sip.From), uriHost(m, sip.To)
	if len(host) == 0 || bytes.EqualFold(from, host) && bytes.EqualFold(to, host) { // a domain of both, which some write there
		return nobodyKnows
	}
	near, far := d.Src.AddrPort().Addr(), d.Dst.AddrPort().Addr()
	nearName, farName := uriHost(m, sip.Contact), sip.ParseURI(m.RequestURI()).Host
	if addr := hostAddr(host); addr.IsValid() && inside(addr) && !(inside(near) && inside(far)) {
		return nobodyKnows // behind a NAT, and another one may have the same address
	}
	atNear, atFar := isHost(host, near, nearName), isHost(host, far, farName)
	if !m.Request() { // it goes back to whom From names
		atNear, atFar = atFar, atNear
	}
	switch {
	case atNear && !atFar:
		return fromCalled
	case atFar && !atNear:
		return toCalled
	}
	return nobodyKnows
}

// byRoute reads it from a Route.
func byRoute(m *sip.Message) role {
	for i := range 4 {
		v := m.Header("route", i)
		at := bytes.Index(v, ftag)
		if at < 0 {
			if v == nil {
				break
			}
			continue
		}
		tag := v[at+len(ftag):]
		if end := bytes.IndexAny(tag, ";>, \t"); end >= 0 {
			tag = tag[:end]
		}
		switch {
		case len(tag) == 0:
		case bytes.Equal(tag, m.FromTag()):
			return fromCalled
		case bytes.Equal(tag, m.ToTag()):
			return toCalled
		}
	}
	return nobodyKnows
}

var ftag = []byte(";ftag=")

// inside reports whether an address may be that of many.
func inside(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || carrierNAT.Contains(a)
}

// carrierNAT is RFC 6598's shared address space.
var carrierNAT = netip.MustParsePrefix("100.64.0.0/10")

// isHost reports whether host is the address or the name of a party.
func isHost(host []byte, addr netip.Addr, name []byte) bool {
	return bytes.EqualFold(host, name) || hostAddr(host) == addr
}

func uriHost(m *sip.Message, n sip.Name) []byte {
	return sip.ParseURI(sip.ParseAddress(m.Get(n)).URI).Host
}

// answerTime is how long an INVITE within a call may wait for its answer, that of a machine.
const answerTime = int64(1e9)

// setRoles takes what the message at which c is joined tells of who called; From's party stands for the caller until then.
func (c *Call) setRoles(d *decode.Datagram, m *sip.Message) {
	known := whoCalled(d, m)
	if !m.Request() || m.Method() == sip.Prack { // a phone rings for long, and an INVITE within a call is answered at once
		switch known {
		case toCalled: // so it is one within the call
			c.begun = joinedUp
		case nobodyKnows: // but of an answer in the first moment neither was seen
			if !c.table.mayAnswer(m.Status(), d.Time) {
				known = fromCalled
			}
		}
		if c.begun == joinedSetUp && c.table.mayAnswer(m.Status(), d.Time) {
			c.begun, c.inviteTime = joinedEither, d.Time
		}
	}
	c.assumed = known == nobodyKnows
	// Who calls is given a name more often than who is called.
	named := func(n sip.Name) bool { return len(sip.ParseAddress(m.Get(n)).Display) > 0 }
	if known == toCalled || c.assumed && !named(sip.From) && named(sip.To) {
		c.tags[0] = m.FromTagDigest()
		c.swapRoles(m)
	}
}

// learnRoles looks at a later message of a call whose parties are assumed.
func (c *Call) learnRoles(d *decode.Datagram, m *sip.Message) {
	known := whoCalled(d, m)
	_, method, _ := m.CSeq()
	if method == sip.Invite && !m.Request() && c.begun == joinedDialog && known == nobodyKnows {
		known = fromCalled // no INVITE was seen that it could belong to, but the first
	}
	if m.Request() && method == sip.Invite && !m.Tagged() {
		known = fromCalled
	}
	if known == nobodyKnows {
		return
	}
	c.assumed = false
	if c.isCaller(m.FromTagDigest()) != (known == fromCalled) {
		c.swapRoles(m)
	}
	c.asked = false // rules may ask for caller and callee
}

// swapRoles turns the parties round, of whom one is in From of m and the other in To.
func (c *Call) swapRoles(m *sip.Message) {
	caller := sip.From
	tag := m.FromTagDigest()
	if c.isCaller(tag) {
		caller, tag = sip.To, m.ToTagDigest()
	}
	c.tags = [maxTags]digest{tag}
	name := sip.ParseAddress(m.Get(caller)).Display
	c.callerName = string(appendUnescaped(nil, name[:min(len(name), maxText)]))
	c.caller, c.callee = c.callee, c.caller
	c.callerDomain, c.calleeDomain = c.calleeDomain, c.callerDomain
	c.uaCaller, c.uaCallee = c.uaCallee, c.uaCaller
	c.src, c.dst = c.dst, c.src
	c.media[0], c.media[1] = c.media[1], c.media[0]
	for _, b := range c.bindings {
		b.who = 1 - b.who
	}
	e := &c.evidence
	e.t38By, e.digitsBy = 1-e.t38By, 1-e.digitsBy
	c.transfer.by = 1 - c.transfer.by
	switch c.by {
	case protocol.PartyCaller:
		c.by = protocol.PartyCallee
	case protocol.PartyCallee:
		c.by = protocol.PartyCaller
	}
}
