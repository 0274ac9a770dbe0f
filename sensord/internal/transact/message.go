package transact

import (
	"bytes"
	"hash/maphash"
	"strings"

	"voiptop/protocol"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sip"
)

// Bounds of what is kept of a message.
const (
	maxPart     = 255 // bytes of a text
	maxContacts = 4   // of a request
	maxBindings = 64  // contacts of a response that are looked through
)

// The texts of a transaction, in their order in open.text. The contacts come last.
const (
	partCallID = iota
	partFrom
	partFromDomain
	partTo
	partToDomain
	partUserAgent
	partEvent
	partContact
	numParts = partContact + maxContacts
)

// open is a transaction that is followed.
type open struct {
	key, exact, loose uint64 // in Table.byKey, and in byHop with and without ports
	method            sip.Method
	state             state
	transport         string
	cseq              uint32
	src, dst          decode.Endpoint

	first, last int64
	asked       int64 // the first copy of the last attempt
	sent        int64 // its last copy
	response    int64 // from asked to the final response
	attempts    int
	challenges  int
	status      int
	reason      string

	expires  int64              // seconds asked for, unsaid without
	asks     [maxContacts]int64 // the same, of each contact
	contacts int
	granted  int64 // seconds
	// Nonces (RFC 7616 section 3.3), hashed, 0 for none: what the last challenge gave and the last attempt used; of 401 and of 407.
	given, used [2]uint64

	text []byte // parts, one after the other
	cut  [numParts]uint16
}

// state is where a transaction stands.
type state uint8

const (
	waiting    state = iota // for a response
	challenged              // answered, and to be sent again with credentials or a longer time
	done                    // late copies are still told apart from new requests
)

// unsaid stands for a number of seconds that nobody gave.
const unsaid = int64(-1)

// read takes over what a request says.
func (o *open) read(t *Table, m *sip.Message) {
	from, to := sip.ParseAddress(m.Get(sip.From)), sip.ParseAddress(m.Get(sip.To))
	fu, tu := sip.ParseURI(from.URI), sip.ParseURI(to.URI)
	o.text = o.text[:0]
	event := m.Get(sip.Event)
	if semi := bytes.IndexByte(event, ';'); semi >= 0 {
		event = event[:semi]
	}
	for i, part := range [...][]byte{m.CallID(), fu.User, fu.Host, tu.User, tu.Host, m.Get(sip.UserAgent), event} {
		o.set(i, part)
	}
	o.expires = seconds(m.Get(sip.Expires))
	o.contacts, o.granted = 0, unsaid
	if o.method == sip.Register || o.method == sip.Subscribe {
		for line, i := m.Get(sip.Contact), 0; len(line) > 0 && o.contacts < maxContacts; {
			var v []byte
			v, line = sip.Next(line)
			a := sip.ParseAddress(v)
			if len(a.URI) > 0 {
				o.set(partContact+o.contacts, a.URI)
				o.asks[o.contacts] = seconds(sip.Param(a.Params, "expires"))
				o.contacts++
			}
			if line == nil {
				i++
				line = m.Header("Contact", i)
			}
		}
	}
	for i := o.contacts; i < maxContacts; i++ {
		o.set(partContact+i, nil)
	}
	o.used[0] = t.nonce(m.Get(sip.Authorization))
	o.used[1] = t.nonce(m.Get(sip.ProxyAuthorization))
}

// set stores part i; parts are stored in their order.
func (o *open) set(i int, b []byte) {
	o.text = append(o.text, b[:min(len(b), maxPart)]...)
	o.cut[i] = uint16(len(o.text))
}

func (o *open) part(i int) []byte {
	from := uint16(0)
	if i > 0 {
		from = o.cut[i-1]
	}
	return o.text[from:o.cut[i]:o.cut[i]]
}

// asksFor is the time that contact i was asked to be registered for, in seconds.
func (o *open) asksFor(i int) int64 {
	if o.asks[i] != unsaid {
		return o.asks[i]
	}
	return o.expires
}

