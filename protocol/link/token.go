package link

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
)

// A token as text is "vt1." and 70 characters of base64url (RFC 4648 section 5, no padding):
//
//	0        16                          48       52
//	| secret | SHA-256 of hosted's CA    | CRC32C |
//
// The check sum tells a token that was copied badly from one that hosted does not know.
const (
	tokenPrefix = "vt1."
	secretLen   = 16
	tokenLen    = secretLen + sha256.Size + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Token lets one sensor enrol once. It names the CA that hosted must prove itself with, so that the secret is given to
// nobody else, and a sensor needs nothing but the token to trust its hosted.
type Token struct {
	Secret []byte   // 16 random bytes
	CA     [32]byte // SHA-256 of hosted's CA certificate, DER
}

// NewToken makes a token for the hosted whose CA has this fingerprint.
func NewToken(ca [32]byte) Token {
	t := Token{Secret: make([]byte, secretLen), CA: ca}
	_, _ = rand.Read(t.Secret) // never fails: crypto/rand documents it
	return t
}

// Hash is what hosted stores of the token.
func (t Token) Hash() [32]byte { return sha256.Sum256(t.Secret) }

// Text is the form that people copy. It is a secret.
func (t Token) Text() string {
	b := make([]byte, 0, tokenLen)
	b = append(b, t.Secret...)
	b = append(b, t.CA[:]...)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(b)
}

// String hides the secret from logs.
func (t Token) String() string { return tokenPrefix + "[secret]" }

// ParseToken reads a token's text form; space around it is ignored.
func ParseToken(s string) (Token, error) {
	const remedy = "copy it whole from hosted's page Sensors, or make a new one there"
	body, ok := strings.CutPrefix(strings.TrimSpace(s), tokenPrefix)
	if !ok {
		return Token{}, fmt.Errorf("token does not begin with %q: %s", tokenPrefix, remedy)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil || strings.ContainsAny(body, "\r\n") {
		return Token{}, fmt.Errorf("token holds a character that no token has: %s", remedy)
	}
	if len(b) != tokenLen {
		want := base64.RawURLEncoding.EncodedLen(tokenLen)
		return Token{}, fmt.Errorf("token has %d characters after %q, want %d: %s", len(body), tokenPrefix, want, remedy)
	}
	if binary.BigEndian.Uint32(b[tokenLen-4:]) != crc32.Checksum(b[:tokenLen-4], castagnoli) {
		return Token{}, fmt.Errorf("token was changed on the way (its check sum is wrong): %s", remedy)
	}
	return Token{Secret: b[:secretLen:secretLen], CA: [32]byte(b[secretLen:])}, nil
}
