package sensors

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"sync"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/link"
)

const (
	caLife     = 30 * 365 * 24 * time.Hour
	serverLife = 90 * 24 * time.Hour
	backdate   = 24 * time.Hour // for sensors whose clock is behind; hello tells them
	caSecret   = "link-ca"
)

// CA is hosted's own certificate authority: it issues hosted's certificate and those of the sensors, and is what both
// trust. It is made at the first start and kept in the store.
type CA struct {
	cert  *x509.Certificate
	key   crypto.Signer
	clock func() time.Time

	mu     sync.Mutex
	server *tls.Certificate // hosted's own, made anew when it grows old
}

// SecretStore is where the CA is kept.
type SecretStore interface {
	Secret(ctx context.Context, name string, create func() ([]byte, error)) ([]byte, error)
}

// LoadCA loads the CA, or makes it.
func LoadCA(ctx context.Context, s SecretStore, clock func() time.Time) (*CA, error) {
	b, err := s.Secret(ctx, caSecret, func() ([]byte, error) { return makeCA(clock()) })
	if err != nil {
		return nil, fmt.Errorf("the link's CA: %w", err)
	}
	ca := &CA{clock: clock}
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			ca.cert, err = x509.ParseCertificate(block.Bytes)
		case "PRIVATE KEY":
			var k any
			if k, err = x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
				ca.key, _ = k.(crypto.Signer)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("the link's CA: %w", err)
		}
	}
	if ca.cert == nil || ca.key == nil {
		return nil, errors.New("the link's CA: the stored secret lacks its certificate or its key")
	}
	return ca, nil
}

func makeCA(now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "hosted link CA"},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(caLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	pk, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	out := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return append(out, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pk})...), nil
}

func serial() *big.Int {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails: crypto/rand documents it
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b)
}

// Fingerprint is the SHA-256 of the CA's certificate, which tokens carry and server_fingerprint names.
func (ca *CA) Fingerprint() [32]byte { return sha256.Sum256(ca.cert.Raw) }

// Server gives hosted's certificate, with the CA's behind it for those who know only its fingerprint.
func (ca *CA) Server(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	now := ca.clock()
	if ca.server != nil && now.Before(ca.server.Leaf.NotAfter.Add(-serverLife/3)) {
		return ca.server, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	leaf, err := ca.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: link.ServerName}, DNSNames: []string{link.ServerName},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(serverLife),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, key.Public())
	if err != nil {
		return nil, err
	}
	ca.server = &tls.Certificate{Certificate: [][]byte{leaf.Raw, ca.cert.Raw}, PrivateKey: key, Leaf: leaf}
	return ca.server, nil
}

func (ca *CA) issue(t *x509.Certificate, pub crypto.PublicKey) (*x509.Certificate, error) {
	t.SerialNumber, t.KeyUsage, t.BasicConstraintsValid = serial(), x509.KeyUsageDigitalSignature, true
	der, err := x509.CreateCertificate(rand.Reader, t, ca.cert, pub, ca.key)
	if err != nil {
		return nil, fmt.Errorf("issue certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

// Sensor issues a sensor's certificate. Of the request only the key counts; its signature must prove it.
func (ca *CA) Sensor(csr *x509.CertificateRequest, t store.TenantID, sensor protocol.UUID) (*x509.Certificate, error) {
	now := ca.clock()
	return ca.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: sensor.String()}, URIs: []*url.URL{link.SensorURI(int64(t), sensor)},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(link.CertLife),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, csr.PublicKey)
}

// parseCSR reads a certificate request and checks its signature and the kind of its key.
func parseCSR(der []byte) (*x509.CertificateRequest, error) {
	csr, err := x509.ParseCertificateRequest(der)
	if err == nil {
		err = csr.CheckSignature()
	}
	if err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	switch k := csr.PublicKey.(type) {
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return csr, nil
		}
	case ed25519.PublicKey:
		return csr, nil
	}
	return nil, fmt.Errorf("certificate request: key is %T, want ECDSA P-256 or Ed25519", csr.PublicKey)
}

// Verify checks that a sensor's certificate is issued by the CA and valid; with grace it may have ended that long ago.
func (ca *CA) Verify(c *x509.Certificate, grace time.Duration) error {
	now := ca.clock()
	if now.After(c.NotAfter) && !now.After(c.NotAfter.Add(grace)) {
		now = c.NotAfter
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	_, err := c.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return err
}
