package diagnose

import (
	"fmt"
	"strings"

	"voiptop/protocol"
)

// request reports whether m is a request of the method.
func request(m *protocol.Message, method string) bool {
	return len(m.FirstLine) > len(method) && m.FirstLine[len(method)] == ' ' && strings.HasPrefix(m.FirstLine, method)
}

// status is the status code of a response, 0 of a request.
func status(m *protocol.Message) (n int) {
	if l := m.FirstLine; len(l) >= 11 && strings.EqualFold(l[:8], "SIP/2.0 ") {
		for _, d := range l[8:11] {
			n = 10*n + int(d-'0')
		}
	}
	return n
}

// response reports whether m is a response to an INVITE with the status.
func response(m *protocol.Message, code int) bool {
	return status(m) == code && strings.HasSuffix(m.CSeq, " INVITE")
}

// missingACK is sure only when the answer was repeated: an ACK may take a way that the sensor does not see.
func missingACK(x *exam) {
	c, f := x.c, x.f
	if c.Answer == 0 || f.Acked || f.AnswerRepeats < lostACK {
		return
	}
	x.report(protocol.SeverityBad, "The answer was never acknowledged: the callee will hang up after 32 seconds.",
		fmt.Sprintf("200 sent %d times from %s on, no ACK", f.AnswerRepeats+1, c.Answer),
		"Check that the Contact of the answer can be reached from the caller, and that proxies keep the route (Record-Route).").answer()
}

func byeLost(x *exam) {
	c, f := x.c, x.f
	const remedy = "Check that both parties can reach each other's Contact until the end of the call: NAT bindings, firewall timeouts, session timers."
	switch {
	case c.EndCause == protocol.EndTimeoutRTP || c.EndCause == protocol.EndTimeoutBye:
		x.report(protocol.SeverityWarn, "The call fell silent and no BYE was seen.", "last packet at "+c.End.String(), remedy)
	case !f.Finished:
		x.skip(reasonRunning)
	case c.EndCause == protocol.EndUnterminated || c.EndCause == protocol.EndInterrupted:
		if c.Answer != 0 || f.Joined {
			x.skip(reasonEnded)
		}
	case c.EndCause == protocol.EndBye && f.ByeDone == 0 && f.ByeRepeats >= lostBYE:
		x.report(protocol.SeverityWarn, "The BYE was not answered.", fmt.Sprintf("BYE sent %d times by the %s from %s on", f.ByeRepeats+1, c.EndBy, c.End), remedy).byes()
	}
}

func retransmissionStorm(x *exam) {
	c, f := x.c, x.f
	if c.Retransmissions < storm {
		return
	}
	severity, text := protocol.SeverityWarn, "Messages had to be sent again and again: packets or their answers were lost."
	if c.Answer == 0 && c.Status == 0 && f.InviteRepeats >= storm && f.Finished && c.EndCause != protocol.EndUnterminated {
		severity, text = protocol.SeverityBad, "The INVITE was repeated and never answered: the next hop cannot be reached."
	}
	x.report(severity, text, fmt.Sprintf("%d messages repeated, %d of them INVITE, %d answers", c.Retransmissions, f.InviteRepeats, f.AnswerRepeats),
		"See in the ladder which hop repeats: the next one is overloaded, unreachable, or its answers are dropped on the way back.").
		where(func(m *protocol.Message) bool { return m.Retransmission })
}

// slowPostDial leaves out calls that were challenged: a person may have had to type a password.
func slowPostDial(x *exam) {
	c, f := x.c, x.f
	if f.Joined {
		x.skip(reasonJoined)
		return
	}
	if c.PDDMS == nil || *c.PDDMS < slowPDD || f.Challenged > 0 || c.Ringing == 0 {
		return
	}
	rang := false
	x.report(protocol.SeverityWarn, "It took long until the phone rang.", fmt.Sprintf("%s from INVITE at %s to the first 18x", seconds(*c.PDDMS), c.Start),
		"See in the ladder which hop answers late: a number lookup (ENUM, DNS, LDAP), a carrier, or a failed first route.").
		where(func(m *protocol.Message) bool {
			first := !rang && status(m)/10 == 18 && strings.HasSuffix(m.CSeq, " INVITE")
			rang = rang || first
			return first
		}).messages(0)
}

// authLoop counts what was refused although it had credentials: the first challenge is how digest begins.
func authLoop(x *exam) {
	c, f := x.c, x.f
	if f.RefusedCredentials < refusals {
		return
	}
	severity := protocol.SeverityWarn
	if c.Answer == 0 && (c.Status == 401 || c.Status == 407) {
		severity = protocol.SeverityBad
	}
	x.report(severity, "The caller's credentials were refused again and again.",
		fmt.Sprintf("%d INVITEs from %s with credentials, each answered with a new challenge by %s", f.RefusedCredentials, c.Src, c.Dst),
		"Check user name, realm and password of the account, and that a proxy on the way does not change what the digest covers (Request-URI, body).").
		where(func(m *protocol.Message) bool { return response(m, 401) || response(m, 407) })
}

func joined(x *exam) {
	if !x.f.Joined {
		return
	}
	evidence := ""
	if x.c.PartiesAssumed {
		evidence = "nothing tells who called: caller and callee may be the other way round"
	}
	x.report(protocol.SeverityInfo, "The first INVITE of this call was not seen: its start, and what came before, are not known.", evidence, "Start the capture before the call.")
}
