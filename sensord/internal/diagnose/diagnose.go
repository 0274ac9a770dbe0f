// Package diagnose judges a call by its record and a few facts more, and says what is wrong in findings: a stable code, a
// severity, one sentence, the evidence, and what to do. docs/findings.md has a section for each code.
//
// It would rather miss a fault than report one that is none: what a capture cannot show (a call cut by its start or
// end, media of another call, a hold) is not judged, and the record says so in its list of what was not checked. Package
// call asks it once a call, when its record is made; Sources looks over many calls of one address and is driven by
// package analyze. It is not for measuring: the figures come from packages rtp and quality.
package diagnose

import (
	"net/netip"
	"slices"

	"voiptop/protocol"
)

// Facts are what a record does not hold.
type Facts struct {
	Joined             bool // the first INVITE was not seen
	Finished           bool // the record is the last one: the call is not running any more
	Held               bool // media was stopped by agreement at some time, whole or in one direction
	T38                bool // fax by T.38 was offered
	T38Refused         bool // and refused, by a final response or by port 0
	SharedMedia        bool // another call announced the same endpoints at the same time
	Challenged         int  // INVITEs refused with 401 or 407
	RefusedCredentials int  // of them, those that carried credentials
	InviteRepeats      int  // INVITEs sent again
	AnswerRepeats      int  // 2xx to the INVITE sent again
	ByeRepeats         int  // BYEs sent again
	Acked              bool // an ACK was seen after the answer
	ByeDone            protocol.Time
	Astray             bool           // RTP went to an endpoint that nobody announced: who sends to whom is a guess
	Feedback           bool           // RTCP or DTLS was seen at the announced endpoints: the sensor sees where media goes
	Unseen             bool           // RTCP reports of a stream that was not seen: media takes another way as well
	DigitsInfo         int            // INFO requests that carried DTMF
	DigitsRefused      int            // of them, those that were refused
	LeakedTo           netip.AddrPort // who challenged the callee's BYE and got its credentials
	Mirrored           uint64         // packets of the call that were captured twice
	LengthOff          int            // bytes of SDP beyond what Content-Length says (positive) or missing (negative)
	RewrittenFrom      netip.Addr     // SDP of one and the same message, seen on two hops, named two addresses:
	RewrittenTo        netip.Addr     // first this one, then that one
	Sides              [2]Side        // caller, callee
	Streams            []Stream       // as in the record
	Across             []Across       // streams of which the sound was seen on another leg as well
}

// Across says what became of the sound of a stream on another leg of the conversation, on the other side of a PBX.
type Across struct {
	Stream   int    // in the record
	In       bool   // it comes in to the PBX, which sends it on by the other leg; else the other way round
	CallID   string // of the other leg
	Src, Dst netip.AddrPort
	Lost     uint64
	Expected uint64
	Sure     bool // the other stream has one sequence, and carries digits if this one does
	SameGaps bool // both lack the same packets
}

// Side is what one party said and did.
type Side struct {
	Described  bool // its SDP announced an audio endpoint
	Refused    bool // its last answer refused audio
	Keyless    bool // its SDP wants SRTP and holds no key and no fingerprint
	ICE        bool // its SDP has ICE candidates
	Addr       netip.Addr
	Port       uint16
	Origin     netip.Addr // in its SDP's o=
	Header     netip.Addr // in the Contact of that message
	Signalling netip.Addr // where its SDP came from
	Sent       bool       // sound from it was seen
	Listens    bool       // its RTCP says what it receives, and that it sends nothing
}

// Stream is what a stream's record does not hold.
type Stream struct {
	Unannounced       bool          // its payload type is not in the receiver's SDP
	DigitsUnannounced bool          // nor is that of its telephone-events
	Guessed           bool          // nobody announced where it goes: whose it is was concluded
	FaxTones          bool          // telephone-events named fax tones (RFC 4734)
	FaxCalls          protocol.Time // CNG was heard: sure then; 0: not
	FaxAnswers        protocol.Time // CED was, or ANSam
	FaxTalks          protocol.Time // V.21 was
	FaxV8             bool          // the answer was ANSam
	DigitsAgreed      bool          // its receiver announced telephone-events
	Suppresses        bool          // it does so as a rule: for short times as well, again and again, or with comfort noise
	Gaps              []Pause       // times of a second or longer in which nothing of it came, the longest eight
	Pauses            bool          // the sender falls silent: silence suppression, comfort noise
	Ptime             uint16        // ms: what the receiver asked for; 0: nothing
	MaxPtime          uint16        // ms: the most it takes; 0: not said
	GapLost           uint64        // packets lost in the longest time without any
	FirstSeq, LastSeq uint64        // extended sequence numbers
	Restarts          uint32        // of the sequence
	Reports           int           // of its receiver, by RTCP
	ReportedLost      int64         // by RTCP, from the receiver's first report to its last
	ReportedOf        int64         // packets expected between them; 0: no two reports
}

