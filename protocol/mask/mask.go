// Package mask takes out of calls who called whom, for those who may see calls and not numbers: hosted's API for users without
// the right numbers, and assistants (protocol/mcp). Of a number its beginning stays, which tells country or network, and a mark
// follows that is the same wherever the number appears, so that calls of one party can still be told to be:
// "+4207*****~3f9a2c".
//
// It is not for packets and voice, which hold numbers and are not given at all.
package mask

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"voiptop/protocol"
)

// Masker masks with a key, on which the marks depend: without it nobody can find a number by trying all. It may be used by
// many goroutines at once.
type Masker struct{ key []byte }

// New makes a masker. The key is secret, and of one tenant.
func New(key []byte) *Masker { return &Masker{key: slices.Clone(key)} }

const (
	markBytes = 3 // of the hash that are shown
	maxURI    = 160
	longRun   = 6 // digits in a row that are taken for a number
)

// Number masks a telephone number or another name of a party. "" and "anonymous" stay.
func (m *Masker) Number(s string) string {
	if s == "" || strings.EqualFold(s, "anonymous") {
		return s
	}
	plus := ""
	digits := s
	if rest, ok := strings.CutPrefix(s, "+"); ok {
		plus, digits = "+", rest
	}
	r := []rune(digits)
	keep := 1
	switch n := len(r); {
	case n > 8:
		keep = 4
	case n > 4:
		keep = 2
	}
	keep = min(keep, len(r))
	return plus + string(r[:keep]) + strings.Repeat("*", min(len(r)-keep, 12)) + "~" + m.mark(digits)
}

// Name masks a display name.
func (m *Masker) Name(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	if s == "" || strings.EqualFold(s, "anonymous") {
		return s
	}
	return s[:n] + "***~" + m.mark(s)
}

func (m *Masker) mark(s string) string {
	h := hmac.New(sha256.New, m.key)
	h.Write([]byte(s))
	return hex.EncodeToString(h.Sum(nil)[:markBytes])
}

// CDR answers a copy of a call without numbers, names and digits that were dialled.
func (m *Masker) CDR(c *protocol.CDR) *protocol.CDR {
	out := *c
	t := m.of(c)
	out.Caller, out.Callee, out.CalleeURI, out.CallerName = m.Number(c.Caller), m.Number(c.Callee), m.Number(c.CalleeURI), m.Name(c.CallerName)
	out.Reason = t.mask(c.Reason)
	out.DTMFInfo = digits(c.DTMFInfo)
	out.Findings = slices.Clone(c.Findings)
	for i := range out.Findings {
		f := &out.Findings[i]
		f.Text, f.Evidence = t.mask(f.Text), t.mask(f.Evidence)
	}
	out.Streams = slices.Clone(c.Streams)
	for i := range out.Streams {
		out.Streams[i].DTMF, out.Streams[i].DTMFInband = digits(out.Streams[i].DTMF), digits(out.Streams[i].DTMFInband)
	}
	out.Messages = slices.Clone(c.Messages)
	for i := range out.Messages {
		out.Messages[i].FirstLine = t.mask(out.Messages[i].FirstLine)
	}
	return &out
}

// TextOf masks a text about a call: what Text does, and how the call's parties are called.
func (m *Masker) TextOf(c *protocol.CDR, s string) string { return m.of(c).mask(s) }

func (m *Masker) of(c *protocol.CDR) texts {
	return m.texts(c.CallerName, c.Caller, c.Callee, c.CalleeURI)
}

// Live is CDR for a running call.
func (m *Masker) Live(c protocol.LiveCall) protocol.LiveCall {
	c.Caller, c.Callee = m.Number(c.Caller), m.Number(c.Callee)
	return c
}

// Stream is CDR for what a live stream is about. It answers a copy.
func (m *Masker) Stream(a *protocol.StreamAbout) *protocol.StreamAbout {
	out := *a
	out.Caller, out.Callee = m.Number(a.Caller), m.Number(a.Callee)
	return &out
}

