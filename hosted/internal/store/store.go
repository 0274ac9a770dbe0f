// Package store says what hosted keeps: tenants, users, sensors, tokens, CDRs and their statistics, rules, searches, alerts, the
// nodes of the service, and the audit log. Store is the interface, store/sqlite (embedded, no set-up) and store/postgres
// implement it, and storetest is the set of promises that both are held to. A method that reads or changes a tenant's data for
// somebody takes the tenant. Those that take none are the service's own: log-in, links of sensors, nodes, messages of alerts
// that are due, revisions of rules, retention.
//
// It is not for packets: no capture and no audio is ever stored.
package store

import (
	"context"
	"errors"
	"time"

	"voiptop/protocol"
	"voiptop/rules"
)

// Errors that callers branch on.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("exists already")
	ErrStale    = errors.New("changed meanwhile") // by somebody else, since it was read
	ErrGap      = errors.New("batch does not follow the last one")
	ErrCursor   = errors.New("not a cursor of this list") // CallQuery.After is nothing that CallPage.Next was
	ErrTooSlow  = errors.New("the search takes too long")
	// ErrLastAdmin: the change would leave a tenant without an administrator.
	ErrLastAdmin = errors.New("the tenant's last administrator")
)

// TenantID numbers a customer.
type TenantID int64

// Tenant is a customer of hosted.
type Tenant struct {
	ID           TenantID
	Name         string
	MaxChannels  int // concurrent calls that are analysed with media; 2000 unless set
	Suspended    bool
	RuleRevision uint64 // of the rules in force, 0: none were written yet
	Created      time.Time
}

// User belongs to one tenant.
type User struct {
	ID       int64
	Tenant   TenantID
	Name     string // log-in name, unique in hosted
	Password string // argon2id, PHC string format
	Role     Role
	Rights   Rights
	Disabled DisabledBy // not "": may not log in, and the user's tokens do nothing
	Vouched  time.Time  // when an OpenID provider last said who this is and what may be done; zero: hosted alone says that
	Created  time.Time
}

// APIToken lets a program act as a user.
type APIToken struct {
	Hash    [32]byte // SHA-256 of the token
	User    int64
	Label   string
	Narrow  bool   // the program administers nothing, and of the user's rights has only those in Rights
	Rights  Rights // of a narrow token
	Scope   TokenScope
	Created time.Time
	Expires time.Time // zero: never
	Used    time.Time // zero: never, or not since hosted keeps that
}

// Sensor is an enrolled sensord. Its identity is UUID and key; SensorID is a label, unique in the tenant.
type Sensor struct {
	UUID     protocol.UUID
	Tenant   TenantID
	SensorID uint16
	KeyHash  [32]byte // SHA-256 of the SubjectPublicKeyInfo that it enrolled with
	Info     protocol.SensorInfo
	Addr     string // where its last link came from
	Enrolled time.Time
	LastSeen time.Time
	Revoked  bool
	Rules    SensorRules
	LastCDR  time.Time // when the last batch was stored
	CDRs     uint64
}

// EnrolToken lets one sensor enrol once.
type EnrolToken struct {
	Hash    [32]byte // SHA-256 of the token's secret
	Tenant  TenantID
	Created time.Time
	Expires time.Time
	Used    time.Time
}

// Cursor is how far a sensor's CDRs are stored: every record of Epoch below Next.
type Cursor struct {
	Epoch uint64
	Next  uint64
}

// Batch is consecutive CDRs of one sensor; the first has number First. The sensor has lost the Lost numbers directly
// before First (its disk was full, or damaged), so a cursor that is no further back than that is not a gap.
type Batch struct {
	Tenant TenantID
	Sensor protocol.UUID
	Epoch  uint64
	First  uint64
	Lost   uint64
	CDRs   []protocol.CDR
}

