package call

import (
	"fmt"
	"strings"
	"testing"

	"voiptop/protocol"
	"voiptop/sensord/internal/rtp"
	"voiptop/sensord/internal/sip"
)

// info is an INFO with a body.
func info(cseq int, from, to, kind, body string) []byte {
	return fmt.Appendf(nil, "INFO sip:1002@198.51.100.20 SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK-i%d\r\nFrom: <sip:1001@example.net>;tag=%s\r\n"+
		"To: <sip:1002@example.org>;tag=%s\r\nCall-ID: call-1@alice\r\nCSeq: %d INFO\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		cseq, from, to, cseq, kind, len(body), body)
}

func TestDigitsSentByINFOAreTheCalls(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	for i, body := range []string{"Signal=5\r\nDuration=160\r\n", "signal= 7 \nDuration=250", "Signal=10", "Signal=#\r\n"} {
		s.raw(3+float64(i), alice, proxy, info(10+i, "a", "b", "application/dtmf-relay", body))
		s.raw(3.01+float64(i), proxy, bob, info(10+i, "a", "b", "application/dtmf-relay", body)) // its next hop is no other digit
	}
	s.raw(8, alice, bob, info(20, "a", "b", "application/dtmf", "d"))
	s.raw(9, alice, bob, info(21, "a", "b", "application/media_control+xml", "Signal=1"))
	s.hangUp(12, "")
	check(t, "digits", s.finish(12).DTMFInfo, "57*#D")
}

func TestInfoDigit(t *testing.T) {
	for body, want := range map[string]byte{
		"Signal=0\r\n": '0', "Duration=5\r\nSignal=9\r\n": '9', "Signal=16": '!', "Signal=flash": '!', "*": '*', "Signal=\"3\"": '3', "Signal=A": 'A',
		"": 0, "Signal=": 0, "Signal=17": 0, "Signal=x": 0, "Duration=5": 0, "Signal=55": 0,
	} {
		var m sip.Message
		if err := m.Parse(info(1, "a", "b", "application/dtmf-relay", body)); err != nil {
			t.Fatal(err)
		}
		if got := infoDigit(&m); got != want {
			t.Errorf("%q: got %q, want %q", body, got, want)
		}
	}
}

func TestATransferredCallSaysSo(t *testing.T) {
	refer := msg{first: "REFER sip:1002@198.51.100.20 SIP/2.0", cseq: "2 REFER", to: "b", more: "Refer-To: <sip:1003@example.org>\r\n"}
	for _, c := range []struct {
		name, want string
		status     string
		bye        string
	}{
		{"accepted", "transferred to 1003", "202 Accepted", ""},
		{"refused", "OK", "603 Decline", ""},
		{"the BYE says more", "moved on", "202 Accepted", "Reason: SIP;cause=200;text=\"moved on\"\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t)
			s.setUp(0, "", aliceRTP, bobRTP)
			s.sip(5, alice, bob, refer)
			s.sip(5.1, bob, alice, msg{first: "SIP/2.0 " + c.status, cseq: "2 REFER", to: "b"})
			s.sip(9, alice, bob, msg{first: byeLine, cseq: "3 BYE", to: "b", more: c.bye})
			r := s.finish(9)
			check(t, "reason", r.Reason, c.want)
			check(t, "cause", r.EndCause, protocol.EndBye)
		})
	}
	t.Run("replaced", func(t *testing.T) {
		s := newSim(t)
		s.setUp(0, "", aliceRTP, bobRTP)
		s.invite(leg{at: 5, src: "198.51.100.30:5060", dst: alice, id: "new", caller: "1003", callee: "1001", more: "Replaces: call-1@alice;to-tag=a;from-tag=b\r\n"})
		s.sip(5.5, alice, bob, msg{first: byeLine, cseq: "2 BYE", to: "b"})
		s.t.Tick(at(20000))
		check(t, "call", s.calls[0].CallID, "call-1@alice")
		check(t, "reason", s.calls[0].Reason, "replaced by another call")
	})
}

func TestGlareChangesNothing(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	hold := audioSDP(aliceRTP, "RTP/AVP 8", "a=sendonly")
	s.sip(5, alice, bob, msg{first: inviteLine, cseq: "2 INVITE", to: "b", sdp: hold})
	s.sip(5.01, bob, alice, msg{first: inviteLine, cseq: "7 INVITE", from: "b", to: "a", sdp: audioSDP(bobRTP, "RTP/AVP 8", "a=sendonly")})
	s.sip(5.02, bob, alice, msg{first: "SIP/2.0 491 Request Pending", cseq: "2 INVITE", to: "b"})
	s.sip(5.03, alice, bob, msg{first: "SIP/2.0 491 Request Pending", cseq: "7 INVITE", from: "b", to: "a"})
	check(t, "after both were refused", s.t.order.oldest().state(), protocol.StateUp)
	s.sip(7, alice, bob, msg{first: inviteLine, cseq: "3 INVITE", to: "b", sdp: hold})
	s.sip(7.01, bob, alice, msg{first: inviteLine, cseq: "8 INVITE", from: "b", to: "a", sdp: audioSDP(bobRTP)})
	s.sip(7.02, alice, bob, msg{first: "SIP/2.0 491 Request Pending", cseq: "8 INVITE", from: "b", to: "a"})
	s.sip(7.1, bob, alice, msg{first: ok200, cseq: "3 INVITE", to: "b", sdp: audioSDP(bobRTP, "RTP/AVP 8", "a=recvonly")})
	check(t, "after one was accepted", s.t.order.oldest().state(), protocol.StateHold)
	s.hangUp(20, "")
	check(t, "status", s.finish(20).Status, 200)
}

