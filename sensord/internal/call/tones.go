package call

import (
	"voiptop/sensord/internal/rtp"
	"voiptop/sensord/internal/tone"
)

// Tones within the voice: of faxes in every call of which the codec is G.711, digits where Config.InbandDTMF asks for them.

// Payload types of G.711 (RFC 3551 table 4).
const (
	pcmu = 0
	pcma = 8
)

// hear says what a packet is filled with; of most packets it is not asked.
func hear(payloadType uint8, seq uint16, payload []byte) tone.Sound {
	if payloadType != pcma && payloadType != pcmu || seq%tone.Every != 0 {
		return tone.None
	}
	return tone.Hear(payload, payloadType == pcma)
}

// digitsWithin reports whether packets of a payload type are looked into for digits.
func (t *Table) digitsWithin(payloadType uint8) bool {
	return t.cfg.InbandDTMF && (payloadType == pcmu || payloadType == pcma)
}

// heard takes a sound that the newest packet of s is filled with.
func (s *stream) heard(now int64, sound tone.Sound) {
	if s.encrypted() || s.call.table.cfg.NoFaxTones {
		return
	}
	p := &s.call.table.shards
	if !p.media {
		s.account.heard(now, sound)
		return
	}
	p.put(s.shard, Work{stream: s, time: now, payloadType: uint8(sound), what: workHeard})
}

// listen looks for digits in a packet of s.
func (s *stream) listen(h *rtp.Header, payload []byte) {
	if s.encrypted() {
		return
	}
	x := s.more()
	if x.inband == nil {
		x.inband = &tone.DTMF{}
	}
	x.inband.Packet(h.Timestamp, payload, h.PayloadType == pcma)
}

// heard takes a sound that the newest packet is filled with.
func (a *account) heard(now int64, sound tone.Sound) {
	if !a.fresh {
		return
	}
	s := a.seldomly()
	s.faxed = true
	s.fax.Packet(now, sound)
}

// fax is what was heard of machines; nil: nothing.
func (a *account) fax() *tone.Fax {
	if a.rare == nil || a.rare.seldom == nil || !a.rare.seldom.faxed {
		return nil
	}
	return &a.rare.seldom.fax
}

// faxHeard is what machines were heard in s. One burst of the calling tone is enough if another stream of the call answers.
func (s *stream) faxHeard(heard []*stream) (h tone.Heard) {
	f := s.fax()
	if f == nil {
		return h
	}
	h = f.Heard()
	if h.Calling == 0 && h.Once != 0 {
		for _, o := range heard {
			if f := o.fax(); o != s && f != nil {
				h.Calling = max(h.Calling, f.Heard().Answering)
			}
		}
	}
	return h
}

// tones names what machines were heard in s.
func (s *stream) tones(heard []*stream) (names []string) {
	h := s.faxHeard(heard)
	if h.Calling != 0 {
		names = append(names, "cng")
	}
	switch {
	case h.Answering == 0:
	case h.V8:
		names = append(names, "ansam")
	default:
		names = append(names, "ced")
	}
	if h.Talking != 0 {
		names = append(names, "v21")
	}
	return names
}
