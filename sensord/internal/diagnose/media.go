package diagnose

import (
	"fmt"
	"math"
	"slices"

	"voiptop/protocol"
)

// worst finds the stream of audio with the greatest figure among those that by accepts; nil when there is none.
func worst(c *protocol.CDR, by func(*protocol.Stream) (float64, bool)) (w *protocol.Stream, at int) {
	most := 0.0
	for i := range c.Streams {
		s := &c.Streams[i]
		if !audio(s) || s.Packets < minOneWay {
			continue
		}
		if v, ok := by(s); ok && (w == nil || v > most) {
			w, most, at = s, v, i
		}
	}
	return w, at
}

// measured says whether media of an answered call was seen, and skips the check when it should have been.
func (x *exam) measured() bool {
	c, f := x.c, x.f
	switch {
	case len(c.Streams) > 0:
		return true
	case c.OverLimit:
		x.skip(reasonLimit)
	case (c.Answer != 0 || f.Joined) && !f.T38:
		x.skip(reasonNoMedia)
	}
	return false
}

func lossBurst(x *exam) {
	if !x.measured() {
		return
	}
	held := false
	s, at := worst(x.c, func(s *protocol.Stream) (float64, bool) {
		if s.LossPct < burstLoss || runs(s) == 0 {
			return 0, false
		}
		if x.heldBack(s) {
			held = true
			return 0, false
		}
		return s.LossPct, true
	})
	if s == nil {
		if held {
			x.skip(reasonHold)
		}
		return
	}
	severity, text := protocol.SeverityWarn, "RTP packets were lost in bursts, which is heard as gaps."
	switch {
	case s.LossPct > capturedPct:
		text = "Most RTP packets are missing: lost on the way, or not seen by the capture."
	case s.LossPct >= heavyLoss && s.MOSAdapt.Avg > 0 && s.MOSAdapt.Avg < poorMOS:
		severity = protocol.SeverityBad
	}
	x.report(severity, text, fmt.Sprintf("%s to %s: %d of %d packets lost (%.1f %%), %d bursts of %d or more%s", s.Src, s.Dst, s.Lost, s.Expected, s.LossPct,
		runs(s), burstRun, worstInterval(s)), "Look for a congested or flapping link on this direction's path; mark RTP with DSCP EF and give it priority.").streams(at)
}

// heldBack reports whether what a stream lacks is what its sender numbered and did not send while media was stopped by agreement: nearly all of it
// is missing in one pause.
func (x *exam) heldBack(s *protocol.Stream) bool {
	if !x.f.Held || s.DeltaMaxMS < steadyDelta {
		return false
	}
	for i := range x.c.Streams {
		if &x.c.Streams[i] == s {
			gap := min(x.f.Streams[i].GapLost, s.Lost)
			return gap > 0 && 100*float64(s.Lost-gap) < burstLoss*float64(s.Expected-gap)
		}
	}
	return false
}

// runs counts the bursts that are heard.
func runs(s *protocol.Stream) (n uint32) {
	for _, v := range s.Bursts[burstRun-1:] {
		n += v
	}
	return n
}

// worstInterval says when most was lost.
func worstInterval(s *protocol.Stream) string {
	var w protocol.Interval
	for _, i := range s.Intervals {
		if i.Lost > w.Lost {
			w = i
		}
	}
	if w.Lost == 0 || len(s.Intervals) < 2 {
		return ""
	}
	return fmt.Sprintf(", most of them (%d) in the ten seconds from %s", w.Lost, w.T)
}

