package analyze

import (
	"voiptop/protocol"
	"voiptop/sensord/internal/call"
)

// Live appends the calls that run, and those that ended within the last seconds, to dst in the order of their start.
func (e *Engine) Live(dst []protocol.LiveCall) []protocol.LiveCall { return e.calls.Live(dst) }

// Streams appends the streams of up to n running calls behind the cursor to dst, and moves the cursor on; more tells whether there are
// other calls. Asked between packets, some calls at a time, it does not hold up the capture.
func (e *Engine) Streams(at *Cursor, dst []protocol.LiveStream, n int) (_ []protocol.LiveStream, more bool) {
	return e.calls.Streams(at, dst, n)
}

// Find makes a record of a running call as far as it has come. id is its UUID or Call-ID; nil when no such call runs.
func (e *Engine) Find(id string) *protocol.CDR { return e.calls.Find(id) }

// Now is the engine's clock: the time of the last packet or tick, nanoseconds since the epoch; 0 before the first.
func (e *Engine) Now() int64 { return e.calls.Now() }

// Running is the number of calls in memory.
func (e *Engine) Running() int { return e.calls.Running() }

// Cursor is a place among an engine's calls, see Engine.Partial. The zero value is before the first.
type Cursor = call.Cursor

// Partial appends the records of up to n calls behind the cursor to dst, as far as they have come, in the order of their
// start, and moves the cursor on; more tells whether there are others. Asked between packets, a few at a time, it lists
// the running calls without holding up the capture. The records are the caller's.
func (e *Engine) Partial(at *Cursor, dst []*protocol.CDR, n int) (_ []*protocol.CDR, more bool) {
	return e.calls.Partial(at, dst, n)
}

// SetMaxChannels limits how many calls that have not ended are analysed with their media; 0: no limit, the default. A call
// that begins beyond it gets a record of its SIP alone, marked over_limit.
func (e *Engine) SetMaxChannels(n int) { e.calls.SetMaxChannels(n) }

// Channels tells how many running calls are analysed with their media, and how many are not for the limit's sake.
func (e *Engine) Channels() (used, over int) { return e.calls.Channels() }
