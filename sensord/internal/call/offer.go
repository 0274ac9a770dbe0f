package call

import (
	"net/netip"

	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sdp"
	"voiptop/sensord/internal/sip"
)

// side is what a party said of its audio.
type side struct {
	described bool
	refused   bool            // port 0 in its newest answer
	addr      netip.Addr      // where it wants media, first said
	port      uint16          //
	from      decode.Endpoint // who sent that SDP
	direction sdp.Direction
	pending   sdp.Direction // offered, not yet answered
	offered   bool          // pending is set
	ptime     uint16

	description description
}

// held reports whether media is stopped by agreement.
func (c *Call) held() bool {
	for i := range c.media {
		if d := c.media[i].direction; d == sdp.SendOnly || d == sdp.Inactive {
			return true
		}
	}
	return false
}

// limited reports whether a party does not send, or is not sent to, by agreement: on hold, or where one only listens from the beginning.
func (c *Call) limited() bool {
	return c.media[caller].direction != sdp.SendRecv || c.media[callee].direction != sdp.SendRecv
}

// commitOffer ends the offer of a party: its direction holds from now on if it was accepted. The other party's is not
// touched: where both made one at a time both are refused (491, RFC 3261 section 14.1), each by its own response.
func (c *Call) commitOffer(who int, accepted bool) {
	s := &c.media[who]
	if s.offered && accepted {
		s.direction = s.pending
	}
	s.offered = false
	c.wasLimited = c.wasLimited || c.limited()
}

// SDP is the session description of a message. Read needs no Table, so that it may be done ahead by any goroutine.
type SDP struct {
	there   bool // the message has something that should be one
	ok      bool // and is
	session sdp.Session
}

// Read reads the description in m.
func (s *SDP) Read(m *sip.Message) {
	body := m.SDP()
	if s.there, s.ok = body != nil, false; !s.there {
		return
	}
	s.ok = s.session.Parse(body)
}

// describe takes the session description of a message that who sent.
func (c *Call) describe(d *decode.Datagram, m *sip.Message, who int) {
	t := c.table
	read := t.ahead
	if read == nil {
		read = &t.sdp
		read.Read(m)
	}
	if !read.there {
		return
	}
	if !read.ok {
		t.count.badSDP++
		return
	}
	s := &read.session
	// A PRACK answers what the 18x offered; when the INVITE had the offer and the 18x the answer it makes another (RFC 3262
	// section 5).
	answer := !m.Request() || m.Method() == sip.Ack || m.Method() == sip.Prack && !c.media[who].described
	names := t.scratch[:0]
	for i := range s.Media {
		media := &s.Media[i]
		if i > 0 && len(names) > 0 {
			names = append(names, ' ')
		}
		names = appendCodecs(names, media)
		if media.T38 && media.Port != 0 {
			c.t38 = true
		}
		if media.Kind == sdp.Audio && i == c.firstAudio(s) {
			c.side(d, media, who, m, answer)
			c.describeSide(m, s, media, who)
		}
		if media.Port != 0 {
			c.bindMedia(media, who, d.Src)
		}
	}
	c.gatherSDP(d, m, s, who, answer)
	t.scratch = names
	if n := len(c.messages); n > 0 && c.messages[n-1].t == d.Time {
		c.messages[n-1].sdp = t.named(names)
	}
	if answer {
		c.negotiate(s)
	}
	c.expectMedia(d.Time)
}

func (c *Call) firstAudio(s *sdp.Session) int {
	for i := range s.Media {
		if s.Media[i].Kind == sdp.Audio {
			return i
		}
	}
	return -1
}

// side notes what a party says of its audio.
func (c *Call) side(d *decode.Datagram, media *sdp.Media, who int, m *sip.Message, answer bool) {
	s := &c.media[who]
	dir := media.Direction
	if media.Held() {
		dir = sdp.Inactive
	}
	if answer {
		s.direction, s.offered = dir, false
		s.refused = media.Port == 0
		c.wasLimited = c.wasLimited || c.answer != 0 && c.limited()
	} else if m.Method() == sip.Invite || m.Method() == sip.Update || m.Method() == sip.Prack {
		s.pending, s.offered = dir, true
	}
	s.ptime = max(s.ptime, media.Ptime)
	if media.Port != 0 && !s.described && !media.Held() {
		s.described, s.addr, s.port, s.from = true, media.Addr, media.Port, d.Src
		if len(media.Candidates) > 0 && !(s.addr.IsValid() && !s.addr.IsUnspecified()) {
			s.addr, s.port = media.Candidates[0].Addr(), media.Candidates[0].Port()
		}
	}
}

// negotiate keeps the codecs that an answer chose: the first of each media that carries speech or pictures.
func (c *Call) negotiate(s *sdp.Session) {
	c.chosen = c.chosen[:0]
	for i := range s.Media {
		media := &s.Media[i]
		if media.Port == 0 {
			continue
		}
		if media.T38 {
			c.chosen = append(c.chosen, c.table.codec(&sdp.Format{Name: t38Name}, sdp.Image))
			continue
		}
		for f := range media.Formats {
			if k := c.table.codec(&media.Formats[f], media.Kind); k.name != "" && !k.aside {
				c.chosen = append(c.chosen, k)
				break
			}
		}
	}
}

var t38Name = []byte("T38")

func appendCodecs(dst []byte, m *sdp.Media) []byte {
	if m.T38 {
		return append(dst, t38Name...)
	}
	for i, f := range m.Formats {
		if i > 0 {
			dst = append(dst, ' ')
		}
		if f.Name == nil {
			dst = append(dst, '?')
		}
		dst = append(dst, f.Name...)
	}
	return dst
}
