package rules

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Keys of the tables are texts in lower case. A longer key is cut to maxKey bytes: tables find what may match, and every
// find is judged by the condition itself.
const (
	maxKey  = 48
	foldLen = maxKey + utf8.UTFMax // bytes of a text that are looked at
)

// fold writes the beginning of a text in lower case to buf; whole is false if there is more of it.
func fold(buf *[foldLen]byte, s string) (lower []byte, whole bool) {
	n := 0
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if n == foldLen {
				return buf[:n], false
			}
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			buf[n] = c
			i, n = i+1, n+1
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		r = unicode.ToLower(r)
		if n+utf8.RuneLen(r) > foldLen {
			return buf[:n], false
		}
		n += utf8.EncodeRune(buf[n:], r)
		i += size
	}
	return buf[:n], true
}

// texts finds numbers by whole texts and by prefixes.
type texts struct {
	whole map[string][]int32
	nodes []trieNode // of prefixes; the first is the root
}

// trieNode is a prefix. Its longer ones by one byte b are at kids[b-base], 0: none.
type trieNode struct {
	ids  []int32
	kids []int32
	base byte
}

// add files id under a whole text or a prefix.
func (t *texts) add(text string, prefix bool, id int32) {
	key := strings.ToLower(text)
	if len(key) > maxKey {
		key, prefix = key[:maxKey], true
	}
	if !prefix {
		if t.whole == nil {
			t.whole = map[string][]int32{}
		}
		t.whole[key] = appendOnce(t.whole[key], id)
		return
	}
	if t.nodes == nil {
		t.nodes = make([]trieNode, 1)
	}
	at := 0
	for i := 0; i < len(key); i++ {
		at = t.child(at, key[i])
	}
	t.nodes[at].ids = appendOnce(t.nodes[at].ids, id)
}

// child answers the node below at for b, which is made if there is none.
func (t *texts) child(at int, b byte) int {
	n := &t.nodes[at]
	switch {
	case len(n.kids) == 0:
		n.base, n.kids = b, []int32{0}
	case b < n.base:
		n.kids = append(make([]int32, n.base-b, int(n.base-b)+len(n.kids)), n.kids...)
		n.base = b
	default:
		for int(b-n.base) >= len(n.kids) {
			n.kids = append(n.kids, 0)
		}
	}
	if k := n.kids[b-n.base]; k != 0 {
		return int(k)
	}
	k := len(t.nodes)
	n.kids[b-n.base] = int32(k)
	t.nodes = append(t.nodes, trieNode{})
	return k
}

func appendOnce(ids []int32, id int32) []int32 {
	if n := len(ids); n > 0 && ids[n-1] == id { // ids come in order
		return ids
	}
	return append(ids, id)
}

// find appends the ids of every key that is the text or begins it. lower and whole are what fold answered.
func (t *texts) find(lower []byte, whole bool, ids []int32) []int32 {
	if whole && t.whole != nil {
		ids = append(ids, t.whole[string(lower)]...)
	}
	if t.nodes == nil {
		return ids
	}
	n := &t.nodes[0]
	for i := 0; ; i++ {
		ids = append(ids, n.ids...)
		if i == len(lower) || lower[i] < n.base || int(lower[i]-n.base) >= len(n.kids) {
			return ids
		}
		k := n.kids[lower[i]-n.base]
		if k == 0 {
			return ids
		}
		n = &t.nodes[k]
	}
}

// textTable finds the values of a field's tests. Numbers are looked up as they are and without the international prefix.
type textTable struct {
	texts, plain texts
}

// add files id under what the texts that v matches begin with; ok is false if that may be anything.
func (t *textTable) add(v *value, op string, id int32) (ok bool) {
	text, prefix := v.key(op)
	if text == "" {
		return false
	}
	// A pattern that does not begin like an international prefix matches a number as it is only where it matches it without
	// that prefix, too.
	if v.bare == nil || text[0] == '0' || text[0] == '+' {
		t.texts.add(text, prefix, id)
	}
	if v.bare != nil {
		t.plain.add(v.bare.parts[0], prefix, id)
	}
	return true
}

// find appends the ids of values that may match.
func (t *textTable) find(buf *[foldLen]byte, s string, number bool, ids []int32) []int32 {
	lower, whole := fold(buf, s)
	ids = t.texts.find(lower, whole, ids)
	if number {
		if p := plain(s); len(p) != len(s) {
			lower, whole = fold(buf, p)
		}
		ids = t.plain.find(lower, whole, ids)
	}
	return ids
}
