package protocol

import "fmt"

// Problem is an error that a program may act on: RFC 9457 problem details (application/problem+json) with a stable code,
// what was expected, what was found and what to do. The link carries it as CBOR.
type Problem struct {
	Code   string            `json:"code" cbor:"1,keyasint"`
	Title  string            `json:"title" cbor:"2,keyasint"` // one line for a person
	Status int               `json:"status" cbor:"3,keyasint,omitempty"`
	Detail string            `json:"detail,omitempty" cbor:"4,keyasint,omitempty"`
	Remedy string            `json:"remedy,omitempty" cbor:"5,keyasint,omitempty"`
	Fields map[string]string `json:"fields,omitempty" cbor:"6,keyasint,omitempty"` // facts a program may read
}

// Error implements error.
func (p *Problem) Error() string {
	s := p.Title
	if p.Detail != "" {
		s += ": " + p.Detail
	}
	if p.Remedy != "" {
		s += "; " + p.Remedy
	}
	return fmt.Sprintf("%s (%s)", s, p.Code)
}

// FieldRetryAfter is the field of a problem that will pass: in how many seconds to ask again. HTTP says so as Retry-After.
const FieldRetryAfter = "retry_after"

// Codes of the problems that cross the link. A code is never reused for something else.
const (
	CodeUnknownToken        = "unknown-token"
	CodeSensorIDCollision   = "sensor-id-collision"
	CodeProtocolUnsupported = "protocol-unsupported"
	CodeKnownBadBuild       = "known-bad-build"
	CodeClockSkew           = "clock-skew"
	CodeRevoked             = "revoked"
	CodeTenantSuspended     = "tenant-suspended"
	CodeNotPaired           = "not-paired"
	CodeBadRequest          = "bad-request"
	CodeSequenceGap         = "sequence-gap"
	CodeServerUnreachable   = "server-unreachable"
	CodeServerUntrusted     = "server-untrusted"
	CodeUnauthorized        = "unauthorized"
	CodeForbidden           = "forbidden"
	CodeNotFound            = "not-found"
	CodeSensorOffline       = "sensor-offline"
	CodeCaptureNotKept      = "capture-not-kept" // no rule kept the call's packets
	CodeCaptureExpired      = "capture-expired"  // they were kept, and retention removed them
	CodeInternal            = "internal"

	// Of listening and downloading, docs/listening.md.
	CodeVoiceNotKept      = "voice-not-kept"      // signalling or headers only were kept, or there was no voice
	CodeCodecNotDecodable = "codec-not-decodable" // no decoder; the packets can be downloaded
	CodeSRTPWithoutKey    = "srtp-without-key"    // encrypted, and the SDP tells no key
	CodeAudioOff          = "audio-off"           // the rule that kept the call says: no audio
	CodeSwitchedOff       = "switched-off"        // the sensor's owner lets hosted not listen or not download
	CodeCallRunning       = "call-running"        // it can be had when the call has ended
	CodeBusy              = "busy"                // FieldRetryAfter says when to ask again
)
