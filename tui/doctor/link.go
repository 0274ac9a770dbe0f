package doctor

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/link"
	"voiptop/tui/internal/plural"
)

var linkChecks = []Check{
	{Code: "tls", Group: "link", Title: "hosted proves who it is (TLS 1.3)", Needs: []string{"tcp-60023"}, Run: checkTLS},
	{Code: "paired", Group: "link", Title: "the sensor has an identity", Needs: []string{"conf-readable"}, Run: checkPaired},
	{Code: "hello", Group: "link", Title: "hosted welcomes this sensor", Needs: []string{"tls", "paired"}, Run: checkHello},
}

func checkTLS(ctx context.Context, e *Env) Result {
	addr := e.target()
	if addr == "" {
		return skip("server_destination is not set")
	}
	trust, known, err := e.trust()
	if err != nil {
		return failed(err.Error(), "sensord cannot tell its hosted from another", "copy it again from hosted's page Sensors")
	}
	config := link.ClientConfig(nil, trust, e.Now, link.ALPNUp)
	if !known {
		config.VerifyConnection = nil // looked at only; nothing is sent
	}
	state, err := e.handshake(ctx, addr, config)
	if err != nil {
		return e.handshakeFault(ctx, addr, err)
	}
	if state.NegotiatedProtocol != link.ALPNUp {
		return failed(fmt.Sprintf("%s speaks TLS, but not %s", addr, link.ALPNUp), "something other than hosted's sensor port answers, for example a web server",
			fmt.Sprintf("check server_destination and its port; hosted's sensor port is %d", link.Port))
	}
	seen := fmt.Sprintf("%s, %s, CA %s", tls.VersionName(state.Version), state.NegotiatedProtocol, issuer(state.PeerCertificates))
	if _, err := e.Identity(); !known && isPermission(err) {
		return blocked(seen+"; and no right to read "+e.identityDir()+", which says whether that is this sensor's hosted", "sudo voipmon doctor -c "+e.ConfPath)
	}
	if !known {
		return warning(seen, "nothing says yet which hosted to trust: the sensor is not paired and server_fingerprint is not set",
			"compare the fingerprint with hosted's page Sensors, then pair")
	}
	return ok("%s, as expected", seen)
}

// handshake makes a TLS handshake and nothing more.
func (e *Env) handshake(ctx context.Context, addr string, c *tls.Config) (state tls.ConnectionState, err error) {
	ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	raw, err := e.dial()(ctx, "tcp", addr)
	if err != nil {
		return state, err
	}
	defer raw.Close()
	conn := tls.Client(raw, c)
	if err := conn.HandshakeContext(ctx); err != nil {
		return state, err
	}
	return conn.ConnectionState(), nil
}

// handshakeFault says who stands where hosted should.
func (e *Env) handshakeFault(ctx context.Context, addr string, err error) Result {
	var record tls.RecordHeaderError
	var refused *net.OpError // crypto/tls reports an alert of the other side as one
	var p *protocol.Problem
	switch {
	case errors.As(err, &record):
		return failed(fmt.Sprintf("%s answers without TLS: it begins with %s", addr, plainText(record.RecordHeader[:])),
			"another service listens there, or a proxy answers in hosted's place",
			"check server_destination and its port; let TCP to it pass without a proxy")
	case errors.As(err, &p):
		return e.notOurHosted(ctx, addr, p)
	case errors.As(err, &refused) && refused.Op == "remote error", strings.Contains(err.Error(), "protocol version"):
		why := "something other than hosted's sensor port answers, or hosted is of another generation"
		if strings.Contains(err.Error(), "protocol version") {
			why = "it speaks only older TLS than 1.3: a proxy that takes TLS apart, or something other than hosted"
		}
		return failed(fmt.Sprintf("%s refuses the handshake: %v", addr, err), why, "check server_destination and its port; let TCP to it pass without a proxy")
	case errors.Is(err, io.EOF), strings.Contains(err.Error(), "reset"):
		return failed(fmt.Sprintf("%s closes during the handshake", addr), "a firewall that looks into connections does not let TLS to that port pass",
			"exempt "+addr+" from inspection in the firewalls between")
	case errors.Is(err, context.DeadlineExceeded):
		return failed(fmt.Sprintf("%s accepts but does not answer the handshake", addr), "small packets pass and large ones do not (MTU), or a firewall holds the connection",
			"ping -M do -s 1400 "+hostOf(addr)+" ; exempt "+addr+" from inspection")
	}
	return failed(fmt.Sprintf("%s: %v", addr, err), "there is no TLS with hosted", "openssl s_client -connect "+addr+" -alpn "+link.ALPNUp)
}

