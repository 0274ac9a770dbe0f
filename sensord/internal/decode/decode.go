// Package decode turns frames into datagrams: link layers, tunnels, IP fragments and TCP streams come off, what is left
// is a transport payload between two endpoints. The analysis engine drives it; listening (audio) finds voice with it. A frame that
// is plain, which most are, may be taken apart ahead of its turn (Prepare).
//
// It is not for what the payload means: that is sip's and rtp's. It has no clock; time is the packet's.
package decode

import (
	"encoding/binary"
	"net/netip"

	"voiptop/sensord/internal/capture"
)

// Endpoint is an IP address and a port, small, comparable and without pointers. IPv4 is held as ::ffff:a.b.c.d.
type Endpoint struct {
	IP   [16]byte
	Port uint16
}

// Equal reports whether e and o are the same. Addresses are compared as they are written, by halves: a processor waits before
// it reads sixteen bytes at once that it has written in two pieces just now.
func (e *Endpoint) Equal(o *Endpoint) bool {
	return le64(e.IP[8:]) == le64(o.IP[8:]) && e.Port == o.Port && le64(e.IP[:8]) == le64(o.IP[:8])
}

// Put makes e the same as o, by halves as Equal compares them.
func (e *Endpoint) Put(o *Endpoint) {
	binary.LittleEndian.PutUint64(e.IP[:8], le64(o.IP[:8]))
	binary.LittleEndian.PutUint64(e.IP[8:], le64(o.IP[8:]))
	e.Port = o.Port
}

// AddrPort converts e; an IPv4-mapped address becomes IPv4.
func (e Endpoint) AddrPort() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(e.IP).Unmap(), e.Port)
}

// String writes "ip:port" or "[v6]:port".
func (e Endpoint) String() string { return e.AddrPort().String() }

// EndpointOf converts a.
func EndpointOf(a netip.AddrPort) Endpoint { return Endpoint{a.Addr().As16(), a.Port()} }

// Transport says what carried a payload.
type Transport uint8

// The transports.
const (
	UDP Transport = iota
	TCP
	SCTP
)

// Datagram is one transport payload: a UDP datagram, an SCTP user message, or a run of bytes of a TCP stream in order.
// It and all it points to belong to the decoder and are valid until the handler returns.
type Datagram struct {
	Time      int64 // of the packet that completed it, nanoseconds; not before that of the datagram before, unless the clock was set back or it had to wait for what was not captured
	Src, Dst  Endpoint
	Transport Transport
	DSCP      uint8
	TTL       uint8
	Cut       bool // the end of the payload was not captured (snaplen, lost fragment)
	Length    int  // of the whole payload; larger than len(Payload) when Cut
	Payload   []byte
	HeaderLen int              // offset of Payload in Packet.Data; 0 when it is not in one piece in that frame
	Frame     uint64           // number of Packet in the input, from 1
	Packet    *capture.Packet  // the packet that completed it, for keeping
	Earlier   []capture.Packet // the packets that carried its other IP or SCTP fragments, for keeping

	EarlierFrame uint64 // number of the first of Earlier; 0: not known

	// Of a TCP stream, which is one direction of a connection:
	Stream uint64 // its number, never 0 and never used again; 0 for UDP and SCTP
	Fresh  bool   // these are the first bytes seen of the stream
	Gap    bool   // bytes before these were not captured: look for the next start of a message
	End    bool   // the stream has ended (FIN, RST, evicted, Flush): forget it; Payload is empty
	Ignore bool   // set by the handler: no more of this stream, not even its end
}

// Handler takes datagrams from a Decoder.
type Handler interface {
	Datagram(d *Datagram)
}

// DuplicateHandler is implemented by a Handler that wants to hear of packets that were captured twice (mirror port,
// inside and outside of a tunnel). They are not given to Datagram.
type DuplicateHandler interface {
	Duplicate(d *Datagram)
}

// Config bounds a Decoder. The zero value of each field means its default.
type Config struct {
	MaxFragments     int   // IP datagrams in reassembly; 1024
	MaxFragmentBytes int   // their frames, together; 16 MiB
	MaxStreams       int   // TCP streams (directions); 32,768
	MaxStreamBytes   int   // frames held back because earlier bytes are missing, together; 16 MiB
	DuplicateWindow  int64 // nanoseconds within which the same packet seen again is a duplicate; 50 ms, negative: off
}
