package call

// Has reports whether a call of that Call-ID is in the table, running or just ended.
func (t *Table) Has(callID []byte) bool { return t.byID[string(callID)] != nil }
