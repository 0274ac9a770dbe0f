package sipp

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"

	"voiptop/tui/internal/sipmsg"
)

// kept are the headers of a request that are kept when another message comes before its answer.
var kept = []string{"Via", "From", "To", "CSeq"}

func variable(header string, i int) string {
	return fmt.Sprintf("%s%d", strings.ToLower(strings.ReplaceAll(header, "-", "")), i)
}

func has(raw []byte, header string) bool { return sipmsg.Value(raw, header) != nil }

// dropped are headers that the network or a former challenge put there; sipp writes its own, or none.
var dropped = map[string]bool{
	"via": true, "record-route": true, "route": true, "content-length": true, "call-id": true, "from": true, "to": true, "cseq": true, "max-forwards": true,
	"authorization": true, "proxy-authorization": true, "contact": true,
}

// tags are what sipp puts for the tag of a side.
var tags = [2]string{Caller: "[pid]SIPpTag00[call_number]", Callee: "[pid]SIPpTag01[call_number]"}

// message is the message at i as this side sends it, a line each.
func (s *scenario) message(i int) []string {
	st := &s.c.steps[i]
	head, body := sipmsg.Split(st.raw)
	lines := unfold(head)
	var out []string
	if st.status > 0 {
		out = append(out, literal(lines[0]))
		out = append(out, s.answerHeads(i)...)
	} else {
		out = append(out, s.requestHeads(i, lines[0])...)
	}
	content := ""
	for _, l := range lines[1:] {
		name, value, ok := strings.Cut(l, ":")
		long := sipmsg.Long(strings.TrimRight(name, " \t"))
		if long == "content-type" {
			content = strings.ToLower(strings.TrimSpace(value))
		}
		switch {
		case !ok:
		case long == "contact":
			out = append(out, s.contact(value))
		case !dropped[long]:
			out = append(out, s.addresses(literal(l)))
		}
	}
	if st.status == 0 && credentials(st.raw) && s.challenged(i) {
		out = append(out, "[authentication]")
	}
	out = append(out, "Content-Length: [len]", "")
	if len(body) == 0 {
		return out
	}
	return append(out, s.body(body, content)...)
}

// unfold is the head of a message with each header on one line.
func unfold(head []byte) (out []string) {
	for _, l := range strings.Split(strings.ReplaceAll(string(head), "\r\n", "\n"), "\n") {
		switch {
		case l == "":
		case len(out) > 1 && (l[0] == ' ' || l[0] == '\t'):
			out[len(out)-1] += " " + strings.TrimSpace(l)
		default:
			out = append(out, l)
		}
	}
	return out
}

// answerHeads are the headers that a response takes from its request.
func (s *scenario) answerHeads(i int) []string {
	st := &s.c.steps[i]
	at, last := s.asked(i)
	tag := ""
	if at >= 0 && st.toTag && !s.c.steps[at].toTag {
		tag = ";tag=" + tags[s.side]
	}
	if at >= 0 && !last {
		return []string{
			"Via:[$" + variable("Via", at) + "]", "From:[$" + variable("From", at) + "]", "To:[$" + variable("To", at) + "]" + tag, "Call-ID: [call_id]",
			"CSeq:[$" + variable("CSeq", at) + "]",
		}
	}
	out := []string{"[last_Via:]", "[last_From:]", "[last_To:]" + tag, "[last_Call-ID:]", "[last_CSeq:]"}
	if has(st.raw, "record-route") {
		out = append(out, "[last_Record-Route:]")
	}
	return out
}

// requestHeads are the first line of a request, and the headers that tell which dialog and transaction it is of.
func (s *scenario) requestHeads(i int, line string) []string {
	st := &s.c.steps[i]
	uri := strings.Fields(line)[1]
	number, _, _ := strings.Cut(st.cseq, " ")
	branch := "[branch]"
	invite, within := s.sent[number+" INVITE"]
	joins := st.method == "CANCEL" || st.method == "ACK" && !s.accepted(i)
	if joins && within { // of the transaction of the INVITE
		branch = fmt.Sprintf("[branch-%d]", s.items-invite)
	}
	target := s.addresses(s.withPort(literal(uri)))
	if st.toTag && s.route && !joins {
		target = "[next_url]"
	}
	rport := ""
	if bytes.Contains(sipmsg.Value(st.raw, "via"), []byte("rport")) {
		rport = ";rport"
	}
	out := []string{st.method + " " + target + " SIP/2.0", "Via: SIP/2.0/[transport] [local_ip]:[local_port]" + rport + ";branch=" + branch}
	if target == "[next_url]" {
		out = append(out, "[routes]")
	}
	from := "From: " + s.party(st.raw, "from") + ";tag=" + tags[s.side]
	to := "To: " + s.party(st.raw, "to")
	switch {
	case !st.toTag:
	case s.side == Callee:
		to = "To:[$peer]" // whose tag is in it
	default:
		to += "[peer_tag_param]"
	}
	return append(out, from, to, "Call-ID: [call_id]", "CSeq: "+literal(st.cseq), "Max-Forwards: 70")
}

