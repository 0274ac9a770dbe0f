package rules

import (
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"voiptop/protocol"
)

// The text fields of a call as one text, which a store keeps in a column of its own, so that it finds by itself most of the calls
// that a condition on any text is about. Each value is a line "k=value", k being its field's letter below, the value in lower case,
// with blanks for control characters and U+FFFD for what is not UTF-8:
//
//	\nv=2\na=+420777\nb=1001\nc=pbx.example\n...\no=pcma\n
//
// Facts of the first version, which do not begin with v, lack the letters of laterKeys.
//
// A value longer than maxFact bytes is cut, and cutFact stands behind it.
const (
	maxFact = 200
	cutFact = "\x1e"
)

// factKeys are the letters of the fields that are texts. A letter is never used for something else.
var factKeys = map[string]string{
	"caller": "a", "callee": "b", "number": "ab", "caller-domain": "c", "callee-domain": "d", "domain": "cd", "name": "n", "ua": "u",
	"transport": "t", "callid": "i", "codec": "o", "end": "e", "by": "y", "rule": "r",
}

// laterKeys are the letters of the fields that facts have since their second version; f is of the flags that marks lists.
var laterKeys = map[string]string{"dialled": "q", "reason": "p", "media-ip": "m", "ssrc": "x"}

// secondFacts is how facts of the second version begin.
const secondFacts = "\nv=2\n"

// Facts is that text of a call.
func Facts(c *protocol.CDR) string {
	var b strings.Builder
	b.Grow(512)
	b.WriteString(secondFacts)
	fact := func(key byte, s string) {
		if s == "" {
			return
		}
		b.WriteByte(key)
		b.WriteByte('=')
		from := b.Len()
		for _, r := range s {
			if b.Len()-from+utf8.UTFMax > maxFact {
				b.WriteString(cutFact)
				break
			}
			b.WriteRune(factRune(r))
		}
		b.WriteByte('\n')
	}
	fact('a', c.Caller)
	fact('b', c.Callee)
	fact('c', c.CallerDomain)
	fact('d', c.CalleeDomain)
	fact('n', c.CallerName)
	fact('u', c.UACaller)
	if c.UACallee != c.UACaller {
		fact('u', c.UACallee)
	}
	fact('t', c.Transport)
	fact('i', c.CallID)
	for _, codec := range c.Codecs[:min(len(c.Codecs), maxFactList)] {
		fact('o', codec)
	}
	fact('e', string(c.EndCause))
	fact('y', string(c.EndBy))
	fact('r', c.Rule)
	fact('s', c.Src)
	fact('s', c.Dst)
	fact('q', c.CalleeURI)
	fact('p', c.Reason)
	for _, m := range marks(c) {
		fact('f', m)
	}
	var ends []netip.Addr
	for i := range c.Streams[:min(len(c.Streams), maxFactList)] {
		s := &c.Streams[i]
		fact('x', s.SSRC.String())
		for _, end := range [2]string{s.Src, s.Dst} {
			if a, ok := endpoint(end); ok && !slices.Contains(ends, a.Addr()) {
				ends = append(ends, a.Addr())
				fact('m', a.Addr().String())
			}
		}
	}
	if len(c.Codecs) > maxFactList || len(c.Streams) > maxFactList {
		b.WriteString(cutFact)
		b.WriteByte('\n')
	}
	return b.String()
}

const (
	maxFactList  = 16 // codecs, and streams
	maxFactParts = 6  // of a pattern: a database may try all ways to put many between each other
)

// factRune is how a character stands in facts.
func factRune(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return unicode.ToLower(r)
}

// factText is how a text of a condition would stand there; ok is false if nothing can be said.
func factText(s string) (text string, ok bool) {
	if len(s) > maxFact || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError }) {
		return "", false
	}
	text = strings.Map(factRune, s)
	return text, len(text) <= maxFact-2*utf8.UTFMax
}

