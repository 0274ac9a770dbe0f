package transact

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sip"
)

var begin = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC).UnixNano()

const (
	phone     = "192.0.2.10:5060"
	registrar = "203.0.113.1:5060"
)

// sim plays messages into a table. Times are seconds since the beginning.
type sim struct {
	tb   testing.TB
	t    *Table
	told []*protocol.Transaction
	m    sip.Message
}

func newSim(tb testing.TB, cfg Config) *sim {
	s := &sim{tb: tb}
	cfg.SensorID = 7
	s.t = New(cfg, s)
	return s
}

func (s *sim) Transaction(r *protocol.Transaction) { s.told = append(s.told, r) }

func (s *sim) play(sec float64, src, dst string, b []byte) {
	s.tb.Helper()
	if err := s.m.Parse(b); err != nil {
		s.tb.Fatalf("%v: %s", err, b)
	}
	s.t.SIP(&decode.Datagram{
		Time: begin + int64(sec*1e9), Src: decode.EndpointOf(netip.MustParseAddrPort(src)), Dst: decode.EndpointOf(netip.MustParseAddrPort(dst)),
	}, &s.m, "udp")
}

func (s *sim) tick(sec float64) { s.t.Tick(begin + int64(sec*1e9)) }

// request is a request of 1001, and what its responses repeat.
type request struct {
	method, user, id, branch string
	cseq                     int
	more                     string // header lines
	src, dst                 string
}

func (r request) fill() request {
	for p, v := range map[*string]string{&r.method: "REGISTER", &r.user: "1001", &r.id: "reg-1", &r.src: phone, &r.dst: registrar} {
		if *p == "" {
			*p = v
		}
	}
	if r.cseq == 0 {
		r.cseq = 1
	}
	if r.branch == "" {
		r.branch = fmt.Sprintf("z9hG4bK%s%s%d", r.id, r.user, r.cseq)
	}
	return r
}

func (r request) common() string {
	return fmt.Sprintf("Via: SIP/2.0/UDP x;branch=%s\r\nFrom: <sip:%[2]s@example.org>;tag=1\r\nTo: <sip:%[2]s@example.org>\r\nCall-ID: %[3]s\r\nCSeq: %[4]d %[5]s\r\n",
		r.branch, r.user, r.id, r.cseq, r.method)
}

func (s *sim) ask(sec float64, r request) {
	s.tb.Helper()
	r = r.fill()
	s.play(sec, r.src, r.dst, []byte(r.method+" sip:example.org SIP/2.0\r\n"+r.common()+"User-Agent: Phone 1\r\n"+r.more+"\r\n"))
}

func (s *sim) answer(sec float64, r request, status, more string) {
	s.tb.Helper()
	r = r.fill()
	s.play(sec, r.dst, r.src, []byte("SIP/2.0 "+status+"\r\n"+r.common()+more+"\r\n"))
}

// only is the one record that was told.
func (s *sim) only() *protocol.Transaction {
	s.tb.Helper()
	if len(s.told) != 1 {
		s.tb.Fatalf("%d records: %+v", len(s.told), s.told)
	}
	return s.told[0]
}

func (s *sim) registrations() []protocol.Registration {
	list := s.t.Registrations(nil)
	protocol.SortRegistrations(list)
	return list
}

const (
	contact     = "Contact: <sip:1001@192.0.2.10:5060>;expires=300\r\n"
	challenge   = `WWW-Authenticate: Digest realm="example.org", nonce="n1", algorithm=MD5` + "\r\n"
	credentials = `Authorization: Digest username="1001", realm="example.org", nonce="n1", uri="sip:example.org", response="00"` + "\r\n"
)

