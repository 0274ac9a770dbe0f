package protocol

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
)

// StreamID stands for a stream of a running call, in JSON 16 hexadecimal digits: a hash of the call, the two endpoints and the SSRC.
type StreamID uint64

// StreamIDOf makes the id of a stream.
func StreamIDOf(call UUID, src, dst string, ssrc SSRC) StreamID {
	h := fnv.New64a()
	h.Write(call[:])
	h.Write([]byte(src))
	h.Write([]byte{0})
	h.Write([]byte(dst))
	h.Write([]byte{byte(ssrc >> 24), byte(ssrc >> 16), byte(ssrc >> 8), byte(ssrc)})
	return StreamID(h.Sum64())
}

func (id StreamID) String() string { return fmt.Sprintf("%016x", uint64(id)) }

// MarshalText implements encoding.TextMarshaler.
func (id StreamID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *StreamID) UnmarshalText(b []byte) error {
	v, err := strconv.ParseUint(string(b), 16, 64)
	if err != nil || len(b) != 16 {
		return fmt.Errorf("stream id %q: want 16 hexadecimal digits", b)
	}
	*id = StreamID(v)
	return nil
}

// LiveStream is one row of a live view of streams: a stream of a running call as far as it has come. The whole of it is in the call's CDR.
type LiveStream struct {
	ID StreamID `json:"id"`
	// About is there when a watcher hears of the stream for the first time, and when something in it has changed; else it is nil, and
	// what was told before holds. It is not changed in its place.
	About *StreamAbout `json:"about,omitempty"`

	Packets    uint64   `json:"packets"` // unique packets received
	Expected   uint64   `json:"expected"`
	Lost       uint64   `json:"lost"`
	Duplicates uint64   `json:"duplicates,omitempty"`
	Reordered  uint64   `json:"reordered,omitempty"`
	LossPct    float64  `json:"loss_pct"`
	JitterMS   float64  `json:"jitter_ms"`     // mean, as Stream.JitterMeanMS
	JitterMax  float64  `json:"jitter_max_ms"` // as Stream.JitterMaxMS
	DeltaMax   float64  `json:"delta_max_ms"`  // as Stream.DeltaMaxMS
	MOS        float64  `json:"mos"`           // behind the adaptive buffer, mean so far; 0 when it could not be computed
	RTTMS      *float64 `json:"rtt_ms,omitempty"`
	Trend      []byte   `json:"trend"` // MOS of the last intervals, tenths: 44 is 4.4, 0: none
}

// StreamAbout is what stays of a live stream as a rule: whose it is, and which way it goes.
type StreamAbout struct {
	Call        UUID      `json:"call"`
	CallID      string    `json:"call_id"`
	SensorID    uint16    `json:"sensor_id"`
	Caller      string    `json:"caller"`
	Callee      string    `json:"callee"`
	CallSrc     string    `json:"call_src"` // of the call's signalling, as LiveCall.Src
	CallDst     string    `json:"call_dst"`
	Direction   Direction `json:"direction"`
	Src         string    `json:"src"`
	Dst         string    `json:"dst"`
	SSRC        SSRC      `json:"ssrc"`
	PayloadType uint8     `json:"payload_type"`
	Codec       string    `json:"codec,omitempty"`
	Media       string    `json:"media,omitempty"`
	PtimeMS     float64   `json:"ptime_ms,omitempty"`
	DSCP        uint8     `json:"dscp,omitempty"`
	Encrypted   bool      `json:"encrypted,omitempty"`
}

// LiveTrend is how many intervals a live row's trend has at the most.
const LiveTrend = 12

// LiveStreamOf makes the row of a stream of a record.
func LiveStreamOf(c *CDR, s *Stream) LiveStream {
	l := LiveStream{
		ID: StreamIDOf(c.ID, s.Src, s.Dst, s.SSRC),
		About: &StreamAbout{
			Call: c.ID, CallID: c.CallID, SensorID: c.SensorID, Caller: c.Caller, Callee: c.Callee, CallSrc: c.Src, CallDst: c.Dst,
			Direction: s.Direction, Src: s.Src, Dst: s.Dst, SSRC: s.SSRC, PayloadType: s.PayloadType, Codec: s.Codec, Media: s.Media,
			PtimeMS: s.PtimeMS, DSCP: s.DSCP, Encrypted: s.Encrypted,
		},
		Packets: s.Packets, Expected: s.Expected, Lost: s.Lost, Duplicates: s.Duplicates, Reordered: s.Reordered,
		LossPct: s.LossPct, JitterMS: s.JitterMeanMS, JitterMax: s.JitterMaxMS, DeltaMax: s.DeltaMaxMS, MOS: s.MOSAdapt.Avg,
		Trend: []byte{},
	}
	if s.RTCP != nil {
		l.RTTMS = s.RTCP.RTTMS
	}
	for _, i := range s.Intervals[max(0, len(s.Intervals)-LiveTrend):] {
		l.Trend = append(l.Trend, byte(i.MOS*10+0.5))
	}
	return l
}

// Badness orders streams: the least is the worst. It is the MOS, and of those that have none the loss, behind the others.
func (s *LiveStream) Badness() float64 {
	if s.MOS == 0 {
		return 100 - s.LossPct
	}
	return s.MOS
}

// SortStreams puts the worst first.
func SortStreams(list []LiveStream) {
	slices.SortFunc(list, func(a, b LiveStream) int {
		if c := cmp.Compare(a.Badness(), b.Badness()); c != 0 {
			return c
		}
		return cmp.Compare(a.ID, b.ID)
	})
}

// StreamUpdate is one line of a live view of streams: the first has Snapshot set and carries all streams of the running calls; the next
// carry those that changed noticeably, and the ids of those that went. The packets of a stream that goes on as before are told every
// few seconds only.
type StreamUpdate struct {
	T        Time         `json:"t"` // the sensor's clock
	Snapshot bool         `json:"snapshot,omitempty"`
	Streams  []LiveStream `json:"streams,omitempty"`
	Gone     []StreamID   `json:"gone,omitempty"`
	Total    int          `json:"total"` // streams that there are: where they are more than were asked for, the best are left out
}
