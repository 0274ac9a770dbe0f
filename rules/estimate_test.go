package rules

import (
	"math"
	"testing"

	"voiptop/protocol"
)

func TestEstimatesGoByPacketsAndCodecs(t *testing.T) {
	minute := int64(60_000)
	answered := protocol.CDR{Answer: 1, ConnectMS: &minute, Codecs: []string{"G729"}}
	const sip = 7 * messageBytes
	streams := protocol.CDR{Answer: 1, Messages: make([]protocol.Message, 9), MessagesOmitted: 1, Streams: []protocol.Stream{
		{Packets: 1000, Codec: "pcmu", PtimeMS: 20}, {Packets: 900, Duplicates: 100, Codec: "PCMU", PtimeMS: 10}, {Packets: 10, Codec: "unheard-of"},
	}}
	hostile := protocol.CDR{Retransmissions: math.MinInt, MessagesOmitted: math.MaxInt, Streams: []protocol.Stream{
		{Packets: math.MaxUint64, Duplicates: 1, PtimeMS: math.NaN()}, {Packets: math.MaxUint64 / 2, PtimeMS: math.Inf(1)},
	}}
	kept := streams
	kept.Capture = protocol.Capture{Kept: protocol.KeepHeaders, Bytes: 4321}
	partial, huge := kept, kept
	partial.Capture.Partial, huge.Capture.Bytes = true, math.MaxUint64
	for name, tc := range map[string]struct {
		cdr  *protocol.CDR
		keep protocol.Keep
		want int64
	}{
		"nothing":               {&answered, protocol.KeepNone, 0},
		"no rule":               {&answered, "", 0},
		"signalling":            {&answered, protocol.KeepSIP, sip},
		"headers of a minute":   {&answered, protocol.KeepHeaders, sip + 2*60*50*(frameBytes+rtpHeader)},
		"a minute of G.729":     {&answered, protocol.KeepRTP, sip + 2*60*(50*(frameBytes+rtpHeader)+1000)},
		"nobody answered":       {&protocol.CDR{Retransmissions: 2}, protocol.KeepRTP, 7 * messageBytes},
		"headers of streams":    {&streams, protocol.KeepHeaders, 10*messageBytes + 2010*(frameBytes+rtpHeader)},
		"the capture that is":   {&kept, protocol.KeepHeaders, 4321},
		"another capture":       {&kept, protocol.KeepSIP, 10 * messageBytes},
		"a part of a capture":   {&partial, protocol.KeepHeaders, 10*messageBytes + 2010*(frameBytes+rtpHeader)},
		"no such capture":       {&huge, protocol.KeepHeaders, maxCapture},
		"streams of known size": {&streams, protocol.KeepRTP, 10*messageBytes + 2010*(frameBytes+rtpHeader) + 1010*160 + 1000*80},
	} {
		if got := EstimateBytes(tc.cdr, tc.keep); got != tc.want {
			t.Errorf("%s: %d bytes, want %d", name, got, tc.want)
		}
	}
	if got := EstimateBytes(&hostile, protocol.KeepRTP); got < 0 || got > maxCapture {
		t.Errorf("figures that cannot be: %d bytes", got)
	}
}
