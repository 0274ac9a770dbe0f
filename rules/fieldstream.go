package rules

import "voiptop/protocol"

// The fields that need a call's streams and messages, which lists of calls do not have: see Expr.Detail. They are for filters. One
// with several values, of several streams, matches if one of them does.

func eachStream(get func(s *protocol.Stream) string) func(*Call, int) (string, bool) {
	return func(c *Call, i int) (string, bool) {
		if i >= len(c.Streams) {
			return "", false
		}
		return get(&c.Streams[i]), true
	}
}

func eachFigure(get func(s *protocol.Stream) (float64, bool)) func(*Call, int) (v float64, present, more bool) {
	return func(c *Call, i int) (v float64, present, more bool) {
		if i >= len(c.Streams) {
			return 0, false, false
		}
		v, present = get(&c.Streams[i])
		return v, present, true
	}
}

func always(get func(s *protocol.Stream) float64) func(*Call, int) (v float64, present, more bool) {
	return eachFigure(func(s *protocol.Stream) (float64, bool) { return get(s), true })
}

// measured is a figure that is 0 where it could not be measured.
func measured(get func(s *protocol.Stream) float64) func(*Call, int) (v float64, present, more bool) {
	return eachFigure(func(s *protocol.Stream) (float64, bool) { v := get(s); return v, v != 0 })
}

func reported(get func(r *protocol.RTCP) *float64) func(*Call, int) (v float64, present, more bool) {
	return eachFigure(func(s *protocol.Stream) (float64, bool) {
		if s.RTCP == nil {
			return 0, false
		}
		return present(get(s.RTCP))
	})
}

// mediaEnd is the i-th address of a call's media.
func mediaEnd(c *Call, i int) (string, bool) {
	if i/2 >= len(c.Streams) {
		return "", false
	}
	if s := &c.Streams[i/2]; i%2 == 0 {
		return s.Src, true
	}
	return c.Streams[i/2].Dst, true
}

// digits are what was dialled within a call: by INFO, by events of each stream, by tones of each.
func digits(c *Call, i int) (string, bool) {
	switch {
	case i == 0:
		return c.DTMFInfo, true
	case (i-1)/2 >= len(c.Streams):
		return "", false
	case i%2 == 1:
		return c.Streams[(i-1)/2].DTMF, true
	}
	return c.Streams[(i-1)/2].DTMFInband, true
}

func heardTone(c *Call, i int) (string, bool) {
	for j := range c.Streams {
		tones := c.Streams[j].Tones
		if i < len(tones) {
			return tones[i], true
		}
		i -= len(tones)
	}
	return "", false
}

