package doctor

import (
	"bufio"
	"context"
	"crypto/tls"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/link"
	"voiptop/protocol/sensorapi"
)

// env is a world with a configuration file and nothing else; tests put in what they need.
func env(t *testing.T, conf string) *Env {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "voipmonitor.conf")
	conf = "api_socket = " + filepath.Join(dir, "s.sock") + "\nspooldir = " + dir + "\nstate_dir = " + dir + "\n" + conf
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	e := NewEnv(file)
	e.Root = dir
	return e
}

// one makes one check.
func one(t *testing.T, e *Env, code string) Outcome {
	t.Helper()
	r := Run(t.Context(), e, Selection{Only: []string{code}}, func(Outcome) {})
	if len(r.Checks) != 1 {
		t.Fatalf("%d outcomes", len(r.Checks))
	}
	return r.Checks[0]
}

func expect(t *testing.T, o Outcome, s Status, says ...string) {
	t.Helper()
	all := o.Seen + "\n" + o.Why + "\n" + o.Remedy
	for _, want := range says {
		if o.Status != s || !strings.Contains(all, want) {
			t.Errorf("%s: %s\n%s\nwant %s, %q", o.Code, o.Status, all, s, want)
		}
	}
}

// program writes a file with the ELF header of a machine.
func program(t *testing.T, name string, m elf.Machine) string {
	t.Helper()
	class, data := elf.ELFCLASS64, make([]byte, 64)
	copy(data, elf.ELFMAG)
	data[elf.EI_CLASS], data[elf.EI_DATA], data[elf.EI_VERSION] = byte(class), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	binary.LittleEndian.PutUint16(data[16:], uint16(elf.ET_EXEC))
	binary.LittleEndian.PutUint16(data[18:], uint16(m))
	binary.LittleEndian.PutUint32(data[20:], uint32(elf.EV_CURRENT))
	binary.LittleEndian.PutUint16(data[52:], 64) // size of this header
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestArch(t *testing.T) {
	for name, c := range map[string]struct {
		program string
		uname   string
		status  Status
		says    string
	}{
		"the same":              {program(t, "sensord", elf.EM_X86_64), "x86_64", OK, "built for amd64"},
		"32 bit on 64 bit":      {program(t, "sensord", elf.EM_386), "x86_64", OK, "built for 386"},
		"arm64":                 {program(t, "sensord", elf.EM_AARCH64), "aarch64", OK, "built for arm64"},
		"arm64 on a PC":         {program(t, "sensord", elf.EM_AARCH64), "x86_64", Fail, "install the sensord for x86_64"},
		"a PC's on a Raspberry": {program(t, "sensord", elf.EM_X86_64), "aarch64", Fail, "emulated"},
		"an emulator runs it":   {program(t, "qemu-aarch64-static", elf.EM_X86_64), "x86_64", Fail, "emulator qemu-aarch64-static"},
		"for another world":     {program(t, "sensord", elf.EM_S390), "x86_64", Fail, "EM_S390"},
		"no program":            {"/etc/passwd", "x86_64", Fail, "is no program"},
		"none installed":        {"", "x86_64", Skip, "no sensord is installed"},
	} {
		t.Run(name, func(t *testing.T) {
			e := env(t, "")
			e.Programs = []string{c.program}
			e.Machine = func() (string, error) { return c.uname, nil }
			o := one(t, e, "host-arch")
			expect(t, o, c.status, c.says)
			if o.Blocked != (c.status == Skip) {
				t.Errorf("blocked %v", o.Blocked)
			}
		})
	}
}

func TestClockWithoutHosted(t *testing.T) {
	e := env(t, "")
	e.ClockSynced = func() (bool, error) { return true, nil }
	expect(t, one(t, e, "host-clock"), OK, "disciplined")
	e.ClockSynced = func() (bool, error) { return false, nil }
	expect(t, one(t, e, "host-clock"), Warn, "set-ntp")
	e.ClockSynced = func() (bool, error) { return false, syscall.EPERM }
	if o := one(t, e, "host-clock"); !o.Blocked {
		t.Errorf("%+v", o)
	}
}

// health answers GET /v1/health.
type health struct {
	sensorapi.Sensor
	h protocol.Health
	r sensorapi.Rules
}

func (s health) Health() protocol.Health { return s.h }
func (s health) Rules() sensorapi.Rules  { return s.r }

// serve runs a sensor API of this process on the socket of e.
func serve(t *testing.T, e *Env, h protocol.Health) {
	t.Helper()
	serveRules(t, e, h, sensorapi.Rules{})
}

// serveRules is serve with capture rules.
func serveRules(t *testing.T, e *Env, h protocol.Health, r sensorapi.Rules) {
	t.Helper()
	ln, err := net.Listen("unix", e.config().Socket)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: sensorapi.NewHandler(health{h: h, r: r})}
	go srv.Serve(ln)
	t.Cleanup(func() { srv.Close() })
}

