// Package sipmsg looks at the text of a SIP message line by line: what is a header, what is SDP, what is another body. The screens show,
// compare and mask messages with it, and tui/source finds the Call-ID.
//
// It is not for understanding them: the engine does. It takes whatever was on the wire and refuses nothing.
package sipmsg

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Kind says what a line is.
type Kind uint8

// The kinds of lines.
const (
	Start  Kind = iota // request or status line
	Header             // a header field; Name is "" on a line that continues the one before
	Blank              // between head and body
	SDP                // Name is the type, of an attribute "a=" and its name
	Body               // of any other content
	Binary             // a body that is no text: bytes in hexadecimal
)

// Line is one line without its end.
type Line struct {
	Kind Kind
	Name string // as in the message
	Text string // the whole line, the name included
}

// Split cuts a message at the empty line behind its head. Lines may end in CRLF or LF.
func Split(raw []byte) (head, body []byte) {
	crlf, lf := bytes.Index(raw, []byte("\r\n\r\n")), bytes.Index(raw, []byte("\n\n"))
	switch {
	case crlf >= 0 && (lf < 0 || crlf < lf):
		return raw[:crlf+2], raw[crlf+4:]
	case lf >= 0:
		return raw[:lf+1], raw[lf+2:]
	}
	return raw, nil
}

// long are the names of the compact forms (RFC 3261 section 7.3.3 and the registry).
var long = map[string]string{
	"a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition", "e": "content-encoding", "f": "from", "i": "call-id",
	"j": "reject-contact", "k": "supported", "l": "content-length", "m": "contact", "n": "identity-info", "o": "event", "r": "refer-to",
	"s": "subject", "t": "to", "u": "allow-events", "v": "via", "x": "session-expires", "y": "identity",
}

// Long is the name of a header in lower case, written out.
func Long(name string) string {
	name = strings.ToLower(name)
	if full, ok := long[name]; ok {
		return full
	}
	return name
}

// Value is the value of the first header of a name, in lower case and written out, nil if there is none.
func Value(raw []byte, name string) []byte {
	for rest := raw; len(rest) > 0; {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		rest = after
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			return nil
		}
		key, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		key = bytes.TrimRight(key, " \t")
		if len(key) == 1 && long[string(bytes.ToLower(key))] == name || len(key) == len(name) && strings.EqualFold(string(key), name) {
			return bytes.TrimSpace(value)
		}
	}
	return nil
}

// Lines takes a message apart.
func Lines(raw []byte) []Line {
	head, body := Split(raw)
	out := make([]Line, 0, 32)
	for i, s := range texts(head) {
		l := Line{Kind: Header, Text: s}
		switch {
		case i == 0:
			l.Kind = Start
		case s != "" && (s[0] == ' ' || s[0] == '\t'):
		default:
			name, _, ok := strings.Cut(s, ":")
			if ok {
				l.Name = strings.TrimRight(name, " \t")
			}
		}
		out = append(out, l)
	}
	if len(body) == 0 {
		return out
	}
	out = append(out, Line{Kind: Blank})
	return append(out, bodyLines(body, strings.ToLower(string(Value(raw, "content-type"))))...)
}

func bodyLines(body []byte, content string) (out []Line) {
	if !printable(body) {
		for at := 0; at < len(body); at += 16 {
			out = append(out, Line{Kind: Binary, Text: hexLine(at, body[at:min(at+16, len(body))])})
		}
		return out
	}
	sdp := strings.HasPrefix(content, "application/sdp") || content == "" && bytes.HasPrefix(body, []byte("v=0"))
	multipart := strings.HasPrefix(content, "multipart/")
	for _, s := range texts(body) {
		l := Line{Kind: Body, Text: s}
		if (sdp || multipart) && len(s) > 1 && s[1] == '=' && s[0] >= 'a' && s[0] <= 'z' {
			l.Kind, l.Name = SDP, s[:2]
			if s[0] == 'a' {
				name, _, _ := strings.Cut(s[2:], ":")
				l.Name += name
			}
		}
		out = append(out, l)
	}
	return out
}

// texts are the lines of b without their ends.
func texts(b []byte) []string {
	s := strings.TrimSuffix(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n")
	return strings.Split(s, "\n")
}

// printable reports whether b is text.
func printable(b []byte) bool {
	odd := 0
	for rest := b; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		if r == utf8.RuneError && n == 1 || r < ' ' && r != '\r' && r != '\n' && r != '\t' {
			odd++
		}
		rest = rest[n:]
	}
	return odd*20 <= len(b)
}

const hexDigits = "0123456789abcdef"

// hexLine is "0010  53 49 50 ..  SIP..": offset, bytes, characters.
func hexLine(at int, b []byte) string {
	var hex, text strings.Builder
	for i := range 16 {
		if i == 8 {
			hex.WriteByte(' ')
		}
		if i >= len(b) {
			hex.WriteString("   ")
			continue
		}
		c := b[i]
		hex.WriteByte(hexDigits[c>>4])
		hex.WriteByte(hexDigits[c&15])
		hex.WriteByte(' ')
		if c < ' ' || c > '~' {
			c = '.'
		}
		text.WriteByte(c)
	}
	offset := []byte{hexDigits[at>>12&15], hexDigits[at>>8&15], hexDigits[at>>4&15], hexDigits[at&15]}
	return string(offset) + "  " + hex.String() + " " + text.String()
}
