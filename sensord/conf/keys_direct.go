package conf

import (
	"fmt"
	"strings"
)

// Direct says with whom the sensor makes direct transfers.
type Direct string

// The values of direct_download.
const (
	DirectNo  Direct = "no"
	DirectLAN Direct = "lan" // with browsers in private networks and in the sensor's own
	DirectYes Direct = "yes" // with any browser
)

// directKeys are the keys about downloads straight from the sensor, docs/captures.md.
func directKeys() map[string]key {
	return map[string]key{
		"direct_download": {
			example: `write "direct_download = lan", or yes or no`, doc: "send captures and recordings straight to the browser of who asks in hosted, encrypted, over UDP: no, lan (to browsers in private networks and in the sensor's own) or yes (to any); no unless set. What is not sent so goes through hosted; docs/captures.md",
			set: func(p *parser, s setting) error {
				switch d := Direct(strings.ToLower(s.value)); d {
				case DirectNo, DirectLAN, DirectYes:
					p.c.DirectDownload = d
					return nil
				}
				return fmt.Errorf("found %q, expected no, lan or yes", clip(s.value))
			},
		},
		"direct_ports": {
			example: `write "direct_ports = 60100-60199"`, doc: "UDP ports of direct downloads, for the firewall; the system chooses unless set",
			set: func(p *parser, s setting) error {
				from, to, isRange := strings.Cut(s.value, "-")
				a, err := number(from, 1024, 65535)
				b := a
				if err == nil && isRange {
					b, err = number(to, a, 65535)
				}
				if err == nil {
					p.c.DirectPorts = [2]uint16{uint16(a), uint16(b)}
				}
				return err
			},
		},
	}
}
