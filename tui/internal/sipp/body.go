package sipp

import (
	"fmt"
	"net/netip"
	"strings"
)

// body is a body, a line each. In SDP the addresses and ports of media are sipp's.
func (s *scenario) body(b []byte, content string) (out []string) {
	text := strings.TrimRight(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n")
	sdp := strings.HasPrefix(content, "application/sdp")
	streams := 0
	for _, l := range strings.Split(text, "\n") {
		if !sdp {
			out = append(out, literal(l))
			continue
		}
		if l, ok := sdpLine(l, &streams); ok {
			out = append(out, l)
		}
	}
	return out
}

// sdpLine is a line of SDP for sipp; not ok when it must not be there: candidates and ports of RTCP name addresses that are not sipp's.
func sdpLine(l string, streams *int) (string, bool) {
	words := strings.Fields(l)
	switch {
	case strings.HasPrefix(l, "c=IN ") && len(words) == 3 && !silent(words[2]):
		return "c=IN IP[media_ip_type] [media_ip]", true
	case strings.HasPrefix(l, "o=") && len(words) == 6:
		return literal(strings.Join(words[:3], " ")) + " IN IP[local_ip_type] [local_ip]", true
	case strings.HasPrefix(l, "m=") && len(words) >= 4 && words[1] != "0":
		port := "[media_port]"
		if *streams > 0 {
			port = fmt.Sprintf("[media_port+%d]", 2**streams)
		}
		*streams++
		return literal(words[0]) + " " + port + " " + literal(strings.Join(words[2:], " ")), true
	case strings.HasPrefix(l, "a=candidate:"), strings.HasPrefix(l, "a=rtcp:"), strings.HasPrefix(l, "a=remote-candidates:"), strings.HasPrefix(l, "a=ice-"), l == "a=end-of-candidates":
		return "", false
	}
	return literal(l), true
}

// silent reports whether an address is 0.0.0.0 or ::, which puts a call on hold as old telephones do.
func silent(addr string) bool {
	a, err := netip.ParseAddr(addr)
	return err == nil && a.IsUnspecified()
}
