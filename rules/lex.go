package rules

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Pos is a place in a text: line and column from 1, the column counted in characters.
type Pos struct {
	Line, Col int
}

// Error says where a text is wrong, what was found there, what was expected and what was probably meant.
type Error struct {
	File     string // "" for an expression without a file
	Pos      Pos
	Found    string
	Expected string
	Nearest  string // nearest valid word, ""
}

func (e *Error) Error() string {
	s := ""
	if e.File != "" {
		s = e.File + ":"
	}
	s += fmt.Sprintf("%d:%d: found %s, expected %s", e.Pos.Line, e.Pos.Col, e.Found, e.Expected)
	if e.Nearest != "" {
		s += fmt.Sprintf("; did you mean %q?", e.Nearest)
	}
	return s
}

type kind uint8

const (
	eof    kind = iota
	word        // letters, digits and what numbers, addresses and patterns are made of
	quoted      // "..." with \" and \\
	op          // : = != < <= > >= ~
	lparen
	rparen
	bad // not a token; text says why
)

type token struct {
	kind  kind
	text  string // value; of a quoted token without the quotes
	pos   Pos
	first bool // begins in column 1 of its line
	glued bool // no blank before it
}

// String is the token as a message shows it.
func (t token) String() string {
	switch t.kind {
	case eof:
		return "the end"
	case bad:
		return t.text
	case quoted:
		return fmt.Sprintf("the text %q", t.text)
	}
	return fmt.Sprintf("%q", t.text)
}

// lex splits text into tokens; the last is eof.
func lex(text string) []token {
	var ts []token
	line, col := 1, 1
	glued := false
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '\n':
			line, col = line+1, 1
			i++
			glued = false
			continue
		case unicode.IsSpace(r):
			i, col, glued = i+n, col+1, false
			continue
		case r == '#':
			for i < len(text) && text[i] != '\n' {
				i++
			}
			continue
		}
		t := token{pos: Pos{line, col}, first: col == 1, glued: glued}
		switch {
		case unicode.IsControl(r):
			t.kind, t.text = bad, "a control character"
		case r == '(':
			t.kind, t.text = lparen, "("
		case r == ')':
			t.kind, t.text = rparen, ")"
		case r == '"':
			t.kind, t.text, n = lexQuoted(text[i:])
		case strings.ContainsRune(":=!<>~", r):
			t.kind, t.text = op, string(r)
			if i+1 < len(text) && text[i+1] == '=' && (r == '!' || r == '<' || r == '>') {
				t.text += "="
			}
			n = len(t.text)
			if t.text == "!" {
				t.kind, t.text = bad, `"!"`
			}
		default:
			n = max(1, wordLen(text[i:], valueNext(ts)))
			t.kind, t.text = word, text[i:i+n]
		}
		col += utf8.RuneCountInString(text[i : i+n])
		i += n
		glued = true
		ts = append(ts, t)
	}
	return append(ts, token{kind: eof, pos: Pos{line, col}, first: true})
}

// wordLen is the length of the word that s begins with. Where a value stands (and in a word that begins with a digit or a
// bracket) a ":" that is followed by more belongs to it, so that 10.0.0.1:5060 and fe80::1 are one word.
func wordLen(s string, value bool) int {
	colons := value || s[0] == '[' || s[0] >= '0' && s[0] <= '9'
	for i, r := range s {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`()"=!<>~#`, r):
			return i
		case r == ':' && (!colons || i+1 == len(s) || s[i+1] <= ' '):
			return i
		}
	}
	return len(s)
}

// valueNext reports whether the next token stands where a value does: behind an operator, or in the list behind one.
func valueNext(ts []token) bool {
	for i := len(ts) - 1; i >= 0; i-- {
		switch ts[i].kind {
		case op:
			return i == len(ts)-1 || ts[i+1].kind == lparen
		case lparen:
			return i > 0 && ts[i-1].kind == op
		case rparen, bad, eof:
			return false
		}
		if ts[i].first {
			return false
		}
	}
	return false
}

func lexQuoted(s string) (kind, string, int) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; c {
		case '"':
			return quoted, b.String(), i + 1
		case '\n':
			return bad, "a text without its closing quote", i
		case '\\':
			if i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
				i++
				b.WriteByte(s[i])
				continue
			}
			b.WriteByte(c) // other backslashes stand for themselves: regular expressions stay readable
		default:
			b.WriteByte(c)
		}
	}
	return bad, "a text without its closing quote", len(s)
}
