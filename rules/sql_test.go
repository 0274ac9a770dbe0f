package rules

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	_ "modernc.org/sqlite"

	"voiptop/protocol"
)

var testColumns = Columns{
	CallID: "call_id", Caller: "caller", Callee: "callee", SrcIP: "src_ip", DstIP: "dst_ip", Sensor: "sensor_id", Status: "status",
	MOS: "mos", Findings: "findings", Kept: "kept",
}

// allColumns are those of a store that keeps facts, too.
var allColumns = func() Columns {
	c := testColumns
	c.Facts, c.Duration, c.Talk, c.PDD, c.Loss, c.Jitter = "facts", "duration_ms", "connect_ms", "pdd_ms", "loss_pct", "jitter_ms"
	return c
}()

func TestTextsAreAskedOfTheFacts(t *testing.T) {
	for expr, want := range map[string]string{
		"ua:Snom*":             "(facts IS NULL OR facts LIKE $1 ESCAPE '\\') [%\nu=snom%\n%]",
		"ua=a_b%":              "(facts IS NULL OR facts LIKE $1 ESCAPE '\\') [%\nu=a\\_b\\%\n%]",
		"ua:*18":               "(facts IS NULL OR facts LIKE $1 ESCAPE '\\' OR facts LIKE $2 ESCAPE '\\') [%\nu=%18\n% %\x1e%]",
		"caller:jana":          "(facts IS NULL OR facts LIKE $1 ESCAPE '\\' OR facts LIKE $2 ESCAPE '\\' OR facts LIKE $3 ESCAPE '\\' OR facts LIKE $4 ESCAPE '\\' OR facts LIKE $5 ESCAPE '\\') [%\na=jana\n% %\na=jana\n% %\na=+jana\n% %\na=00jana\n% %\x1e%]",
		"ua~^Zoi":              "(facts IS NULL OR facts LIKE $1 ESCAPE '\\') [%\nu=zoi%]",
		"ua~\"(?i)^Zoi\"":      " []",
		"over-limit:yes":       "(facts NOT LIKE $3 OR facts IS NULL OR facts LIKE $1 ESCAPE '\\' OR facts LIKE $2 ESCAPE '\\') [%\nf=over-limit\n% %\x1e% \nv=2\n%]",
		"over-limit:no":        " []",
		"leg:later":            "(facts NOT LIKE $3 OR facts IS NULL OR facts LIKE $1 ESCAPE '\\' OR facts LIKE $2 ESCAPE '\\') [%\nf=later\n% %\x1e% \nv=2\n%]",
		"media-ip:10.1.0.0/16": "(facts NOT LIKE $3 OR facts IS NULL OR facts LIKE $1 ESCAPE '\\' OR facts LIKE $2 ESCAPE '\\') [%\nm=10.1.% %\x1e% \nv=2\n%]",
		"domain:a*b*c*d*e*f*g": " []",
		"ua:*":                 " []",
		"ua!=x":                " []",
		"jana":                 "(facts IS NULL OR facts LIKE $1 ESCAPE '\\' OR facts LIKE $2 ESCAPE '\\') [%jana% %\x1e%]",
		"pdd>2.5":              "((facts IS NULL OR (pdd_ms IS NOT NULL AND CAST(pdd_ms AS DOUBLE PRECISION) / 1000 > $1))) [2.5]",
		"not jitter>2":         " []",
		"caller:420* ua:x":     "(((caller >= $1 AND caller < $2) OR (caller >= $3 AND caller < $4) OR (caller >= $5 AND caller < $6))) AND (facts IS NULL OR facts LIKE $7 ESCAPE '\\' OR facts LIKE $8 ESCAPE '\\')",
	} {
		e, err := ParseExpr(expr)
		if err != nil {
			t.Fatal(err)
		}
		w := e.SQL(allColumns, 1)
		want = strings.NewReplacer("\\\\", "\\", "\\n", "\n", "\\x1e", "\x1e").Replace(want)
		if got := fmt.Sprintf("%s %v", w.SQL, w.Args); !strings.HasPrefix(got, want) || w.Rest.root == nil {
			t.Errorf("%s:\n got %q\nwant %q", expr, got, want)
		}
	}
}

