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
	Facts                  string // text: what Facts answers, NULL if that is not known; then the columns below need not be set
	Duration, Talk, PDD    string // integer: duration_ms, connect_ms, pdd_ms; NULL if there is none
	ID, Group              string // id, in a form that equals its text, and text: group_id
	Loss, Jitter           string // double precision: loss_pct, jitter_ms; NULL if there is none
}

// Where is what a store can answer of a condition.
type Where struct {
	SQL  string // a condition that holds for every call that the whole condition holds for; "" is all calls
	Args []any  // string, int64 and float64, of $n
	Rest Expr   // what is to be asked of the rows yet; the zero Expr when SQL says it all
	// Keys are conditions of which every call that the whole condition holds for fulfils one, and each of which an index of one
	// text column answers (a text, or what it begins with); nil: there are none. Their parameters are among Args.
	Keys []string
	// Whole says that Keys ask for whole texts, which few calls have; otherwise for what texts begin with.
	Whole bool
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
	var w Where
	var terms []string
	var rest []*node
	best := noKey
	for _, n := range conj {
		mark := len(q.args)
		q.keys, q.key = nil, exactKey
		term, exact := q.node(n)
		if term == "" {
			q.args = q.args[:mark]
		} else {
			terms = append(terms, term)
			if n.positive() && q.key > best && len(q.keys) <= maxKeys {
				best, w.Keys, w.Whole = q.key, q.keys, q.key == exactKey
			}
		}
		if !exact {
			rest = append(rest, n)
		}
	}
	w.SQL, w.Args = strings.Join(terms, " AND "), q.args
	switch {
	case len(rest) == len(conj):
		w.Rest = e
	case len(rest) > 0:
		w.Rest = Expr{root: &node{op: opAnd, kids: rest}, env: e.env, text: e.text}
	}
	return w
}

const (
	maxSQLValues = 100  // of a list: a longer one is asked of the rows
	maxSQLArgs   = 1000 // of a statement: what comes behind is asked of the rows
	maxKeys      = 40   // indexes are not asked for more
)

// keyKind says what an index is asked for.
type keyKind int

const (
	noKey     keyKind = iota // a term that no index answers
	prefixKey                // how a text begins: may be many calls
	exactKey                 // a text: few calls, mostly
)

// query collects the arguments of a statement.
type query struct {
	c     Columns
	first int
	args  []any
	keys  []string // of the condition that is being translated
	key   keyKind  // the worst of these
}

// keep notes a term that an index answers.
func (q *query) keep(k keyKind, term string) string {
	q.key = min(q.key, k)
	q.keys = append(q.keys, term)
	return term
}

func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(q.first+len(q.args)-1)
}

// positive reports whether a condition is one test, or one of several, that names what it looks for.
func (n *node) positive() bool {
	if n.op == opOr {
		return !slices.ContainsFunc(n.kids, func(k *node) bool { return !k.positive() })
	}
	return n.op == opTest && !n.test.not
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
		return q.anywhere(n.word), false
	}
	return "", false
}

// test asks the field's own columns or, if these do not answer, the call's facts.
func (q *query) test(t *test) (string, bool) {
	mark := len(q.args)
	if term, exact := q.own(t); term != "" {
		return term, exact
	}
	q.args, q.keys, q.key = q.args[:mark], nil, noKey
	return q.facts(t), false
}

func (q *query) own(t *test) (string, bool) {
	columns := q.columns(t.field)
	if slices.Contains(columns, "") || len(columns) == 0 || len(t.vals) > maxSQLValues || len(q.args) > maxSQLArgs {
		return "", false
	}
	if t.field.Name == "kept" && t.anyKept() {
		if t.not {
			return "NOT " + q.c.Kept, true
		}
		return q.c.Kept, true
	}
	var terms []string
	all := true
	for _, c := range columns {
		for i := range t.vals {
			known := len(q.keys)
			term, exact := q.value(t, c, &t.vals[i])
			if term == "" {
				return "", false
			}
			if len(q.keys) == known { // of no index
				q.key = noKey
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

// anyKept reports whether a test of kept names all that can be kept of a call: then the column answers it.
func (t *test) anyKept() bool {
	if t.op == "~" {
		return false
	}
	named := map[string]bool{}
	for i := range t.vals {
		v := t.vals[i].text
		if t.op == ":" {
			v = strings.ToLower(v)
		}
		named[v] = true
	}
	return len(named) == 3 && named["sip"] && named["headers"] && named["rtp"]
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
	case "group":
		if q.c.ID != "" {
			return []string{q.c.Group}
		}
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
	case "duration":
		return []string{q.c.Duration}
	case "connected":
		return []string{q.c.Talk}
	case "pdd":
		return []string{q.c.PDD}
	case "loss":
		return []string{q.c.Loss}
	case "jitter":
		return []string{q.c.Jitter}
	}
	return nil
}
