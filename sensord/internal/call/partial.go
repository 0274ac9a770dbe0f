package call

import "voiptop/protocol"

// Cursor is a place among the calls of a Table, see Table.Partial and Table.Redecide. The zero value is before the first.
type Cursor struct{ number uint64 } // the least that is behind it

// pass moves the cursor behind c.
func (at *Cursor) pass(c *Call) { at.number = c.number + 1 }

// Partial appends the records of up to n calls behind the cursor to dst, as far as they have come, in the order of their
// start, and moves the cursor on. more tells whether there are others. Calls may start and end between two invocations.
func (t *Table) Partial(at *Cursor, dst []*protocol.CDR, n int) (_ []*protocol.CDR, more bool) {
	c := t.behind(at)
	for ; c != nil && n > 0; c, n = t.order.after(c), n-1 {
		dst = append(dst, c.Record())
		at.pass(c)
	}
	return dst, c != nil
}

// behind is the first call behind the cursor.
func (t *Table) behind(at *Cursor) *Call { return t.order.from(at.number) }
