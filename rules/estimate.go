package rules

import (
	"strings"

	"voiptop/protocol"
)

// What a packet takes in a capture beside its payload, in bytes: Ethernet, IPv4 and UDP headers, and a pcapng enhanced
// packet block.
const (
	frameBytes   = 14 + 20 + 8 + 32
	rtpHeader    = 12
	messageBytes = 650 + frameBytes // of SIP, on the average
)

// speech is how many bytes of payload a second of a codec has, and in how many packets, by its RTP payload format.
var speech = map[string]struct{ bytes, packets int64 }{
	"PCMU": {8000, 50}, "PCMA": {8000, 50}, "G722": {8000, 50}, "G729": {1000, 50}, "GSM": {1650, 50}, "ILBC": {1667, 33},
	"OPUS": {4000, 50}, "SPEEX": {3000, 50}, "AMR": {1525, 50}, "AMR-WB": {2975, 50}, "G723": {800, 33}, "G726-32": {4000, 50},
}

// Records come from elsewhere: figures beyond these are not believed.
const (
	maxPackets = 1 << 32       // RTP of a stream
	maxTalkMS  = 24 * 3600_000 // of a call
	maxRepeats = 100_000       // messages of a call that are only counted
	maxCapture = 1 << 40       // bytes of a capture
)

func some(n int) int64 { return int64(min(max(n, 0), maxRepeats)) }

// EstimateBytes is about how many bytes the capture of an ended call takes if a rule keeps so much of it: what the one that
// there is takes, if it holds the same; else what its streams' packets take with their codecs, or, where the record is without
// streams, speech both ways while it was connected.
func EstimateBytes(c *protocol.CDR, keep protocol.Keep) int64 {
	switch {
	case keep.Rank() == 0:
		return 0
	case c.Capture.Kept == keep && c.Capture.Bytes > 0 && !c.Capture.Partial:
		return int64(min(c.Capture.Bytes, maxCapture))
	}
	return min(estimate(c, keep), maxCapture)
}

func estimate(c *protocol.CDR, keep protocol.Keep) int64 {
	// INVITE, 100, 180, 200, ACK, BYE, 200; without an answer INVITE, 100, 180, final response, ACK.
	messages := int64(5)
	if c.Answer != 0 {
		messages = 7
	}
	if n := len(c.Messages); n > 0 {
		messages = int64(n) + some(c.MessagesOmitted)
	} else {
		messages += some(c.Retransmissions)
	}
	total := messages * messageBytes
	if keep == protocol.KeepSIP {
		return total
	}
	if len(c.Streams) > 0 {
		for i := range c.Streams {
			total += streamBytes(&c.Streams[i], keep)
		}
		return total
	}
	if c.ConnectMS == nil || *c.ConnectMS <= 0 {
		return total
	}
	s := speech["PCMU"]
	if len(c.Codecs) > 0 {
		if known, ok := speech[strings.ToUpper(c.Codecs[0])]; ok {
			s = known
		}
	}
	second := s.packets * (frameBytes + rtpHeader)
	if keep == protocol.KeepRTP {
		second += s.bytes
	}
	return total + 2*second*min(*c.ConnectMS, maxTalkMS)/1000
}

func streamBytes(s *protocol.Stream, keep protocol.Keep) int64 {
	n := int64(min(s.Packets+s.Duplicates, maxPackets))
	size := int64(frameBytes + rtpHeader)
	if keep == protocol.KeepRTP {
		ptime := s.PtimeMS
		if !(ptime >= 1 && ptime <= 200) {
			ptime = 20
		}
		codec, ok := speech[strings.ToUpper(s.Codec)]
		if !ok {
			codec = speech["PCMU"]
		}
		size += int64(float64(codec.bytes) * ptime / 1000)
	}
	return n * size
}
