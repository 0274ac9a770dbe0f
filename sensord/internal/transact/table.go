package transact

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"time"

	"voiptop/protocol"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sip"
)

// Sink takes the records of ended transactions, see analyze.TransactionSink.
type Sink interface {
	Transaction(r *protocol.Transaction)
}

// Config bounds a Table. The zero value of each field means its default.
type Config struct {
	SensorID      uint16
	Transactions  int // followed at one time, those that ended just now included; 20,000
	Registrations int // contacts known; 50,000
	Failures      int // failing registrations told apart within a minute; 4096
}

// Times on the packets' clock, in nanoseconds.
const (
	// timeout is timer F, 64*T1: nobody waits longer for a final response (RFC 3261 section 17.1.2.2).
	timeout = int64(32 * time.Second)
	// patience is how long a challenged request waits for the next attempt: a person may have to type a password.
	patience = int64(60 * time.Second)
	// linger is how long an ended transaction is told apart from a new one: longer than T2 (4 s), the longest pause between
	// two copies of a request.
	linger = int64(5 * time.Second)
	// duplicateTime is the time within which the same request is one that was captured twice, and not sent again: T1 is 500 ms.
	duplicateTime = int64(30 * time.Millisecond)
	// minute is how long failing registrations are counted before they are told.
	minute = int64(time.Minute)
	// forget is how long a registration that has run out, or never was, stays in view.
	forget = int64(24 * time.Hour)
)

const (
	maxChallenges = 8   // of one transaction: a loop is told as several
	maxAttempts   = 999 // counted of one
	maxReasons    = 1024
	maxPerAOR     = 64 // contacts of one address of record
)

// Table follows transactions and registrations. One goroutine drives it.
type Table struct {
	cfg  Config
	sink Sink // may be nil
	seed maphash.Seed
	now  int64

	byKey map[uint64]*node[open] // by Call-ID, CSeq and branch: what a request and its responses share
	byHop map[uint64]*node[open] // by Call-ID, method, To and addresses: the last one on its hop; with ports, and without
	wait  list[open]             // in each state, in the order of their due times
	retry list[open]
	ended list[open]
	free  *node[open]

	failures  map[uint64]*node[failure]
	failing   list[failure]
	freeFails *node[failure]

	byAOR map[uint64]*node[binding] // the first of each address of record; the others follow at binding.next
	size  int                       // registrations in the table
	held  list[binding]             // registered, as far as the last attempt told; least recently changed first
	other list[binding]
	names map[string]string // reason phrases and user agents, which many share

	count counts
}

// counts are what a Table has seen.
type counts struct {
	ok, refused, unanswered [16]uint64 // by sip.Method
	unterminated            uint64
	evicted                 uint64 // transactions let go because there was no room
	unmatched               uint64 // responses to requests that were not seen
	bindingsEvicted         uint64
}

// New makes an empty table. sink may be nil: registrations and counters are kept all the same.
func New(cfg Config, sink Sink) *Table {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&cfg.Transactions, 20_000)
	def(&cfg.Registrations, 50_000)
	def(&cfg.Failures, 4096)
	return &Table{
		cfg: cfg, sink: sink, seed: maphash.MakeSeed(),
		byKey: map[uint64]*node[open]{}, byHop: map[uint64]*node[open]{}, failures: map[uint64]*node[failure]{},
		byAOR: map[uint64]*node[binding]{}, names: map[string]string{},
	}
}

// Follows reports whether requests of a method, and their responses, are for the table when they belong to no call.
func Follows(m sip.Method) bool {
	switch m {
	case sip.Register, sip.Subscribe, sip.Notify, sip.Publish, sip.MessageMethod, sip.Options:
		return true
	}
	return false
}

// SIP takes a message of a method that the table follows. transport is its name in records.
func (t *Table) SIP(d *decode.Datagram, m *sip.Message, transport string) {
	t.Tick(d.Time)
	id := m.CallID()
	cseq, method, ok := m.CSeq()
	if len(id) == 0 || !ok || !Follows(method) {
		return // the engine has counted what is wrong with it
	}
	key := t.key(id, cseq, method, m.Branch())
	if m.Request() {
		t.request(d, m, transport, key, cseq, method)
		return
	}
	n := t.byKey[key]
	switch {
	case n == nil && m.Status() >= 200:
		t.count.unmatched++
	case n != nil && n.v.state == waiting && m.Status() >= 200:
		t.response(n, m)
	}
}

