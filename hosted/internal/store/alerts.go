package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"voiptop/protocol"
)

// Errors of alerts that callers branch on.
var (
	ErrFull  = errors.New("there are as many as may be")
	ErrLease = errors.New("another process has the lease") // what was to be written was not
)

// Alert is a definition that a tenant has. The store does not look into definitions: package alert does.
type Alert struct {
	ID       int64
	Tenant   TenantID
	Revision int64           // from 1, each change one more
	Spec     json.RawMessage // alert.Spec
	Enabled  bool            // as Spec says
	Author   string          // who changed it last
	Changed  time.Time
}

// Receiver is somebody who is told. Spec holds secrets.
type Receiver struct {
	ID      int64
	Tenant  TenantID
	Spec    json.RawMessage // alert.Receiver
	Author  string
	Changed time.Time
}

// Silence keeps alerts from telling anybody. They are evaluated all the same.
type Silence struct {
	ID     int64
	Tenant TenantID
	Alert  int64 // 0: all of the tenant
	From   time.Time
	To     time.Time
	Author string
	Reason string
}

// Incident is a time in which an alert fired.
type Incident struct {
	ID      string // unique in hosted
	Tenant  TenantID
	Alert   int64
	Started time.Time
	Ended   time.Time       // zero: it lasts
	Data    json.RawMessage // alert.Incident
	AckedBy string          // "": nobody has
	AckedAt time.Time
	AckNote string
}

// IncidentQuery selects incidents, newest first. Zero fields select everything.
type IncidentQuery struct {
	Alert int64
	Open  bool   // only those that last
	ID    string // this one
	Limit int    // 1..1000
	After string // the last of the page before: Cursor of its incident
}

// Cursor is the place of an incident in the list.
func (i *Incident) Cursor() string { return protocol.TimeOf(i.Started).String() + "/" + i.ID }

// AlertCounts is what one process counted for an alert and a key in one slot of time.
type AlertCounts struct {
	Tenant  TenantID
	Alert   int64
	Counted int64 // what of the alert was counted: alert.Counter.Key
	At      protocol.Time
	Key     string
	Data    json.RawMessage // alert.Counts
}

// AlertState is how an alert stood when it was evaluated last.
type AlertState struct {
	Alert int64
	Data  json.RawMessage // alert.State
}

// Notice is a message that is to be delivered to a receiver, or was.
type Notice struct {
	ID       int64
	Tenant   TenantID
	Incident string
	Receiver int64
	Name     string // the receiver's, as it was
	Event    string
	Body     json.RawMessage // alert.Message
	Created  time.Time
	Next     time.Time // when it is tried; zero: no more
	Done     time.Time // when it was delivered; zero: it was not
	Attempts []Attempted
}

// Attempted is one attempt to deliver a notice.
type Attempted struct {
	At     protocol.Time `json:"at"`
	Result string        `json:"result"` // "ok", or what went wrong; never a secret
	TookMS int64         `json:"took_ms"`
}

// Evaluation is what is stored of one evaluation of an alert, all or nothing.
type Evaluation struct {
	Tenant   TenantID
	Alert    int64
	State    json.RawMessage // alert.State; nil: it is forgotten, and what was counted with it
	Incident *Incident       // that began, changed or ended; acknowledgement is left as it is; nil: none
	Notices  []Notice
	Before   protocol.Time // what was counted in slots before is forgotten; 0: nothing is
}

// SensorSeen is when a sensor was last heard of.
type SensorSeen struct {
	Tenant TenantID
	Sensor protocol.UUID
	At     time.Time
}

// How long what alerts leave is kept, and how much of it.
const (
	IncidentAge  = 90 * 24 * time.Hour
	MaxIncidents = 5000 // of a tenant, the newest
)

// Alerts is what a store keeps for alerts. It is part of Store.
type Alerts interface {
	// CreateAlert stores a new definition with revision 1. ErrFull: the tenant has most of them.
	CreateAlert(ctx context.Context, a Alert, most int) (Alert, error)
	Alerts(ctx context.Context, t TenantID) ([]Alert, error)
	Alert(ctx context.Context, t TenantID, id int64) (Alert, error)
	// UpdateAlert stores the revision that follows a.Revision. ErrStale: a.Revision is not the one in force.
	UpdateAlert(ctx context.Context, a Alert) (Alert, error)
	// DeleteAlert removes a definition. Its incidents stay; its state does until the next evaluation has seen that it is gone.
	DeleteAlert(ctx context.Context, t TenantID, id int64) error
	// AlertVersions answers for each tenant that has alerts, or states of such that are gone, a number that changes whenever one
	// of its alerts does.
	AlertVersions(ctx context.Context) (map[TenantID]int64, error)

	CreateReceiver(ctx context.Context, r Receiver, most int) (Receiver, error)
	Receivers(ctx context.Context, t TenantID) ([]Receiver, error)
	Receiver(ctx context.Context, t TenantID, id int64) (Receiver, error)
	UpdateReceiver(ctx context.Context, r Receiver) error
	DeleteReceiver(ctx context.Context, t TenantID, id int64) error

	// CreateSilence stores a silence. ErrFull: the tenant has most of them that are not over at its From.
	CreateSilence(ctx context.Context, s Silence, most int) (Silence, error)
	// Silences lists those that are not over, the earliest to end first.
	Silences(ctx context.Context, t TenantID, now time.Time) ([]Silence, error)
	// EndSilence lets a silence end at a time. ErrNotFound: there is none that lasts so long.
	EndSilence(ctx context.Context, t TenantID, id int64, at time.Time) error

	Incidents(ctx context.Context, t TenantID, q IncidentQuery) ([]Incident, error)
	// AckIncident notes who has seen to an incident that lasts. ErrNotFound: there is no such incident, or it is over.
	AckIncident(ctx context.Context, t TenantID, id, by, note string, at time.Time) error
	// Notices lists the messages about an incident, the first first.
	Notices(ctx context.Context, t TenantID, incident string) ([]Notice, error)

	// PutAlertCounts stores what a process counted; what it stored before for the same place is replaced. node names it.
	PutAlertCounts(ctx context.Context, node string, counts []AlertCounts) error
	// AlertCounts lists what all processes counted for an alert in slots from a time on.
	AlertCounts(ctx context.Context, t TenantID, alert, counted int64, from protocol.Time) ([]AlertCounts, error)
	// PutSensorsSeen notes when sensors were heard of; SensorsSeen answers it.
	PutSensorsSeen(ctx context.Context, seen []SensorSeen) error
	SensorsSeen(ctx context.Context, t TenantID) ([]SensorSeen, error)

	AlertStates(ctx context.Context, t TenantID) ([]AlertState, error)
	// SaveEvaluation stores an evaluation if holder has the lease, ErrLease otherwise.
	SaveEvaluation(ctx context.Context, lease, holder string, now time.Time, e Evaluation) error
	// DueNotices lists notices whose time to be tried has come, the oldest first.
	DueNotices(ctx context.Context, now time.Time, limit int) ([]Notice, error)
	// UpdateNotice stores what became of a notice: Next, Done and Attempts.
	UpdateNotice(ctx context.Context, n Notice) error

	// Lease takes or keeps a lease for ttl, and reports whether holder has it. One holder at a time has it.
	Lease(ctx context.Context, name, holder string, now time.Time, ttl time.Duration) (bool, error)
	// EndLease gives it back.
	EndLease(ctx context.Context, name, holder string) error
}
