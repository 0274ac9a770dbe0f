package diagnose

import (
	"fmt"
	"strings"

	"voiptop/protocol"
)

// scannerAgents are parts of what known scanning tools say in User-Agent, in lower case. Tools that others use as well
// (sipsak, SIPp, VaxSIPUserAgent) are not in it.
var scannerAgents = []string{
	"friendly-scanner", "friendly-request", "sipvicious", "sundayddr", "sip-scan", "sipscan", "pplsip",
	"siparmyknife", "sivus", "elite scanner", "mr.sip",
}

// scannerAgent knows a scanner by the name that it gives itself. Sources knows others by what they do.
func scannerAgent(x *exam) {
	c := x.c
	if c.UACaller == "" || !x.agents.scanner(c.UACaller) {
		return
	}
	severity, text := protocol.SeverityWarn, "The call comes from a tool that scans for open telephone systems."
	if c.Answer != 0 {
		severity, text = protocol.SeverityBad, "A tool that scans for open telephone systems got a call through."
	}
	x.report(severity, text, fmt.Sprintf("User-Agent %q from %s, number %s", c.UACaller, c.Src, c.Callee), remedyScanner).messages(0)
}

// agents remembers of names whether they are a scanner's: calls share few.
type agents [64]struct {
	name    string
	scanner bool
}

func (a *agents) scanner(name string) bool {
	known := &a[(len(name)+37*int(name[len(name)/2])+11*int(name[len(name)-1]))%len(a)]
	if known.name != name {
		known.name, known.scanner = name, scanner(name)
	}
	return known.scanner
}

func scanner(agent string) bool {
	agent = strings.ToLower(agent)
	for _, known := range scannerAgents {
		if strings.Contains(agent, known) {
			return true
		}
	}
	return false
}

const remedyScanner = "Block the address at the firewall, allow SIP only from known networks, and let the PBX answer strangers nothing (alwaysauthreject, no guests)."

// digestLeak is an attack: who called challenges the BYE of the callee, and a telephone that answers gives a digest to guess its
// password from. A PBX that has telephones authenticate their BYE looks the same, so that it is told, not graded, unless the
// caller calls itself a scanner.
func digestLeak(x *exam) {
	f := x.f
	if !f.LeakedTo.IsValid() {
		return
	}
	severity := protocol.SeverityInfo
	if scanner(x.c.UACaller) {
		severity = protocol.SeverityWarn
	}
	x.report(severity, "The callee's BYE was challenged by the caller, and the callee answered with its credentials.",
		fmt.Sprintf("challenge from %s; a BYE with credentials went there at %s", f.LeakedTo, x.c.End),
		"If this caller is not your own PBX: change the account's password, and let the telephone take calls from its registrar only (direct IP calls off).").
		where(func(m *protocol.Message) bool {
			return (status(m) == 401 || status(m) == 407) && strings.HasSuffix(m.CSeq, " BYE")
		}).byes()
}
