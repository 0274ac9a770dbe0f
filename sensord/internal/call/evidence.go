package call

import (
	"bytes"
	"net/netip"
	"slices"

	"voiptop/protocol"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/diagnose"
	"voiptop/sensord/internal/rtp"
	"voiptop/sensord/internal/sdp"
	"voiptop/sensord/internal/sip"
	"voiptop/sensord/internal/turn"
)

// evidence is what a call keeps for its diagnosis alone.
type evidence struct {
	mirrored           uint64 // packets captured twice
	credentials        bool   // the newest INVITE carried some
	t38Refused         bool
	unseen             bool    // a receiver, or its sender, reports of a stream that was not seen
	listens            [2]bool // a party reports of what it receives, as one that sends nothing
	refusedCredentials int
	t38Offer           uint32 // CSeq of the newest INVITE that offered T.38, and who sent it
	digitsCSeq         uint32 // of the newest INFO with digits
	t38By              int
	digitsBy           int
	digitsInfo         int
	digitsRefused      int
	byeChallenger      decode.Endpoint // who challenged the callee's BYE
	leakedTo           decode.Endpoint // and got its credentials
	lengthOff          int
	rewrittenFrom      netip.Addr // c= of one message on its first hop and on a later one
	rewrittenTo        netip.Addr
}

// description is what one party's first SDP says for the diagnosis.
type description struct {
	branch  digest // of the message that carried it
	cseq    uint32
	keyless bool
	ice     bool
	origin  netip.Addr // o=
	header  netip.Addr // Contact
}

// gatherRequest notes what a request that who sent tells.
func (c *Call) gatherRequest(d *decode.Datagram, m *sip.Message, cseq uint32, who int) {
	e := &c.evidence
	switch m.Method() {
	case sip.Invite:
		e.credentials = m.Get(sip.Authorization) != nil || m.Get(sip.ProxyAuthorization) != nil
	case sip.Info:
		again := e.digitsInfo > 0 && e.digitsCSeq == cseq && e.digitsBy == who // the next hop
		if kind := m.Get(sip.ContentType); !again && containsFold(kind, "dtmf") {
			e.digitsInfo++
			e.digitsCSeq, e.digitsBy = cseq, who
			c.takeDigit(m)
		}
	case sip.Bye:
		if who == callee && e.byeChallenger == d.Dst && (m.Get(sip.Authorization) != nil || m.Get(sip.ProxyAuthorization) != nil) {
			e.leakedTo = d.Dst
		}
	}
}

// gatherResponse notes what a response tells; the request was sent by who.
func (c *Call) gatherResponse(d *decode.Datagram, m *sip.Message, cseq uint32, who int) {
	e, status := &c.evidence, m.Status()
	challenge := status == 401 || status == 407
	switch m.Method() {
	case sip.Invite:
		if challenge && e.credentials && who == caller && m.BranchDigest() == c.branch {
			e.refusedCredentials++
		}
		if status >= 300 && !challenge && status != 491 && e.t38Offer == cseq && e.t38By == who && cseq != 0 {
			e.t38Refused = true
		}
	case sip.Info:
		if status >= 300 && !challenge && e.digitsInfo > 0 && e.digitsCSeq == cseq && e.digitsBy == who {
			e.digitsRefused++
		}
	case sip.Bye:
		if challenge && who == callee {
			e.byeChallenger = d.Src
		}
	}
}

// gatherSDP notes what a session description tells. answer says that it is no offer.
func (c *Call) gatherSDP(d *decode.Datagram, m *sip.Message, s *sdp.Session, who int, answer bool) {
	e := &c.evidence
	if n := m.Excess(); n != 0 && d.Transport == decode.UDP && !d.Cut {
		e.lengthOff = n
	}
	cseq, _, _ := m.CSeq()
	alive, t38 := false, false
	for i := range s.Media {
		alive = alive || s.Media[i].Port != 0
		t38 = t38 || s.Media[i].T38
	}
	switch {
	case !t38:
	case !answer && alive && m.Method() == sip.Invite:
		e.t38Offer, e.t38By = cseq, who
	case answer && !alive:
		e.t38Refused = true
	}
}

