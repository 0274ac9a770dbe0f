package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/link"
)

// enroller is a hosted that enrols whoever comes. It gives its address and the token to come with.
func enroller(t *testing.T) (addr, token string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(c, parent *x509.Certificate, pub any) *x509.Certificate {
		c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(1), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		if parent == nil {
			parent = c
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, pub, key)
		if err != nil {
			panic(err)
		}
		c, err = x509.ParseCertificate(der)
		if err != nil {
			panic(err)
		}
		return c
	}
	ca := sign(&x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil, key.Public())
	leaf := sign(&x509.Certificate{DNSNames: []string{link.ServerName}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, ca, key.Public())
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		NextProtos: []string{link.ALPNUp}, MinVersion: tls.VersionTLS13,
		Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw, ca.Raw}, PrivateKey: key}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(func() { stop(); ln.Close() })
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in link.EnrolRequest
		if err := link.ReadMessage(r.Body, link.MaxMessage, &in); err != nil || r.URL.Path != link.PathEnrol {
			link.WriteProblem(w, err)
			return
		}
		if in.Info.SensorID == 9 {
			link.WriteProblem(w, &protocol.Problem{Code: protocol.CodeSensorIDCollision, Status: 409, Title: "id_sensor 9 is taken"})
			return
		}
		csr, err := x509.ParseCertificateRequest(in.CSR)
		if err != nil {
			link.WriteProblem(w, err)
			return
		}
		cert := sign(&x509.Certificate{URIs: []*url.URL{link.SensorURI(1, protocol.UUID{1})}}, ca, csr.PublicKey)
		link.WriteMessage(w, link.EnrolAnswer{Cert: cert.Raw, CA: ca.Raw, Tenant: "Acme", SensorID: in.Info.SensorID})
	})
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				if tc := c.(*tls.Conn); tc.HandshakeContext(ctx) == nil {
					_ = link.ServeConn(ctx, link.NewConn(tc), h)
				}
			}()
		}
	}()
	return ln.Addr().String(), link.NewToken(sha256.Sum256(ca.Raw)).Text()
}

func TestPair(t *testing.T) {
	addr, token := enroller(t)
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		conf   string // without state_dir
		args   []string
		env    string
		stdin  string
		status int
		out    string // in stdout when the status is 0, else in stderr
	}{
		{name: "token on standard input", conf: "id_sensor = 7", args: []string{"--server", addr}, stdin: token + "\n", out: "tenant      Acme"},
		{name: "token in the environment", conf: "id_sensor = 7", args: []string{"--server", addr}, env: token, out: "id_sensor   7"},
		{name: "token in the configuration", conf: "id_sensor = 7\ncloud_token = " + token, args: []string{"--server", addr}, out: "paired"},
		{name: "server from the configuration", conf: "id_sensor = 7\nserver_destination = 127.0.0.1\nserver_destination_port = " + port, stdin: token, out: "paired"},
		{name: "server that is not configured yet", conf: "id_sensor = 7", args: []string{"--server", addr}, stdin: token, out: "set `server_destination = " + addr},
		{name: "no number", conf: "", args: []string{"--server", addr}, stdin: token, status: 2, out: "id_sensor is not set"},
		{name: "no server", conf: "id_sensor = 7", stdin: token, status: 2, out: "--server"},
		{name: "no token", conf: "id_sensor = 7", args: []string{"--server", addr}, status: 2, out: "no token"},
		{name: "token that was cut", conf: "id_sensor = 7", args: []string{"--server", addr}, stdin: token[:40], status: 2, out: "characters"},
		{name: "token of another hosted", conf: "id_sensor = 7", args: []string{"--server", addr}, stdin: link.NewToken([32]byte{1}).Text(), status: 1, out: protocol.CodeServerUntrusted},
		{name: "refusal", conf: "id_sensor = 9", args: []string{"--server", addr}, stdin: token, status: 1, out: protocol.CodeSensorIDCollision},
		{name: "nobody there", conf: "id_sensor = 7", args: []string{"--server", "127.0.0.1:1"}, stdin: token, status: 1, out: protocol.CodeServerUnreachable},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "voipmonitor.conf")
			if err := os.WriteFile(file, []byte(c.conf+"\nstate_dir = "+dir+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv(tokenEnv, c.env)
			var stdout, stderr bytes.Buffer
			status := Main(t.Context(), append([]string{"pair", "-c", file}, c.args...), strings.NewReader(c.stdin), &stdout, &stderr)
			text := stdout.String()
			if c.status != 0 {
				text = stderr.String()
			}
			if status != c.status || !strings.Contains(text, c.out) {
				t.Fatalf("status %d, want %d with %q\nstdout %s\nstderr %s", status, c.status, c.out, stdout.String(), stderr.String())
			}
			if strings.Contains(stdout.String()+stderr.String(), token) {
				t.Error("the token is printed")
			}
			id, err := link.LoadIdentity(filepath.Join(dir, "identity"))
			if paired := err == nil && id.Link.Tenant == "Acme"; paired != (c.status == 0) {
				t.Errorf("paired: %v (%v)", paired, err)
			}
		})
	}
}

func TestPairAgainNeedsForce(t *testing.T) {
	addr, token := enroller(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "c.conf")
	if err := os.WriteFile(file, []byte("id_sensor = 7\nstate_dir = "+dir+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (int, string) {
		var out, errs bytes.Buffer
		st := Main(t.Context(), append([]string{"pair", "-c", file, "--server", addr, "--token", token}, args...), strings.NewReader(""), &out, &errs)
		return st, errs.String()
	}
	if st, errs := run(); st != 0 || !strings.Contains(errs, tokenEnv) {
		t.Errorf("status %d, %s; want 0 and a warning about the command line", st, errs)
	}
	key, err := os.ReadFile(filepath.Join(dir, "identity", "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if st, errs := run(); st != 1 || !strings.Contains(errs, "--force") {
		t.Errorf("status %d, %s; want 1 and the way out", st, errs)
	}
	if st, errs := run("--force"); st != 0 {
		t.Errorf("status %d, %s", st, errs)
	}
	if again, err := os.ReadFile(filepath.Join(dir, "identity", "key.pem")); err != nil || bytes.Equal(key, again) {
		t.Errorf("the old key is still there (%v)", err)
	}
}
