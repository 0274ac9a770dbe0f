// Package link is what sensord and hosted share of the link: the sensor's outbound TLS connections to hosted, TCP 60023.
// It holds the constants, the messages and their encoding, the enrolment token, the identity on the sensor's disk, the
// TLS rules of both sides, and the client that sensord, `voipmon pair` and `voipmon doctor` say hello with.
//
// It is not for policy: who may enrol and what a sensor may do is decided in hosted/internal/sensors, when to connect and
// what to send in sensord/internal/uplink. docs/protocol.md describes the bytes and keeps the version history.
//
// Three kinds of connection, told apart by ALPN. The sensor dials all of them.
//
//	voipmon-up/1    the sensor is the HTTP/2 client: enrol, renew, hello, batches of CDRs
//	voipmon-down/1  the roles are reversed: hosted is the HTTP/2 client and calls the sensor API; small requests
//	voipmon-bulk/1  as down, for captures and audio; opened when hosted asks, closed when idle
package link

import "time"

// Port is the TCP port that hosted listens on for sensors.
const Port = 60023

// The ALPN names (RFC 7301) of the connections.
const (
	ALPNUp   = "voipmon-up/1"
	ALPNDown = "voipmon-down/1"
	ALPNBulk = "voipmon-bulk/1"
)

// The versions of the messages that this build speaks. hello carries the range, hosted answers with the highest that
// both know. docs/protocol.md keeps the history.
const (
	MinVersion = 1
	MaxVersion = 1
)

// Paths of the requests, on an up connection and (Session, OpenBulk, Move) on a down or bulk connection.
const (
	PathEnrol    = "/v1/enrol"
	PathRenew    = "/v1/renew"
	PathHello    = "/v1/hello"
	PathCDRs     = "/v1/cdrs"
	PathSession  = "/link/v1/session"
	PathOpenBulk = "/link/v1/bulk"
	PathMove     = "/link/v1/move"
)

// Bounds. Whoever receives more refuses it.
const (
	MaxBatch      = 500      // CDRs in a batch
	MaxBatchBytes = 4 << 20  // a batch as it travels, compressed
	MaxBatchRaw   = 16 << 20 // a batch decompressed
	MaxRecord     = 1 << 20  // one CDR as CBOR
	MaxMessage    = 64 << 10 // any other message
)

// Timing of the link. A peer that is gone is noticed after PingAfter of silence plus PingTimeout: 40 s.
const (
	PingAfter     = 20 * time.Second // silence before a ping
	PingTimeout   = 20 * time.Second // the ping's answer
	WriteTimeout  = 40 * time.Second // no byte could be written
	DialTimeout   = 15 * time.Second // TCP connect, then TLS handshake
	AnswerTimeout = 30 * time.Second // hosted's answer to a message
	BulkIdle      = time.Minute      // an unused bulk connection is closed
	StreamBuffer  = 512 << 10        // bytes of one HTTP/2 stream that wait for a slow reader
)

// CertLife is how long a sensor's certificate is valid; it is renewed after two thirds. RenewGrace is how long after
// its end it may still be renewed, so that a machine that was switched off need not be paired again.
const (
	CertLife   = 30 * 24 * time.Hour
	RenewGrace = 60 * 24 * time.Hour
)

// ServerName is the DNS name in hosted's certificate. It is the same for every hosted: a sensor trusts one CA, which
// issues this name to hosted only, so where hosted runs and what it is called may change.
const ServerName = "hosted.voipmon"
