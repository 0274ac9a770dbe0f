package hep

import "strconv"

// Type says what a payload is (chunk 11).
type Type uint8

// Types that the analysis looks into.
const (
	SIP  Type = 1
	RTP  Type = 4
	RTCP Type = 5 // a compound packet, or a report in JSON
)

// typeNames are those of the specification, short.
var typeNames = map[Type]string{
	0: "none", SIP: "sip", 2: "xmpp", 3: "sdp", RTP: "rtp", RTCP: "rtcp", 6: "mgcp", 7: "megaco", 8: "m2ua", 9: "m3ua", 10: "iax", 11: "h322", 12: "h321",
	13: "m2pa", 34: "mos", 35: "mos", 50: "sip-json", 53: "dns", 54: "m3ua-json", 55: "rtsp", 56: "diameter", 57: "gsm-map", 58: "rtcp-pion",
	60: "cdr", 61: "verto", 99: "report", 100: "log",
}

// String is the name of t, its number if it has none.
func (t Type) String() string {
	if n, ok := typeNames[t]; ok {
		return n
	}
	return strconv.Itoa(int(t))
}

// Carrier is the name, in records, of the transport that carried m's payload. Kamailio has 22 for TLS and WebSocket, and in
// some versions its own numbers, which are those of no transport.
func (m *Message) Carrier() string {
	switch m.Protocol {
	case 6, 2:
		return "tcp"
	case 22, 3:
		return "tls"
	case 132, 4:
		return "sctp"
	}
	return "udp"
}
