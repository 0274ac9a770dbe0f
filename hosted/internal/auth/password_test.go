package auth

import (
	"context"
	"strings"
	"testing"
)

func TestAPasswordIsKnownByItsHash(t *testing.T) {
	phc := HashPassword("correct horse")
	if !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash %q is no PHC string of argon2id", phc)
	}
	if phc == HashPassword("correct horse") {
		t.Error("the same password has the same hash twice: no salt")
	}
	for password, want := range map[string]bool{"correct horse": true, "correct horsf": false, "": false, strings.Repeat("x", 2000): false} {
		if got, err := verify(t.Context(), phc, password); err != nil || got != want {
			t.Errorf("%.20q: %v, %v, want %v", password, got, err, want)
		}
	}
	if ok, err := verify(t.Context(), "", ""); ok || err != nil {
		t.Errorf("nobody logs in: %v, %v", ok, err)
	}
}

func TestHashesOfOtherParametersStayGood(t *testing.T) {
	// Made by the reference implementation, with more memory and lanes than ours.
	const phc = "$argon2id$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$GpZ3sK/oH9p7VIiV56G/64Zo/8GaUw434IimaPqxwCo"
	if ok, err := verify(t.Context(), phc, "password"); err != nil || !ok {
		t.Errorf("%v, %v, want a match", ok, err)
	}
}

func TestADamagedHashIsAnError(t *testing.T) {
	good := HashPassword("x")
	for _, phc := range []string{
		"x", "$argon2i$v=19$m=19456,t=2,p=1$AAAA$AAAA", strings.Replace(good, "v=19", "v=16", 1), strings.Replace(good, "m=19456", "m=4294967295", 1),
		strings.Replace(good, "t=2", "t=0", 1), strings.Replace(good, "p=1", "p=0", 1), good[:len(good)-30], good + "!", strings.ReplaceAll(good, "$", ""),
	} {
		if ok, err := verify(t.Context(), phc, "x"); ok || err == nil {
			t.Errorf("%q: %v, %v, want an error", phc, ok, err)
		}
	}
}

func TestHashingWaitsForARoomOfItsOwnAndGivesUpWithTheRequest(t *testing.T) {
	for range cap(hashing) {
		hashing <- struct{}{}
	}
	defer func() {
		for range cap(hashing) {
			<-hashing
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := verify(ctx, "", "x"); err == nil {
		t.Error("a password was hashed beyond the bound")
	}
}

func TestMadePasswordsDifferAndAreAccepted(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		p := NewPassword()
		if seen[p] || CheckPassword(p) != nil || strings.Trim(p, alphabet+"-") != "" || len(p) != 23 {
			t.Fatalf("password %q", p)
		}
		seen[p] = true
	}
	for _, p := range []string{"", "short", strings.Repeat("é", MaxPassword+1)} {
		if CheckPassword(p) == nil {
			t.Errorf("%.20q is accepted", p)
		}
	}
	if 256%len(alphabet) != 0 {
		t.Error("some characters are likelier than others")
	}
}

func TestNewSecretsDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		s := newSecret()
		if seen[s] || len(s) != 43 { // 256 bits in base64
			t.Fatalf("secret %q", s)
		}
		seen[s] = true
	}
}

func FuzzParsePHC(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=1,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parsePHC(s)
		if err == nil && (h.memory > 1<<20 || h.passes > 100 || h.passes == 0 || h.lanes == 0 || len(h.key) > 64 || len(h.key) < 16) {
			t.Errorf("%q gives parameters out of bounds: %+v", s, h)
		}
	})
}

func TestPasswordsThatEverybodyTriesAreRefused(t *testing.T) {
	for _, bad := range []string{
		"short", "aaaaaaaaaaaa", "ababababababab", "1234567890", "0987654321", "12345678901234567890", "password123", "Password1234!", "P-a-s-s-w-o-r-d-1", "qwertyuiop", "QWERTYUIOP1", "admin12345",
		"Welcome2026!", "voipmonitor", "changeme!!", "test1234567", "letmein12345",
	} {
		if CheckPassword(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	for _, good := range []string{"correct horse", "k3xmq-abcde", "mein hund heisst rex", "9182736450", "the password of ann", "žluťoučký kůň"} {
		if err := CheckPassword(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}
