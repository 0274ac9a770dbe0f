package doctor

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"voiptop/protocol"
)

func TestUnit(t *testing.T) {
	running := map[string]string{"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled", "NRestarts": "0", "Result": "success"}
	with := func(more ...string) map[string]string {
		u := map[string]string{}
		for k, v := range running {
			u[k] = v
		}
		for i := 0; i < len(more); i += 2 {
			u[more[i]] = more[i+1]
		}
		return u
	}
	for name, c := range map[string]struct {
		unit   map[string]string
		err    error
		alive  bool
		status Status
		says   string
	}{
		"all is well":         {with(), nil, true, OK, "enabled"},
		"no systemd":          {nil, errors.ErrUnsupported, true, Skip, "no systemd"},
		"systemctl fails":     {nil, errors.New("bus is down"), false, Skip, "bus is down"},
		"no unit":             {with("LoadState", "not-found"), nil, true, Warn, "there is no sensord.service"},
		"masked":              {with("LoadState", "masked"), nil, false, Fail, "systemctl unmask"},
		"it failed":           {with("ActiveState", "failed", "Result", "exit-code", "ExecMainStatus", "1"), nil, false, Fail, "exit-code, exit status 1"},
		"stopped":             {with("ActiveState", "inactive"), nil, false, Fail, "enable --now"},
		"started by hand":     {with("ActiveState", "inactive"), nil, true, Warn, "by hand"},
		"it crashes":          {with("NRestarts", "7"), nil, true, Warn, "again 7 times"},
		"not started at boot": {with("UnitFileState", "disabled"), nil, true, Warn, "systemctl enable sensord"},
	} {
		t.Run(name, func(t *testing.T) {
			e := env(t, "")
			e.Unit = func(context.Context, string) (map[string]string, error) { return c.unit, c.err }
			if c.alive {
				serve(t, e, protocol.Health{Info: protocol.SensorInfo{Source: "eth0"}})
			}
			expect(t, one(t, e, "service-unit"), c.status, c.says)
		})
	}
	e := env(t, "")
	serve(t, e, protocol.Health{Info: protocol.SensorInfo{Source: "/tmp/a.pcap"}})
	e.Unit = func(context.Context, string) (map[string]string, error) { panic("asked") }
	expect(t, one(t, e, "service-unit"), Skip, "replays")
}

func TestLog(t *testing.T) {
	for name, c := range map[string]struct {
		lines  []string
		err    error
		status Status
		says   string
	}{
		"quiet":      {[]string{`time=x level=INFO msg="link is up"`}, nil, OK, "no error and no warning"},
		"empty":      {nil, nil, OK, "0 lines"},
		"an error":   {[]string{`level=WARN msg=a`, `level=ERROR msg="spool is full"`, `level=WARN msg=b`}, nil, Warn, `1 error and 2 warnings in the last hour, for example: level=ERROR msg="spool is full"`},
		"as JSON":    {[]string{`{"level":"WARN","msg":"x"}`}, nil, Warn, "0 errors and 1 warning"},
		"a crash":    {[]string{"panic: runtime error"}, nil, Warn, "panic: runtime error"},
		"no journal": {nil, errors.ErrUnsupported, Skip, "no systemd journal"},
		"no right":   {nil, errNoRight, Skip, "no right"},
	} {
		t.Run(name, func(t *testing.T) {
			e := env(t, "")
			e.Log = func(_ context.Context, unit string, span time.Duration) ([]string, error) {
				if unit != unitName || span != time.Hour {
					t.Errorf("asked for %s, %v", unit, span)
				}
				return c.lines, c.err
			}
			expect(t, one(t, e, "service-log"), c.status, c.says)
		})
	}
}

