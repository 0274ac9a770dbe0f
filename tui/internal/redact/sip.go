package redact

import (
	"bytes"
	"strings"

	"voiptop/tui/internal/sipmsg"
)

// plain are the headers whose values say nothing of persons or networks.
var plain = set("accept", "accept-encoding", "accept-language", "allow", "allow-events", "content-disposition", "content-encoding", "content-length", "content-type", "cseq",
	"date", "event", "expires", "max-forwards", "mime-version", "min-expires", "min-se", "p-early-media", "priority", "privacy", "proxy-require", "rack", "reason",
	"require", "retry-after", "rseq", "server", "session-expires", "sip-etag", "sip-if-match", "subscription-state", "supported", "timestamp", "unsupported", "user-agent")

// addresses are the headers that hold names and URIs.
var addresses = set("alert-info", "call-info", "contact", "diversion", "error-info", "from", "history-info", "p-asserted-identity", "p-associated-uri", "p-called-party-id",
	"p-preferred-identity", "path", "record-route", "refer-to", "referred-by", "remote-party-id", "reply-to", "route", "service-route", "to", "via", "x-original-to")

// ids are the headers that hold a Call-ID, behind which parameters may stand.
var ids = set("call-id", "in-reply-to", "replaces", "join", "target-dialog", "x-call-id", "x-cid", "session-id")

// credentials are the headers of authentication.
var credentials = set("authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate", "authentication-info", "proxy-authentication-info")

func set(names ...string) map[string]bool {
	m := map[string]bool{}
	for _, n := range names {
		m[n] = true
	}
	return m
}

// Message masks a SIP message. The answer has as many bytes.
func (r *Redactor) Message(raw []byte) []byte {
	head, body := sipmsg.Split(raw)
	out := make([]byte, 0, len(raw))
	name := ""
	content := ""
	for i, line := range bytes.SplitAfter(head, []byte("\n")) {
		text := strings.TrimRight(string(line), "\r\n")
		end := string(line[len(text):])
		switch {
		case i == 0:
			text = r.startLine(text)
		case text != "" && (text[0] == ' ' || text[0] == '\t'): // goes on with the header before
			text = r.header(name, text)
		default:
			key, value, ok := strings.Cut(text, ":")
			if !ok {
				text = r.Words(text)
				break
			}
			name = sipmsg.Long(strings.TrimRight(key, " \t"))
			if name == "content-type" {
				content = strings.ToLower(strings.TrimSpace(value))
			}
			text = key + ":" + r.header(name, value)
		}
		out = append(append(out, text...), end...)
	}
	out = append(out, raw[len(head):len(raw)-len(body)]...)
	return append(out, r.body(body, content)...)
}

func (r *Redactor) startLine(s string) string {
	method, rest, ok := strings.Cut(s, " ")
	if !ok || strings.HasPrefix(s, "SIP/") {
		return s
	}
	uri, version, ok := cutLast(rest, " ")
	if !ok {
		return method + " " + r.uri(rest)
	}
	return method + " " + r.uri(uri) + " " + version
}

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func (r *Redactor) header(name, value string) string {
	switch {
	case plain[name]:
		return r.addressesIn(value)
	case name == "via":
		return r.via(value)
	case addresses[name]:
		return r.nameAddr(value)
	case ids[name]:
		trimmed := strings.TrimLeft(value, " \t")
		lead := value[:len(value)-len(trimmed)]
		id, params := trimmed, ""
		if i := strings.IndexByte(trimmed, ';'); i >= 0 {
			id, params = trimmed[:i], trimmed[i:]
		}
		end := id[len(strings.TrimRight(id, " \t")):]
		return lead + r.ID(strings.TrimRight(id, " \t")) + end + params
	case credentials[name]:
		return r.credentials(value)
	}
	return r.Words(value)
}

// via masks "SIP/2.0/UDP host:port;branch=...;received=host", several of them with commas.
func (r *Redactor) via(s string) string {
	parts := strings.Split(s, ",")
	for i, p := range parts {
		sent, params, more := strings.Cut(p, ";")
		if at := strings.LastIndexAny(sent, " \t"); at >= 0 {
			sent = sent[:at+1] + r.hostPort(sent[at+1:])
		} else {
			sent = r.hostPort(sent)
		}
		if more {
			sent += ";" + r.params(params)
		}
		parts[i] = sent
	}
	return strings.Join(parts, ",")
}

// hostPort masks the host of "host", "host:port" and "[v6]:port".
func (r *Redactor) hostPort(s string) string {
	at := strings.LastIndexByte(s, ':')
	if at < 0 || at < strings.IndexByte(s, ']') || !digits(s[at+1:]) || strings.Count(s, ":") > 1 && s[0] != '[' {
		return r.Host(s)
	}
	return r.Host(s[:at]) + s[at:]
}