// lossLocated tells on which part of the way packets were lost: by the same stream seen before and after a relay, and by
// what the receiver reports against what was seen here.
func lossLocated(x *exam) {
	if !x.measured() {
		return
	}
	c, f := x.c, x.f
	reports := len(f.Across) > 0
	for i := range c.Streams {
		a := &c.Streams[i]
		if !audio(a) || a.Packets < minOneWay || f.Streams[i].Restarts > 0 || x.heldBack(a) {
			continue
		}
		for j := range c.Streams {
			b := &c.Streams[j]
			if b.SSRC != a.SSRC || b.Src == a.Src || b.Dst == a.Dst || b.Direction != a.Direction || !aligned(&f.Streams[i], &f.Streams[j]) {
				continue
			}
			reports = true
			if b.LossPct-a.LossPct >= locatedPct && b.Lost-min(a.Lost, b.Lost) >= locatedLost && relays(a, b) {
				x.report(protocol.SeverityWarn, "Packets were lost on one leg only: at the relay, or between it and this sensor.",
					fmt.Sprintf("SSRC %s: %s to %s lost %.1f %%, %s to %s lost %.1f %%", a.SSRC, a.Src, a.Dst, a.LossPct, b.Src, b.Dst, b.LossPct),
					"Look at the relay's load and drop counters, and at the link behind it; the leg before it is not to blame.").streams(j, i)
				return
			}
			if a.LossPct >= locatedPct && a.Lost >= locatedLost && b.LossPct <= a.LossPct+1 && relays(a, b) && host(a.Src) != host(a.Dst) {
				x.report(protocol.SeverityInfo, "All loss happened before the relay.",
					fmt.Sprintf("SSRC %s: %s to %s lost %.1f %%, %s to %s lost %.1f %%", a.SSRC, a.Src, a.Dst, a.LossPct, b.Src, b.Dst, b.LossPct),
					"The relay and the leg behind it are good: look between the sender and the relay.").streams(i, j)
				return
			}
		}
		t := &f.Streams[i]
		if t.ReportedOf < minOneWay || t.ReportedLost < 0 || t.ReportedLost > t.ReportedOf {
			continue
		}
		reports = true
		there := 100 * float64(t.ReportedLost) / float64(t.ReportedOf)
		evidence := fmt.Sprintf("%s to %s: %.1f %% lost before this sensor, %.1f %% (%d of %d) by the receiver's reports", a.Src, a.Dst, a.LossPct, there,
			t.ReportedLost, t.ReportedOf)
		switch {
		case there-a.LossPct >= locatedPct && t.ReportedLost >= locatedLost:
			x.report(protocol.SeverityWarn, "Packets were lost behind this sensor, on their way to the receiver.", evidence,
				"The path from the sender to this sensor is good: look between the sensor and the receiver (its access line, Wi-Fi, switch port).").streams(i)
			return
		case a.LossPct >= locatedPct && a.Lost >= locatedLost && there >= a.LossPct/2 && there <= a.LossPct+1:
			x.report(protocol.SeverityInfo, "All loss happened before this sensor.", evidence,
				"The path from this sensor to the receiver is good: look between the sender and the sensor.").streams(i)
			return
		}
	}
	switch {
	case lostAcross(x), reports:
	case encrypted(c):
		x.skip(reasonEncrypted)
	case slices.ContainsFunc(f.Streams, func(s Stream) bool { return s.Reports > 0 }):
		x.skip(reasonFew)
	default:
		x.skip(reasonReports)
	}
}

// encrypted reports whether all media of the call is.
func encrypted(c *protocol.CDR) bool {
	for i := range c.Streams {
		if !c.Streams[i].Encrypted {
			return false
		}
	}
	return len(c.Streams) > 0
}

// relays reports whether b goes on where a ends: from the address that a went to.
func relays(a, b *protocol.Stream) bool {
	return host(a.Dst) == host(b.Src) || a.Relayed != "" && a.Relayed == b.Src || b.Relayed != "" && b.Relayed == a.Dst
}

// host is an endpoint without its port.
func host(endpoint string) string {
	for i := len(endpoint) - 1; i >= 0; i-- {
		if endpoint[i] == ':' {
			return endpoint[:i]
		}
	}
	return endpoint
}

// aligned reports whether two streams begin and end at nearly the same sequence numbers: they are one, seen in two places.
func aligned(a, b *Stream) bool { return near(a.FirstSeq, b.FirstSeq) && near(a.LastSeq, b.LastSeq) }

func near(a, b uint64) bool { return max(a, b)-min(a, b) <= alignedSeq }

func jitterHigh(x *exam) {
	if !x.measured() {
		return
	}
	rough := false
	s, at := worst(x.c, func(s *protocol.Stream) (float64, bool) {
		if coarse(s) {
			rough = true
			return 0, false
		}
		late := 100 * float64(s.PDV[0]) / float64(max(1, s.Packets))
		return s.JitterMeanMS, s.JitterMeanMS >= jitterMS && late >= latePct && ppm(s) < skewMost
	})
	if s == nil {
		if rough {
			x.skip(reasonCoarse)
		}
		return
	}
	severity := protocol.SeverityWarn
	if s.MOSAdapt.Avg > 0 && s.MOSAdapt.Avg < poorMOS && s.LossPct < burstLoss {
		severity = protocol.SeverityBad
	}
	x.report(severity, "RTP packets arrived very unevenly.", fmt.Sprintf("%s to %s: jitter %.1f ms mean, %.1f ms maximum; %d of %d packets later than 50 ms",
		s.Src, s.Dst, s.JitterMeanMS, s.JitterMaxMS, s.PDV[0], s.Packets),
		"Look for queues without priority for RTP (DSCP EF), Wi-Fi, or an overloaded sender on this direction's path.").streams(at)
}

