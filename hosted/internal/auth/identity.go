package auth

import (
	"time"

	"voiptop/hosted/internal/store"
)

// Right is what one may need to be allowed: one of the rights of a user, or several.
type Right = store.Rights

// The rights that routes ask for with Identity.May.
const (
	RightListen   = store.RightListen
	RightDownload = store.RightDownload
	RightRules    = store.RightRules
	RightNumbers  = store.RightNumbers
	RightExport   = store.RightExport
)

// Identity is who asks.
type Identity struct {
	User       int64
	Name       string
	Role       store.Role
	Rights     store.Rights // those of the user or, through a narrow token, what it leaves of them
	Narrow     bool         // asks with a token that was narrowed to rights, and so administers nothing
	Token      string       // the TokenID of the token that it asks with; "": it has a session
	Scope      store.TokenScope
	Session    string    // the SessionID of the session; "": it asks with a token
	Way        Way       // how the session was opened
	Managed    bool      // an OpenID provider says what the user may do
	Ends       time.Time // when the session or the token ends however much it is used; zero: never
	Tenant     store.TenantID
	TenantName string
}

// May reports whether i has a right. To see calls with masked numbers, sensors and rules needs none.
func (i Identity) May(r Right) bool { return i.Rights.Has(r) }

// MayManage reports whether i may administer the tenant: users, sensors, the audit log.
func (i Identity) MayManage() bool {
	return i.Role == store.RoleAdmin && !i.Narrow && i.Scope == store.ScopeAPI
}
