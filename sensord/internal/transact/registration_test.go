package transact

import (
	"strconv"
	"strings"
	"testing"

	"voiptop/protocol"
)

// step is a REGISTER with its answer.
type step struct {
	at     float64
	more   string // of the request
	status string // "": none
	answer string // header lines
}

func TestStatesOfARegistration(t *testing.T) {
	const here, there = "Contact: <sip:1001@192.0.2.10:5060>", "Contact: <sip:1001@192.0.2.99:5060>"
	for _, c := range []struct {
		name  string
		steps []step
		at    float64
		want  string // state, seconds that are left, seconds registered, failures; of each contact
	}{
		{"what the answer grants counts", []step{{0, here + "\r\nExpires: 3600\r\n", "200 OK", here + ";expires=60\r\n"}}, 10, "registered 50 10 0"},
		{"the answer's Expires counts for a contact without", []step{{0, here + ";expires=3600\r\n", "200 OK", "Expires: 90\r\n"}}, 10, "registered 80 10 0"},
		{"what was asked for counts when the answer is silent", []step{{0, here + ";expires=40\r\n", "200 OK", ""}}, 10, "registered 30 10 0"},
		{"an hour when nobody says", []step{{0, here + "\r\n", "200 OK", ""}}, 10, "registered 3590 10 0"},
		{"the answer lists other contacts too", []step{{0, here + "\r\n", "200 OK", there + ";expires=7, <sip:1001@192.0.2.10;x=y>;expires=70\r\n"}}, 10, "registered 60 10 0"},
		{"contacts in lines of their own", []step{{0, here + "\r\n", "200 OK", there + ";expires=7\r\n" + here + ";expires=80\r\n"}}, 10, "registered 70 10 0"},
		{"a registrar that rewrites the contact", []step{{0, here + "\r\n", "200 OK", "Contact: <sip:1001@nat.example:1024>;expires=55\r\n"}}, 10, "registered 45 10 0"},
		{"a refresh goes on", []step{{0, here + ";expires=60\r\n", "200 OK", ""}, {50, here + ";expires=60\r\n", "200 OK", ""}}, 70, "registered 40 70 0"},
		{"no refresh: run out", []step{{0, here + ";expires=60\r\n", "200 OK", ""}}, 70, "expired -10 70 0"},
		{"registered again after it ran out", []step{{0, here + ";expires=60\r\n", "200 OK", ""}, {100, here + ";expires=60\r\n", "200 OK", ""}}, 110, "registered 50 10 0"},
		{"a refused refresh", []step{{0, here + ";expires=60\r\n", "200 OK", ""}, {50, here + ";expires=60\r\n", "503 Service Unavailable", ""}}, 55, "failing 5 55 1"},
		{"a refresh that nobody answers", []step{{0, here + ";expires=600\r\n", "200 OK", ""}, {50, here + ";expires=60\r\n", "", ""}}, 90, "failing 510 90 1"},
		{"well again", []step{{0, here + ";expires=60\r\n", "500 Oops", ""}, {50, here + ";expires=60\r\n", "200 OK", ""}}, 55, "registered 55 5 0"},
		{"taken back", []step{{0, here + ";expires=60\r\n", "200 OK", ""}, {5, here + ";expires=0\r\n", "200 OK", ""}}, 6, "unregistered -1 6 0"},
		{"taken back by Expires, while the answer lists another", []step{{0, here + "\r\n", "200 OK", ""}, {5, here + "\r\nExpires: 0\r\n", "200 OK", there + ";expires=9\r\n"}}, 6, "unregistered -1 6 0"},
		{
			"all taken back",
			[]step{{0, here + "\r\n", "200 OK", ""}, {1, there + "\r\n", "200 OK", ""}, {5, "Contact: *\r\nExpires: 0\r\n", "200 OK", ""}},
			6,
			"unregistered -1 6 0, unregistered -1 5 0",
		},
		{"two contacts in one request", []step{{0, here + ";expires=10, <sip:1001@192.0.2.99>\r\nExpires: 20\r\n", "200 OK", ""}}, 5, "registered 5 5 0, registered 15 5 0"},
		{"a question for the contacts is no registration", []step{{0, "", "200 OK", here + ";expires=60\r\n"}}, 5, ""},
		{"a refused question shows, until there is a contact", []step{{0, "", "403 Forbidden", ""}, {5, here + "\r\n", "200 OK", ""}}, 6, "registered 3599 1 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t, Config{})
			for i, v := range c.steps {
				r := request{cseq: i + 1, more: v.more}
				s.ask(v.at, r)
				if v.status != "" {
					s.answer(v.at, r, v.status, v.answer)
				}
			}
			s.tick(c.at)
			now := protocol.TimeFromNanos(s.t.now)
			var got []string
			for _, r := range s.registrations() {
				got = append(got, strings.Join([]string{string(r.State), apart(r.Until, now), apart(now, r.Since), strconv.Itoa(r.Failures)}, " "))
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("got %v, want %s", got, c.want)
			}
		})
	}
}

func TestARetryOverAnotherConnectionIsNoFailure(t *testing.T) {
	s := newSim(t, Config{})
	s.ask(0, request{more: contact})
	s.answer(0.1, request{}, "401 Unauthorized", challenge)
	elsewhere := request{cseq: 2, more: contact + credentials, src: "192.0.2.77:40000"}
	s.ask(0.2, elsewhere)
	s.answer(0.3, elsewhere, "200 OK", "")
	s.tick(100)
	if g := s.registrations()[0]; g.State != protocol.Registered || g.Failures != 0 {
		t.Errorf("got %+v", g)
	}
}

// apart is a-b in seconds.
func apart(a, b protocol.Time) string { return strconv.FormatInt(int64(a-b)/1e6, 10) }