// params masks parameters that name a host, and what is quoted; the others stay.
func (r *Redactor) params(s string) string {
	parts := strings.Split(s, ";")
	for i, p := range parts {
		key, value, ok := strings.Cut(p, "=")
		if !ok {
			continue
		}
		switch k := strings.ToLower(strings.TrimSpace(key)); {
		case k == "received" || k == "maddr":
			parts[i] = key + "=" + r.hostPort(value)
		case k == "phone-context":
			parts[i] = key + "=" + r.User(value)
		case strings.Contains(value, `"`), k == "gr", k == "pub-gruu", k == "temp-gruu", k == "reg-id", k == "alias", k == "fs_path":
			parts[i] = key + "=" + r.Words(value)
		default:
			parts[i] = key + "=" + r.addressesIn(value)
		}
	}
	return strings.Join(parts, ";")
}

// nameAddr masks "Name" <URI>;params, several of them with commas, and an URI without brackets.
func (r *Redactor) nameAddr(s string) string {
	var out strings.Builder
	for s != "" {
		i := strings.IndexAny(s, `"<,`)
		if uri := strings.Index(s, ":"); uri >= 0 && (i < 0 || uri < i) && strings.TrimSpace(s[:uri]) != "" && !strings.ContainsAny(s[:uri], ";=") { // no brackets
			end := len(s)
			if k := strings.IndexAny(s, ",;"); k >= 0 {
				end = k
			}
			lead := len(s) - len(strings.TrimLeft(s, " \t"))
			out.WriteString(s[:lead] + r.uri(s[lead:end]))
			s = s[end:]
			if s != "" && s[0] == ';' {
				k := strings.IndexByte(s, ',')
				if k < 0 {
					k = len(s)
				}
				out.WriteString(r.params(s[:k]))
				s = s[k:]
			}
			if s != "" {
				out.WriteByte(s[0])
				s = s[1:]
			}
			continue
		}
		if i < 0 {
			out.WriteString(r.afterAddr(s))
			return out.String()
		}
		out.WriteString(r.afterAddr(s[:i]))
		switch s[i] {
		case '"':
			n := quoted(s[i:])
			out.WriteString(r.Words(s[i : i+n]))
			s = s[i+n:]
		case '<':
			n := strings.IndexByte(s[i:], '>')
			if n < 0 {
				out.WriteString("<" + r.uri(s[i+1:]))
				return out.String()
			}
			out.WriteString("<" + r.uri(s[i+1:i+n]) + ">")
			s = s[i+n+1:]
		default:
			out.WriteByte(',')
			s = s[i+1:]
		}
	}
	return out.String()
}

// afterAddr masks what stands outside of brackets and quotes: parameters, or a name without quotes.
func (r *Redactor) afterAddr(s string) string {
	if strings.HasPrefix(strings.TrimLeft(s, " \t"), ";") {
		return r.params(s)
	}
	return r.Words(s)
}

// quoted is the length of a quoted string at the start of s.
func quoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// uri masks user and host of a URI.
func (r *Redactor) uri(s string) string {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok {
		return r.hostPort(s)
	}
	switch strings.ToLower(scheme) {
	case "sip", "sips", "pres", "im":
	case "tel":
		number, params, more := strings.Cut(rest, ";")
		if more {
			return scheme + ":" + r.User(number) + ";" + r.params(params)
		}
		return scheme + ":" + r.User(number)
	default:
		return scheme + ":" + r.Words(rest)
	}
	tail := ""
	if i := strings.IndexByte(rest, '?'); i >= 0 {
		rest, tail = rest[:i], "?"+r.Words(rest[i+1:])
	}
	user, host, ok := cutLast(rest, "@")
	if !ok {
		user, host = "", rest
	}
	params := ""
	if i := strings.IndexByte(host, ';'); i >= 0 {
		host, params = host[:i], ";"+r.params(host[i+1:])
	}
	if ok {
		number, more := user, ""
		if i := strings.IndexAny(user, ";:"); i >= 0 { // parameters of the number, or a password
			number, more = user[:i], user[i:i+1]+r.Words(user[i+1:])
		}
		user = r.User(number) + more + "@"
	}
	return scheme + ":" + user + r.hostPort(host) + params + tail
}

// credentials masks who authenticates, where, and with what.
func (r *Redactor) credentials(s string) string {
	var out strings.Builder
	for s != "" {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			out.WriteString(s)
			break
		}
		n := quoted(s[i:])
		key := strings.ToLower(strings.TrimRight(s[:i], "= \t"))
		value := s[i+1 : i+n]
		value = strings.TrimSuffix(value, `"`)
		var masked string
		switch {
		case strings.HasSuffix(key, "username"):
			masked = r.User(value)
		case strings.HasSuffix(key, "realm"):
			masked = r.Host(value)
		case strings.HasSuffix(key, "uri"):
			masked = r.uri(value)
		case strings.HasSuffix(key, "qop"), strings.HasSuffix(key, "algorithm"):
			masked = value
		default:
			masked = r.Words(value)
		}
		out.WriteString(s[:i+1] + masked + s[i+1+len(value):i+n])
		s = s[i+n:]
	}
	return out.String()
}
