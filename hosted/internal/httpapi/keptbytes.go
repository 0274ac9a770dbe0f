package httpapi

import (
	"strings"

	"voiptop/protocol"
)

// What a packet takes in a capture beside its payload, in bytes: Ethernet, IPv4 and UDP headers, and a pcapng enhanced
// packet block.
const (
	frameBytes = 14 + 20 + 8 + 32
	rtpHeader  = 12
)

// Messages of a call and their size on the average: INVITE, 100, 180, 200, ACK, BYE, 200, and without an answer INVITE, 100,
// 180, final response, ACK.
const (
	messageBytes       = 650 + frameBytes
	answeredMessages   = 7
	unansweredMessages = 5
)

// Beyond these a record is not believed: it comes from a sensor.
const (
	maxKept    = 1 << 40       // bytes
	maxRepeats = 10000         // messages
	maxTalk    = 24 * 3600_000 // ms
)

// payload is how many bytes of speech a second of a codec has, and in how many packets.
var payload = map[string]struct{ bytes, packets int64 }{
	"PCMU": {8000, 50}, "PCMA": {8000, 50}, "G722": {8000, 50}, "G729": {1000, 50}, "GSM": {1650, 50}, "ILBC": {1667, 33},
	"OPUS": {4000, 50}, "SPEEX": {3000, 50}, "AMR": {1525, 50}, "AMR-WB": {2975, 50}, "G723": {800, 33}, "G726-32": {4000, 50},
}

// keptBytes estimates the size of the capture that a rule would have made of a past call: the size of the one that there
// is if it has the same contents, and else what such calls take on the average, with speech both ways while the call was
// connected.
func keptBytes(c *protocol.CDR, keep protocol.Keep) int64 {
	if keep == protocol.KeepNone {
		return 0
	}
	if c.Capture.Kept == keep && c.Capture.Bytes > 0 && !c.Capture.Partial {
		return int64(min(c.Capture.Bytes, maxKept))
	}
	messages := int64(unansweredMessages)
	if c.Answer != 0 {
		messages = answeredMessages
	}
	total := (messages + int64(min(max(c.Retransmissions, 0), maxRepeats))) * messageBytes
	if keep == protocol.KeepSIP || c.ConnectMS == nil || *c.ConnectMS <= 0 {
		return total
	}
	p := payload["PCMU"]
	if len(c.Codecs) > 0 {
		if known, ok := payload[strings.ToUpper(c.Codecs[0])]; ok {
			p = known
		}
	}
	second := p.packets * (frameBytes + rtpHeader)
	if keep == protocol.KeepRTP {
		second += p.bytes
	}
	return total + 2*second*min(*c.ConnectMS, maxTalk)/1000
}
