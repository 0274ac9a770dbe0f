package diagnose

import (
	"fmt"
	"hash/maphash"
	"net/netip"
	"slices"
	"strings"

	"voiptop/protocol"
)

// Bounds and thresholds of what is watched over many calls.
const (
	maxSources = 4096 // addresses; one that nothing was heard of for long goes when there are more
	maxTries   = 32   // of one address

	// probeTime and probeNumbers: a scanner tries numbers by the second, and knows none of them. People and dialers reach somebody.
	probeTime    = protocol.Time(60e6)
	probeNumbers = 10
	// fraudTime and fraudPrefixes: who looks for a way to dial out tries one number behind many prefixes (0, 00, 9011, 900...).
	// A person who is unsure of a number tries two or three.
	fraudTime     = protocol.Time(600e6)
	fraudPrefixes = 4
	// guesses: whoever tries a password each second is no telephone, which waits 30 s and more (RFC 5626 section 4.5).
	guesses = 60 // refused in a minute
	// floodNames: a house behind one address whose telephones are all refused at once has fewer; and one of them succeeds.
	floodNames = 10
	// stormTime and stormRegisters: who registers ten times in a minute, more often than any NAT forgets (30 s, RFC 4787 REQ-5
	// demands 2 minutes), loads the registrar for nothing.
	stormTime      = protocol.Time(60e6)
	stormRegisters = 10
	maxStorms      = 1024 // addresses of record, followed in places that they may share
	// lostOptions: OPTIONS that was sent so often and not answered; some send a single one to keep a NAT open and want no answer.
	lostOptions = 4
	// suffixDigits are the digits of a number that stay the same whatever is dialled before it (ITU-T E.164: at most 15 in all).
	suffixDigits = 8
)

// Sources looks over the calls of each address for what no single call shows: a scan of numbers, a search for a way to dial out.
// It is driven by one goroutine, in the order in which calls ring and end, and bounded. The zero value is ready.
type Sources struct {
	seed    maphash.Seed
	byHost  map[netip.Addr]*source
	recent  [256]*source // by a few bits of the address: most are heard of again soon
	all     []*source
	hand    int    // in all: where to look for one to forget
	Evicted uint64 // addresses forgotten because there was no room
	storms  []registers
}

// source is what an address tried of late.
type source struct {
	host       netip.Addr
	again      bool          // it was heard of again since Sources.hand passed
	reached    protocol.Time // when a call of it last rang or was answered
	registered protocol.Time // when a REGISTER of it last succeeded
	calls      *tries        // refused; nil: none
	registers  *tries        // refused; nil: none
}

// tries are the newest of many.
type tries struct {
	list [maxTries]try
	n    int // so far
}

func (l *tries) add(t try) *tries {
	if l == nil {
		l = &tries{}
	}
	l.list[l.n%maxTries] = t
	l.n++
	return l
}

// all lists what is kept, in no order.
func (l *tries) all() []try {
	if l == nil {
		return nil
	}
	return l.list[:min(l.n, maxTries)]
}

// registers counts the REGISTERs of one address of record.
type registers struct {
	key   uint64
	since protocol.Time
	n     int
}

// try is a call that was refused.
type try struct {
	at             protocol.Time
	number, suffix uint64 // hashes of the callee, and of its last digits; suffix 0: too short
}

// Reached notes that a call from an address rings or is answered: long before its record, and those of calls that it refused
// meanwhile, are judged.
func (s *Sources) Reached(from netip.Addr, at protocol.Time) {
	o := s.source(from)
	o.reached = max(o.reached, at)
}

// Attempt is what is asked of an ended call.
type Attempt struct {
	Number                 string // that was dialled; "": not known
	Status                 int
	Start, Ringing, Answer protocol.Time
}

// Judge answers what an ended call from an address shows together with those before it.
func (s *Sources) Judge(src netip.Addr, a *Attempt) []protocol.Finding {
	reached := a.Ringing != 0 || a.Answer != 0
	if a.Number == "" || !reached && !a.probed() {
		return nil
	}
	o := s.source(src)
	t := try{at: a.Start, number: maphash.String(s.seed, a.Number)}
	if d, ok := suffix(a.Number); ok {
		t.suffix = maphash.Bytes(s.seed, d[:])
	}
	if !reached {
		o.calls = o.calls.add(t)
	}
	x, ok := o.fraud(a, t)
	if !ok && !reached {
		x, ok = o.scan(a)
	}
	if !ok {
		return nil
	}
	return []protocol.Finding{x}
}

// probed reports whether a call was refused for what it dialled or who it was. Busy, unavailable and cancelled are no refusals.
func (a *Attempt) probed() bool {
	switch a.Status {
	case 400, 401, 403, 404, 405, 407, 410, 484, 488, 604, 606:
		return true
	}
	return false
}

