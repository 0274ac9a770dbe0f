package call

import (
	"testing"

	"voiptop/protocol"
)

func TestKeptPackets(t *testing.T) {
	for _, c := range []struct {
		keep       protocol.Keep
		sip, media int
		headers    int
	}{{protocol.KeepNone, 0, 0, 0}, {protocol.KeepSIP, 6, 0, 0}, {protocol.KeepHeaders, 6, 10, 54}, {protocol.KeepRTP, 6, 10, 54}} {
		t.Run(string(c.keep), func(t *testing.T) {
			asked := 0
			s := newSim(t, func(cfg *Config) {
				cfg.Decide = decide(func(r *Subject) Decision {
					asked++
					if r.Caller != "1001" || r.CallID != "call-1@alice" {
						t.Errorf("asked about %+v", r)
					}
					return Decision{Rule: "my rule", Keep: c.keep}
				})
			})
			s.setUp(0, "", aliceRTP, bobRTP)
			s.talk(3, 10, aliceRTP, bobRTP, 8, 1)
			s.hangUp(9, "")
			r := s.finish(9)
			check(t, "asked at the INVITE, the answer and the end", asked, 3)
			check(t, "rule", r.Rule, "my rule")
			check(t, "kept", len(s.kept), c.sip+c.media)
			if c.keep == protocol.KeepNone {
				check(t, "ended", len(s.ended), 0)
				return
			}
			check(t, "ended", len(s.ended), 1)
			check(t, "in the record", r.Capture.Packets, uint64(c.sip+c.media))
			if c.media > 0 {
				check(t, "headers of an RTP packet", s.kept[4].headers, c.headers)
			}
		})
	}
}
