package protocol

// State is where a running call stands.
type State string

// The states of a call, in the order it passes them.
const (
	StateTrying  State = "trying"  // INVITE seen
	StateRinging State = "ringing" // 18x seen
	StateUp      State = "up"      // answered
	StateHold    State = "hold"    // answered, media inactive or sendonly
	StateEnded   State = "ended"
)

// State tells where the call of a record stands, as far as records know: not whether it is on hold.
func (c *CDR) State() State {
	switch {
	case c.End != 0:
		return StateEnded
	case c.Answer != 0:
		return StateUp
	case c.Ringing != 0:
		return StateRinging
	}
	return StateTrying
}

// LiveCall is one row of a live view: a running call as far as it has come. The whole of it is a CDR that has not ended.
type LiveCall struct {
	ID        UUID     `json:"id"`
	CallID    string   `json:"call_id"`
	GroupID   string   `json:"group_id"`
	SensorID  uint16   `json:"sensor_id"`
	State     State    `json:"state"`
	Caller    string   `json:"caller"`
	Callee    string   `json:"callee"`
	Src       string   `json:"src"`
	Dst       string   `json:"dst"`
	Transport string   `json:"transport"`
	Start     Time     `json:"start"`
	Answer    Time     `json:"answer"`
	End       Time     `json:"end"`
	Status    int      `json:"status"` // last status of the INVITE, provisional ones included
	Codec     string   `json:"codec"`
	PDDMS     *int64   `json:"pdd_ms"`
	MOS       *float64 `json:"mos"` // worst stream, mean so far
	LossPct   *float64 `json:"loss_pct"`
	JitterMS  *float64 `json:"jitter_ms"`
	Packets   uint64   `json:"packets"` // RTP packets of all streams
	Trend     []byte   `json:"trend"`   // worst stream's MOS of the last intervals, tenths: 44 is 4.4
	Finding   string   `json:"finding"` // code of the gravest finding so far
	Severity  Severity `json:"severity"`
	Kept      Keep     `json:"kept"`
	Held      Keep     `json:"held,omitempty"` // undecided: the most of its packets that may be kept yet; they are held
	Rule      string   `json:"rule"`
	OverLimit bool     `json:"over_limit"`       // its media is not analysed
	Joined    bool     `json:"joined,omitempty"` // its first INVITE was not seen
}

// LiveUpdate is one line of a live stream: the first has Snapshot set and carries all running calls; the next carry the
// calls that changed and the ids of those that went. Updates are coalesced, at most four a second.
type LiveUpdate struct {
	T        Time       `json:"t"` // the sensor's clock: packet time in a replay
	Snapshot bool       `json:"snapshot,omitempty"`
	Calls    []LiveCall `json:"calls,omitempty"`
	Gone     []UUID     `json:"gone,omitempty"`
	Counters Counters   `json:"counters"`
}

// Counters counts everything that moved and everything that was dropped since the sensor started, by name. Names are
// stable, lower case with dots: "packets", "packets.dropped.kernel", "sip.messages", "sip.unparsed", "rtp.packets",
// "calls.started", "calls.ended", "decode.unknown.linktype.147". docs/counters.md lists them.
type Counters map[string]uint64

// Names of the counters that programs read.
const (
	CountPackets       = "packets"
	CountBytes         = "bytes"
	CountKernelDrops   = "packets.dropped.kernel"
	CountSIP           = "sip.messages"
	CountRTP           = "rtp.packets"
	CountRTCP          = "rtcp.packets"
	CountCallsStarted  = "calls.started"
	CountCallsEnded    = "calls.ended"
	CountCallsRunning  = "calls.running"
	CountSIPUnlisted   = "sip.port.unlisted"
	CountDuplicates    = "packets.duplicate"
	CountOverLimit     = "calls.over-limit"
	CountOverLimitNow  = "calls.over-limit.running"
	CountCapturesKept  = "captures.kept"
	CountCDRsJournaled = "cdrs.journaled"
	CountCDRsAcked     = "cdrs.acknowledged"
)
