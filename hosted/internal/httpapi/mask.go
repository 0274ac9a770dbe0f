package httpapi

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/netip"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/mask"
	"voiptop/protocol/mcp"
	"voiptop/rules"
)

// maskSecret is what the marks of masked numbers depend on (package mask).
const maskSecret = "mask"

// masker masks what an identity may not see; nil: it may see numbers whole. A tenant's numbers have marks of their own.
func (a *api) masker(ctx context.Context, id auth.Identity) (*mask.Masker, error) {
	if id.May(auth.RightNumbers) {
		return nil, nil
	}
	return a.tenantMask(ctx, id.Tenant)
}

func (a *api) tenantMask(ctx context.Context, t store.TenantID) (*mask.Masker, error) {
	secret, err := a.maskKey(ctx)
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, secret)
	fmt.Fprintf(h, "tenant %d", t)
	return mask.New(h.Sum(nil)), nil
}

// maskKey reads the secret once: it never changes.
func (a *api) maskKey(ctx context.Context) ([]byte, error) {
	if known := a.marks.Load(); known != nil {
		return *known, nil
	}
	secret, err := a.Store.Secret(ctx, maskSecret, func() ([]byte, error) {
		b := make([]byte, 32)
		_, _ = rand.Read(b) // never fails: crypto/rand documents it
		return b, nil
	})
	if err == nil {
		a.marks.Store(&secret)
	}
	return secret, err
}

// condition reads a condition of an identity, which must not ask for what the identity may not see.
func (a *api) condition(ctx context.Context, id auth.Identity, text string) (rules.Expr, error) {
	e, err := a.conditions.Read(ctx, id.Tenant, text)
	if err == nil {
		err = mayAsk(id, e)
	}
	return e, err
}

// mayAsk is nil, or the problem of a condition that asks who called, of who may not see that.
func mayAsk(id auth.Identity, e rules.Expr) error {
	if e.AsksWho() && !id.May(auth.RightNumbers) {
		return mcp.NumbersHidden()
	}
	return nil
}

// mayCount is mayAsk of a text; one that cannot be read is told by whoever reads it.
func (a *api) mayCount(ctx context.Context, id auth.Identity, where string) error {
	if e, err := a.conditions.Read(ctx, id.Tenant, where); err == nil {
		return mayAsk(id, e)
	}
	return nil
}

// withoutNumbers is a search of who may not see numbers: beginnings of numbers are not searched, with which numbers could be
// found out; a text is an address, an id or a Call-ID.
func withoutNumbers(q store.CallQuery) (store.CallQuery, error) {
	if q.Number != "" {
		return q, mcp.NumbersHidden()
	}
	if q.Text == "" {
		return q, nil
	}
	_, notID := protocol.ParseUUID(q.Text)
	if _, err := netip.ParseAddr(q.Text); err != nil && notID != nil {
		if q.CallID != "" && q.CallID != q.Text {
			return q, mcp.NumbersHidden()
		}
		q.CallID, q.Text = q.Text, ""
	}
	return q, nil
}

// nameless takes the name out of a file's answer: sensors name files after the call's numbers.
type nameless struct{ http.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (n nameless) WriteHeader(status int) {
	n.Header().Del("Content-Disposition")
	n.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (n nameless) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// maskLive masks an update in its place.
func maskLive(m *mask.Masker, u *protocol.LiveUpdate) {
	if m == nil {
		return
	}
	for i := range u.Calls {
		u.Calls[i] = m.Live(u.Calls[i])
	}
}

// maskCalls masks a list in its place.
func maskCalls(m *mask.Masker, list []protocol.CDR) {
	if m == nil {
		return
	}
	for i := range list {
		list[i] = *m.CDR(&list[i])
	}
}
