// Package sdp reads the few lines of a session description (RFC 8866) that a sniffer needs: where media goes, in which
// codecs, which way, and how it is protected. It takes what phones really send: missing s= and t= lines, bare line
// feeds, unknown attributes, T.38.
//
// It is not for checking or writing session descriptions. Packages call and audio use it for the bodies
// of SIP messages.
package sdp

import (
	"bytes"
	"net/netip"

	"voiptop/sensord/internal/lines"
)

// Bounds of what is kept of one description; what goes beyond is left out.
const (
	MaxMedia   = 16
	MaxFormats = 48 // of one media

	MaxCandidates = 16 // of one media
)

// Direction says who sends (RFC 8866 section 6.7), seen from the one who wrote the description.
type Direction uint8

// The directions. Sendrecv is the default.
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

func (d Direction) String() string {
	return [...]string{"sendrecv", "sendonly", "recvonly", "inactive"}[d&3]
}

// Kind is the type of a media.
type Kind uint8

// The kinds of media.
const (
	Other Kind = iota
	Audio
	Video
	Image
)

func (k Kind) String() string { return [...]string{"", "audio", "video", "image"}[k&3] }

// Format is a payload type of a media.
type Format struct {
	Name  []byte // encoding name as in a=rtpmap or RFC 3551; nil when neither says
	Clock uint32 // Hz, 0: unknown
	PT    uint8
	Chans uint8
}

// Media is one m= section with what the session says for all.
type Media struct {
	Kind        Kind
	Addr        netip.Addr // from c=; invalid when it is a host name or missing
	Port        uint16     // 0: refused
	Ports       uint16     // "m=audio 49170/2": number of pairs, at least 1
	RTCPAddr    netip.Addr // a=rtcp; invalid: as Addr
	RTCPPort    uint16     // a=rtcp or Port+1
	Direction   Direction
	Ptime       uint16 // ms, 0: not said
	MaxPtime    uint16 // ms, 0: not said
	RTP         bool   // a profile of RTP; false for udptl and message media
	Secure      bool   // SRTP: SAVP or SAVPF, a=crypto or a=fingerprint
	SAVP        bool   // SRTP by the profile of the m= line
	Crypto      bool   // a=crypto: keys in the SDP (RFC 4568)
	Fingerprint bool   // a=fingerprint: keys by DTLS (RFC 5763)
	Keyed       bool   // a=crypto, a=fingerprint, a=key-mgmt or a=zrtp-hash
	Mux         bool   // a=rtcp-mux
	T38         bool   // udptl with t38
	Formats     []Format

	// Candidates are where media may go by ICE (RFC 8839 section 5.1), those of UDP; the one in use is known only on the wire.
	Candidates []netip.AddrPort

	bundleOnly bool // a=bundle-only: port 0 refuses nothing (RFC 9143 section 6)
}

// Session is a description taken apart. It is used again and again by Parse; slices live as long as the bytes parsed. It must not be
// copied: what most descriptions need lies together, within it.
type Session struct {
	Media   []Media
	Origin  netip.Addr // from o=; invalid when it is a host name or missing
	Omitted int        // m= sections beyond MaxMedia

	one [1]Media  // room of Media
	few [6]Format // and of its Formats
}

// defaults are what the session level says of all media.
type defaults struct {
	addr   netip.Addr
	dir    Direction
	secure bool
	keyed  bool
	bundle bool // a=group:BUNDLE: all media on one transport (RFC 9143)
}

// Parse reads b, replacing what s held. It answers false when b has no m= line and no c= line: then it is no
// description worth the name.
func (s *Session) Parse(b []byte) bool {
	if cap(s.Media) == 0 {
		s.Media, s.one[0].Formats = s.one[:0], s.few[:0]
	}
	s.Media, s.Omitted, s.Origin = s.Media[:0], 0, netip.Addr{}
	var (
		def     defaults
		m       *Media
		any     bool
		ignored bool // within an m= section that is left out
	)
	var text lines.Text
	text.Read(b, 0)
	for at := 0; at < len(b); {
		colon, end := text.Next()
		l := b[at:end]
		colon -= at + len("a=")
		at = end + 1
		for len(l) > 0 && (l[len(l)-1] == '\r' || l[len(l)-1] == ' ') {
			l = l[:len(l)-1]
		}
		if len(l) < 3 || l[1] != '=' {
			continue
		}
		v := l[2:]
		if ignored && l[0] != 'm' {
			continue
		}
		switch l[0] {
		case 'o':
			s.Origin = origin(v)
		case 'c':
			any = true
			if a, ok := connection(v); ok {
				if m != nil {
					m.Addr = a
				} else {
					def.addr = a
				}
			}
		case 'm':
			any = true
			ignored = len(s.Media) == MaxMedia
			if ignored {
				s.Omitted++
				continue
			}
			m = s.media(v, def)
		case 'a':
			if m != nil {
				m.attribute(v, colon)
			} else {
				def.attribute(v, colon)
			}
		}
	}
	if def.bundle {
		s.unbundle()
	}
	for i := range s.Media {
		s.Media[i].finish()
	}
	return any
}

