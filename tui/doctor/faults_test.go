package doctor

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"voiptop/protocol"
)

// as makes the world one in which sensord's unit runs it as a user who may do all but what is forbidden, "-w PATH".
func as(e *Env, unit map[string]string, forbidden string) {
	e.Unit = func(context.Context, string) (map[string]string, error) { return unit, nil }
	e.Lookup = func(name string) (*Account, error) {
		if name != "sensord" {
			return nil, fmt.Errorf("asked for %s", name)
		}
		return &Account{Name: name, UID: 999}, nil
	}
	e.Try = func(_ context.Context, a *Account, op, path string) (bool, error) {
		return op+" "+path != forbidden, nil
	}
}

func TestWhatTheUserOfSensordMayNotIsFound(t *testing.T) {
	unit := map[string]string{"LoadState": "loaded", "ActiveState": "active", "User": "sensord"}
	strict := map[string]string{"LoadState": "loaded", "User": "sensord", "ProtectSystem": "strict", "ReadWritePaths": "-/var/spool/sensord", "StateDirectory": "sensord"}
	for name, c := range map[string]struct {
		check     string
		conf      string
		unit      map[string]string
		forbidden string // with DIR for the folder of the test
		status    Status
		says      string
	}{
		"the file":                  {"conf-readable", "", unit, "-r DIR/voipmonitor.conf", Fail, "chgrp sensord DIR/voipmonitor.conf ; chmod g+r"},
		"the file, read as root":    {"conf-readable", "run_as_user = sensord\n", unit, "-r DIR/voipmonitor.conf", OK, "voipmonitor.conf"},
		"the spool":                 {"spool", "", unit, "-w DIR", Fail, "sensord may not write to DIR, and sensord runs as that user"},
		"the spool of run_as_user":  {"spool", "run_as_user = sensord\n", map[string]string{}, "-w DIR", Fail, "chown sensord: DIR"},
		"the state":                 {"state", "", unit, "-w DIR", Fail, "chown sensord: DIR ; or name another folder as state_dir"},
		"the rules":                 {"rules-local", "rules_file = /dev/null\n", unit, "-r /dev/null", Fail, "chmod g+r /dev/null"},
		"the keys of TLS":           {"conf-readable", "run_as_user = sensord\ntls_keylog = /dev/null\n", unit, "-r /dev/null", Warn, "SIP over TLS stays unread"},
		"keys the unit hides":       {"conf-readable", "tls_keylog = /tmp/keys.log\n", map[string]string{"LoadState": "loaded", "PrivateTmp": "yes"}, "", Warn, "hides /tmp/keys.log"},
		"keys it does not hide":     {"conf-readable", "tls_keylog = /tmp/keys.log\n", map[string]string{"LoadState": "loaded", "PrivateTmp": "no"}, "", OK, "voipmonitor.conf"},
		"rules the unit hides":      {"rules-local", "rules_file = DIR/voipmonitor.conf\n", map[string]string{"LoadState": "loaded", "PrivateTmp": "yes"}, "", Fail, "/etc/sensord.rules"},
		"all is allowed":            {"state", "", unit, "", OK, "free"},
		"the unit's walls":          {"spool", "", strict, "", Fail, "ReadWritePaths=DIR"},
		"within the unit's walls":   {"spool", "", map[string]string{"LoadState": "loaded", "ProtectSystem": "strict", "ReadWritePaths": "-/tmp /"}, "", OK, "free"},
		"without walls in the unit": {"spool", "", map[string]string{"LoadState": "loaded", "ProtectSystem": "full"}, "", OK, "free"},
	} {
		t.Run(name, func(t *testing.T) {
			e := env(t, "maxpoolsize = 1\n")
			e.Disk = func(string) (free, size uint64, err error) { return 50e9, 100e9, nil }
			if c.unit["PrivateTmp"] == "yes" && !within("/tmp", e.Root) {
				t.Skip("files of tests are not in /tmp here")
			}
			here := func(s string) string { return strings.ReplaceAll(s, "DIR", e.Root) }
			conf, err := os.ReadFile(e.ConfPath)
			if err == nil {
				err = os.WriteFile(e.ConfPath, append(conf, here(c.conf)...), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			as(e, c.unit, here(c.forbidden))
			expect(t, one(t, e, c.check), c.status, here(c.says))
		})
	}
}

func TestWithoutAUnitTheOwnerOfTheStateIsAsked(t *testing.T) {
	e := env(t, "")
	as(e, map[string]string{}, "-w "+e.Root)
	e.Lookup = func(name string) (*Account, error) {
		if name != strconv.Itoa(os.Getuid()) {
			t.Errorf("asked for %s", name)
		}
		return &Account{Name: "ann", UID: 1000}, nil
	}
	expect(t, one(t, e, "spool"), Fail, "ann may not write to "+e.Root)
}

func TestRootIsAskedForNobody(t *testing.T) {
	e := env(t, "run_as_user = root\n")
	e.Lookup = func(string) (*Account, error) { return &Account{Name: "root"}, nil }
	e.Try = func(context.Context, *Account, string, string) (bool, error) { panic("asked") }
	expect(t, one(t, e, "conf-readable"), OK, "voipmonitor.conf")
}

func TestTryAsksAsThatUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		mode os.FileMode
		op   string
		want bool
	}{{0o600, "-r", false}, {0o640, "-r", true}, {0o640, "-w", false}, {0o666, "-w", true}} {
		if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(filepath.Dir(dir), 0o755), os.Chown(file, 0, 54321), os.Chmod(file, c.mode)); err != nil {
			t.Fatal(err)
		}
		ok, err := try(t.Context(), &Account{UID: 54320, GID: 54320, Groups: []uint32{54321}}, c.op, file)
		if err != nil || ok != c.want {
			t.Errorf("%o %s: %v %v, want %v", c.mode, c.op, ok, err, c.want)
		}
	}
}

