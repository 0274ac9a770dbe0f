package diagnose

import (
	"fmt"

	"voiptop/protocol"
)

// missingACK is sure only when the answer was repeated: an ACK may take a way that the sensor does not see.
func missingACK(c *protocol.CDR, f *Facts) *protocol.Finding {
	if c.Answer == 0 || f.Acked || f.AnswerRepeats < lostACK {
		return nil
	}
	return &protocol.Finding{Code: "missing-ack", Severity: protocol.SeverityBad,
		Text:     "The answer was never acknowledged: the callee will hang up after 32 seconds.",
		Evidence: fmt.Sprintf("200 sent %d times, no ACK", f.AnswerRepeats+1),
		Remedy:   "Check that the Contact of the answer can be reached from the caller, and that proxies keep the route (Record-Route).",
	}
}

func byeLost(c *protocol.CDR, f *Facts) *protocol.Finding {
	x := &protocol.Finding{Code: "bye-lost", Severity: protocol.SeverityWarn,
		Remedy: "Check that both parties can reach each other's Contact until the end of the call: NAT bindings, firewall timeouts, session timers."}
	switch {
	case c.EndCause == protocol.EndTimeoutRTP || c.EndCause == protocol.EndTimeoutBye:
		x.Text = "The call fell silent and no BYE was seen."
		x.Evidence = "last packet at " + c.End.String()
	case f.Finished && c.EndCause == protocol.EndBye && !f.ByeAnswered && f.ByeRepeats >= lostBYE:
		x.Text = "The BYE was not answered."
		x.Evidence = fmt.Sprintf("BYE sent %d times by the %s", f.ByeRepeats+1, c.EndBy)
	default:
		return nil
	}
	return x
}

func retransmissionStorm(c *protocol.CDR, f *Facts) *protocol.Finding {
	if c.Retransmissions < storm {
		return nil
	}
	x := &protocol.Finding{Code: "retransmission-storm", Severity: protocol.SeverityWarn,
		Text:     "Messages had to be sent again and again: packets or their answers were lost.",
		Evidence: fmt.Sprintf("%d messages repeated, %d of them INVITE, %d answers", c.Retransmissions, f.InviteRepeats, f.AnswerRepeats),
		Remedy:   "See in the ladder which hop repeats: the next one is overloaded, unreachable, or its answers are dropped on the way back.",
	}
	if c.Answer == 0 && c.Status == 0 && f.InviteRepeats >= storm && f.Finished && c.EndCause != protocol.EndUnterminated {
		x.Severity = protocol.SeverityBad
		x.Text = "The INVITE was repeated and never answered: the next hop cannot be reached."
	}
	return x
}

// slowPostDial leaves out calls that were challenged: a person may have had to type a password.
func slowPostDial(c *protocol.CDR, f *Facts) *protocol.Finding {
	if c.PDDMS == nil || *c.PDDMS < slowPDD || f.Challenged > 0 || f.Joined || c.Ringing == 0 {
		return nil
	}
	return &protocol.Finding{Code: "slow-pdd", Severity: protocol.SeverityWarn,
		Text:     "It took long until the phone rang.",
		Evidence: fmt.Sprintf("%s from INVITE to the first 18x", seconds(*c.PDDMS)),
		Remedy:   "See in the ladder which hop answers late: a number lookup (ENUM, DNS, LDAP), a carrier, or a failed first route.",
	}
}

func joined(_ *protocol.CDR, f *Facts) *protocol.Finding {
	if !f.Joined {
		return nil
	}
	return &protocol.Finding{Code: "joined-mid-call", Severity: protocol.SeverityInfo,
		Text:   "The capture began in the middle of this call: start, answer and what came before are not known.",
		Remedy: "Start the capture before the call.",
	}
}
