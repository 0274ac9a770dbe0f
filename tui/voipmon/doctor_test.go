package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"voiptop/protocol"
	"voiptop/protocol/link"
	"voiptop/tui/doctor"
)

// report runs doctor for one check and answers its outcome.
func (w *world) report(code string) (doctor.Outcome, int) {
	w.t.Helper()
	status, out, errs := w.doctor("--json", "--only", code)
	var r doctor.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || len(r.Checks) != 1 || r.Status != status {
		w.t.Fatalf("status %d, stdout %q, stderr %q: %v", status, out, errs, err)
	}
	return r.Checks[0], status
}

// everywhere is the checks that pass in a world where all is well, on whatever machine the test runs. The clock and the
// capabilities of the test's own process depend on who runs it, its service and log on what is installed.
var everywhere = []string{
	"conf-readable", "conf-keys", "conf-id-sensor", "conf-server", "conf-packetbuffer-sender", "dns", "tcp-60023", "local-firewall", "tls", "paired", "hello",
	"host-arch", "host-clock", "sensord-socket", "sensord-problems", "interface", "promiscuous", "packets-seen", "drops", "sip-seen", "sip-ports", "duplicates",
	"calls-seen", "rtp-seen", "link-up", "queue", "last-cdr", "state", "spool", "rules-local", "rules-hosted", "rules-held", "cloud-access", "channels", "retention",
}

func TestDoctorFindsNothingWhereAllIsWell(t *testing.T) {
	w := newWorld(t)
	status, out, errs := w.doctor("--json", "--skip", "host-caps,service-unit,service-log")
	var r doctor.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v: %s %s", err, out, errs)
	}
	var made []string
	for _, o := range r.Checks {
		made = append(made, o.Code)
		if o.Status != doctor.OK {
			t.Errorf("%s: %s: %s", o.Code, o.Status, o.Seen)
		}
	}
	if status != 0 || !slices.Equal(slices.Sorted(slices.Values(made)), slices.Sorted(slices.Values(everywhere))) {
		t.Errorf("status %d, checks %v", status, made)
	}
}

