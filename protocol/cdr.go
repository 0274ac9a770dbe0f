package protocol

// CDR is the record of one ended call: what one Call-ID is about, from the first INVITE to its end. A pointer that is
// nil, and a Time that is zero, mean that the thing did not happen or could not be measured.
type CDR struct {
	ID       UUID   `json:"id" cbor:"1,keyasint"`
	CallID   string `json:"call_id" cbor:"2,keyasint"`
	GroupID  string `json:"group_id" cbor:"3,keyasint,omitempty"`
	SensorID uint16 `json:"sensor_id" cbor:"4,keyasint"`

	Caller       string `json:"caller" cbor:"5,keyasint,omitempty"` // user part of From
	Callee       string `json:"callee" cbor:"6,keyasint,omitempty"` // user part of To
	CallerDomain string `json:"caller_domain" cbor:"7,keyasint,omitempty"`
	CalleeDomain string `json:"callee_domain" cbor:"8,keyasint,omitempty"`
	CallerName   string `json:"caller_name" cbor:"9,keyasint,omitempty"` // display name of From
	CalleeURI    string `json:"callee_uri" cbor:"10,keyasint,omitempty"` // the user part of the first INVITE's Request-URI

	Src       string `json:"src" cbor:"11,keyasint,omitempty"` // first INVITE, "ip:port" or "[v6]:port"
	Dst       string `json:"dst" cbor:"12,keyasint,omitempty"`
	Transport string `json:"transport" cbor:"13,keyasint,omitempty"` // udp tcp ws tls wss sctp

	Start   Time `json:"start" cbor:"14,keyasint"`
	Ringing Time `json:"ringing" cbor:"15,keyasint,omitempty"` // first 18x
	Answer  Time `json:"answer" cbor:"16,keyasint,omitempty"`  // first 2xx to the INVITE
	End     Time `json:"end" cbor:"17,keyasint,omitempty"`

	DurationMS int64  `json:"duration_ms" cbor:"18,keyasint,omitempty"` // end - start
	ConnectMS  *int64 `json:"connect_ms" cbor:"19,keyasint,omitempty"`  // end - answer
	PDDMS      *int64 `json:"pdd_ms" cbor:"20,keyasint,omitempty"`      // INVITE to first 18x, else to the final response
	SetupMS    *int64 `json:"setup_ms" cbor:"21,keyasint,omitempty"`    // INVITE to 200

	Status   int      `json:"status" cbor:"22,keyasint,omitempty"` // last final status of the INVITE, 0: none seen
	Reason   string   `json:"reason" cbor:"23,keyasint,omitempty"` // its phrase, or the Reason header
	EndCause EndCause `json:"end_cause" cbor:"24,keyasint,omitempty"`
	EndBy    Party    `json:"end_by" cbor:"25,keyasint,omitempty"`

	UACaller string   `json:"ua_caller" cbor:"26,keyasint,omitempty"`
	UACallee string   `json:"ua_callee" cbor:"27,keyasint,omitempty"`
	Codecs   []string `json:"codecs" cbor:"28,keyasint,omitempty"` // encoding names in use, e.g. "PCMU"

	MOS      *float64 `json:"mos" cbor:"29,keyasint,omitempty"`       // the worst stream's mean adaptive MOS, 1..4.5
	LossPct  *float64 `json:"loss_pct" cbor:"30,keyasint,omitempty"`  // the worst stream's, per cent
	JitterMS *float64 `json:"jitter_ms" cbor:"31,keyasint,omitempty"` // the worst stream's mean

	Streams  []Stream  `json:"streams" cbor:"32,keyasint,omitempty"`
	Messages []Message `json:"messages" cbor:"33,keyasint,omitempty"` // signalling summary, no bodies
	Findings []Finding `json:"findings" cbor:"34,keyasint,omitempty"`

	Rule      string  `json:"rule" cbor:"35,keyasint,omitempty"` // the capture rule that decided, "" if none matched
	Capture   Capture `json:"capture" cbor:"36,keyasint,omitempty"`
	OverLimit bool    `json:"over_limit" cbor:"37,keyasint,omitempty"` // beyond the tenant's channels: media not analysed

	Retransmissions int `json:"retransmissions" cbor:"38,keyasint,omitempty"` // SIP messages seen again
	MessagesOmitted int `json:"messages_omitted" cbor:"39,keyasint,omitempty"`
	StreamsOmitted  int `json:"streams_omitted" cbor:"40,keyasint,omitempty"`

	Unchecked []Unchecked `json:"unchecked" cbor:"41,keyasint,omitempty"` // findings that could not be looked for

	DTMFInfo string `json:"dtmf_info" cbor:"42,keyasint,omitempty"` // digits sent by INFO, in order

	Joined bool `json:"joined,omitempty" cbor:"43,keyasint,omitempty"` // the first INVITE was not seen: Start is the first message that was
	// PartiesAssumed says that of a call that was joined nothing told who called: caller and callee may be the other way round,
	// and with them all that names them.
	PartiesAssumed bool `json:"parties_assumed,omitempty" cbor:"44,keyasint,omitempty"`
}

