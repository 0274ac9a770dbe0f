package rules

import "math"

// index finds the few rules of a set that may be true of a call. Each rule is filed under one part of its condition
// without which it cannot be true (its key): values of a field that are looked up in tables. Which rules may match is a
// bitmap, so that the rules are judged in their order; rules without such a part are judged always.
//
// A key on a field that is known from the first INVITE also tells that a rule cannot become true later. Rules without one
// are listed apart, in late, for calls that go on.
type index struct {
	words  int // of a bitmap
	fields []fieldTable
	nets   [4]*networks // by ends
	keys   []filed      // rules by key
	always bitmap       // rules without a key
	late   [4]bitmap    // rules that may be undecided as long as the call goes on, by what they keep; nil: none
}

// fieldTable has the keys of a field.
type fieldTable struct {
	field  *Field
	texts  textTable
	equals map[float64][]int32 // of a Count
	bounds [2]*thresholds      // lower and upper ones of a Count
}

// key is a test whose values a rule is filed under.
type key struct {
	tests []*test
	share float64 // of all calls that match it, roughly
}

// lateShare makes a key on a field that changes worse than any other.
const lateShare = 1000

// keyOf answers the best key of a condition, nil if it has none.
func keyOf(n *node) *key {
	if n == nil {
		return nil
	}
	switch n.op {
	case opTest:
		if share, ok := n.test.share(); ok {
			return &key{[]*test{n.test}, share}
		}
	case opAnd:
		var best *key
		for _, k := range n.kids {
			if k := keyOf(k); k != nil && (best == nil || k.share < best.share) {
				best = k
			}
		}
		return best
	case opOr:
		all := &key{}
		for _, k := range n.kids {
			k := keyOf(k)
			if k == nil {
				return nil
			}
			all.tests = append(all.tests, k.tests...)
			all.share += k.share
		}
		return all
	case opNot, opAnywhere:
	}
	return nil
}

// share is about which part of all calls match the test; ok is false if it cannot be looked up in a table.
func (t *test) share() (share float64, ok bool) {
	f := t.field
	if t.not || len(t.vals) == 0 {
		return 0, false
	}
	for i := range t.vals {
		v := &t.vals[i]
		switch {
		case f.Type == Count:
			if t.op == "=" || t.op == ":" {
				share += 0.01
			} else {
				share += 0.3
			}
		case f.Type == Address:
			share += math.Exp2(-float64(v.net.Bits()) * 16 / float64(v.net.Addr().BitLen()))
		case f.text == nil: // time, day, direction: few values, many calls
			return 0, false
		default:
			text, prefix := v.key(t.op)
			if text == "" {
				return 0, false
			}
			if prefix {
				share += math.Pow(10, -float64(min(len(text), 6)))
			} else {
				share += 1e-7
			}
		}
	}
	if f.known != atInvite {
		share += lateShare
	}
	return share, true
}

// key is the text that the values of a field begin with where the value matches, or which they are; "" is any.
func (v *value) key(op string) (text string, prefix bool) {
	switch op {
	case ":":
		return v.pat.parts[0], len(v.pat.parts) > 1
	case "~":
		return v.begin, true
	}
	return v.text, false
}

func newIndex(rules []Rule) *index {
	x := &index{words: (len(rules) + 63) / 64}
	x.always = make(bitmap, x.words)
	b := builder{index: x, filed: map[keyID]int32{}, tables: map[string]int{}}
	for i := range rules {
		r := &rules[i]
		if r.Off {
			continue
		}
		k := keyOf(r.When.root)
		if k == nil {
			x.always.set(i)
		}
		if k == nil || k.share >= lateShare {
			late := &x.late[r.Keep.Rank()]
			if *late == nil {
				*late = make(bitmap, x.words)
			}
			late.set(i)
		}
		if k != nil {
			for _, t := range k.tests {
				b.file(t, i)
			}
		}
	}
	for ends, list := range b.nets {
		if len(list) > 0 {
			x.nets[ends] = newNetworks(list)
		}
	}
	for i, both := range b.bounds {
		for k, list := range both {
			if len(list) > 0 {
				x.fields[i].bounds[k] = newThresholds(list, x.keys, x.words)
			}
		}
	}
	return x
}

