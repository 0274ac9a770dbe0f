package analyze

import (
	"time"

	"voiptop/protocol"
	"voiptop/sensord/internal/call"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/hep"
	"voiptop/sensord/internal/prefetch"
	"voiptop/sensord/internal/sip"
	"voiptop/sensord/internal/transact"
	"voiptop/sensord/internal/turn"
)

// Engine analyses packets. Make it with New.
type Engine struct {
	decoder  *decode.Decoder
	calls    *call.Table
	watch    *watched
	outside  *transact.Table // what belongs to no call
	front    front
	prepared decode.Prepared // of the packet at hand
	message  sip.Message
	flows    map[uint64]*tcpFlow

	hep       *unwrapper // nil until HEP is met
	hepWanted func(*Packet, *HEPMessage) bool
	onSIP     func(d *Datagram, message []byte, transport string)
	tls       *decryption // nil until a key log is named

	keeping      bool // a rule may keep a call's packets
	segmentBytes int  // see segments

	packets, bytes uint64
	begun          int64 // time of the first packet
	count          counts
}

// counts are what the engine itself sees of datagrams.
type counts struct {
	unparsed  uint64 // looked like SIP and did not parse
	cut       uint64 // SIP messages of which the end is missing
	keepAlive uint64
	letGo     uint64 // TCP segments of messages, not remembered until the end of the message
	skipped   uint64 // bytes of SIP streams that belonged to no message
	tls       uint64 // TCP streams that began as TLS, without a key log
	portOnly  uint64 // datagrams on a SIP port that are no SIP
	unlisted  uint64 // messages, and TCP connections that begin with one, on ports that are not SIP's here
}

// New makes an engine that gives what it finds to sink.
func New(cfg Config, sink Sink) *Engine {
	cfg = cfg.withDefaults()
	e := &Engine{flows: map[uint64]*tcpFlow{}, hepWanted: cfg.HEP, onSIP: cfg.SIP, watch: &watched{Sink: sink}}
	e.calls = call.NewTable(call.Config{
		SensorID: cfg.SensorID, RTPTimeout: cfg.RTPTimeout, ByeTimeout: cfg.ByeTimeout, AbsoluteTimeout: cfg.AbsoluteTimeout,
		MaxCalls: cfg.MaxCalls, MaxMessages: cfg.MaxMessages, MatchHeaders: cfg.MatchHeaders, InbandDTMF: cfg.InbandDTMF, NoFaxTones: cfg.NoFaxTones, Decide: cfg.Decide,
		RTCP: cfg.RTCP, Reached: e.watch.sources.Reached, Judge: e.watch.sources.Judge,
	}, e.watch)
	e.outside = newOutside(cfg.SensorID, e.watch)
	for _, p := range cfg.SIPPorts {
		if e.front.ports == nil {
			e.front.ports = map[uint16]bool{}
		}
		e.front.ports[p] = true
	}
	e.keeping = cfg.Decide != nil
	e.decoder = decode.New(decode.Config{}, (*handler)(e))
	if cfg.TLSKeys != nil {
		e.Keys(cfg.TLSKeys)
	}
	return e
}

func (c Config) withDefaults() Config {
	def := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&c.RTPTimeout, 300*time.Second)
	def(&c.ByeTimeout, 1200*time.Second)
	def(&c.AbsoluteTimeout, 4*time.Hour)
	if c.MaxCalls <= 0 {
		c.MaxCalls = 100_000
	}
	if c.MaxMessages <= 0 {
		c.MaxMessages = 500
	}
	if c.MatchHeaders == nil {
		c.MatchHeaders = []string{"X-Call-ID", "X-CID"}
	}
	return c
}

// Packet takes the next frame. It is done with p when it returns.
func (e *Engine) Packet(p *Packet) {
	if e.packets == 0 {
		e.begun = p.Time
	}
	e.packets++
	e.bytes += uint64(p.Length)
	if p.Secrets != nil {
		e.Keys(p.Secrets)
	}
	d := &e.prepared
	if decode.Prepare(p, d); !d.Plain {
		e.decoder.Packet(p)
		return
	}
	again := e.decoder.Take(p, p.Time, d.Key())
	if e.decoder.Turn(p, d); again {
		e.decoder.Duplicate(&d.Datagram)
		return
	}
	(*handler)(e).Datagram(&d.Datagram)
}