// TestDoctorFindsEachFault spoils one thing at a time and asks the check that must notice.
func TestDoctorFindsEachFault(t *testing.T) {
	refuse := func(code string) func(*world) {
		return func(w *world) {
			w.answer = func(io.Writer, link.Hello) *protocol.Problem {
				return &protocol.Problem{Code: code, Title: "no", Detail: "really"}
			}
		}
	}
	for name, c := range map[string]struct {
		spoil  func(w *world)
		check  string
		status doctor.Status
		seen   string // in what was seen
		says   string // in why or remedy
	}{
		"a folder as a file":  {func(w *world) { os.Mkdir(w.path("voipmonitor.conf"), 0o700) }, "conf-readable", doctor.Fail, "is a directory", "mend the file"},
		"an unknown key":      {func(w *world) { w.conf["unheard_of"] = "1" }, "conf-keys", doctor.Warn, "unheard_of", "line"},
		"a wrong value":       {func(w *world) { w.conf["maxpoolsize"] = "big" }, "conf-keys", doctor.Fail, `found "big"`, "write"},
		"no id_sensor":        {func(w *world) { w.conf["id_sensor"] = "" }, "conf-id-sensor", doctor.Fail, "not set", "write id_sensor"},
		"id_sensor too large": {func(w *world) { w.conf["id_sensor"] = "70000" }, "conf-id-sensor", doctor.Fail, `line 1: found "70000"`, "65535"},
		"no server":           {func(w *world) { w.conf["server_destination"] = "" }, "conf-server", doctor.Fail, "not set", "write server_destination"},
		"sender off":          {func(w *world) { w.conf["packetbuffer_sender"] = "no" }, "conf-packetbuffer-sender", doctor.Warn, "packetbuffer_sender = no", "never mirrored"},
		"sender not set":      {func(w *world) { w.conf["packetbuffer_sender"] = "" }, "conf-packetbuffer-sender", doctor.Warn, "not set", "checklist"},

		"a name that does not exist": {func(w *world) { w.conf["server_destination"] = "a..b" }, "dns", doctor.Fail, "a..b: no such name", "getent"},
		"a closed port":              {func(w *world) { w.conf["server_destination"] = closedPort(w) }, "tcp-60023", doctor.Fail, "refuses", "ss -ltnp"},
		"accepted and closed":        {func(w *world) { w.conf["server_destination"] = w.listen(func(c net.Conn) { c.Close() }) }, "tcp-60023", doctor.Fail, "closes at once", "proxy"},
		"accepted and reset": {func(w *world) {
			w.conf["server_destination"] = w.listen(func(c net.Conn) { c.(*net.TCPConn).SetLinger(0); c.Close() })
		}, "tcp-60023", doctor.Fail, "resets", "firewall"},
		"no answer":                 {func(w *world) { w.conf["server_destination"] = silentPort(w) }, "tcp-60023", doctor.Fail, "does not answer", "nft"},
		"the second server answers": {func(w *world) { w.conf["server_destination"] = closedPort(w) + "," + w.addr }, "tcp-60023", doctor.Warn, "answers", ""},

		"a web server answers": {func(w *world) {
			w.conf["server_destination"] = w.listen(func(c net.Conn) {
				c.Read(make([]byte, 4096))
				io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
				c.Close()
			})
		}, "tls", doctor.Fail, `begins with "HTTP/"`, "proxy"},
		"TLS is taken apart": {func(w *world) {
			ca, key := newCA(w.t)
			w.conf["server_destination"] = w.serveTLS(&tls.Config{NextProtos: []string{link.ALPNUp}, Certificates: []tls.Certificate{w.serverCert("firewall.example", ca, key)}})
		}, "tls", doctor.Fail, `CA "test CA"`, "signs it anew"},
		"another hosted": {func(w *world) {
			ca, key := newCA(w.t)
			w.conf["server_destination"] = w.serveTLS(&tls.Config{NextProtos: []string{link.ALPNUp}, Certificates: []tls.Certificate{w.serverCert(link.ServerName, ca, key)}})
		}, "tls", doctor.Fail, `CA "test CA"`, "not the one that this sensor was paired with"},
		"an expired certificate of hosted": {func(w *world) {
			w.conf["server_destination"] = w.serveTLS(&tls.Config{
				NextProtos:   []string{link.ALPNUp},
				Certificates: []tls.Certificate{w.serverCertUntil(time.Now().Add(-time.Hour), link.ServerName, w.ca, w.caKey)},
			})
		}, "tls", doctor.Fail, "is valid from", "wrong clock"},
		"another fingerprint": {func(w *world) { w.conf["server_fingerprint"] = strings.Repeat("ab", 32) }, "tls", doctor.Fail, `CA "test CA"`, "server_fingerprint ("},
		"pinned before it is paired": {func(w *world) {
			os.Remove(w.path("state/identity/cert.pem"))
			w.conf["server_fingerprint"] = link.Fingerprint(w.ca)
		}, "tls", doctor.OK, "as expected", ""},
		"only TLS 1.2": {func(w *world) {
			w.conf["server_destination"] = w.serveTLS(&tls.Config{MaxVersion: tls.VersionTLS12, Certificates: []tls.Certificate{w.serverCert(link.ServerName, w.ca, w.caKey)}})
		}, "tls", doctor.Fail, "refuses the handshake", "older TLS"},
		"a web server with TLS": {func(w *world) {
			w.conf["server_destination"] = w.serveTLS(&tls.Config{NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{w.serverCert(link.ServerName, w.ca, w.caKey)}})
		}, "tls", doctor.Fail, "refuses the handshake", "something other than hosted"},
		"TLS without our protocol": {func(w *world) {
			w.conf["server_destination"] = w.serveTLS(&tls.Config{Certificates: []tls.Certificate{w.serverCert(link.ServerName, w.ca, w.caKey)}})
		}, "tls", doctor.Fail, "not voipmon-up/1", "web server"},
		"closed in the handshake": {func(w *world) {
			w.conf["server_destination"] = w.listen(func(c net.Conn) { c.Read(make([]byte, 1)); c.Close() })
		}, "tls", doctor.Fail, "closes during the handshake", "inspection"},
		"nothing to compare with": {func(w *world) { os.Remove(w.path("state/identity/cert.pem")) }, "tls", doctor.Warn, "TLS 1.3", "not paired"},
		"a damaged token":         {func(w *world) { os.Remove(w.path("state/identity/cert.pem")); w.conf["cloud_token"] = "vt1.xyz" }, "tls", doctor.Fail, "token", "copy it again"},

		"not paired": {func(w *world) { os.Remove(w.path("state/identity/cert.pem")) }, "paired", doctor.Fail, "not paired", "voipmon pair"},
		"not paired, but a token": {func(w *world) {
			os.Remove(w.path("state/identity/cert.pem"))
			w.conf["cloud_token"] = "vt1.x"
		}, "paired", doctor.Fail, "cloud_token is set", "restart sensord"},
		"the key is open to all":   {func(w *world) { os.Chmod(w.path("state/identity/key.pem"), 0o644) }, "paired", doctor.Fail, "others may read the key", "--force"},
		"an expired certificate":   {func(w *world) { w.pairUntil(-24 * time.Hour) }, "paired", doctor.Warn, "acme", "renews"},
		"expired beyond the grace": {func(w *world) { w.pairUntil(-2 * link.RenewGrace) }, "paired", doctor.Fail, "acme", "--force"},

		"unknown-token":        {refuse(protocol.CodeUnknownToken), "hello", doctor.Fail, "unknown-token: no: really", "new one"},
		"sensor-id-collision":  {refuse(protocol.CodeSensorIDCollision), "hello", doctor.Fail, "sensor-id-collision", "id_sensor"},
		"protocol-unsupported": {refuse(protocol.CodeProtocolUnsupported), "hello", doctor.Fail, "protocol-unsupported", "upgrade"},
		"known-bad-build":      {refuse(protocol.CodeKnownBadBuild), "hello", doctor.Fail, "known-bad-build", "upgrade"},
		"revoked":              {refuse(protocol.CodeRevoked), "hello", doctor.Fail, "revoked", "voipmon pair"},
		"tenant-suspended":     {refuse(protocol.CodeTenantSuspended), "hello", doctor.Fail, "tenant-suspended", "ask"},
		"a code of tomorrow":   {refuse("brand-new"), "hello", doctor.Fail, "brand-new", "hosted's log"},

		"hosted says clock-skew":   {refuse(protocol.CodeClockSkew), "host-clock", doctor.Fail, "no: really", "timedatectl"},
		"the clock is five off":    {func(w *world) { w.offset = 5 * time.Second }, "host-clock", doctor.Warn, "from hosted's clock", "timedatectl"},
		"the clock is minutes off": {func(w *world) { w.offset = -5 * time.Minute }, "host-clock", doctor.Fail, "from hosted's clock", "timedatectl"},
		"sensord does not run":     {func(w *world) { w.conf["api_socket"] = w.path("none.sock") }, "sensord-socket", doctor.Fail, "there is no", "systemctl start"},
		"sensord has crashed":      {func(w *world) { w.conf["api_socket"] = deadSocket(w) }, "sensord-socket", doctor.Fail, "nobody listens", "crash"},
		"another version runs":     {func(w *world) { w.change(func(h *protocol.Health) { h.Info.Version = "9.9" }) }, "sensord-socket", doctor.Warn, "9.9", "restart"},
		"sensord complains": {func(w *world) {
			w.change(func(h *protocol.Health) { h.Problems = []protocol.Problem{{Code: "x-y", Title: "t", Remedy: "do z"}} })
		}, "sensord-problems", doctor.Warn, "x-y: t", "do z"},
		"no such interface":         {func(w *world) { w.conf["interface"] = "nix0" }, "interface", doctor.Fail, "nix0 does not exist", "ip -br link"},
		"no interface":              {func(w *world) { w.conf["interface"] = "" }, "interface", doctor.Fail, "not set", "write interface"},
		"no packet":                 {counter(protocol.CountPackets, 0), "packets-seen", doctor.Fail, "no packet", "tcpdump"},
		"no packet yet":             {func(w *world) { counter(protocol.CountPackets, 0)(w); w.change(started) }, "packets-seen", doctor.Warn, "just started", "tcpdump"},
		"some are dropped":          {counter(protocol.CountKernelDrops, 3), "drops", doctor.Warn, "3 of 1003", "ringbuffer = 256"},
		"many are dropped":          {counter(protocol.CountKernelDrops, 500), "drops", doctor.Fail, "33.33", "ringbuffer"},
		"no SIP":                    {counter(protocol.CountSIP, 0), "sip-seen", doctor.Fail, "no SIP", "tcpdump"},
		"no SIP on the ports named": {func(w *world) { counter(protocol.CountSIP, 0)(w); w.conf["sipport"] = "5099" }, "sip-seen", doctor.Fail, "no SIP", "5099"},
		"no call":                   {counter(protocol.CountCallsStarted, 0), "calls-seen", doctor.Warn, "no call yet", "test call"},
		"calls without RTP":         {counter(protocol.CountRTP, 0), "rtp-seen", doctor.Warn, "no RTP", "tcpdump"},
		"no call, so no RTP":        {func(w *world) { counter(protocol.CountRTP, 0)(w); counter(protocol.CountCallsStarted, 0)(w) }, "rtp-seen", doctor.Skip, "there was no call", ""},
		"the link is refused": {func(w *world) {
			w.change(func(h *protocol.Health) {
				h.Link.State = "refused"
				h.Link.LastError = &protocol.Problem{Code: "revoked", Title: "gone"}
			})
		}, "link-up", doctor.Fail, "revoked: gone", "voipmon doctor"},
		"the link is off":            {func(w *world) { w.change(func(h *protocol.Health) { h.Link = protocol.LinkHealth{State: "off"} }) }, "link-up", doctor.Fail, "off", "restart"},
		"CDRs wait and no link":      {func(w *world) { w.change(func(h *protocol.Health) { h.Link.State = "connecting"; waiting(h) }) }, "queue", doctor.Fail, "12 CDRs wait", "safe on disk"},
		"CDRs wait with a link":      {func(w *world) { w.change(waiting) }, "queue", doctor.Warn, "12 CDRs wait", "slow"},
		"CDRs were dropped":          {func(w *world) { w.change(func(h *protocol.Health) { h.Journal.Dropped, h.Journal.Pending = 5, 7 }) }, "queue", doctor.Warn, "at most 7 CDRs wait, and 5 were dropped", "has room again"},
		"no CDR arrived":             {func(w *world) { w.change(noCDR) }, "last-cdr", doctor.Fail, "3 calls ended", "link,delivery"},
		"a CDR is on the way":        {func(w *world) { w.change(onTheWay) }, "last-cdr", doctor.Warn, "1 on the way", "--wait"},
		"no call has ended":          {func(w *world) { w.change(noCDR); counter(protocol.CountCallsEnded, 0)(w) }, "last-cdr", doctor.Skip, "no call has ended", ""},
		"captures have stopped":      {func(w *world) { w.change(func(h *protocol.Health) { h.Spool.Stopped = "disk full" }) }, "spool", doctor.Fail, "disk full", "df -h"},
		"the spool is not there yet": {func(w *world) { w.conf["spooldir"] = w.path("later/spool") }, "spool", doctor.Warn, "does not exist yet", "systemctl start"},
		"the spool is a file":        {func(w *world) { w.conf["spooldir"] = w.path("sensord.sock") }, "spool", doctor.Fail, "is no folder", "spooldir"},
		"captures have no limit":     {func(w *world) { w.conf["maxpoolsize"] = "0" }, "spool", doctor.Warn, "maxpoolsize is off", "write maxpoolsize"},
		"state_dir is a file":        {func(w *world) { w.conf["state_dir"] = w.path("sensord.sock") }, "state", doctor.Fail, "is no folder", "state_dir"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.spoil(w)
			o, status := w.report(c.check)
			if o.Status != c.status || !strings.Contains(o.Seen, c.seen) || !strings.Contains(o.Why+"\n"+o.Remedy, c.says) {
				t.Errorf("%s: %s\nseen:   %s\nwhy:    %s\nremedy: %s\nwant %s, seen %q, saying %q", o.Code, o.Status, o.Seen, o.Why, o.Remedy, c.status, c.seen, c.says)
			}
			if want := map[doctor.Status]int{doctor.Warn: 0, doctor.Fail: 1, doctor.Skip: 0}[c.status]; status != want {
				t.Errorf("exit status %d, want %d", status, want)
			}
			if c.status == doctor.Fail && (o.Remedy == "" || o.Why == "") {
				t.Errorf("a failure without why or remedy: %+v", o.Result)
			}
		})
	}
}