// record makes a record of a transaction.
func (o *open) record(sensor uint16, end protocol.TransactionEnd) *protocol.Transaction {
	all := string(o.text)
	text := func(i int) string {
		from := uint16(0)
		if i > 0 {
			from = o.cut[i-1]
		}
		return valid(all[from:o.cut[i]])
	}
	r := &protocol.Transaction{
		Method: o.method.String(), CallID: text(partCallID), SensorID: sensor,
		From: text(partFrom), FromDomain: text(partFromDomain), To: text(partTo), ToDomain: text(partToDomain),
		Contacts: make([]string, o.contacts), Event: text(partEvent), UserAgent: text(partUserAgent),
		Src: o.src.String(), Dst: o.dst.String(), Transport: o.transport,
		First: protocol.TimeFromNanos(o.first), Last: protocol.TimeFromNanos(o.last),
		Attempts: o.attempts, Challenges: o.challenges, Status: o.status, Reason: o.reason, End: end, Count: 1,
		Findings: []protocol.Finding{},
	}
	for i := range r.Contacts {
		r.Contacts[i] = text(partContact + i)
	}
	if o.method == sip.Register {
		r.AOR = aor(r.To, r.ToDomain)
	}
	if o.status != 0 {
		r.ResponseMS = millis(o.response)
	}
	expires := o.granted
	if expires == unsaid && o.contacts > 0 {
		expires = o.asksFor(0)
	}
	if expires == unsaid {
		expires = o.expires
	}
	if expires != unsaid {
		r.Expires = &expires
	}
	return r
}

func aor(user, domain string) string {
	if user == "" {
		return domain
	}
	return user + "@" + domain
}

func valid(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

// millis gives nanoseconds as milliseconds with three decimals.
func millis(ns int64) *float64 {
	ms := float64((ns+500)/1000) / 1000
	return &ms
}

// seconds reads a delta-seconds value (RFC 3261 section 20.19); unsaid when it is none.
func seconds(b []byte) int64 {
	n := int64(0)
	for _, c := range b {
		if c < '0' || c > '9' {
			return unsaid
		}
		n = min(n*10+int64(c-'0'), 1<<32-1)
	}
	if len(b) == 0 {
		return unsaid
	}
	return n
}

// grant finds the time in seconds that a response gives to contact i of a request: the contact's own, the message's, or what
// was asked for (RFC 3261 section 10.2.4). A registrar that rewrites the only contact is understood.
func (o *open) grant(m *sip.Message, i int) int64 {
	uri := o.part(partContact + i)
	n, only := 0, unsaid
	for line, h := m.Get(sip.Contact), 0; len(line) > 0 && n < maxBindings; n++ {
		var v []byte
		v, line = sip.Next(line)
		a := sip.ParseAddress(v)
		only = seconds(sip.Param(a.Params, "expires"))
		if only != unsaid && sameURI(a.URI, uri) {
			return only
		}
		if line == nil {
			h++
			line = m.Header("Contact", h)
		}
	}
	if n == 1 && only != unsaid && o.asksFor(i) != 0 {
		return only
	}
	if s := seconds(m.Get(sip.Expires)); s != unsaid && o.asksFor(i) != 0 {
		return s
	}
	return o.asksFor(i)
}

// sameURI compares user, host and port: parameters are added on the way.
func sameURI(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, y := sip.ParseURI(a), sip.ParseURI(b)
	return bytes.Equal(x.User, y.User) && bytes.EqualFold(x.Host, y.Host) && bytes.Equal(port(x.Port), port(y.Port))
}

func port(b []byte) []byte {
	if len(b) == 0 {
		return []byte("5060")
	}
	return b
}

// nonce hashes the nonce of a challenge or of credentials, 0 without one.
func (t *Table) nonce(v []byte) uint64 {
	n := digestParam(v, "nonce")
	if len(n) == 0 {
		return 0
	}
	return max(maphash.Bytes(t.seed, n), 1)
}

// digestParam finds a parameter of a challenge or of credentials: `Digest realm="a", nonce="b"` (RFC 3261 section 25.1), without
// quotes; nil when it is not there.
func digestParam(v []byte, name string) []byte {
	if blank := bytes.IndexByte(v, ' '); blank >= 0 {
		v = v[blank+1:]
	}
	for len(v) > 0 {
		var p []byte
		p, v = sip.Next(v)
		key, val, ok := bytes.Cut(p, []byte{'='})
		if !ok || !bytes.EqualFold(bytes.TrimSpace(key), []byte(name)) {
			continue
		}
		val = bytes.TrimSpace(val)
		if len(val) > 1 && val[0] == '"' && val[len(val)-1] == '"' {
			val = val[1 : len(val)-1]
		}
		return val
	}
	return nil
}
