// Package diagnose judges a call by its record and a few facts more, and says what is wrong in findings: a stable code, a
// severity, one sentence, the evidence, and what to do.
//
// It would rather miss a fault than report one that is none: what a capture cannot show (a call cut by its start or
// end, media of another call, a hold) is not judged. Package call asks it once a call, when its record is made.
package diagnose

import (
	"net/netip"

	"voiptop/protocol"
)

// Facts are what a record does not hold.
type Facts struct {
	Joined        bool // the capture began in the middle of the call
	Finished      bool // the record is the last one: the call is not running any more
	Held          bool // media was stopped by agreement at some time
	T38           bool // fax by T.38 was offered
	SharedMedia   bool // another call announced the same endpoints at the same time
	Truncated     bool // not all messages were kept
	Challenged    int  // INVITEs refused with 401 or 407
	InviteRepeats int  // INVITEs sent again
	AnswerRepeats int  // 2xx to the INVITE sent again
	Acked         bool // an ACK was seen after the answer
	ByeAnswered   bool
	Sides         [2]Side // caller, callee
}

// Side is what one party said and did.
type Side struct {
	Described  bool // its SDP announced an audio endpoint
	Refused    bool // its last answer refused audio
	Addr       netip.Addr
	Port       uint16
	Signalling netip.Addr // where its SDP came from
	Sent       bool       // RTP from it was seen
	Astray     bool       // its RTP went to an endpoint that was not announced
}

// Call returns the findings of a call, gravest first.
func Call(c *protocol.CDR, f *Facts) []protocol.Finding {
	return nil
}