// unbundle gives media that is only to be had in the bundle the transport of the first that has one: what has port 0 and a=bundle-only, and
// what names no address beside one that does, as browsers answer.
func (s *Session) unbundle() {
	for i := range s.Media {
		first := &s.Media[i]
		if first.Port == 0 {
			continue
		}
		for j := range s.Media {
			m := &s.Media[j]
			if m.bundleOnly && m.Port == 0 || m.nowhere() && !first.nowhere() {
				m.Addr, m.Port, m.Mux = first.Addr, first.Port, true
				m.Candidates = append(m.Candidates[:0], first.Candidates...)
			}
		}
		return
	}
}

// nowhere reports whether a description says of media that its candidates are elsewhere, or are to come.
func (m *Media) nowhere() bool {
	return m.Port == discard && m.Addr.IsValid() && m.Addr.IsUnspecified() && len(m.Candidates) == 0
}

// media starts the section of an m= line: "audio 49170/2 RTP/AVP 0 8 101".
func (s *Session) media(v []byte, def defaults) *Media {
	n := len(s.Media)
	if n < cap(s.Media) {
		s.Media = s.Media[:n+1]
	} else {
		s.Media = append(s.Media, Media{})
	}
	m := &s.Media[n]
	formats, candidates := m.Formats[:0], m.Candidates[:0]
	*m = Media{}
	m.Addr, m.Direction, m.Secure, m.Keyed, m.Fingerprint, m.Ports = def.addr, def.dir, def.secure, def.keyed, def.secure, 1
	m.Formats, m.Candidates = formats, candidates
	kind, v := word(v)
	switch {
	case fold(kind, "audio"):
		m.Kind = Audio
	case fold(kind, "video"):
		m.Kind = Video
	case fold(kind, "image"):
		m.Kind = Image
	}
	port, v := word(v)
	if i := bytes.IndexByte(port, '/'); i >= 0 {
		if k, ok := number(port[i+1:], 64); ok && k > 0 {
			m.Ports = uint16(k)
		}
		port = port[:i]
	}
	if p, ok := number(port, 65535); ok {
		m.Port = uint16(p)
	}
	proto, v := word(v)
	udptl := false
	if string(proto) == "RTP/AVP" { // as a rule
		m.RTP = true
	} else {
		m.RTP, m.SAVP, udptl = contains(proto, "rtp/"), contains(proto, "savp"), contains(proto, "udptl")
		m.Secure = m.Secure || m.SAVP
	}
	for len(v) > 0 {
		pt, ok, rest := leading(v, 127)
		switch {
		case !ok:
			if f, _ := word(v); fold(f, "t38") {
				m.T38 = udptl || m.Kind == Image
			}
		case m.RTP && len(m.Formats) < MaxFormats:
			m.Formats = append(m.Formats, Static(uint8(pt)))
		}
		v = rest
	}
	return m
}

func (m *Media) finish() {
	if m.RTCPPort == 0 && m.Port != 0 && m.Port < 65535 {
		m.RTCPPort = m.Port + 1
	}
	if m.T38 {
		m.RTP = false
	}
}

// Format finds a payload type.
func (m *Media) Format(pt uint8) (Format, bool) {
	for _, f := range m.Formats {
		if f.PT == pt {
			return f, true
		}
	}
	return Format{}, false
}

// Held reports whether the media is on hold in the old way, c=0.0.0.0 (RFC 3264 section 8.4). With port 9 that address
// says that candidates follow (RFC 8840 section 4.1.1).
func (m *Media) Held() bool {
	return m.Addr.IsValid() && m.Addr.IsUnspecified() && m.Port != discard && len(m.Candidates) == 0
}

// discard is the port of a service that no media goes to.
const discard = 9

// origin reads the address of "alice 2890844526 2890844526 IN IP4 192.0.2.1".
func origin(v []byte) netip.Addr {
	a, _ := connection(behind(v, 3))
	return a
}

// connection reads "IN IP4 192.0.2.1/127".
func connection(v []byte) (netip.Addr, bool) {
	v = skip(behind(v, 2))
	ip, n := dotted(v)
	if n > 0 && (n == len(v) || v[n] == '/' || v[n] == ' ' || v[n] == '\t') { // as a rule
		return addrOf(ip), true
	}
	v, _ = word(v)
	v, _ = cut(v, '/')
	return parseAddr(v)
}
