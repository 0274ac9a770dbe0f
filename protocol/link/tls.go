package link

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"voiptop/protocol"
)

// Trust says which hosted a sensor believes. One of its fields is enough; with both, both must hold.
type Trust struct {
	CA          *x509.Certificate // from the identity
	Fingerprint [32]byte          // SHA-256 of hosted's CA certificate, from a token or server_fingerprint; zero: not given
}

// ParseFingerprint reads a SHA-256 in hexadecimal, with or without colons.
func ParseFingerprint(s string) ([32]byte, error) {
	b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(s), ":", ""))
	if err != nil || len(b) != sha256.Size {
		return [32]byte{}, fmt.Errorf("server_fingerprint %q: want 64 hexadecimal digits, the SHA-256 of hosted's CA certificate (hosted's page Sensors shows it)", s)
	}
	return [32]byte(b), nil
}

// ClientConfig is the TLS configuration of the connections that a sensor dials. id may be nil before the sensor is paired.
// Hosted is believed when its certificate is issued, for ServerName and for servers, by the CA that trust names; where it
// runs does not matter. now is the sensor's clock.
func ClientConfig(id *Identity, trust Trust, now func() time.Time, alpn string) *tls.Config {
	c := &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: []string{alpn},
		ServerName: ServerName,
		Time:       now,
		// The check of the standard library knows names and roots only; verify below does it all, with reasons.
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection verifies
		VerifyConnection:   func(s tls.ConnectionState) error { return trust.verify(s.PeerCertificates, now()) },
	}
	if id != nil {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return id.TLS(), nil }
	}
	return c
}

// verify checks hosted's certificate chain.
func (t Trust) verify(chain []*x509.Certificate, now time.Time) error {
	if len(chain) == 0 {
		return untrusted("hosted shows no certificate", "")
	}
	if t.CA == nil && t.Fingerprint == [32]byte{} {
		return untrusted("nothing says which hosted to trust", "pair the sensor with a token of hosted, or set server_fingerprint")
	}
	root := t.CA
	if t.Fingerprint != [32]byte{} {
		root = nil
		for _, c := range append(chain[:len(chain):len(chain)], t.CA) {
			if c != nil && c.IsCA && sha256.Sum256(c.Raw) == t.Fingerprint {
				root = c
			}
		}
		if root == nil {
			return untrusted("hosted's certificate is not issued by the CA "+hex.EncodeToString(t.Fingerprint[:]),
				"someone stands between, or hosted was set up anew: compare with the fingerprint on hosted's page Sensors and pair again")
		}
		if t.CA != nil && !t.CA.Equal(root) {
			return untrusted("the sensor is paired with the CA "+Fingerprint(t.CA)+", but server_fingerprint names "+Fingerprint(root),
				"remove server_fingerprint, or pair again")
		}
	}
	roots := x509.NewCertPool()
	roots.AddCert(root)
	_, err := chain[0].Verify(x509.VerifyOptions{
		DNSName: ServerName, Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	var invalid x509.CertificateInvalidError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return untrusted(fmt.Sprintf("hosted's certificate is valid from %s to %s, and the clock here says %s",
			chain[0].NotBefore.UTC().Format(time.RFC3339), chain[0].NotAfter.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339)),
			"set the clock (timedatectl set-ntp true)")
	default:
		return untrusted(err.Error(), "someone stands between, or hosted was set up anew: pair again with a token of this hosted")
	}
}

func untrusted(detail, remedy string) *protocol.Problem {
	return &protocol.Problem{Code: protocol.CodeServerUntrusted, Title: "hosted could not prove who it is", Detail: detail, Remedy: remedy}
}

// Fingerprint is the SHA-256 of a certificate in hexadecimal.
func Fingerprint(c *x509.Certificate) string {
	h := sha256.Sum256(c.Raw)
	return hex.EncodeToString(h[:])
}

// DialFunc opens a TCP connection; net.Dialer.DialContext is one.
type DialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// Dialer opens connections to hosted.
type Dialer struct {
	Identity *Identity // nil before the sensor is paired
	Trust    Trust
	Net      DialFunc         // nil: the operating system's
	Now      func() time.Time // the clock, for certificates
}

// Dial connects to addr ("host:port") and proves both sides. It takes DialTimeout at most. Errors are a *protocol.Problem:
// server-unreachable, server-untrusted or protocol-unsupported.
func (d *Dialer) Dial(ctx context.Context, addr, alpn string) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, DialTimeout)
	defer cancel()
	dial := d.Net
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	raw, err := dial(ctx, "tcp", addr)
	if err != nil {
		return nil, unreachable(addr, err)
	}
	c := tls.Client(raw, ClientConfig(d.Identity, d.Trust, d.Now, alpn))
	if err := c.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, handshakeProblem(addr, err)
	}
	if got := c.ConnectionState().NegotiatedProtocol; got != alpn {
		raw.Close()
		return nil, &protocol.Problem{
			Code: protocol.CodeProtocolUnsupported, Title: addr + " does not speak " + alpn,
			Remedy: "check server_destination and its port, and the version of hosted",
		}
	}
	return NewConn(c), nil
}

// unreachable says why no TCP connection came about.
func unreachable(addr string, err error) *protocol.Problem {
	var p *protocol.Problem
	if errors.As(err, &p) { // a proxy's
		return p
	}
	remedy := "check server_destination, the route and the firewalls between (outbound TCP to that port)"
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		remedy = "check the name in server_destination and the resolver (/etc/resolv.conf)"
	case strings.Contains(err.Error(), "refused"):
		remedy = "the machine answers but nothing listens on that port: is hosted running, and is the port right?"
	}
	return &protocol.Problem{Code: protocol.CodeServerUnreachable, Title: "cannot connect to hosted at " + addr, Detail: err.Error(), Remedy: remedy}
}

// handshakeProblem says why the TLS handshake failed.
func handshakeProblem(addr string, err error) *protocol.Problem {
	var p *protocol.Problem
	if errors.As(err, &p) {
		return p
	}
	var rec tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &rec):
		return &protocol.Problem{
			Code: protocol.CodeServerUnreachable, Title: addr + " answers, but not with TLS", Detail: err.Error(),
			Remedy: "something else listens there: check server_destination and its port",
		}
	case errors.As(err, &alert):
		return &protocol.Problem{
			Code: protocol.CodeProtocolUnsupported, Title: addr + " refuses the TLS handshake", Detail: err.Error(),
			Remedy: "something else listens there, or hosted is of another version: check server_destination and its port",
		}
	}
	return &protocol.Problem{
		Code: protocol.CodeServerUnreachable, Title: "no TLS handshake with hosted at " + addr, Detail: err.Error(),
		Remedy: "check for a firewall or proxy that cuts TLS to that port",
	}
}
