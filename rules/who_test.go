package rules

import "testing"

func TestAConditionThatAsksWhoCalledIsKnown(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "mos < 3": false, "src:10.0.0.0/8 and status:486": false, "ua:x or domain:a": false, "not finding:one-way-audio": false, "callid:x": false, "over-limit:yes media-ip:10.0.0.0/8": false,
		"caller:+420*": true, "callee = 1001": true, "number ~ 7+": true, "name:zoe": true, "header.x-tenant:*": true, "zoe": true,
		"dialled:1*": true, "dtmf:1*": true, "message:INVITE*": true, "reason:x": true,
		"mos < 3 and (status:200 or not caller:1)": true, "not (mos < 3 and not zoe)": true,
	} {
		e, err := ParseExpr(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := e.AsksWho(); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
