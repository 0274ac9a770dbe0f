package rules

import (
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
