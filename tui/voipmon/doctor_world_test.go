package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/link"
	"voiptop/protocol/sensorapi"
)

// world is a paired sensor and its hosted, as doctor meets them: a configuration file, an identity, a TLS server that
// answers hello, and the sensor API on a unix socket. All of it is well until a test spoils it.
type world struct {
	t    *testing.T
	dir  string
	conf map[string]string // what the file says; "" leaves a key out

	ca     *x509.Certificate
	caKey  *ecdsa.PrivateKey
	addr   string // of hosted
	answer func(w io.Writer, h link.Hello) *protocol.Problem
	offset time.Duration // hosted's clock ahead of ours

	mu     sync.Mutex
	health protocol.Health
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.ca, w.caKey = newCA(t)
	w.addr = w.serveHosted()
	for _, d := range []string{"state/identity", "spool"} {
		if err := os.MkdirAll(w.path(d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w.conf = map[string]string{
		"id_sensor": "7", "interface": "lo", "server_destination": w.addr, "packetbuffer_sender": "yes", "cloud_token": "",
		"state_dir": w.path("state"), "spooldir": w.path("spool"), "api_socket": w.path("sensord.sock"), "maxpoolsize": "100",
	}
	w.pair(w.ca, w.caKey)
	now := protocol.TimeOf(time.Now())
	minutesAgo := func(n int) protocol.Time { return now - protocol.Time(n*60e6) }
	w.health = protocol.Health{
		Info: protocol.SensorInfo{SensorID: 7, Version: protocol.Version, Source: "lo", Started: minutesAgo(30), BootID: "b", Capabilities: []string{"listen", "download"}},
		Counters: protocol.Counters{
			protocol.CountPackets: 1000, protocol.CountSIP: 40, protocol.CountRTP: 900,
			protocol.CountCallsStarted: 4, protocol.CountCallsEnded: 3, protocol.CountCDRsAcked: 3,
		},
		Running: 1,
		Link:    protocol.LinkHealth{State: "up", Server: w.addr, Since: minutesAgo(29), LastCDRAck: minutesAgo(1)},
	}
	w.serveSensor()
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// doctor runs the command as main does.
func (w *world) doctor(args ...string) (status int, stdout, stderr string) {
	w.t.Helper()
	var b strings.Builder
	for _, k := range []string{
		"id_sensor", "interface", "server_destination", "packetbuffer_sender", "cloud_token", "state_dir", "spooldir", "api_socket",
		"maxpoolsize", "sipport", "unheard_of", "server_fingerprint",
	} {
		if v := w.conf[k]; v != "" {
			fmt.Fprintf(&b, "%s = %s\n", k, v)
		}
	}
	file := w.path("voipmonitor.conf")
	if _, err := os.Stat(file); err != nil {
		if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	var out, errs bytes.Buffer
	status = Main(ctx, append([]string{"doctor", "-c", file}, args...), nil, &out, &errs)
	return status, out.String(), errs.String()
}

func newCA(t *testing.T) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key := newKey(t)
	return sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, key, key), key
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign makes a certificate for key, valid around now unless c says otherwise.
func sign(t *testing.T, c, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	if c.NotAfter.IsZero() {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(720*time.Hour)
	}
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// serverCert is hosted's certificate, or that of somebody who has no right to the name.
func (w *world) serverCert(name string, ca *x509.Certificate, caKey *ecdsa.PrivateKey) tls.Certificate {
	return w.serverCertUntil(time.Now().Add(time.Hour), name, ca, caKey)
}

func (w *world) serverCertUntil(end time.Time, name string, ca *x509.Certificate, caKey *ecdsa.PrivateKey) tls.Certificate {
	key := newKey(w.t)
	leaf := sign(w.t, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: end.Add(-48 * time.Hour), NotAfter: end,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca, key, caKey)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw, ca.Raw}, PrivateKey: key}
}

// serveHosted answers hello on a port of its own.
func (w *world) serveHosted() string {
	return w.serveTLS(&tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{link.ALPNUp}, ClientAuth: tls.RequestClientCert,
		Certificates: []tls.Certificate{w.serverCert(link.ServerName, w.ca, w.caKey)},
	})
}

func (w *world) serveTLS(c *tls.Config) string {
	inner := link.NewListener()
	srv := link.NewServer(http.HandlerFunc(w.hello))
	go srv.Serve(inner)
	w.t.Cleanup(func() { srv.Close() })
	return w.listen(func(raw net.Conn) {
		conn := tls.Server(raw, c)
		if conn.Handshake() != nil {
			raw.Close()
			return
		}
		inner.Give(link.NewConn(conn))
	})
}

// listen hands each connection to a loopback port to f.
func (w *world) listen(f func(net.Conn)) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go f(c)
		}
	}()
	return ln.Addr().String()
}

func (w *world) hello(rw http.ResponseWriter, r *http.Request) {
	var h link.Hello
	if err := link.ReadMessage(r.Body, link.MaxMessage, &h); err != nil || r.URL.Path != link.PathHello || !h.Probe {
		http.Error(rw, "not a probe of hello", http.StatusTeapot)
		return
	}
	var body any = link.HelloAnswer{
		Version: 1, Tenant: "acme", Server: "1.2.3", Limits: link.Limits{MaxChannels: 2000, Days: 25},
		Clock: protocol.TimeOf(time.Now().Add(w.offset)),
	}
	if w.answer != nil {
		if p := w.answer(rw, h); p != nil {
			rw.Header().Set("Content-Type", link.TypeProblem)
			rw.WriteHeader(http.StatusForbidden)
			body = p
		}
	}
	b, err := link.Marshal(body)
	if err != nil {
		w.t.Error(err)
	}
	rw.Write(b)
}

// pair writes an identity that the CA signed.
func (w *world) pair(ca *x509.Certificate, caKey *ecdsa.PrivateKey) {
	key := newKey(w.t)
	id := protocol.UUID{1, 2, 3}
	cert := sign(w.t, &x509.Certificate{Subject: pkix.Name{CommonName: "sensor"}, URIs: []*url.URL{link.SensorURI(3, id)}}, ca, key, caKey)
	w.writeIdentity(cert, ca, key)
}

func (w *world) writeIdentity(cert, ca *x509.Certificate, key *ecdsa.PrivateKey) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		w.t.Fatal(err)
	}
	info, err := json.Marshal(link.Pairing{Server: w.addr, Tenant: "acme", SensorID: 7})
	if err != nil {
		w.t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"cert.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}),
		"ca.pem":   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}),
		"key.pem":  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), "link.json": info,
	} {
		if err := os.WriteFile(w.path("state/identity/"+name), b, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
}

// serveSensor serves the sensor API on the socket.
func (w *world) serveSensor() {
	ln, err := net.Listen("unix", w.path("sensord.sock"))
	if err != nil {
		w.t.Fatal(err)
	}
	srv := &http.Server{Handler: sensorapi.NewHandler(fakeSensor{w: w})}
	go srv.Serve(ln)
	w.t.Cleanup(func() { srv.Close() })
}

// change edits what the sensor says of itself.
func (w *world) change(f func(h *protocol.Health)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.health)
}

// fakeSensor answers what doctor asks; other questions would panic.
type fakeSensor struct {
	sensorapi.Sensor
	w *world
}

func (s fakeSensor) Rules() sensorapi.Rules { return sensorapi.Rules{} }

func (s fakeSensor) Health() protocol.Health {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	h := s.w.health
	h.Counters = maps.Clone(h.Counters)
	return h
}
