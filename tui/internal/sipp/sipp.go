// Package sipp makes scenarios of sipp out of the messages of a call: one for the caller and one for the callee, in which addresses, ports,
// branches, tags and the Call-ID are sipp's, and pauses are those of the call; and of its voice captures that sipp plays.
//
// It is not for reading calls: voiptop's save dialog and `voipmon sipp` hand it the messages and the packets.
package sipp

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"voiptop/protocol"
	"voiptop/tui/internal/sipmsg"
	"voiptop/tui/source"
)

// Side says whose part of a call a scenario plays.
type Side uint8

// The sides.
const (
	Caller Side = iota // UAC
	Callee             // UAS
)

// String is the name of the side in file names.
func (s Side) String() string {
	if s == Caller {
		return "uac"
	}
	return "uas"
}

// Call is a call as scenarios see it: what passed between the caller and the next hop.
type Call struct {
	ID             string
	Caller, Callee string // "ip:port" of the first INVITE
	Transport      string
	steps          []step
	media          [2]bool // voice of a side is played
}

// step is a message.
type step struct {
	t         protocol.Time
	by        Side
	raw       []byte
	method    string // of the request, or of the one that is answered
	status    int    // 0: a request
	cseq      string // "1 INVITE"
	toTag     bool   // To has a tag
	challenge bool   // a 401 or 407 that the caller answers
}

// ErrNoInvite says that there is nothing to play.
var ErrNoInvite = errors.New("no INVITE of the call is among its messages: a scenario begins with it")

// maxMessages bounds a scenario; longer ones are of no use.
const maxMessages = 500

// New picks the messages of one hop: those that the sender of the first INVITE sent and got. Messages that came again are left out.
func New(list []source.Text) (*Call, error) {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b source.Text) int { return cmp.Compare(a.T, b.T) })
	first := slices.IndexFunc(list, func(m source.Text) bool {
		return bytes.HasPrefix(m.Raw, []byte("INVITE ")) && !tagged(sipmsg.Value(m.Raw, "to"))
	})
	if first < 0 {
		return nil, ErrNoInvite
	}
	c := &Call{ID: list[first].CallID, Caller: list[first].Src, Callee: list[first].Dst, Transport: cmp.Or(list[first].Transport, "udp")}
	same := func(a, b string) bool { return host(a) == host(b) }
	if same(c.Caller, c.Callee) { // both on one machine: ports tell them apart
		same = func(a, b string) bool { return a == b }
	}
	seen := map[string]bool{}
	for _, m := range list[first:] {
		by := Caller
		switch {
		case same(m.Src, c.Caller):
		case same(m.Dst, c.Caller):
			by = Callee
		default:
			continue // of another hop
		}
		key := by.String() + string(m.Raw)
		if seen[key] {
			continue
		}
		seen[key] = true
		s, ok := read(m, by)
		if !ok {
			continue
		}
		if len(c.steps) == maxMessages {
			return nil, fmt.Errorf("the call has more than %d messages: a scenario of it is not made", maxMessages)
		}
		c.steps = append(c.steps, s)
	}
	for i := range c.steps { // is a challenge answered?
		s := &c.steps[i]
		if s.status == 401 || s.status == 407 {
			s.challenge = slices.ContainsFunc(c.steps[i:], func(n step) bool { return n.status == 0 && n.by != s.by && n.method == s.method && credentials(n.raw) })
		}
	}
	return c, nil
}

func credentials(raw []byte) bool {
	return sipmsg.Value(raw, "authorization") != nil || sipmsg.Value(raw, "proxy-authorization") != nil
}

func read(m source.Text, by Side) (step, bool) {
	s := step{t: m.T, by: by, raw: m.Raw, toTag: tagged(sipmsg.Value(m.Raw, "to"))}
	s.cseq = strings.Join(strings.Fields(string(sipmsg.Value(m.Raw, "cseq"))), " ")
	line, _, _ := strings.Cut(string(m.Raw), "\n")
	words := strings.Fields(line)
	if len(words) < 2 {
		return s, false
	}
	if strings.HasPrefix(words[0], "SIP/") {
		s.status, _ = strconv.Atoi(words[1])
		_, s.method, _ = strings.Cut(s.cseq, " ")
		return s, s.status >= 100 && s.status < 700 && isToken(s.method)
	}
	s.method = words[0]
	return s, len(words) == 3 && isToken(s.method)
}

// isToken reports whether a method is one (RFC 3261 section 25.1).
func isToken(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return r > '~' || !hostChar(byte(r)) && !strings.ContainsRune("!%*_+`'~", r)
	}) < 0
}

// tagged reports whether the value of From or To has a tag.
func tagged(v []byte) bool {
	if at := bytes.LastIndexByte(v, '>'); at >= 0 {
		v = v[at:]
	}
	return bytes.Contains(bytes.ToLower(v), []byte(";tag="))
}

func host(addr string) string {
	if a, err := netip.ParseAddrPort(addr); err == nil {
		return a.Addr().Unmap().WithZone("").String()
	}
	return addr
}
