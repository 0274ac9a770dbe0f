package analyze

import (
	"slices"
	"strings"
)

// notAnalysed are beginnings of the names of counters that a summary shows: what was not analysed, and why.
var notAnalysed = []string{
	"decode.", "sip.unparsed", "sip.without-call-id", "sip.cut", "sip.stream.skipped", "sip.port.other", "sip.port.unlisted",
	"sip.outside-calls", "rtp.unbound", "rtp.omitted", "rtcp.unparsed", "media.", "tls.", "calls.evicted", "packets.",
	"transactions.evicted", "registrations.evicted", "hep.",
}

// noFault are the exceptions: figures that are no fault.
var noFault = []string{
	"decode.fragments", "decode.fragments.reassembled", "decode.tcp.streams", "decode.tcp.retransmitted",
	"decode.tcp.reordered", "decode.esp.null", "tls.decrypted", "hep.sip", "hep.rtp", "hep.rtcp", "hep.empty", "hep.compressed",
}

// NotAnalysed lists the names of the counters of what was not analysed, or only in part, sorted: what people are told of an input
// beside its calls.
func (s *Summary) NotAnalysed() []string {
	var names []string
	for name := range s.Counters {
		if !slices.Contains(noFault, name) && slices.ContainsFunc(notAnalysed, func(start string) bool { return strings.HasPrefix(name, start) }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// OutsideCalls adds up the transactions that belonged to no call, by result.
func (s *Summary) OutsideCalls() (ok, refused, unanswered uint64) {
	for name, n := range s.Counters {
		switch {
		case strings.HasPrefix(name, "transactions.ok."):
			ok += n
		case strings.HasPrefix(name, "transactions.refused."):
			refused += n
		case strings.HasPrefix(name, "transactions.unanswered."):
			unanswered += n
		}
	}
	return ok, refused, unanswered
}
