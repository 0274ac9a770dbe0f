package call

import (
	"strings"

	"voiptop/protocol"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sip"
)

// Call is what one Call-ID is about, from its first INVITE to its end. Times are nanoseconds, 0: did not happen.
type Call struct {
	table      *Table
	prev, next *Call
	number     uint64 // order of start
	due        int64  // when to look at it, see schedule
	at         int    // place in the schedule

	id                                             protocol.UUID
	callID, caller, callee, calleeURI, callerName  string
	callerDomain, calleeDomain, uaCaller, uaCallee string
	transport, reason, rule                        string
	src, dst                                       decode.Endpoint
	startTime, ringing, answer, end                int64
	lastSIP                                        int64
	status, provisional                            int // last final status that counts; last status of any kind
	cause                                          protocol.EndCause
	by                                             protocol.Party
	joined, finished                               bool
	tags                                           [maxTags]fnv1a // From-tags of the caller: its own and those that proxies put in
	inviteCSeq                                     uint32         // of the newest initial INVITE
	inviteTime                                     int64          // when that attempt began
	branch                                         fnv1a          // its topmost Via branch where it was seen first
	final                                          finalState
	cancel, bye, byeDone, ack                      int64
	byeTag                                         fnv1a
	challenged                                     int // final responses that asked for credentials
	messages                                       []message
	text                                           []byte // first lines of messages
	ends                                           []decode.Endpoint
	retransmissions, messagesOmitted               int
	inviteRetrans, answerRetrans, byeRetrans       int

	media    [2]side // caller's and callee's
	bindings []*binding
	chosen   []*codec // what the newest answer took
	wasHeld  bool
	t38      bool // offered or agreed
	shares   bool // an endpoint with another running call
	feedback bool // RTCP, STUN or DTLS was seen where media goes
	streams  []*stream
	borrowed []*stream           // owned by a call that announced the same endpoints later
	omitted  map[uint64]struct{} // flows beyond maxStreams

	kept      *Kept
	keptFrame uint64 // number of the newest frame that was kept

	judged  int64            // when gravest was found, for the live view
	gravest protocol.Finding //
}

// finalState says how far a final response other than 2xx ends the call.
type finalState uint8

const (
	finalNone     finalState = iota
	finalBranch              // seen behind a proxy, which may try elsewhere
	finalRetry               // challenged or redirected: the caller may try again
	finalRejected            // the caller was told
)

// party numbers: index into Call.media.
const (
	caller = 0
	callee = 1
)

// ended reports whether the call is over and only waits for late packets.
func (c *Call) ended() bool { return c.bye != 0 || c.answer == 0 && c.final != finalNone }

// over reports whether an initial INVITE for the Call-ID of c opens a new call.
func (c *Call) over(d *decode.Datagram, m *sip.Message) bool {
	cseq, _, _ := m.CSeq()
	if !c.ended() {
		// The very same INVITE long after its transaction: a capture that is played again, before its calls had ended.
		return d.Time-c.inviteTime > transactionTime && cseq == c.inviteCSeq && fnvBasis.bytes(m.Branch()) == c.branch
	}
	if d.Time-c.end < newCallTime {
		return false
	}
	if c.bye != 0 {
		return true
	}
	if c.final != finalRejected || cseq > c.inviteCSeq {
		return false // the proxy or the caller tries again
	}
	// The caller repeats an INVITE as long as it has not got the answer (RFC 3261 section 17.1.1.2).
	return c.ack > c.end || d.Time-c.inviteTime > transactionTime
}

// message takes a message of the call.
func (c *Call) message(d *decode.Datagram, m *sip.Message, opening bool) {
	seen := c.log(d, m)
	if seen == duplicate {
		c.table.count.duplicates++
		return
	}
	c.keep(d, len(d.Packet.Data))
	c.lastSIP = d.Time
	if seen == repeated {
		c.table.count.retrans++
		c.retransmissions++
		c.retransmission(m)
		return
	}
	cseq, method, _ := m.CSeq()
	from := sip.ParseAddress(m.Get(sip.From))
	tag := fnvBasis.bytes(from.Tag())
	if opening {
		c.addTag(tag)
	} else if c.tags[0] == 0 {
		c.tags[0] = tag
	}
	fromCaller := c.isCaller(tag)
	if m.Request() {
		who := callee
		if fromCaller || opening {
			who = caller
		}
		c.userAgent(m, who)
		c.request(d, m, cseq, tag, who, opening)
		c.describe(d, m, who)
	} else {
		// From is the requester's; where it was damaged or rewritten, the branch tells the transaction.
		fromCaller = fromCaller || method == sip.Invite && fnvBasis.bytes(m.Branch()) == c.branch
		who := caller
		if fromCaller {
			who = callee
		}
		c.userAgent(m, who)
		c.response(d, m, cseq, method, fromCaller)
		c.describe(d, m, who)
	}
	if c.ended() {
		c.table.timers.move(c, c.dueTime())
	}
}

func (c *Call) addTag(tag fnv1a) {
	for i := range c.tags {
		if c.tags[i] == tag {
			return
		}
		if c.tags[i] == 0 {
			c.tags[i] = tag
			return
		}
	}
}

func (c *Call) isCaller(tag fnv1a) bool {
	for _, t := range c.tags {
		if t == tag {
			return true
		}
	}
	return false
}

// userAgent keeps who the parties say they are: the first that either side says.
func (c *Call) userAgent(m *sip.Message, who int) {
	p := &c.uaCaller
	if who == callee {
		p = &c.uaCallee
	}
	if *p != "" {
		return
	}
	v := m.Get(sip.UserAgent)
	if v == nil && !m.Request() {
		v = m.Get(sip.Server)
	}
	// A proxy that answers 100 or asks for credentials is not the callee.
	if s := m.Status(); s == 100 || s == 401 || s == 407 {
		return
	}
	*p = c.table.name(v)
}