func counter(name string, n uint64) func(*world) {
	return func(w *world) { w.change(func(h *protocol.Health) { h.Counters[name] = n }) }
}

func onTheWay(h *protocol.Health) {
	noCDR(h)
	h.Journal.Pending, h.Journal.Oldest = 1, protocol.TimeOf(time.Now())
}

func started(h *protocol.Health) { h.Info.Started = protocol.TimeOf(time.Now()) }

func waiting(h *protocol.Health) {
	h.Journal.Pending, h.Journal.Oldest = 12, protocol.TimeOf(time.Now().Add(-time.Hour))
}

func noCDR(h *protocol.Health) {
	h.Link.LastCDRAck = 0
	h.Counters[protocol.CountCDRsAcked] = 0
}

func closedPort(w *world) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// silentPort is a port that drops what asks to connect, as a firewall does: its queue of connections is full.
func silentPort(w *world) string {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		w.t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		w.t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 4 { // until the kernel answers no more
		c, err := net.DialTimeout("tcp", addr, 300*time.Millisecond)
		if err != nil {
			return addr
		}
		w.t.Cleanup(func() { c.Close() })
	}
	w.t.Fatal("the queue of connections does not fill")
	return ""
}

func deadSocket(w *world) string {
	path := w.path("dead.sock")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		w.t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	ln.Close()
	return path
}