func TestLocalFirewall(t *testing.T) {
	closed := "server_destination = 127.0.0.1\nserver_destination_port = 60023\n"
	for name, c := range map[string]struct {
		rules  string
		err    error
		status Status
		says   []string
	}{
		"a rule drops": {
			`{"nftables":[{"chain":{"family":"inet","table":"filter","name":"output","type":"filter","hook":"output","prio":0,"policy":"accept"}},
{"rule":{"family":"inet","table":"filter","chain":"output","handle":9,"expr":[{"match":{"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":60023}},{"drop":null}]}}]}`,
			nil, Fail,
			[]string{"table inet filter, chain output: the rule with handle 9 says drop", "nft insert rule inet filter output tcp dport 60023 accept"},
		},
		"ufw": {
			`{"nftables":[{"chain":{"family":"ip","table":"filter","name":"ufw-user-output","type":"filter","hook":"output","prio":0,"policy":"drop"}}]}`,
			nil, Fail,
			[]string{"its policy is drop", "ufw allow out 60023/tcp"},
		},
		"perhaps": {
			`{"nftables":[{"chain":{"family":"inet","table":"t","name":"c","type":"filter","hook":"output","prio":0}},
{"rule":{"family":"inet","table":"t","chain":"c","handle":2,"expr":[{"match":{"op":"==","left":{"meta":{"key":"mark"}},"right":5}},{"reject":null}]}}]}`,
			nil, Warn,
			[]string{"not understood", "nft -a list chain inet t c"},
		},
		"nothing":     {`{"nftables":[]}`, nil, OK, []string{"the fault is further away"}},
		"nonsense":    {`{`, nil, Skip, []string{"nft -j list ruleset"}},
		"no nft":      {"", errors.ErrUnsupported, Skip, []string{"apt install nftables"}},
		"no right":    {"", errNoRight, Skip, []string{"sudo voipmon doctor --only network"}},
		"other fault": {"", errors.New("nft: Segmentation fault"), Skip, []string{"Segmentation fault"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := env(t, closed)
			e.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, os.ErrDeadlineExceeded }
			e.Ruleset = func(context.Context) ([]byte, error) { return []byte(c.rules), c.err }
			expect(t, one(t, e, "local-firewall"), c.status, c.says...)
		})
	}
	e := env(t, "server_destination = hosted.example\n")
	e.Resolve = func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such name") }
	expect(t, one(t, e, "local-firewall"), Skip, "needs dns")
}

func TestWire(t *testing.T) {
	healthy := protocol.Counters{protocol.CountPackets: 1000, protocol.CountSIP: 10}
	with := func(name string, n uint64) protocol.Counters {
		c := protocol.Counters{name: n}
		for k, v := range healthy {
			c[k] = v
		}
		return c
	}
	for name, c := range map[string]struct {
		conf     string
		flags    string // of eth0
		counters protocol.Counters
		check    string
		status   Status
		says     string
	}{
		"promiscuous":              {"interface = eth0\n", "0x1103", healthy, "promiscuous", OK, "eth0"},
		"not promiscuous":          {"interface = eth0\n", "0x1003", healthy, "promiscuous", Warn, "eth0 is not promiscuous"},
		"switched off":             {"interface = eth0\npromisc = no\n", "0x1003", healthy, "promiscuous", OK, "promisc = no"},
		"all interfaces":           {"interface = any\n", "", healthy, "promiscuous", OK, "nothing to switch on"},
		"an interface that is not": {"interface = eth0\n", "", healthy, "promiscuous", Skip, "ip -d link show eth0"},
		"any port":                 {"interface = any\n", "", healthy, "sip-ports", OK, "any port"},
		"listed ports":             {"interface = any\nsipport = 5060-5062\n", "", healthy, "sip-ports", OK, "5060-5062; no SIP was seen elsewhere"},
		"SIP elsewhere":            {"interface = any\nsipport = 5060\n", "", with(protocol.CountSIPUnlisted, 40), "sip-ports", Warn, "40 SIP messages on ports that sipport (5060) does not list"},
		"few duplicates":           {"interface = any\n", "", with(protocol.CountDuplicates, 99), "duplicates", OK, "99 of 1000"},
		"all twice":                {"interface = any\n", "", with(protocol.CountDuplicates, 500), "duplicates", Warn, "mirror one direction"},
		"beyond the limit":         {"interface = any\n", "", with(protocol.CountOverLimit, 3), "channels", Warn, "3 calls since sensord started"},
		"beyond the limit now":     {"interface = any\n", "", map[string]uint64{protocol.CountOverLimit: 3, protocol.CountOverLimitNow: 2}, "channels", Warn, "2 of 8 running calls"},
		"below the limit":          {"interface = any\n", "", healthy, "channels", OK, "8 running calls"},
	} {
		t.Run(name, func(t *testing.T) {
			e := env(t, c.conf)
			if c.flags != "" {
				dir := filepath.Join(e.Root, "sys/class/net/eth0")
				if err := os.MkdirAll(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, "flags"), []byte(c.flags+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			serve(t, e, protocol.Health{Info: protocol.SensorInfo{Source: "eth0", Started: protocol.TimeOf(time.Now().Add(-time.Hour))}, Counters: c.counters, Running: 8})
			r := Run(t.Context(), e, Selection{Only: []string{c.check}, Skip: []string{"interface"}}, func(Outcome) {})
			expect(t, r.Checks[0], c.status, c.says)
		})
	}
}
