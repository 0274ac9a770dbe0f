package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// writeCertificate makes a certificate for localhost with a serial number, and writes it and its key.
func writeCertificate(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	pk, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func(name string, b *pem.Block) {
		if err := os.WriteFile(name, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(cert, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	write(key, &pem.Block{Type: "PRIVATE KEY", Bytes: pk})
	return cert, key
}

func TestARenewedCertificateIsServedWithoutARestart(t *testing.T) {
	dir := t.TempDir()
	cert, key := writeCertificate(t, dir, 1)
	in := start(t, time.Now, "--db", sqliteIn(t), "--http-tls-cert", cert, "--http-tls-key", key)
	addr := strings.TrimPrefix(in.http, "https://")
	served := func() int64 {
		t.Helper()
		c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if n := served(); n != 1 {
		t.Fatalf("certificate %d, want 1", n)
	}
	open := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	ask := func() {
		t.Helper()
		res, err := open.Get(in.http + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	ask()

	other := t.TempDir()
	newCert, newKey := writeCertificate(t, other, 2)
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	move(newCert, cert) // its key comes later
	for end := time.Now().Add(20 * time.Second); !strings.Contains(in.stderr.String(), "the old one stays"); time.Sleep(20 * time.Millisecond) {
		if n := served(); n != 1 || time.Now().After(end) {
			t.Fatalf("certificate %d while its key is missing:\n%s", n, in.stderr)
		}
	}
	move(newKey, key)
	for end := time.Now().Add(20 * time.Second); served() != 2; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the new certificate is not served:\n%s", in.stderr)
		}
	}
	ask() // over the connection of before
	if n := strings.Count(in.stderr.String(), "the old one stays"); n != 1 {
		t.Errorf("told %d times that the new one is not used, want once", n)
	}

	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); strings.Count(in.stderr.String(), "read anew") < 2; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("SIGHUP does nothing:\n%s", in.stderr)
		}
	}
	if _, body := in.ask("GET", "/metrics", "", ""); !strings.Contains(body, "hosted_http_certificate_end_timestamp_seconds 1.") {
		t.Error("/metrics does not say when the certificate ends")
	}
}