// key identifies a transaction: requests and responses carry the same Call-ID, CSeq and topmost branch (RFC 3261 section 17.1.3).
func (t *Table) key(id []byte, cseq uint32, method sip.Method, branch []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(t.seed)
	h.Write(id)
	var b [6]byte
	binary.BigEndian.PutUint32(b[1:], cseq)
	b[5] = byte(method)
	h.Write(b[:])
	h.Write(branch)
	return h.Sum64()
}

// hop identifies what a retry shares with the attempt before: the ports as well, unless the connection was made anew or the
// telephone went on to a protected port (3GPP TS 33.203 section 7).
func (t *Table) hop(d *decode.Datagram, m *sip.Message, method sip.Method) (exact, loose uint64) {
	var h maphash.Hash
	h.SetSeed(t.seed)
	h.Write(m.CallID())
	h.WriteByte(byte(method))
	h.Write(sip.ParseAddress(m.Get(sip.To)).URI)
	h.Write(d.Src.IP[:])
	h.Write(d.Dst.IP[:])
	loose = h.Sum64()
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(d.Src.Port)<<16|uint32(d.Dst.Port))
	h.Write(b[:])
	return h.Sum64(), loose
}

func (t *Table) request(d *decode.Datagram, m *sip.Message, transport string, key uint64, cseq uint32, method sip.Method) {
	if n := t.byKey[key]; n != nil {
		o := &n.v
		if t.now-o.sent >= duplicateTime && o.state == waiting && o.src == d.Src && o.dst == d.Dst {
			o.attempts = min(o.attempts+1, maxAttempts)
			o.sent, o.last = t.now, t.now
		}
		return
	}
	exact, loose := t.hop(d, m, method)
	before := t.byHop[exact]
	if before == nil || before.v.state != challenged && t.byHop[loose] != nil {
		before = t.byHop[loose]
	}
	var given [2]uint64
	if before != nil && cseq >= before.v.cseq {
		switch o := &before.v; {
		case o.state == challenged && o.retried(m):
			delete(t.byKey, o.key)
			t.retry.remove(before)
			o.attempts = min(o.attempts+1, maxAttempts)
			t.send(before, m, key, cseq)
			return
		case o.state == challenged && o.exact == exact:
			t.finish(before, protocol.TransactionAnswered, nil)
		case o.state == done && (o.status == 401 || o.status == 407): // one wrong password after the other, for one nonce
			given = o.given
		}
	}
	n := t.take()
	text := n.v.text
	n.v = open{
		text: text, exact: exact, loose: loose, method: method, transport: transport, src: d.Src, dst: d.Dst, first: t.now, attempts: 1, given: given,
	}
	t.byHop[exact], t.byHop[loose] = n, n
	t.send(n, m, key, cseq)
}

// retried reports whether a new request is the next attempt of a transaction that was challenged.
func (o *open) retried(m *sip.Message) bool {
	return o.status == statusTooBrief || m.Get(sip.Authorization) != nil || m.Get(sip.ProxyAuthorization) != nil
}

// statusTooBrief asks for a longer time (RFC 3261 section 21.4.17).
const statusTooBrief = 423

// send notes the first copy of an attempt.
func (t *Table) send(n *node[open], m *sip.Message, key uint64, cseq uint32) {
	o := &n.v
	o.key, o.cseq, o.state = key, cseq, waiting
	o.status, o.reason = 0, ""
	o.asked, o.sent, o.last = t.now, t.now, t.now
	o.read(t, m)
	t.byKey[key] = n
	n.due = t.now + timeout
	t.wait.add(n)
}

// response takes the final response to the attempt under way.
func (t *Table) response(n *node[open], m *sip.Message) {
	o := &n.v
	o.status, o.reason = m.Status(), t.name(m.Phrase())
	o.response, o.last = t.now-o.asked, t.now
	if !t.asksAgain(o, m) {
		t.finish(n, protocol.TransactionAnswered, m)
		return
	}
	t.wait.remove(n)
	o.state = challenged
	n.due = t.now + patience
	t.retry.add(n)
}

// asksAgain reports whether a response asks for another attempt: for credentials, or for a longer time. Credentials that
// were made of the nonce of the last challenge and are refused are wrong, unless the nonce is said to be stale
// (RFC 7616 section 3.3).
func (t *Table) asksAgain(o *open, m *sip.Message) bool {
	header, i := "WWW-Authenticate", 0
	switch o.status {
	case statusTooBrief:
		return o.method != sip.Options
	case 407:
		header, i = "Proxy-Authenticate", 1
	case 401:
	default:
		return false
	}
	challenge := m.Header(header, 0)
	wrong := o.used[i] != 0 && o.used[i] == o.given[i] && !bytes.EqualFold(digestParam(challenge, "stale"), []byte("true"))
	if wrong || o.challenges == maxChallenges {
		return false
	}
	o.challenges++
	o.given[i] = t.nonce(challenge)
	return true
}