// accepted reports whether the ACK at i is of a 2xx, which is a transaction of its own (RFC 3261 section 13.2.2.4).
func (s *scenario) accepted(i int) bool {
	number, _, _ := strings.Cut(s.c.steps[i].cseq, " ")
	for k := i - 1; k >= 0; k-- {
		if x := &s.c.steps[k]; x.status >= 200 && x.cseq == number+" INVITE" {
			return x.status < 300
		}
	}
	return false
}

// challenged reports whether credentials of the request at i answer a challenge that sipp has got.
func (s *scenario) challenged(i int) bool {
	for k := i - 1; k >= 0; k-- {
		if x := &s.c.steps[k]; x.by != s.side && x.challenge {
			return true
		}
	}
	return false
}

// party is From or To without its parameters.
func (s *scenario) party(raw []byte, header string) string {
	v := string(sipmsg.Value(raw, header))
	if at := strings.LastIndexByte(v, '>'); at >= 0 {
		v = v[:at+1]
	} else {
		v, _, _ = strings.Cut(v, ";")
		v = "<" + strings.TrimSpace(v) + ">"
	}
	return s.addresses(literal(strings.Join(strings.Fields(v), " ")))
}

// contact is the Contact of this side: sipp's address with the recorded user.
func (s *scenario) contact(v string) string {
	if strings.TrimSpace(v) == "*" {
		return "Contact: *"
	}
	_, uri, ok := strings.Cut(v, "<")
	if !ok {
		uri = v
	}
	uri, _, _ = strings.Cut(uri, ">")
	_, rest, _ := strings.Cut(uri, ":")
	user, _, found := strings.Cut(rest, "@")
	if !found {
		user = ""
	} else {
		user = literal(strings.TrimSpace(user)) + "@"
	}
	return "Contact: <sip:" + user + "[local_ip]:[local_port];transport=[transport]>"
}

// addresses puts sipp's addresses for those of the two sides. Domain names stay.
func (s *scenario) addresses(line string) string {
	own, peer := s.c.Caller, s.c.Callee
	if s.side == Callee {
		own, peer = peer, own
	}
	if host(own) == host(peer) {
		line = replaceHost(line, own, "[local_ip]", "[local_port]", true)
		return replaceHost(line, peer, "[remote_ip]", "[remote_port]", true)
	}
	line = replaceHost(line, own, "[local_ip]", "[local_port]", false)
	return replaceHost(line, peer, "[remote_ip]", "[remote_port]", false)
}

// withPort gives the address of a URI a port, so that one of sipp takes its place.
func (s *scenario) withPort(uri string) string {
	for _, addr := range []string{s.c.Caller, s.c.Callee} {
		a, err := netip.ParseAddrPort(addr)
		if err != nil {
			continue
		}
		name := a.Addr().Unmap().String()
		if a.Addr().Is6() && !a.Addr().Is4In6() {
			name = literal("[" + name + "]")
		}
		if at := strings.Index(uri, name); at >= 0 {
			if end := at + len(name); end == len(uri) || uri[end] != ':' && !hostChar(uri[end]) {
				return uri[:end] + fmt.Sprint(":", a.Port()) + uri[end:]
			}
		}
	}
	return uri
}

// replaceHost puts ip, and port where there is one, for the address of addr in text; exact: only where its port is the same, or none.
func replaceHost(text, addr, ip, port string, exact bool) string {
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		return text
	}
	name := a.Addr().Unmap().WithZone("").String()
	if a.Addr().Is6() && !a.Addr().Is4In6() {
		name = literal("[" + name + "]")
	}
	var out strings.Builder
	for rest, before := text, byte(' '); ; {
		at := strings.Index(rest, name)
		if at < 0 {
			return out.String() + rest
		}
		if at > 0 {
			before = rest[at-1]
		}
		tail := rest[at+len(name):]
		digits := 0
		for strings.HasPrefix(tail, ":") && digits+1 < len(tail) && tail[digits+1] >= '0' && tail[digits+1] <= '9' {
			digits++
		}
		other := exact && digits > 0 && tail[1:1+digits] != fmt.Sprint(a.Port())
		if hostChar(before) || tail != "" && hostChar(tail[0]) || other {
			out.WriteString(rest[:at+len(name)])
			rest, before = tail, name[len(name)-1]
			continue
		}
		out.WriteString(rest[:at] + ip)
		if digits > 0 {
			out.WriteString(":" + port)
			tail = tail[1+digits:]
		}
		rest, before = tail, ']'
	}
}

// hostChar reports whether c may stand within an address or a name.
func hostChar(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '.' || c == '-'
}

// literal makes text mean itself to sipp, for which [ begins a keyword and \ an escape; what is no text becomes its bytes.
func literal(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '[' || c == '\\' || c < ' ' || c > '~':
			fmt.Fprintf(&b, "\\x%02X", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
