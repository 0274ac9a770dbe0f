// Package decode turns frames into datagrams: link layers, tunnels, IP fragments and TCP streams come off, what is left
// is a transport payload between two endpoints. The analysis engine drives it.
//
// It is not for what the payload means: that is sip's and rtp's. It has no clock; time is the packet's.
package decode

import (
	"net/netip"

	"voiptop/sensord/internal/capture"
)

// Endpoint is an IP address and a port, small, comparable and without pointers. IPv4 is held as ::ffff:a.b.c.d.
type Endpoint struct {
	IP   [16]byte
	Port uint16
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

// Datagram is one transport payload: a UDP datagram, an SCTP DATA chunk, or a run of bytes of a TCP stream in order. It
// and Payload belong to the decoder and are valid until the handler returns.
type Datagram struct {
	Time      int64 // of the packet that completed it, nanoseconds
	Src, Dst  Endpoint
	Transport Transport
	DSCP      uint8
	TTL       uint8
	Cut       bool   // the capture cut the payload (snaplen)
	Length    int    // of the whole payload; larger than len(Payload) when Cut
	Payload   []byte
	Frame     uint64          // number of the packet in the input, from 1
	Packet    *capture.Packet // the packet that completed it, for keeping
}

// Handler takes datagrams from a Decoder.
type Handler interface {
	Datagram(d *Datagram)
}