func TestAFirewallAgainstTheUserOfSensordIsFoundByRoot(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	rules := `{"nftables":[{"chain":{"family":"inet","table":"t","name":"c","type":"filter","hook":"output","prio":0}},
{"rule":{"family":"inet","table":"t","chain":"c","handle":2,"expr":[{"match":{"op":"==","left":{"meta":{"key":"skuid"}},"right":"sensord"}},{"drop":null}]}}]}`
	for user, want := range map[string]Status{"sensord": Fail, "": OK} {
		e := env(t, "server_destination = "+ln.Addr().String()+"\n")
		as(e, map[string]string{"User": user}, "")
		e.Ruleset = func(context.Context) ([]byte, error) { return []byte(rules), nil }
		expect(t, one(t, e, "local-firewall"), want, "")
		expect(t, one(t, e, "tcp-60023"), OK, "accepts")
	}
}

func TestTheOwnFirewallIsNamedWhereTheConnectionFails(t *testing.T) {
	e := env(t, "server_destination = 127.0.0.1:60023\n")
	e.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, os.ErrDeadlineExceeded }
	e.Ruleset = func(context.Context) ([]byte, error) {
		return []byte(`{"nftables":[{"chain":{"family":"inet","table":"t","name":"i","type":"filter","hook":"input","prio":0,"policy":"drop"}}]}`), nil
	}
	expect(t, one(t, e, "tcp-60023"), Fail, "127.0.0.1:60023 does not answer: this machine's own firewall (table inet t, chain i: its policy is drop",
		"drops what 127.0.0.1:60023 answers", "nft insert rule inet t i ct state established,related accept")
}

