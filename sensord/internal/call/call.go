package call

import (
	"voiptop/protocol"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/diagnose"
	"voiptop/sensord/internal/sip"
)

// Call is what one Call-ID is about, from its first INVITE to its end. Times are nanoseconds, 0: did not happen.
type Call struct {
	// What most messages need comes first and lies together: tens of thousands of calls do not fit the cache.
	table          *Table
	callID         string
	hash           uint64 // of the Call-ID
	number         uint64 // order of start
	due            int64  // of the entry in the schedule that counts; 0: none
	lastSIP        int64  // newest message
	shard          uint8  // see Shard
	begun          beginning
	assumed        bool // nothing told who called, see roles.go
	final          finalState
	finished       bool // out of the table
	trails         bool // it has ended, and its streams are watched
	running        bool // see channel.go
	overLimit      bool
	asked          bool // what to keep
	masked         bool // digits are blanked
	expecting      bool // in Table.waiting
	t38            bool // offered or agreed
	shares         bool // an endpoint with another running call
	feedback       bool // RTCP or DTLS was seen where media goes
	messages       []message
	hashes         []digest          // of what makes each the same message
	text           []byte            // first lines of messages
	ends           []decode.Endpoint // who takes part in the signalling
	tags           [maxTags]digest   // From-tags of the caller: its own and those that proxies put in
	answer, bye    int64
	status         int    // last final status that counts
	provisional    int    // last status of any kind
	branch         digest // of the newest initial INVITE: its topmost Via branch where it was seen first
	inviteCSeq     uint32
	challenged     int32 // final responses that asked for credentials
	inviteTime     int64 // when that attempt began
	startTime      int64
	ringing, end   int64
	ack            int64
	byeDone        int64 // when the BYE was answered
	trail          int64 // when a packet of a watched stream came
	uaCaller       string
	uaCallee       string
	kept           *Kept // nil until a rule keeps packets, or may
	bindings       []*binding
	streams        []*stream
	borrowed       []*stream // owned by a call that announced the same endpoints later
	holes, resumed int64     // see Table.hole: time not watched, and when the newest hole ended
	agreed         int64     // when its newest description came that left both sides described
	wasLimited     bool
	media          [2]side // caller's and callee's
	evidence       evidence

	id                   protocol.UUID
	caller, callerDomain string
	callee, calleeDomain string
	callerName           string
	calleeURI            string
	src, dst             decode.Endpoint // of the first INVITE
	transport            string
	cause                protocol.EndCause
	by                   protocol.Party
	rule                 string
	reason               string // the phrase of status, or what a Reason header says
	cancel               int64
	forks                forks

	messagesOmitted              int32
	retransmissions              int32
	inviteRetrans, answerRetrans int32
	byeRetrans                   int32

	chosen  []*codec            // what the newest answer took
	faxed   bool                // T.38 was sent
	omitted map[uint64]struct{} // flows beyond maxStreams

	group    *group
	across   []diagnose.Across // once it is finished: its streams on other legs
	keys     []string          // in Table.legs
	transfer transfer
	digits   []byte // DTMF by INFO

	keptFrame uint64 // number of the newest frame that was kept
	headers   []Header

	outcome Ended   // when it is out of the table
	judged  int64   // when gravest was found, for the live view
	gravest gravest //
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
		return d.Time-c.inviteTime > transactionTime && cseq == c.inviteCSeq && m.BranchDigest() == c.branch
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
		c.evidence.mirrored++
		return
	}
	c.consider(m)
	c.keepMessage(d, m)
	c.lastSIP = d.Time
	if seen == repeated {
		c.table.count.retrans++
		c.retransmissions++
		c.retransmission(m)
		return
	}
	answered := c.answer != 0
	cseq, method, _ := m.CSeq()
	tag := m.FromTagDigest()
	if !opening && c.tags[0] == 0 {
		c.tags[0] = tag
	}
	if c.assumed {
		c.learnRoles(d, m)
	}
	if opening {
		c.addTag(tag)
	}
	fromCaller := c.isCaller(tag)
	if m.Request() {
		if tag == noTag && d.Src.IP == c.dst.IP { // without tags (RFC 2543) where it comes from has to tell
			fromCaller = c.src.IP == c.dst.IP
		}
		who := callee
		if fromCaller || opening {
			who = caller
		}
		c.userAgent(m, who)
		c.gatherRequest(d, m, cseq, who)
		c.request(d, m, cseq, who, opening)
		c.describe(d, m, who)
	} else {
		// From is the requester's; where it was damaged or rewritten, the branch tells the transaction, and before the answer
		// only the caller may have an INVITE under way (RFC 3261 section 14.1).
		fromCaller = fromCaller || method == sip.Invite && (m.BranchDigest() == c.branch || c.answer == 0 && cseq == c.inviteCSeq)
		who := caller
		if fromCaller {
			who = callee
		}
		c.userAgent(m, who)
		c.gatherResponse(d, m, cseq, 1-who)
		c.response(d, m, cseq, method, fromCaller)
		c.describe(d, m, who)
	}
	if c.answer != 0 && !answered {
		c.decide()
	}
	if ended := c.ended(); ended || c.trails {
		c.follow(ended)
	}
	c.occupy()
}

// follow looks at the media of a call that has ended, to wait for the end of it, or no more.
func (c *Call) follow(ended bool) {
	c.trails = ended
	for _, s := range c.streams {
		s.watch &^= trails
		if ended {
			s.watch |= trails
		}
	}
	if ended {
		c.table.timers.put(c, c.dueTime(), c.table.now)
	}
}

// noTag is the digest of a tag that is not there.
var noTag = noDigest.Bytes(nil)

func (c *Call) addTag(tag digest) {
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

func (c *Call) isCaller(tag digest) bool {
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
