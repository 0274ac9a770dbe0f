package rules

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Columns names the columns of a table of calls that a condition can be asked of; "" is a column that the table does not have.
// Texts are compared byte by byte (collation C in PostgreSQL, BINARY in SQLite) and hold the CDR's value as it is, but that they
// may be cut behind 256 bytes and have U+FFFD for what is not UTF-8 and for NUL.
type Columns struct {
	CallID, Caller, Callee string // text
	SrcIP, DstIP           string // text: the address without port as netip.Addr prints it, IPv4 in IPv6 unmapped; "" if there is none
	Sensor, Status         string // integer
	MOS                    string // double precision, NULL if there is none
	Findings               string // text: " code code ", "" if there are none; codes are lower case
	Kept                   string // boolean: a capture was kept
}

// Where is what a store can answer of a condition.
type Where struct {
	SQL  string // a condition that holds for every call that the whole condition holds for; "" is all calls
	Args []any  // string, int64 and float64, of $n
	Rest Expr   // what is to be asked of the rows yet; the zero Expr when SQL says it all
}

// SQL translates a condition for a store, with parameters from $first on. PostgreSQL and SQLite understand it.
func (e Expr) SQL(c Columns, first int) Where {
	if e.root == nil {
		return Where{}
	}
	q := query{c: c, first: first}
	conj := []*node{e.root}
	if e.root.op == opAnd {
		conj = e.root.kids
	}
	var terms []string
	var rest []*node
	for _, n := range conj {
		mark := len(q.args)
		term, exact := q.node(n)
		if term == "" {
			q.args = q.args[:mark]
		} else {
			terms = append(terms, term)
		}
		if !exact {
			rest = append(rest, n)
		}
	}
	w := Where{SQL: strings.Join(terms, " AND "), Args: q.args}
	switch {
	case len(rest) == len(conj):
		w.Rest = e
	case len(rest) > 0:
		w.Rest = Expr{root: &node{op: opAnd, kids: rest}, env: e.env, text: e.text}
	}
	return w
}

const maxSQLValues = 100 // of a list: a longer one is asked of the rows

// query collects the arguments of a statement.
type query struct {
	c     Columns
	first int
	args  []any
}

func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(q.first+len(q.args)-1)
}

// node answers a term that holds whenever n does; exact: and only then. "" if there is none.
func (q *query) node(n *node) (term string, exact bool) {
	switch n.op {
	case opTest:
		return q.test(n.test)
	case opNot:
		if term, exact = q.node(n.kids[0]); exact {
			return "NOT " + term, true
		}
	case opAnd, opOr:
		var terms []string
		exact = true
		for _, k := range n.kids {
			mark := len(q.args)
			t, x := q.node(k)
			exact = exact && x
			if t == "" {
				if q.args = q.args[:mark]; n.op == opOr {
					return "", false
				}
				continue
			}
			terms = append(terms, t)
		}
		if terms != nil {
			return "(" + strings.Join(terms, map[nodeOp]string{opAnd: " AND ", opOr: " OR "}[n.op]) + ")", exact
		}
	case opAnywhere:
	}
	return "", false
}

func (q *query) test(t *test) (string, bool) {
	columns := q.columns(t.field)
	if slices.Contains(columns, "") || len(columns) == 0 || len(t.vals) > maxSQLValues {
		return "", false
	}
	var terms []string
	all := true
	for _, c := range columns {
		for i := range t.vals {
			term, exact := q.value(t, c, &t.vals[i])
			if term == "" {
				return "", false
			}
			terms = append(terms, term)
			all = all && exact
		}
	}
	term := "(" + strings.Join(terms, " OR ") + ")"
	if t.not {
		if !all {
			return "", false
		}
		term = "NOT " + term
	}
	return term, all
}

func (q *query) columns(f *Field) []string {
	switch f.Name {
	case "caller":
		return []string{q.c.Caller}
	case "callee":
		return []string{q.c.Callee}
	case "number":
		return []string{q.c.Caller, q.c.Callee}
	case "src":
		return []string{q.c.SrcIP}
	case "dst":
		return []string{q.c.DstIP}
	case "ip":
		return []string{q.c.SrcIP, q.c.DstIP}
	case "callid":
		return []string{q.c.CallID}
	case "sensor":
		return []string{q.c.Sensor}
	case "status":
		return []string{q.c.Status}
	case "mos":
		return []string{q.c.MOS}
	case "finding":
		return []string{q.c.Findings}
	case "kept":
		return []string{q.c.Kept}
	}
	return nil
}

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
	case "finding":
		return q.finding(column, t.op, v)
	case "kept":
		if t.op == "~" || strings.Contains(v.text, "*") || strings.EqualFold(v.text, "none") {
			return "", false
		}
		return column, false
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
	return column + " = " + q.arg(s), true
}

func (q *query) prefix(column, s string) string {
	return fmt.Sprintf("(%s >= %s AND %s < %s)", column, q.arg(s), column, q.arg(s+"\U0010FFFF"))
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
			terms[i] = column + " = " + q.arg(s)
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
	a := v.net.Addr()
	if v.net.Bits() == a.BitLen() {
		term, _ := q.equal(column, a.String())
		return term, v.port == 0
	}
	head, bits := "", 0
	if a.Is4() {
		for _, b := range a.As4() {
			if bits+8 > v.net.Bits() {
				break
			}
			head, bits = head+strconv.Itoa(int(b))+".", bits+8
		}
	} else {
		head, bits = groups(a, v.net.Bits())
	}
	if head == "" {
		return "", false
	}
	// the character behind the last one ends the range: every address goes on behind it
	end := head[:len(head)-1] + string(head[len(head)-1]+1)
	return fmt.Sprintf("(%s >= %s AND %s < %s)", column, q.arg(head), column, q.arg(end)), bits == v.net.Bits()
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
