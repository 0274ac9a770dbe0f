package rules

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// number reads a small number; -1 is none.
func (r *foreignRow) number(column string, from, to int) (int, *Error) {
	v, ok := r.get(column)
	if !ok {
		return -1, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < from || n > to {
		return -1, r.wrong(column, fmt.Sprintf("a number from %d to %d, or nothing", from, to))
	}
	return n, nil
}

func (c *converted) address(field string) *Error {
	v, ok := c.row.get("ip")
	if !ok {
		return c.row.wrong("ip", "an IP address, or a number such as 167772161 for 10.0.0.1")
	}
	a, err := netip.ParseAddr(v)
	if n, numeric := strconv.ParseUint(v, 10, 32); numeric == nil {
		a, err = netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), nil
	}
	if err != nil {
		return c.row.wrong("ip", "an IP address, or a number such as 167772161 for 10.0.0.1; select INET6_NTOA(ip) AS ip where the column is binary")
	}
	a = a.Unmap().WithZone("")
	mask, bad := c.row.number("mask", 0, a.BitLen())
	switch {
	case bad != nil:
		return bad
	case mask < 0, mask == 0 && !a.IsUnspecified():
		mask = a.BitLen()
	case mask == 0:
		return nil // every address
	}
	c.narrow = mask
	p := netip.PrefixFrom(a, mask).Masked()
	if mask == a.BitLen() {
		c.when = field + ":" + a.String()
	} else {
		c.when = field + ":" + p.String()
	}
	return nil
}

func (c *converted) telnum(field string) *Error {
	v, ok := c.row.get("prefix")
	if !ok || strings.ContainsAny(v, "\"\\\n") {
		return c.row.wrong("prefix", "the beginning of a number")
	}
	c.narrow = len(v)
	length, bad := c.row.number("fixed_len", 0, 64)
	switch {
	case bad != nil:
		return bad
	case length > 0 && length < len(v):
		return c.row.wrong("fixed_len", "at least as many digits as the prefix has")
	case length > 0:
		c.when = fmt.Sprintf(`%s~"^%s%s$"`, field, regexp.QuoteMeta(v), anyDigits(length-len(v)))
	case strings.Contains(v, "*"):
		c.when = fmt.Sprintf(`%s~"^%s"`, field, regexp.QuoteMeta(v))
	default:
		c.when = field + ":" + quoteValue(v+"*")
	}
	return nil
}

// anyDigits is the regular expression of n digits of whatever kind.
func anyDigits(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(".{%d}", n)
}

func (c *converted) domain(field string) *Error {
	v, ok := c.row.get("domain")
	if !ok || strings.ContainsAny(v, "\n*") {
		return c.row.wrong("domain", "a domain")
	}
	c.when = field + ":" + quoteValue(v)
	return nil
}

func (c *converted) header() *Error {
	name, _ := c.row.get("header")
	name = strings.TrimSuffix(name, ":")
	if !isToken(name) || strings.ContainsAny(name, "~!") {
		return c.row.wrong("header", "the name of a SIP header field")
	}
	content, ok := c.row.get("content")
	if strings.ContainsAny(content, "\r\n\x00") {
		return c.row.wrong("content", "one line of text")
	}
	kind, _ := c.row.get("content_type")
	field := headerPrefix + name
	c.narrow = 1000
	switch kind {
	case "", "strict":
		c.when = field + "=" + quoteValue(content)
		if !ok {
			c.when, c.off = "", true
			c.cannot = append(c.cannot, "a strict filter without content: nothing to look for")
		}
	case "prefix":
		c.narrow = min(len(content), 999)
		if strings.Contains(content, "*") {
			c.when = field + "~" + quoteValue("^"+regexp.QuoteMeta(content))
		} else {
			c.when = field + ":" + quoteValue(content+"*")
		}
	case "regexp":
		c.narrow = -1
		c.when = field + "~" + quoteValue(content)
		if _, err := regexp.Compile(content); err != nil || !ok {
			c.when, c.off = "", true
			c.cannot = append(c.cannot, fmt.Sprintf("the regular expression %q: RE2 does not understand it; write it anew", content))
		}
	default:
		return c.row.wrong("content_type", "strict, prefix or regexp")
	}
	return nil
}

// sensors reads the list of sensors that a filter is for, if the export has it.
func (c *converted) sensors() *Error {
	v, ok := c.row.get("sensors_id")
	if !ok {
		return nil
	}
	var ids []string
	for _, s := range strings.Split(v, ",") {
		if n, err := strconv.Atoi(strings.TrimSpace(s)); err != nil || n < 1 || n > 65535 {
			c.cannot = append(c.cannot, fmt.Sprintf("sensors_id %s: not a list of id_sensor", v))
			return nil
		}
		ids = append(ids, strings.TrimSpace(s))
	}
	c.when = strings.TrimSpace(c.when + " sensor:(" + strings.Join(ids, " ") + ")")
	return nil
}
