package call

import (
	"voiptop/protocol"
	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/decode"
)

// fragmentHeaders is what is kept as headers of a frame of which the place of the payload is not known: Ethernet and IPv4.
const fragmentHeaders = 34

// keep gives the frames of a datagram to the sink if a rule keeps the call's packets. A frame that holds several messages is
// given once.
func (c *Call) keep(d *decode.Datagram, headers int) {
	if c.kept == nil || c.kept.Keep == protocol.KeepNone || d.Frame == c.keptFrame {
		return
	}
	last := c.keptFrame
	c.keptFrame = d.Frame
	for i := range d.Earlier {
		if i == 0 && d.EarlierFrame != 0 && d.EarlierFrame == last {
			continue // it held the end of the message before, too
		}
		c.give(d, &d.Earlier[i], len(d.Earlier[i].Data))
	}
	c.give(d, d.Packet, min(headers, len(d.Packet.Data)))
}

func (c *Call) give(d *decode.Datagram, p *capture.Packet, headers int) {
	if c.masked && headers >= len(p.Data) {
		p = c.table.mask.maskMessages(d, p)
		headers = len(p.Data)
	}
	c.table.sink.Keep(c.kept, p, headers)
}

// keep gives an RTP packet to all calls that have the stream.
func (s *stream) keep(d *decode.Datagram, payload int) {
	s.call.keepRTP(s, d, payload)
	for _, c := range s.sharers {
		c.keepRTP(s, d, payload)
	}
}

func (c *Call) keepRTP(s *stream, d *decode.Datagram, payload int) {
	if c.masked && c.kept != nil {
		c.keepMasked(s, d, payload)
		return
	}
	c.keepMedia(d, payload)
}

// keepMedia is keep for RTP, RTCP and what comes with it; payload is where in the datagram the voice begins.
func (c *Call) keepMedia(d *decode.Datagram, payload int) {
	if c.kept == nil || c.kept.Keep == protocol.KeepSIP || c.kept.Keep == protocol.KeepNone {
		return
	}
	if d.HeaderLen == 0 {
		c.keep(d, fragmentHeaders)
		return
	}
	c.keep(d, d.HeaderLen+payload)
}