// hostOf is the host of an address.
func hostOf(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}

// notOurHosted looks at the certificate that was not believed.
func (e *Env) notOurHosted(ctx context.Context, addr string, p *protocol.Problem) Result {
	r := failed(p.Title+": "+p.Detail, "", p.Remedy)
	state, err := e.handshake(ctx, addr, &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true, ServerName: link.ServerName, //nolint:gosec // only looked at
		NextProtos: []string{link.ALPNUp}, Time: e.Now})
	if err != nil || len(state.PeerCertificates) == 0 {
		return r
	}
	leaf := state.PeerCertificates[0]
	if now := e.Now(); now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		r.Why = "a wrong clock here makes every certificate invalid"
		return r
	}
	r.Seen = fmt.Sprintf("%s shows a certificate of CA %s", addr, issuer(state.PeerCertificates))
	if at := e.config().Place("server_fingerprint"); at.Line > 0 && leaf.VerifyHostname(link.ServerName) == nil {
		r.Why = fmt.Sprintf("it is a hosted, but not the one that server_fingerprint names (%s)", at)
		if id, err := e.Identity(); err == nil && id.CA != nil && slices.ContainsFunc(state.PeerCertificates, id.CA.Equal) {
			r.Why = fmt.Sprintf("it is the hosted that this sensor was paired with; server_fingerprint (%s) names another", at)
		}
		r.Remedy = "compare the fingerprint with hosted's page Sensors, and mend server_fingerprint or server_destination"
		return r
	}
	if leaf.VerifyHostname(link.ServerName) == nil {
		r.Why = "it is a hosted, but not the one that this sensor was paired with: hosted was set up anew, or server_destination names another"
		r.Remedy = "compare the fingerprint with hosted's page Sensors; if it is right: voipmon pair --server " + addr + " --token - --force"
		return r
	}
	r.Why = "it is not hosted's: a proxy or firewall takes TLS apart and signs it anew, or something else listens there"
	r.Remedy = "exempt " + addr + " from TLS inspection; check server_destination and its port"
	return r
}

// issuer names the CA of a chain: its certificate's fingerprint when it is shown, and its name.
func issuer(chain []*x509.Certificate) string {
	if len(chain) == 0 {
		return "(none)"
	}
	last := chain[len(chain)-1]
	if last.IsCA {
		sum := sha256.Sum256(last.Raw)
		return fmt.Sprintf("%q %s...", last.Subject.CommonName, hex.EncodeToString(sum[:8]))
	}
	return fmt.Sprintf("%q", last.Issuer.CommonName)
}

// plainText shows the first bytes of an answer.
func plainText(b []byte) string { return fmt.Sprintf("%q", b) }

