package bpf

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

type kind uint8

const (
	tEnd kind = iota
	tWord
	tEscaped // a name after a backslash, which is never a keyword
	tNumber
	tRange // 10000-20000
	tIPv4  // one to four parts with dots
	tIPv6
	tMAC
	tSign
)

type token struct {
	kind kind
	text string // of a word in lower case; && and || are and, or
	raw  string
	at   int // offset in the expression
	num  uint32
	mate int // of "(": where its ")" is among the tokens
}

// signs are tried in this order.
var signs = []string{"<<", ">>", "<=", ">=", "!=", "==", "&&", "||", "(", ")", "[", "]", ":", "+", "-", "*", "/", "%", "&", "|", "^", "<", ">", "=", "!"}

func lex(text string) ([]token, error) {
	var toks []token
	var open []int
	for i := 0; ; {
		for i < len(text) && strings.IndexByte(" \t\r\n", text[i]) >= 0 {
			i++
		}
		if i == len(text) {
			return append(toks, token{kind: tEnd, at: i}), nil
		}
		t, ok := lexOne(text[i:])
		t.at = i
		if !ok {
			return nil, wrong(text, t, "a word, number, address or operator")
		}
		switch t.raw {
		case "(":
			open = append(open, len(toks))
		case ")":
			if n := len(open); n > 0 {
				toks[open[n-1]].mate = len(toks)
				open = open[:n-1]
			}
		}
		toks = append(toks, t)
		i += len(t.raw)
	}
}

func lexOne(s string) (token, bool) {
	c := s[0]
	switch {
	case c == '\\':
		if w := word(s[1:]); w != "" {
			return token{kind: tEscaped, raw: s[:1+len(w)], text: strings.ToLower(w)}, true
		}
	case alnum(c) || c == ':':
		if t, ok := address(s); ok {
			return t, true
		}
		if digit(c) {
			return number(s)
		}
		if c != ':' {
			w := word(s)
			return token{kind: tWord, raw: w, text: strings.ToLower(w)}, true
		}
	}
	for _, x := range signs {
		if strings.HasPrefix(s, x) {
			t := token{kind: tSign, raw: x, text: x}
			switch x {
			case "&&":
				t.kind, t.text = tWord, "and"
			case "||":
				t.kind, t.text = tWord, "or"
			case "!":
				t.kind, t.text = tWord, "not"
			case "==":
				t.text = "="
			}
			return t, true
		}
	}
	_, n := utf8.DecodeRuneInString(s)
	return token{raw: s[:n]}, false
}

// address takes what has colons, or dashes, of a MAC or IPv6 address.
func address(s string) (token, bool) {
	n := 0
	for n < len(s) && (hex(s[n]) || s[n] == ':' || s[n] == '.') {
		n++
	}
	for _, sep := range []byte{':', '-'} {
		if w := s[:macLen(s, sep)]; w != "" {
			return token{kind: tMAC, raw: w, text: w}, true
		}
	}
	w := s[:n]
	if strings.Count(w, ":") < 2 || n < len(s) && alnum(s[n]) {
		return token{}, false
	}
	if a, err := netip.ParseAddr(w); err != nil || !a.Is6() {
		return token{}, false
	}
	return token{kind: tIPv6, raw: w, text: w}, true
}

// macLen is the length of six hexadecimal numbers with sep between them at the start of s, or 0.
func macLen(s string, sep byte) int {
	i := 0
	for part := range 6 {
		if part > 0 {
			if i == len(s) || s[i] != sep {
				return 0
			}
			i++
		}
		from := i
		for i < len(s) && i < from+2 && hex(s[i]) {
			i++
		}
		if i == from {
			return 0
		}
	}
	if i < len(s) && (alnum(s[i]) || s[i] == sep) {
		return 0
	}
	return i
}

// number takes what begins with a digit: 10, 0x1f, 10.1, 5060-5070, or a name such as 3com.
func number(s string) (token, bool) {
	n := 0
	for n < len(s) && (alnum(s[n]) || s[n] == '.' || s[n] == '_') {
		n++
	}
	w := s[:n]
	if v, err := strconv.ParseUint(w, 0, 32); err == nil && !strings.Contains(w, "_") {
		t := token{kind: tNumber, raw: w, text: w, num: uint32(v)}
		if n+1 < len(s) && s[n] == '-' && alnum(s[n+1]) {
			t.kind, t.raw = tRange, s[:n+1]+word(s[n+1:])
			t.text = strings.ToLower(t.raw)
		}
		return t, true
	}
	if strings.Trim(w, "0123456789.") == "" {
		return token{kind: tIPv4, raw: w, text: w}, strings.Contains(w, ".")
	}
	w = word(s)
	return token{kind: tWord, raw: w, text: strings.ToLower(w)}, !strings.HasPrefix(w, "0x")
}

// word takes letters, digits, and dots, dashes and underlines within.
func word(s string) string {
	n := 0
	for n < len(s) && (alnum(s[n]) || n > 0 && strings.IndexByte("-_.", s[n]) >= 0) {
		n++
	}
	return strings.TrimRight(s[:n], "-_")
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
func hex(c byte) bool   { return digit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }
func alnum(c byte) bool { return digit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// wrong makes the error about a token.
func wrong(text string, t token, expected string) *Error {
	return &Error{Column: utf8.RuneCountInString(text[:t.at]) + 1, Found: t.raw, Expected: expected}
}