// describeSide notes what the first description of a party says; again is a later one, perhaps the same message on its next hop.
func (c *Call) describeSide(m *sip.Message, s *sdp.Session, media *sdp.Media, who int) {
	p, e := &c.media[who], &c.evidence
	cseq, _, _ := m.CSeq()
	branch := m.BranchDigest()
	if p.description.branch == 0 {
		p.description = description{
			branch: branch, cseq: cseq, keyless: media.SAVP && !media.Keyed, ice: len(media.Candidates) > 0, origin: s.Origin,
			header: hostAddr(sip.ParseURI(sip.ParseAddress(m.Get(sip.Contact)).URI).Host),
		}
		return
	}
	p.description.keyless = p.description.keyless && media.SAVP && !media.Keyed
	if p.description.branch == branch && p.description.cseq == cseq && media.Addr != p.addr && media.Addr.IsValid() && !media.Held() && p.addr.IsValid() {
		e.rewrittenFrom, e.rewrittenTo = p.addr, media.Addr
	}
}

func hostAddr(host []byte) netip.Addr {
	if len(host) > 2 && host[0] == '[' {
		host = bytes.TrimSuffix(host[1:], []byte("]"))
	}
	if len(host) == 0 || len(host) > 45 {
		return netip.Addr{}
	}
	if a, ok := dotted(host); ok {
		return a
	}
	a, _ := netip.ParseAddr(string(host))
	return a.WithZone("").Unmap()
}

// dotted reads an IPv4 address, as strictly as netip.ParseAddr, without a string.
func dotted(b []byte) (netip.Addr, bool) {
	var ip [4]byte
	part, digits, n := 0, 0, 0
	for _, c := range b {
		switch {
		case '0' <= c && c <= '9' && (digits == 0 || n > 0): // no leading zero
			if n = n*10 + int(c-'0'); n > 255 {
				return netip.Addr{}, false
			}
			digits++
		case c == '.' && digits > 0 && part < 3:
			ip[part] = byte(n)
			part, digits, n = part+1, 0, 0
		default:
			return netip.Addr{}, false
		}
	}
	ip[3] = byte(n)
	return netip.AddrFrom4(ip), part == 3 && digits > 0
}

func containsFold(b []byte, s string) bool {
	for i := 0; i+len(s) <= len(b); i++ {
		if bytes.EqualFold(b[i:i+len(s)], []byte(s)) {
			return true
		}
	}
	return false
}

// MirroredSIP notes that a message was captured twice; it is not given to SIP again.
func (t *Table) MirroredSIP(m *sip.Message) {
	if c := t.byID.get(m); c != nil {
		c.evidence.mirrored++
	}
}

// MirroredMedia notes that a media packet was captured twice; it is not given to Media again.
func (t *Table) MirroredMedia(d *decode.Datagram) {
	var h rtp.Header
	b, length := d.Payload, d.Length
	if len(b) > 0 && b[0] < 0x80 {
		var m turn.Message
		if !turn.Read(b, length, &m) || m.Kind != turn.Data {
			return
		}
		b, length = m.Payload(b), m.Length
	}
	if !rtp.ParseCut(b, length, &h) {
		return
	}
	if s := t.flows.get(flowHash(&d.Src, &d.Dst, h.SSRC), &d.Src, &d.Dst, h.SSRC); s != nil {
		s.call.evidence.mirrored++
	}
}

