package transact

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"testing"
	"unicode/utf8"

	"voiptop/protocol"
	"voiptop/sensord/internal/decode"
)

// FuzzTable plays messages that differ in one place. Whatever comes, the table stays in its bounds, ends clean, and every
// transaction is counted once and told once.
func FuzzTable(f *testing.F) {
	f.Add(contact+credentials, challenge, "401 Unauthorized", uint8(3))
	f.Add("Contact: *\r\nExpires: 0\r\n", "Contact: <sip:a@b>;expires=5, <sip:c@d>\r\n", "200 OK", uint8(9))
	f.Add("m: sip:x;expires=99999999999999999999\r\nEvent: a;id=1\r\n", `WWW-Authenticate: Digest nonce="a,b", stale=true`+"\r\n", "423 Interval Too Brief", uint8(200))
	f.Add("Contact: \"a,b\" <sip:\xff@[::1]:5061>,,\r\n", "Expires: -1\r\n", "503 x", uint8(0))
	f.Fuzz(func(t *testing.T, more, answer, status string, step uint8) {
		s := newSim(t, Config{Transactions: 8, Registrations: 4, Failures: 2})
		now := begin
		d := &decode.Datagram{Src: decode.EndpointOf(netip.MustParseAddrPort(phone)), Dst: decode.EndpointOf(netip.MustParseAddrPort(registrar))}
		play := func(text string) {
			now += int64(step) * 1e8
			d.Time = now
			if s.m.Parse([]byte(text)) == nil {
				s.t.SIP(d, &s.m, "udp")
			}
			if len(s.t.byKey) > 8 || len(s.t.byHop) > 16 || s.t.size > 4 || len(s.t.failures) > 2 {
				t.Fatal("beyond the bounds")
			}
		}
		for i := range 40 {
			r := request{cseq: 1 + i/2, user: string(rune('a' + i%3)), method: []string{"REGISTER", "OPTIONS", "SUBSCRIBE"}[i%7%3], more: more}.fill()
			play(r.method + " sip:example.org SIP/2.0\r\n" + r.common() + r.more + "\r\n")
			play("SIP/2.0 " + status + "\r\n" + r.common() + answer + "\r\n")
		}
		s.t.Close()
		if s.t.wait.first != nil || s.t.retry.first != nil || s.t.failing.first != nil {
			t.Fatal("something waits after Close")
		}
		n, told := protocol.Counters{}, uint64(0)
		s.t.Counters(n)
		counted := s.t.count.unterminated
		for i := range s.t.count.ok {
			counted += s.t.count.ok[i] + s.t.count.refused[i] + s.t.count.unanswered[i]
		}
		for _, r := range s.told {
			told += uint64(r.Count)
			if r.Last < r.First || r.Attempts < 1 || r.Count < 1 || r.End == "" {
				t.Errorf("record %+v", r)
			}
			if b, err := json.Marshal(r); err != nil || !utf8.Valid(b) {
				t.Error(err)
			}
		}
		if told != counted {
			t.Errorf("%d transactions told, %d counted", told, counted)
		}
		for _, r := range s.registrations() {
			if r.State == "" || r.Attempt == 0 || !utf8.ValidString(r.AOR+r.Contact+r.UserAgent) {
				t.Errorf("registration %+v", r)
			}
		}
	})
}

// FuzzDigestParam: what is found is a part of the value, and a quoted string comes without its quotes.
func FuzzDigestParam(f *testing.F) {
	f.Add([]byte(`Digest realm="a, nonce=no", nonce = "yes", stale=true`))
	f.Add([]byte(`Digest nonce=`))
	f.Add([]byte(`nonce="`))
	f.Fuzz(func(t *testing.T, v []byte) {
		if p := digestParam(v, "nonce"); len(p) > 0 && !bytes.Contains(v, p) {
			t.Errorf("%q is no part of %q", p, v)
		}
	})
}

func TestParametersOfAChallenge(t *testing.T) {
	const v = `Digest realm="a, nonce=no", NONCE = "yes", stale=true, opaque=""`
	for name, want := range map[string]string{"nonce": "yes", "stale": "true", "realm": "a, nonce=no", "opaque": "", "qop": ""} {
		if got := string(digestParam([]byte(v), name)); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
