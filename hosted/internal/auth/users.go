package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// Codes of what cannot be done to a user.
const (
	CodeExists    = "exists"
	CodeLastAdmin = "last-admin"
	CodeManaged   = "managed-by-provider"
)

const maxNameLen = 64 // bytes

// CheckName says what is wrong with a name of a user or tenant: it is typed, logged, shown and part of a path.
func CheckName(what, name string) error {
	if name == "" || len(name) > maxNameLen {
		return fmt.Errorf("%s name has %d bytes, want 1 to %d", what, len(name), maxNameLen)
	}
	if !utf8.ValidString(name) {
		return fmt.Errorf("%s name %q is no UTF-8", what, name)
	}
	if strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }) || name == "." || name == ".." {
		return fmt.Errorf("%s name %q: want no spaces, no control characters and not only dots", what, name)
	}
	return nil
}

// Actor is who changes users, for the audit log.
type Actor struct{ Name, Addr string }

// NewUser is a user to be made.
type NewUser struct {
	Tenant   store.TenantID
	Name     string
	Role     store.Role
	Rights   *store.Rights // nil: those of the role
	Password string
}

// Change is what shall be different of a user; what is nil stays. A new role brings its own rights along unless Rights
// says otherwise.
type Change struct {
	Role     *store.Role
	Rights   *store.Rights
	Password *string
	Disabled *bool
}

// AddUser makes a user. What is wrong with the wish is a problem bad-request with the field, or exists.
func (s *Service) AddUser(ctx context.Context, by Actor, n NewUser) (store.User, error) {
	for _, err := range []error{badField("name", CheckName("user", n.Name)), checkRole(n.Role), badField("password", CheckPassword(n.Password))} {
		if err != nil {
			return store.User{}, err
		}
	}
	u := store.User{Tenant: n.Tenant, Name: n.Name, Role: n.Role, Rights: n.Role.Rights(), Created: s.now()}
	if n.Rights != nil {
		u.Rights = *n.Rights
	}
	var err error
	if u.Password, err = hash(ctx, n.Password); err != nil {
		return u, err
	}
	if u, err = s.store.CreateUser(ctx, u); errors.Is(err, store.ErrExists) {
		return u, &protocol.Problem{
			Code: CodeExists, Status: http.StatusConflict, Title: fmt.Sprintf("user %q exists already", n.Name),
			Remedy: "choose another name: log-in names are unique in the whole service", Fields: map[string]string{"field": "name"},
		}
	}
	if err != nil {
		return u, err
	}
	return u, s.auditUser(ctx, by, u, ActionUserAdd, powers(u))
}

// ChangeUser changes a user. A new password ends the user's sessions, and so does to be disabled. Problem last-admin: the tenant
// would be left without an administrator; managed-by-provider: an OpenID provider says what the user may do.
func (s *Service) ChangeUser(ctx context.Context, by Actor, u store.User, c Change) (store.User, error) {
	before := u
	if !u.Vouched.IsZero() && (c.Role != nil || c.Rights != nil || c.Password != nil) {
		return u, managed(u)
	}
	if c.Disabled != nil && *c.Disabled != (u.Disabled != "") {
		u.Disabled = ""
		if *c.Disabled {
			u.Disabled = store.DisabledByAdmin
		}
	}
	if c.Role != nil {
		if err := checkRole(*c.Role); err != nil {
			return u, err
		}
		if u.Role != *c.Role {
			u.Role, u.Rights = *c.Role, c.Role.Rights()
		}
	}
	if c.Rights != nil {
		u.Rights = *c.Rights
	}
	if c.Password != nil {
		if err := badField("password", CheckPassword(*c.Password)); err != nil {
			return u, err
		}
		var err error
		if u.Password, err = hash(ctx, *c.Password); err != nil {
			return u, err
		}
	}
	if u == before {
		return u, nil
	}
	if err := s.store.UpdateUser(ctx, u); err != nil {
		return u, lastAdmin(u, err)
	}
	if u.Password != before.Password || u.Disabled != "" {
		if err := s.store.DeleteSessions(ctx, u.ID, [32]byte{}); err != nil {
			return u, err
		}
	}
	if u.Disabled != before.Disabled {
		action := ActionEnable
		if u.Disabled != "" {
			action = ActionDisable
		}
		if err := s.auditUser(ctx, by, u, action, ""); err != nil {
			return u, err
		}
	}
	if powers(u) != powers(before) {
		if err := s.auditUser(ctx, by, u, ActionRole, powers(u)); err != nil {
			return u, err
		}
	}
	if u.Password != before.Password {
		return u, s.auditUser(ctx, by, u, ActionPassword, "")
	}
	return u, nil
}

// RemoveUser removes a user with the user's tokens; sessions end. Problem last-admin as with ChangeUser.
func (s *Service) RemoveUser(ctx context.Context, by Actor, u store.User) error {
	if err := s.store.DeleteUser(ctx, u.ID); err != nil {
		return lastAdmin(u, err)
	}
	if err := s.store.DeleteSessions(ctx, u.ID, [32]byte{}); err != nil {
		return err
	}
	return s.auditUser(ctx, by, u, ActionUserRemove, "")
}

// powers are a user's role and rights in words.
func powers(u store.User) string {
	if u.Rights == 0 {
		return string(u.Role) + ", no rights"
	}
	return string(u.Role) + ", rights " + u.Rights.String()
}

func (s *Service) auditUser(ctx context.Context, by Actor, u store.User, action, detail string) error {
	return s.store.Audit(ctx, store.AuditEntry{
		Time: s.now(), Tenant: u.Tenant, User: by.Name, Addr: by.Addr, Action: action, Object: u.Name, Detail: detail,
	})
}

func lastAdmin(u store.User, err error) error {
	if !errors.Is(err, store.ErrLastAdmin) {
		return err
	}
	return &protocol.Problem{
		Code: CodeLastAdmin, Status: http.StatusConflict, Title: u.Name + " is the tenant's last administrator",
		Remedy: "make another user administrator first",
	}
}

func checkRole(r store.Role) error {
	if r.Valid() {
		return nil
	}
	return badField("role", fmt.Errorf("role %q: want admin, user or viewer", r))
}

func badField(field string, err error) error {
	if err == nil {
		return nil
	}
	return &protocol.Problem{
		Code: protocol.CodeBadRequest, Status: http.StatusBadRequest, Title: err.Error(), Fields: map[string]string{"field": field},
	}
}