// facts makes f what diagnose needs beside the record.
func (c *Call) facts(f *diagnose.Facts) *diagnose.Facts {
	e := &c.evidence
	*f = diagnose.Facts{
		Streams: slices.Grow(f.Streams[:0], len(c.streams)+len(c.borrowed)),
		Joined:  c.joined(), Finished: c.finished, Held: c.wasLimited || c.limited(), T38: c.t38, T38Refused: e.t38Refused, SharedMedia: c.shares,
		Challenged: int(c.challenged), RefusedCredentials: e.refusedCredentials,
		InviteRepeats: int(c.inviteRetrans), AnswerRepeats: int(c.answerRetrans), ByeRepeats: int(c.byeRetrans),
		Acked: c.ack != 0 && c.ack >= c.answer, ByeDone: protocol.TimeFromNanos(c.byeDone), Feedback: c.feedback,
		DigitsInfo: e.digitsInfo, DigitsRefused: e.digitsRefused, Mirrored: e.mirrored, Unseen: e.unseen, LengthOff: e.lengthOff,
		RewrittenFrom: e.rewrittenFrom, RewrittenTo: e.rewrittenTo, Across: c.across,
	}
	if e.leakedTo != (decode.Endpoint{}) {
		f.LeakedTo = e.leakedTo.AddrPort()
	}
	for i := range c.media {
		s := &c.media[i]
		p := &s.description
		f.Sides[i] = diagnose.Side{
			Described: s.described, Refused: s.refused, Addr: s.addr, Port: s.port, Signalling: s.from.AddrPort().Addr(),
			Keyless: p.keyless, Listens: e.listens[i], ICE: p.ice, Origin: p.origin, Header: p.header,
		}
	}
	heard := c.heard()
	f.Streams = f.Streams[:len(heard)]
	clear(f.Streams)
	for i, s := range heard {
		noise := s.codec == nil && s.aside != nil && s.aside.isNoise() // it has the path, and nothing to say
		if k := s.codec; noise || k != nil && k.kind != sdp.Video {
			f.Sides[c.sender(s)].Sent = true
			f.Astray = f.Astray || s.astray()
		}
		s.facts(&f.Streams[i], heard)
	}
	return f
}

// astray reports whether nobody announced where s goes. Of what goes to a TURN server for a peer that was not seen, where it comes from tells.
func (s *stream) astray() bool {
	if s.to == nil && s.from != nil && s.extra != nil && s.extra.turn != nil {
		return s.from.origin == learned
	}
	return s.to == nil || s.to.origin == learned
}

func (s *stream) facts(f *diagnose.Stream, heard []*stream) {
	r := s.rtp.Report()
	f.FirstSeq, f.LastSeq, f.Restarts, f.GapLost = r.FirstSeq, r.LastSeq, r.Restarts, r.GapLost
	f.Pauses = r.Talkspurts > 1
	spurts := uint32(0)
	if s.rare != nil && s.rare.seldom != nil {
		p := &s.rare.seldom.pauses
		f.Gaps, spurts = p.facts(), p.spurts
	}
	f.Suppresses = r.Talkspurts > spurts+1 || r.Talkspurts > 2 // it falls silent for less than a second as well, or again and again
	for _, t := range s.types {
		noise := t.codec.isNoise()
		f.Pauses, f.Suppresses = f.Pauses || noise, f.Suppresses || noise
	}
	if s.dtmf != nil {
		f.FaxTones = s.dtmf.Fax()
	}
	h := s.faxHeard(heard)
	f.FaxCalls, f.FaxAnswers, f.FaxTalks = protocol.TimeFromNanos(h.Calling), protocol.TimeFromNanos(h.Answering), protocol.TimeFromNanos(h.Talking)
	f.FaxV8 = h.V8
	if s.to != nil {
		said := s.to.said()
		f.Ptime, f.MaxPtime = said.ptime, said.maxPtime
		f.Guessed = s.to.origin == learned
		announced := len(said.formats) > 0
		f.Unannounced = announced && s.codec != nil && s.to.codec(r.PayloadType) == nil
		f.DigitsAgreed = said.telephoneEvents()
		f.DigitsUnannounced = announced && s.dtmfPT != noPT && s.to.codec(s.dtmfPT) == nil
	}
	if b := s.rtcp; b != nil && b.reports > 0 {
		f.Reports = b.reports
		f.ReportedLost, f.ReportedOf = int64(b.newest.Lost)-int64(b.oldest.Lost), int64(b.newest.HighestSeq)-int64(b.oldest.HighestSeq)
	}
}
