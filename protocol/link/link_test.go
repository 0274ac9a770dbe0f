package link

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"voiptop/protocol"
)

func TestTokenSurvivesCopyingAndNothingElse(t *testing.T) {
	want := NewToken(sha256.Sum256([]byte("ca")))
	text := want.Text()
	got, err := ParseToken("  " + text + "\n")
	if err != nil || !bytes.Equal(got.Secret, want.Secret) || got.CA != want.CA || got.Hash() != want.Hash() {
		t.Fatalf("%v, %v; want %v", got, err, want)
	}
	if len(text) != 4+70 || NewToken(want.CA).Text() == text {
		t.Errorf("token %q", text)
	}
	if s := fmt.Sprint(got); strings.Contains(text, s) || strings.Contains(s, text[4:20]) {
		t.Errorf("%q shows the secret", s)
	}
	for i := range len(text) { // every character counts
		b := []byte(text)
		if b[i] == 'A' {
			b[i] = 'B'
		} else {
			b[i] = 'A'
		}
		if _, err := ParseToken(string(b)); err == nil {
			t.Errorf("token with character %d changed is taken", i)
		}
	}
	for _, bad := range []string{"", "vt1.", text[:40], text + "x", text[4:], "vt2." + text[4:], text[:30] + "\n" + text[30:]} {
		if _, err := ParseToken(bad); err == nil {
			t.Errorf("ParseToken(%q) succeeds", bad)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(NewToken([32]byte{1}).Text())
	f.Add("vt1.")
	f.Fuzz(func(t *testing.T, s string) {
		if k, err := ParseToken(s); err == nil && k.Text() != strings.TrimSpace(s) {
			t.Errorf("%q is read as %q", s, k.Text())
		}
	})
}

func TestCDRSurvivesTheLinkUnchanged(t *testing.T) {
	ms, mos := int64(123), 4.41
	want := protocol.CDR{
		ID: protocol.UUID{1, 2}, CallID: "a@b", SensorID: 7, Start: 1_700_000_000_000_001, ConnectMS: &ms, MOS: &mos,
		Codecs: []string{"PCMU"}, CallerName: "Ren\xe9", // not UTF-8: it must not stop the queue
		Streams:  []protocol.Stream{{SSRC: 0x1234abcd, LossPct: 0.125, Bursts: [10]uint32{1, 2}, RTCP: &protocol.RTCP{RTTMS: &mos}, Intervals: []protocol.Interval{{T: 5, Packets: 6}}}},
		Messages: []protocol.Message{{FirstLine: "INVITE sip:1 SIP/2.0"}},
		Capture:  protocol.Capture{Kept: protocol.KeepRTP, Bytes: 1 << 40},
	}
	raw, err := Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	body, err := EncodeBatch(&Batch{Epoch: 5, First: 9, Lost: 2, CDRs: []cbor.RawMessage{raw}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := DecodeBatch(body)
	if err != nil || b.Epoch != 5 || b.First != 9 || b.Lost != 2 || len(b.CDRs) != 1 {
		t.Fatalf("%+v, %v", b, err)
	}
	var got protocol.CDR
	if err := Unmarshal(b.CDRs[0], &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// A newer sensor sends keys that this build does not know.
func TestUnknownKeysAreSkipped(t *testing.T) {
	raw, err := cbor.Marshal(map[int]any{1: 1, 3: int64(4), 99: map[string]any{"x": []int{1, 2}}})
	if err != nil {
		t.Fatal(err)
	}
	var a HelloAnswer
	if err := Unmarshal(raw, &a); err != nil || a.Version != 1 || a.TenantID != 4 {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestHostileCBORIsRefused(t *testing.T) {
	deep := append(bytes.Repeat([]byte{0x81}, 40), 0x00)
	for name, b := range map[string][]byte{
		"deep":             deep,
		"duplicate keys":   {0xa2, 0x01, 0x01, 0x01, 0x02},
		"endless":          {0xbf, 0x01, 0x01, 0xff},
		"tags":             {0xa1, 0x01, 0xc2, 0x41, 0x01},
		"huge array":       {0xa1, 0x18, 32, 0x9a, 0xff, 0xff, 0xff, 0xff},
		"array of 5000":    append([]byte{0xa1, 0x18, 32, 0x99, 0x13, 0x88}, bytes.Repeat([]byte{0xa0}, 5000)...),
		"something behind": {0xa0, 0xa0},
		"nothing":          {},
	} {
		if err := Unmarshal(b, &protocol.CDR{}); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func FuzzDecodeBatch(f *testing.F) {
	c, _ := Marshal(protocol.CDR{CallID: "x", Streams: []protocol.Stream{{}}})
	body, _ := EncodeBatch(&Batch{Epoch: 1, First: 1, CDRs: []cbor.RawMessage{c, c}})
	f.Add(body)
	f.Add([]byte("\x28\xb5\x2f\xfd"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeBatch(b)
		if err != nil {
			return
		}
		if len(m.CDRs) > MaxBatch {
			t.Fatalf("%d CDRs", len(m.CDRs))
		}
		for _, r := range m.CDRs {
			var c, again protocol.CDR
			if Unmarshal(r, &c) != nil {
				continue
			}
			// What was understood is understood the same once more.
			enc, err := Marshal(c)
			if err != nil || Unmarshal(enc, &again) != nil {
				t.Fatalf("%+v does not survive: %v", c, err)
			}
			enc2, err := Marshal(again)
			if err != nil || !bytes.Equal(enc, enc2) {
				t.Fatalf("%x and %x: %v", enc, enc2, err)
			}
		}
	})
}

// pairedDir makes an identity without a hosted.
func pairedDir(t *testing.T) (string, *EnrolAnswer) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "identity")
	key, err := pendingKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	caPub, caKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, NotAfter: time.Now().Add(time.Hour)}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caPub, caKey)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(300, 0)}
	leaf.URIs = append(leaf.URIs, SensorURI(3, protocol.UUID{1}))
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	a := &EnrolAnswer{Cert: der, CA: caDER, UUID: protocol.UUID{1}, TenantID: 3}
	if err := store(dir, key, a, Pairing{Server: "h:1", Tenant: "Acme", SensorID: 7}); err != nil {
		t.Fatal(err)
	}
	return dir, a
}

func TestIdentityIsStoredAndLoaded(t *testing.T) {
	dir, _ := pairedDir(t)
	id, err := LoadIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	if id.UUID != (protocol.UUID{1}) || id.TenantID != 3 || id.Link.Tenant != "Acme" || !id.RenewAt().Equal(time.Unix(200, 0)) {
		t.Errorf("%+v, renewed at %s", id, id.RenewAt())
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 4 {
		t.Errorf("files %v, %v; want 4", entries, err)
	}
}

func TestMissingOrDamagedIdentitySaysWhatToDo(t *testing.T) {
	var p *protocol.Problem
	if _, err := LoadIdentity(t.TempDir()); !errors.As(err, &p) || p.Code != protocol.CodeNotPaired || p.Remedy == "" {
		t.Errorf("without files: %v", err)
	}
	for name, harm := range map[string]func(dir string) error{
		"key readable by others": func(d string) error { return os.Chmod(filepath.Join(d, keyFile), 0o640) },
		"key missing":            func(d string) error { return os.Remove(filepath.Join(d, keyFile)) },
		"CA missing":             func(d string) error { return os.Remove(filepath.Join(d, caFile)) },
		"certificate is no PEM":  func(d string) error { return os.WriteFile(filepath.Join(d, CertFile), []byte("x"), 0o600) },
		"link.json is no JSON":   func(d string) error { return os.WriteFile(filepath.Join(d, linkFile), []byte("x"), 0o600) },
		"certificate of another key": func(d string) error {
			other, _ := pairedDir(t)
			b, err := os.ReadFile(filepath.Join(other, CertFile))
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(d, CertFile), b, 0o600)
		},
	} {
		dir, _ := pairedDir(t)
		if err := harm(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadIdentity(dir); err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v; want an error that names the file", name, err)
		}
	}
}

func TestRenewalKeepsKeyAndSensor(t *testing.T) {
	dir, _ := pairedDir(t)
	id, err := LoadIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, foreign := pairedDir(t)
	if _, err := id.Renewed(foreign); err == nil {
		t.Error("took a certificate for another key")
	}
	if again, err := LoadIdentity(dir); err != nil || !again.Cert.Equal(id.Cert) {
		t.Errorf("a refused certificate was stored: %v", err)
	}
}

func TestDialSaysWhyThereIsNoLink(t *testing.T) {
	listen := func(serve func(net.Conn)) string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				go func() { defer c.Close(); serve(c) }()
			}
		}()
		return ln.Addr().String()
	}
	closed := listen(func(net.Conn) {})
	ssh := listen(func(c net.Conn) { fmt.Fprint(c, "SSH-2.0-OpenSSH_9.6\r\n"); time.Sleep(time.Second) })
	noPort, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	noPort.Close()
	d := &Dialer{Trust: Trust{Fingerprint: [32]byte{1}}, Now: time.Now}
	for _, c := range []struct{ addr, text string }{
		{noPort.Addr().String(), "nothing listens"},
		{"host.invalid:60023", "resolver"},
		{ssh, "not with TLS"},
		{closed, "no TLS handshake"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err := d.Dial(ctx, c.addr, ALPNUp)
		cancel()
		var p *protocol.Problem
		if !errors.As(err, &p) || p.Code != protocol.CodeServerUnreachable || !strings.Contains(p.Error(), c.text) || p.Remedy == "" {
			t.Errorf("%s: %v; want server-unreachable with %q", c.addr, err, c.text)
		}
	}
}

func TestFingerprintIsReadAsToolsPrintIt(t *testing.T) {
	hexes := strings.Repeat("ab", 32)
	want, err := ParseFingerprint(hexes)
	if err != nil {
		t.Fatal(err)
	}
	colons := strings.TrimSuffix(strings.Repeat("AB:", 32), ":")
	if got, err := ParseFingerprint(colons); err != nil || got != want {
		t.Errorf("%x, %v", got, err)
	}
	if _, err := ParseFingerprint(hexes[2:]); err == nil {
		t.Error("31 bytes are taken")
	}
}

func TestFilesAreReplacedAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, s := range []string{"one", "two"} {
		if err := writeFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	st, serr := os.Stat(path)
	if err != nil || serr != nil || string(b) != "two" || st.Mode().Perm() != 0o600 {
		t.Errorf("%q %v %v", b, err, serr)
	}
	if err := writeFile(filepath.Join(path, "x"), nil, 0o600); err == nil {
		t.Error("wrote below a file")
	}
}
