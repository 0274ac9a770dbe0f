package rules

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"voiptop/protocol"
)

// value answers a term for one value and one column, as query.node does.
func (q *query) value(t *test, column string, v *value) (string, bool) {
	switch t.field.Name {
	case "sensor":
		return q.integer(column, t.op, v.num), true
	case "status":
		return fmt.Sprintf("(%s <> 0 AND %s)", column, q.integer(column, t.op, v.num)), true
	case "mos":
		op := t.op
		if op == ":" {
			op = "="
		}
		return fmt.Sprintf("(%s IS NOT NULL AND %s %s %s)", column, column, op, q.arg(v.num)), true
	case "duration", "connected", "pdd":
		return q.figure(column, "CAST("+column+" AS DOUBLE PRECISION) / 1000", t.op, v.num), false
	case "loss", "jitter":
		return q.figure(column, column, t.op, v.num), false
	case "finding":
		return q.finding(column, t.op, v)
	case "kept":
		if t.op == "~" || strings.Contains(v.text, "*") || strings.EqualFold(v.text, "none") {
			return "", false
		}
		return column, false
	}
	if t.field.Name == "group" {
		return q.group(t.op, v.text), false
	}
	if t.field.Type == Address {
		return q.network(column, v)
	}
	switch t.op {
	case "=":
		return q.equal(column, v.text)
	case ":":
		return q.pattern(column, t.field, v)
	}
	return "", false
}

// group asks the indexes of a call's id and of further legs: no index has the first leg's own group, which is its id.
func (q *query) group(op, id string) string {
	if op == ":" {
		id = strings.ToLower(id)
	}
	if _, err := protocol.ParseUUID(id); err != nil || op == "~" {
		return ""
	}
	first := q.keep(exactKey, q.c.ID+" = "+q.arg(id))
	return "(" + first + " OR " + q.keep(exactKey, fmt.Sprintf("%s = %s AND %[1]s <> CAST(%s AS TEXT)", q.c.Group, q.arg(id), q.c.ID)) + ")"
}

// figure compares a column that a call without facts does not have.
func (q *query) figure(column, value, op string, n float64) string {
	if op == ":" {
		op = "="
	}
	return fmt.Sprintf("(%s IS NULL OR (%s IS NOT NULL AND %s %s %s))", q.c.Facts, column, value, op, q.arg(n))
}

// integer compares an integer column; what is not whole is rounded so that the answer stays the same.
func (q *query) integer(column, op string, n float64) string {
	whole := n == math.Trunc(n)
	switch op {
	case "<", ">=":
		n = math.Ceil(n)
	case "<=", ">":
		n = math.Floor(n)
	default:
		if op = "="; !whole {
			return "1 = 0"
		}
	}
	n = max(min(n, math.MaxInt32), math.MinInt32)
	return column + " " + op + " " + q.arg(int64(n))
}

// storable reports whether a text is in a column as it is if a call has it, and is in it only then.
func storable(s string) bool {
	return len(s) <= 250 && !strings.ContainsAny(s, "\x00\uFFFD") && strings.ToValidUTF8(s, "") == s
}

func (q *query) equal(column, s string) (string, bool) {
	if !storable(s) {
		return "", false
	}
	return q.keep(exactKey, column+" = "+q.arg(s)), true
}

func (q *query) prefix(column, s string) string {
	return q.between(column, s, s+"\U0010FFFF")
}

// between matches texts from low to below high.
func (q *query) between(column, low, high string) string {
	return q.keep(prefixKey, fmt.Sprintf("(%s >= %s AND %s < %s)", column, q.arg(low), column, q.arg(high)))
}

// pattern translates patterns without letters, in which case counts.
func (q *query) pattern(column string, f *Field, v *value) (string, bool) {
	parts := v.pat.parts
	if len(parts) == 2 && parts[0] == "" && parts[1] == "" {
		return column + " <> ''", true
	}
	head, exact := parts[0], len(parts) == 1 || len(parts) == 2 && parts[1] == ""
	if head == "" || !caseless(head) || !storable(head) {
		return "", false
	}
	texts := []string{head}
	if f.Type == Number && v.bare != nil {
		bare := v.bare.parts[0]
		texts = append(texts, bare, "+"+bare, "00"+bare)
		slices.Sort(texts)
		texts = slices.Compact(texts)
		exact = exact && bare[0] != '0' && bare[0] != '+'
	}
	terms := make([]string, len(texts))
	for i, s := range texts {
		if len(parts) == 1 {
			terms[i] = q.keep(exactKey, column+" = "+q.arg(s))
		} else {
			terms[i] = q.prefix(column, s)
		}
	}
	return "(" + strings.Join(terms, " OR ") + ")", exact
}

// caseless reports whether all of a text is ASCII without letters. Letters of other scripts may turn into these, and into
// no other character.
func caseless(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }) < 0
}

func (q *query) finding(column, op string, v *value) (string, bool) {
	text := strings.ToLower(v.text)
	if op == "=" {
		text = strings.ReplaceAll(v.text, "*", "?") // stands for itself, and is in no code
	}
	if op == "~" || text == "" || strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-*") != "" {
		return "", false
	}
	if text == "*" {
		return column + " <> ''", true
	}
	stars := strings.Count(text, "*")
	like := "% " + text + " %"
	switch {
	case stars == 1 && strings.HasSuffix(text, "*"):
		like = "% " + strings.TrimSuffix(text, "*") + "%"
	case stars == 1 && strings.HasPrefix(text, "*"):
		like = "%" + strings.TrimPrefix(text, "*") + " %"
	case stars > 0:
		like = "%" + strings.ReplaceAll(text, "*", "%") + "%"
	}
	return fmt.Sprintf("(%s <> '' AND %s LIKE %s)", column, column, q.arg(like)), stars == 0 || stars == 1 && (text[0] == '*' || text[len(text)-1] == '*')
}

// network translates to a range of printed addresses: the parts of the address that are whole in the network.
func (q *query) network(column string, v *value) (string, bool) {
	head, bits := printed(v.net)
	switch {
	case head == "":
		return "", false
	case bits == v.net.Addr().BitLen():
		term, _ := q.equal(column, head)
		return term, v.port == 0
	}
	// the character behind the last one ends the range: every address goes on behind it
	end := head[:len(head)-1] + string(head[len(head)-1]+1)
	return q.between(column, head, end), bits == v.net.Bits()
}

// printed is how the printed addresses of a network begin, "" if nothing can be said, and how many bits that fixes: all of an
// address are the whole of it.
func printed(net netip.Prefix) (head string, bits int) {
	a := net.Addr()
	switch {
	case net.Bits() == a.BitLen():
		return a.String(), a.BitLen()
	case a.Is4():
		for _, b := range a.As4() {
			if bits+8 > net.Bits() {
				break
			}
			head, bits = head+strconv.Itoa(int(b))+".", bits+8
		}
		return head, bits
	}
	return groups(a, net.Bits())
}

// groups prints the first groups of an IPv6 address, as far as they are within bits and none is zero: zeros may be left out.
func groups(a netip.Addr, within int) (head string, bits int) {
	b := a.As16()
	for i := 0; i < 16 && bits+16 <= within; i += 2 {
		g := uint64(b[i])<<8 | uint64(b[i+1])
		if g == 0 {
			break
		}
		head, bits = head+strconv.FormatUint(g, 16)+":", bits+16
	}
	return head, bits
}