// CallQuery selects calls, newest first unless it says otherwise: those for which all of its fields hold. Zero fields select everything.
type CallQuery struct {
	Where    rules.Expr    // what Match says of the call that ended, headers excepted: none is stored
	From, To protocol.Time // start in [From, To)
	Number   string        // prefix of caller or callee
	Text     string        // number prefix, exact Call-ID, id, or IP address of either side
	CallID   string        // exactly
	Group    protocol.UUID // the calls of a group, its first included
	SensorID uint16
	Status   int
	MaxMOS   float64 // calls whose MOS is below
	Finding  string  // code
	Kept     bool    // only calls with a capture
	Oldest   bool    // the oldest first
	Whole    bool    // the page has its calls' streams and messages
	Limit    int     // 1..1000
	After    string  // cursor of the page before, from CallPage.Next
}

// CallPage is one page of calls, without streams and messages unless CallQuery.Whole asks for them. Next is "" on the last.
type CallPage struct {
	Calls []protocol.CDR
	Next  string
	// Searched is how far back the store has come when SearchTime was over before the page was full: what matches of older calls
	// is on the next page. Zero: the page is full, or the last.
	Searched protocol.Time
}

// SearchTime is how long a store looks for a page of calls before it answers with those that it has come to. One statement
// takes no longer than StatementTime: then the answer is ErrTooSlow.
const (
	SearchTime    = 2 * time.Second
	StatementTime = 10 * time.Second
)

// CallCount is how many calls a query finds.
type CallCount struct {
	Calls    int
	Complete bool          // there are no more; otherwise the most that was asked for, or SearchTime, was reached
	Searched protocol.Time // how far back was looked, 0: to the end
}