// builder files rules under keys.
type builder struct {
	*index
	filed  map[keyID]int32
	tables map[string]int // fields' tables by name
	nets   [4][]netID
	bounds [][2][]threshold // by field
}

// keyID tells that two tests are the same: one value, or the same list.
type keyID struct {
	field, op, text string
	list            *value
}

func (b *builder) file(t *test, rule int) {
	id := keyID{field: t.field.Name, op: t.op}
	if len(t.vals) == 1 {
		id.text = t.vals[0].text
	} else {
		id.list = &t.vals[0]
	}
	n, ok := b.filed[id]
	if !ok {
		n = int32(len(b.keys))
		b.filed[id] = n
		b.keys = append(b.keys, filed{})
		b.enter(t, n)
	}
	f := &b.keys[n]
	if f.all == nil {
		if f.list = appendOnce(f.list, int32(rule)); len(f.list) <= b.words {
			return
		}
		f.all = make(bitmap, b.words)
		for _, r := range f.list {
			f.all.set(int(r))
		}
		f.list = nil
	}
	f.all.set(rule)
}

// enter puts the values of a test into the field's table.
func (b *builder) enter(t *test, n int32) {
	if t.field.Type == Address {
		for i := range t.vals {
			b.nets[t.field.ends] = append(b.nets[t.field.ends], netID{t.vals[i].net, n})
		}
		return
	}
	at, ok := b.tables[t.field.Name]
	if !ok {
		at = len(b.fields)
		b.tables[t.field.Name] = at
		b.fields = append(b.fields, fieldTable{field: t.field, equals: map[float64][]int32{}})
		b.bounds = append(b.bounds, [2][]threshold{})
	}
	table := &b.fields[at]
	for i := range t.vals {
		v := &t.vals[i]
		if t.field.Type == Count {
			switch t.op[0] {
			case '>':
				b.bounds[at][0] = append(b.bounds[at][0], threshold{t.op, v.num, n})
			case '<':
				b.bounds[at][1] = append(b.bounds[at][1], threshold{t.op, v.num, n})
			default:
				table.equals[v.num] = appendOnce(table.equals[v.num], n)
			}
			continue
		}
		table.texts.add(v, t.op, n) // keyOf has seen to it that it can be
	}
}

// look answers the rules that may be true of a call, in rules, which is empty.
func (x *index) look(s *scene, rules bitmap) bitmap {
	rules = append(rules, x.always...)
	s.ids = s.ids[:0]
	for ends, t := range x.nets {
		if t == nil {
			continue
		}
		for i := range 2 {
			if a := s.end(i); ends&(1<<i) != 0 && a.IsValid() {
				s.ids = t.find(a.Addr(), s.ids)
			}
		}
	}
	for i := range x.fields {
		x.fields[i].look(s)
	}
	for _, k := range s.ids {
		x.keys[k].mark(rules)
	}
	for i := range x.fields {
		if t := &x.fields[i]; t.bounds[0] != nil || t.bounds[1] != nil {
			if v, ok := t.field.count(&s.call); ok {
				for _, b := range t.bounds {
					if b != nil {
						b.mark(v, x.keys, rules)
					}
				}
			}
		}
	}
	return rules
}

func (t *fieldTable) look(s *scene) {
	if t.field.count != nil {
		if v, ok := t.field.count(&s.call); ok {
			s.ids = append(s.ids, t.equals[v]...)
		}
		return
	}
	for i := 0; ; i++ {
		v, more := t.field.text(&s.call, i)
		if !more {
			return
		}
		s.ids = t.texts.find(&s.buf, v, t.field.Type == Number, s.ids)
	}
}

// filed is the rules that are filed under a key: a list if they are few, else a bitmap.
type filed struct {
	list []int32
	all  bitmap
}

func (f *filed) mark(rules bitmap) {
	for _, r := range f.list {
		rules.set(int(r))
	}
	for i, w := range f.all {
		rules[i] |= w
	}
}

// bitmap is a set of rules by their place.
type bitmap []uint64

func (b bitmap) set(i int) { b[i/64] |= 1 << (i % 64) }
