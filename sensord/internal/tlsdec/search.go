package tlsdec

import "encoding/binary"

const (
	// searchWindow is how many records may have been lost in one place.
	searchWindow = 64
	// searchBudget is how many bytes may be decrypted in vain, in a row, before a connection is given up: some 10 ms.
	searchBudget = 8 << 20
	tryOverhead  = 256 // bytes that a try costs besides
)

// trial is a key that the next record may be under.
type trial struct {
	epoch   epoch
	key     *opener
	traffic []byte
	from    uint64 // the first number that the record may have
}

// lose notes that bytes are missing here, or make no sense.
func (h *half) lose() {
	h.lost, h.gap, h.trials = true, true, nil
	h.messages.reset()
}

// search looks for the next record that opens, under the present key or the next, and takes up the thread there. It
// answers how many bytes come before it, or before what may yet become it, and whether it was found.
func (c *conn) search(h *half, b []byte) (skip int, found bool) {
	if h.trials == nil && !c.prepare(h) {
		h.blocked = true
		return 0, false
	}
	partial := -1
	for i := range b {
		if !c.mayStart(b[i:]) {
			continue
		}
		n := cutRecord(b[i:])
		if n == 0 && partial < 0 {
			partial = i
		}
		if n > 0 && c.try(h, b[i:i+n]) {
			h.lost, h.trials, h.budget = false, nil, searchBudget
			c.table.count[resynced]++
			return i, true
		}
		if c.dead {
			return 0, false
		}
	}
	if partial >= 0 {
		return partial, false
	}
	return len(b), false
}

// mayStart says whether an encrypted record may start here.
func (c *conn) mayStart(b []byte) bool {
	if b[0] != applicationData && (c.v13 || b[0] != handshake && b[0] != alert) {
		return false
	}
	return (len(b) < 2 || b[1] == 3) && (len(b) < 3 || b[2] == 3) && (len(b) < headLen || binary.BigEndian.Uint16(b[3:]) > 16)
}

// prepare lists the keys to try. It answers false when none is known yet.
func (c *conn) prepare(h *half) bool {
	if c.suite == nil || c.client == nil {
		return false
	}
	add := func(e epoch, key *opener, traffic []byte, from uint64) {
		if key != nil {
			h.trials = append(h.trials, trial{e, key, traffic, from})
		}
	}
	if h.key == nil && h.epoch != inClear {
		c.unlock(h)
	}
	add(h.epoch, h.key, h.traffic, h.seq)
	switch {
	case c.v13 && h.epoch == inApplication:
		if h.traffic != nil {
			key, traffic := c.updated(h.traffic)
			add(inApplication, key, traffic, 0)
		}
	case c.v13:
		if h.epoch == inClear {
			key, traffic := c.opener(h, inHandshake)
			add(inHandshake, key, traffic, 0)
		}
		key, traffic := c.opener(h, inApplication)
		add(inApplication, key, traffic, 0)
	case h.epoch == inClear:
		key, _ := c.opener(h, inApplication)
		add(inApplication, key, nil, 0)
	}
	return len(h.trials) > 0
}

// try finds out whether a record opens under one of the keys, and makes that the direction's.
func (c *conn) try(h *half, record []byte) bool {
	for i := range h.trials {
		t := &h.trials[i]
		for seq := t.from; seq < t.from+searchWindow; seq++ {
			if h.budget -= len(record) + tryOverhead; h.budget < 0 {
				c.fail(lostTrack)
				return false
			}
			if _, _, ok := t.key.open(c.table.scratch[:], record, seq); ok {
				h.epoch, h.key, h.traffic, h.seq = t.epoch, t.key, t.traffic, seq
				return true
			}
		}
	}
	return false
}
