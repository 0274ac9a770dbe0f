package call

// order has the running calls in the order of their start, which is that of their numbers. Tens of thousands of calls do not fit the cache, but
// their order does: taking one out touches no other. It takes 8 bytes for each 64 calls since the oldest
// one that runs, and 520 for each 64 of which one runs.
type order struct {
	blocks []*orderBlock // of numbers from first*orderSize on; nil: none of them runs
	first  uint64
	free   []*orderBlock
}

const (
	orderSize    = 64
	maxFreeOrder = 64 // blocks
)

type orderBlock struct {
	calls [orderSize]*Call
	n     int
}

// add adds a call that has a greater number than all before it.
func (o *order) add(c *Call) {
	at := c.number / orderSize
	if len(o.blocks) == 0 {
		o.first = at
	}
	for uint64(len(o.blocks)) <= at-o.first {
		o.blocks = append(o.blocks, nil)
	}
	b := o.blocks[at-o.first]
	if b == nil {
		if last := len(o.free) - 1; last >= 0 {
			b, o.free = o.free[last], o.free[:last]
		} else {
			b = &orderBlock{}
		}
		o.blocks[at-o.first] = b
	}
	b.calls[c.number%orderSize] = c
	b.n++
}

// remove takes out a call, which must be there.
func (o *order) remove(c *Call) {
	at := c.number/orderSize - o.first
	b := o.blocks[at]
	b.calls[c.number%orderSize] = nil
	if b.n--; b.n > 0 {
		return
	}
	o.blocks[at] = nil
	if len(o.free) < maxFreeOrder {
		o.free = append(o.free, b)
	}
	for len(o.blocks) > 0 && o.blocks[0] == nil {
		o.blocks = o.blocks[1:]
		o.first++
	}
}

// from is the first call whose number is not less; nil: none.
func (o *order) from(number uint64) *Call {
	at := max(number, o.first*orderSize)
	for at/orderSize-o.first < uint64(len(o.blocks)) {
		b := o.blocks[at/orderSize-o.first]
		if b == nil {
			at = (at/orderSize + 1) * orderSize
			continue
		}
		for ; ; at++ {
			if c := b.calls[at%orderSize]; c != nil {
				return c
			}
			if at%orderSize == orderSize-1 {
				at++
				break
			}
		}
	}
	return nil
}

// oldest is the call that started first; nil: none.
func (o *order) oldest() *Call { return o.from(0) }

// after is the call that started next after c, which need not be there any more.
func (o *order) after(c *Call) *Call { return o.from(c.number + 1) }
