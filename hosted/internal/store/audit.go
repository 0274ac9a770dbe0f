package store

import "time"

// AuditEntry says who did what. Every login, download and rule change writes one.
type AuditEntry struct {
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
	After    string    // cursor of the page before, from AuditPage.Next
}

// AuditPage is one page of entries. Next is "" on the last.
type AuditPage struct {
	Entries []AuditEntry
	Next    string
}