// batch takes packets that were looked at ahead. It finds what Packet would find.
func (e *Engine) batch(b *batch) {
	next := 0
	if e.packets == 0 && len(b.packets) > 0 {
		e.begun = b.packets[0].Time
	}
	e.packets += b.count
	e.bytes += b.bytes
	for i, k := range b.kinds {
		if b.far {
			e.fetchRTP(b, i)
		}
		p := &b.packets[i]
		var again bool
		switch k {
		case isOther:
			e.Packet(p)
			continue
		case isRTP:
			r := &b.rtp[i]
			if again = e.decoder.Take(p, r.Time, b.keys[i]); !again && e.calls.Known(e.decoder.Now(), r) {
				continue
			}
		case isSIP:
			if next%call.FetchMost == 0 {
				e.fetch(b.messages[next:], b.far)
			}
			next++
			again = e.decoder.Take(p, p.Time, b.keys[i])
		}
		d := &e.prepared
		decode.Prepare(p, d)
		e.decoder.Turn(p, d)
		switch {
		case again:
			e.decoder.Duplicate(&d.Datagram)
		case k == isRTP:
			e.calls.Media(&d.Datagram)
		default:
			m := b.messages[next-1]
			e.sipMessage(&d.Datagram, &m.Message, &m.sdp, d.Payload, "udp")
		}
	}
}

// How many packets ahead of the one at hand the places of streams are asked for, and what packets change in streams.
const (
	flowsAhead   = 16
	streamsAhead = 8
)

// fetchRTP asks for what packets behind the i-th of a batch need, if they are RTP: thousands of streams take turns, and do not fit the cache.
func (e *Engine) fetchRTP(b *batch, i int) {
	if j := i + flowsAhead; j < len(b.kinds) && b.kinds[j] == isRTP {
		e.decoder.Fetch(b.keys[j])
		e.calls.FetchFlow(&b.rtp[j])
	}
	if j := i + streamsAhead; j < len(b.kinds) && b.kinds[j] == isRTP {
		e.calls.FetchStream(&b.rtp[j])
	}
}

// fetch asks for what the next messages need; if they are far, also for them, and those after them.
func (e *Engine) fetch(messages []*message, far bool) {
	var room [call.FetchMost]call.Coming
	n := min(call.FetchMost, len(messages))
	for i, m := range messages[:n] {
		room[i].Hash = m.CallIDHash()
		if len(m.Body()) > 0 {
			room[i].SDP = &m.sdp
		}
		if far {
			prefetch.Slice(m.FirstLine())
		}
	}
	e.calls.Fetch(room[:n], far)
	if far {
		for _, m := range messages[n:min(2*n, len(messages))] {
			prefetch.Head(m, 6) // but for the description
		}
	}
}

// Tick moves the clock on to now, nanoseconds since the epoch, when no packet does: on a silent wire calls end in time.
func (e *Engine) Tick(now int64) {
	e.tls.tick(now)
	e.calls.Tick(now)
	e.outside.Tick(now)
}

// Close ends the input: what is held back is analysed, and running calls become records that end as "unterminated", in
// the order of their start.
func (e *Engine) Close() { e.end(protocol.EndUnterminated) }

// Interrupt is Close for a sensor that is stopped while the input goes on: running calls end as "interrupted".
func (e *Engine) Interrupt() { e.end(protocol.EndInterrupted) }

func (e *Engine) end(cause protocol.EndCause) {
	e.decoder.Flush()
	e.tls.close()
	e.calls.Close(cause)
	e.outside.Close()
}

// Counters adds what the engine has counted to n.
func (e *Engine) Counters(n protocol.Counters) {
	n[protocol.CountPackets] += e.packets
	n[protocol.CountBytes] += e.bytes
	e.calls.Counters(n)
	e.outside.Counters(n)
	e.hep.counters(n)
	e.watch.counters(n)
	e.tls.counters(n)
	e.decoder.Counters(func(name string, v uint64) { n[name] += v })
	for _, v := range []struct {
		name string
		n    uint64
	}{
		{CountUnparsed, e.count.unparsed},
		{"sip.cut", e.count.cut},
		{"sip.keepalives", e.count.keepAlive},
		{"sip.stream.skipped", e.count.skipped},
		{"captures.segments.dropped", e.count.letGo},
		{"tls.streams", e.count.tls},
		{"sip.port.other", e.count.portOnly},
		{protocol.CountSIPUnlisted, e.count.unlisted},
	} {
		if v.n > 0 {
			n[v.name] += v.n
		}
	}
}

