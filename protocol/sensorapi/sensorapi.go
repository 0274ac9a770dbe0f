// Package sensorapi is the sensor's HTTP API: one set of routes, one handler, one client, three ways in - the unix
// socket (voiptop on the same machine), the link (hosted calls the sensor), and hosted's /api/v1/sensors/{id}/...
// (a reverse proxy onto the link). sensord implements Sensor; voiptop and hosted use Client.
//
// It is not for authorisation: who may reach the socket or the link may call every route; hosted decides before it proxies.
//
//	GET /v1/info                    protocol.SensorInfo
//	GET /v1/health                  protocol.Health
//	GET /v1/live                    NDJSON of protocol.LiveUpdate: a snapshot, then deltas until the client goes
//	GET /v1/live?once=1             one protocol.LiveUpdate, the snapshot
//	GET /v1/live/streams?limit=N&every=MS
//	                                NDJSON of protocol.StreamUpdate: the streams of the running calls, then what changes; and once=1
//	GET /v1/calls?limit=N&before=ID []protocol.CDR of ended calls, newest first, without streams and messages
//	GET /v1/calls/{id}              protocol.CDR, of a running or an ended call; {id} is the UUID or the Call-ID
//	GET /v1/calls/{id}/capture      application/vnd.tcpdump.pcap, the kept packets; Range is served
//	GET /v1/calls/{id}/capture?group=1
//	                                the same of all ended calls of the call's group, merged by time
//	GET /v1/calls/{id}/messages?after=N&limit=N
//	                                MessagePage: the SIP messages whole, as far as packets are kept or held
//	GET /v1/calls/{id}/audio        audio/wav, decoded while it is read; Range is served
//	    ?side=both|caller|callee&buffer=adaptive|50|200&dtmf=mute
//	GET /v1/calls/{id}/audio/peaks?points=N                       Peaks; and side, buffer, dtmf
//	GET /v1/calls/{id}/audio/spectrogram?width=W&height=H         image/png; and side, buffer, dtmf
//	GET /v1/registrations           []protocol.Registration, in the order of address of record and contact
//	GET /v1/transactions?limit=N    []protocol.Transaction that ended last, newest first
//	GET /v1/rules                   Rules: the local ones, and hosted's beside them
//	PUT /v1/rules                   Rules in, Rules out; 412 when Revision is not the current one
//	PUT /v1/rules/hosted            HostedRules in, HostedRules out: those in force. Over the link only, 403 on the socket;
//	                                422 bad-rules when this sensor cannot read them, those before stay in force
//
// Errors are protocol.Problem as application/problem+json.
package sensorapi

import (
	"context"
	"io"
	"time"

	"voiptop/protocol"
)

// Sensor is what the API serves. Methods may be called from many goroutines at once. Errors that are a
// *protocol.Problem reach the client as they are.
type Sensor interface {
	Info() protocol.SensorInfo
	Health() protocol.Health
	// Watch calls emit with a snapshot, then with deltas, at most four a second, until ctx ends or emit fails.
	Watch(ctx context.Context, emit func(*protocol.LiveUpdate) error) error
	// Snapshot is the first update that Watch would emit.
	Snapshot(ctx context.Context) (*protocol.LiveUpdate, error)
	// Calls lists ended calls, newest first, at most limit, older than the call before if that is set.
	Calls(ctx context.Context, limit int, before protocol.UUID) ([]protocol.CDR, error)
	// Call finds a running or ended call by its UUID or Call-ID.
	Call(ctx context.Context, id string) (*protocol.CDR, error)
	// Capture opens the kept packets of a call. The caller closes it.
	Capture(ctx context.Context, id string) (*CaptureFile, error)
	// Registrations tells who is registered, and who fails to, sorted as protocol.SortRegistrations does.
	Registrations(ctx context.Context) ([]protocol.Registration, error)
	// Transactions lists the requests outside of calls that ended last, newest first, at most limit. The sensor remembers a
	// few thousand, in memory.
	Transactions(ctx context.Context, limit int) ([]protocol.Transaction, error)
	Rules() Rules
	// SetRules replaces the local rules if r.Revision is the current revision (0: whatever it is) and applies them at once.
	SetRules(ctx context.Context, r Rules) (Rules, error)
}

// GroupCapturer is a Sensor that merges captures.
type GroupCapturer interface {
	// CaptureGroup opens the packets of all ended calls of a call's group that the sensor holds, merged by time. The caller
	// closes it.
	CaptureGroup(ctx context.Context, id string) (*CaptureFile, error)
}

// CaptureFile is an open capture: a pcapng file that grows no more.
type CaptureFile struct {
	Name    string // file name to offer, e.g. "20261122-100000_1001_1002.pcapng"
	Size    int64  // -1: not known before it has been read; then it cannot be sought in
	ModTime time.Time
	Tag     string // stands for these very bytes, becomes the ETag; "": there is none
	io.ReadSeekCloser
}

// Rules is a sensor's local rule file (docs/rules.md) with the number of the revision that is in force.
type Rules struct {
	Revision uint64       `json:"revision"`
	Text     string       `json:"text"`
	Hosted   *HostedRules `json:"hosted,omitempty"` // asked after the local ones; nil when there are none
}

// HostedRules are the rules that hosted gave the sensor, with the number that hosted gave them.
type HostedRules struct {
	Revision uint64            `json:"revision"` // in force; 0: none
	Text     string            `json:"text"`
	Problem  *protocol.Problem `json:"problem,omitempty"` // why newer ones are not in force
}
