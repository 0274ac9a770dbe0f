package rules

import (
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// value is one of the values that a test compares with; which part is set depends on the field's type and the operator.
type value struct {
	text   string
	pat    *pattern // of ":", with the text
	bare   *pattern // the same without the international prefix, of a Number that has one or may have
	re     *regexp.Regexp
	begin  string // every text that re matches begins so
	within string // and holds this
	num    float64
	net    netip.Prefix
	port   uint16 // 0: any
	moment moment
	cost   int // what a regular expression takes beside, as so many values
}

// match compares a text.
func (v *value) match(op, s string) bool {
	switch op {
	case ":":
		return v.pat.match(s) || v.bare != nil && v.bare.match(plain(s))
	case "~":
		return strings.Contains(s, v.within) && v.re.MatchString(s)
	}
	return s == v.text
}

// newValue reads what stands behind an operator; want says what was expected when it is wrong.
func newValue(f *Field, op, text string) (v value, want string) {
	v.text = text
	switch f.Type {
	case Count:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return v, "a number"
		}
		v.num = n
		return v, ""
	case Address:
		var ok bool
		if v.net, v.port, ok = network(text); !ok {
			return v, "an IP address, address:port or network such as 10.0.0.0/8"
		}
		return v, ""
	case Clock:
		var ok bool
		if v.moment, ok = clock(text); !ok {
			return v, "a time of day such as 22:00-06:00"
		}
		return v, ""
	case Weekday:
		var ok bool
		if v.moment, ok = week(text); !ok {
			return v, "a weekday or several, such as sat or mon-fri"
		}
		return v, ""
	case Word:
		if !strings.Contains(text, "*") && op != "~" && !f.hasWord(text) {
			return v, "one of " + strings.Join(f.Words, " ")
		}
	case Text, Number:
	}
	switch op {
	case ":":
		v.pat = newPattern(text)
		if f.Type == Number {
			if b := plain(text); b != "" && b[0] != '*' {
				v.bare = newPattern(b)
			}
		}
	case "~":
		size := regexpSize(text)
		if size > maxRegexp {
			return v, "a smaller regular expression: repetitions such as x{1000} make it big"
		}
		v.cost = size / 2
		re, err := regexp.Compile(text)
		if err != nil {
			return v, "a regular expression (RE2): " + strings.TrimPrefix(err.Error(), "error parsing regexp: ")
		}
		v.re = re
		v.begin, v.within = literals(text)
	}
	return v, ""
}

func (f *Field) hasWord(s string) bool {
	for _, w := range f.Words {
		if strings.EqualFold(w, s) {
			return true
		}
	}
	return false
}

// near lists the words that may stand as a value of the field.
func (f *Field) near() []string {
	if f.Type == Weekday {
		return weekdays
	}
	return f.Words
}

// Ops lists the operators of the field.
func (f *Field) Ops() []string {
	switch f.Type {
	case Count:
		return []string{":", "=", "!=", "<", "<=", ">", ">="}
	case Address, Clock, Weekday:
		return []string{":", "=", "!="}
	case Text, Number, Word:
	}
	return []string{":", "=", "!=", "~"}
}

// network reads an address, an address with port, or a network. A port of 0 is any.
func network(s string) (p netip.Prefix, port uint16, ok bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		a := ap.Addr().Unmap()
		return netip.PrefixFrom(a, a.BitLen()), ap.Port(), true
	}
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), 0, true
	}
	if p, err := netip.ParsePrefix(s); err == nil {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		return p.Masked(), 0, true
	}
	return p, 0, false
}
