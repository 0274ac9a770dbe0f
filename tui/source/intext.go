package source

import (
	"errors"
	"slices"
	"strings"
)

// textTerm begins a condition on the whole text of messages. It is no field of conditions: records have no messages whole, so that it is
// the source that looks, while the others are asked of each record.
const textTerm = "text:"

// What is wrong with a filter that has text: in it.
var (
	// ErrNoText is why a filter cannot look into the messages of a Source that is no TextSearcher.
	ErrNoText = errors.New("text: looks into capture files; a sensor keeps no messages whole but those that rules want. message: asks for first lines, e.g. message:REFER*")

	errTextPlace = errors.New("text: must hold beside the other conditions: it stands behind no not, in no brackets, and an or beside it in brackets")
	errTextQuote = errors.New(`text: a word, or words in quotes: text:"a=sendonly"`)
)

// token is a piece of a filter: a bracket, or a word with what is in quotes in it.
type token struct{ from, to int }

func tokens(s string) (out []token) {
	for i := 0; i < len(s); {
		switch s[i] {
		case ' ', '\t', '\n', '\r':
			i++
			continue
		case '(', ')':
			out = append(out, token{i, i + 1})
			i++
			continue
		}
		from := i
		for quoted := false; i < len(s); i++ {
			c := s[i]
			if c == '"' {
				quoted = !quoted
			} else if quoted && c == '\\' && i+1 < len(s) {
				i++
			} else if !quoted && strings.IndexByte(" \t\r\n()", c) >= 0 {
				break
			}
		}
		i = min(i, len(s))
		out = append(out, token{from, i})
	}
	return out
}

// CutText takes what is searched for in the text of messages (text:word, text:"some words") out of a filter of calls. All of it must hold
// beside the rest, which is a condition of package rules; a filter that says otherwise is refused.
func CutText(filter string) (words []string, rest string, err error) {
	list := tokens(filter)
	is := func(i int, word string) bool {
		return i >= 0 && i < len(list) && strings.EqualFold(filter[list[i].from:list[i].to], word)
	}
	var drop []int
	depth, either := 0, false
	for i, t := range list {
		s := filter[t.from:t.to]
		switch {
		case s == "(":
			depth++
		case s == ")":
			depth--
		case depth == 0 && is(i, "or"):
			either = true
		case len(s) >= len(textTerm) && strings.EqualFold(s[:len(textTerm)], textTerm):
			w, ok := unquoted(s[len(textTerm):])
			switch {
			case depth != 0 || is(i-1, "not"):
				return nil, "", errTextPlace
			case !ok:
				return nil, "", errTextQuote
			}
			words, drop = append(words, w), append(drop, i)
			if is(i-1, "and") && !slices.Contains(drop, i-1) {
				drop = append(drop, i-1)
			} else if is(i+1, "and") {
				drop = append(drop, i+1)
			}
		}
	}
	if len(words) > 0 && either {
		return nil, "", errTextPlace
	}
	if len(words) == 0 {
		return nil, filter, nil
	}
	blanked := []byte(filter) // so that what is wrong with the rest is found in the column where it stands
	for _, i := range drop {
		for k := list[i].from; k < list[i].to; k++ {
			blanked[k] = ' '
		}
	}
	return words, strings.TrimRight(string(blanked), " "), nil
}

// unquoted is the value of a term; not ok when there is none yet, or its quotes do not end.
func unquoted(s string) (string, bool) {
	if !strings.HasPrefix(s, `"`) {
		return s, s != "" && !strings.Contains(s, `"`)
	}
	if len(s) < 3 || !strings.HasSuffix(s, `"`) {
		return "", false
	}
	s = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(s[1 : len(s)-1])
	return s, s != ""
}

// Narrow is a filter of the calls that a filter and a condition both hold for.
func Narrow(filter, where string) string {
	depth, either := 0, false
	for _, t := range tokens(filter) {
		switch s := filter[t.from:t.to]; {
		case s == "(":
			depth++
		case s == ")":
			depth--
		case depth == 0 && strings.EqualFold(s, "or"):
			either = true
		}
	}
	if either {
		filter = "(" + filter + ")"
	}
	return strings.TrimSpace(filter + " " + where)
}
