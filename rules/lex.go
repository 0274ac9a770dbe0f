package rules

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

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
	kind     kind
	text     string // value; of a quoted token without the quotes
	pos      Pos
	off, end int  // bytes in the text
	first    bool // begins in column 1 of its line
	glued    bool // no blank before it
}

// String is the token as a message shows it.
func (t token) String() string {
	switch t.kind {
	case eof:
		return "the end"
	case bad:
		return t.text
	case quoted:
		return fmt.Sprintf("the text %q", cut(t.text))
	}
	return fmt.Sprintf("%q", cut(t.text))
}

// cut is the beginning of a text, long enough to be found.
func cut(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	for i := range s {
		if i >= most {
			return s[:i] + "..."
		}
	}
	return s
}

// is reports whether the token is the keyword w.
func (t token) is(w string) bool { return t.kind == word && strings.EqualFold(t.text, w) }

// maxTokens bounds what a text takes while it is read.
const maxTokens = 500_000

// lex splits text into tokens; the last is eof.
func lex(text string) []token {
	ts := make([]token, 0, len(text)/6+1)
	line, col := 1, 1
	glued := false
	var v values
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
		t := token{pos: Pos{line, col}, off: i, first: col == 1, glued: glued}
		if len(ts) == maxTokens {
			t.kind, t.text, t.end = bad, fmt.Sprintf("more than %d words", maxTokens), i
			ts = append(ts, t)
			break
		}
		switch {
		case unicode.IsControl(r):
			t.kind, t.text = bad, "a control character"
		case r == '(':
			t.kind, t.text = lparen, "("
		case r == ')':
			t.kind, t.text = rparen, ")"
		case r == '"':
			t.kind, t.text, n = lexQuoted(text[i:])
		case strings.ContainsRune(":=!<>~", r) && !(r == ':' && !t.first && v.next()): // src:::1 has the value ::1
			for i+n < len(text) && strings.IndexByte("=!<>~", text[i+n]) >= 0 { // whether there is such an operator the parser says
				n++
			}
			t.kind, t.text = op, text[i:i+n]
		default:
			n = max(1, wordLen(text[i:], !t.first && v.next()))
			t.kind, t.text = word, text[i:i+n]
		}
		col += utf8.RuneCountInString(text[i : i+n])
		i += n
		t.end, glued = i, true
		v.see(t)
		ts = append(ts, t)
	}
	return append(ts, token{kind: eof, pos: Pos{line, col}, off: len(text), end: len(text), first: true})
}

// values follows the tokens to tell where a value stands: behind an operator, in the list behind one, in a group.
type values struct {
	last, before  token
	list, members bool
}

func (v *values) next() bool { return v.last.kind == op || v.list || v.members }

func (v *values) see(t token) {
	switch {
	case t.first:
		v.list, v.members = false, false
	case t.kind == op && v.before.first && v.before.is("group"):
		v.members = true
	case t.kind == lparen:
		v.list = v.last.kind == op
	case t.kind == rparen:
		v.list = false
	}
	v.before, v.last = v.last, t
}

// wordLen is the length of the word that s begins with. Where a value stands (and in a word that begins with a digit or a
// bracket) a ":" that is followed by more belongs to it, so that 10.0.0.1:5060 and fe80::1 are one word.
func wordLen(s string, value bool) int {
	colons := value || s[0] == '[' || s[0] >= '0' && s[0] <= '9'
	for i, r := range s {
		if delimits(r) {
			return i
		}
		if r == ':' {
			next, _ := utf8.DecodeRuneInString(s[i+1:])
			switch last := i+1 == len(s) || delimits(next); {
			case colons && last && i > 0 && s[i-1] == ':': // fe80::
				return i + 1
			case !colons || last:
				return i
			}
		}
	}
	return len(s)
}

// delimits reports whether r ends a word.
func delimits(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`()"=!<>~#`, r)
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