func TestConditionsBecomeSQL(t *testing.T) {
	for expr, want := range map[string]string{
		"":                              " [] rest ",
		"caller:420*":                   "(((caller >= $3 AND caller < $4) OR (caller >= $5 AND caller < $6) OR (caller >= $7 AND caller < $8))) [+420 +420\U0010FFFF 00420 00420\U0010FFFF 420 420\U0010FFFF] rest ",
		"caller=jana status!=200":       "(caller = $3) AND NOT ((status <> 0 AND status = $4)) [jana 200] rest ",
		"caller:jana":                   " [] rest caller:jana",
		"mos<3.5 and jitter>5":          "((mos IS NOT NULL AND mos < $3)) [3.5] rest mos<3.5 and jitter>5",
		"src:10.0.0.0/8 or mos<2":       "(((src_ip >= $3 AND src_ip < $4)) OR ((mos IS NOT NULL AND mos < $5))) [10. 10/ 2] rest ",
		"src:10.0.0.0/8 or jitter>2":    " [] rest src:10.0.0.0/8 or jitter>2",
		"dst:2001:db8::/32":             "((dst_ip >= $3 AND dst_ip < $4)) [2001:db8: 2001:db8;] rest ",
		"dst:2001:db8:8000::/33":        "((dst_ip >= $3 AND dst_ip < $4)) [2001:db8: 2001:db8;] rest dst:2001:db8:8000::/33",
		"src:10.0.0.1:5060":             "(src_ip = $3) [10.0.0.1] rest src:10.0.0.1:5060",
		"not (finding:loss-* kept:rtp)": " [] rest not (finding:loss-* kept:rtp)",
		"finding:loss-* kept:rtp":       "((findings <> '' AND findings LIKE $3)) AND (kept) [% loss-%] rest finding:loss-* kept:rtp",
		"kept:(sip RTP headers)":        "kept [] rest ",
		"kept!=(sip rtp headers) mos<2": "NOT kept AND ((mos IS NOT NULL AND mos < $3)) [2] rest ",
		"kept=(sip RTP headers)":        "(kept OR kept OR kept) [] rest kept=(sip RTP headers)",
		"sensor:(1 2.5) status>=399.5":  "(sensor_id = $3 OR 1 = 0) AND ((status <> 0 AND status >= $4)) [1 400] rest ",
		"number:(1 2)":                  "((caller = $3 OR caller = $4 OR caller = $5) OR (caller = $6 OR caller = $7 OR caller = $8) OR (callee = $9 OR callee = $10 OR callee = $11) OR (callee = $12 OR callee = $13 OR callee = $14)) [+1 001 1 +2 002 2 +1 001 1 +2 002 2] rest ",
	} {
		e, err := ParseExpr(expr)
		if err != nil {
			t.Fatal(err)
		}
		w := e.SQL(testColumns, 3)
		if got := fmt.Sprintf("%s %v rest %s", w.SQL, w.Args, w.Rest); got != want {
			t.Errorf("%s:\n got %s\nwant %s", expr, got, want)
		}
	}
	e, err := ParseExpr("caller=1 mos<2")
	if err != nil {
		t.Fatal(err)
	}
	if w := e.SQL(Columns{MOS: "mos"}, 1); w.SQL != "((mos IS NOT NULL AND mos < $1))" || w.Rest.root == nil {
		t.Errorf("a table without callers: %+v", w)
	}
}

