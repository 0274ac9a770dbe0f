package rules

import (
	"net/netip"
	"time"
	_ "time/tzdata" // a sensor's machine may have no zone files
)

// env is what the conditions of a file share.
type env struct {
	zone   *time.Location
	groups map[string]*group
	lists  map[listID]*list
	values int       // of all conditions
	local  *networks // the group local, which direction goes by
}

// localGroup is the name of the group that direction goes by.
const localGroup = "local"

// private is the group local where none is written: RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 and loopback.
var private = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("::1/128"),
}

var privateNets = netsOf(private)

func netsOf(list []netip.Prefix) *networks {
	ids := make([]netID, len(list))
	for i, p := range list {
		ids[i] = netID{p, int32(i)}
	}
	return newNetworks(ids)
}

func newEnv() *env {
	return &env{zone: time.UTC, groups: map[string]*group{}, lists: map[listID]*list{}, local: privateNets}
}

// own is an env with the same groups and zone, for a condition that others do not share.
func (e *env) own() *env {
	c := *e
	c.lists, c.values = map[listID]*list{}, 0
	return &c
}

// list is a group's values as a field and an operator have them. Tests share it.
type list struct {
	vals  []value
	table *table
}

type listID struct{ group, field, op string }

// direction says from where to where a call goes; "" when an end's address is not known.
func (e *env) direction(s *scene) string {
	from, to := s.end(0), s.end(1)
	if !from.IsValid() || !to.IsValid() {
		return ""
	}
	switch a, b := e.local.holds(from.Addr()), e.local.holds(to.Addr()); {
	case a && b:
		return "internal"
	case a:
		return "out"
	case b:
		return "in"
	}
	return "transit"
}
