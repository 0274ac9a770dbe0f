package analyze

// SetMaxChannels limits how many calls that have not ended are analysed with their media; 0: no limit, the default. A call
// that begins beyond it gets a record of its SIP alone, marked over_limit.
func (e *Engine) SetMaxChannels(n int) { e.calls.SetMaxChannels(n) }
