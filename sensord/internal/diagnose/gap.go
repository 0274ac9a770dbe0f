package diagnose

import (
	"fmt"
	"strings"

	"voiptop/protocol"
)

// mediaGap finds where the sound of a party stopped for a second or longer in the middle of the call, though nothing was agreed on that stops it.
func mediaGap(x *exam) {
	c, f := x.c, x.f
	if !x.measured() {
		return
	}
	switch {
	case c.Answer == 0:
		if f.Joined {
			x.skip(reasonJoined)
		}
		return
	case f.Joined: // what was agreed before may still hold
		x.skip(reasonJoined)
		return
	case f.Held:
		x.skip(reasonHold)
		return
	case f.T38:
		x.skip(reasonFax)
		return
	case f.SharedMedia:
		x.skip(reasonShared)
		return
	}
	stream, at, n, silent, rough := -1, Pause{}, 0, false, false
	for i := range c.Streams {
		s := &c.Streams[i]
		if !audio(s) || s.Packets < minOneWay {
			continue
		}
		for _, p := range f.Streams[i].Gaps {
			switch {
			case p.Anew || !x.running(p) || x.elsewhere(i, p):
			case x.silence(i, p):
				silent = true
			case coarse(s):
				rough = true
			default:
				if n++; stream < 0 || p.To-p.From > at.To-at.From {
					stream, at = i, p
				}
			}
		}
	}
	if stream < 0 {
		switch {
		case silent:
			x.skip(reasonPauses)
		case rough:
			x.skip(reasonCoarse)
		}
		return
	}
	s := &c.Streams[stream]
	text, how, remedy := "Sound stopped in the middle of the call: its sender paused, or all of it was held up on the way.", "no packet is missing",
		"Look at the sender: a machine that is overloaded or was suspended, a microphone that is muted by sending nothing, a PBX that changes its source; then at queues on the way."
	switch {
	case at.Lost > 0:
		text, how = "Sound stopped in the middle of the call: the packets in between were lost.", fmt.Sprintf("%d packets are missing by their sequence numbers", at.Lost)
		remedy = "Look for an outage on this direction's path: a link or Wi-Fi that changed over, a route or VPN that came anew, a relay or firewall that was reloaded."
	case at.ClockRan:
		text, how = "Sound stopped in the middle of the call: its sender sent nothing.", "no packet is missing, and the sender's clock went on"
	}
	more := ""
	if n > 1 {
		more = fmt.Sprintf("; %d such gaps in all", n)
	}
	x.report(protocol.SeverityWarn, text, fmt.Sprintf("%s to %s (from the %s): nothing from %s to %s (%s), %s; %s%s", s.Src, s.Dst, strings.TrimPrefix(string(s.Direction), "from-"),
		at.From, at.To, seconds(millis(at.To-at.From)), how, x.meanwhile(stream, at), more), remedy).streams(stream)
}

// running reports whether a pause is within the talk, and nothing was agreed on about that time: a hold, a transfer, another endpoint.
func (x *exam) running(p Pause) bool {
	c := x.c
	if p.From < c.Answer+gapAfter || c.End != 0 && p.To > c.End || c.MessagesOmitted > 0 {
		return false
	}
	for i := range c.Messages {
		m := &c.Messages[i]
		if m.T < p.From-gapNear || m.T > p.To+gapNear {
			continue
		}
		switch _, method, _ := strings.Cut(m.CSeq, " "); method {
		case "INVITE", "UPDATE", "REFER", "BYE":
			return false
		}
	}
	return true
}

// elsewhere reports whether the sound of the same party came by another stream meanwhile: another source, as an announcement.
func (x *exam) elsewhere(stream int, p Pause) bool {
	c := x.c
	for i := range c.Streams {
		s := &c.Streams[i]
		if i != stream && audio(s) && s.Direction == c.Streams[stream].Direction && s.SSRC != c.Streams[stream].SSRC && s.First < p.To && s.Last > p.From {
			return true
		}
	}
	return false
}

// silence reports whether a pause is one that the sender makes when it has nothing to say.
func (x *exam) silence(stream int, p Pause) bool {
	t := &x.f.Streams[stream]
	if p.Lost > 0 {
		return t.Suppresses && p.Lost < fewLost
	}
	return t.Suppresses || p.Marked || p.ClockRan && ownSilence(x.c.Streams[stream].Codec)
}

// ownSilence reports whether a codec has a silence suppression of its own, with no payload type for it.
func ownSilence(codec string) bool {
	codec = strings.ToUpper(codec)
	for _, name := range [...]string{"G729", "G723", "AMR", "EVS", "EVRC", "OPUS", "SPEEX", "SILK", "GSM-EFR", "GSM-HR"} {
		if strings.HasPrefix(codec, name) {
			return true
		}
	}
	return false
}

// meanwhile says what became of the other direction in a pause.
func (x *exam) meanwhile(stream int, p Pause) string {
	c := x.c
	seen := false
	for i := range c.Streams {
		s := &c.Streams[i]
		if !audio(s) || s.Direction == c.Streams[stream].Direction || s.First > p.From || s.Last < p.To {
			continue
		}
		seen = true
		stopped := false
		for _, q := range x.f.Streams[i].Gaps {
			stopped = stopped || min(p.To, q.To)-max(p.From, q.From) >= (p.To-p.From)/2
		}
		if !stopped {
			return "the other direction went on"
		}
	}
	if !seen {
		return "the other direction was not seen then"
	}
	return "the other direction stopped as well: an outage of both, or of the capture"
}
