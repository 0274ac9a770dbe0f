package httpapi

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/mask"
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
	secret, err := a.Store.Secret(ctx, maskSecret, func() ([]byte, error) {
		b := make([]byte, 32)
		_, _ = rand.Read(b) // never fails: crypto/rand documents it
		return b, nil
	})
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, secret)
	fmt.Fprintf(h, "tenant %d", t)
	return mask.New(h.Sum(nil)), nil
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
