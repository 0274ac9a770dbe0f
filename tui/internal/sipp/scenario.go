package sipp

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// leastPause is what a party waits at least that is written down as a pause; less is the way of the messages.
const leastPause = 50 * time.Millisecond

// scenario is a scenario that is being written. An item is an element that sipp counts: branches are told by how many lie between.
type scenario struct {
	c     *Call
	side  Side
	out   bytes.Buffer
	items int
	sent  map[string]int // item of the request of a method and CSeq that this side sent
	route bool           // the peer has said by Contact where it wants to be reached
	vars  map[int]bool   // requests, by their place, whose headers are kept for a later answer
}

// Scenario is the scenario of a side as XML.
func (c *Call) Scenario(side Side) []byte {
	s := &scenario{c: c, side: side, sent: map[string]int{}, vars: map[int]bool{}}
	for i := range c.steps { // answers to a request that is not the message before them
		if st := &c.steps[i]; st.by == side && st.status > 0 {
			if at, last := s.asked(i); at >= 0 && !last {
				s.vars[at] = true
			}
		}
	}
	s.out.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<!DOCTYPE scenario SYSTEM \"sipp.dtd\">\n")
	fmt.Fprintf(&s.out, "<!-- %s -->\n", comment(s.title()))
	fmt.Fprintf(&s.out, "<scenario name=\"%s\">\n", attr(s.title()))
	for i := range c.steps {
		if st := &c.steps[i]; st.by == side {
			s.send(i)
		} else {
			s.recv(i)
		}
		s.play(i)
	}
	s.out.WriteString("</scenario>\n")
	return s.out.Bytes()
}

func (s *scenario) title() string {
	return fmt.Sprintf("%s of Call-ID %s, %s to %s over %s", s.side, s.c.ID, s.c.Caller, s.c.Callee, s.c.Transport)
}

// asked is the request that the response at i answers, and whether it was the last message that this side got; -1: there is none.
func (s *scenario) asked(i int) (at int, last bool) {
	last = true
	for k := i - 1; k >= 0; k-- {
		x := &s.c.steps[k]
		if x.by == s.side {
			continue
		}
		if x.status == 0 && x.cseq == s.c.steps[i].cseq {
			return k, last
		}
		last = false
	}
	return -1, false
}

// send writes a message of this side, behind the pause that was before it.
func (s *scenario) send(i int) {
	st := &s.c.steps[i]
	if i > 0 {
		if d := st.t.Sub(s.c.steps[i-1].t).Round(time.Millisecond); d >= leastPause {
			fmt.Fprintf(&s.out, "\n  <pause milliseconds=\"%d\"/>\n", d.Milliseconds())
			s.items++
		}
	}
	again := ""
	if s.c.Transport == "udp" && (st.status == 0 && st.method != "ACK" || st.status >= 200 && st.method == "INVITE") {
		again = ` retrans="500"`
	}
	fmt.Fprintf(&s.out, "\n  <!-- %s -->\n  <send%s>\n    <![CDATA[\n\n", comment(st.label()), again)
	for _, line := range s.message(i) {
		if line != "" {
			line = "      " + cdata(line)
		}
		s.out.WriteString(line + "\n")
	}
	s.out.WriteString("\n    ]]>\n  </send>\n")
	if st.status == 0 {
		s.sent[st.cseq] = s.items
	}
	s.items++
}

// recv writes what this side waits for.
func (s *scenario) recv(i int) {
	st := &s.c.steps[i]
	fmt.Fprintf(&s.out, "\n  <!-- %s -->\n", comment(st.label()))
	attrs := fmt.Sprintf(`request="%s"`, attr(st.method))
	if st.status > 0 {
		attrs = fmt.Sprintf(`response="%d"`, st.status)
	}
	if s.optional(i) {
		attrs += ` optional="true"`
	}
	if st.challenge {
		attrs += ` auth="true"`
	}
	if has(st.raw, "contact") && (st.method == "INVITE" && (st.status == 0 || st.status > 100 && st.status < 300)) {
		attrs += ` rrs="true"`
		s.route = true
	}
	var keep []string
	if s.vars[i] {
		for _, h := range kept {
			keep = append(keep, fmt.Sprintf(`      <ereg regexp=".*" search_in="hdr" header="%s:" check_it="true" assign_to="%s"/>`, h, variable(h, i)))
		}
	}
	if s.side == Callee && st.status == 0 && st.method == "INVITE" && !st.toTag && s.asks(i) {
		keep = append(keep, `      <ereg regexp=".*" search_in="hdr" header="From:" check_it="true" assign_to="peer"/>`)
	}
	if keep == nil {
		fmt.Fprintf(&s.out, "  <recv %s/>\n", attrs)
	} else {
		fmt.Fprintf(&s.out, "  <recv %s>\n    <action>\n%s\n    </action>\n  </recv>\n", attrs, strings.Join(keep, "\n"))
	}
	s.items++
}

// asks reports whether this side sends a request within the dialog that the INVITE at i began: then it needs to know whom it talks to.
func (s *scenario) asks(i int) bool {
	for _, x := range s.c.steps[:i] {
		if x.by != s.side && x.status == 0 && x.method == "INVITE" && !x.toTag {
			return false // known by an earlier one
		}
	}
	for _, x := range s.c.steps[i:] {
		if x.by == s.side && x.status == 0 {
			return true
		}
	}
	return false
}

// optional reports whether sipp may go on without a message: a provisional response, if one that must come stands behind it before this
// side sends again.
func (s *scenario) optional(i int) bool {
	if st := &s.c.steps[i]; st.status == 0 || st.status >= 200 {
		return false
	}
	for _, x := range s.c.steps[i+1:] {
		if x.by == s.side {
			return false
		}
		if x.status == 0 || x.status >= 200 {
			return true
		}
	}
	return false
}

// play begins the voice of this side when the call is up for it: the caller's behind its ACK, the callee's when that came.
func (s *scenario) play(i int) {
	if !s.c.media[s.side] || s.c.steps[i].status != 0 || s.c.steps[i].method != "ACK" || i != s.c.up() {
		return
	}
	fmt.Fprintf(&s.out, "\n  <nop>\n    <action>\n      <exec play_pcap_audio=\"%s.pcap\"/>\n    </action>\n  </nop>\n", s.side)
	s.items++
}

// up is the ACK behind the first 2xx, -1: the call was not answered.
func (c *Call) up() int {
	for i := range c.steps {
		if x := &c.steps[i]; x.status >= 200 && x.status < 300 && x.method == "INVITE" {
			for k := i + 1; k < len(c.steps); k++ {
				if y := &c.steps[k]; y.status == 0 && y.method == "ACK" {
					return k
				}
			}
		}
	}
	return -1
}

func (st *step) label() string {
	if st.status == 0 {
		return st.by.String() + ": " + st.method
	}
	return fmt.Sprintf("%s: %d to %s", st.by, st.status, st.cseq)
}

// comment makes text harmless within a comment of XML.
func comment(s string) string {
	return strings.ReplaceAll(printable(s), "--", "- -")
}

// attr makes text harmless within a value of XML.
func attr(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(printable(s))
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// cdata makes a line harmless within CDATA, which three characters would end.
func cdata(s string) string { return strings.ReplaceAll(s, "]]>", "]\\x5D>") }
