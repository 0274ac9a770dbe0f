package rules

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// pattern is a text in which * stands for any characters; letters' case does not count. A lone * is any text but the
// empty one.
type pattern struct {
	parts []string // in lower case, between the stars
}

func newPattern(s string) *pattern {
	return &pattern{strings.Split(strings.ToLower(s), "*")}
}

// part is the pattern of a bare word: it may stand anywhere.
func part(s string) *pattern { return &pattern{[]string{"", strings.ToLower(s), ""}} }

func (p *pattern) match(s string) bool {
	last := len(p.parts) - 1
	n, ok := prefixFold(s, p.parts[0])
	if !ok {
		return false
	}
	rest := s[n:]
	if last == 0 {
		return rest == ""
	}
	if last == 1 && p.parts[0] == "" && p.parts[1] == "" {
		return s != ""
	}
	for _, m := range p.parts[1:last] {
		for {
			if n, ok = prefixFold(rest, m); ok {
				rest = rest[n:]
				break
			}
			if rest == "" {
				return false
			}
			_, n = utf8.DecodeRuneInString(rest)
			rest = rest[n:]
		}
	}
	return suffixFold(rest, p.parts[last])
}

// prefixFold reports whether s begins with a text in lower case, and how many bytes of s that is.
func prefixFold(s, lower string) (n int, ok bool) {
	i := 0
	for n < len(s) && i < len(lower) {
		if a, b := s[n], lower[i]; a < utf8.RuneSelf && b < utf8.RuneSelf {
			if 'A' <= a && a <= 'Z' {
				a += 'a' - 'A'
			}
			if a != b {
				return 0, false
			}
			n, i = n+1, i+1
			continue
		}
		a, la := utf8.DecodeRuneInString(s[n:])
		b, lb := utf8.DecodeRuneInString(lower[i:])
		if unicode.ToLower(a) != b {
			return 0, false
		}
		n, i = n+la, i+lb
	}
	return n, i == len(lower)
}

// suffixFold reports whether s ends with a text in lower case.
func suffixFold(s, lower string) bool {
	for len(s) > 0 && len(lower) > 0 {
		a, la := utf8.DecodeLastRuneInString(s)
		b, lb := utf8.DecodeLastRuneInString(lower)
		if unicode.ToLower(a) != b {
			return false
		}
		s, lower = s[:len(s)-la], lower[:len(lower)-lb]
	}
	return lower == ""
}

// plain takes the international prefix off a number: +420..., 00420... and 420... are the same.
func plain(s string) string {
	if r, ok := strings.CutPrefix(s, "+"); ok {
		return r
	}
	if r, ok := strings.CutPrefix(s, "00"); ok {
		return r
	}
	return s
}
