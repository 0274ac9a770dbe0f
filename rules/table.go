package rules

// manyValues is from how many values on a test looks them up instead of trying each.
const manyValues = 8

// table finds the values of a test that may match.
type table struct {
	texts textTable
	rest  []int32 // values of which nothing is known
	nets  *networks
	ports bool // some address has a port
}

// newTable answers nil where the values are few or of a kind that is not looked up.
func newTable(f *Field, op string, vals []value) *table {
	if len(vals) <= manyValues {
		return nil
	}
	t := &table{}
	switch f.Type {
	case Address:
		list := make([]netID, len(vals))
		for i := range vals {
			list[i] = netID{vals[i].net, int32(i)}
			t.ports = t.ports || vals[i].port != 0
		}
		t.nets = newNetworks(list)
	case Text, Number, Word:
		for i := range vals {
			if !t.texts.add(&vals[i], op, int32(i)) {
				t.rest = append(t.rest, int32(i))
			}
		}
	default:
		return nil
	}
	return t
}

func (t *table) word(s *scene, of *test, text string) bool {
	before := len(s.ids) // an index may be using it
	s.ids = t.texts.find(&s.buf, text, of.field.Type == Number, s.ids)
	found := s.ids[before:]
	s.ids = s.ids[:before]
	for _, i := range found {
		if of.vals[i].match(of.op, text) {
			return true
		}
	}
	for _, i := range t.rest {
		if of.vals[i].match(of.op, text) {
			return true
		}
	}
	return false
}