func TestAChallengedRegistrationIsOneTransaction(t *testing.T) {
	s := newSim(t, Config{})
	first, second := request{more: contact}, request{cseq: 2, more: contact + credentials}
	s.ask(0, first)
	s.ask(0.5, first)
	s.answer(0.51, first, "401 Unauthorized", challenge)
	s.answer(0.52, first, "401 Unauthorized", challenge)
	s.ask(0.53, second)
	s.answer(0.5301, second, "100 Trying", "")
	s.answer(0.55, second, "200 OK", "Contact: <sip:1001@192.0.2.10:5060>;expires=120\r\n")
	r := s.only()
	if r.Method != "REGISTER" || r.CallID != "reg-1" || r.AOR != "1001@example.org" || r.Attempts != 3 || r.Challenges != 1 || r.Status != 200 || r.Reason != "OK" ||
		r.End != protocol.TransactionAnswered || *r.ResponseMS != 20 || *r.Expires != 120 || r.Src != phone || r.Dst != registrar || r.UserAgent != "Phone 1" ||
		r.Contacts[0] != "sip:1001@192.0.2.10:5060" || r.Count != 1 || r.SensorID != 7 || r.Last-r.First != 550_000 {
		t.Errorf("got %+v", r)
	}
	list := s.registrations()
	if len(list) != 1 {
		t.Fatalf("%d registrations", len(list))
	}
	g := list[0]
	if g.State != protocol.Registered || g.AOR != "1001@example.org" || g.Until-g.Refresh != 120_000_000 || g.Since != g.Refresh || g.Failures != 0 || *g.RTTMS != 20 ||
		g.Src != phone || g.UserAgent != "Phone 1" {
		t.Errorf("got %+v", g)
	}
}