// EndCause says how a call ended.
type EndCause string

// The ways a call ends.
const (
	EndBye          EndCause = "bye"
	EndCancel       EndCause = "cancel"
	EndRejected     EndCause = "rejected"
	EndNoAnswer     EndCause = "no-answer"
	EndTimeoutRTP   EndCause = "timeout-rtp"
	EndTimeoutBye   EndCause = "timeout-bye"
	EndTimeoutMax   EndCause = "timeout-max"
	EndUnterminated EndCause = "unterminated" // the input ended first
	EndInterrupted  EndCause = "interrupted"  // the sensor was stopped or crashed during the call
)

// Party says who did something in a call.
type Party string

// The parties of a call.
const (
	PartyCaller  Party = "caller"
	PartyCallee  Party = "callee"
	PartySensor  Party = "sensor"
	PartyUnknown Party = "unknown"
)

// Direction says which way a stream flows.
type Direction string

// The directions of a stream.
const (
	FromCaller       Direction = "from-caller"
	FromCallee       Direction = "from-callee"
	DirectionUnknown Direction = "unknown"
)

// Stream is one direction of RTP: source and destination endpoint and SSRC. Loss and jitter are those of RFC 3550
// (appendix A.3 and A.8).
type Stream struct {
	Src         string    `json:"src" cbor:"1,keyasint"`
	Dst         string    `json:"dst" cbor:"2,keyasint"`
	SSRC        SSRC      `json:"ssrc" cbor:"3,keyasint"`
	PayloadType uint8     `json:"payload_type" cbor:"4,keyasint"` // the one most packets carried
	Codec       string    `json:"codec" cbor:"5,keyasint,omitempty"`
	ClockRate   uint32    `json:"clock_rate" cbor:"6,keyasint,omitempty"` // Hz
	Direction   Direction `json:"direction" cbor:"7,keyasint"`

	First Time `json:"first" cbor:"8,keyasint"`
	Last  Time `json:"last" cbor:"9,keyasint"`

	Packets    uint64  `json:"packets" cbor:"10,keyasint"` // unique packets received
	Expected   uint64  `json:"expected" cbor:"11,keyasint"`
	Lost       uint64  `json:"lost" cbor:"12,keyasint"`
	LossPct    float64 `json:"loss_pct" cbor:"13,keyasint"`
	Duplicates uint64  `json:"duplicates" cbor:"14,keyasint,omitempty"`
	Reordered  uint64  `json:"reordered" cbor:"15,keyasint,omitempty"`

	JitterMeanMS float64 `json:"jitter_mean_ms" cbor:"16,keyasint"` // mean of the running interarrival jitter
	JitterMaxMS  float64 `json:"jitter_max_ms" cbor:"17,keyasint"`  // its maximum
	DeltaMaxMS   float64 `json:"delta_max_ms" cbor:"18,keyasint"`   // longest time between two packets
	SkewMS       float64 `json:"skew_ms" cbor:"19,keyasint"`        // sender's clock against ours, over the stream

	Bursts [10]uint32 `json:"bursts" cbor:"20,keyasint"` // runs of lost packets of length 1..9, and 10 or more
	PDV    [7]uint32  `json:"pdv" cbor:"21,keyasint"`    // packets later than 50, 70, 90, 120, 150, 200, 300 ms

	MOSF1    MOS `json:"mos_f1" cbor:"22,keyasint"` // fixed jitter buffer, 50 ms
	MOSF2    MOS `json:"mos_f2" cbor:"23,keyasint"` // fixed jitter buffer, 200 ms
	MOSAdapt MOS `json:"mos_adapt" cbor:"24,keyasint"`

	RTCP      *RTCP      `json:"rtcp" cbor:"25,keyasint,omitempty"`
	DTMF      string     `json:"dtmf" cbor:"26,keyasint,omitempty"` // digits, in order
	Encrypted bool       `json:"encrypted" cbor:"27,keyasint,omitempty"`
	Intervals []Interval `json:"intervals" cbor:"28,keyasint,omitempty"`
	PtimeMS   float64    `json:"ptime_ms" cbor:"29,keyasint,omitempty"` // packet time in use
	DSCP      uint8      `json:"dscp" cbor:"30,keyasint,omitempty"`
	Media     string     `json:"media" cbor:"31,keyasint,omitempty"` // audio, video, image, ""

	DTMFInband string   `json:"dtmf_inband,omitempty" cbor:"32,keyasint,omitempty"` // digits heard as tones within the voice, in order
	Tones      []string `json:"tones,omitempty" cbor:"33,keyasint,omitempty"`       // tones of machines heard within the voice: cng, ced, ansam, v21

	MOSBasis MOSBasis `json:"mos_basis,omitempty" cbor:"34,keyasint,omitempty"` // where the codec's figures in the MOS come from; "": not rated
	Via      string   `json:"via,omitempty" cbor:"35,keyasint,omitempty"`       // "turn": seen between a client and its TURN server (RFC 8656)
	Relayed  string   `json:"relayed,omitempty" cbor:"36,keyasint,omitempty"`   // then the address that the server relays by, if it was told
	Keying   Keying   `json:"keying,omitempty" cbor:"37,keyasint,omitempty"`    // how the keys of SRTP were agreed; "": not encrypted, or not seen
}

