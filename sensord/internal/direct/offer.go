package direct

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"voiptop/protocol"
)

// maxCandidates bounds the addresses of a browser that are tried.
const maxCandidates = 24

// cleanOffer takes out of a browser's offer the addresses that the sensor must not send to, and refuses one that asks for anything but a data
// channel: of what the library understands, no more is reached than is needed. allow is asked about each address.
func cleanOffer(sdp string, allow func(netip.Addr) bool) (string, error) {
	var b strings.Builder
	sections, candidates := 0, 0
	for line := range strings.SplitSeq(strings.TrimRight(sdp, "\r\n"), "\n") {
		line = strings.TrimRight(line, "\r")
		if len(line) < 2 || line[1] != '=' {
			return "", fmt.Errorf("sdp has the line %q", clip(line))
		}
		switch {
		case line[0] == 'm':
			sections++
			if !strings.HasPrefix(line, "m=application ") || sections > 1 {
				return "", fmt.Errorf("sdp asks for %q; want one m=application", clip(line))
			}
		case strings.HasPrefix(line, "a=candidate:"):
			if candidates == maxCandidates || !usable(line, allow) {
				continue
			}
			candidates++
		case strings.HasPrefix(line, "a=remote-candidates"), strings.HasPrefix(line, "a=ice-lite"):
			return "", fmt.Errorf("sdp has %q, which browsers do not send", clip(line))
		}
		b.WriteString(line)
		b.WriteString("\r\n")
	}
	if sections == 0 {
		return "", errors.New("sdp asks for nothing; want one m=application")
	}
	return b.String(), nil
}

func clip(s string) string { return s[:min(len(s), 60)] }

// usable reports whether an a=candidate line (RFC 8839, 5.1) names a UDP address that may be tried, or a name that a browser made up
// for one: UUID.local.
func usable(line string, allow func(netip.Addr) bool) bool {
	f := strings.Fields(strings.TrimPrefix(line, "a=candidate:"))
	if len(f) < 8 || f[1] != "1" || !strings.EqualFold(f[2], "udp") || f[6] != "typ" {
		return false
	}
	if port, err := strconv.Atoi(f[5]); err != nil || port < 1 || port > 65535 {
		return false
	}
	if name, ok := strings.CutSuffix(f[4], ".local"); ok {
		_, err := protocol.ParseUUID(name)
		return err == nil
	}
	a, err := netip.ParseAddr(f[4])
	return err == nil && allow(a)
}

// hidden reports whether an offer that was cleaned has names in place of addresses.
func hidden(offer string) bool {
	for line := range strings.Lines(offer) {
		if f := strings.Fields(line); strings.HasPrefix(line, "a=candidate:") && len(f) > 4 && strings.HasSuffix(f[4], ".local") {
			return true
		}
	}
	return false
}

// remoteFilter says which addresses of browsers the sensor sends to.
type remoteFilter struct {
	lan bool
	own func() []netip.Prefix // the networks that the sensor is in
}

// allows is asked by ICE about each address, of an offer, of a name that was looked up and of who sends a check.
func (f remoteFilter) allows(ip net.IP) bool {
	a, ok := netip.AddrFromSlice(ip)
	return ok && f.allowsAddr(a)
}

func (f remoteFilter) allowsAddr(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid(), a.IsUnspecified(), a.IsMulticast(), a == broadcast:
		return false
	case a.IsLoopback():
		return loopbackOnly()
	case !f.lan, a.IsPrivate(), a.IsLinkLocalUnicast(), shared.Contains(a):
		return true
	}
	for _, p := range f.own() {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

var (
	broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	shared    = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
)

// ownNetworks are those that the sensor has an address in.
func ownNetworks() (list []netip.Prefix) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil // none is known: private networks remain
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			list = append(list, p.Masked())
		}
	}
	return list
}

// loopbackOnly reports whether the machine has no other address: then the browser is on it.
func loopbackOnly() bool {
	for _, p := range ownNetworks() {
		if a := p.Addr(); !a.IsLoopback() && !a.IsLinkLocalUnicast() {
			return false
		}
	}
	return true
}
