package diagnose

import (
	"fmt"
	"net/netip"

	"voiptop/protocol"
)

var partyNames = [2]string{"caller", "callee"}

// talk is for how long, in ms, media should have flowed both ways; 0 when that cannot be said.
func talk(c *protocol.CDR, f *Facts) int64 {
	if c.ConnectMS == nil || f.Joined || f.Held || f.T38 || f.SharedMedia {
		return 0
	}
	for _, s := range f.Sides {
		if !s.Described || s.Refused {
			return 0
		}
	}
	return *c.ConnectMS
}

func audio(s *protocol.Stream) bool { return s.Media == "audio" || s.Media == "" }

// silent tells who sent no sound while the other did; -1 if neither or both did.
func silent(f *Facts) int {
	switch {
	case f.Sides[0].Sent && !f.Sides[1].Sent:
		return 1
	case f.Sides[1].Sent && !f.Sides[0].Sent:
		return 0
	}
	return -1
}

func oneWayAudio(c *protocol.CDR, f *Facts) *protocol.Finding {
	who, ms := silent(f), talk(c, f)
	if who < 0 || ms < minTalk || f.Astray {
		return nil
	}
	packets := uint64(0)
	for i := range c.Streams {
		if s := &c.Streams[i]; audio(s) && s.Last > c.Answer {
			packets += s.Packets
		}
	}
	if packets < minOneWay {
		return nil
	}
	x := &protocol.Finding{Code: "one-way-audio", Severity: protocol.SeverityWarn,
		Text: fmt.Sprintf("Only the %s was heard: no RTP came from the %s.", partyNames[1-who], partyNames[who]),
		Evidence: fmt.Sprintf("%d packets from the %s, 0 from the %s (announced %s) in %s of talk", packets, partyNames[1-who], partyNames[who],
			endpoint(&f.Sides[who]), seconds(ms)),
		Remedy: "Check firewall and NAT between the two media addresses, and that the SDP of the silent side names an address that can be reached.",
	}
	if ms >= sureTalk {
		x.Severity = protocol.SeverityBad
	}
	return x
}

// noAudio is grave only when the sensor demonstrably sees where media goes: many sensors see signalling alone.
func noAudio(c *protocol.CDR, f *Facts) *protocol.Finding {
	ms := talk(c, f)
	if ms < minTalk || f.Sides[0].Sent || f.Sides[1].Sent || len(c.Streams) > 0 {
		return nil
	}
	x := &protocol.Finding{Code: "no-audio", Severity: protocol.SeverityInfo,
		Text:     "The call was answered, and no RTP was seen.",
		Evidence: fmt.Sprintf("announced %s and %s, 0 packets in %s", endpoint(&f.Sides[0]), endpoint(&f.Sides[1]), seconds(ms)),
		Remedy:   "If this sensor sees the media of other calls: check firewall and NAT between the two addresses. Else mirror the media to it.",
	}
	if f.Feedback && ms >= sureTalk {
		x.Severity = protocol.SeverityBad
		x.Text = "The call was answered, RTCP or ICE was exchanged, and no RTP was seen."
	}
	return x
}

// natPrivateSDP wants an audible fault beside the private address: with audio both ways something on the path put it right.
func natPrivateSDP(c *protocol.CDR, f *Facts) *protocol.Finding {
	ms := talk(c, f)
	if ms < minTalk || f.Astray || f.Sides[0].Sent && f.Sides[1].Sent {
		return nil
	}
	for i := range f.Sides {
		s := &f.Sides[i]
		if !private(s.Addr) || !public(s.Signalling) {
			continue
		}
		x := &protocol.Finding{Code: "nat-private-sdp", Severity: protocol.SeverityWarn,
			Text:     fmt.Sprintf("The SDP of the %s names a private address, but its signalling comes from a public one.", partyNames[i]),
			Evidence: fmt.Sprintf("SDP %s, signalling from %s", endpoint(s), s.Signalling),
			Remedy:   "Set the external address in the phone or PBX, use STUN, or let a media relay (rtpengine, SBC) rewrite the SDP.",
		}
		if silent(f) >= 0 && ms >= sureTalk {
			x.Severity = protocol.SeverityBad
		}
		return x
	}
	return nil
}