// pairUntil gives the sensor a certificate that ends so far from now.
func (w *world) pairUntil(d time.Duration) {
	key := newKey(w.t)
	c := &x509.Certificate{URIs: []*url.URL{link.SensorURI(3, protocol.UUID{9})}, NotBefore: time.Now().Add(d - link.CertLife), NotAfter: time.Now().Add(d)}
	w.writeIdentity(sign(w.t, c, w.ca, key, w.caKey), w.ca, key)
}

func TestWhatCouldNotBeCheckedIsToldFromWhatIsRight(t *testing.T) {
	w := newWorld(t)
	w.conf["server_destination"] = closedPort(w)
	status, out, _ := w.doctor("--json", "--only", "network,link")
	var r doctor.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, o := range r.Checks {
		got[o.Code] = string(o.Status) + " " + o.Seen
	}
	if got["tls"] != "skip not checked: needs tcp-60023" || got["hello"] != "skip not checked: needs tcp-60023" || status != 1 {
		t.Errorf("status %d: %v", status, got)
	}
	// Alone, the check says why it could not be made, and the status is 2: nothing failed that was asked for.
	o, status := w.report("hello")
	if o.Status != doctor.Skip || !strings.Contains(o.Seen, "needs tcp-60023: "+w.conf["server_destination"]+" refuses") || status != 2 {
		t.Errorf("status %d: %+v", status, o)
	}
}

