package auth

import (
	"context"
	"fmt"
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
	if id.Session == "" {
		return "", &protocol.Problem{
			Code: protocol.CodeForbidden, Status: http.StatusForbidden, Title: "an API token changes no password", Remedy: "log in",
		}
	}
	u, err := s.user(ctx, id.User)
	if err != nil {
		return "", err
	}
	if u.Password == "" {
		return "", &protocol.Problem{
			Code: CodeNoPassword, Status: http.StatusConflict, Title: u.Name + " has no password here",
			Remedy: "change it where you log in, at your OpenID provider",
		}
	}
	if wait := s.limits.wait(u.Name, from.Addr); wait > 0 {
		return "", tooMany(wait)
	}
	ok, err := verify(ctx, u.Password, current)
	if err != nil {
		return "", err
	}
	if !ok {
		s.limits.failed(u.Name, from.Addr)
		if err := s.auditUser(ctx, Actor{u.Name, from.Addr}, u, ActionLoginFailed, "at the change of the password"); err != nil {
			return "", err
		}
		return "", wrongPassword()
	}
	if current == password {
		return "", badField("password", fmt.Errorf("the new password is the current one"))
	}
	u, err = s.ChangeUser(ctx, Actor{u.Name, from.Addr}, u, Change{Password: &password})
	if err != nil {
		return "", err
	}
	s.limits.succeeded(u.Name, from.Addr)
	return s.open(ctx, u, from, id.Way)
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
