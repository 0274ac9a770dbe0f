package rules

// AsksWho reports whether the condition asks who called whom: numbers, the caller's name, header fields, or a word anywhere.
// Whoever may not see numbers could find them out by asking such conditions one after another.
func (e Expr) AsksWho() bool { return e.root.asksWho() }

func (n *node) asksWho() bool {
	if n == nil {
		return false
	}
	switch n.op {
	case opAnywhere:
		return true
	case opTest:
		f := n.test.field
		return f.Type == Number || f.Name == "name" || f.name != ""
	}
	for _, k := range n.kids {
		if k.asksWho() {
			return true
		}
	}
	return false
}