// CountUnparsed counts payloads that look like SIP and do not parse.
const CountUnparsed = "sip.unparsed"

// handler is the Engine as its decoder sees it.
type handler Engine

// Datagram sorts a payload: media is by far the most, and is told by its first byte (RFC 7983); SIP begins with a letter.
func (h *handler) Datagram(d *decode.Datagram) {
	e := (*Engine)(h)
	switch d.Transport {
	case decode.UDP:
		if len(d.Payload) > 0 && d.Payload[0] >= 0x80 {
			e.calls.Media(d)
			return
		}
		e.udp(d)
	case decode.TCP:
		e.tcp(d)
	case decode.SCTP:
		if sip.LooksLikeSIP(d.Payload) {
			e.sip(d, d.Payload, "sctp")
		}
	}
}

// Duplicate implements decode.DuplicateHandler: the call that a packet captured twice belongs to counts it.
func (h *handler) Duplicate(d *decode.Datagram) {
	e := (*Engine)(h)
	if len(d.Payload) > 0 && d.Payload[0] < 0x80 && sip.LooksLikeSIP(d.Payload) {
		if e.message.Parse(d.Payload) == nil {
			e.calls.MirroredSIP(&e.message)
		}
		return
	}
	e.calls.MirroredMedia(d)
}

func (e *Engine) udp(d *decode.Datagram) {
	if hep.Is(d.Payload) {
		e.hepMessage(d, d.Payload, false)
		return
	}
	if hep.IsOld(d.Payload) && sip.LooksLikeSIP(d.Payload[hep.OldHead(d.Payload):]) {
		e.hepMessage(d, d.Payload, true)
		return
	}
	var m turn.Message
	if turn.Read(d.Payload, d.Length, &m) && e.turned(d, &m) {
		return
	}
	if e.front.onPort(d) {
		switch sip.KindOf(d.Payload) {
		case sip.IsMessage:
			e.sip(d, d.Payload, "udp")
			return
		case sip.KeepAlive:
			e.count.keepAlive++
			return
		}
		if d.Dst.Port == sipPort || d.Src.Port == sipPort {
			e.count.portOnly++
		}
	} else if sip.LooksLikeSIP(d.Payload) {
		e.count.unlisted++
	}
	e.calls.Media(d)
}

// turned takes a message of TURN, and reports whether it was data: that is looked at as if it had come alone.
func (e *Engine) turned(d *decode.Datagram, m *turn.Message) bool {
	if m.Kind != turn.Data {
		e.calls.TURN(d, m)
		return false
	}
	data := m.Payload(d.Payload)
	if !turn.Bears(data) {
		return false
	}
	d.Payload, d.Length, d.Cut = data, m.Length, m.Length > len(data)
	if d.HeaderLen > 0 {
		d.HeaderLen += m.Offset
	}
	if sip.LooksLikeSIP(data) {
		e.sip(d, data, "udp")
		return true
	}
	e.calls.Turned(d, m)
	return true
}

// sipPort is SIP's own port, RFC 3261 section 19.1.2.
const sipPort = 5060

// sip takes one message.
func (e *Engine) sip(d *decode.Datagram, b []byte, transport string) {
	if d.Cut {
		b = sip.WholeLines(b)
	}
	if e.message.Parse(b) != nil {
		e.count.unparsed++
		return
	}
	e.sipMessage(d, &e.message, nil, b, transport)
}

// sipMessage takes a message that was read. sdp is its description if that was, too.
func (e *Engine) sipMessage(d *decode.Datagram, m *sip.Message, sdp *call.SDP, b []byte, transport string) {
	if m.Cut() {
		e.count.cut++
	}
	if e.onSIP != nil {
		e.onSIP(d, b, transport)
	}
	e.calls.SIP(d, m, sdp, transport)
	e.transaction(d, m, transport)
}
