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
//	GET /v1/calls?limit=N&before=ID []protocol.CDR of ended calls, newest first, without streams and messages
//	GET /v1/calls/{id}              protocol.CDR, of a running or an ended call; {id} is the UUID or the Call-ID
//	GET /v1/calls/{id}/capture      application/vnd.tcpdump.pcap, the kept packets; Range is served
//	GET /v1/registrations           []protocol.Registration, in the order of address of record and contact
//	GET /v1/transactions?limit=N    []protocol.Transaction that ended last, newest first
//	GET /v1/rules                   protocol rules: Rules
//	PUT /v1/rules                   Rules in, Rules out; 412 when Revision is not the current one
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

// CaptureFile is an open capture: a pcapng file of known size that grows no more.
type CaptureFile struct {
	Name    string // file name to offer, e.g. "20261122-100000_1001_1002.pcapng"
	Size    int64
	ModTime time.Time
	io.ReadSeekCloser
}

// Rules is a sensor's local rule file (docs/rules.md) with the number of the revision that is in force.
type Rules struct {
	Revision uint64 `json:"revision"`
	Text     string `json:"text"`
}
