package auth

import (
	"context"
	"net/http"
	"time"
)

const cookieName = "session"

// hostOnly is put before the name of a cookie that is set by TLS: a browser takes such a one only from this very host (RFC 6265bis,
// section 4.1.3.2), so that a neighbour below the same domain can slip nobody its own session.
const hostOnly = "__Host-"

type overTLS struct{}

// OverTLS notes that the browser sent a request by TLS. Its cookies have other names than those of plain HTTP.
func OverTLS(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), overTLS{}, true))
}

// CookieName is what a cookie is called that came with a request, or is set by the answer to it. Its path is "/".
func CookieName(r *http.Request, name string) string {
	if secure, _ := r.Context().Value(overTLS{}).(bool); secure {
		return hostOnly + name
	}
	return name
}

// cookieToken is the session's token that a request has, "" if it has none that can be one.
func cookieToken(r *http.Request) string {
	c, err := r.Cookie(CookieName(r, cookieName))
	if err != nil || len(c.Value) > maxTokenText {
		return ""
	}
	return c.Value
}

// SetCookie gives the browser that sent r its session. An empty token takes the cookie away.
func SetCookie(w http.ResponseWriter, r *http.Request, token string) {
	name := CookieName(r, cookieName)
	c := &http.Cookie{
		Name: name, Value: token, Path: "/", HttpOnly: true, Secure: name != cookieName,
		SameSite: http.SameSiteStrictMode, MaxAge: int(sessionLife / time.Second),
	}
	if token == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}