func TestCapabilities(t *testing.T) {
	e := env(t, "")
	serve(t, e, protocol.Health{Info: protocol.SensorInfo{Source: "eth0"}})
	dir := filepath.Join(e.Root, "proc", fmt.Sprint(os.Getpid())) // the socket's peer is this process
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for capEff, want := range map[string]struct {
		status Status
		says   string
	}{
		"000001ffffffffff": {OK, "CAP_NET_RAW and CAP_NET_ADMIN"},
		"0000000000003000": {OK, "CAP_NET_RAW and CAP_NET_ADMIN"},
		"0000000000002000": {Warn, "promiscuous"},
		"0000000000001000": {Fail, "lacks CAP_NET_RAW"},
	} {
		if err := os.WriteFile(filepath.Join(dir, "status"), []byte("Name:\tsensord\nCapEff:\t"+capEff+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		expect(t, one(t, e, "host-caps"), want.status, want.says)
	}
	if err := os.Remove(filepath.Join(dir, "status")); err != nil {
		t.Fatal(err)
	}
	if o := one(t, e, "host-caps"); !o.Blocked {
		t.Errorf("without /proc: %+v", o)
	}
}

func TestAReplayNeedsNeitherRightsNorInterfaces(t *testing.T) {
	e := env(t, "interface = none0\n")
	serve(t, e, protocol.Health{Info: protocol.SensorInfo{Source: "/a/calls.pcap, /a/more.pcap, /a/most.pcap", Version: protocol.Version}})
	expect(t, one(t, e, "host-caps"), Skip, "replays files")
	expect(t, one(t, e, "interface"), OK, "/a/calls.pcap and 2 more")
	expect(t, one(t, e, "sensord-socket"), OK, "replaying /a/calls.pcap")
}

func TestASensorThatOnlyTakesHEPNeedsNeitherRightsNorInterfaces(t *testing.T) {
	e := env(t, "hep = yes\nhep_bind_port = 9070\n")
	h := protocol.Health{Info: protocol.SensorInfo{Source: "hep udp+tcp [::]:9070"}, Counters: protocol.Counters{}}
	serve(t, e, h)
	expect(t, one(t, e, "host-caps"), Skip, "takes HEP only")
	expect(t, one(t, e, "interface"), OK, ":9070")
	expect(t, one(t, e, "packets-seen"), Fail, "no HEP message", "port 9070")
	h.Counters["hep.listen.dropped.key"] = 7
	expect(t, one(t, e, "packets-seen"), Fail, "7 HEP messages", "hep_auth_key")
	h.Counters[protocol.CountPackets], h.Counters[protocol.CountSIP], h.Counters[protocol.CountCallsStarted] = 5, 5, 1
	expect(t, one(t, e, "packets-seen"), OK, "5 packets")
	expect(t, one(t, e, "rtp-seen"), Skip, "the signalling")
}

func TestInterfaceThatIsDown(t *testing.T) {
	e := env(t, "interface = eth0, eth1\n")
	e.Interfaces = func() ([]net.Interface, error) {
		return []net.Interface{{Name: "eth0", Flags: net.FlagUp}, {Name: "eth1"}}, nil
	}
	expect(t, one(t, e, "interface"), Fail, "eth1 is down", "ip link set eth1 up")
}

func TestNames(t *testing.T) {
	const host = "hosted.example"
	addr := netip.MustParseAddr("192.0.2.7")
	for name, c := range map[string]struct {
		err    error
		list   []netip.Addr
		libc   []netip.Addr
		resolv string
		status Status
		says   []string
	}{
		"found":         {list: []netip.Addr{netip.MustParseAddr("2001:db8::1"), addr}, status: OK, says: []string{"hosted.example is 192.0.2.7, 2001:db8::1"}},
		"no such name":  {err: &net.DNSError{IsNotFound: true}, resolv: "# x\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n", status: Fail, says: []string{"no such name, says 192.0.2.1, 192.0.2.2", "getent"}},
		"no answer":     {err: &net.DNSError{IsTimeout: true}, resolv: "search x\n", status: Fail, says: []string{"no answer from 127.0.0.1", "names no server", "dig"}},
		"no addresses":  {status: Fail, says: []string{"without an address"}},
		"something odd": {err: errors.New("odd"), status: Fail, says: []string{"odd"}},
		"only the C library knows": {
			err: &net.DNSError{IsNotFound: true}, libc: []netip.Addr{addr}, status: Fail,
			says: []string{"the C library finds 192.0.2.7", "nsswitch", "echo '192.0.2.7 hosted.example' >> /etc/hosts"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := env(t, "server_destination = "+host+"\n")
			e.Resolve = func(context.Context, string) ([]netip.Addr, error) { return c.list, c.err }
			e.SystemResolve = func(context.Context, string) ([]netip.Addr, error) { return c.libc, nil }
			if c.resolv != "" {
				if err := os.MkdirAll(filepath.Join(e.Root, "etc"), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(e.Root, "etc/resolv.conf"), []byte(c.resolv), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			expect(t, one(t, e, "dns"), c.status, c.says...)
		})
	}
}

func TestOneOfTwoNamesIsEnough(t *testing.T) {
	e := env(t, "server_destination = gone.example, 192.0.2.9\n")
	e.Resolve = func(context.Context, string) ([]netip.Addr, error) { return nil, &net.DNSError{IsNotFound: true} }
	e.SystemResolve = nil
	expect(t, one(t, e, "dns"), Warn, "gone.example: no such name", "192.0.2.9 is an address")
}

func TestConnectionsThatFailInTheNetwork(t *testing.T) {
	for says, err := range map[string]error{
		"no route":             &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)},
		"the kernel here":      &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EPERM)},
		"does not answer":      context.DeadlineExceeded,
		"nft add rule":         &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded},
		"nc -vz 192.0.2.1 443": errors.New("something else"),
	} {
		e := env(t, "server_destination = 192.0.2.1:443\n")
		e.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, err }
		expect(t, one(t, e, "tcp-60023"), Fail, says)
	}
}