// Each step of what a transaction may go through, by the record in the end: attempts, challenges, status, end.
func TestHowTransactionsEnd(t *testing.T) {
	second := request{cseq: 2, more: contact + credentials}
	third := request{cseq: 3, more: contact + strings.Replace(credentials, "n1", "n2", 1)}
	for _, c := range []struct {
		name string
		play func(*sim)
		want []string
	}{
		{"wrong password: the nonce was the one that was given", func(s *sim) {
			s.ask(0, request{})
			s.answer(0.1, request{}, "401 Unauthorized", challenge)
			s.ask(0.2, second)
			s.answer(0.3, second, "401 Unauthorized", strings.Replace(challenge, "n1", "n2", 1))
		}, []string{"2 1 401 answered"}},
		{"one wrong password after the other", func(s *sim) {
			s.ask(0, request{})
			s.answer(0.1, request{}, "401 Unauthorized", challenge)
			for i := range 3 {
				r := request{cseq: 2, branch: fmt.Sprint("z9hG4bKguess", i), more: contact + credentials}
				s.ask(0.2+float64(i), r)
				s.answer(0.3+float64(i), r, "401 Unauthorized", challenge)
			}
		}, []string{"2 1 401 answered", "2 0 401 answered"}},
		{"a retry over a protected port (IMS)", func(s *sim) {
			s.ask(0, request{src: "192.0.2.10:5060", dst: "203.0.113.1:5060"})
			s.answer(0.1, request{src: "192.0.2.10:5060", dst: "203.0.113.1:5060"}, "401 Unauthorized", challenge)
			protected := request{cseq: 2, more: credentials, src: "192.0.2.10:31100", dst: "203.0.113.1:6101"}
			s.ask(40, protected)
			s.answer(40.1, protected, "200 OK", "")
		}, []string{"2 1 200 answered"}},
		{"a telephone, its proxy and the registrar on one host", func(s *sim) {
			in := request{src: "127.0.0.1:6000", dst: "127.0.0.1:5060"}
			out := request{src: "127.0.0.1:5060", dst: "127.0.0.1:5080", branch: "z9hG4bKp1"}
			for i, status := range []string{"401 Unauthorized", "200 OK"} {
				more := ""
				if i == 1 {
					in.cseq, in.more, out.cseq, out.more, out.branch = 2, credentials, 2, credentials, "z9hG4bKp2"
				} else {
					more = challenge
				}
				s.ask(float64(i), in)
				s.ask(float64(i)+0.1, out)
				s.answer(float64(i)+0.2, out, status, more)
				s.answer(float64(i)+0.3, in, status, more)
			}
		}, []string{"2 1 200 answered", "2 1 200 answered"}},
		{"an old nonce is no wrong password", func(s *sim) {
			s.ask(0, second)
			s.answer(0.1, second, "401 Unauthorized", strings.Replace(challenge, "n1", "n2", 1))
			s.ask(0.2, third)
			s.answer(0.3, third, "200 OK", "")
		}, []string{"2 1 200 answered"}},
		{"a nonce that became stale is no wrong password", func(s *sim) {
			s.ask(0, request{})
			s.answer(0.1, request{}, "401 Unauthorized", challenge)
			s.ask(0.2, second)
			s.answer(0.3, second, "401 Unauthorized", `WWW-Authenticate: Digest nonce="n2", stale=TRUE`+"\r\n")
			s.ask(0.4, third)
			s.answer(0.5, third, "200 OK", "")
		}, []string{"3 2 200 answered"}},
		{"a challenge that nobody answers", func(s *sim) {
			s.ask(0, request{})
			s.answer(0.1, request{}, "407 Proxy Authentication Required", "Proxy-Authenticate: Digest nonce=\"n1\"\r\n")
			s.tick(60.05)
			if len(s.told) != 0 {
				s.tb.Error("the wait for credentials ended too early")
			}
			s.tick(60.11)
		}, []string{"1 1 407 answered"}},
		{"a new request without credentials gives the challenged one up", func(s *sim) {
			s.ask(0, request{})
			s.answer(0.1, request{}, "401 Unauthorized", challenge)
			s.ask(1, request{cseq: 2})
			s.answer(1.1, request{cseq: 2}, "200 OK", "")
		}, []string{"1 1 401 answered", "1 0 200 answered"}},
		{"a longer time is asked for", func(s *sim) {
			s.ask(0, request{more: "Expires: 5\r\n"})
			s.answer(0.1, request{}, "423 Interval Too Brief", "Min-Expires: 60\r\n")
			s.ask(0.2, request{cseq: 2, more: "Expires: 60\r\n"})
			s.answer(0.3, request{cseq: 2}, "200 OK", "")
		}, []string{"2 0 200 answered"}},
		{"nobody answers: timer F", func(s *sim) {
			for _, at := range []float64{0, 0.5, 1.5, 3.5, 7.5, 11.5} {
				s.ask(at, request{method: "OPTIONS"})
			}
			s.tick(31.9)
			if len(s.told) != 0 {
				s.tb.Error("it timed out too early")
			}
			s.tick(32)
		}, []string{"6 0 0 timeout"}},
		{"a copy of a packet is no second attempt", func(s *sim) {
			s.ask(0, request{method: "OPTIONS"})
			s.ask(0.001, request{method: "OPTIONS"})
			s.answer(0.1, request{method: "OPTIONS"}, "200 OK", "")
		}, []string{"1 0 200 answered"}},
		{"a copy that comes after the answer is none that was unanswered", func(s *sim) {
			s.ask(0, request{method: "MESSAGE"})
			s.answer(0.4, request{method: "MESSAGE"}, "200 OK", "")
			s.ask(0.5, request{method: "MESSAGE"})
			s.answer(0.51, request{method: "MESSAGE"}, "200 OK", "")
			s.tick(100)
		}, []string{"1 0 200 answered"}},
		{"two requests at a time are two", func(s *sim) {
			a, b := request{method: "NOTIFY"}, request{method: "NOTIFY", cseq: 2}
			s.ask(0, a)
			s.ask(0.1, b)
			s.answer(0.2, b, "481 Subscription Does Not Exist", "")
			s.answer(0.3, a, "200 OK", "")
		}, []string{"1 0 481 answered", "1 0 200 answered"}},
		{"one Call-ID for two lines of a telephone", func(s *sim) {
			a, b := request{}, request{user: "1002", cseq: 2}
			s.ask(0, a)
			s.ask(0.1, b)
			s.answer(0.2, a, "401 Unauthorized", challenge)
			s.answer(0.2, b, "200 OK", "")
			s.ask(0.3, request{cseq: 3, more: credentials})
			s.answer(0.4, request{cseq: 3}, "200 OK", "")
		}, []string{"1 0 200 answered", "2 1 200 answered"}},
		{"a proxy's two hops are two", func(s *sim) {
			in, out := request{}, request{branch: "z9hG4bKp", src: "203.0.113.1:5060", dst: "203.0.113.2:5060"}
			s.ask(0, in)
			s.ask(0.01, out)
			s.answer(0.02, out, "200 OK", "")
			s.answer(0.03, in, "200 OK", "")
		}, []string{"1 0 200 answered", "1 0 200 answered"}},
		{"the answer comes from another address and port (NAT)", func(s *sim) {
			s.ask(0, request{method: "OPTIONS"})
			s.answer(0.1, request{method: "OPTIONS", dst: "203.0.113.9:6000", src: "198.51.100.1:1024"}, "200 OK", "")
		}, []string{"1 0 200 answered"}},
		{"a loop of challenges is told piece by piece", func(s *sim) {
			for i := range 2 * (maxChallenges + 1) {
				r := request{cseq: i + 1, more: strings.Replace(credentials, "n1", fmt.Sprint("x", i), 1)}
				s.ask(float64(i), r)
				s.answer(float64(i)+0.1, r, "401 Unauthorized", strings.Replace(challenge, "n1", fmt.Sprint("x", i+1000), 1))
			}
			s.tick(100)
		}, []string{"9 8 401 answered", "9 8 401 answered"}},
		{"the input ends", func(s *sim) {
			s.ask(0, request{method: "SUBSCRIBE"})
			s.t.Close()
		}, []string{"1 0 0 unterminated"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t, Config{})
			c.play(s)
			s.t.Close()
			var got []string
			for _, r := range s.told {
				got = append(got, fmt.Sprintf("%d %d %d %s", r.Attempts, r.Challenges, r.Status, r.End))
			}
			if strings.Join(got, ", ") != strings.Join(c.want, ", ") {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestAStormOfFailuresIsTwoRecordsAMinute(t *testing.T) {
	s := newSim(t, Config{})
	for i := range 1000 { // in 100 s
		r := request{id: fmt.Sprint("storm-", i), more: contact}
		s.ask(float64(i)/10, r)
		s.answer(float64(i)/10+0.01, r, "403 Forbidden", "")
		if i == 500 {
			other := request{id: "other", user: "1002"}
			s.ask(50, other)
			s.answer(50, other, "403 Forbidden", "")
		}
	}
	s.t.Close()
	total, same := 0, 0
	for _, r := range s.told {
		total += r.Count
		if r.AOR == "1001@example.org" {
			same++
		}
	}
	if total != 1001 || same != 4 {
		t.Errorf("%d transactions in %d records of one address of record", total, same)
	}
	if r := s.told[1]; r.Count != 1 || r.AOR != "1002@example.org" {
		t.Errorf("the other one: %+v", r)
	}
	if r := s.told[2]; r.Count != 599 || r.Attempts != 599 || r.Last-r.First < 59_000_000 {
		t.Errorf("a minute's: %+v", r)
	}
	if g := s.registrations()[0]; g.State != protocol.RegistrationFailing || g.Failures != 1000 || g.Status != 403 || g.Since != 0 {
		t.Errorf("got %+v", g)
	}
	n := protocol.Counters{}
	s.t.Counters(n)
	if n["transactions.refused.REGISTER"] != 1001 {
		t.Errorf("counters %v", n)
	}
}

func TestTheTableIsBounded(t *testing.T) {
	s := newSim(t, Config{Transactions: 10, Registrations: 5, Failures: 3})
	good := request{id: "good", user: "good", more: "Contact: <sip:good@192.0.2.1>;expires=3600\r\n"}
	s.ask(0, good)
	s.answer(0.1, good, "200 OK", "")
	for i := range 100 { // a scan: every name is another
		r := request{id: fmt.Sprint("scan-", i), user: fmt.Sprint("u", i), more: contact}
		s.ask(1+float64(i)/100, r)
		s.answer(1+float64(i)/100, r, "404 Not Found", "")
	}
	for i := range 100 {
		s.ask(3, request{method: "OPTIONS", id: fmt.Sprint("ping-", i)})
	}
	if len(s.t.byKey) > 10 || len(s.t.failures) > 3 || s.t.size > 5 {
		t.Errorf("%d transactions, %d failures, %d registrations", len(s.t.byKey), len(s.t.failures), s.t.size)
	}
	list := s.registrations()
	if len(list) != 5 || list[0].AOR != "good@example.org" || list[0].State != protocol.Registered {
		t.Errorf("the registration was lost to the scan: %+v", list)
	}
	n := protocol.Counters{}
	s.t.Counters(n)
	if n["transactions.evicted"] != 90 || n["registrations.evicted"] != 96 {
		t.Errorf("counters %v", n)
	}
	s.tick(3 + 25*3600)
	s.tick(4 + 26*3600)
	if s.t.size != 0 || len(s.t.byAOR) != 0 || len(s.t.byKey) != 0 || len(s.t.byHop) != 0 || len(s.t.failures) != 0 {
		t.Errorf("after a day: %d registrations, %d, %d, %d, %d left", s.t.size, len(s.t.byAOR), len(s.t.byKey), len(s.t.byHop), len(s.t.failures))
	}
}

func TestContactsOfOneAddressOfRecordAreBounded(t *testing.T) {
	s := newSim(t, Config{})
	for i := range 200 {
		r := request{cseq: i + 1, more: fmt.Sprintf("Contact: <sip:1001@192.0.2.10:%d>\r\n", 1000+i)}
		s.ask(float64(i), r)
		s.answer(float64(i)+0.1, r, "200 OK", "")
	}
	if list := s.registrations(); len(list) != maxPerAOR || list[0].Contact != "sip:1001@192.0.2.10:1136" {
		t.Errorf("%d contacts, the first %s", len(list), list[0].Contact)
	}
}

func TestMessagesInTheSteadyStateAllocateNothing(t *testing.T) {
	s := newSim(t, Config{})
	s.t.sink = nil
	text := func(r request, status, more string) []byte {
		r = r.fill()
		if status == "" {
			return []byte("REGISTER sip:example.org SIP/2.0\r\n" + r.common() + "User-Agent: Phone 1\r\n" + r.more + "\r\n")
		}
		return []byte("SIP/2.0 " + status + "\r\n" + r.common() + more + "\r\n")
	}
	var rounds [500][4][]byte
	for i := range rounds {
		a, b := request{user: fmt.Sprint(1000 + i%10), cseq: 2*i + 1, more: contact}, request{user: fmt.Sprint(1000 + i%10), cseq: 2*i + 2, more: contact + credentials}
		rounds[i] = [4][]byte{text(a, "", ""), text(a, "401 Unauthorized", challenge), text(b, "", ""), text(b, "200 OK", contact)}
	}
	d := &decode.Datagram{Src: decode.EndpointOf(netip.MustParseAddrPort(phone)), Dst: decode.EndpointOf(netip.MustParseAddrPort(registrar))}
	i, now := 0, begin
	round := func() {
		for _, b := range rounds[i%len(rounds)] {
			now += 1e8
			d.Time = now
			if s.m.Parse(b) != nil {
				t.Fatal("does not parse")
			}
			s.t.SIP(d, &s.m, "udp")
		}
		i++
	}
	for range 200 {
		round()
	}
	if n := testing.AllocsPerRun(250, round); n != 0 {
		t.Errorf("%v allocations a registration", n)
	}
	if n := s.t.count.ok[sip.Register]; n != 451 {
		t.Errorf("%d registrations went well", n)
	}
}