// finish ends a transaction. m is the final response that ends it, nil if none does.
func (t *Table) finish(n *node[open], end protocol.TransactionEnd, m *sip.Message) {
	o := &n.v
	switch {
	case end == protocol.TransactionUnterminated:
		t.count.unterminated++
	case o.status == 0:
		t.count.unanswered[o.method]++
	case o.status < 300:
		t.count.ok[o.method]++
	default:
		t.count.refused[o.method]++
	}
	if o.method == sip.Register && end != protocol.TransactionUnterminated {
		t.registers(o, m)
	}
	t.tell(o, end)
	t.listOf(n).remove(n)
	o.state = done
	n.due = t.now + linger
	t.ended.add(n)
}

// take makes room for a transaction.
func (t *Table) take() *node[open] {
	if len(t.byKey) >= t.cfg.Transactions {
		victim := cmp.Or(t.ended.first, t.retry.first, t.wait.first)
		if victim.v.state != done {
			t.count.evicted++
		}
		t.drop(victim)
	}
	n := t.free
	if n == nil {
		return &node[open]{}
	}
	t.free, n.next = n.next, nil
	return n
}

// drop forgets a transaction.
func (t *Table) drop(n *node[open]) {
	t.listOf(n).remove(n)
	delete(t.byKey, n.v.key)
	for _, hop := range [...]uint64{n.v.exact, n.v.loose} {
		if t.byHop[hop] == n {
			delete(t.byHop, hop)
		}
	}
	t.free, n.next = n, t.free
}

// listOf is the list that a transaction is in.
func (t *Table) listOf(n *node[open]) *list[open] {
	switch n.v.state {
	case waiting:
		return &t.wait
	case challenged:
		return &t.retry
	}
	return &t.ended
}

// Tick moves the clock on to now, nanoseconds since the epoch: what nobody answered in time has ended.
func (t *Table) Tick(now int64) {
	if now <= t.now {
		return
	}
	t.now = now
	for n := t.wait.ripe(now); n != nil; n = t.wait.ripe(now) {
		t.finish(n, protocol.TransactionTimeout, nil)
	}
	for n := t.retry.ripe(now); n != nil; n = t.retry.ripe(now) {
		t.finish(n, protocol.TransactionAnswered, nil)
	}
	for n := t.ended.ripe(now); n != nil; n = t.ended.ripe(now) {
		t.drop(n)
	}
	for n := t.failing.ripe(now); n != nil; n = t.failing.ripe(now) {
		t.release(n)
	}
	for _, l := range [...]*list[binding]{&t.held, &t.other} {
		for n := l.first; n != nil && max(n.v.until, n.v.attempt)+forget <= now; n = l.first {
			t.unbind(n)
		}
	}
}

// Close ends the input: what was counted is told, and what waits for a response becomes a record that ends as "unterminated".
func (t *Table) Close() {
	for n := t.wait.first; n != nil; n = t.wait.first {
		t.finish(n, protocol.TransactionUnterminated, nil)
	}
	for n := t.retry.first; n != nil; n = t.retry.first {
		t.finish(n, protocol.TransactionAnswered, nil)
	}
	for n := t.failing.first; n != nil; n = t.failing.first {
		t.release(n)
	}
}

// name makes a string of b; texts that come again and again share one.
func (t *Table) name(b []byte) string {
	b = b[:min(len(b), maxPart)]
	if s, ok := t.names[string(b)]; ok {
		return s
	}
	s := valid(string(b))
	if len(t.names) < maxReasons {
		t.names[string(b)] = s
	}
	return s
}

// Counters adds what the table has counted to n.
func (t *Table) Counters(n protocol.Counters) {
	c := &t.count
	for i := range c.ok {
		method := sip.Method(i).String()
		for prefix, v := range map[string]uint64{"ok.": c.ok[i], "refused.": c.refused[i], "unanswered.": c.unanswered[i]} {
			if v > 0 {
				n["transactions."+prefix+method] += v
			}
		}
	}
	for name, v := range map[string]uint64{
		"transactions.unterminated": c.unterminated, "transactions.evicted": c.evicted, "transactions.unmatched": c.unmatched,
		"registrations.evicted": c.bindingsEvicted,
	} {
		if v > 0 {
			n[name] += v
		}
	}
}