func TestProxyThatLeadsNowhere(t *testing.T) {
	e := env(t, "server_destination = cloud.example\nserver_proxy = http://pbx:hush@proxy.example:3128\n")
	e.Resolve = func(_ context.Context, host string) ([]netip.Addr, error) {
		if host != "proxy.example" {
			t.Errorf("%s is resolved, which the proxy does", host)
		}
		return []netip.Addr{netip.MustParseAddr("192.0.2.3")}, nil
	}
	expect(t, one(t, e, "dns"), OK, "proxy.example is 192.0.2.3")
	asked := make(chan string, 9)
	e.Dial = func(_ context.Context, _, addr string) (net.Conn, error) {
		a, b := net.Pipe()
		go func() {
			req, err := http.ReadRequest(bufio.NewReader(b))
			if err == nil {
				asked <- addr + " " + req.Host
				fmt.Fprint(b, "HTTP/1.1 403 Forbidden\r\n\r\n")
			}
			b.Close()
		}()
		return a, nil
	}
	o := one(t, e, "tcp-60023")
	expect(t, o, Fail, "does not let anybody through", "many allow port 443 only")
	if got := <-asked; got != "proxy.example:3128 cloud.example:60023" || strings.Contains(fmt.Sprint(o), "hush") {
		t.Errorf("asked %s; %v", got, o)
	}
}

func TestPort443StandsInForABlockedOne(t *testing.T) {
	ts := httptest.NewUnstartedServer(http.NotFoundHandler())
	ts.TLS = &tls.Config{NextProtos: []string{link.ALPNUp}, MinVersion: tls.VersionTLS13}
	ts.StartTLS()
	defer ts.Close()
	e := env(t, "server_destination = 192.0.2.1\n")
	e.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr != "192.0.2.1:443" {
			return nil, context.DeadlineExceeded
		}
		return (&net.Dialer{}).DialContext(ctx, network, ts.Listener.Addr().String())
	}
	expect(t, one(t, e, "tcp-60023"), Warn, "192.0.2.1:60023 does not answer", "hosted answers at 192.0.2.1:443")
	plain := httptest.NewTLSServer(http.NotFoundHandler()) // a web server, and no hosted
	defer plain.Close()
	e.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr != "192.0.2.1:443" {
			return nil, context.DeadlineExceeded
		}
		return (&net.Dialer{}).DialContext(ctx, network, plain.Listener.Addr().String())
	}
	expect(t, one(t, e, "tcp-60023"), Fail, "192.0.2.1:60023 does not answer")
}

