package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// argon2id (RFC 9106) with the parameters that OWASP's password storage page names for it: 19 MiB, 2 passes, 1 lane.
const (
	argonMemory = 19 << 10 // KiB
	argonPasses = 2
	argonLanes  = 1
	saltLen     = 16
	keyLen      = 32
)

// Lengths of a password in characters. The upper one bounds the work that a request can ask for.
const (
	MinPassword = 10
	MaxPassword = 256
)

// hashing bounds how many passwords are hashed at once, and so the memory that a flood of logins takes.
var hashing = make(chan struct{}, 4)

// CheckPassword says what is wrong with a password that somebody chose.
func CheckPassword(password string) error {
	if n := utf8.RuneCountInString(password); n < MinPassword || n > MaxPassword {
		return fmt.Errorf("password has %d characters, want %d to %d", n, MinPassword, MaxPassword)
	}
	different := map[rune]bool{}
	for _, r := range password {
		different[r] = true
	}
	if len(different) < minDifferent {
		return fmt.Errorf("password has %d different characters, want at least %d", len(different), minDifferent)
	}
	plain := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, password)
	if digits := strings.Trim(password, "0123456789") == ""; digits && inOrder(password) || guessed[plain] {
		return errors.New("password is one that is tried first; take several words, or let one be made")
	}
	return nil
}

const minDifferent = 5

// guessed are the letters of passwords that everybody tries, whatever digits and marks are around and between them.
var guessed = func() map[string]bool {
	all := map[string]bool{}
	for _, w := range strings.Fields("password passwort passwordpassword letmein letmeinplease welcome welcomewelcome administrator admin adminadmin changeme changemeplease default secret secretsecret " +
		"qwerty qwertyuiop qwertyuiopasdf asdfghjkl asdfghjklzxcvbnm qazwsxedc qwertz qwertzuiop iloveyou monkey dragon football baseball superman trustno test testtest abc abcd abcdef abcdefghij " +
		"voip voipmonitor voipmonitoradmin voiptop hosted sensord asterisk freeswitch kamailio sip pbx telefon telephone root toor guest user operator") {
		all[w] = true
	}
	return all
}()

// inOrder tells whether digits count up or down all the way, after 9 comes 0.
func inOrder(digits string) bool {
	for _, step := range []byte{1, 9} {
		all := true
		for i := 1; i < len(digits); i++ {
			all = all && (digits[i-1]-'0'+step)%10 == digits[i]-'0'
		}
		if all {
			return true
		}
	}
	return false
}

// HashPassword gives the PHC string of a password, to be stored.
func HashPassword(password string) string {
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt) // never fails: crypto/rand documents it
	key := argon2.IDKey([]byte(password), salt, argonPasses, argonMemory, argonLanes, keyLen)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonPasses, argonLanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// alphabet has no characters that are taken for one another.
const alphabet = "abcdefghijkmnpqrstuvwxyz23456789"

// NewPassword makes a password of 100 random bits that can be read out: "k3xmq-...".
func NewPassword() string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand documents it
	var s strings.Builder
	for i, v := range b {
		if i > 0 && i%5 == 0 {
			s.WriteByte('-')
		}
		s.WriteByte(alphabet[v%byte(len(alphabet))]) // 256 is a multiple of 32: no character is likelier
	}
	return s.String()
}

// nobody is a hash that no password has, for names that are not known.
var nobody = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonPasses, argonLanes,
	base64.RawStdEncoding.EncodeToString(make([]byte, saltLen)), base64.RawStdEncoding.EncodeToString(make([]byte, keyLen)))

// takeTurn waits until a password may be hashed; done ends the turn.
func takeTurn(ctx context.Context) (done func(), err error) {
	select {
	case hashing <- struct{}{}:
		return func() { <-hashing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// hash is HashPassword in its turn.
func hash(ctx context.Context, password string) (string, error) {
	done, err := takeTurn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	return HashPassword(password), nil
}

// verify compares a password with its PHC string; an empty one compares with nobody's, in the same time.
func verify(ctx context.Context, phc, password string) (bool, error) {
	if phc == "" {
		phc = nobody
	}
	if len(password) > MaxPassword*utf8.UTFMax {
		return false, nil
	}
	h, err := parsePHC(phc)
	if err != nil {
		return false, err
	}
	done, err := takeTurn(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	key := argon2.IDKey([]byte(password), h.salt, h.passes, h.memory, h.lanes, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(key, h.key) == 1, nil
}

type phcHash struct {
	memory, passes uint32
	lanes          uint8
	salt, key      []byte
}

// parsePHC reads $argon2id$v=19$m=M,t=T,p=P$SALT$KEY, within bounds that a damaged store cannot stretch.
func parsePHC(s string) (h phcHash, err error) {
	p := strings.Split(s, "$")
	if len(p) != 6 || p[1] != "argon2id" || p[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, fmt.Errorf("stored password is no argon2id hash of version %d", argon2.Version)
	}
	if _, err = fmt.Sscanf(p[3], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.lanes); err == nil {
		if h.salt, err = base64.RawStdEncoding.DecodeString(p[4]); err == nil {
			h.key, err = base64.RawStdEncoding.DecodeString(p[5])
		}
	}
	if err != nil {
		return h, fmt.Errorf("stored password: %w", err)
	}
	if h.memory < 8 || h.memory > 1<<20 || h.passes < 1 || h.passes > 100 || h.lanes < 1 || len(h.salt) < 8 || len(h.key) < 16 || len(h.key) > 64 {
		return h, fmt.Errorf("stored password: argon2id parameters %s are out of bounds", p[3])
	}
	return h, nil
}
