// Package diagnose judges a call by its record and a few facts more, and says what is wrong in findings: a stable code, a
// severity, one sentence, the evidence, and what to do.
//
// It would rather miss a fault than report one that is none: what a capture cannot show (a call cut by its start or
// end, media of another call, a hold) is not judged. Package call asks it once a call, when its record is made.
package diagnose

import (
	"net/netip"
	"slices"

	"voiptop/protocol"
)

// Facts are what a record does not hold.
type Facts struct {
	Joined        bool // the capture began in the middle of the call
	Finished      bool // the record is the last one: the call is not running any more
	Held          bool // media was stopped by agreement at some time
	T38           bool // fax by T.38 was offered
	SharedMedia   bool // another call announced the same endpoints at the same time
	Challenged    int  // INVITEs refused with 401 or 407
	InviteRepeats int  // INVITEs sent again
	AnswerRepeats int  // 2xx to the INVITE sent again
	ByeRepeats    int  // BYEs sent again
	Acked         bool // an ACK was seen after the answer
	ByeAnswered   bool
	Astray        bool    // RTP went to an endpoint that nobody announced: who sends to whom is a guess
	Feedback      bool    // RTCP, STUN or DTLS was seen at the announced endpoints: the sensor sees where media goes
	Sides         [2]Side // caller, callee
	Unannounced   []int   // streams whose payload type the receiver's SDP does not have
}

// Side is what one party said and did.
type Side struct {
	Described  bool // its SDP announced an audio endpoint
	Refused    bool // its last answer refused audio
	Addr       netip.Addr
	Port       uint16
	Signalling netip.Addr // where its SDP came from
	Sent       bool       // sound from it was seen
}

// The thresholds, with where they come from.
const (
	minTalk     = 5_000  // ms: a shorter call may end before media is set up
	sureTalk    = 10_000 // ms: nobody is silent on the wire for so long by chance
	minOneWay   = 100    // packets from the other side
	slowPDD     = 8_000  // ms: mean of international calls in ITU-T E.721 table 2
	storm       = 6      // INVITE is sent seven times before it times out (RFC 3261 section 17.1.1.2, timer B)
	lostACK     = 3      // repeats of the answer without any ACK
	lostBYE     = 3
	jitterMS    = 30  // mean: more than half of the packets need a buffer that is heard as delay
	latePct     = 5   // per cent of packets later than 50 ms
	poorMOS     = 3.1 // "nearly all users dissatisfied" below R = 60, ITU-T G.109 table 1
	burstLoss   = 1.0 // per cent
	heavyLoss   = 3.0 // per cent
	capturedPct = 50  // per cent: of a stream that lacks more, the capture may lack it
)

type check func(c *protocol.CDR, f *Facts) *protocol.Finding

// checks in the order in which equal severities are shown.
var checks = []check{oneWayAudio, noAudio, natPrivateSDP, missingACK, lossBurst, jitterHigh, codecMismatch, byeLost, retransmissionStorm,
	slowPostDial, joined}

// Call returns the findings of a call, gravest first.
func Call(c *protocol.CDR, f *Facts) []protocol.Finding {
	var out []protocol.Finding
	for _, check := range checks {
		if x := check(c, f); x != nil {
			out = append(out, *x)
		}
	}
	slices.SortStableFunc(out, func(a, b protocol.Finding) int { return gravity[b.Severity] - gravity[a.Severity] })
	return out
}

var gravity = map[protocol.Severity]int{protocol.SeverityBad: 2, protocol.SeverityWarn: 1}