// Registration masks who registers.
func (m *Masker) Registration(r protocol.Registration) protocol.Registration {
	r.AOR, r.Contact = m.aor(r.AOR), m.Text(r.Contact)
	r.Reason = m.Text(r.Reason)
	return r
}

// aor masks the user part of "user@host".
func (m *Masker) aor(s string) string {
	user, host, ok := strings.Cut(s, "@")
	if !ok {
		return m.Text(s)
	}
	return m.Number(user) + "@" + host
}

// Text masks what looks like a number in a text: user parts of URIs, and digits in a row.
func (m *Masker) Text(s string) string { return texts{m: m}.mask(s) }

// digits hides digits that were dialled, codes and card numbers among them, and tells how many there were.
func digits(s string) string { return strings.Repeat("*", utf8.RuneCountInString(s)) }

// texts masks texts that are about certain parties.
type texts struct {
	m     *Masker
	known []party // longest first
}

// party is how somebody is called, and the mask of it.
type party struct{ text, mask string }

func (m *Masker) texts(name string, numbers ...string) texts {
	t := texts{m: m}
	add := func(text, mask string) {
		if utf8.RuneCountInString(text) >= 2 && mask != text {
			t.known = append(t.known, party{text, mask})
		}
	}
	add(name, m.Name(name))
	for _, n := range numbers {
		add(n, m.Number(n))
	}
	slices.SortFunc(t.known, func(a, b party) int { return len(b.text) - len(a.text) })
	return t
}

var uri = regexp.MustCompile(`^(?i)(sips?|tel|im|pres):([^@;>\s"]{1,128})`)

func (t texts) mask(s string) string {
	if s == "" {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); {
		if n, mask := t.at(s, i); n > 0 {
			out.WriteString(mask)
			i += n
			continue
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		out.WriteString(s[i : i+n])
		i += n
	}
	return out.String()
}

// at masks what stands at a place of a text: n bytes, 0 if nothing there is to be masked.
func (t texts) at(s string, i int) (n int, mask string) {
	if i == 0 || !word(s[i-1]) {
		if m := scheme(s, i); m != nil {
			user := s[i+m[4] : i+m[5]]
			if rest := s[i+m[1]:]; strings.HasPrefix(rest, "@") || strings.EqualFold(s[i+m[2]:i+m[3]], "tel") {
				return m[1], s[i:i+m[4]] + t.m.Number(user)
			}
			return 0, "" // only a host
		}
		for _, k := range t.known {
			if end := i + len(k.text); strings.HasPrefix(s[i:], k.text) && (end == len(s) || !word(s[end])) && !inNumber(s, i, end) {
				return len(k.text), k.mask
			}
		}
	}
	return t.run(s, i)
}

// scheme finds a URI at a place of a text: the regular expression is asked only where one may begin.
func scheme(s string, i int) []int {
	if strings.IndexByte("sStTiIpP", s[i]) < 0 {
		return nil
	}
	return uri.FindStringSubmatchIndex(s[i:min(len(s), i+maxURI)])
}

// run masks digits in a row that are no part of a word, an address, a time or a decimal number.
func (t texts) run(s string, i int) (n int, mask string) {
	if i > 0 && (word(s[i-1]) || s[i-1] == '+') {
		return 0, ""
	}
	from := i
	if s[i] == '+' {
		from++
	}
	end := from
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	if end-from < longRun || end < len(s) && word(s[end]) || inNumber(s, i, end) {
		return 0, ""
	}
	return end - i, t.m.Number(s[i:end])
}

func word(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' || b >= utf8.RuneSelf
}

// inNumber reports whether s[i:end] is a part of a number with points: 10.0.0.1, 12:00:00.123456.
func inNumber(s string, i, end int) bool {
	digit := func(k int) bool { return k >= 0 && k < len(s) && s[k] >= '0' && s[k] <= '9' }
	return i > 0 && (s[i-1] == '.' || s[i-1] == ':') && digit(i-2) || end < len(s) && (s[end] == '.' || s[end] == ':') && digit(end+1)
}
