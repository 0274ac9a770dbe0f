package bpf

// vlan tests for a tag, and its number. What follows is looked for behind it.
func (l *lowering) vlan(k keyword) (*node, error) {
	if l.form != byEtherType || l.labels > 0 {
		return nil, l.wrong(k.t, "vlan on an Ethernet frame, before mpls and pppoes")
	}
	l.vlans++
	if l.vlans == 1 && l.o.Link.live() {
		l.tagged = true
		if l.beside {
			if !k.has {
				return always(true), nil
			}
			return masked(at(2, ancillary+ancTag), 0x0fff, k.num), nil
		}
	}
	n := oneOf(at(2, l.typ), 0x8100, 0x88a8, 0x9100)
	if k.has {
		n = allOf(n, masked(at(2, l.net), 0x0fff, k.num))
	}
	l.typ, l.net = l.net+2, l.net+4
	return n, nil
}

// mpls tests for a label, and its value. What follows is looked for behind it.
func (l *lowering) mpls(k keyword) (*node, error) {
	var n *node
	switch {
	case l.labels > 0:
		n = masked(at(1, l.net-2), 1, 0) // not the last one
	case l.form == byVersion:
		return nil, l.wrong(k.t, "no mpls on a link without a link layer")
	default:
		var err error
		if n, err = l.payload(k.t, typeMPLS); err != nil {
			return nil, err
		}
	}
	if k.has {
		n = allOf(n, masked(at(4, l.net), 0xfffff000, k.num<<12))
	}
	l.labels++
	l.net += 4
	return n, nil
}

// pppoes tests for a PPPoE session, and its number. What follows is looked for in it.
func (l *lowering) pppoes(k keyword) (*node, error) {
	n, err := l.payload(k.t, typePPPoES)
	if err != nil {
		return nil, err
	}
	if k.has {
		n = allOf(n, masked(at(4, l.net), 0x0000ffff, k.num))
	}
	l.form, l.typ, l.net = byPPP, l.net+6, l.net+8
	l.link = l.typ
	return n, nil
}
