package diagnose

import (
	"fmt"
	"net/netip"
	"strconv"

	"voiptop/protocol"
)

// The parties: index into Facts.Sides.
const (
	caller = 0
	callee = 1
)

var partyNames = [2]string{caller: "caller", callee: "callee"}

// talk is for how long, in ms, media should have flowed both ways. When that cannot be said it is 0, and why is the reason
// unless the check does not apply: the call was not answered.
func talk(c *protocol.CDR, f *Facts) (ms int64, why string) {
	if c.ConnectMS == nil {
		if f.Joined {
			return 0, reasonJoined
		}
		return 0, ""
	}
	switch {
	case c.OverLimit:
		return 0, reasonLimit
	case f.Joined:
		return 0, reasonJoined
	case f.T38:
		return 0, reasonFax
	case f.Held:
		return 0, reasonHold
	case f.SharedMedia:
		return 0, reasonShared
	case *c.ConnectMS < minTalk:
		return 0, reasonShort
	}
	for i := range f.Sides {
		if f.Sides[i].Refused {
			return 0, reasonRefused
		}
		if !f.Sides[i].Described {
			return 0, reasonNoSDP
		}
	}
	return *c.ConnectMS, ""
}

// talked is talk for checks that want media to have been seen. It skips the check when there is nothing to judge.
func (x *exam) talked() (ms int64, ok bool) {
	ms, why := talk(x.c, x.f)
	switch {
	case why != "":
		x.skip(why)
	case ms > 0 && len(x.c.Streams) == 0:
		x.skip(reasonNoMedia)
	case ms > 0 && x.f.Astray:
		x.skip(reasonAstray)
	case ms > 0 && x.f.Unseen:
		x.skip(reasonUnseen)
	default:
		return ms, ms > 0
	}
	return 0, false
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

// heard reports whether sound came from both parties: then nothing stands in the way of media.
func heard(f *Facts) bool { return f.Sides[0].Sent && f.Sides[1].Sent }

func oneWayAudio(x *exam) {
	c, f := x.c, x.f
	if heard(f) {
		return
	}
	ms, ok := x.talked()
	who := silent(f)
	if !ok || who < 0 {
		return
	}
	packets := uint64(0)
	for i := range c.Streams {
		if s := &c.Streams[i]; audio(s) && s.Last > c.Answer {
			packets += s.Packets
		}
	}
	if packets < minOneWay {
		return
	}
	evidence := fmt.Sprintf("%d packets from the %s, 0 from the %s (announced %s) in %s of talk", packets, partyNames[1-who], partyNames[who],
		endpoint(&f.Sides[who]), seconds(ms))
	if f.Sides[who].Listens { // one who only listens may mean to
		x.report(protocol.SeverityWarn, fmt.Sprintf("Only the %s was heard: the %s sent no RTP, by its own reports.", partyNames[1-who], partyNames[who]),
			evidence+"; its RTCP came, and says that it receives and does not send",
			"See that device: muted, without a microphone, or one that only listens. The network between the two is open.").described(who).from(1 - who)
		return
	}
	severity := protocol.SeverityWarn
	if ms >= sureTalk {
		severity = protocol.SeverityBad
	}
	x.report(severity, fmt.Sprintf("Only the %s was heard: no RTP came from the %s.", partyNames[1-who], partyNames[who]), evidence,
		"Check firewall and NAT between the two media addresses, and that the SDP of the silent side names an address that can be reached.").
		described(who).from(1 - who)
}

// noAudio is grave only when the sensor demonstrably sees where media goes: many sensors see signalling alone.
func noAudio(x *exam) {
	f := x.f
	if len(x.c.Streams) > 0 {
		return
	}
	ms, why := talk(x.c, f)
	if why != "" {
		x.skip(why)
	}
	if ms == 0 {
		return
	}
	evidence := unheard(f, ms)
	remedy := "If this sensor sees the media of other calls: check firewall and NAT between the two addresses. Else mirror the media to it."
	if f.Feedback && !f.Unseen && ms >= sureTalk {
		x.report(protocol.SeverityBad, "The call was answered, RTCP or DTLS was exchanged, and no RTP was seen.", evidence, remedy).described(callee).described(caller)
		return
	}
	x.report(protocol.SeverityInfo, "The call was answered, and no RTP was seen.", evidence, remedy) // of every call, where a sensor sees signalling alone: no places
}

// unheard is written without fmt: where a sensor sees signalling alone, every call has it.
func unheard(f *Facts, ms int64) string {
	b := append(make([]byte, 0, 96), "announced "...)
	b = appendEndpoint(b, &f.Sides[0])
	b = appendEndpoint(append(b, " and "...), &f.Sides[1])
	b = strconv.AppendFloat(append(b, ", 0 packets in "...), float64(ms)/1000, 'f', 1, 64)
	return string(append(b, " s"...))
}

// natPrivateSDP wants an audible fault beside the private address: with audio both ways something on the path put it right.
func natPrivateSDP(x *exam) {
	f := x.f
	if heard(f) {
		return
	}
	ms, why := talk(x.c, f)
	switch {
	case why != "":
	case f.Astray:
		ms, why = 0, reasonAstray
	case f.Unseen:
		ms, why = 0, reasonUnseen
	}
	if why != "" {
		x.skip(why)
	}
	if ms == 0 {
		return
	}
	for i := range f.Sides {
		s := &f.Sides[i]
		if !private(s.Addr) || !public(s.Signalling) {
			continue
		}
		severity := protocol.SeverityWarn
		if silent(f) >= 0 && ms >= sureTalk {
			severity = protocol.SeverityBad
		}
		x.report(severity, fmt.Sprintf("The SDP of the %s names a private address, but its signalling comes from a public one.", partyNames[i]),
			fmt.Sprintf("SDP %s, signalling from %s", endpoint(s), s.Signalling),
			"Set the external address in the phone or PBX, use STUN, or let a media relay (rtpengine, SBC) rewrite the SDP.").described(i)
		return
	}
}

// sipALG wants a fault that is felt beside the traces of a rewriting router: while a call is heard both ways and ends in
// order, the router did its work well.
func sipALG(x *exam) {
	f := x.f
	if f.LengthOff != 0 && max(f.LengthOff, -f.LengthOff) <= algBytes {
		what := fmt.Sprintf("SDP is %d bytes longer than Content-Length says", f.LengthOff)
		if f.LengthOff < 0 {
			what = fmt.Sprintf("SDP is %d bytes shorter than Content-Length says", -f.LengthOff)
		}
		x.report(protocol.SeverityWarn, "A router on the path changed the SDP and left its length: it looks like a SIP ALG.", what, remedyALG)
		return
	}
	ms, why := talk(x.c, f)
	lost := x.c.Answer != 0 && !f.Acked && f.AnswerRepeats >= lostACK
	switch {
	case lost:
	case heard(f):
		return
	case why != "":
		x.skip(why)
		return
	case ms == 0 || silent(f) < 0 || f.Unseen:
		return
	}
	if f.RewrittenTo.IsValid() {
		x.report(protocol.SeverityWarn, "A router changed the SDP of a message on its way, as a SIP ALG does.",
			fmt.Sprintf("the same message named %s on one hop and %s on the next, with no proxy between (one Via branch)", f.RewrittenFrom, f.RewrittenTo), remedyALG)
		return
	}
	for i := range f.Sides {
		s := &f.Sides[i]
		if s.ICE || !public(s.Addr) || s.Addr != s.Signalling || !private(s.Origin) || s.Header != s.Origin {
			continue
		}
		x.report(protocol.SeverityWarn, fmt.Sprintf("The media address of the %s was put right, its other addresses were not: it looks like a SIP ALG.", partyNames[i]),
			fmt.Sprintf("SDP c=%s, the sender's public address; o= and Contact still %s", s.Addr, s.Origin), remedyALG).described(i)
		return
	}
}

const remedyALG = "Switch SIP ALG (\"SIP helper\", \"SIP fixup\") off in the router before the phone, or use TLS, which it cannot read."

func earlyMediaLost(x *exam) {
	c, f := x.c, x.f
	if f.Joined {
		x.skip(reasonJoined)
		return
	}
	if c.Answer == 0 || c.Ringing == 0 {
		return
	}
	early, at := -1, protocol.Time(0)
	for i := range c.Messages {
		m := &c.Messages[i]
		if m.T >= c.Answer {
			break
		}
		switch {
		case response(m, 183) && m.SDP != "":
			if early < 0 {
				early, at = i, m.T
			}
		case response(m, 180) && m.SDP == "": // "ring yourself"
			early = -1
		case request(m, "UPDATE"), request(m, "PRACK") && m.SDP != "": // preconditions: media waits for their end (RFC 3312)
			return
		}
	}
	if early < 0 || millis(c.Answer-at) < earlyWait {
		return
	}
	if _, ok := x.talked(); !ok {
		return
	}
	first, stream := protocol.Time(0), 0
	for i := range c.Streams {
		if s := &c.Streams[i]; audio(s) && s.Direction == protocol.FromCallee && s.Packets >= minEarly && (first == 0 || s.First < first) {
			first, stream = s.First, i
		}
	}
	if first == 0 || first < c.Answer-protocol.Time(500_000) || f.Sides[callee].Refused {
		return
	}
	x.report(protocol.SeverityWarn, "The caller heard nothing while it rang: early media was announced and did not come.",
		fmt.Sprintf("183 with SDP at %s (message %d), first RTP of the callee %s later, with the answer", at, early+1, seconds(millis(first-at))),
		"Check on the gateway that sent the 183 that it plays ringback, and that the firewall lets RTP in before the answer; or let it send 180 without SDP.").
		messages(early).streams(stream)
}

// lateMedia leaves out senders that suppress silence: they may have had nothing to say.
func lateMedia(x *exam) {
	c, f := x.c, x.f
	if _, ok := x.talked(); !ok {
		return
	}
	for who, dir := range [...]protocol.Direction{protocol.FromCaller, protocol.FromCallee} {
		first, stream, pauses := protocol.Time(0), 0, false
		for i := range c.Streams {
			if s := &c.Streams[i]; audio(s) && s.Direction == dir && s.Packets >= minOneWay {
				if first == 0 || s.First < first {
					first, stream = s.First, i
				}
				pauses = pauses || f.Streams[i].Pauses
			}
		}
		switch wait := millis(first - c.Answer); {
		case first == 0 || wait < lateStart:
		case pauses:
			x.skip(reasonPauses)
			return
		default:
			x.report(protocol.SeverityWarn, fmt.Sprintf("The %s was heard only some time after the answer: the beginning is missing.", partyNames[who]),
				fmt.Sprintf("answered at %s, first RTP to %s %s later", c.Answer, c.Streams[stream].Dst, seconds(wait)),
				"See which device sends late: a PBX that answers before it connects, a relay that waits for the first packet of the other side, ICE or DTLS that takes long.").
				streams(stream).answer()
			return
		}
	}
}

func mediaAfterBye(x *exam) {
	c, f := x.c, x.f
	switch {
	case c.EndCause != protocol.EndBye || f.ByeDone == 0:
		return
	case !f.Finished:
		x.skip(reasonRunning)
		return
	case f.SharedMedia:
		x.skip(reasonShared)
		return
	case len(c.Streams) == 0:
		x.skip(reasonNoMedia)
		return
	}
	for i := range c.Streams {
		s := &c.Streams[i]
		if over := millis(s.Last - f.ByeDone); over >= afterBye && s.DeltaMaxMS < steadyDelta && s.Packets >= minOneWay {
			x.report(protocol.SeverityWarn, "RTP went on after the call had ended.",
				fmt.Sprintf("%s to %s sent for %s more after the BYE was answered at %s", s.Src, s.Dst, seconds(over), f.ByeDone),
				"The sender holds a call that is over: see its channels. Check that the BYE reached the device that sends media, not only a proxy before it.").
				streams(i).byes()
			return
		}
	}
}

func endpoint(s *Side) string { return string(appendEndpoint(nil, s)) }

// appendEndpoint writes where a party announced its media.
func appendEndpoint(b []byte, s *Side) []byte {
	if !s.Addr.IsValid() {
		return strconv.AppendUint(append(b, "a host name, port "...), uint64(s.Port), 10)
	}
	return netip.AddrPortFrom(s.Addr, s.Port).AppendTo(b)
}

func seconds(ms int64) string { return fmt.Sprintf("%.1f s", float64(ms)/1000) }

// millis converts a difference of times.
func millis(d protocol.Time) int64 { return int64(d) / 1000 }

// carrierNAT is RFC 6598's shared address space.
var carrierNAT = netip.MustParsePrefix("100.64.0.0/10")

func private(a netip.Addr) bool {
	return a.IsPrivate() || a.IsValid() && carrierNAT.Contains(a)
}

func public(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !private(a)
}
