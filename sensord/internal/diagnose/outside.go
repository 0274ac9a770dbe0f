package diagnose

import (
	"fmt"
	"hash/fnv"
	"hash/maphash"
	"net/netip"

	"voiptop/protocol"
)

// JudgeTransaction sets the findings of a request outside of calls, from itself and from those before it of the same address.
func (s *Sources) JudgeTransaction(t *protocol.Transaction) {
	t.Findings = []protocol.Finding{}
	s.begin()
	if scanner(t.UserAgent) {
		t.Findings = append(t.Findings, protocol.Finding{
			Code: "scanner", Severity: protocol.SeverityWarn,
			Text:     "The request comes from a tool that scans for open telephone systems.",
			Evidence: fmt.Sprintf("%s with User-Agent %q from %s at %s", t.Method, t.UserAgent, t.Src, t.First), Remedy: remedyScanner,
		})
	}
	switch t.Method {
	case "OPTIONS":
		if t.End == protocol.TransactionTimeout && t.Attempts >= lostOptions {
			t.Findings = append(t.Findings, protocol.Finding{
				Code: "options-unanswered", Severity: protocol.SeverityWarn,
				Text:     "OPTIONS was sent again and again and not answered: the other side cannot be reached, or its answers do not come back.",
				Evidence: fmt.Sprintf("%s to %s, %d times from %s to %s", t.Src, t.Dst, t.Attempts, t.First, t.Last),
				Remedy:   "Check that the device is up and listens on that address and port, and that a firewall lets SIP pass both ways.",
			})
		}
	case "REGISTER":
		s.register(t)
	}
}

// register judges a REGISTER. A record may stand for many of the same kind that failed within a minute.
func (s *Sources) register(t *protocol.Transaction) {
	src, err := netip.ParseAddrPort(t.Src)
	if err != nil {
		return
	}
	from := src.Addr()
	name := maphash.String(s.seed, t.AOR)
	refused := t.Status == 401 || t.Status == 403 || t.Status == 404 || t.Status == 407
	if refused {
		o := s.source(from)
		o.registers = o.registers.add(try{at: t.Last, number: name})
		names, first := distinct(o.registers.all(), t.Last, probeTime)
		switch {
		case names >= floodNames && (o.registered == 0 || o.registered < t.Last-fraudTime):
			s.flood(t, "The address tries to register one name after the other and is always refused: it looks for accounts.",
				fmt.Sprintf("%s tried %d names in %s, all refused, this one (%s) with %d", from, names, seconds(millis(t.Last-first)), t.AOR, t.Status))
			return
		case t.Count >= guesses:
			s.flood(t, "The address tries to register with one wrong password after the other.",
				fmt.Sprintf("%s was refused %d times for %s between %s and %s, last with %d", from, t.Count, t.AOR, t.First, t.Last, t.Status))
			return
		}
	} else if t.Status >= 200 && t.Status < 300 {
		s.source(from).registered = t.Last
	}
	if s.storms == nil {
		s.storms = make([]registers, maxStorms)
	}
	key := maphash.String(s.seed, t.AOR+"\x00"+from.String())
	place := fnv.New32a() // the same in every run: who shares a place decides what is told
	fmt.Fprint(place, t.AOR, "\x00", from)
	r := &s.storms[place.Sum32()%maxStorms]
	if r.key != key || r.since < t.Last-stormTime {
		*r = registers{key: key, since: t.First}
	}
	r.n += max(t.Count, 1)
	if r.n < stormRegisters {
		return
	}
	t.Findings = append(t.Findings, protocol.Finding{
		Code: "register-storm", Severity: protocol.SeverityWarn,
		Text:     "The telephone registers far too often.",
		Evidence: fmt.Sprintf("%s registered %d times for %s since %s, last answered with %d", from, r.n, t.AOR, r.since, t.Status),
		Remedy:   "Where it is refused: set its password right, or block it. Else raise the expiry of its registration (300 s and more); one keeps a NAT open with OPTIONS or CRLF.",
	})
}

func (s *Sources) flood(t *protocol.Transaction, text, evidence string) {
	t.Findings = append(t.Findings, protocol.Finding{
		Code: "register-flood", Severity: protocol.SeverityWarn, Text: text, Evidence: evidence,
		Remedy: "Block the address at the firewall (fail2ban does it from the PBX's log), and use long passwords that are not the extension's number.",
	})
}
