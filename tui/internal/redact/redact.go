// Package redact masks what tells who spoke with whom: numbers, names, domains and addresses, in records, in SIP messages and in packets.
// The same thing is always masked the same way, and with the same number of characters, so that a ladder can still be followed,
// Content-Length stays right and every packet keeps its length. voiptop's save dialog uses it.
//
// What is not known to be harmless is masked: a header or an SDP attribute that this package has never heard of loses its letters and
// digits. It is not for hiding that a call took place: times, methods, status codes, codecs and ports stay.
package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Redactor masks. Each has a key of its own: what two of them mask does not match. It is not for several goroutines at a time.
type Redactor struct {
	key    []byte
	words  map[string]string // of kind and original
	taken  map[string]string // of kind and masked: the original
	addrs  map[netip.Addr]netip.Addr
	used   map[netip.Addr]bool
	finder *strings.Replacer // of the words that were masked, for free text
	known  int               // words that finder knows
}

// New makes a redactor with a secret.
func New(key []byte) *Redactor {
	return &Redactor{key: slices.Clone(key), words: map[string]string{}, taken: map[string]string{}, addrs: map[netip.Addr]netip.Addr{}, used: map[netip.Addr]bool{}}
}

// Kinds of words: each is masked apart.
const (
	kindNumber = "n"
	kindHost   = "h"
	kindWord   = "w"
	kindID     = "i"
)

const tries = 200 // to mask two things differently; of a digit there are only ten

// maxWords bounds what is remembered. A word beyond may be masked as another is.
const maxWords = 1 << 18

// stream is pseudo-random bytes for a thing, n of them.
func (r *Redactor) stream(kind, s string, try, n int) []byte {
	var out []byte
	for block := uint32(0); len(out) < n; block++ {
		m := hmac.New(sha256.New, r.key)
		m.Write([]byte(kind))
		m.Write(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(try)), block))
		m.Write([]byte(s))
		out = m.Sum(out)
	}
	return out
}

// word masks the letters and digits of a thing by others, each of its kind; bytes beyond ASCII become x.
func (r *Redactor) word(kind, s string) string {
	if s == "" {
		return ""
	}
	id := kind + s
	if m, ok := r.words[id]; ok {
		return m
	}
	var masked string
	for try := range tries {
		masked = scramble(s, r.stream(kind, s, try, len(s)))
		if was, ok := r.taken[kind+masked]; (!ok || was == s) && (masked != s || try == tries-1 || !maskable(s)) {
			break
		}
	}
	if len(r.words) < maxWords {
		r.words[id], r.taken[kind+masked] = masked, s
	}
	return masked
}

func maskable(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool {
		return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c > 0x7f
	})
}

func scramble(s string, random []byte) string {
	b := []byte(s)
	for i, c := range b {
		n := int(random[i])
		switch {
		case escaped(s, i):
		case c >= '0' && c <= '9':
			b[i] = '0' + byte(n%10)
		case c >= 'a' && c <= 'z':
			b[i] = 'a' + byte(n%26)
		case c >= 'A' && c <= 'Z':
			b[i] = 'A' + byte(n%26)
		case c >= 0x80:
			b[i] = 'x'
		}
	}
	return string(b)
}

// escaped reports whether a byte is one of the two digits behind a percent sign: another value may be no text.
func escaped(s string, i int) bool {
	return i > 0 && s[i-1] == '%' || i > 1 && s[i-2] == '%'
}

// User masks a number or the name of a user. A number is the same with + and with 00 before it.
func (r *Redactor) User(s string) string {
	head := ""
	for _, p := range []string{"+", "00"} {
		if rest, ok := strings.CutPrefix(s, p); ok && digits(rest) {
			head, s = p, rest
			break
		}
	}
	return head + r.word(kindNumber, s)
}

func digits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool { return c < '0' || c > '9' })
}

// Host masks a domain or an address, with or without brackets. Names that stand for nobody stay.
func (r *Redactor) Host(s string) string {
	inner, bracketed := strings.CutPrefix(s, "[")
	if bracketed {
		inner = strings.TrimSuffix(inner, "]")
	}
	if a, err := netip.ParseAddr(inner); err == nil {
		m := r.address(inner, a)
		if bracketed {
			m = "[" + m + "]"[:len(s)-len(inner)-1]
		}
		return m
	}
	switch lower := lower(s); lower {
	case "", "localhost", "anonymous.invalid", "invalid":
		return s
	default:
		return r.word(kindHost, lower)
	}
}

// lower folds ASCII letters: of what is no UTF-8 strings.ToLower would change the length.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// ID masks a Call-ID.
func (r *Redactor) ID(s string) string { return r.word(kindID, s) }

// Words masks each word of a text by itself; what stands between them stays.
func (r *Redactor) Words(s string) string {
	return words.ReplaceAllStringFunc(s, func(w string) string { return r.word(kindWord, w) })
}

var (
	words = regexp.MustCompile(`[0-9A-Za-z\x{80}-\x{10FFFF}]+`)
	v4    = regexp.MustCompile(`\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b`)
	v6    = regexp.MustCompile(`\[?[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}\]?`)
)

// addressesIn masks the addresses in a text and leaves the rest as it is.
func (r *Redactor) addressesIn(s string) string {
	s = v4.ReplaceAllStringFunc(s, func(a string) string {
		if _, err := netip.ParseAddr(a); err != nil {
			return r.word(kindWord, a)
		}
		return r.Host(a)
	})
	return v6.ReplaceAllStringFunc(s, func(a string) string {
		if _, err := netip.ParseAddr(strings.Trim(a, "[]")); err != nil {
			return a // a time of day, a fingerprint
		}
		return r.Host(a)
	})
}

// Endpoint masks an address and leaves its port: "ip:port".
func (r *Redactor) Endpoint(s string) string {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return r.addressesIn(s)
	}
	return netip.AddrPortFrom(r.Addr(ap.Addr()), ap.Port()).String()
}

// Text masks addresses, and whatever has been masked before, in free text.
func (r *Redactor) Text(s string) string {
	if r.finder == nil || r.known != len(r.words) {
		var pairs []string
		var names []string
		for id := range r.words {
			if len(id) > 3 && id[:1] != kindWord { // of two characters and less there would be too many
				names = append(names, id)
			}
		}
		slices.SortFunc(names, func(a, b string) int { // the longer first; the number before a host of the same name
			if len(a) != len(b) {
				return len(b) - len(a)
			}
			return strings.Compare(b, a)
		})
		for _, id := range names {
			pairs = append(pairs, id[1:], r.words[id])
		}
		r.finder, r.known = strings.NewReplacer(pairs...), len(r.words)
	}
	var out strings.Builder
	last := 0
	for _, at := range v4.FindAllStringIndex(s, -1) { // what an address became is not looked at again
		out.WriteString(r.finder.Replace(s[last:at[0]]))
		out.WriteString(r.Host(s[at[0]:at[1]]))
		last = at[1]
	}
	out.WriteString(r.finder.Replace(s[last:]))
	return out.String()
}
