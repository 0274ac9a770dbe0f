package analyze

import (
	"voiptop/protocol"
	"voiptop/sensord/internal/call"
)

// Cursor is a place among an engine's calls, see Engine.Partial. The zero value is before the first.
type Cursor = call.Cursor

// Partial appends the records of up to n calls behind the cursor to dst, as far as they have come, in the order of their
// start, and moves the cursor on; more tells whether there are others. Asked between packets, a few at a time, it lists
// the running calls without holding up the capture. The records are the caller's.
func (e *Engine) Partial(at *Cursor, dst []*protocol.CDR, n int) (_ []*protocol.CDR, more bool) {
	return e.calls.Partial(at, dst, n)
}
