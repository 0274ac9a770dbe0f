package auth

import (
	"context"
	"errors"
	"net/http"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// CodeNoPassword is the problem of who would change a password and has none: an OpenID provider lets them in.
const CodeNoPassword = "no-password"

// ChangeOwnPassword changes the password of who has a session, who must know the current one, and answers a new session: all
// others end. Wrong guesses count as failed log-ins do. The errors are problems: wrong-password, no-password, too-many-logins,
// bad-request with the field.
func (s *Service) ChangeOwnPassword(ctx context.Context, id Identity, current, password string, from From) (token string, err error) {
	u, err := s.CheckOwnPassword(ctx, id, current, from)
	if err != nil {
		return "", err
	}
	if current == password {
		return "", badField("password", errors.New("the new password is the current one"))
	}
	u, err = s.ChangeUser(ctx, Actor{u.Name, from.Addr}, u, Change{Password: &password})
	if err != nil {
		return "", err
	}
	return s.open(ctx, u, from, id.Way)
}

// CheckOwnPassword says whether who asks knows the password, for what a stolen session must not do. Wrong guesses count as
// failed log-ins do. The errors are problems: wrong-password, no-password, too-many-logins.
func (s *Service) CheckOwnPassword(ctx context.Context, id Identity, current string, from From) (store.User, error) {
	if id.Session == "" {
		return store.User{}, &protocol.Problem{
			Code: protocol.CodeForbidden, Status: http.StatusForbidden, Title: "an API token does not do this", Remedy: "log in",
		}
	}
	u, err := s.user(ctx, id.User)
	if err != nil {
		return u, err
	}
	if u.Password == "" {
		return u, &protocol.Problem{
			Code: CodeNoPassword, Status: http.StatusConflict, Title: u.Name + " has no password here",
			Remedy: "use your OpenID provider for this",
		}
	}
	wait, err := s.mayTry(ctx, u.Name, from.Addr)
	if err == nil && wait > 0 {
		err = tooMany(wait)
	}
	if err != nil {
		return u, err
	}
	ok, err := verify(ctx, u.Password, current)
	if err != nil {
		return u, err
	}
	if !ok {
		if err := s.failed(ctx, u.Name, from.Addr); err != nil {
			return u, err
		}
		if err := s.auditUser(ctx, Actor{u.Name, from.Addr}, u, ActionLoginFailed, "asked for the password again"); err != nil {
			return u, err
		}
		return u, wrongPassword()
	}
	return u, s.succeeded(ctx, u.Name, from.Addr)
}

func wrongPassword() error {
	return &protocol.Problem{
		Code: "wrong-password", Status: http.StatusForbidden, Title: "the current password is wrong",
		Fields: map[string]string{"field": "current"},
	}
}

func disabled(u store.User) error {
	return &protocol.Problem{
		Code: CodeDisabled, Status: http.StatusForbidden, Title: "the user " + u.Name + " is disabled",
		Remedy: "ask an administrator of your tenant",
	}
}
