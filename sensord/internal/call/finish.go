package call

import "voiptop/protocol"

// evict makes room: the oldest call that has ended goes, else the oldest of all.
func (t *Table) evict() {
	victim := t.first
	for c, n := t.first, 0; c != nil && n < 64; c, n = c.next, n+1 {
		if c.ended() {
			victim = c
			break
		}
	}
	t.count.evicted++
	victim.interrupt(protocol.EndInterrupted)
	t.finish(victim)
}

// finish takes a call out of the table and gives its record away.
func (t *Table) finish(c *Call) {
	c.fetchTies()
	t.byID.remove(c.hash, c)
	left := &t.gone
	if c.by == protocol.PartySensor {
		left = &t.letGo
	}
	left.add(noDigest.Bytes([]byte(c.callID)), t.now)
	t.timers.forget(c)
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		t.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		t.last = c.prev
	}
	c.prev, c.next = nil, nil
	t.count.ended++
	t.logged -= len(c.messages)
	c.finished = true
	c.occupy()
	c.across = c.compareLegs()
	if c.late() {
		c.outcome = Ended{call: c, group: c.group.root().id, found: c.judge()}
		t.forget(c)
		t.lateSink.Ended(&c.outcome)
		if len(t.shards.list) > 0 {
			t.shards.put(c.shard, Work{more: &c.outcome, what: workEnded})
		} else {
			c.recycle()
		}
		return
	}
	r := c.record()
	if t.cfg.Judge != nil {
		t.cfg.Judge(c.src.AddrPort().Addr(), r)
	}
	c.settle(r)
	t.forget(c)
	t.sink.Call(r)
	c.recycle()
}

// forget takes what a finished call announced out of the table.
func (t *Table) forget(c *Call) {
	for _, b := range c.bindings {
		t.unstack(b)
	}
	c.release()
	t.leave(c)
}

// judge answers what a finished call shows together with others.
func (c *Call) judge() []protocol.Finding {
	t := c.table
	if t.cfg.Judge == nil {
		return nil
	}
	t.judged = protocol.CDR{
		Callee: toValid(c.callee), CalleeURI: toValid(c.calleeURI), Status: c.status,
		Start: protocol.TimeFromNanos(c.startTime), Ringing: protocol.TimeFromNanos(c.ringing), Answer: protocol.TimeFromNanos(c.answer),
	}
	t.cfg.Judge(c.src.AddrPort().Addr(), &t.judged)
	return t.judged.Findings
}

// Close ends all calls for the given cause, protocol.EndUnterminated or protocol.EndInterrupted, in the order of their
// start. Calls that have ended already keep their own.
func (t *Table) Close(cause protocol.EndCause) {
	for t.first != nil {
		c := t.first
		c.interrupt(cause)
		t.finish(c)
	}
}
