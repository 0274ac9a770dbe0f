package rules

// AsksWho reports whether the condition asks who called whom: numbers, the caller's name, digits, header fields, first lines of
// messages, or a word anywhere. Whoever may not see numbers could find them out by asking such conditions one after another.
func (e Expr) AsksWho() bool {
	return e.root.asks(func(n *node) bool { return n.op == opAnywhere || n.op == opTest && n.test.field.tellsWho() })
}

func (f *Field) tellsWho() bool {
	switch f.Name {
	case "name", "reason", "dtmf", "message":
		return true
	}
	return f.Type == Number || f.name != ""
}

// asks reports whether is holds for one of the tests and words of a condition.
func (n *node) asks(is func(*node) bool) bool {
	if n == nil {
		return false
	}
	if is(n) {
		return true
	}
	for _, k := range n.kids {
		if k.asks(is) {
			return true
		}
	}
	return false
}
