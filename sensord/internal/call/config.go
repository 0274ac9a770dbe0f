package call

import (
	"net/netip"
	"time"

	"voiptop/protocol"
	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/diagnose"
)

// Config says how calls are followed. All fields must be set; analyze.Config documents them and has the defaults.
type Config struct {
	SensorID        uint16
	RTPTimeout      time.Duration
	ByeTimeout      time.Duration
	AbsoluteTimeout time.Duration
	MaxCalls        int
	MaxMessages     int
	MatchHeaders    []string                                // header fields that join the legs of a B2BUA, in any case
	InbandDTMF      bool                                    // look for digits within the voice
	NoFaxTones      bool                                    // do not look for tones of faxes
	Decide          Decider                                 // may be nil
	RTCP            func(d *decode.Datagram, callID string) // sees the RTCP packets of calls; may be nil
	Reached         func(src netip.Addr, at protocol.Time)  // a call from src rings or is answered; may be nil
	// Judge answers what a finished call from src shows together with others; may be nil.
	Judge func(src netip.Addr, a *diagnose.Attempt) []protocol.Finding
}

// Kept names a call whose packets are kept, or may be, and says what of them. One call has one Kept; what it says changes
// only before Sink.Decided.
type Kept struct {
	ID      protocol.UUID
	CallID  string
	Caller  string
	Callee  string
	Start   protocol.Time
	Rule    string        // that decides with what is known, "": none
	Keep    protocol.Keep // what is kept; while Open, the most that may be in the end
	Open    bool          // undecided: what comes is held back, until Decided says what becomes of it
	NoAudio bool          // the capture may not be listened to
	Masked  bool          // digits are blanked in it, and are to be where it is listened to
}

// Sink takes what a Table finds; see analyze.Sink.
type Sink interface {
	Call(c *protocol.CDR)
	Keep(c *Kept, p *capture.Packet, headers int)
	Decided(c *Kept)
	Kept(c *Kept) protocol.Capture
}

// Bounds of one call. What goes beyond is counted in the call or in the Table.
const (
	maxStreams   = 64 // of one call; maxOmitted more are counted
	maxStack     = 8  // calls that announce one endpoint at a time
	maxBindings  = 64 // endpoints that one call's SDP may announce
	maxOmitted   = 1000
	maxFirstLine = 256
	maxTags      = 4
	maxText      = 1024 // of a header value that goes into a record
)

// Times on the packets' clock, in nanoseconds.
const (
	// linger is how long an ended call waits for late packets: longer than SIP's T2 (4 s, RFC 3261 section 17), the
	// longest pause between two retransmissions.
	linger = int64(5 * time.Second)
	// trailTime is how long an ended call waits for the end of media that goes on without a pause of linger.
	trailTime = int64(60 * time.Second)
	// lingerRetry is how long a call waits for the next attempt: when its caller was challenged (a person may have to
	// type a password) or redirected, or when a branch behind a proxy failed and the proxy may still try others (Timer C
	// is more than 180 s, RFC 3261 section 16.6).
	lingerRetry = int64(200 * time.Second)
	// transactionTime is 64*T1: no message is sent again after it (RFC 3261 section 17.1.1.2).
	transactionTime = int64(32 * time.Second)
	// inviteRepeats is how often an INVITE over UDP is sent again before its sender gives up (timer A, 0.5 to 31.5 s).
	inviteRepeats = 6
	// duplicateTime is the time within which an identical message on the same hop is the same packet captured twice (a
	// mirror port, two interfaces) and no retransmission, of which the first comes after T1 = 500 ms.
	duplicateTime = int64(30 * time.Millisecond)
	// newCallTime is how long after its end an identical INVITE starts a new call.
	newCallTime = int64(time.Second)
)
