package tlsdec

import (
	"crypto/tls"
	"testing"
)

// configs are connections of all kinds that crypto/tls can make.
func configs() map[string]*tls.Config {
	m := map[string]*tls.Config{
		"TLS 1.3":                     {MinVersion: tls.VersionTLS13},
		"TLS 1.3, hello retried":      {MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.CurveP384}},
		"TLS 1.3, small records":      {MinVersion: tls.VersionTLS13},
		"TLS 1.3, client certificate": {MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAnyClientCert},
		"TLS 1.2, client certificate": {MaxVersion: tls.VersionTLS12, ClientAuth: tls.RequireAnyClientCert},
	}
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		for _, v := range s.SupportedVersions {
			if suites12[s.ID] != nil && v == tls.VersionTLS12 {
				m["TLS 1.2, "+s.Name] = &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{s.ID}}
			}
		}
	}
	return m
}

func TestConnectionsAreReadHoweverTheyAreCutIntoSegments(t *testing.T) {
	n := 0
	for name, server := range configs() {
		t.Run(name, func(t *testing.T) {
			client := &tls.Config{CipherSuites: server.CipherSuites, Certificates: certificates2()}
			r := record(t, client, server, 7)
			n++
			for _, size := range []int{1 << 20, 1460, 100, 7, 1} {
				h := listen(Config{})
				h.table.Keys(r.keys)
				p := &player{h: h}
				for _, f := range cutInto(r.flights, size) {
					p.feed(f)
				}
				p.end()
				h.sameAs(t, r)
				if len(h.table.byStream) > 0 || len(h.table.pairs) > 0 || h.table.bytes != 0 || h.ended != 2 || h.table.byUse.Len() > 0 {
					t.Errorf("left behind: %d streams, %d pairs, %d bytes; %d of 2 streams closed", len(h.table.byStream), len(h.table.pairs), h.table.bytes, h.ended)
				}
			}
		})
	}
	if n < 20 {
		t.Errorf("%d kinds of connections, want 20 at least", n)
	}
}

func certificates2() []tls.Certificate {
	return []tls.Certificate{certificates()["ecdsa"]}
}
