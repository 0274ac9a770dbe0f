package notify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/alert"
	"voiptop/protocol"
)

var (
	now      = time.Date(2026, 11, 20, 22, 30, 0, 0, time.UTC)
	loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
)

func message(e alert.Event) alert.Message {
	m := alert.Message{
		Version: 1, Event: e, Summary: "FIRING: few answered - sensor 3 (Žluťoučký <pbx>): 12 %", Tenant: "acme", Incident: "7-1", Started: protocol.TimeOf(now.Add(-time.Minute)), Time: protocol.TimeOf(now),
		Alert: alert.AboutAlert{ID: 7, Name: "few answered", Severity: protocol.SeverityBad, Note: "call the carrier\n<!channel> +420 555", Condition: "answer-seizure ratio below 40 % in 5 min"},
		Keys:  []alert.AboutKey{{Key: "3", Label: "sensor 3 (Žluťoučký <pbx>)", Text: "12 %, of 50 calls", Link: "https://voip.example/calls?where=a%3Cb&from=x"}},
		More:  2, Page: "https://voip.example/alerts?incident=7-1",
	}
	if e == alert.EventResolved {
		m.Ended, m.Summary = protocol.TimeOf(now), "RESOLVED: few answered - over after 1 min"
	}
	return m
}

// receiver is a real HTTPS server, which keeps what it was sent.
type receiver struct {
	*httptest.Server
	got    []*http.Request
	bodies []string
}

func newReceiver(t *testing.T, answer http.HandlerFunc) (*receiver, *x509.CertPool) {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		b, _ := io.ReadAll(q.Body)
		r.got, r.bodies = append(r.got, q), append(r.bodies, string(b))
		if answer != nil {
			answer(w, q)
		}
	}))
	t.Cleanup(r.Close)
	pool := x509.NewCertPool()
	pool.AddCert(r.Certificate())
	return r, pool
}

func newSender(c Config) *Sender {
	c.Now = func() time.Time { return now }
	if c.Timeout == 0 {
		c.Timeout = 20 * time.Second // both cores may be busy
	}
	return New(c)
}

func TestAWebhookIsTheMessageSignedWithTheKey(t *testing.T) {
	r, roots := newReceiver(t, nil)
	s := newSender(Config{Private: loopback, Roots: roots})
	const key = "0123456789abcdef"
	m := message(alert.EventFiring)
	if err := s.Send(t.Context(), Delivery{Receiver: alert.Receiver{Kind: alert.KindWebhook, URL: r.URL + "/hook?x=1", Key: key}, ID: 42, Message: m}); err != nil {
		t.Fatal(err)
	}
	q := r.got[0]
	if q.Method != "POST" || q.URL.String() != "/hook?x=1" || q.Header.Get("Content-Type") != "application/json" || q.Header.Get(HeaderDelivery) != "42" {
		t.Errorf("%s %s %v", q.Method, q.URL, q.Header)
	}
	// As a receiver checks it.
	var at int64
	var sum string
	if _, err := fmt.Sscanf(q.Header.Get(HeaderSignature), "t=%d,v1=%s", &at, &sum); err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(h, "%d.%s", at, r.bodies[0])
	if sum != hex.EncodeToString(h.Sum(nil)) || at != now.Unix() {
		t.Errorf("signature %s", q.Header.Get(HeaderSignature))
	}
	var got alert.Message
	if err := json.Unmarshal([]byte(r.bodies[0]), &got); err != nil || got.Summary != m.Summary || got.Keys[0].Link != m.Keys[0].Link {
		t.Errorf("%s, %v", r.bodies[0], err)
	}
}

func TestChatsGetTextThatNobodyCanForgeLinksInto(t *testing.T) {
	r, roots := newReceiver(t, nil)
	s := newSender(Config{Private: loopback, Roots: roots})
	for _, kind := range []alert.Kind{alert.KindSlack, alert.KindTeams} {
		if err := s.Send(t.Context(), Delivery{Receiver: alert.Receiver{Kind: kind, URL: r.URL}, Message: message(alert.EventFiring)}); err != nil {
			t.Fatal(err)
		}
	}
	var slack struct{ Text string }
	if err := json.Unmarshal([]byte(r.bodies[0]), &slack); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"*FIRING: few answered", "&lt;pbx&gt;", "&lt;!channel&gt;", "<https://voip.example/calls?where=a%3Cb&from=x|calls>", "and 2 more", "<https://voip.example/alerts?incident=7-1|Open the alert>"} {
		if !strings.Contains(slack.Text, want) {
			t.Errorf("Slack's text lacks %q: %s", want, slack.Text)
		}
	}
	var teams struct {
		Type        string
		Attachments []struct {
			ContentType string
			Content     struct {
				Type, Version string
				Body          []struct{ Type, Text string }
				Actions       []struct{ Type, URL string }
			}
		}
	}
	if err := json.Unmarshal([]byte(r.bodies[1]), &teams); err != nil {
		t.Fatal(err)
	}
	card := teams.Attachments[0]
	if teams.Type != "message" || card.ContentType != "application/vnd.microsoft.card.adaptive" || card.Content.Type != "AdaptiveCard" || len(card.Content.Body) != 5 || card.Content.Actions[0].URL != "https://voip.example/alerts?incident=7-1" {
		t.Errorf("Teams' card %s", r.bodies[1])
	}
}

