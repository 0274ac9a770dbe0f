package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/sqlite"
	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/protocol"
)

type fixture struct {
	*Service
	t     *testing.T
	store store.Store
	user  store.User
	clock time.Time
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{t: t, clock: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	now := func() time.Time { return f.clock }
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), sqlstore.Options{Now: now})
	f.ok(err)
	t.Cleanup(func() { s.Close() })
	f.store, f.Service = s, New(s, now)
	tenant, err := s.CreateTenant(t.Context(), "acme")
	f.ok(err)
	f.user, err = s.CreateUser(t.Context(), store.User{Tenant: tenant.ID, Name: "ann", Password: HashPassword("correct horse"), Role: store.RoleUser})
	f.ok(err)
	return f
}

func (f *fixture) ok(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) login() string {
	f.t.Helper()
	token, id, err := f.Login(f.t.Context(), "ann", "correct horse", From{Addr: "192.0.2.1"})
	f.ok(err)
	if id.Name != "ann" || id.TenantName != "acme" || id.Role != store.RoleUser {
		f.t.Errorf("identity %+v", id)
	}
	return token
}

// known says whether the session's token still identifies its user, else the problem's title.
func (f *fixture) known(token string) string {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), "GET", "/", nil)
	f.ok(err)
	r.AddCookie(&http.Cookie{Name: cookieName, Value: token})
	id, err := f.Identify(r)
	if err == nil && id.User == f.user.ID {
		return ""
	}
	var p *protocol.Problem
	if !errors.As(err, &p) || p.Status != http.StatusUnauthorized {
		f.t.Fatalf("error %v, want a problem 401", err)
	}
	return p.Title
}

func TestASessionEndsWhenItIsNotUsed(t *testing.T) {
	f := newFixture(t)
	token := f.login()
	for range 5 { // used, it lives on
		f.clock = f.clock.Add(sessionIdle - time.Minute)
		if s := f.known(token); s != "" {
			t.Fatalf("at %v: %s", f.clock, s)
		}
	}
	f.clock = f.clock.Add(sessionIdle + time.Minute)
	if f.known(token) == "" {
		t.Error("an idle session is still good")
	}
}

func TestASessionEndsHoweverMuchItIsUsed(t *testing.T) {
	f := newFixture(t)
	token, begin := f.login(), f.clock
	for f.clock.Sub(begin) < sessionLife-time.Hour {
		f.clock = f.clock.Add(time.Hour)
		if s := f.known(token); s != "" {
			t.Fatalf("after %v: %s", f.clock.Sub(begin), s)
		}
		f.ok(f.store.Maintain(t.Context(), f.clock)) // must not forget a session that is in use
	}
	f.clock = begin.Add(sessionLife)
	if f.known(token) == "" {
		t.Error("the session outlives its absolute end")
	}
}

func TestANewPasswordEndsAllSessions(t *testing.T) {
	f := newFixture(t)
	token := f.login()
	f.user.Password = HashPassword("another horse")
	f.ok(f.store.UpdateUser(t.Context(), f.user))
	if s := f.known(token); !strings.Contains(s, "password was changed") {
		t.Errorf("session of the old password: %q", s)
	}
}

func TestARemovedUserIsShutOut(t *testing.T) {
	f := newFixture(t)
	token := f.login()
	f.ok(f.store.DeleteUser(t.Context(), f.user.ID))
	if f.known(token) == "" {
		t.Error("the session of a user who is gone is good")
	}
}

func TestOnlyTheHashOfATokenIsStored(t *testing.T) {
	f := newFixture(t)
	token := f.login()
	if _, err := f.store.Session(t.Context(), hashOf(token)); err != nil {
		t.Error(err)
	}
	if len(token) < 43 {
		t.Errorf("token %q has fewer than 256 bits", token)
	}
	if s := f.known(token + "x"); s == "" {
		t.Error("another token is good")
	}
	if s := f.known(strings.Repeat("x", 100_000)); s != "not logged in" {
		t.Errorf("an endless cookie: %q", s)
	}
}

func TestAnAPITokenExpires(t *testing.T) {
	f := newFixture(t)
	secret := tokenPrefix + newSecret()
	f.ok(f.store.CreateAPIToken(t.Context(), store.APIToken{Hash: hashOf(secret), User: f.user.ID, Expires: f.clock.Add(time.Hour)}))
	ask := func() error {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+secret)
		_, err := f.Identify(r)
		return err
	}
	f.ok(ask())
	f.clock = f.clock.Add(time.Hour)
	if ask() == nil {
		t.Error("an expired token is good")
	}
}

