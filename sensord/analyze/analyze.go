// Package analyze is the analysis engine's front door: packets in, calls out. sensord runs an Engine on the wire, voipmon and
// voiptop on files (Run, Lines, Files, Transactions); all get the same records from the same packets. Listen finds what can be
// heard of a call in the packets that were kept of it.
//
// It brings the packages together that know what a frame, a message, a stream and a call is (decode, sip, rtp, call), and is not
// for any of that itself.
//
// An Engine has no clock, no goroutine and no I/O. Time is the packet's timestamp; Tick moves it on when the wire is
// silent. One goroutine drives an Engine; nothing in it is safe for a second.
//
// Run and Lines have goroutines. A packet's way through them: readers (ahead.go) read it and find out what it tells on its own
// (front.go), the engine finds its call, in sequence, a shard (shard.go) accounts for it and makes the record of its call, and
// the writer (writer.go, order.go) puts the records in order. docs/adr/one-engine-many-shards.md says why.
package analyze

import (
	"time"

	"voiptop/protocol"
	"voiptop/sensord/internal/call"
	"voiptop/sensord/internal/capture"
)

// Packet is one captured frame, see capture.Packet. The engine is done with Data when Engine.Packet returns.
type Packet = capture.Packet

// Source yields packets, see capture.Source.
type Source = capture.Source

// Filler is a Source that hands out many packets at a time, see capture.Filler.
type Filler = capture.Filler

// Batch is room for those packets.
type Batch = capture.Batch

// Config is what an engine needs to know. The zero value of each field means its default.
type Config struct {
	SensorID uint16
	// Timeouts, named and defaulted as in voipmonitor.conf.
	RTPTimeout      time.Duration // rtptimeout: a call without RTP for so long has ended; 300 s
	ByeTimeout      time.Duration // sipwithoutrtptimeout: an answered call without RTP and without any packet for so long has ended; 1200 s
	AbsoluteTimeout time.Duration // absolute_timeout: no call lasts longer; 4 h
	MaxCalls        int           // running calls in memory; 100,000
	MaxMessages     int           // messages kept of one call; 500. Of all calls 20 times MaxCalls are kept, and 20 of each
	SIPPorts        []uint16      // sipport; SIP is found by content on any port when empty
	// TLSKeys are lines of a TLS key log (SSLKEYLOGFILE), see Engine.Keys. Nil: TLS is not looked into, but for connections
	// whose secrets a capture file brings with it.
	TLSKeys []byte
	// MatchHeaders are header fields that hold the Call-ID of the other leg, or the same value in both legs, of a call that a
	// B2BUA made two of; X-Call-ID and X-CID when nil. Session-ID (RFC 7989) and Replaces (RFC 3891) are read in any case.
	MatchHeaders []string
	InbandDTMF   bool // inbanddtmf: look for digits within the voice of G.711; it costs about as much again as all other analysis of such calls
	NoFaxTones   bool // faxdetect = no: do not look for the tones of faxes in it
	// Decide is asked what to keep of the packets of calls: at the first message, at the answer, when a header that it asks for
	// brings another value, when Redecide says so, and at the end, with the finished record. Nil keeps nothing.
	Decide Decider
	// HEP is asked of every HEP message, in the packet that brought it, whether to look into it. Nil: all.
	HEP func(*Packet, *HEPMessage) bool
	// SIP sees every SIP message, RTCP every RTCP packet of a call (d.Payload). What they get is valid until they return.
	SIP  func(d *Datagram, message []byte, transport string)
	RTCP func(d *Datagram, callID string)
}

// Sink takes what an engine finds. Its methods are called from within Engine.Packet, Tick and Close.
type Sink interface {
	// Call takes the record of an ended call. The record is the sink's from then on.
	Call(c *protocol.CDR)
	// Keep takes a packet of a call that a rule keeps or, while c.Open, may keep yet, in order. p is valid until Keep returns;
	// c names the call. headers bytes of p, from its start, are link, IP, UDP and RTP headers; a sink that keeps no voice cuts
	// there. While c.Open the sink holds the packets in a window of bounded size, as far as c.Keep goes, each with its headers:
	// less may stay of them.
	Keep(c *KeptCall, p *Packet, headers int)
	// Decided says that c.Rule, c.Keep, c.Open or c.NoAudio of a call are not what they were when c was seen last:
	//
	//	Open                        what is stored stays, what is held stays held, what comes is held
	//	Keep sip, headers or rtp    what is held is stored as far as c.Keep goes, what comes is stored at once
	//	Keep none, no Rule          what is held is let go; what was stored, under rules that have changed, stays
	//	Keep none, with a Rule      what is held and what was stored is let go
	//
	// A call may be open, kept and none in any order, since rules change while calls run.
	Decided(c *KeptCall)
	// Kept ends the packets of a call, which is not Open then, and answers what was stored, which goes into its record.
	// Partial is set when packets had to be let go that would have been stored. Each call that Keep or Decided named ends so.
	Kept(c *KeptCall) protocol.Capture
}

// KeepsNothing is the part of a Sink that stores no packets.
type KeepsNothing struct{}

// Keep implements Sink.
func (KeepsNothing) Keep(*KeptCall, *Packet, int) {}

// Decided implements Sink.
func (KeepsNothing) Decided(*KeptCall) {}

// Kept implements Sink.
func (KeepsNothing) Kept(*KeptCall) protocol.Capture { return protocol.Capture{} }

// KeptCall names a call whose packets are kept, see call.Kept.
type KeptCall = call.Kept
