package call

import (
	"voiptop/protocol"
	"voiptop/sensord/internal/sip"
)

// counts are what a Table has seen.
type counts struct {
	messages   uint64
	methods    [16]uint64 // requests, by sip.Method
	responses  [7]uint64  // by hundreds
	retrans    uint64
	duplicates uint64
	noCallID   uint64
	outside    uint64 // INVITE, ACK, BYE, CANCEL of no call in view, and responses to them
	started    uint64
	ended      uint64
	evicted    uint64 // calls let go because there was no room
	joined     uint64 // calls of which the first INVITE was not seen
	overLimit  uint64 // calls that got no channel
	leftAlone  uint64 // packets of their media
	badSDP     uint64
	rtp        uint64
	rtcp       uint64
	badRTCP    uint64
	unbound    uint64 // RTP to no endpoint that a call announced
	learned    uint64 // flows of that kind whose call was found otherwise
	strays     uint64 // neither RTP nor RTCP, at an announced endpoint
	stun       uint64
	turned     uint64 // packets that were within TURN
	dtls       uint64
	zrtp       uint64
	t38        uint64
	omitted    uint64 // packets of streams beyond maxStreams
	unlogged   uint64 // messages that there was no room for, see Table.roomFor
}

// Counters adds what the table has counted to n.
func (t *Table) Counters(n protocol.Counters) {
	c := &t.count
	n[protocol.CountSIP] += c.messages
	for i, v := range c.methods {
		if v > 0 {
			name := sip.Method(i).String()
			if i == 0 {
				name = "other"
			}
			n["sip.requests."+name] += v
		}
	}
	for i, v := range c.responses {
		if v > 0 {
			n["sip.responses."+string(rune('0'+i))+"xx"] += v
		}
	}
	n[protocol.CountRTP] += c.rtp
	n[protocol.CountRTCP] += c.rtcp
	n[protocol.CountCallsStarted] += c.started
	n[protocol.CountCallsEnded] += c.ended
	n[protocol.CountCallsRunning] += uint64(t.channels + t.overLimit)
	for _, v := range []struct {
		name string
		n    uint64
	}{
		{"sip.retransmissions", c.retrans},
		{"sip.messages.omitted", c.unlogged},
		{"sip.duplicates", c.duplicates},
		{"sip.without-call-id", c.noCallID},
		{"sip.outside-calls", c.outside},
		{"sip.unparsed.sdp", c.badSDP},
		{"calls.evicted", c.evicted},
		{"calls.joined", c.joined},
		{"calls.forgotten", t.gone.forgotten + t.letGo.forgotten},
		{"captures.headers.dropped", t.deciding.dropped},
		{protocol.CountOverLimit, c.overLimit},
		{protocol.CountOverLimitNow, uint64(t.overLimit)},
		{"media.over-limit", c.leftAlone},
		{"rtp.unbound", c.unbound},
		{"rtp.learned", c.learned},
		{"rtp.omitted", c.omitted},
		{"rtcp.unparsed", c.badRTCP},
		{"media.stun", c.stun},
		{"turn.packets", c.turned},
		{"media.dtls", c.dtls},
		{"media.zrtp", c.zrtp},
		{"media.t38", c.t38},
		{"media.unknown", c.strays},
	} {
		if v.n > 0 {
			n[v.name] += v.n
		}
	}
}
