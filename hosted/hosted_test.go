package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/postgres/pgtest"
	"voiptop/hosted/internal/store/sqlite"
	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/protocol"
	"voiptop/protocol/link"
)

var server *pgtest.Server

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" { // a test runs hosted as a process of its own
		os.Exit(Main(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(pgtest.Run(func(s *pgtest.Server) int {
		server = s
		return m.Run()
	}))
}

// command runs hosted to its end.
func command(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = Main(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return status, out.String(), errs.String()
}

// must runs hosted and wants success.
func must(t *testing.T, args ...string) string {
	t.Helper()
	status, out, errs := command(t, "", args...)
	if status != 0 {
		t.Fatalf("hosted %v: %d\n%s", args, status, errs)
	}
	return out
}

// instance is a running `hosted serve`.
type instance struct {
	t       *testing.T
	http    string // base URL
	sensors string // address
	stderr  *buffer
	stop    func() int // SIGTERM; answers the exit status
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// serve starts `hosted serve` on ports that the system chooses, and waits until it serves.
func start(t *testing.T, now func() time.Time, args ...string) *instance {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	in := &instance{t: t, stderr: &buffer{}}
	exit := make(chan int, 1)
	go func() {
		exit <- run(ctx, now, append([]string{"serve", "--http", "127.0.0.1:0", "--sensors", "127.0.0.1:0"}, args...), strings.NewReader(""), w, in.stderr)
		w.Close()
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		cancel()
		t.Fatalf("hosted serve ended with %d:\n%s", <-exit, in.stderr)
	}
	m := regexp.MustCompile(`: (https?://\S+), sensors at (\S+)\n$`).FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("hosted serve says %q", line)
	}
	in.http, in.sensors = m[1], m[2]
	in.stop = sync.OnceValue(func() int {
		cancel()
		select {
		case status := <-exit:
			return status
		case <-time.After(20 * time.Second):
			t.Error("hosted does not stop")
			return -1
		}
	})
	t.Cleanup(func() { in.stop() })
	return in
}

// password is what the first start prints.
func (in *instance) password() string {
	m := regexp.MustCompile(`log in as admin with password (\S+)`).FindAllStringSubmatch(in.stderr.String(), -1)
	if len(m) != 1 {
		in.t.Fatalf("the password is printed %d times:\n%s", len(m), in.stderr)
	}
	return m[0][1]
}

// ask sends a request with a bearer token, if any, and answers status and body.
func (in *instance) ask(method, path, token, body string) (int, string) {
	in.t.Helper()
	req, err := http.NewRequestWithContext(in.t.Context(), method, in.http+path, strings.NewReader(body))
	if err != nil {
		in.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("Content-Type", "application/json")
	c := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	res, err := c.Do(req)
	if err != nil {
		in.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		in.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func (in *instance) login(name, password string) int {
	status, _ := in.ask("POST", "/api/v1/session", "", fmt.Sprintf(`{"name":%q,"password":%q}`, name, password))
	return status
}

func sqliteIn(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "hosted.db") }

// databases are the stores that a test runs on.
func databases(t *testing.T, fn func(t *testing.T, db string)) {
	t.Run("sqlite", func(t *testing.T) { fn(t, sqliteIn(t)) })
	t.Run("postgres", func(t *testing.T) {
		server.Skip(t)
		fn(t, server.Database(t))
	})
}

func TestVersionNamesProgramCommitAndPlatform(t *testing.T) {
	if out := must(t, "--version"); out != protocol.VersionLine("hosted")+"\n" || !strings.Contains(out, runtime.GOARCH) {
		t.Errorf("%q", out)
	}
}

func TestTheFirstStartPrintsAPasswordOnceThatLogsIn(t *testing.T) {
	databases(t, func(t *testing.T, db string) {
		first := start(t, time.Now, "--db", db)
		password := first.password()
		if status := first.login("admin", password); status != http.StatusOK {
			t.Errorf("login: %d", status)
		}
		if status := first.login("admin", "admin"); status != http.StatusUnauthorized {
			t.Errorf("a default password: %d", status)
		}
		if status := first.stop(); status != 0 {
			t.Errorf("stopped with %d:\n%s", status, first.stderr)
		}
		second := start(t, time.Now, "--db", db)
		if s := second.stderr.String(); strings.Contains(s, "password") {
			t.Errorf("the second start says %s", s)
		}
		if status := second.login("admin", password); status != http.StatusOK {
			t.Errorf("login after a restart: %d", status)
		}
	})
}

func TestWhatCannotBeServedEndsWithAMessageAndStatus1(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port, db := taken.Addr().String(), sqliteIn(t)
	for name, tt := range map[string]struct {
		args []string
		want []string
	}{
		"port in use":          {[]string{"--http", port}, []string{"--http " + port, "in use", "choose another"}},
		"sensors' port in use": {[]string{"--sensors", port}, []string{"--sensors " + port, "in use"}},
		"no address":           {[]string{"--http", "nonsense"}, []string{"--http nonsense", "want HOST:PORT"}},
		"unknown store":        {[]string{"--db", "mysql://x"}, []string{`"mysql://x"`, "want sqlite:PATH or postgres://"}},
		"no path":              {[]string{"--db", "sqlite:"}, []string{"want sqlite:PATH"}},
		"no folder":            {[]string{"--db", "sqlite:/no/such/folder/x.db"}, []string{"/no/such/folder", "--db"}},
		"a folder as file":     {[]string{"--db", "sqlite:" + t.TempDir()}, []string{"not writable"}},
		"no PostgreSQL":        {[]string{"--db", "postgres://bob:hunter2@127.0.0.1:1/x?sslmode=disable"}, []string{"cannot be reached", "bob:xxxxx@127.0.0.1:1"}},
		"retention":            {[]string{"--retention-days", "0"}, []string{"--retention-days 0"}},
		"proxy":                {[]string{"--trusted-proxy", "everybody"}, []string{`"everybody"`, "10.0.0.0/8"}},
		"log format":           {[]string{"--log-format", "xml"}, []string{"text or json"}},
		"half a certificate":   {[]string{"--http-tls-cert", "x"}, []string{"http-tls-key"}},
		"unknown flag":         {[]string{"--nope"}, []string{"--nope"}},
		"no certificate":       {[]string{"--http-tls-cert", "/no/x", "--http-tls-key", "/no/y"}, []string{"/no/x"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"serve", "--db", db, "--http", "127.0.0.1:0", "--sensors", "127.0.0.1:0"}, tt.args...)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			var errs bytes.Buffer
			if status := Main(ctx, args, strings.NewReader(""), io.Discard, &errs); status != 1 || ctx.Err() != nil {
				t.Errorf("status %d, %v, want 1", status, ctx.Err())
			}
			for _, want := range tt.want {
				if !strings.Contains(errs.String(), want) {
					t.Errorf("message %q lacks %q", errs.String(), want)
				}
			}
			if strings.Contains(errs.String(), "hunter2") {
				t.Errorf("message %q tells the password", errs.String())
			}
		})
	}
}

// TestASensorEnrolsAndItsCallsAreSeen goes the whole way: a token by command, the link as sensord uses it, the API as a
// browser does.
func TestASensorEnrolsAndItsCallsAreSeen(t *testing.T) {
	databases(t, func(t *testing.T, db string) {
		in := start(t, time.Now, "--db", db)
		token, err := link.ParseToken(must(t, "sensor", "add", "--db", db))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		info := protocol.SensorInfo{SensorID: 7, Name: "pbx", Version: "1.0.0", Clock: protocol.TimeOf(time.Now()), BootID: "b"}
		id, err := link.Enrol(ctx, link.Enrolment{Server: in.sensors, Token: token, Dir: t.TempDir(), Info: info, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		c, err := link.Connect(ctx, &link.Dialer{Identity: id, Trust: link.Trust{CA: id.CA}, Now: time.Now}, in.sensors)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Hello(ctx, link.Hello{Info: info}); err != nil {
			t.Fatal(err)
		}
		cdr := protocol.CDR{ID: protocol.UUID{1}, CallID: "one@pbx", Start: protocol.TimeOf(time.Now()), SensorID: 7, Caller: "100", Callee: "200", Status: 200}
		raw, err := link.Marshal(cdr)
		if err != nil {
			t.Fatal(err)
		}
		batch, err := link.EncodeBatch(&link.Batch{Epoch: 1, First: 1, CDRs: []cbor.RawMessage{raw}})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // resent after the answer was lost
			if a, err := c.Send(ctx, batch); err != nil || a.Cursor.Next != 2 {
				t.Fatalf("send: %+v, %v", a, err)
			}
		}
		bearer := strings.TrimSpace(must(t, "user", "token", "admin", "--db", db))
		_, body := in.ask("GET", "/api/v1/calls?number=100", bearer, "")
		var page struct{ Calls []protocol.CDR }
		if err := json.Unmarshal([]byte(body), &page); err != nil || len(page.Calls) != 1 || page.Calls[0].CallID != "one@pbx" {
			t.Errorf("calls: %s", body)
		}
		if _, body := in.ask("GET", "/api/v1/sensors", bearer, ""); !strings.Contains(body, `"name":"pbx"`) || !strings.Contains(body, `"cdrs":1`) {
			t.Errorf("sensors: %s", body)
		}
		if _, body := in.ask("GET", "/metrics", "", ""); !strings.Contains(body, "hosted_link_cdrs_total 2") || !strings.Contains(body, "hosted_http_requests_total{") || !strings.Contains(body, `hosted_tenant_cdrs_total{tenant="default"} 1`) {
			t.Errorf("metrics: %s", body)
		}
		if out := must(t, "sensor", "list", "--db", db); !strings.Contains(out, id.UUID.String()) {
			t.Errorf("sensor list: %s", out)
		}
		if status, body := in.ask("DELETE", "/api/v1/sensors/"+id.UUID.String(), bearer, ""); status != http.StatusNoContent {
			t.Errorf("revoke: %d %s", status, body)
		}
		if _, err := c.Send(ctx, batch); err == nil {
			t.Error("a revoked sensor may still send")
		}
		if status := in.stop(); status != 0 {
			t.Errorf("stopped with %d:\n%s", status, in.stderr)
		}
	})
}

func TestRetentionRunsAtTheStart(t *testing.T) {
	db := sqliteIn(t)
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	open := func() *sqlite.Store {
		s, err := sqlite.Open(t.Context(), strings.TrimPrefix(db, "sqlite:"), sqlstore.Options{Now: func() time.Time { return now }, Keep: 50 * 24 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	tenant, err := s.CreateTenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CreateEnrolToken(t.Context(), store.EnrolToken{Tenant: tenant.ID, Expires: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RedeemEnrolToken(t.Context(), [32]byte{}, now, store.Sensor{UUID: protocol.UUID{1}, SensorID: 1}); err != nil {
		t.Fatal(err)
	}
	b := store.Batch{Tenant: tenant.ID, Sensor: protocol.UUID{1}, Epoch: 1}
	for d := range 40 {
		b.CDRs = append(b.CDRs, protocol.CDR{ID: protocol.UUID{15: byte(d)}, Start: protocol.TimeOf(now.AddDate(0, 0, -d))})
	}
	if _, err := s.AppendCDRs(t.Context(), b, now); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	in := start(t, func() time.Time { return now }, "--db", db, "--retention-days", "30")
	for i := 0; ; i++ {
		s := open()
		n, err := s.CountCalls(t.Context(), tenant.ID)
		s.Close()
		if err != nil {
			t.Fatal(err)
		}
		if n == 31 { // today, 29 whole days, and the day that is not yet 30 days over
			break
		}
		if i > 100 {
			t.Fatalf("%d calls left, want 31\n%s", n, in.stderr)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestHTTPSIsServedWithACertificate(t *testing.T) {
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	cert, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pk, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: pk}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := start(t, time.Now, "--db", sqliteIn(t), "--http-tls-cert", filepath.Join(dir, "cert.pem"), "--http-tls-key", filepath.Join(dir, "key.pem"))
	if !strings.HasPrefix(in.http, "https://") {
		t.Errorf("serves %s", in.http)
	}
	if status, body := in.ask("GET", "/healthz", "", ""); status != http.StatusOK || body != "ok\n" {
		t.Errorf("%d %q", status, body)
	}
}

func TestAnOpenLiveViewDoesNotHoldUpTheEnd(t *testing.T) {
	db := sqliteIn(t)
	in := start(t, time.Now, "--db", db)
	req, err := http.NewRequestWithContext(t.Context(), "GET", in.http+"/api/v1/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(must(t, "user", "token", "admin", "--db", db)))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	begin := time.Now()
	if status := in.stop(); status != 0 || time.Since(begin) > 5*time.Second {
		t.Errorf("stopped with %d after %v:\n%s", status, time.Since(begin), in.stderr)
	}
}

func TestPublicName(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ flag, addr, want string }{
		{"voip.example.com:443", "[::]:60023", "voip.example.com:443"},
		{"", "[::]:60023", host + ":60023"},
		{"", "0.0.0.0:7", host + ":7"},
		{"", ":60023", host + ":60023"},
		{"", "192.0.2.1:60023", "192.0.2.1:60023"},
		{"", "[2001:db8::1]:60023", "[2001:db8::1]:60023"},
	} {
		if got := publicName(tt.flag, tt.addr); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}