func TestWhatWentWrongIsSaidWithoutSecrets(t *testing.T) {
	moved, roots := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Redirect(w, &http.Request{}, "http://169.254.169.254/latest/meta-data", http.StatusFound)
	})
	refused, _ := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "internal token abc", http.StatusForbidden)
	})
	slow, _ := newReceiver(t, func(_ http.ResponseWriter, q *http.Request) {
		select {
		case <-q.Context().Done():
		case <-time.After(30 * time.Second):
		}
	})
	roots.AddCert(refused.Certificate())
	roots.AddCert(slow.Certificate())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "https://" + l.Addr().String() + "/secret-path"
	l.Close()
	for name, tt := range map[string]struct {
		url  string
		c    Config
		want string
	}{
		"a redirect is not followed": {moved.URL + "/secret-path", Config{Private: loopback, Roots: roots}, "302"},
		"refused":                    {refused.URL + "/secret-path", Config{Private: loopback, Roots: roots}, "403 Forbidden"},
		"nobody listens":             {nobody, Config{Private: loopback}, "refused"},
		"a foreign certificate":      {refused.URL + "/secret-path", Config{Private: loopback}, "certificate"},
		"too slow":                   {slow.URL + "/secret-path", Config{Private: loopback, Roots: roots, Timeout: 300 * time.Millisecond}, "no answer within 300ms"},
		"this host":                  {refused.URL + "/secret-path", Config{Roots: roots}, "private network"},
		"a name of this host":        {strings.Replace(refused.URL, "127.0.0.1", "localhost", 1) + "/secret-path", Config{Roots: roots}, "private network"},
		"a number of this host":      {strings.Replace(refused.URL, "127.0.0.1", "[::ffff:7f00:1]", 1) + "/secret-path", Config{Roots: roots}, "private network"},
		"not encrypted":              {"http://hooks.example/secret-path", Config{}, "not https"},
	} {
		t.Run(name, func(t *testing.T) {
			err := newSender(tt.c).Send(t.Context(), Delivery{Receiver: alert.Receiver{Kind: alert.KindWebhook, URL: tt.url}, Message: message(alert.EventFiring)})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			for _, secret := range []string{"secret-path", "internal token"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("error %v tells %q", err, secret)
				}
			}
		})
	}
	if len(refused.got) != 1 {
		t.Errorf("the refusing receiver was reached %d times, want once", len(refused.got))
	}
}

func TestAddressesThatWebhooksMayNotGoTo(t *testing.T) {
	s := newSender(Config{})
	for _, a := range []string{
		"127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.0.8", "198.18.0.1",
		"192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2001::1", "2001:db8::1", "fec0::1", "::7f00:1",
	} {
		if !s.blocked(netip.MustParseAddr(a)) {
			t.Errorf("%s is let through", a)
		}
	}
	for _, a := range []string{"1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"} {
		if s.blocked(netip.MustParseAddr(a)) {
			t.Errorf("%s is refused", a)
		}
	}
	allowed := newSender(Config{Private: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}})
	if allowed.blocked(netip.MustParseAddr("10.1.2.3")) || !allowed.blocked(netip.MustParseAddr("10.2.0.1")) || !allowed.blocked(netip.MustParseAddr("127.0.0.1")) {
		t.Error("an allowed network allows more, or less, than itself")
	}
}

func TestWithoutAMailServerMailSaysSo(t *testing.T) {
	err := newSender(Config{}).Send(t.Context(), Delivery{Receiver: alert.Receiver{Kind: alert.KindMail, Addresses: []string{"a@example.org"}}, Message: message(alert.EventFiring)})
	if !errors.Is(err, ErrNoMail) || newSender(Config{}).HasMail() {
		t.Errorf("%v", err)
	}
}

// certificate makes one for 127.0.0.1.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