// scan reports many numbers tried in a short time, with nobody reached.
func (o *source) scan(a *Attempt) (x protocol.Finding, ok bool) {
	seen, first := distinct(o.calls.all(), a.Start, probeTime)
	if seen < probeNumbers || o.reached > a.Start-fraudTime && o.reached != 0 {
		return x, false
	}
	return protocol.Finding{
		Code: "scanner", Severity: protocol.SeverityWarn,
		Text:     "The address tries number after number and reaches nobody: it scans for extensions or open lines.",
		Evidence: fmt.Sprintf("%s tried %d numbers in %s, all refused, this one with %d", o.host, seen, seconds(millis(a.Start-first)), a.Status),
		Remedy:   remedyScanner,
	}, true
}

// distinct counts what was tried within a time before now, and says when it began.
func distinct(tries []try, now, within protocol.Time) (count int, first protocol.Time) {
	first = now
	for i := range tries {
		t := &tries[i]
		if t.at <= now-within || t.at > now {
			continue
		}
		first = min(first, t.at)
		again := false
		for j := range i {
			again = again || tries[j].number == t.number && tries[j].at > now-within
		}
		if !again {
			count++
		}
	}
	return count, first
}

// fraud reports one number tried behind many prefixes, and says whether it did. It is grave when one of them was answered.
func (o *source) fraud(a *Attempt, t try) (x protocol.Finding, ok bool) {
	if t.suffix == 0 {
		return x, false
	}
	seen := append(make([]uint64, 0, maxTries+1), t.number)
	for _, e := range o.calls.all() {
		if e.suffix == t.suffix && e.at > a.Start-fraudTime && e.at <= a.Start && !slices.Contains(seen, e.number) {
			seen = append(seen, e.number)
		}
	}
	if len(seen) < fraudPrefixes {
		return x, false
	}
	tail, _ := suffix(a.Number)
	x = protocol.Finding{
		Code: "toll-fraud", Severity: protocol.SeverityWarn,
		Text: "The address tries one number behind many prefixes: it looks for a way to dial out at your cost.",
		Evidence: fmt.Sprintf("%s tried %d ways to dial ...%s within %d minutes, this one %s", o.host, len(seen), tail, fraudTime/60e6,
			strings.ToValidUTF8(a.Number, "\ufffd")),
		Remedy: "Block the address at the firewall, and let the dial plan take calls out only from accounts that are authenticated and allowed to; set limits " +
			"for international and premium numbers at the carrier.",
	}
	if a.Answer != 0 {
		x.Severity, x.Text = protocol.SeverityBad, "The address tried one number behind many prefixes, and this one was answered: somebody dials out at your cost."
	}
	return x, true
}

// suffix answers the last digits of what can be dialled of a number: "+", blanks and what the like fall away. It is not ok if there are fewer.
func suffix(number string) (d [suffixDigits]byte, ok bool) {
	at := suffixDigits
	for i := len(number) - 1; i >= 0 && at > 0; i-- {
		if c := number[i]; '0' <= c && c <= '9' {
			at--
			d[at] = c
		}
	}
	return d, at == 0
}

// Add puts a finding in its place, once.
func Add(c *protocol.CDR, x protocol.Finding) {
	for i := range c.Findings {
		if c.Findings[i].Code == x.Code {
			return
		}
	}
	c.Findings = append(c.Findings, x)
	sortFindings(c.Findings)
}

func (s *Sources) begin() {
	if s.byHost == nil {
		s.byHost, s.seed = map[netip.Addr]*source{}, maphash.MakeSeed()
	}
}

// source finds an address, or begins to watch it.
func (s *Sources) source(host netip.Addr) *source {
	s.begin()
	b := host.As16()
	recent := &s.recent[b[15]^b[14]*37]
	if o := *recent; o != nil && o.host == host {
		o.again = true
		return o
	}
	o := s.byHost[host]
	if o != nil {
		o.again = true
	} else {
		o = s.room()
		o.host = host
		s.byHost[host] = o
	}
	*recent = o
	return o
}

// room makes room for another address. If there are too many it is that of the next one that was not heard of again since it came, or since it was
// passed over for that.
func (s *Sources) room() *source {
	if len(s.all) < maxSources {
		o := &source{}
		s.all = append(s.all, o)
		return o
	}
	for {
		o := s.all[s.hand]
		s.hand = (s.hand + 1) % len(s.all)
		if !o.again {
			delete(s.byHost, o.host)
			s.Evicted++
			*o = source{}
			return o
		}
		o.again = false
	}
}