// coarse reports whether the times of a stream's packets are whole tenths of a second, or seconds: those of the capture are no finer, and
// packets seem to come in bursts.
func coarse(s *protocol.Stream) bool {
	return s.First%coarseTime == 0 && s.Last%coarseTime == 0 && s.DeltaMaxMS > 0 && math.Mod(s.DeltaMaxMS*1000, coarseTime) == 0
}

// clockSkew needs a long and steady stream: jitter bends the slope, a pause hides it.
func clockSkew(x *exam) {
	if !x.measured() {
		return
	}
	short := true
	s, at := worst(x.c, func(s *protocol.Stream) (float64, bool) {
		if millis(s.Last-s.First) < skewLength {
			return 0, false
		}
		short = false
		v := ppm(s)
		return v, v >= skewPPM && v < skewMost && max(s.SkewMS, -s.SkewMS) >= skewMS && s.JitterMeanMS < skewMS/2 && s.DeltaMaxMS < steadyDelta
	})
	if short {
		x.skip(reasonShort)
	}
	if s == nil {
		otherRate(x)
		return
	}
	how, sign := "fast", 1.0
	if s.SkewMS < 0 {
		how, sign = "slow", -1
	}
	x.report(protocol.SeverityWarn, fmt.Sprintf("The sender's clock runs too %s: the receiver's buffer runs over or empty again and again.", how),
		fmt.Sprintf("%s to %s: %+.1f ms in %s (%+.0f ppm)", s.Src, s.Dst, s.SkewMS, seconds(millis(s.Last-s.First)), sign*ppm(s)),
		"See the sender's clock source: a virtual machine without a stable timer, a gateway whose line (E1, BRI) gives no clock. If many streams show the same, check this sensor's clock.").streams(at)
}

// otherRate finds a sender that counts its timestamps at another rate than that of its codec: receivers play it too fast or too slow, or
// in pieces.
func otherRate(x *exam) {
	if x.f.Joined { // what its payload type stands for may have been agreed before
		return
	}
	s, at := worst(x.c, func(s *protocol.Stream) (float64, bool) {
		return ppm(s), millis(s.Last-s.First) >= skewLength && ppm(s) >= skewMost && s.DeltaMaxMS < steadyDelta && s.ClockRate > 0 && s.Codec != ""
	})
	if s == nil {
		return
	}
	rate := float64(s.ClockRate) * (1 + s.SkewMS/float64(millis(s.Last-s.First)))
	x.report(protocol.SeverityWarn, "The sender's timestamps go on at another rate than its codec's clock has: it is played too fast, too slow, or in pieces.",
		fmt.Sprintf("%s to %s: %s counts %d a second, its timestamps went on by %.0f a second", s.Src, s.Dst, s.Codec, s.ClockRate, rate),
		"See the sender: a device or transcoder that writes the timestamps of another codec, or of other packets than it sends; and what its SDP says of the clock rate.").streams(at)
}

// ppm is how far the sender's clock is off, in parts per million, whichever way.
func ppm(s *protocol.Stream) float64 {
	return max(s.SkewMS, -s.SkewMS) / float64(max(1, millis(s.Last-s.First))) * 1e6
}

func codecMismatch(x *exam) {
	if !x.measured() {
		return
	}
	for i := range x.f.Streams {
		s := &x.c.Streams[i]
		if !x.f.Streams[i].Unannounced || s.Packets < minOneWay || !audio(s) {
			continue
		}
		if x.f.Joined { // what was agreed before may still hold
			x.skip(reasonJoined)
			return
		}
		if x.f.Streams[i].Guessed {
			x.skip(reasonAstray)
			return
		}
		x.report(protocol.SeverityWarn, "RTP came with a payload type that its receiver did not announce.",
			fmt.Sprintf("%s to %s: payload type %d in %d packets", s.Src, s.Dst, s.PayloadType, s.Packets),
			"Compare the codec lists of both sides and of the PBX between them; the receiver will not play what it did not announce.").streams(i)
		return
	}
}