func checkPaired(ctx context.Context, e *Env) Result {
	id, err := e.Identity()
	var p *protocol.Problem
	if err != nil {
		if isPermission(err) {
			return blocked("no right to read "+e.identityDir(), "sudo voipmon doctor -c "+e.ConfPath)
		}
		if !errors.As(err, &p) {
			return failed(err.Error(), "the sensor cannot prove who it is", "voipmon pair --server "+e.target()+" --token - --force")
		}
		if e.config().Token != "" {
			return failed("not paired yet; cloud_token is set", "sensord pairs itself when it starts, if hosted takes the token",
				"systemctl restart sensord; voipmon doctor --wait")
		}
		server := e.target()
		if server == "" {
			server = "HOST:PORT"
		}
		return failed("not paired: "+p.Detail, "hosted lets in only sensors that it gave a certificate to",
			"make a token on hosted's page Sensors, then: voipmon pair --server "+server+" --token -")
	}
	dir := e.identityDir()
	if path, a := e.mayNot(ctx, "-r", dir, filepath.Join(dir, "key.pem")); path != "" {
		return failed(fmt.Sprintf("%s may not read %s, and sensord runs as that user", a.Name, path), "sensord cannot prove who it is",
			fmt.Sprintf("chown -R %s: %s ; systemctl restart sensord", a.Name, dir))
	}
	left := id.Cert.NotAfter.Sub(e.Now())
	seen := fmt.Sprintf("sensor %s of %q, certificate until %s", id.UUID, id.Link.Tenant, id.Cert.NotAfter.UTC().Format(time.DateOnly))
	switch {
	case left < -link.RenewGrace:
		return failed(seen, "it expired too long ago to be renewed", "voipmon pair --server "+e.target()+" --token - --force")
	case left < 0:
		return warning(seen, "it has expired; sensord renews it when it next reaches hosted", "systemctl restart sensord")
	}
	return ok("%s", seen)
}

// remedies tells, for the codes of problems that hosted answers hello with, what they mean and what to type.
var remedies = map[string]struct{ why, remedy string }{
	protocol.CodeUnknownToken:        {"the token was used before, is older than an hour, or belongs to another hosted", "make a new one on hosted's page Sensors, then: voipmon pair --token - --force"},
	protocol.CodeSensorIDCollision:   {"another sensor of this tenant has the same number", "give this one another: id_sensor in the file, then systemctl restart sensord; or revoke the other on hosted's page Sensors"},
	protocol.CodeProtocolUnsupported: {"this version and hosted's have no protocol in common", "upgrade sensord and voipmon: apt install --only-upgrade sensord voiptop"},
	protocol.CodeKnownBadBuild:       {"this build has a fault that hosted knows of", "upgrade sensord: apt install --only-upgrade sensord"},
	protocol.CodeClockSkew:           {"the clock here is too far from hosted's: times of calls would be wrong", "timedatectl set-ntp true"},
	protocol.CodeRevoked:             {"somebody revoked this sensor on hosted", "if that was a mistake: make a new token there, then voipmon pair --token - --force"},
	protocol.CodeTenantSuspended:     {"the account is suspended", "ask whoever runs hosted"},
	protocol.CodeNotPaired:           {"hosted does not know this sensor's certificate", "voipmon pair --token - --force"},
	protocol.CodeServerUnreachable:   {"the connection broke during hello", "voipmon doctor --only network,link"},
	protocol.CodeServerUntrusted:     {"hosted could not prove who it is", "voipmon doctor --only link"},
}

func checkHello(ctx context.Context, e *Env) Result {
	if e.target() == "" {
		return skip("server_destination is not set")
	}
	a, err := e.Hello(ctx)
	if err == nil {
		return ok("hosted %s, tenant %q, up to %s at a time", a.Server, a.Tenant, plural.Of(a.Limits.MaxChannels, "call"))
	}
	var p *protocol.Problem
	if !errors.As(err, &p) {
		return failed("no answer to hello: "+err.Error(), "the connection stands, but hosted does not answer", "look into hosted's log; upgrade the older side")
	}
	r := failed(p.Code+": "+p.Title, "", p.Remedy)
	if p.Detail != "" {
		r.Seen += ": " + p.Detail
	}
	if known, ok := remedies[p.Code]; ok {
		r.Why = known.why
		r.Remedy = known.remedy
		return r
	}
	r.Why = "hosted refuses for a reason that this version of voipmon does not know"
	if r.Remedy == "" {
		r.Remedy = "upgrade voipmon; look into hosted's log for " + p.Code
	}
	return r
}
