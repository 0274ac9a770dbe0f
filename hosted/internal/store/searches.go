package store

import (
	"context"
	"time"
)

// SavedSearch is a search of calls under a name. What its texts mean is the HTTP API's: the store keeps them.
type SavedSearch struct {
	ID      int64
	Tenant  TenantID
	Owner   int64  // whose it is; 0: the tenant's, all its users see it
	Author  string // who saved it first
	Name    string // unique among the owner's, or the tenant's
	Where   string // a condition
	Range   string // of time
	Columns []string
	Changed time.Time
}

// MaxSearches is how many searches a user may have, and how many a tenant may share.
const MaxSearches = 200

// Searches keeps saved searches.
type Searches interface {
	// Searches lists a user's searches and those that the tenant shares, by name.
	Searches(ctx context.Context, t TenantID, user int64) ([]SavedSearch, error)
	// SaveSearch stores a new search (ID 0) or changes one of the tenant's, and answers it. ErrExists: another has the name.
	// ErrFull. ErrNotFound: there is none with that ID.
	SaveSearch(ctx context.Context, s SavedSearch) (SavedSearch, error)
	// DeleteSearch forgets a search; those of a user go with the user.
	DeleteSearch(ctx context.Context, t TenantID, id int64) error
}
