package sensors

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// nodeName is the DNS name in the certificates that nodes of hosted show each other. Neither a sensor's certificate nor the one
// that sensors are shown has it, though all come from the same CA.
const nodeName = "node.voipmon"

// NodeTLS is how nodes of hosted speak to each other, as server and as client: TLS 1.3 with certificates of the CA on both sides,
// made in memory and anew when they grow old. Whoever has the database has the CA, and so is a node.
func (ca *CA) NodeTLS(node string) *tls.Config {
	var mu sync.Mutex
	var have *tls.Certificate
	cert := func() (*tls.Certificate, error) {
		mu.Lock()
		defer mu.Unlock()
		if have != nil && ca.clock().Before(have.Leaf.NotAfter.Add(-serverLife/3)) {
			return have, nil
		}
		c, err := ca.nodeCert(node)
		if err == nil {
			have = c
		}
		return c, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Time: ca.clock, SessionTicketsDisabled: true,
		RootCAs: roots, ClientCAs: roots, ServerName: nodeName, ClientAuth: tls.RequireAndVerifyClientCert,
		GetCertificate:       func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cert() },
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert() },
		VerifyConnection: func(s tls.ConnectionState) error { // the chain is verified; as a client, a sensor has one too
			if len(s.PeerCertificates) == 0 || !slices.Contains(s.PeerCertificates[0].DNSNames, nodeName) {
				return errors.New("the certificate is not one of a node of hosted")
			}
			return nil
		},
	}
}

func (ca *CA) nodeCert(node string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := ca.clock()
	leaf, err := ca.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: node}, DNSNames: []string{nodeName},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(serverLife),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, key.Public())
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// Derive makes a secret that all nodes of one hosted have and nobody else, for a purpose.
func (ca *CA) Derive(purpose string) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(ca.key)
	if err != nil {
		return nil, fmt.Errorf("key for %s: %w", purpose, err)
	}
	m := hmac.New(sha256.New, der)
	m.Write([]byte(purpose))
	return m.Sum(nil), nil
}
