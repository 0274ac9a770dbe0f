package tlsdec

import (
	"bytes"

	"voiptop/sensord/internal/decode"
)

const (
	maxHeld      = 256 << 10 // bytes that one connection holds back
	heldOverhead = 256       // bytes that holding back a datagram costs
)

// hold keeps a datagram for later: b is what has not been taken of its payload. h is blocked.
func (c *conn) hold(h *half, d *decode.Datagram, b []byte) {
	k := *d
	k.Payload, k.Packet, k.Earlier, k.HeaderLen, k.Ignore = bytes.Clone(b), nil, nil, 0, false
	k.Gap, k.Fresh = d.Gap && b != nil, d.Fresh && b != nil // else it has been seen to
	c.held = append(c.held, k)
	if c.heldSize += len(b) + heldOverhead; c.heldSize > maxHeld {
		c.fail(c.whyWaiting())
		return
	}
	if c.waiting == nil {
		c.since = d.Time
		c.waiting = c.table.waiting.PushBack(c)
	}
}

// release reads what is held, as far as it can be read by now.
func (c *conn) release() {
	for c.progress && !c.dead {
		c.progress = false
		queue := c.held
		c.held, c.heldSize = nil, 0
		for i := range c.halves { // keys that were not known may be, now
			c.halves[i].blocked, c.halves[i].trials = false, nil
		}
		for i := range queue {
			d := &queue[i]
			switch h := c.half(d.Stream); {
			case c.dead:
			case h.blocked:
				c.held = append(c.held, *d)
				c.heldSize += len(d.Payload) + heldOverhead
			default:
				c.run(h, d)
			}
		}
	}
	if len(c.held) == 0 {
		c.stopWaiting()
	}
}

func (c *conn) stopWaiting() {
	if c.waiting != nil {
		c.table.waiting.Remove(c.waiting)
		c.waiting = nil
	}
}

// whyWaiting is why what is held back cannot be read.
func (c *conn) whyWaiting() int {
	if c.suite == nil || c.client == nil {
		return noHandshake
	}
	return noKey
}

// fail gives a connection up, for a reason that is counted.
func (c *conn) fail(why int) {
	if !c.dead {
		c.table.count[why]++
		c.kill()
	}
}

// kill lets go of what a connection holds. It stays known, so that the rest of its streams is ignored.
func (c *conn) kill() {
	if c.dead {
		return
	}
	c.dead = true
	c.stopWaiting()
	c.held, c.heldSize = nil, 0
	for i := range c.halves {
		h := &c.halves[i]
		h.buf, h.messages, h.key, h.traffic, h.trials = nil, messages{}, nil, nil, nil
		if h.out != nil {
			h.out.Close()
			h.out = nil
		}
	}
	c.table.bytes -= c.size
	c.size = 0
}

// settle accounts for what a connection holds, makes room when all hold too much, and forgets the connection when both of
// its directions have ended and nothing of them is held.
func (c *conn) settle() {
	t := c.table
	if !c.dead {
		size := c.heldSize
		for i := range c.halves {
			size += cap(c.halves[i].buf) + cap(c.halves[i].messages.body)
		}
		t.bytes += size - c.size
		c.size = size
		for t.bytes > t.cfg.MaxBytes {
			t.evict()
		}
	}
	if c.use != nil && len(c.held) == 0 && c.halves[0].gone && (c.halves[1].gone || !c.halves[1].seen && !c.dead) {
		t.remove(c)
	}
}

// leave ends a direction: nothing more comes of it.
func (c *conn) leave(stream uint64) {
	delete(c.table.byStream, stream)
	c.half(stream).gone = true
	c.settle()
}