var streamFields = detailed([]Field{
	{Name: "media-ip", Type: Address, Doc: "where media came from or went to", text: mediaEnd},
	{Name: "media", Type: Text, Doc: "kind of media of a stream: audio, video, image", text: eachStream(func(s *protocol.Stream) string { return s.Media })},
	{Name: "ssrc", Type: Text, Doc: "SSRC of a stream, e.g. 0x1234abcd", text: eachStream(func(s *protocol.Stream) string { return s.SSRC.String() })},
	{Name: "encrypted", Type: Word, Doc: "a stream is SRTP", Words: flagWords, text: eachStream(func(s *protocol.Stream) string {
		if s.Encrypted {
			return "yes"
		}
		return "no"
	})},
	{
		Name: "keying", Type: Word, Doc: "how a stream's keys of SRTP were agreed", Words: []string{string(protocol.KeyedBySDES), string(protocol.KeyedByDTLS), string(protocol.KeyedByZRTP)},
		text: eachStream(func(s *protocol.Stream) string { return string(s.Keying) }),
	},
	{
		Name: "via", Type: Word, Doc: "a stream was seen between a client and its TURN server", Words: []string{protocol.ViaTURN},
		text: eachStream(func(s *protocol.Stream) string { return s.Via }),
	},
	{Name: "relayed", Type: Address, Doc: "where a TURN server relays a stream", text: eachStream(func(s *protocol.Stream) string { return s.Relayed })},
	{Name: "dtmf", Type: Text, Doc: "digits dialled within the call, as events, tones or INFO", text: digits},
	{Name: "tones", Type: Text, Doc: "tones of machines within the voice: cng, ced, ansam, v21", text: heardTone},
	{Name: "streams", Type: Count, Doc: "number of RTP streams", count: func(c *Call) (float64, bool) { return float64(len(c.Streams) + c.StreamsOmitted), true }},
	{Name: "payload-type", Type: Count, Doc: "RTP payload type of a stream", counts: always(func(s *protocol.Stream) float64 { return float64(s.PayloadType) })},
	{Name: "ptime", Type: Count, Doc: "packet time of a stream, ms", counts: measured(func(s *protocol.Stream) float64 { return s.PtimeMS })},
	{Name: "dscp", Type: Count, Doc: "DSCP of a stream, 46 is EF", counts: always(func(s *protocol.Stream) float64 { return float64(s.DSCP) })},
	{Name: "packets", Type: Count, Doc: "RTP packets of a stream", counts: always(func(s *protocol.Stream) float64 { return float64(s.Packets) })},
	{Name: "lost", Type: Count, Doc: "RTP packets that a stream lost", counts: always(func(s *protocol.Stream) float64 { return float64(s.Lost) })},
	{Name: "duplicates", Type: Count, Doc: "RTP packets of a stream that came twice", counts: always(func(s *protocol.Stream) float64 { return float64(s.Duplicates) })},
	{Name: "reordered", Type: Count, Doc: "RTP packets of a stream that were overtaken", counts: always(func(s *protocol.Stream) float64 { return float64(s.Reordered) })},
	{Name: "jitter-max", Type: Count, Doc: "greatest jitter of a stream, ms", counts: always(func(s *protocol.Stream) float64 { return s.JitterMaxMS })},
	{Name: "gap", Type: Count, Doc: "longest time between two packets of a stream, ms", counts: always(func(s *protocol.Stream) float64 { return s.DeltaMaxMS })},
	{Name: "skew", Type: Count, Doc: "drift of a stream's clock, ms", counts: always(func(s *protocol.Stream) float64 { return s.SkewMS })},
	{
		Name: "mos-basis", Type: Word, Doc: "where the figures of a stream's codec come from",
		Words: []string{string(protocol.MOSFromITU), string(protocol.MOSProvisional), string(protocol.MOSAssumed)},
		text:  eachStream(func(s *protocol.Stream) string { return string(s.MOSBasis) }),
	},
	{Name: "mos-min", Type: Count, Doc: "MOS of a stream's worst ten seconds", counts: measured(func(s *protocol.Stream) float64 { return s.MOSAdapt.Min })},
	{Name: "mos-50", Type: Count, Doc: "MOS of a stream with a jitter buffer of 50 ms", counts: measured(func(s *protocol.Stream) float64 { return s.MOSF1.Avg })},
	{Name: "mos-200", Type: Count, Doc: "MOS of a stream with a jitter buffer of 200 ms", counts: measured(func(s *protocol.Stream) float64 { return s.MOSF2.Avg })},
	{Name: "rtt", Type: Count, Doc: "round trip of a stream by RTCP, ms", counts: reported(func(r *protocol.RTCP) *float64 { return r.RTTMS })},
	{Name: "rtcp-loss", Type: Count, Doc: "greatest loss that the far end reported of a stream, per cent", counts: reported(func(r *protocol.RTCP) *float64 { return r.LossMaxPct })},
	{Name: "rtcp-jitter", Type: Count, Doc: "greatest jitter that the far end reported of a stream, ms", counts: reported(func(r *protocol.RTCP) *float64 { return r.JitterMaxMS })},
	{Name: "messages", Type: Count, Doc: "number of SIP messages", count: func(c *Call) (float64, bool) { return float64(len(c.Messages) + c.MessagesOmitted), true }},
	{Name: "message", Type: Text, Doc: "first line of a SIP message, e.g. message:REFER* or message:\"SIP/2.0 486*\"", text: func(c *Call, i int) (string, bool) {
		if i >= len(c.Messages) {
			return "", false
		}
		return c.Messages[i].FirstLine, true
	}},
})

func detailed(list []Field) []Field {
	for i := range list {
		list[i].known, list[i].detail = forFilter, true
	}
	return list
}

// Detail reports whether the condition asks for streams or messages. Lists of calls do not have them, nor do running calls' rows:
// a store reads them to answer such a condition.
func (e Expr) Detail() bool {
	return e.root.asks(func(n *node) bool { return n.op == opTest && n.test.field.detail })
}