func TestWhatSensordSaidWhenItEndedIsTold(t *testing.T) {
	started := `time=x level=INFO msg="sensord started" version=1`
	for name, c := range map[string]struct {
		lines []string
		says  string
		not   string
	}{
		"it ended by itself":      {[]string{started, "sensord: spooldir: open /x: permission denied", "systemd says something"}, "it ended with: spooldir: open /x: permission denied", "-n 20"},
		"it was stopped":          {[]string{"sensord: an old fault", started, `level=INFO msg="sensord stopped"`}, "there is no", "an old fault"},
		"it was not even started": {nil, "there is no", "it ended with"},
	} {
		t.Run(name, func(t *testing.T) {
			e := env(t, "")
			e.Log = func(context.Context, string, time.Duration) ([]string, error) { return c.lines, nil }
			o := one(t, e, "sensord-socket")
			expect(t, o, Fail, c.says)
			if strings.Contains(o.Seen+o.Remedy, c.not) {
				t.Errorf("%+v holds %q", o, c.not)
			}
		})
	}
}

// A program that was replaced, or that runs in a container, is not at the path that its process names.
func TestTheProgramOfARunningSensorIsReadWhereItRuns(t *testing.T) {
	e := env(t, "interface = eth0\n")
	serve(t, e, protocol.Health{Info: protocol.SensorInfo{Source: "eth0"}})
	e.Machine = func() (string, error) { return "x86_64", nil }
	dir := filepath.Join(e.Root, "proc", fmt.Sprint(os.Getpid()))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program(t, "sensord", elf.EM_X86_64), filepath.Join(dir, "exe")); err != nil {
		t.Fatal(err)
	}
	expect(t, one(t, e, "host-arch"), OK, "is built for amd64")
}

func TestAnAddressOfTheOtherIPIsToldApartFromAMissingRoute(t *testing.T) {
	addrs := func(list ...string) func() ([]net.Addr, error) {
		return func() (all []net.Addr, err error) {
			for _, s := range append(list, "127.0.0.1/8", "::1/128", "fe80::1/64") {
				ip, n, _ := net.ParseCIDR(s)
				all = append(all, &net.IPNet{IP: ip, Mask: n.Mask})
			}
			return all, nil
		}
	}
	for _, c := range []struct {
		to   string
		have func() ([]net.Addr, error)
		says string
	}{
		{"192.0.2.1", addrs("2001:db8::2/64"), "IPv6 addresses only, and hosted's is IPv4"},
		{"[2001:db8::1]", addrs("10.0.0.2/24"), "IPv4 addresses only, and hosted's is IPv6"},
		{"192.0.2.1", addrs("10.0.0.2/24", "2001:db8::2/64"), "ip route get 192.0.2.1"},
		{"192.0.2.1", addrs(), "ip route get 192.0.2.1"},
	} {
		e := env(t, "server_destination = "+c.to+"\nserver_destination_port = 60023\n")
		e.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ENETUNREACH }
		e.Ruleset = func(context.Context) ([]byte, error) { return nil, errors.ErrUnsupported }
		e.Addresses = c.have
		expect(t, one(t, e, "tcp-60023"), Fail, "there is no route to", c.says)
	}
}

func TestAFilterOrSipportIsNamedWhereItKeepsAllOut(t *testing.T) {
	old := protocol.SensorInfo{Source: "eth0", Started: protocol.TimeOf(time.Now().Add(-time.Hour))}
	e := env(t, "interface = eth0\nfilter = udp port 5060\n")
	serve(t, e, protocol.Health{Info: old})
	expect(t, one(t, e, "packets-seen"), Fail, "filter = udp port 5060 keeps all out")
	e = env(t, "interface = eth0\nsipport = 5090\n")
	serve(t, e, protocol.Health{Info: old, Counters: protocol.Counters{protocol.CountPackets: 100, protocol.CountSIPUnlisted: 21}})
	expect(t, one(t, e, "sip-seen"), Fail, "21 SIP messages on ports that sipport (5090) does not list", "remove sipport from")
}

