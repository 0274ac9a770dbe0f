package transact

import (
	"hash/maphash"

	"voiptop/protocol"
	"voiptop/sensord/internal/sip"
)

// failure counts the failing REGISTERs of one address of record, source address and result within a minute. The first of
// them has been told.
type failure struct {
	key  uint64
	more *protocol.Transaction // those after it, nil while there are none
}

// tell gives the record of a transaction to the sink: at once, unless it is one of many failing registrations.
func (t *Table) tell(o *open, end protocol.TransactionEnd) {
	if t.sink == nil {
		return
	}
	if o.method != sip.Register || end == protocol.TransactionUnterminated || o.status != 0 && o.status < 300 {
		t.sink.Transaction(o.record(t.cfg.SensorID, end))
		return
	}
	var h maphash.Hash
	h.SetSeed(t.seed)
	h.Write(o.part(partTo))
	h.WriteByte('@')
	h.Write(o.part(partToDomain))
	h.Write(o.src.IP[:])
	h.WriteByte(byte(o.status >> 8))
	h.WriteByte(byte(o.status))
	key := h.Sum64()
	n := t.failures[key]
	if n == nil {
		t.sink.Transaction(o.record(t.cfg.SensorID, end))
		t.begin(key)
		return
	}
	r := n.v.more
	if r == nil {
		n.v.more = o.record(t.cfg.SensorID, end)
		return
	}
	r.First = min(r.First, protocol.TimeFromNanos(o.first))
	r.Last = max(r.Last, protocol.TimeFromNanos(o.last))
	r.Attempts += o.attempts
	r.Challenges += o.challenges
	r.Count++
}

// begin counts failures of a kind from now on.
func (t *Table) begin(key uint64) {
	if len(t.failures) >= t.cfg.Failures {
		t.release(t.failing.first)
	}
	n := t.freeFails
	if n == nil {
		n = &node[failure]{}
	} else {
		t.freeFails, n.next = n.next, nil
	}
	n.v = failure{key: key}
	n.due = t.now + minute
	t.failures[key] = n
	t.failing.add(n)
}

// release tells what was counted, and forgets it.
func (t *Table) release(n *node[failure]) {
	t.failing.remove(n)
	delete(t.failures, n.v.key)
	if n.v.more != nil {
		t.sink.Transaction(n.v.more)
	}
	n.v = failure{}
	t.freeFails, n.next = n, t.freeFails
}