// Pause is a time in which nothing of a stream came.
type Pause struct {
	From, To protocol.Time // its last packet before, the first after
	Lost     uint32        // packets that are missing in between, by their numbers
	ClockRan bool          // the timestamp had gone on meanwhile
	Marked   bool          // the first packet after it says that it begins a talkspurt
	Anew     bool          // the sequence began anew
}

// exam is one check of one call.
type exam struct {
	c         *protocol.CDR
	f         *Facts
	code      string
	found     []protocol.Finding
	unchecked []protocol.Unchecked
	agents    *agents
}

// report adds a finding. The remedy is that of the code; more is put before it. The answer takes where it was found.
func (x *exam) report(s protocol.Severity, text, evidence, remedy string) places {
	x.found = append(x.found, protocol.Finding{Code: x.code, Severity: s, Text: text, Evidence: evidence, Remedy: remedy})
	return places{x}
}

// usualSkips is room for the checks that need media, which is what most often is missing.
const usualSkips = 12

// skip says why the check could not be made.
func (x *exam) skip(reason string) {
	for i := range x.unchecked {
		if x.unchecked[i].Reason == reason {
			x.unchecked[i].Codes = append(x.unchecked[i].Codes, x.code)
			return
		}
	}
	n := len(x.unchecked)
	if n == cap(x.unchecked) {
		x.unchecked = append(x.unchecked, protocol.Unchecked{})[:n]
	}
	x.unchecked = x.unchecked[:n+1]
	u := &x.unchecked[n]
	if u.Reason = reason; u.Codes == nil {
		u.Codes = make([]string, 0, usualSkips)
	}
	u.Codes = append(u.Codes[:0], x.code)
}

// Exam judges one call after the other. The zero value is ready.
type Exam struct {
	x      exam
	agents agents
}

// Call returns the findings of a call, gravest first, and what could not be checked. With reuse they are valid until the next;
// else they are the caller's.
func (e *Exam) Call(c *protocol.CDR, f *Facts, reuse bool) ([]protocol.Finding, []protocol.Unchecked) {
	x := &e.x
	if !reuse {
		x = &exam{}
	}
	x.c, x.f, x.found, x.unchecked, x.agents = c, f, x.found[:0], x.unchecked[:0], &e.agents
	for i := range checks {
		x.code = checks[i].code
		checks[i].check(x)
	}
	sortFindings(x.found)
	return x.found, x.unchecked
}

// sortFindings puts the gravest first and keeps the order of equals.
func sortFindings(list []protocol.Finding) {
	slices.SortStableFunc(list, func(a, b protocol.Finding) int { return rank(a.Severity) - rank(b.Severity) })
}

func rank(s protocol.Severity) int {
	switch s {
	case protocol.SeverityBad:
		return 0
	case protocol.SeverityWarn:
		return 1
	}
	return 2
}

// checks in the order in which findings of equal severity are shown: what explains most comes first.
var checks = []struct {
	code  string
	check func(*exam)
}{
	{"one-way-audio", oneWayAudio},
	{"no-audio", noAudio},
	{"nat-private-sdp", natPrivateSDP},
	{"sip-alg", sipALG},
	{"srtp-without-key", srtpWithoutKey},
	{"missing-ack", missingACK},
	{"loss-burst", lossBurst},
	{"loss-located-on-leg", lossLocated},
	{"media-gap", mediaGap},
	{"jitter-high", jitterHigh},
	{"clock-skew", clockSkew},
	{"codec-mismatch", codecMismatch},
	{"ptime-mismatch", ptimeMismatch},
	{"ssrc-collision", ssrcCollision},
	{"early-media-lost", earlyMediaLost},
	{"late-media", lateMedia},
	{"media-after-bye", mediaAfterBye},
	{"dtmf-missing", dtmfMissing},
	{"t38-refused", t38Refused},
	{"fax-over-g711", faxOverG711},
	{"auth-loop", authLoop},
	{"bye-lost", byeLost},
	{"retransmission-storm", retransmissionStorm},
	{"slow-pdd", slowPostDial},
	{"digest-leak", digestLeak},
	{"scanner", scannerAgent},
	{"toll-fraud", func(*exam) {}}, // by Sources alone
	{"duplicate-mirror", duplicateMirror},
	{"joined-mid-call", joined},
}