// retransmission notes what a repeated message tells of a lost one.
func (c *Call) retransmission(m *sip.Message) {
	switch {
	case m.Request() && m.Method() == sip.Invite:
		c.inviteRetrans++
	case m.Status() >= 200 && m.Status() < 300 && m.Method() == sip.Invite:
		c.answerRetrans++
	case m.Request() && m.Method() == sip.Bye:
		c.byeRetrans++
	}
}

func (c *Call) request(d *decode.Datagram, m *sip.Message, cseq uint32, tag fnv1a, who int, opening bool) {
	switch m.Method() {
	case sip.Invite:
		if !opening {
			return
		}
		if c.inviteTime == 0 || cseq > c.inviteCSeq {
			c.inviteCSeq, c.inviteTime = cseq, d.Time
			c.branch = fnvBasis.bytes(m.Branch())
			c.resume()
		} else if c.final == finalBranch { // a proxy tries the next branch
			c.resume()
		}
	case sip.Ack:
		c.ack = d.Time
	case sip.Cancel:
		if c.cancel == 0 {
			c.cancel = d.Time
		}
	case sip.Bye:
		if c.bye != 0 {
			return
		}
		c.bye, c.byeTag, c.end = d.Time, tag, d.Time
		c.cause = protocol.EndBye
		c.by = party(who)
		c.byeReason(m)
	}
}

func party(who int) protocol.Party {
	if who == caller {
		return protocol.PartyCaller
	}
	return protocol.PartyCallee
}

// resume takes a final response back: the call goes on.
func (c *Call) resume() {
	if c.final == finalNone {
		return
	}
	c.final, c.end, c.cause, c.by = finalNone, 0, "", ""
}

func (c *Call) response(d *decode.Datagram, m *sip.Message, cseq uint32, method sip.Method, fromCaller bool) {
	status := m.Status()
	switch method {
	case sip.Invite:
		if c.joined {
			if status >= 200 && status < 300 {
				c.status = status
				c.commitHold(true)
			}
			return
		}
		if fromCaller && (cseq <= c.inviteCSeq || c.answer == 0) { // a higher CSeq: the INVITE itself was not captured
			c.inviteResponse(d, m, cseq, status)
		} else if status >= 200 {
			c.commitHold(status < 300)
		}
	case sip.Update:
		if status >= 200 {
			c.commitHold(status < 300)
		}
	case sip.Bye:
		switch {
		case status == 401 || status == 407: // the BYE itself was challenged: the call is still up
			c.bye, c.byeTag, c.end, c.cause, c.by = 0, 0, 0, "", ""
		case status >= 200 && c.byeDone == 0:
			c.byeDone = d.Time
		}
	}
}

// inviteResponse takes a response to an initial INVITE.
func (c *Call) inviteResponse(d *decode.Datagram, m *sip.Message, cseq uint32, status int) {
	c.provisional = status
	switch {
	case status < 180:
		return
	case status < 200:
		if c.ringing == 0 {
			c.ringing = d.Time
		}
		if c.final == finalBranch {
			c.resume()
		}
		return
	case status < 300:
		if c.answer != 0 {
			return
		}
		if c.bye == 0 {
			c.resume()
		}
		c.answer, c.status = d.Time, status
		c.reason = c.table.name(m.Phrase())
		c.commitHold(true)
		return
	}
	if c.answer != 0 { // a fork that lost, or one that the proxy cancelled
		return
	}
	told := fnvBasis.bytes(m.Branch()) == c.branch
	if c.final == finalRejected && !told || cseq < c.inviteCSeq {
		return // a hop further away has nothing to add, nor has an attempt that was given up
	}
	c.status = status
	c.reason = c.table.name(m.Phrase())
	if r := m.Get(sip.Reason); r != nil {
		c.reason = reasonText(c.table, r, c.reason)
	}
	c.end = d.Time
	c.by = protocol.PartyCallee
	switch {
	case c.cancel != 0:
		c.cause, c.by = protocol.EndCancel, protocol.PartyCaller
	case status == 487:
		c.cause = protocol.EndCancel
	case status == 408 || status == 480:
		c.cause = protocol.EndNoAnswer
	default:
		c.cause = protocol.EndRejected
	}
	switch {
	case status == 401 || status == 407:
		c.challenged++
		c.final = finalRetry
	case status < 400:
		c.final = finalRetry
	case told:
		c.final = finalRejected
	default:
		c.final = finalBranch
	}
}

// byeReason takes the Reason header of a BYE (RFC 3326), which says more than the answer's phrase.
func (c *Call) byeReason(m *sip.Message) {
	if r := m.Get(sip.Reason); r != nil {
		c.reason = reasonText(c.table, r, c.reason)
	}
}

// reasonText reads the text of a Reason header, e.g. `Q.850;cause=16;text="Normal call clearing"`. Without a text it is the
// protocol and cause. A text that is only a number says less than the cause.
func reasonText(t *Table, v []byte, otherwise string) string {
	semi := strings.IndexByte(string(v), ';')
	if semi < 0 {
		return otherwise
	}
	if s := sip.Param(v[semi:], "text"); len(s) > 0 && strings.Trim(string(s), "0123456789 ") != "" {
		return t.name(s)
	}
	if s := sip.Param(v[semi:], "cause"); len(s) > 0 {
		return t.name([]byte(strings.TrimSpace(string(v[:semi])) + " cause " + string(s)))
	}
	return otherwise
}

// appendUnescaped appends a quoted string's content without its escapes (RFC 3261 section 25.1, quoted-pair).
func appendUnescaped(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) {
			i++
		}
		dst = append(dst, b[i])
	}
	return dst
}