func lossBurst(c *protocol.CDR, _ *Facts) *protocol.Finding {
	var worst *protocol.Stream
	for i := range c.Streams {
		s := &c.Streams[i]
		if audio(s) && s.LossPct >= burstLoss && s.Packets >= minOneWay && runs(s) > 0 && (worst == nil || s.LossPct > worst.LossPct) {
			worst = s
		}
	}
	if worst == nil {
		return nil
	}
	x := &protocol.Finding{Code: "loss-burst", Severity: protocol.SeverityWarn,
		Text: "RTP packets were lost in bursts, which is heard as gaps.",
		Evidence: fmt.Sprintf("%s to %s: %d of %d packets lost (%.1f %%), %d bursts of 5 or more", worst.Src, worst.Dst, worst.Lost, worst.Expected,
			worst.LossPct, runs(worst)),
		Remedy: "Look for a congested or flapping link on this direction's path; mark RTP with DSCP EF and give it priority.",
	}
	switch {
	case worst.LossPct > capturedPct:
		x.Text = "Most RTP packets are missing: lost on the way, or not seen by the capture."
	case worst.LossPct >= heavyLoss && worst.MOSAdapt.Avg > 0 && worst.MOSAdapt.Avg < poorMOS:
		x.Severity = protocol.SeverityBad
	}
	return x
}

// runs counts the bursts of at least 5 packets: 100 ms, more than concealment hides.
func runs(s *protocol.Stream) (n uint32) {
	for _, v := range s.Bursts[4:] {
		n += v
	}
	return n
}

func jitterHigh(c *protocol.CDR, _ *Facts) *protocol.Finding {
	var worst *protocol.Stream
	for i := range c.Streams {
		s := &c.Streams[i]
		late := 100 * float64(s.PDV[0]) / float64(max(1, s.Packets))
		if audio(s) && s.Packets >= minOneWay && s.JitterMeanMS >= jitterMS && late >= latePct && (worst == nil || s.JitterMeanMS > worst.JitterMeanMS) {
			worst = s
		}
	}
	if worst == nil {
		return nil
	}
	x := &protocol.Finding{Code: "jitter-high", Severity: protocol.SeverityWarn,
		Text: "RTP packets arrived very unevenly.",
		Evidence: fmt.Sprintf("%s to %s: jitter %.1f ms mean, %.1f ms maximum; %d of %d packets later than 50 ms", worst.Src, worst.Dst, worst.JitterMeanMS,
			worst.JitterMaxMS, worst.PDV[0], worst.Packets),
		Remedy: "Look for queues without priority for RTP (DSCP EF), Wi-Fi, or an overloaded sender on this direction's path.",
	}
	if worst.MOSAdapt.Avg > 0 && worst.MOSAdapt.Avg < poorMOS && worst.LossPct < burstLoss {
		x.Severity = protocol.SeverityBad
	}
	return x
}

func codecMismatch(c *protocol.CDR, f *Facts) *protocol.Finding {
	for _, i := range f.Unannounced {
		s := &c.Streams[i]
		if s.Packets < minOneWay || !audio(s) {
			continue
		}
		return &protocol.Finding{Code: "codec-mismatch", Severity: protocol.SeverityWarn,
			Text:     "RTP came with a payload type that its receiver did not announce.",
			Evidence: fmt.Sprintf("%s to %s: payload type %d in %d packets", s.Src, s.Dst, s.PayloadType, s.Packets),
			Remedy:   "Compare the codec lists of both sides and of the PBX between them; the receiver will not play what it did not announce.",
		}
	}
	return nil
}

func endpoint(s *Side) netip.AddrPort { return netip.AddrPortFrom(s.Addr, s.Port) }

func seconds(ms int64) string { return fmt.Sprintf("%.1f s", float64(ms)/1000) }

// carrierNAT is RFC 6598's shared address space.
var carrierNAT = netip.MustParsePrefix("100.64.0.0/10")

func private(a netip.Addr) bool {
	return a.IsPrivate() || a.IsValid() && carrierNAT.Contains(a)
}

func public(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !private(a)
}
