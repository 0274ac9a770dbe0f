package doctor

import (
	"bytes"
	"regexp"
	"strings"
)

const removed = "[removed]"

var (
	// secretWord is in the names of what could be a secret: a password, a token, a key, a user's name.
	secretWord = regexp.MustCompile(`(?i)[\w-]*(?:pass|token|secret|key|user|auth|credential)[\w-]*`)
	// credentials of an address: http://name:password@host.
	credentials = regexp.MustCompile(`//[^/@\s]+@`)
	// tokens as hosted makes them, wherever they are.
	tokens = regexp.MustCompile(`\bvt[a-z]?[0-9]?[._][A-Za-z0-9_-]{6,}`)
	// pem is a key or a certificate.
	pem = regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\z)`)
	// numbers are what may be telephone numbers.
	numbers = regexp.MustCompile(`\+?[0-9][0-9 ()/-]{5,}[0-9]`)
	// foundText is a line of the configuration in an error.
	foundText = regexp.MustCompile(`found "(?:[^"\\]|\\.)*"`)
)

// redact removes secrets from a configuration file's text: values of keys that sound like a secret, in force, commented out or written
// without "="; credentials in addresses; and from comments what may be a telephone number.
func redact(text []byte) []byte {
	var out []byte
	for line := range bytes.Lines(pem.ReplaceAll(text, []byte(removed))) {
		end := ""
		if bytes.HasSuffix(line, []byte("\n")) {
			end = "\n"
		}
		out = append(append(out, redactLine(strings.TrimRight(string(line), "\r\n"))...), end...)
	}
	return out
}

func redactLine(line string) string {
	line = credentials.ReplaceAllString(line, "//"+removed+"@")
	text := strings.TrimLeft(line, " \t")
	comment := strings.HasPrefix(text, "#") || strings.HasPrefix(text, ";")
	key, _, set := strings.Cut(line, "=")
	switch at := secretWord.FindStringIndex(line); {
	case at == nil:
	case set && at[1] <= len(key):
		return key + "= " + removed
	case !set && (!comment || at[1] < len(line)):
		return line[:at[1]] + " " + removed
	}
	if comment {
		line = numbers.ReplaceAllString(line, removed)
	} else if key, value, ok := strings.Cut(line, "="); ok && strings.Contains(value, "/") { // a file may be called after somebody
		line = key + "=" + numbers.ReplaceAllString(value, removed)
	}
	return line
}

// quoted removes the secrets of configuration lines that an error quotes.
func quoted(text string) string {
	return foundText.ReplaceAllStringFunc(text, func(s string) string {
		line := strings.TrimSuffix(strings.TrimPrefix(s, `found "`), `"`)
		return `found "` + redactLine(line) + `"`
	})
}

// scrub removes what is a secret wherever it stands.
func scrub(b []byte) []byte {
	b = pem.ReplaceAll(b, []byte(removed))
	b = tokens.ReplaceAll(b, []byte(removed))
	return credentials.ReplaceAll(b, []byte("//"+removed+"@"))
}