func TestWhatTheUserSkipsIsTakenToBeRight(t *testing.T) {
	w := newWorld(t)
	w.conf["server_destination"] = "localhost:" + w.addr[strings.LastIndexByte(w.addr, ':')+1:]
	if status, out, errs := w.doctor("--only", "link", "--skip", "network"); status != 0 || !strings.Contains(out, "ok   hello") {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
}

func TestAMissingFileIsToldFromOneThatIsForbidden(t *testing.T) {
	var out strings.Builder
	if status := Main(t.Context(), []string{"doctor", "-c", filepath.Join(t.TempDir(), "none.conf"), "--only", "config"}, nil, &out, io.Discard); status != 1 ||
		!strings.Contains(strings.Join(strings.Fields(out.String()), " "), "does not exist") || !strings.Contains(out.String(), "needs conf-readable") {
		t.Errorf("status %d\n%s", status, out.String())
	}
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	w := newWorld(t)
	w.doctor("--only", "config")
	if err := os.Chmod(w.path("voipmonitor.conf"), 0); err != nil {
		t.Fatal(err)
	}
	if o, status := w.report("conf-readable"); status != 2 || o.Status != doctor.Skip || !strings.Contains(o.Remedy, "sudo") {
		t.Errorf("status %d: %+v", status, o)
	}
}

func TestDoctorRefusesNamesThatItDoesNotKnow(t *testing.T) {
	w := newWorld(t)
	for _, flag := range []string{"--only", "--skip"} {
		status, _, errs := w.doctor(flag, "netwrok")
		if status != 2 || !strings.Contains(errs, `"netwrok"`) || !strings.Contains(errs, "config, network, link") {
			t.Errorf("%s: status %d: %s", flag, status, errs)
		}
	}
}

func TestOutputFitsTheTerminal(t *testing.T) {
	w := newWorld(t)
	w.conf["server_destination"] = closedPort(w) + "," + strings.Repeat("very-long-name.", 8) + ".without-an-answer"
	w.conf["unheard_of"] = "x"
	w.change(func(h *protocol.Health) {
		h.Problems = []protocol.Problem{{Code: "evil", Title: "red \x1b[31m text\a, 日本語 and more of it until the line is full and must be broken"}}
	})
	_, out, _ := w.doctor("--skip", "host")
	for _, line := range strings.Split(out, "\n") {
		if n := ansi.StringWidth(line); n > 80 {
			t.Errorf("%d cells: %s", n, line)
		}
	}
	if strings.ContainsAny(out, "\x1b\a") {
		t.Error("control characters in the output of a pipe")
	}
	for _, want := range []string{"\nnetwork\n", "  FAIL  tcp-60023", "why: ", "do:  ", "doctor.md#tcp-60023", " failed, ", " not checked\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

func TestColoursAreForTerminals(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		env     map[string]string
		colours bool
	}{
		"a pipe":                   {nil, false},
		"colours are forced":       {map[string]string{"CLICOLOR_FORCE": "1"}, true},
		"forced, but not NO_COLOR": {map[string]string{"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("NO_COLOR", "")
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			if _, out, _ := w.doctor("--only", "config"); strings.Contains(out, "\x1b[") != c.colours {
				t.Errorf("%q", out)
			}
		})
	}
}

func TestWaitEndsWithTheFirstCDR(t *testing.T) {
	w := newWorld(t)
	w.change(func(h *protocol.Health) { noCDR(h); h.Counters[protocol.CountCallsEnded] = 0 })
	timer := time.AfterFunc(300*time.Millisecond, func() {
		w.change(func(h *protocol.Health) {
			h.Counters[protocol.CountCallsEnded], h.Counters[protocol.CountCDRsAcked] = 1, 1
			h.Link.LastCDRAck = protocol.TimeOf(time.Now())
		})
	})
	defer timer.Stop()
	status, out, errs := w.doctor("--only", "delivery", "--wait", "--every", "50ms")
	if status != 0 || !strings.HasSuffix(out, "first CDR stored\n") {
		t.Fatalf("status %d\n%s%s", status, out, errs)
	}
	if strings.Count(out, "link-up") != 1 || strings.Count(out, "last-cdr") != 2 {
		t.Errorf("only what changes is shown again:\n%s", out)
	}
}

func TestWaitEndsWhenItIsInterrupted(t *testing.T) {
	w := newWorld(t)
	w.doctor("--only", "config") // writes the file
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	var out strings.Builder
	w.change(noCDR)
	if status := Main(ctx, []string{"doctor", "-c", w.path("voipmonitor.conf"), "--only", "delivery", "--wait", "--every", "10s"}, nil, &out, io.Discard); status != 1 {
		t.Errorf("status %d\n%s", status, out.String())
	}
	if strings.Contains(out.String(), "first CDR stored") {
		t.Error("it says that a CDR was stored")
	}
}

// TestManualHasASectionForEveryCheck holds docs/doctor.md to the code.
func TestManualHasASectionForEveryCheck(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "doctor.md"))
	if err != nil {
		t.Fatal(err)
	}
	var sections, codes []string
	for _, m := range regexp.MustCompile(`(?m)^### (\S+)$`).FindAllStringSubmatch(string(b), -1) {
		sections = append(sections, m[1])
	}
	for _, c := range doctor.Checks() {
		codes = append(codes, c.Code)
		for _, n := range c.Needs {
			if !slices.Contains(codes, n) && c.Group != "host" {
				t.Errorf("%s needs %s, which comes later or not at all", c.Code, n)
			}
		}
	}
	if !slices.Equal(sections, codes) {
		t.Errorf("docs/doctor.md has the sections\n%v\nthe checks are\n%v", sections, codes)
	}
}
