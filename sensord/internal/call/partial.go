package call

import "voiptop/protocol"

// Cursor is a place among the calls of a Table, see Table.Partial. The zero value is before the first.
type Cursor struct{ last *Call }

// Partial appends the records of up to n calls behind the cursor to dst, as far as they have come, in the order of their
// start, and moves the cursor on. more tells whether there are others. Calls may start and end between two invocations.
func (t *Table) Partial(at *Cursor, dst []*protocol.CDR, n int) (_ []*protocol.CDR, more bool) {
	c := t.first
	switch {
	case at.last == nil:
	case !at.last.finished:
		c = at.last.next
	default: // out of the table meanwhile
		for c != nil && c.number <= at.last.number {
			c = c.next
		}
	}
	for ; c != nil && n > 0; c, n = c.next, n-1 {
		dst = append(dst, c.Record())
		at.last = c
	}
	return dst, c != nil
}