// ptimeMismatch holds a=maxptime binding and a=ptime a wish (RFC 8866 section 6.4): what is over the wish is told, not graded.
func ptimeMismatch(x *exam) {
	if !x.measured() {
		return
	}
	for i := range x.f.Streams {
		s, t := &x.c.Streams[i], &x.f.Streams[i]
		if !audio(s) || s.Packets < minOneWay || s.PtimeMS <= 0 || longFrames(s.Codec) {
			continue
		}
		switch {
		case t.MaxPtime != 0 && s.PtimeMS > float64(t.MaxPtime)+0.5:
			x.report(protocol.SeverityWarn, "Packets hold more sound than the receiver takes.",
				fmt.Sprintf("%s to %s: %g ms a packet, announced a=maxptime:%d", s.Src, s.Dst, s.PtimeMS, t.MaxPtime),
				"Set the packet time of the sender to that of the receiver: where it does not fit, the voice is choppy or silent.").streams(i)
			return
		case t.Ptime != 0 && (s.PtimeMS >= ptimeFactor*float64(t.Ptime) || float64(t.Ptime) >= ptimeFactor*s.PtimeMS):
			x.report(protocol.SeverityInfo, "Packets hold another length of sound than the receiver asked for.",
				fmt.Sprintf("%s to %s: %g ms a packet, asked for a=ptime:%d", s.Src, s.Dst, s.PtimeMS, t.Ptime),
				"If this direction is choppy, set the same packet time on both sides; some gateways cannot play another than their own.").streams(i)
			return
		}
	}
}

// longFrames tells the codecs whose frames may be longer than what one ptime for all codecs says.
func longFrames(codec string) bool {
	switch codec {
	case "G723", "iLBC", "ILBC", "SILK", "opus", "OPUS":
		return true
	}
	return false
}

// ssrcCollision wants two senders: the same packets seen before and after a NAT have the same sequence numbers.
func ssrcCollision(x *exam) {
	if !x.measured() {
		return
	}
	c, f := x.c, x.f
	for i := range c.Streams {
		for j := range i {
			a, b := &c.Streams[j], &c.Streams[i]
			if a.SSRC != b.SSRC || a.Dst != b.Dst || a.Src == b.Src || min(a.Packets, b.Packets) < minOneWay || aligned(&f.Streams[j], &f.Streams[i]) {
				continue
			}
			if both := millis(min(a.Last, b.Last) - max(a.First, b.First)); both >= steadyDelta {
				x.report(protocol.SeverityWarn, "Two senders use the same SSRC to one receiver: it mixes or drops one of them.",
					fmt.Sprintf("SSRC %s from %s and from %s to %s, at the same time for %s", a.SSRC, a.Src, b.Src, a.Dst, seconds(both)),
					"One of them must choose another SSRC (RFC 3550 section 8.2): look for a device that does not draw it at random, or a call that is recorded or forked twice.").streams(i, j)
				return
			}
		}
	}
}

// srtpWithoutKey looks at what was agreed: SRTP by its profile (RFC 3711), and no key to go with it.
func srtpWithoutKey(x *exam) {
	if x.c.Answer == 0 || x.f.Joined {
		return
	}
	for i := range x.f.Sides {
		if s := &x.f.Sides[i]; s.Described && s.Keyless {
			x.report(protocol.SeverityWarn, fmt.Sprintf("The %s wants SRTP and gives no key for it.", partyNames[i]),
				fmt.Sprintf("m= line with RTP/SAVP for %s, no a=crypto, a=fingerprint or a=key-mgmt", endpoint(s)),
				"Check that no proxy on the way strips a=crypto, and that SRTP is switched on fully (SDES or DTLS) on that device; else switch it off.").described(i)
			return
		}
	}
}

// duplicateMirror is no fault of the call: figures are right, since each packet counts once.
func duplicateMirror(x *exam) {
	n := x.f.Mirrored
	if n < mirroredMin {
		return
	}
	seen := uint64(len(x.c.Messages) + x.c.MessagesOmitted)
	for i := range x.c.Streams {
		seen += x.c.Streams[i].Packets
	}
	if n*100 < seen*mirroredPct {
		return
	}
	x.report(protocol.SeverityInfo, "Packets of this call were captured twice; each was counted once.",
		fmt.Sprintf("%d of %d packets had a copy", min(n, seen), seen),
		"Mirror each port in one direction only, or the uplink alone: copies cost the sensor capacity.")
}