func TestDisks(t *testing.T) {
	e := env(t, "maxpoolsize = 1000\n")
	e.Disk = func(string) (free, size uint64, err error) { return 500e9, 1000e9, nil }
	expect(t, one(t, e, "spool"), OK, "500.0 GB of 1000.0 GB free")
	e.Disk = func(string) (free, size uint64, err error) { return 1e6, 1000e9, nil }
	expect(t, one(t, e, "state"), Warn, "full soon")
	e.Disk = func(string) (free, size uint64, err error) { return 0.9e9, 0.95e9, nil }
	expect(t, one(t, e, "spool"), Warn, "full soon")
	e.Disk = func(string) (free, size uint64, err error) { return 0, 0, syscall.EIO }
	if o := one(t, e, "state"); !o.Blocked {
		t.Errorf("%+v", o)
	}
	e = env(t, "maxpoolsize = 100000\n")
	e.Disk = func(string) (free, size uint64, err error) { return 40e9, 50e9, nil }
	expect(t, one(t, e, "spool"), Warn, "maxpoolsize is 104.9 GB, the disk has 50.0 GB", "write maxpoolsize = 38146")
}

func TestNothingIsLeftInTheFoldersThatAreTried(t *testing.T) {
	e := env(t, "")
	before, err := os.ReadDir(e.Root)
	if err != nil {
		t.Fatal(err)
	}
	one(t, e, "spool")
	one(t, e, "state")
	after, err := os.ReadDir(e.Root)
	if err != nil || len(after) != len(before) {
		t.Errorf("%d entries, then %d (%v)", len(before), len(after), err)
	}
}

func TestRunStopsWhenItIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e := env(t, "")
	n := 0
	r := Run(ctx, e, Selection{}, func(Outcome) {
		n++
		cancel()
	})
	if n != 1 || len(r.Checks) != 1 {
		t.Errorf("%d checks after the interruption", n)
	}
}

func TestRunForgetsBetweenRuns(t *testing.T) {
	e := env(t, "")
	expect(t, one(t, e, "sensord-socket"), Fail, "not running")
	serve(t, e, protocol.Health{Info: protocol.SensorInfo{Version: protocol.Version, Started: protocol.TimeOf(time.Now())}})
	expect(t, one(t, e, "sensord-socket"), OK, "up")
}

func TestSecretsAreRedacted(t *testing.T) {
	for in, want := range map[string]string{
		"cloud_token = a":              "cloud_token = [removed]",
		"  # mysqlpassword=a ; b":      "  # mysqlpassword= [removed]",
		";Mysql-Username = root":       ";Mysql-Username = [removed]",
		"mysqlssl_key = /etc/x.pem":    "mysqlssl_key = [removed]",
		"url = http://u:p@h/":          "url = http://[removed]@h/",
		"id_sensor = 7":                "id_sensor = 7",
		"interface = eth0 # no token=": "interface = eth0 # no token=",
		"a = 1\ntoken = x\nb = 2":      "a = 1\ntoken = [removed]\nb = 2",

		"; old cloud_token = vts_x":          "; old cloud_token = [removed]",
		"cloud_token vt1.abc":                "cloud_token [removed]",
		"# the boss is +420 777 123 456, 7":  "# the boss is [removed], 7",
		"maxpoolsize = 1024000":              "maxpoolsize = 1024000",
		"include = /etc/420777999888.conf":   "include = /etc/[removed].conf",
		"server_destination = 192.0.2.1:443": "server_destination = 192.0.2.1:443",
		"x\n-----BEGIN EC PRIVATE KEY-----\nabc\n-----END EC PRIVATE KEY-----\ny = 1": "x\n[removed]\ny = 1",
	} {
		if got := string(redact([]byte(in))); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestWhatAnErrorQuotesOfTheConfigurationHasNoSecrets(t *testing.T) {
	if got := quoted(`c:12: found "cloud_token vt1.abcdef", expected a line`); strings.Contains(got, "abcdef") || !strings.Contains(got, "c:12") {
		t.Errorf("%s", got)
	}
	if got := string(scrub([]byte(`{"seen":"vt1.abcdefgh and vtu_ABCDEFGH of http://a:b@c/"}`))); got != `{"seen":"[removed] and [removed] of http://[removed]@c/"}` {
		t.Errorf("%s", got)
	}
}

func TestLongWordsAreBroken(t *testing.T) {
	for _, line := range wrap(strings.Repeat("x", 95)+" "+strings.Repeat("日", 50)+" end", 40) {
		if n := len([]rune(line)); n > 40 || strings.HasPrefix(line, "日") && n > 20 {
			t.Errorf("%d characters: %s", n, line)
		}
	}
	if got := wrap("a b c", 3); len(got) != 2 || got[0] != "a b" {
		t.Errorf("%q", got)
	}
}
