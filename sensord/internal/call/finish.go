package call

import (
	"cmp"

	"voiptop/protocol"
	"voiptop/sensord/internal/diagnose"
)

// evict makes room: the oldest call that has ended goes, else the oldest of all.
func (t *Table) evict() {
	victim := t.order.oldest()
	for c, n := victim, 0; c != nil && n < 64; c, n = t.order.after(c), n+1 {
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
	t.order.remove(c)
	t.count.ended++
	t.logged -= len(c.messages)
	c.finished = true
	c.occupy()
	c.across = c.compareLegs()
	if c.late() {
		c.outcome = Ended{call: c, alone: c.group.alone(), judge: t.shards.judge}
		if !t.shards.judge {
			c.outcome.found = c.judge()
		}
		if !c.outcome.alone {
			c.outcome.group = c.group.uuid()
		}
		t.forget(c)
		here := c.here()
		t.lateSink.Ended(&c.outcome, here)
		if !here {
			t.shards.put(c.shard, Work{more: c, what: workEnded})
			return
		}
		c.letGo()
		t.spare.put(c)
		return
	}
	r := c.record()
	t.shards.judgeHere()
	for _, x := range c.judge() {
		diagnose.Add(r, x)
	}
	c.settle(r)
	t.forget(c)
	t.sink.Call(r)
	c.letGo()
	t.spare.put(c)
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
	f := c.table.cfg.Judge
	if f == nil {
		return nil
	}
	return f(c.src.AddrPort().Addr(), &diagnose.Attempt{
		Number: cmp.Or(c.calleeURI, c.callee), Status: c.status,
		Start: protocol.TimeFromNanos(c.startTime), Ringing: protocol.TimeFromNanos(c.ringing), Answer: protocol.TimeFromNanos(c.answer),
	})
}

// Close ends all calls for the given cause, protocol.EndUnterminated or protocol.EndInterrupted, in the order of their
// start. Calls that have ended already keep their own.
func (t *Table) Close(cause protocol.EndCause) {
	t.shards.judgeHere()
	for c := t.order.oldest(); c != nil; c = t.order.oldest() {
		c.interrupt(cause)
		t.finish(c)
	}
}