func TestTheLinksErrorIsToldOnceAndFollowsWhatThisCommandSees(t *testing.T) {
	down := &protocol.Problem{Code: protocol.CodeServerUnreachable, Title: "cannot connect", Remedy: "is hosted running?"}
	e := env(t, "server_destination = 127.0.0.1:60023\n")
	e.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED }
	e.Ruleset = func(context.Context) ([]byte, error) { return nil, errors.ErrUnsupported }
	h := protocol.Health{Problems: []protocol.Problem{*down}, Link: protocol.LinkHealth{State: "connecting", Server: "127.0.0.1:60023", LastError: down}}
	serve(t, e, h)
	expect(t, one(t, e, "sensord-problems"), OK, "link-up tells")
	expect(t, one(t, e, "link-up"), Fail, "server-unreachable", "is hosted running?")
	r := Run(t.Context(), e, Selection{Only: []string{"tcp-60023", "link-up"}}, func(Outcome) {})
	expect(t, r.Checks[1], Fail, "mend tcp-60023 first")
}

func TestAFullDiskIsAFailure(t *testing.T) {
	for free, want := range map[uint64]Status{0: Fail, 100 << 20: Warn, 9 << 30: OK} {
		e := env(t, "")
		e.Disk = func(string) (uint64, uint64, error) { return free, 100 << 30, nil }
		expect(t, one(t, e, "state"), want, "of 107.4 GB free")
	}
}

func TestWhereNothingIsReachedNothingIsTriedTwice(t *testing.T) {
	for name, spoil := range map[string]func(e *Env){
		"no address": func(e *Env) {
			e.Resolve = func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such name") }
		},
		"no connection": func(*Env) {},
	} {
		e := env(t, "server_destination = hosted.example:60023\n")
		dials := 0
		e.Dial = func(context.Context, string, string) (net.Conn, error) { dials++; return nil, os.ErrDeadlineExceeded }
		e.Resolve = func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
		}
		e.SystemResolve, e.Ruleset = nil, func(context.Context) ([]byte, error) { return nil, errors.ErrUnsupported }
		e.ClockSynced = func() (bool, error) { return true, nil }
		spoil(e)
		r := Run(t.Context(), e, Selection{Only: []string{"network", "host-clock"}}, func(Outcome) {})
		if o := r.Checks[len(r.Checks)-1]; o.Code != "host-clock" || o.Status != OK || !strings.Contains(o.Seen, "not reached") {
			t.Errorf("%s: %+v", name, o)
		}
		if dials > 1 {
			t.Errorf("%s: %d attempts", name, dials)
		}
	}
}

// What was dropped once is gone, and no fault for ever.
func TestDroppedRecordsAreAFailureOnlyWhileTheDiskIsFull(t *testing.T) {
	for _, c := range []struct {
		pending, free uint64
		status        Status
		says          string
	}{
		{9, 0, Fail, "at most 9 CDRs wait, and 5 were dropped"},
		{9, 9 << 30, Warn, "has room again"},
		{0, 0, Fail, "the disk is full"},
		{0, 9 << 30, OK, "5 were dropped once"},
	} {
		e := env(t, "")
		e.Disk = func(string) (uint64, uint64, error) { return c.free, 100 << 30, nil }
		serve(t, e, protocol.Health{Journal: protocol.QueueState{Pending: c.pending, Dropped: 5}})
		expect(t, one(t, e, "queue"), c.status, c.says)
	}
}

func TestWithoutRightsNothingIsSaidThatIsNotKnown(t *testing.T) {
	e := env(t, "interface = eth0\n")
	e.health.done, e.health.err = true, os.ErrPermission
	r := run{env: e, done: map[string]Outcome{}}
	for _, c := range Checks() {
		if c.Code == "host-caps" {
			o := r.outcome(t.Context(), c)
			if expect(t, o, Skip, "no right to use"); !o.Blocked {
				t.Errorf("%+v", o)
			}
		}
	}
	report := Report{Status: 2, Checks: []Outcome{{Code: "conf-readable", Result: blocked("no right", "sudo voipmon doctor")}}}
	var b strings.Builder
	if err := NewPrinter(&b).Summary(report); err != nil || !strings.HasSuffix(b.String(), "\nnot all could be checked: conf-readable: sudo voipmon doctor\n") {
		t.Errorf("%v: %s", err, b.String())
	}
}
