package call

import (
	"voiptop/protocol"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/prefetch"
	"voiptop/sensord/internal/sip"
)

// Table holds the running calls. One goroutine drives it.
type Table struct {
	cfg  Config
	sink Sink
	now  int64

	began int64 // first packet, or first after a hole

	byID   byCallID
	order  order
	timers schedule
	next   uint64 // number of the next call

	ends  ends
	flows flows

	waiting  []*Call // calls that agreed on media within learnTime, see learn.go
	crowded  int64   // when there were too many of them
	suspects []suspect

	maxChannels         int // 0: no limit
	channels, overLimit int // running calls, see channel.go
	logged              int // messages of all calls in the table

	gone  gone // calls that have ended
	letGo gone // calls that may go on unseen: timed out, or there was no room

	legs  legs
	turn  turnTable
	early earlyMedia

	names    map[string]*string // strings that many calls share
	lines    lines
	codecs   map[codecKey]*codec
	formats  [128]knownCodec // the newest of each payload type
	scratch  []byte
	spare    spare
	builder  Builder
	lateSink LateSink // sink, if it is one
	shards   shards
	sdp      SDP
	ahead    *SDP // of the message at hand, if it was read ahead

	deciding deciding
	mask     masking

	count counts
}

// NewTable makes an empty table.
func NewTable(cfg Config, sink Sink) *Table {
	t := &Table{
		cfg: cfg, sink: sink,
		names:  map[string]*string{},
		codecs: map[codecKey]*codec{},
		gone:   gone{period: 2 * transactionTime},
		letGo:  gone{period: int64(cfg.AbsoluteTimeout)},
	}
	t.legs.headers = sip.OthersOf(sessionID)
	for _, h := range cfg.MatchHeaders {
		t.legs.headers |= sip.OthersOf(h)
	}
	t.SetDecider(cfg.Decide)
	return t
}

// Now is the time of the last packet or tick, nanoseconds since the epoch.
func (t *Table) Now() int64 { return t.now }

// Tick moves the clock on to now, in nanoseconds, and ends the calls whose time has come.
func (t *Table) Tick(now int64) {
	if now > t.now {
		t.now = now
	}
	for t.timers.ready(t.now) {
		c, coming := t.timers.pop()
		if coming != nil {
			prefetch.Value(coming)
		}
		if c == nil {
			continue
		}
		if due := c.dueTime(); due > t.now {
			t.timers.put(c, due, t.now)
			continue
		}
		c.expire()
		t.finish(c)
	}
}

// SIP takes a message that m was parsed from. transport is its name in records. ahead is its description if that was read
// already; nil: not.
func (t *Table) SIP(d *decode.Datagram, m *sip.Message, ahead *SDP, transport string) {
	t.ahead = ahead
	t.seen(d.Time)
	t.count.messages++
	method := m.Method()
	if m.Request() {
		t.count.methods[method]++
	} else {
		t.count.responses[m.Status()/100]++
	}
	if len(m.CallID()) == 0 {
		t.count.noCallID++
		return
	}
	opening := method == sip.Invite && m.Request() && !m.Tagged()
	c := t.byID.get(m)
	if c != nil && opening && c.over(d, m) {
		c.interrupt(protocol.EndUnterminated)
		t.finish(c)
		c = nil
	}
	if c == nil {
		begun := fromStart
		if !opening {
			var ok bool
			if begun, ok = t.joins(m); !ok {
				if method <= sip.Cancel && method != sip.Unknown {
					t.count.outside++
				}
				return
			}
		}
		c = t.start(d, m, transport, begun)
	}
	c.message(d, m, opening)
}

// start makes a call of its first INVITE, or of the message at which it is joined.
func (t *Table) start(d *decode.Datagram, m *sip.Message, transport string, begun beginning) *Call {
	if t.byID.n >= t.cfg.MaxCalls {
		t.evict()
	}
	from, to := sip.ParseAddress(m.Get(sip.From)), sip.ParseAddress(m.Get(sip.To))
	fu, tu, ru := sip.ParseURI(from.URI), sip.ParseURI(to.URI), sip.ParseURI(m.RequestURI())
	var cut [7]int // the strings of a call are parts of one
	b := t.scratch[:0]
	for i, part := range [...][]byte{m.CallID(), fu.User, tu.User, ru.User, from.Display, fu.Host, tu.Host} {
		if len(part) > maxText && i > 0 {
			part = part[:maxText]
		}
		if i == 4 {
			b = appendUnescaped(b, part)
		} else {
			b = append(b, part...)
		}
		cut[i] = len(b)
	}
	t.scratch = b
	all := string(b)
	c := t.spare.call()
	c.table, c.number, c.hash, c.transport = t, t.next, m.CallIDHash(), transport
	c.callID, c.caller, c.callee, c.calleeURI = all[:cut[0]], all[cut[0]:cut[1]], all[cut[1]:cut[2]], all[cut[2]:cut[3]]
	c.callerName, c.callerDomain, c.calleeDomain = all[cut[3]:cut[4]], all[cut[4]:cut[5]], all[cut[5]:cut[6]]
	c.src, c.dst, c.startTime, c.lastSIP = d.Src, d.Dst, d.Time, d.Time
	c.begun = begun
	if c.joined() {
		c.joinAt(d, m)
	}
	if n := uint64(len(t.shards.list)); n > 0 {
		c.shard = uint8(c.number % n)
	}
	t.next++
	t.count.started++
	t.byID.add(c.hash, c)
	t.order.add(c)
	t.timers.put(c, c.dueTime(), t.now)
	t.enter(c, d, m)
	t.admit(c)
	return c
}

// Live appends the running calls to dst, in the order of their start.
func (t *Table) Live(dst []protocol.LiveCall) []protocol.LiveCall {
	for c := t.order.oldest(); c != nil; c = t.order.after(c) {
		dst = append(dst, c.live())
	}
	return dst
}

// Find makes a record of a running call as far as it has come; id is its UUID or Call-ID. Nil when there is none.
func (t *Table) Find(id string) *protocol.CDR {
	if c := t.byID.of([]byte(id)); c != nil {
		return c.Record()
	}
	u, err := protocol.ParseUUID(id)
	if err != nil {
		return nil
	}
	for c := t.order.oldest(); c != nil; c = t.order.after(c) {
		if c.uuid() == u {
			return c.Record()
		}
	}
	return nil
}

// Has reports whether the call that m belongs to is in the table, running or just ended.
func (t *Table) Has(m *sip.Message) bool { return t.byID.get(m) != nil }

// Running is the number of calls in the table.
func (t *Table) Running() int { return t.byID.n }

// maxNames bounds the strings that are shared.
const maxNames = 8192

// name makes a string of b; texts that come again and again (user agents, codecs) share one.
func (t *Table) name(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return *t.named(b)
}

// named is name for who keeps no more than a pointer. The string is not written again.
func (t *Table) named(b []byte) *string {
	if len(b) > maxText {
		b = b[:maxText]
	}
	if s, ok := t.names[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(t.names) < maxNames {
		t.names[s] = &s
	}
	return &s
}