// facts answers a term that holds whenever a test of a text does. It is never exact.
func (q *query) facts(t *test) string {
	if q.c.Facts == "" || len(q.args) > maxSQLArgs {
		return ""
	}
	if m := t.mark(); m != "" {
		return q.likedLater([]string{"%\nf=" + m + "\n%", "%" + cutFact + "%"})
	}
	keys, later := factKeys[t.field.Name], laterKeys[t.field.Name]
	if keys+later == "" || t.not || len(t.vals) > maxSQLValues {
		return ""
	}
	var likes []string
	whole := !listed(t.field) // nothing can match behind the end of what was cut
	for i := range t.vals {
		for _, key := range keys + later {
			some, ok := factLikes(t, &t.vals[i], string(key))
			if some == nil {
				return ""
			}
			likes = append(likes, some...)
			whole = whole && ok
		}
	}
	if !whole {
		likes = append(likes, "%"+cutFact+"%")
	}
	if later != "" {
		return q.likedLater(likes)
	}
	return q.liked(likes)
}

// listed reports whether a call may have more of a field than its facts.
func listed(f *Field) bool { return f.Name == "codec" || f.Name == "ssrc" || f.Name == "media-ip" }

// likedLater is liked of what facts have since their second version: a call with facts of the first is asked itself.
func (q *query) likedLater(likes []string) string {
	term := q.liked(likes)
	return "(" + q.c.Facts + " NOT LIKE " + q.arg(secondFacts+"%") + " OR " + term[1:]
}

// liked asks for one of the patterns; a call without facts is asked itself.
func (q *query) liked(likes []string) string {
	terms := []string{q.c.Facts + " IS NULL"}
	for _, l := range likes {
		terms = append(terms, q.c.Facts+" LIKE "+q.arg(l)+` ESCAPE '\'`)
	}
	return "(" + strings.Join(terms, " OR ") + ")"
}

// factLikes are patterns of which the facts of a call have one if the test's value matches its field with the letter key; nil if
// nothing can be said. whole: that is so of a text that was cut, too.
func factLikes(t *test, v *value, key string) (likes []string, whole bool) {
	line := `%` + "\n" + key + `=`
	if t.field.Type == Address {
		switch head, bits := printed(v.net); {
		case head == "":
			return nil, false
		case bits == v.net.Addr().BitLen():
			return []string{line + head + "\n%"}, true
		default:
			return []string{line + head + "%"}, true
		}
	}
	switch t.op {
	case "=":
		s, ok := factText(v.text)
		if !ok || s == "" {
			return nil, false
		}
		return []string{line + escapeLike(s) + "\n%"}, true
	case ":":
		p, ok := factPattern(v.pat)
		if !ok {
			return nil, false
		}
		likes, whole = []string{line + p}, len(v.pat.parts) == 2 && v.pat.parts[1] == ""
		if v.bare == nil {
			return likes, whole
		}
		if p, ok = factPattern(v.bare); !ok {
			return nil, false
		}
		return append(likes, line+p, line+"+"+p, line+"00"+p), whole
	case "~":
		if begin, ok := factText(v.begin); ok && begin != "" {
			return []string{line + escapeLike(begin) + "%"}, true
		}
		if within, ok := factText(v.within); ok && len(within) > 1 {
			return []string{line + "%" + escapeLike(within) + "%"}, false
		}
	}
	return nil, false
}

// factPattern is a pattern of a whole line.
func factPattern(p *pattern) (like string, ok bool) {
	if len(p.parts) > maxFactParts {
		return "", false
	}
	size := 0
	var parts []string
	for _, part := range p.parts {
		s, ok := factText(part)
		if !ok {
			return "", false
		}
		size += len(s)
		parts = append(parts, escapeLike(s))
	}
	if size == 0 || size > maxFact-2*utf8.UTFMax { // any text, or none
		return "", false
	}
	return strings.Join(parts, "%") + "\n%", true
}

// anywhere answers a term for a bare word.
func (q *query) anywhere(p *pattern) string {
	s, ok := factText(p.parts[1])
	if q.c.Facts == "" || !ok || s == "" || len(q.args) > maxSQLArgs {
		return ""
	}
	return q.liked([]string{"%" + escapeLike(s) + "%", "%" + cutFact + "%"})
}

var likeEscapes = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func escapeLike(s string) string { return likeEscapes.Replace(s) }
