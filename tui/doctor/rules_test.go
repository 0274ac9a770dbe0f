package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

func TestLocalRules(t *testing.T) {
	for name, c := range map[string]struct {
		conf, rules string
		hosted      *sensorapi.HostedRules
		running     bool
		status      Status
		says        []string
	}{
		"none":                      {status: OK, says: []string{"no packets are kept"}},
		"none, and hosted has some": {running: true, conf: "savertp = yes\n", hosted: &sensorapi.HostedRules{Revision: 3}, status: OK, says: []string{"hosted has some"}},
		"none, and a key of VoIPmonitor that asks for captures": {
			conf: "savertp = yes\n", status: Warn, says: []string{"conf:4 has savertp", "no packet of any call is kept", "rules import"},
		},
		"right": {rules: "a: keep sip when caller:1\nb: keep rtp when callee:2\n", status: OK, says: []string{"local.rules: 2 rules"}},
		"expired": {
			rules: "a: keep rtp when caller:1\nold: keep sip until 2020-01-01\n", status: Warn,
			says: []string{`"old" in line 2 has no effect any more`, "voipmon rules check"},
		},
		"an error, sensord runs":         {rules: "a: kep rtp\n", running: true, status: Warn, says: []string{`local.rules:1:4: found "kep"`, "stay in force"}},
		"an error, sensord does not run": {rules: "a: kep rtp\n", status: Fail, says: []string{`found "kep"`, "keeps no packet of any call"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := env(t, c.conf)
			if c.rules != "" {
				if err := os.WriteFile(filepath.Join(e.Root, "local.rules"), []byte(c.rules), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if c.running {
				serveRules(t, e, protocol.Health{}, sensorapi.Rules{Hosted: c.hosted})
			}
			expect(t, one(t, e, "rules-local"), c.status, c.says...)
		})
	}
}

func TestRulesOfAFileThatTheConfigurationNames(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mine.rules")
	if err := os.WriteFile(file, []byte("a: keep sip\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, one(t, env(t, "rules_file = "+file+"\n"), "rules-local"), OK, file+": 1 rule")
}

func TestHostedRules(t *testing.T) {
	refused := &protocol.Problem{Code: "bad-rules", Title: "this sensor cannot read revision 9", Detail: "hosted:1:3: found x", Remedy: "update the sensor"}
	for name, c := range map[string]struct {
		hosted *sensorapi.HostedRules
		status Status
		says   []string
	}{
		"none":              {nil, OK, []string{"none"}},
		"in force":          {&sensorapi.HostedRules{Revision: 8, Text: "a: keep sip\n"}, OK, []string{"revision 8: 1 rule"}},
		"newer than this":   {&sensorapi.HostedRules{Revision: 8, Text: "a: keep video\n"}, OK, []string{"revision 8"}},
		"refused, old ones": {&sensorapi.HostedRules{Revision: 8, Problem: refused}, Warn, []string{"cannot read revision 9: hosted:1:3", "revision 8 stay in force", "update the sensor"}},
		"refused":           {&sensorapi.HostedRules{Problem: refused}, Warn, []string{"none of hosted's rules"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := env(t, "")
			serveRules(t, e, protocol.Health{Info: protocol.SensorInfo{Version: protocol.Version}}, sensorapi.Rules{Hosted: c.hosted})
			expect(t, one(t, e, "rules-hosted"), c.status, c.says...)
		})
	}
}

func TestHeldPackets(t *testing.T) {
	e := env(t, "")
	h := protocol.Health{Spool: protocol.SpoolState{HeldCalls: 1, HeldBytes: 2_500_000}}
	serve(t, e, h)
	expect(t, one(t, e, "rules-held"), OK, "1 call undecided, 2.5 MB held")
	e = env(t, "")
	h.Problems = []protocol.Problem{{Code: "other"}, {Code: "captures-window-full", Title: "packets were let go", Detail: "the last at noon", Remedy: "raise capture_window_mb"}}
	serve(t, e, h)
	expect(t, one(t, e, "rules-held"), Warn, "packets were let go: the last at noon", "raise capture_window_mb")
}

func TestWhatHostedMayHave(t *testing.T) {
	for name, c := range map[string]struct {
		conf   string
		can    []string // of the running sensor
		status Status
		says   string
	}{
		"all":              {"", []string{"listen", "download"}, OK, "may listen and download"},
		"no listening":     {"cloud_listen = no\n", []string{"download"}, OK, "cloud_listen = no: hosted's users get no voice"},
		"no downloading":   {"cloud_download = no\n", []string{"listen"}, OK, "cloud_download = no: hosted's users get no packets"},
		"nothing":          {"cloud_listen = no\ncloud_download = no\n", nil, OK, "neither packets nor voice"},
		"not restarted":    {"cloud_listen = no\n", []string{"listen", "download"}, Warn, "still has cloud_listen = yes"},
		"not restarted, 2": {"", []string{"listen"}, Warn, "still has cloud_download = no"},
	} {
		t.Run(name, func(t *testing.T) {
			e := env(t, c.conf)
			serve(t, e, protocol.Health{Info: protocol.SensorInfo{Version: protocol.Version, Capabilities: c.can}})
			expect(t, one(t, e, "cloud-access"), c.status, c.says)
		})
	}
	e := env(t, "cloud_listen = no\n") // no sensor runs: the file is what there is
	expect(t, one(t, e, "cloud-access"), OK, "cloud_listen = no")
}

func TestPortsAreNamedAsRanges(t *testing.T) {
	for want, list := range map[string][]uint16{
		"5060": {5060}, "5060-5062, 5080": {5080, 5061, 5060, 5062}, "1-2, 65535": {2, 1, 65535}, "": nil, "5060-5061": {5060, 5060, 5061},
	} {
		if got := ports(list); got != want {
			t.Errorf("%v: %s, want %s", list, got, want)
		}
	}
}

func TestNoCallsWithoutSIP(t *testing.T) {
	e := env(t, "sipport = 5060-5080\n")
	serve(t, e, protocol.Health{Info: protocol.SensorInfo{Source: "eth0", Started: protocol.TimeOf(e.Now())}, Counters: protocol.Counters{protocol.CountPackets: 7}})
	expect(t, one(t, e, "sip-seen"), Warn, "sipport names 5060-5080 only")
	o := one(t, e, "calls-seen")
	if o.Status != Skip || !strings.Contains(o.Seen, "no SIP") {
		t.Errorf("%+v", o)
	}
}

func TestRulesThatASensorWasStartedWithAndCannotUse(t *testing.T) {
	e := env(t, "")
	if err := os.WriteFile(filepath.Join(e.Root, "local.rules"), []byte("a: kep rtp\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	serve(t, e, protocol.Health{Problems: []protocol.Problem{{Code: "bad-rules", Title: "the capture rules cannot be used: nothing is kept until they are mended"}}})
	expect(t, one(t, e, "rules-local"), Fail, "keeps no packet of any call", "voipmon rules check")
}