// stored is a text as a store keeps it, see Columns.
func stored(s string) string {
	for len(s) > 256 {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func storedIP(s string) string {
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		return ""
	}
	return a.Addr().Unmap().String()
}

// TestRowsThatSQLFindsAndTheRestConfirmsAreThoseThatMatch asks SQLite for random calls by random conditions.
func TestRowsThatSQLFindsAndTheRestConfirmsAreThoseThatMatch(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // there is one memory
	if _, err := db.Exec(`CREATE TABLE calls (n INTEGER PRIMARY KEY, call_id TEXT, caller TEXT, callee TEXT, src_ip TEXT, dst_ip TEXT,
		sensor_id INTEGER, status INTEGER, mos REAL, findings TEXT, kept BOOLEAN, facts TEXT, duration_ms INTEGER, connect_ms INTEGER, pdd_ms INTEGER,
		loss_pct REAL, jitter_ms REAL)`); err != nil {
		t.Fatal(err)
	}
	r := random{rand.New(rand.NewPCG(3, 3))}
	calls := make([]Call, 400)
	for i := range calls {
		c := r.call()
		c.Capture.Kept = protocol.Keep(r.of("", "none", "sip", "rtp"))
		switch r.IntN(20) {
		case 0:
			c.Caller += strings.Repeat("5", 300)
		case 1:
			c.Caller += "\xff"
		case 2:
			c.Callee += "\x00"
		}
		var mos any
		if c.MOS != nil {
			mos = *c.MOS
		}
		findings := ""
		for _, f := range c.Findings {
			findings += " " + f.Code
		}
		if findings != "" {
			findings += " "
		}
		var facts any = Facts(c.CDR)
		if r.IntN(10) == 0 {
			facts = nil
		}
		if _, err := db.Exec(`INSERT INTO calls VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`, i, stored(c.CallID), stored(c.Caller), stored(c.Callee),
			storedIP(c.Src), storedIP(c.Dst), c.SensorID, c.Status, mos, findings, c.Capture.Kept != "" && c.Capture.Kept != protocol.KeepNone,
			facts, c.DurationMS, c.ConnectMS, c.PDDMS, c.LossPct, c.JitterMS); err != nil {
			t.Fatal(err)
		}
		calls[i] = c
	}
	var found, narrowed, complete int
	rounds := 600
	if testing.Short() {
		rounds = 200
	}
	for range rounds {
		text := r.filter()
		e, err := mustParse(t, "group vip: 420* 10\ngroup many: @vip 1 2 3 4 5 6 7 8 9 *6\ngroup nets: 10.0.0.0/24\ngroup wide: @nets 10.1.2.3:5060").ParseExpr(text)
		if err != nil {
			t.Fatal(err)
		}
		columns := testColumns
		if r.IntN(3) > 0 {
			columns = allColumns
		}
		w := e.SQL(columns, 1)
		query := "SELECT n FROM calls"
		if w.SQL != "" {
			query += " WHERE " + w.SQL
			narrowed++
		}
		if w.Rest.root == nil {
			complete++
		}
		rows, err := db.Query(query, w.Args...)
		if err != nil {
			t.Fatalf("%s: %v in %s", text, err, query)
		}
		got := map[int]bool{}
		for rows.Next() {
			var n int
			if err := rows.Scan(&n); err != nil {
				t.Fatal(err)
			}
			got[n] = w.Rest.Match(calls[n])
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		for i := range calls {
			if want := e.Match(calls[i]); got[i] != want {
				t.Fatalf("%s: call %d: %v, want %v\n%s %q\nrest %s\n%+v", text, i, got[i], want, w.SQL, w.Args, w.Rest, *calls[i].CDR)
			} else if want {
				found++
			}
		}
	}
	if found < rounds || narrowed < rounds/3 || complete < rounds/10 {
		t.Errorf("%d calls found, %d of %d conditions narrowed, %d complete: the test sees too little", found, narrowed, rounds, complete)
	}
}

// filter is a condition, mostly on what a store has columns for.
func (r random) filter() string {
	test := func() string {
		switch r.IntN(6) {
		case 0:
			return r.of("sensor", "status", "mos") + r.of("<", "<=", ">", ">=", "=", "!=", ":") + r.of("0", "1", "2", "2.5", "3", "4", "-1", "99999999999")
		case 1:
			return "finding" + r.of(":", "=", "!=") + r.of("one-way-audio", "loss-burst", "loss-*", "*-audio", "one*audio", "*", "*way*", "none")
		case 2:
			return r.of("kept:rtp", "kept:none", "kept!=sip", "kept:(sip rtp)", "kept:r*", "callid=Acme", "callid:*", "callid!=phone")
		}
		return r.test()
	}
	s := test()
	for range r.IntN(4) {
		s = r.of("not ("+s+")", s+" "+test(), "("+s+" or "+test()+")")
	}
	return s
}
