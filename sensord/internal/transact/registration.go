package transact

import (
	"hash/maphash"

	"voiptop/protocol"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sip"
)

// binding is a contact of an address of record.
type binding struct {
	aor  uint64         // in Table.byAOR
	next *node[binding] // of the same address of record
	held bool           // in Table.held: the last success has not been taken back

	name, contact, transport, agent, reason string
	src, dst                                decode.Endpoint
	since, refresh, until, attempt          int64 // nanoseconds, 0: never
	failed                                  bool  // the last attempt
	gone                                    bool  // unregistered
	failures, status                        int
	rtt                                     int64 // nanoseconds, 0: no answer yet
}

// registers takes over what a REGISTER that has ended says. m is its final response, nil if there was none to this attempt.
func (t *Table) registers(o *open, m *sip.Message) {
	var h maphash.Hash
	h.SetSeed(t.seed)
	h.Write(o.part(partTo))
	h.WriteByte('@')
	h.Write(o.part(partToDomain))
	key := h.Sum64()
	ok := m != nil && o.status < 300
	if !ok && o.contacts == 0 {
		t.failed(o, key, nil)
		return
	}
	for i := range o.contacts {
		uri := o.part(partContact + i)
		if string(uri) == "*" {
			if ok {
				for n := t.byAOR[key]; n != nil; n = n.v.next {
					t.unregister(n)
				}
			}
			continue
		}
		if !ok {
			t.failed(o, key, uri)
			continue
		}
		granted := o.grant(m, i)
		if granted == unsaid {
			granted = 3600 // RFC 3261 section 10.2: what registrars give when nobody says
		}
		if i == 0 {
			o.granted = granted
		}
		t.succeeded(o, key, uri, granted)
	}
}

// succeeded notes that a contact is registered for so many seconds, or no more.
func (t *Table) succeeded(o *open, key uint64, uri []byte, granted int64) {
	if nobody := t.find(key, nil); nobody != nil && nobody.v.src.IP == o.src.IP {
		t.unbind(nobody)
	}
	n := t.bind(o, key, uri)
	if granted == 0 {
		t.unregister(n)
		return
	}
	b := &n.v
	if b.since == 0 || b.gone || b.until < t.now {
		b.since = t.now
	}
	b.refresh, b.until = t.now, t.now+granted*1e9
	b.failed, b.gone, b.failures = false, false, 0
	t.place(n, true)
}

// failed notes that a contact could not be registered. An attempt that was given up for one that went well says nothing.
func (t *Table) failed(o *open, key uint64, uri []byte) {
	if n := t.find(key, uri); n != nil && n.v.refresh >= o.asked {
		return
	}
	n := t.bind(o, key, uri)
	n.v.failed = true
	n.v.failures++
	t.place(n, n.v.held && n.v.until > t.now)
}

func (t *Table) unregister(n *node[binding]) {
	b := &n.v
	b.gone, b.failed, b.failures, b.until = true, false, 0, min(b.until, t.now)
	b.attempt = t.now
	t.place(n, false)
}

// bind finds or makes the binding of a contact, and notes the attempt.
func (t *Table) bind(o *open, key uint64, uri []byte) *node[binding] {
	n := t.find(key, uri)
	if n == nil {
		n = t.insert(o, key, uri)
	}
	b := &n.v
	b.src, b.dst, b.transport = o.src, o.dst, o.transport
	if a := o.part(partUserAgent); b.agent != string(a) {
		b.agent = t.name(a)
	}
	b.attempt, b.status, b.reason = t.now, o.status, o.reason
	if o.status != 0 {
		b.rtt = max(o.response, 1)
	}
	return n
}

func (t *Table) find(key uint64, uri []byte) *node[binding] {
	for n := t.byAOR[key]; n != nil; n = n.v.next {
		if n.v.contact == string(uri) {
			return n
		}
	}
	return nil
}

// insert makes a binding. When there is no room, one that is not registered goes before one that is, and of these the one
// that was heard of longest ago.
func (t *Table) insert(o *open, key uint64, uri []byte) *node[binding] {
	same, oldest := 0, (*node[binding])(nil)
	for n := t.byAOR[key]; n != nil; n = n.v.next {
		same++
		if oldest == nil || n.v.attempt < oldest.v.attempt {
			oldest = n
		}
	}
	switch {
	case same >= maxPerAOR:
		t.evict(oldest)
	case t.size >= t.cfg.Registrations && t.other.first != nil:
		t.evict(t.other.first)
	case t.size >= t.cfg.Registrations:
		t.evict(t.held.first)
	}
	n := &node[binding]{v: binding{
		aor: key, next: t.byAOR[key], name: aor(valid(string(o.part(partTo))), valid(string(o.part(partToDomain)))), contact: string(uri),
	}}
	t.byAOR[key] = n
	t.size++
	t.other.add(n)
	return n
}

func (t *Table) evict(n *node[binding]) {
	t.count.bindingsEvicted++
	t.unbind(n)
}

// unbind forgets a binding.
func (t *Table) unbind(n *node[binding]) {
	if n.v.held {
		t.held.remove(n)
	} else {
		t.other.remove(n)
	}
	t.size--
	if t.byAOR[n.v.aor] == n {
		if n.v.next == nil {
			delete(t.byAOR, n.v.aor)
		} else {
			t.byAOR[n.v.aor] = n.v.next
		}
		return
	}
	for p := t.byAOR[n.v.aor]; p != nil; p = p.v.next {
		if p.v.next == n {
			p.v.next = n.v.next
			return
		}
	}
}

// place puts a binding to the end of the list that it belongs to.
func (t *Table) place(n *node[binding], held bool) {
	if n.v.held {
		t.held.remove(n)
	} else {
		t.other.remove(n)
	}
	n.v.held = held
	if held {
		t.held.add(n)
	} else {
		t.other.add(n)
	}
}

// state tells where a registration stands now.
func (b *binding) state(now int64) protocol.RegistrationState {
	switch {
	case b.failed:
		return protocol.RegistrationFailing
	case b.gone:
		return protocol.Unregistered
	case b.until <= now:
		return protocol.RegistrationExpired
	}
	return protocol.Registered
}

// Registrations appends all that is known of registrations to dst; protocol.SortRegistrations gives them their order.
func (t *Table) Registrations(dst []protocol.Registration) []protocol.Registration {
	for _, l := range [...]*list[binding]{&t.held, &t.other} {
		for n := l.first; n != nil; n = n.next {
			b := &n.v
			r := protocol.Registration{
				SensorID: t.cfg.SensorID, State: b.state(t.now), AOR: b.name, Contact: valid(b.contact), Src: b.src.String(), Dst: b.dst.String(),
				Transport: b.transport, UserAgent: b.agent, Since: protocol.TimeFromNanos(b.since), Refresh: protocol.TimeFromNanos(b.refresh),
				Until: protocol.TimeFromNanos(b.until), Attempt: protocol.TimeFromNanos(b.attempt), Failures: b.failures, Status: b.status, Reason: b.reason,
			}
			if b.rtt > 0 {
				r.RTTMS = millis(b.rtt)
			}
			dst = append(dst, r)
		}
	}
	return dst
}
