package call

import (
	"strings"

	"voiptop/sensord/internal/decode"
)

// place remembers that an INVITE from and to some numbers went to some address.
type place struct {
	hash      uint64
	time      int64
	group     *group
	whole     bool // the number that is not in the hash is a whole one
	ambiguous bool // a second call did so, too
}

// arrive notes where an INVITE of a call that is not answered goes.
func (t *Table) arrive(c *Call, d *decode.Datagram) {
	if t.legs.places == nil {
		t.legs.places = make([]place, maxPlaces)
	}
	hashes, whole := c.placeHashes(&d.Dst.IP)
	for i, h := range hashes {
		if h == 0 {
			continue
		}
		p := &t.legs.places[h&(maxPlaces-1)]
		switch old := d.Time-p.time > joinTime; {
		case p.hash != h || old:
			*p = place{hash: h, time: d.Time, group: c.group, whole: whole[i]}
		case p.group.root() != c.group.root():
			p.ambiguous, p.time = true, d.Time
		}
	}
}

// joinByNumbers joins c to the only call that went where c comes from a moment ago, if the numbers fit.
func (t *Table) joinByNumbers(c *Call, d *decode.Datagram) {
	if t.legs.places == nil {
		return
	}
	h, whole := c.placeHashes(&d.Src.IP)
	if p := t.legs.find(h[0], d.Time, joinTime); p != nil {
		if !p.ambiguous {
			p.group.join(c.group)
		}
		return
	}
	a, b := t.legs.find(h[1], d.Time, joinTimeHalf), t.legs.find(h[2], d.Time, joinTimeHalf)
	switch {
	case a != nil && b != nil, a == nil && b == nil: // two calls, one with the caller and one with the callee
	case a != nil && !a.ambiguous && a.whole != whole[1]:
		a.group.join(c.group)
	case b != nil && !b.ambiguous && b.whole != whole[2]:
		b.group.join(c.group)
	}
}

func (l *legs) find(hash uint64, now, within int64) *place {
	if p := &l.places[hash&(maxPlaces-1)]; hash != 0 && p.hash == hash && now-p.time <= within {
		return p
	}
	return nil
}

// placeHashes are keys of an address with both numbers, with the caller's alone, and with the callee's alone; 0 where a
// number is too short to stand alone. whole says whether the number that is left out is a whole one.
func (c *Call) placeHashes(ip *[16]byte) (h [3]uint64, whole [3]bool) {
	from, wholeFrom := significant(c.caller)
	to, wholeTo := significant(c.calleeURI)
	whole[1], whole[2] = wholeTo, wholeFrom
	at := noDigest.Bytes(ip[:])
	if from != "" && to != "" {
		h[0] = mixed(at.Bytes([]byte(from)).Bytes([]byte(to)))
	}
	if wholeFrom {
		h[1] = mixed(at.Number(1).Bytes([]byte(from)))
	}
	if wholeTo {
		h[2] = mixed(at.Number(2).Bytes([]byte(to)))
	}
	return h, whole
}

// mixed is a digest that is never 0.
func mixed(h digest) uint64 { return uint64(h) | 1<<63 }

// significant is the part of a user that stays the same when prefixes are added or taken: the last digits of a telephone
// number, everything of another name. whole says that it is a whole number.
func significant(user string) (s string, whole bool) {
	if i := strings.IndexByte(user, ';'); i >= 0 {
		user = user[:i]
	}
	digits := strings.TrimPrefix(user, "+")
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return user, false
		}
	}
	if len(digits) < wholeDigit {
		return user, false
	}
	return digits[len(digits)-wholeDigit:], true
}