// Store is safe for use by many goroutines.
type Store interface {
	CreateTenant(ctx context.Context, name string) (Tenant, error)
	Tenant(ctx context.Context, id TenantID) (Tenant, error)
	Tenants(ctx context.Context) ([]Tenant, error)
	// UpdateTenant changes what of a tenant may change: MaxChannels and Suspended.
	UpdateTenant(ctx context.Context, t Tenant) error

	CreateUser(ctx context.Context, u User) (User, error)
	UserByName(ctx context.Context, name string) (User, error)
	User(ctx context.Context, id int64) (User, error)
	Users(ctx context.Context, t TenantID) ([]User, error)
	// UpdateUser changes what of a user may change: Password, Role, Rights and Disabled. ErrLastAdmin: the tenant would have no
	// administrator any more.
	UpdateUser(ctx context.Context, u User) error
	// DeleteUser removes a user and the user's API tokens. ErrLastAdmin as with UpdateUser.
	DeleteUser(ctx context.Context, id int64) error
	CreateAPIToken(ctx context.Context, t APIToken) error
	APIToken(ctx context.Context, hash [32]byte) (APIToken, error)
	// APITokens lists a user's tokens, newest first.
	APITokens(ctx context.Context, user int64) ([]APIToken, error)
	// DeleteAPIToken removes a user's token. ErrNotFound: the user has no such token.
	DeleteAPIToken(ctx context.Context, user int64, hash [32]byte) error

	Access
	LoginFailures

	CreateEnrolToken(ctx context.Context, t EnrolToken) error
	// RedeemEnrolToken marks an unused, unexpired token used and enrols the sensor, in one transaction.
	// A sensor that enrols again with the same key keeps its UUID and cursor. The tenant is the token's.
	// ErrNotFound: no such token; of one that was used already, or has expired, the answer has the Tenant.
	// ErrExists: SensorID is held by another sensor of the tenant that is not revoked; the answer then has the Tenant, and
	// the token stays usable.
	RedeemEnrolToken(ctx context.Context, hash [32]byte, now time.Time, s Sensor) (Sensor, error)
	Sensor(ctx context.Context, t TenantID, id protocol.UUID) (Sensor, error)
	SensorByNumber(ctx context.Context, t TenantID, sensorID uint16) (Sensor, error)
	Sensors(ctx context.Context, t TenantID) ([]Sensor, error)
	// TouchSensor records what the last hello said, the number included if it says one. ErrExists: that number is held
	// by another sensor of the tenant.
	TouchSensor(ctx context.Context, t TenantID, id protocol.UUID, info protocol.SensorInfo, addr string, now time.Time) error
	RevokeSensor(ctx context.Context, t TenantID, id protocol.UUID) error
	// SetSensorRules records what a sensor says of the rules that it applies.
	SetSensorRules(ctx context.Context, t TenantID, id protocol.UUID, r SensorRules) error

	// Rules are the tenant's rules in force; a tenant that never wrote any has revision 0.
	Rules(ctx context.Context, t TenantID) (RuleSet, error)
	// SetRules stores the revision that follows r.Revision, and answers it. ErrStale: r.Revision is not the one in force.
	// Revisions further back than RuleHistory are forgotten.
	SetRules(ctx context.Context, r RuleSet) (RuleSet, error)
	// RuleHistory lists the revisions that are kept, newest first, without their texts; RulesAt has them.
	RuleHistory(ctx context.Context, t TenantID) ([]RuleSet, error)
	RulesAt(ctx context.Context, t TenantID, revision uint64) (RuleSet, error)
	// RuleRevisions is what each tenant's rules in force are numbered, of tenants that have any. It is cheap: every node
	// of hosted asks twice a second, so that a change that was made on another reaches the sensors that are linked to it.
	RuleRevisions(ctx context.Context) (map[TenantID]uint64, error)

	Cluster

	Cursor(ctx context.Context, t TenantID, sensor protocol.UUID) (Cursor, error)
	// AppendCDRs stores a batch and advances the sensor's cursor in one transaction, and answers the new cursor. What the
	// cursor has passed already is skipped by number. A batch that begins beyond cursor and Lost is refused with ErrGap. A new
	// epoch (the sensor's journal began anew) starts at its own First. A call that is there already, by its id, is
	// replaced: a file that is replayed gives no second row. ErrNotFound: no such sensor in the tenant.
	//
	// A call is filed under the day of its start. If its start is older than the store keeps calls, or is more than a
	// day ahead (a wrong clock, an old file replayed), it is filed under now, so that it is kept as long as any other.
	AppendCDRs(ctx context.Context, b Batch, now time.Time) (Cursor, error)

	// Calls reads a page. Whatever the conditions, it answers within about SearchTime, see CallPage.Searched.
	Calls(ctx context.Context, t TenantID, q CallQuery) (CallPage, error)
	// CountFound counts the calls that Calls would find page after page, up to most. Limit and After of q are not heeded.
	CountFound(ctx context.Context, t TenantID, q CallQuery, most int) (CallCount, error)
	Call(ctx context.Context, t TenantID, id protocol.UUID) (protocol.CDR, error)
	Statistics
	HealthLog
	CountCalls(ctx context.Context, t TenantID) (uint64, error)
	// DropBefore removes the days that ended before t, whole.
	DropBefore(ctx context.Context, t time.Time) error
	// Maintain makes the room that calls of today and the next days need, and forgets what expired before now
	// (sessions, API tokens, enrolment tokens) and audit entries older than AuditAge.
	Maintain(ctx context.Context, now time.Time) error

	Searches

	Audit(ctx context.Context, e AuditEntry) error
	// AuditLog lists what was done in a tenant. Entries that are written meanwhile come before the first page.
	AuditLog(ctx context.Context, t TenantID, q AuditQuery) ([]AuditEntry, error)

	Alerts

	// Secret reads the named secret, or stores and answers what create makes if there is none. (CA key and certificate.)
	Secret(ctx context.Context, name string, create func() ([]byte, error)) ([]byte, error)
	// Ping reports whether the store answers.
	Ping(ctx context.Context) error
	Close() error
}