// ViaTURN is Stream.Via of what was seen between a client and its TURN server.
const ViaTURN = "turn"

// MOSBasis says where the figures of a codec (Ie, Bpl of the E-model) come from, docs/mos.md.
type MOSBasis string

// The origins of a codec's figures.
const (
	MOSFromITU     MOSBasis = "itu"         // all from ITU-T G.113
	MOSProvisional MOSBasis = "provisional" // some are those of the codec that is most alike
	MOSAssumed     MOSBasis = "assumed"     // the codec is not known: those of G.711
)

// Keying is a way to agree on the keys of SRTP.
type Keying string

// The ways to agree on keys.
const (
	KeyedBySDES Keying = "sdes" // a=crypto in the SDP, RFC 4568
	KeyedByDTLS Keying = "dtls" // DTLS-SRTP, RFC 5764
	KeyedByZRTP Keying = "zrtp" // RFC 6189
)

// MOS is a conversational quality by the E-model (ITU-T G.107), 1..4.5; 0, and null in JSON, where there is none: of video, of digits alone.
type MOS struct {
	Avg float64 `json:"avg" cbor:"1,keyasint"`
	Min float64 `json:"min" cbor:"2,keyasint"` // the worst interval's
}

// RTCP is what the far end reported of a stream (RFC 3550 section 6.4).
type RTCP struct {
	RTTMS       *float64 `json:"rtt_ms" cbor:"1,keyasint,omitempty"`
	LossMaxPct  *float64 `json:"loss_max_pct" cbor:"2,keyasint,omitempty"`
	JitterMaxMS *float64 `json:"jitter_max_ms" cbor:"3,keyasint,omitempty"`
}

