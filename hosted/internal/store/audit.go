package store

import "time"

// AuditEntry says who did what. Every login, download and rule change writes one.
type AuditEntry struct {
	ID     int64 // given by the store, rising
	Time   time.Time
	Tenant TenantID
	User   string
	Addr   string
	Action string // "login", "login-failed", "capture.download", ...
	Object string
	Bytes  int64
	Detail string
}

// AuditAge is how long an audit entry is kept.
const AuditAge = 400 * 24 * time.Hour

// AuditQuery selects audit entries, newest first. Zero fields select everything.
type AuditQuery struct {
	From, To time.Time // in [From, To)
	User     string    // exactly
	Action   string    // exactly, or all of a kind: "capture" is capture.open and capture.download
	Limit    int       // 1..1000
	After    int64     // ID of the last entry of the page before
}
