package sip

import "voiptop/sensord/internal/lines"

// readParts finds what messages of a call are told apart by: the branch of the first Via, and the tags.
func (m *Message) readParts() {
	if m.present&(1<<Via) != 0 {
		place, ok := m.usualBranch(m.fields[Via])
		if !ok {
			via, _ := firstValue(m.Get(Via))
			place = m.place(m.fields[Via], Param(via, "branch"))
		}
		m.places[0] = place
	}
	for i, n := range [...]Name{From, To} {
		if m.present&(1<<n) == 0 {
			continue
		}
		place, ok := m.usualTag(m.fields[n])
		if !ok {
			place = m.place(m.fields[n], ParseAddress(m.Get(n)).Tag())
		}
		m.places[i+1] = place
	}
	m.branch, m.from, m.to = NoDigest.Bytes(m.Branch()), NoDigest.Bytes(m.FromTag()), NoDigest.Bytes(m.ToTag())
	m.tagged = len(m.ToTag()) > 0
}

// place answers where b is, which is a part of the value of a field.
func (m *Message) place(field span, b []byte) span {
	if b == nil {
		return span{}
	}
	at := field.end - uint32(cap(b))
	return span{at, at + uint32(len(b))}
}

// usualBranch finds the branch in the value of a Via as most write it: one value, its first parameter the branch, without quotes.
// ok is false for any other.
func (m *Message) usualBranch(v span) (branch span, ok bool) {
	const name = ";branch="
	var signs lines.Signs
	b := m.text(v)
	n := signs.Find(m.raw[v.at:], len(b))
	if n < 1 {
		return span{}, false
	}
	at := int(signs[0]) + len(name)
	if at > len(b) || string(b[at-len(name):at]) != name || !semicolons(b, signs[1:n]) {
		return span{}, false
	}
	return m.trimmed(int(v.at)+at, int(v.at)+int(signs[1])), true
}

// usualTag finds the tag in the value of a From or To as most write it: an address in brackets, perhaps a name in quotes before it, and
// no other parameter before the tag. ok is false for any other.
func (m *Message) usualTag(v span) (tag span, ok bool) {
	const name = ";tag="
	var signs lines.Signs
	b := m.text(v)
	n := signs.Find(m.raw[v.at:], len(b))
	i := 0
	if n > 0 && signs[0] == 0 && b[0] == '"' {
		for i = 1; i < n && b[signs[i]] != '"'; i++ {
			if b[signs[i]] == '\\' {
				return span{}, false
			}
		}
		i++
	}
	if i >= n || b[signs[i]] != '<' {
		return span{}, false
	}
	for i++; i < n && b[signs[i]] == ';'; i++ {
	}
	if i >= n || b[signs[i]] != '>' {
		return span{}, false
	}
	at := int(signs[i]) + 1
	if at == len(b) {
		return span{}, true
	}
	at += len(name)
	if at > len(b) || string(b[at-len(name):at]) != name || !semicolons(b, signs[i+2:n]) {
		return span{}, false
	}
	return m.trimmed(int(v.at)+at, int(v.at)+int(signs[i+2])), true
}

// semicolons reports whether all signs of b are such.
func semicolons(b []byte, signs []uint16) bool {
	for _, at := range signs {
		if b[at] != ';' {
			return false
		}
	}
	return true
}

// trimmed are the bytes from at to end without blanks around them.
func (m *Message) trimmed(at, end int) span {
	b := m.raw[:end]
	for at < len(b) && b[at] <= ' ' && blank(b[at]) {
		at++
	}
	for len(b) > at && b[len(b)-1] <= ' ' && blank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return span{uint32(at), uint32(len(b))}
}
