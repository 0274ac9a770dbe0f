package rules

import (
	"net/netip"
	"slices"
)

// networks finds numbers by the networks that hold an address: a sorted table, in which each network knows the smallest
// one around it, so that from the last that begins at or below the address one climbs through all that hold it.
type networks struct {
	nets   []netip.Prefix
	around []int32 // index of the network around it, -1: none
	ids    [][]int32
}

type netID struct {
	net netip.Prefix
	id  int32
}

func newNetworks(list []netID) *networks {
	slices.SortStableFunc(list, func(a, b netID) int {
		if c := a.net.Addr().Compare(b.net.Addr()); c != 0 {
			return c
		}
		return a.net.Bits() - b.net.Bits()
	})
	t := &networks{}
	for _, e := range list {
		n := len(t.nets)
		if n > 0 && t.nets[n-1] == e.net {
			t.ids[n-1] = appendOnce(t.ids[n-1], e.id)
			continue
		}
		around := int32(n - 1)
		for around >= 0 && !t.nets[around].Overlaps(e.net) {
			around = t.around[around]
		}
		t.nets = append(t.nets, e.net)
		t.around = append(t.around, around)
		t.ids = append(t.ids, []int32{e.id})
	}
	return t
}

// last is the index of the smallest network that holds a, -1 if none does.
func (t *networks) last(a netip.Addr) int32 {
	lo, hi := 0, len(t.nets)
	for lo < hi {
		if m := int(uint(lo+hi) >> 1); t.nets[m].Addr().Compare(a) <= 0 {
			lo = m + 1
		} else {
			hi = m
		}
	}
	i := int32(lo - 1)
	for i >= 0 && !t.nets[i].Contains(a) {
		i = t.around[i]
	}
	return i
}

func (t *networks) holds(a netip.Addr) bool { return t.last(a) >= 0 }

// find appends the ids of every network that holds a.
func (t *networks) find(a netip.Addr, ids []int32) []int32 {
	for i := t.last(a); i >= 0; i = t.around[i] {
		ids = append(ids, t.ids[i]...)
	}
	return ids
}