func TestAStoreThatFailsIsNoLogin(t *testing.T) {
	f := newFixture(t)
	token := f.login()
	f.ok(f.store.Close())
	if _, _, err := f.Login(t.Context(), "ann", "correct horse", From{Addr: "192.0.2.1"}); err == nil {
		t.Error("logged in")
	}
	r, _ := http.NewRequestWithContext(t.Context(), "GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: cookieName, Value: token})
	_, err := f.Identify(r)
	var p *protocol.Problem
	if err == nil || errors.As(err, &p) {
		t.Errorf("error %v, want one that is no problem: it is not the client's fault", err)
	}
}

func TestLoginsAreLimitedByNameAndAddress(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	l := newLimiter(func() time.Time { return now })
	fail := func(name, addr string) (allowed int) {
		for l.wait(name, addr) == 0 && allowed < 1000 {
			l.failed(name, addr)
			allowed++
		}
		return allowed
	}
	if n := fail("ann", "192.0.2.1"); n != maxPair {
		t.Errorf("%d guesses of one name from one address, want %d", n, maxPair)
	}
	if l.wait("ann", "192.0.2.2") != 0 {
		t.Error("one address locks a user out from another")
	}
	wait := l.wait("ann", "192.0.2.1")
	if wait <= 0 || wait > window/maxPair {
		t.Errorf("wait %v, want at most %v for the next guess", wait, window/maxPair)
	}
	now = now.Add(wait)
	if n := fail("ann", "192.0.2.1"); n != 1 {
		t.Errorf("%d guesses after the wait, want 1", n)
	}
	total := 0
	for i := range 100 {
		total += fail(fmt.Sprint("user", i), "2001:db8:1:2::1")
		total += fail(fmt.Sprint("user", i), fmt.Sprintf("2001:db8:1:2::%x", i+2)) // the same /64
	}
	if total != maxAddress {
		t.Errorf("%d guesses from one network, want %d", total, maxAddress)
	}
	total = 0
	for i := range 100 {
		total += fail("bob", fmt.Sprintf("198.51.100.%d", i))
	}
	if total != maxName {
		t.Errorf("%d guesses of one name from everywhere, want %d", total, maxName)
	}
	now = now.Add(window)
	if l.wait("bob", "198.51.100.1") != 0 {
		t.Error("still locked after the window")
	}
}

func TestALoginThatSucceedsForgivesThoseBefore(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	l := newLimiter(func() time.Time { return now })
	for range 10 {
		for range maxPair - 1 {
			l.failed("ann", "192.0.2.1")
		}
		if l.wait("ann", "192.0.2.1") != 0 {
			t.Fatal("locked before the limit")
		}
		l.succeeded("ann", "192.0.2.1")
		now = now.Add(window) // for the counters of the address and of the name
	}
}

func TestTheLimiterIsBounded(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	l := newLimiter(func() time.Time { return now })
	for i := range maxCounters {
		l.failed(fmt.Sprint(i), "192.0.2.1")
	}
	if n := len(l.counters); n > maxCounters {
		t.Errorf("%d counters, bound %d", n, maxCounters)
	}
	now = now.Add(window)
	l.failed("x", "192.0.2.2")
	if n := len(l.counters); n > 3 {
		t.Errorf("%d counters after all have sunk, want the last login's", n)
	}
}

var _ Store = store.Store(nil)

func BenchmarkVerify(b *testing.B) {
	phc := HashPassword("correct horse")
	for b.Loop() {
		if ok, err := verify(context.Background(), phc, "correct horse"); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func TestANameThatNobodyCanHaveIsNotKeptAsItIs(t *testing.T) {
	f := newFixture(t)
	for i := range 20 {
		name := fmt.Sprint(i, "\x00", strings.Repeat("x", 60_000))
		_, _, err := f.Login(t.Context(), name, "wrong", From{Addr: fmt.Sprintf("192.0.2.%d", i)})
		var p *protocol.Problem
		if !errors.As(err, &p) || p.Code != CodeLoginFailed {
			t.Fatalf("got %v, want %s", err, CodeLoginFailed)
		}
	}
	for key := range f.limits.counters {
		if len(key) > 300 {
			t.Errorf("a counter's key has %d bytes", len(key))
		}
	}
	if n := len(f.limits.counters); n < 40 {
		t.Errorf("%d counters: such log-ins are not counted", n)
	}
}
