// Package turn reads what a client and its TURN server say to each other (RFC 8656): the data that they carry for a peer, in ChannelData
// messages and in Send and Data indications, and what tells by which address the server relays and which peer a channel is of.
//
// The engine (analyze, call) and listening (audio) unwrap media with it. It is not for ICE, which announces nothing that SDP does not, nor
// for TURN within TLS. It keeps nothing, does not allocate, and never panics on any input.
package turn

import (
	"encoding/binary"
	"net/netip"
)

// Kind is what a message is, as far as it matters here.
type Kind uint8

// The kinds of messages.
const (
	Other     Kind = iota // no message of TURN, or one that tells nothing
	Data                  // data to or from a peer
	Allocated             // an allocation was made: Relayed
	Bound                 // a channel is bound to a peer, or is to be
)

// Message is what one datagram says.
type Message struct {
	Kind       Kind
	Channel    uint16         // of ChannelData and Bound; 0: an indication
	Peer       netip.AddrPort // of an indication and of Bound
	Relayed    netip.AddrPort // of Allocated: the relayed transport address
	FromClient bool           // it goes to the server; of ChannelData it is not known, see Directed
	Directed   bool           // FromClient is known
	Offset     int            // of Data: where it begins
	Length     int            // and its length on the wire; may reach past the bytes at hand when the capture was cut
}

// Port is the one of TURN over UDP and TCP, SecurePort that over TLS and DTLS (RFC 8656 section 5).
const (
	Port       = 3478
	SecurePort = 5349
)

// Read reads a UDP datagram, of which the capture holds b and wire bytes were on the wire. It reports whether it is one of TURN that
// matters; if not m is undefined.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|  Channel: 0x4000 to 0x4FFF    |            Length             |   RFC 8656 section 12.4
//	|                       Application Data                        |
//
// Over UDP it may be padded to a multiple of four, or not.
func Read(b []byte, wire int, m *Message) bool {
	if len(b) < 5 || wire < len(b) {
		return false
	}
	switch {
	case b[0]>>4 == 4:
		n := int(binary.BigEndian.Uint16(b[2:]))
		if n == 0 || wire < 4+n || wire > 4+(n+3)&^3 {
			return false
		}
		*m = Message{Kind: Data, Channel: binary.BigEndian.Uint16(b), Offset: 4, Length: n}
		return true
	case b[0] <= 1:
		return m.readSTUN(b, wire)
	}
	return false
}

// Types of STUN messages that matter: method and class (RFC 8489 section 5, RFC 8656 section 17).
const (
	sendIndication  = 0x0016
	dataIndication  = 0x0017
	allocateSuccess = 0x0103
	bindRequest     = 0x0009
)

// Attributes (RFC 8656 section 18).
const (
	attrChannel = 0x000c
	attrPeer    = 0x0012
	attrData    = 0x0013
	attrRelayed = 0x0016
)

const (
	headerLen = 20
	cookie    = 0x2112a442
)

func (m *Message) readSTUN(b []byte, wire int) bool {
	if len(b) < headerLen || binary.BigEndian.Uint32(b[4:]) != cookie {
		return false
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n&3 != 0 || headerLen+n > wire {
		return false
	}
	*m = Message{}
	want := Data
	switch binary.BigEndian.Uint16(b) {
	case sendIndication:
		m.Directed, m.FromClient = true, true
	case dataIndication:
		m.Directed = true
	case allocateSuccess:
		m.Directed, want = true, Allocated
	case bindRequest:
		m.Directed, m.FromClient, want = true, true, Bound
	default:
		return false
	}
	end := min(headerLen+n, len(b))
	for at := headerLen; at+4 <= end; {
		kind, size := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		value := at + 4
		if value+size > headerLen+n {
			return false
		}
		switch kind {
		case attrData:
			m.Offset, m.Length = value, size
		case attrPeer:
			m.Peer = address(b[value:min(value+size, end)], b)
		case attrRelayed:
			m.Relayed = address(b[value:min(value+size, end)], b)
		case attrChannel:
			if size >= 2 && value+2 <= end {
				m.Channel = binary.BigEndian.Uint16(b[value:])
			}
		}
		at = value + (size+3)&^3
	}
	m.Kind = want
	switch want {
	case Data:
		return m.Length > 0 && m.Peer.IsValid()
	case Allocated:
		return m.Relayed.IsValid()
	}
	return m.Peer.IsValid() && m.Channel>>12 == 4
}

// address reads an address that was put through exclusive or with the cookie and the transaction (RFC 8489 section 14.2): 0 | family 1
// | port 2 | address 4 or 16.
func address(v, message []byte) (a netip.AddrPort) {
	if len(v) < 8 {
		return a
	}
	port := binary.BigEndian.Uint16(v[2:]) ^ cookie>>16
	switch {
	case v[1] == 1:
		var ip [4]byte
		for i := range ip {
			ip[i] = v[4+i] ^ message[4+i]
		}
		return netip.AddrPortFrom(netip.AddrFrom4(ip), port)
	case v[1] == 2 && len(v) >= 20:
		var ip [16]byte
		for i := range ip {
			ip[i] = v[4+i] ^ message[4+i] // the transaction follows the cookie
		}
		return netip.AddrPortFrom(netip.AddrFrom16(ip).Unmap(), port)
	}
	return a
}

// Payload is the part of b, the datagram that m was read from, which is data and was captured.
func (m *Message) Payload(b []byte) []byte {
	return b[min(m.Offset, len(b)):min(m.Offset+m.Length, len(b))]
}

// Bears reports whether data that was taken out is what is looked for in a call: RTP, RTCP, DTLS or STUN (RFC 7983 section 7), or text. What
// only looks like ChannelData seldom holds either.
func Bears(data []byte) bool {
	if len(data) == 0 {
		return false
	}
	c := data[0]
	return c>>6 == 2 || c <= 3 || c >= 20 && c <= 63 || c >= 'A' && c <= 'Z'
}