// Interval is ten seconds of a stream, by the packets' times.
type Interval struct {
	T        Time    `json:"t" cbor:"1,keyasint"`
	Packets  uint32  `json:"packets" cbor:"2,keyasint"`
	Lost     uint32  `json:"lost" cbor:"3,keyasint"`
	JitterMS float64 `json:"jitter_ms" cbor:"4,keyasint"`
	MOS      float64 `json:"mos" cbor:"5,keyasint"`
}

// Message is one SIP message of a call, without its body.
type Message struct {
	T              Time   `json:"t" cbor:"1,keyasint"`
	Src            string `json:"src" cbor:"2,keyasint"`
	Dst            string `json:"dst" cbor:"3,keyasint"`
	FirstLine      string `json:"first_line" cbor:"4,keyasint"`
	CSeq           string `json:"cseq" cbor:"5,keyasint"` // "1 INVITE"
	Retransmission bool   `json:"retransmission" cbor:"6,keyasint,omitempty"`
	SDP            string `json:"sdp" cbor:"7,keyasint,omitempty"` // codec names offered or answered, "" without SDP
}

// Severity grades a finding.
type Severity string

// The severities. Bad means that somebody noticed.
const (
	SeverityInfo Severity = "info"
	SeverityWarn Severity = "warn"
	SeverityBad  Severity = "bad"
)

// Finding is a named, explained fault of a call. Codes are stable.
type Finding struct {
	Code     string   `json:"code" cbor:"1,keyasint"`
	Severity Severity `json:"severity" cbor:"2,keyasint"`
	Text     string   `json:"text" cbor:"3,keyasint"`
	Evidence string   `json:"evidence" cbor:"4,keyasint,omitempty"` // times, addresses, numbers
	Remedy   string   `json:"remedy" cbor:"5,keyasint,omitempty"`
	// Messages and Streams are what it was found in: places in the record's lists, from 0, what tells most first. They are empty where no
	// single one shows it.
	Messages []uint32 `json:"messages,omitempty" cbor:"6,keyasint,omitempty"`
	Streams  []uint32 `json:"streams,omitempty" cbor:"7,keyasint,omitempty"`
}

// Unchecked names findings that could not be looked for in a call, and why: their absence says nothing. Codes that do
// not apply (media of a call that nobody answered) are not listed.
type Unchecked struct {
	Reason string   `json:"reason" cbor:"1,keyasint"` // a few words, e.g. "no media seen"
	Codes  []string `json:"codes" cbor:"2,keyasint"`
}

// Keep says what is kept of a call's packets.
type Keep string

// What a capture rule may keep.
const (
	KeepNone    Keep = "none"
	KeepSIP     Keep = "sip"
	KeepHeaders Keep = "headers" // SIP and RTP headers, without voice
	KeepRTP     Keep = "rtp"     // SIP and RTP
)

// Rank orders what may be kept, from 0, none or no Keep at all, to 3, RTP.
func (k Keep) Rank() int {
	switch k {
	case KeepSIP:
		return 1
	case KeepHeaders:
		return 2
	case KeepRTP:
		return 3
	}
	return 0
}

// Capture says what the sensor holds of the call's packets.
type Capture struct {
	Kept    Keep   `json:"kept" cbor:"1,keyasint,omitempty"`
	Packets uint64 `json:"packets" cbor:"2,keyasint,omitempty"`
	Bytes   uint64 `json:"bytes" cbor:"3,keyasint,omitempty"`    // size of the pcapng file
	NoAudio bool   `json:"no_audio" cbor:"4,keyasint,omitempty"` // the rule says that it may not be listened to
	Partial bool   `json:"partial" cbor:"5,keyasint,omitempty"`  // packets are missing that the rule wants: there was no room
}

// MarshalJSON implements json.Marshaler, see AppendJSON.
func (c CDR) MarshalJSON() ([]byte, error) { return c.AppendJSON(nil), nil }
