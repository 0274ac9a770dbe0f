// Package source is where calls come from: a sensor's socket, a hosted service, or capture files, behind one interface, so
// that voiptop and voipmon (pcap, audio, rules) are the same on all three.
//
// It is not for showing anything and not for reconnecting: Watch ends when its source goes away, and whoever watches
// decides when to try again.
package source

import (
	"context"
	"io"
	"net/http"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// Source answers questions about calls. Methods may be called from many goroutines at once. Errors that are a
// *protocol.Problem say what to do.
type Source interface {
	// Name says where the calls come from, for a title: "/run/sensord/sensord.sock", "https://voip.example", "calls.pcap".
	Name() string
	// Info describes the sensor, the service or the files.
	Info(ctx context.Context) (protocol.SensorInfo, error)
	// Watch calls emit with a snapshot of the running calls, then with deltas or further snapshots. It answers nil when
	// there is nothing more to come (the file has been read), else why it ended: ctx, emit's error, or the source's.
	Watch(ctx context.Context, emit func(*protocol.LiveUpdate) error) error
	// Calls lists ended calls, newest first: at most limit (1..1000, of a file any number), from the place that the page before named in next
	// ("" on the first page, and answered on the last). Of a sensor and of hosted they come without streams and messages.
	Calls(ctx context.Context, limit int, after string) (calls []protocol.CDR, next string, err error)
	// Call finds a running or ended call by its UUID or Call-ID.
	Call(ctx context.Context, id string) (*protocol.CDR, error)
	// Capture writes the packets of a call to w as a pcapng file and answers how many bytes it wrote. When there are none,
	// the error is a *protocol.Problem that says why, and nothing was written.
	Capture(ctx context.Context, id string, w io.Writer) (int64, error)
	// Registrations tells who is registered, and who fails to, sorted as protocol.SortRegistrations does. Of a fleet it is what
	// all sensors that are online know; when one of them does not answer, there is an error beside the others' list.
	Registrations(ctx context.Context) ([]protocol.Registration, error)
	// Rules answers the capture rules of a sensor. The zero UUID stands for the only one there is; of a fleet for the service's
	// rules, which all its sensors ask after their own.
	Rules(ctx context.Context, sensor protocol.UUID) (sensorapi.Rules, error)
	// SetRules replaces them if r.Revision is the one in force.
	SetRules(ctx context.Context, sensor protocol.UUID, r sensorapi.Rules) (sensorapi.Rules, error)
	// Close ends what the source has started and waits for it.
	Close() error
}

// Searcher is a Source that finds past calls itself, also those that were never listed, and by what lists do not carry.
type Searcher interface {
	Source
	// Search is Calls of those that a condition of package rules holds for. What is wrong with the condition is a
	// *protocol.Problem.
	Search(ctx context.Context, where string, limit int, after string) (Page, error)
}

// Page is a page of calls that were searched for.
type Page struct {
	Calls []protocol.CDR
	Next  string // "" on the last
	// Searched is how far back was looked, if the time was up before the page was full: Next goes on there.
	Searched protocol.Time
}

// Fleet is a Source that speaks for several sensors.
type Fleet interface {
	Source
	Sensors(ctx context.Context) ([]SensorStatus, error)
}

// Noter is a Source that has something to say of its input.
type Noter interface {
	Notes() []string
}

// SensorStatus is one sensor as hosted knows it.
type SensorStatus struct {
	UUID     protocol.UUID      `json:"uuid"`
	SensorID uint16             `json:"id_sensor"`
	Name     string             `json:"name"`
	Version  string             `json:"version"`
	OS       string             `json:"os"`
	Arch     string             `json:"arch"`
	Online   bool               `json:"online"`
	Addr     string             `json:"addr"`
	LastSeen protocol.Time      `json:"last_seen"`
	LastCDR  protocol.Time      `json:"last_cdr"`
	CDRs     uint64             `json:"cdrs"`
	Revoked  bool               `json:"revoked"`
	Source   string             `json:"source"`
	Running  *int               `json:"running"` // calls; nil while the sensor does not answer
	Queue    *uint64            `json:"queue"`   // CDRs that the sensor has not delivered yet; nil likewise
	Problems []protocol.Problem `json:"problems"`

	LocalRuleRevision  uint64            `json:"local_rule_revision"`
	HostedRuleRevision uint64            `json:"hosted_rule_revision"` // of hosted's rules, as the sensor has them in force
	RulesCurrent       bool              `json:"rules_current"`        // they are the newest
	RulesProblem       *protocol.Problem `json:"rules_problem"`        // why they are not
}

func notFound(title string) error {
	return &protocol.Problem{Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: title}
}
