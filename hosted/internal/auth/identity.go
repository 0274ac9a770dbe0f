package auth

import "voiptop/hosted/internal/store"

// Right is what one may need to be allowed: one of the rights of a user, or several.
type Right = store.Rights

// The rights that routes ask for with Identity.May.
const (
	RightListen   = store.RightListen
	RightDownload = store.RightDownload
	RightRules    = store.RightRules
)

// Identity is who asks.
type Identity struct {
	User       int64
	Name       string
	Role       store.Role
	Rights     store.Rights // those of the user or, through a narrow token, what it leaves of them
	Narrow     bool         // asks with a token that was narrowed to rights, and so administers nothing
	Tenant     store.TenantID
	TenantName string
}

// May reports whether i has a right. To see calls, sensors and rules needs none.
func (i Identity) May(r Right) bool { return i.Rights.Has(r) }

// MayManage reports whether i may administer the tenant: users, sensors, the audit log.
func (i Identity) MayManage() bool { return i.Role == store.RoleAdmin && !i.Narrow }