func TestPRACKWithAnOfferIsNoAnswer(t *testing.T) {
	s := newSim(t)
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP, "RTP/AVP 8 0")})
	s.sip(1, bob, alice, msg{first: "SIP/2.0 183 Session Progress", cseq: "1 INVITE", to: "b", more: "RSeq: 1\r\n", sdp: audioSDP(bobRTP, "RTP/AVP 8")})
	s.sip(1.1, alice, bob, msg{first: "PRACK sip:x SIP/2.0", cseq: "2 PRACK", to: "b", sdp: audioSDP(aliceRTP, "RTP/AVP 0 8", "a=inactive")})
	check(t, "codec before its answer", s.t.order.oldest().chosen[0].name, "PCMA")
	check(t, "not on hold before its answer", s.t.order.oldest().held(), false)
	s.sip(1.2, bob, alice, msg{first: ok200, cseq: "2 PRACK", to: "b", sdp: audioSDP(bobRTP, "RTP/AVP 0", "a=inactive")})
	check(t, "codec after it", s.t.order.oldest().chosen[0].name, "PCMU")
	check(t, "on hold after it", s.t.order.oldest().held(), true)
	check(t, "answered", s.finish(2).Status, 0)
}

// FuzzRequestsWithinACall plays REFER, INFO and an INVITE with hostile header values: what is read out of them stays within its
// alphabet and bounds, and nothing is left behind.
func FuzzRequestsWithinACall(f *testing.F) {
	f.Add("<sip:1003@example.org?Replaces=second%40host%3Bto-tag%3Db>", "Signal=5\r\nDuration=1", "call-1@alice;to-tag=a", "ab30317f1a784dc48ff824d0d3715d86;remote=0")
	f.Add("<sip:%zz?a&replaces=%", "=\n=", ";", ";;")
	f.Fuzz(func(t *testing.T, referTo, body, replaces, session string) {
		for _, v := range []string{referTo, replaces, session} {
			if strings.ContainsAny(v, "\r\n") {
				t.Skip("a value has one line")
			}
		}
		s := newSim(t, withHeaders)
		s.setUp(0, "", aliceRTP, bobRTP)
		s.sip(1, alice, bob, msg{first: "REFER sip:x SIP/2.0", cseq: "2 REFER", to: "b", more: "Refer-To: " + referTo + "\r\n"})
		for i := range 70 {
			s.raw(2+float64(i)/100, alice, bob, info(10+i, "a", "b", "application/dtmf-relay", body))
		}
		s.invite(leg{at: 4, src: bob, dst: pbx, id: "other", caller: "1002", callee: "1003", more: "Replaces: " + replaces + "\r\nSession-ID: " + session + "\r\nX-CID: " + session + "\r\n"})
		s.t.Tick(at(40000))
		if len(s.calls) != 2 || len(s.t.legs.keys) != 0 || s.t.ends.n != 0 {
			t.Fatalf("%d calls, %d header values and %d endpoints left", len(s.calls), len(s.t.legs.keys), s.t.ends.n)
		}
		for _, c := range s.calls {
			if len(c.DTMFInfo) > rtp.MaxDigits || strings.Trim(c.DTMFInfo, infoEvents) != "" {
				t.Fatalf("digits %q", c.DTMFInfo)
			}
			if c.GroupID != s.calls[0].ID.String() && c.GroupID != c.ID.String() {
				t.Fatalf("%s is in the group %s", c.CallID, c.GroupID)
			}
		}
		if got := unescaped([]byte(referTo)); len(got) > len(referTo) {
			t.Fatalf("%q has grown to %q", referTo, got)
		}
	})
}

// A description that takes media past this sensor says that none is to be expected.
func TestMediaThatANewDescriptionTakesElsewhereIsNotMissed(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "", aliceRTP, bobRTP)
	s.talk(2.1, 100, aliceRTP, bobRTP, 8, 0xa)
	s.sip(5, bob, alice, msg{first: "INVITE sip:1001@192.0.2.10 SIP/2.0", cseq: "7 INVITE", from: "b", to: "a", sdp: audioSDP("198.51.100.77:7000")})
	s.sip(5.1, alice, bob, msg{first: ok200, cseq: "7 INVITE", from: "b", to: "a", sdp: audioSDP(aliceRTP)})
	s.t.Tick(at(1000))
	s.hangUp(1000, "")
	c := s.finish(1000)
	check(t, "cause", c.EndCause, protocol.EndBye)
	check(t, "connect", *c.ConnectMS, int64(998_000))
}
