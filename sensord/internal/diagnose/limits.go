package diagnose

// The thresholds, with where they come from.
const (
	minTalk     = 5_000  // ms: a shorter call may end before media is set up
	sureTalk    = 10_000 // ms: nobody is silent on the wire for so long by chance
	minOneWay   = 100    // packets from the other side: two seconds of sound
	slowPDD     = 8_000  // ms: mean of international calls in ITU-T E.721 table 2
	storm       = 6      // INVITE is sent seven times before it times out (RFC 3261 section 17.1.1.2, timer B)
	lostACK     = 3      // repeats of the answer without any ACK
	lostBYE     = 3      // repeats of the BYE without an answer
	refusals    = 3      // a client that is refused with credentials asks its user; a loop goes on. One is a stale nonce (RFC 7616 section 3.3)
	jitterMS    = 30     // mean: more than half of the packets need a buffer that is heard as delay
	latePct     = 5      // per cent of packets later than 50 ms
	poorMOS     = 3.1    // "nearly all users dissatisfied" below R = 60, ITU-T G.109 table 1
	burstLoss   = 1.0    // per cent
	heavyLoss   = 3.0    // per cent
	capturedPct = 50     // per cent: of a stream that lacks more, the capture may lack it
	burstRun    = 5      // packets: 100 ms, more than concealment hides (G.711 appendix I fades out in 60 ms)

	locatedPct  = 2.0 // per cent more on one leg than on the other
	locatedLost = 20  // packets: less is chance at the ends of the two measurements

	coarseTime = 100_000 // us: a capture with times no finer than that shows no jitter

	skewPPM    = 300.0    // clocks of quartz differ by 100 ppm at most (RFC 7273 section 1 counts on 50); three times that is no quartz
	skewMS     = 40.0     // drifted so far: a jitter buffer of two packets has run empty or over
	skewMost   = 50_000.0 // ppm: what differs more has no wrong clock but another rate than its codec
	skewLength = 20_000   // ms of stream, below which jitter bends the slope

	minEarly    = 10    // packets of early media: a beep
	earlyWait   = 3_000 // ms between 183 and answer: a ringback cadence is heard in it (ITU-T E.180: at most 6 s period, tone first)
	lateStart   = 3_000 // ms from the answer to the first sound: "hello" is over
	afterBye    = 2_000 // ms after the BYE was answered: packets under way are long through
	steadyDelta = 1_000 // ms: a stream with no longer gap went on all the time

	gapAfter = 1_000_000 // us after the answer: media is still being connected
	gapNear  = 2_000_000 // us: what is agreed on so near to a pause may be the reason of it
	fewLost  = 5         // packets missing in a pause of a sender that suppresses silence: chance

	algBytes = 40 // a router changes addresses of 7 to 15 characters, in o= and c=, and a port: more off is another's mistake

	ptimeFactor = 1.5 // packets longer than asked for by more: 30 ms where 20 were asked, and above

	faxTalk     = 10_000 // ms of G.711 after T.38 was refused: a page takes longer
	mirroredMin = 3      // packets seen twice
	mirroredPct = 10     // per cent of the call's packets

	alignedSeq = 250 // packets: 5 s. Two captures of one stream, before and after a NAT, begin and end that near to each other
)

// Reasons why a check was not made, as records hold them.
const (
	reasonJoined    = "the beginning of the call was not seen"
	reasonEnded     = "capture ended before the call"
	reasonRunning   = "call still running"
	reasonNoMedia   = "no media seen"
	reasonNoSDP     = "no SDP of both parties seen"
	reasonRefused   = "audio refused"
	reasonShort     = "call too short"
	reasonHold      = "call on hold"
	reasonFax       = "fax by T.38"
	reasonShared    = "media endpoints shared with another call"
	reasonAstray    = "media at addresses that no SDP announced"
	reasonUnseen    = "receivers report media that was not seen"
	reasonCoarse    = "times of the capture are too coarse"
	reasonPauses    = "senders suppress silence"
	reasonReports   = "no receiver reports (RTCP)"
	reasonFew       = "receiver reports (RTCP) cover too little"
	reasonEncrypted = "media encrypted"
	reasonLimit     = "over the channel limit"
)
