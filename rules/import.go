package rules

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"voiptop/protocol"
)

// ForeignDefaults is what voipmonitor.conf says where a filter says nothing.
type ForeignDefaults struct {
	SaveSIP bool   // savesip
	SaveRTP string // savertp: yes, header or no
}

// ImportVoIPmonitor makes a rule file of VoIPmonitor's filter tables, exported as CSV: text by file name. What cannot be
// carried over is a comment at its rule; lost counts these. Errors are an *Error that names the file, the line, the column
// (counted in columns) and the field.
//
// There, a call takes options from the filters of all tables: later tables win over earlier ones, in the order IP, number,
// domain, header, and in a table the narrowest filter does. Here the first rule decides alone, so the order is the other way
// round.
func ImportVoIPmonitor(tables map[string]string, d ForeignDefaults) (text string, lost int, err error) {
	im := importer{defaults: d, names: map[string]int{}}
	all := map[string][]foreignRow{}
	for _, file := range slices.Sorted(maps.Keys(tables)) {
		t, bad := readForeign(file, tables[file])
		if bad != nil {
			return "", 0, bad
		}
		all[t.kind] = append(all[t.kind], t.rows...)
	}
	im.out.WriteString("# Imported from VoIPmonitor's filter tables. There, a call takes options from several filters; here the first rule that is\n" +
		"# true decides alone: headers, domains, numbers, addresses, each table's narrowest filters first. See docs/rules.md.\n")
	for _, k := range slices.Backward(foreignKinds) {
		if bad := im.table(k.kind, all[k.kind]); bad != nil {
			return "", 0, bad
		}
	}
	if keep := im.keep(-1, -1); keep != protocol.KeepNone {
		fmt.Fprintf(&im.out, "\n# every other call, as voipmonitor.conf says (savesip, savertp)\nrest: keep %s\n", keep)
	}
	return im.out.String(), im.lost, nil
}

type importer struct {
	defaults ForeignDefaults
	out      strings.Builder
	names    map[string]int
	lost     int
}

// converted is a row as a rule: condition and how narrow it is.
type converted struct {
	row    *foreignRow
	when   string
	narrow int
	cannot []string // what cannot be carried over, and why
	off    bool     // the rule cannot stand without it
}

func (im *importer) table(kind string, rows []foreignRow) *Error {
	list := make([]converted, 0, len(rows))
	for i := range rows {
		c := converted{row: &rows[i]}
		dir, err := rows[i].number("direction", 0, 2)
		if err != nil {
			return err
		}
		switch kind {
		case "filter_ip":
			err = c.address([]string{"ip", "src", "dst"}[max(dir, 0)])
		case "filter_telnum":
			err = c.telnum([]string{"number", "caller", "callee"}[max(dir, 0)])
		case "filter_domain":
			err = c.domain([]string{"domain", "caller-domain", "callee-domain"}[max(dir, 0)])
		case "filter_sip_header":
			err = c.header()
		}
		if err == nil {
			err = c.sensors()
		}
		if err != nil {
			return err
		}
		list = append(list, c)
	}
	slices.SortStableFunc(list, func(a, b converted) int { return cmp.Compare(b.narrow, a.narrow) })
	if len(list) > 0 {
		fmt.Fprintf(&im.out, "\n# %s%s\n", kind, map[string]string{"filter_telnum": "; here a + or 00 in front of a number does not count"}[kind])
	}
	for i := range list {
		if err := im.rule(strings.TrimPrefix(kind, "filter_"), &list[i]); err != nil {
			return err
		}
	}
	return nil
}

// quoteValue writes a value so that it is read as it is.
func quoteValue(s string) string {
	if s != "" && s[0] != '@' && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("+-._*@/", r))
	}) < 0 {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// oneLine makes a comment or a note of a text.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\u0085' || r == '\u2028' || r == '\u2029' }), " ")
}

func (im *importer) rule(kind string, c *converted) *Error {
	row := c.row
	opt := map[string]int{}
	for _, o := range foreignOptions {
		v, err := row.number(o.column, 0, o.most)
		if err != nil {
			return err
		}
		opt[o.column] = v
		if s, set := o.lost[v]; v >= 0 && set {
			c.cannot = append(c.cannot, fmt.Sprintf("%s=%d: %s", o.column, v, s))
		}
	}
	keep := im.keep(opt["sip"], opt["rtp"])
	if opt["sip"] == 0 && keep != protocol.KeepNone {
		c.cannot = append(c.cannot, "sip=0: what is kept has the signalling")
	}
	if opt["skip"] == 1 {
		keep = protocol.KeepNone
	}
	if opt["wav"] > 0 && keep != protocol.KeepRTP {
		c.cannot = append(c.cannot, fmt.Sprintf("wav=%d: to listen, keep rtp", opt["wav"]))
	}
	if v, ok := row.get("natalias"); ok {
		c.cannot = append(c.cannot, "natalias "+brief(oneLine(v))+": media behind NAT is found without")
	}
	var until time.Time
	if v, ok := row.get("remove_at"); ok && !strings.HasPrefix(v, "0000") {
		var err error
		if until, err = time.Parse(time.DateOnly, v[:min(len(v), len(time.DateOnly))]); err != nil {
			return row.wrong("remove_at", "a date such as 2027-01-31")
		}
	}
	im.write(kind, c, keep, opt["dtmf"] == 0 || opt["dtmf"] == 2, until)
	return nil
}

func (im *importer) write(kind string, c *converted, keep protocol.Keep, mask bool, until time.Time) {
	w := &im.out
	for _, s := range c.cannot {
		im.lost++
		fmt.Fprintf(w, "# not carried over: %s\n", oneLine(s))
	}
	id, ok := c.row.get("id")
	if !ok || !isToken(id) {
		id = strconv.Itoa(c.row.line)
	}
	name := strings.ReplaceAll(kind, "_", "-") + "-" + id
	if im.names[name]++; im.names[name] > 1 {
		name += fmt.Sprintf("-%d", im.names[name])
		im.names[name]++
	}
	fmt.Fprintf(w, "%s: keep %s", quoteName(name), keep)
	if c.when != "" {
		w.WriteString(" when " + c.when)
	}
	if mask && keep != protocol.KeepNone {
		w.WriteString(" mask dtmf")
	}
	if !until.IsZero() {
		w.WriteString(" until " + until.Format(time.DateOnly))
	}
	if note, ok := c.row.get("note"); ok {
		w.WriteString(` note "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(strings.ToValidUTF8(oneLine(note), "\uFFFD")) + `"`)
	}
	if c.off {
		w.WriteString(" off")
	}
	w.WriteString("\n")
}

func quoteName(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == "" {
		return s
	}
	return quoteValue(s)
}

// keep is what the options sip and rtp ask for together; -1 is what the configuration says.
func (im *importer) keep(sip, rtp int) protocol.Keep {
	if rtp < 0 {
		rtp = map[string]int{"yes": 1, "header": 2}[im.defaults.SaveRTP]
	}
	switch {
	case rtp == 1:
		return protocol.KeepRTP
	case rtp == 2:
		return protocol.KeepHeaders
	case sip == 1, sip < 0 && im.defaults.SaveSIP:
		return protocol.KeepSIP
	}
	return protocol.KeepNone
}
