package audio_test

import (
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/pion/srtp/v3"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// suite is an SRTP suite of SDES with the profile of pion that stands for it.
type suite struct {
	name    string
	profile srtp.ProtectionProfile
}

var suites = []suite{
	{"AES_CM_128_HMAC_SHA1_80", srtp.ProtectionProfileAes128CmHmacSha1_80},
	{"AES_CM_128_HMAC_SHA1_32", srtp.ProtectionProfileAes128CmHmacSha1_32},
	{"AES_256_CM_HMAC_SHA1_80", srtp.ProtectionProfileAes256CmHmacSha1_80},
	{"AES_256_CM_HMAC_SHA1_32", srtp.ProtectionProfileAes256CmHmacSha1_32},
	{"AEAD_AES_128_GCM", srtp.ProtectionProfileAeadAes128Gcm},
	{"AEAD_AES_256_GCM", srtp.ProtectionProfileAeadAes256Gcm},
}

// sender encrypts with a key of its own.
type sender struct {
	t      testing.TB
	ctx    *srtp.Context
	crypto string // the line for its SDP
}

func newSender(t testing.TB, s suite, seed byte, roc uint32, ssrc uint32, params string, mki []byte) *sender {
	t.Helper()
	n, _ := s.profile.KeyLen()
	salt, _ := s.profile.SaltLen()
	b := make([]byte, n+salt)
	for i := range b {
		b[i] = seed + byte(7*i)
	}
	var opts []srtp.ContextOption
	if mki != nil {
		opts = append(opts, srtp.MasterKeyIndicator(mki))
	}
	ctx, err := srtp.CreateContext(b[:n], b[n:], s.profile, opts...)
	if err != nil {
		t.Fatal(err)
	}
	ctx.SetROC(ssrc, roc)
	return &sender{t: t, ctx: ctx, crypto: "a=crypto:1 " + s.name + " inline:" + base64.StdEncoding.EncodeToString(b) + params}
}

// speak adds encrypted packets to a call.
func (s *sender) speak(c *call, st *stream, at time.Duration, n int, payload func(int) []byte) {
	for i := range n {
		b, err := s.ctx.EncryptRTP(nil, append(rtpHead(st.pt, false, st.seq, st.stamp, st.ssrc), payload(i)...), nil)
		if err != nil {
			s.t.Fatal(err)
		}
		c.udp(at+time.Duration(i)*20*time.Millisecond, st.from, st.to, b)
		st.seq++
		st.stamp += 160
	}
}

func TestSRTPIsHeardWithTheKeyFromTheSDP(t *testing.T) {
	for _, s := range suites {
		t.Run(s.name, func(t *testing.T) {
			a, b := newSender(t, s, 1, 0, 1, "|2^31", nil), newSender(t, s, 99, 0, 2, "", nil)
			c := newCall(t, sdp(alice, pcma, a.crypto), sdp(bob, pcma, b.crypto))
			a.speak(c, &stream{from: alice, to: bob, pt: 8, ssrc: 1, seq: 65500}, 0, 100, tone(500, 0.5)) // over a wrap
			b.speak(c, &stream{from: bob, to: alice, pt: 8, ssrc: 2, seq: 7}, 0, 100, tone(700, 0.5))
			heard := play(t, c.mustListen(), sensorapi.AudioOptions{})
			for side, hz := range []float64{500, 700} {
				if v := share(heard.sides[side], 8000, 0, 2, hz); v < 0.99 {
					t.Errorf("side %d: %.3f of the power is at %v Hz", side, v, hz)
				}
			}
		})
	}
}

func TestSRTPThatIsJoinedInTheMiddle(t *testing.T) {
	// Two hours into a call the rollover counter is 5, and no packet says so.
	a := newSender(t, suites[0], 1, 5, 1, "", nil)
	c := newCall(t, sdp(alice, pcma, a.crypto), sdp(bob, pcma, "a=crypto:1 "+suites[0].name+" inline:bm90IGEga2V5"))
	a.speak(c, &stream{from: alice, to: bob, pt: 8, ssrc: 1, seq: 40000}, 0, 100, tone(500, 0.5))
	s := play(t, c.mustListen(), sensorapi.AudioOptions{})
	if v := share(s.sides[0], 8000, 0, 2, 500); v < 0.99 {
		t.Errorf("%.3f of the power is at 500 Hz", v)
	}
}

func TestSRTPWithAMasterKeyIdentifier(t *testing.T) {
	a := newSender(t, suites[0], 1, 0, 1, "|2^20|1:4", []byte{0, 0, 0, 1})
	c := newCall(t, sdp(alice, pcma, a.crypto), sdp(bob, pcma, a.crypto))
	a.speak(c, &stream{from: alice, to: bob, pt: 8, ssrc: 1, seq: 40000}, 0, 100, tone(500, 0.5))
	s := play(t, c.mustListen(), sensorapi.AudioOptions{})
	if v := share(s.sides[0], 8000, 0, 2, 500); v < 0.99 {
		t.Errorf("%.3f of the power is at 500 Hz", v)
	}
}

func TestSRTPThatChangesItsKey(t *testing.T) {
	one, two := newSender(t, suites[0], 1, 0, 1, "", nil), newSender(t, suites[4], 33, 0, 1, "", nil)
	c := newCall(t, sdp(alice, pcma, one.crypto), sdp(bob, pcma, one.crypto))
	st := &stream{from: alice, to: bob, pt: 8, ssrc: 1, seq: 100}
	one.speak(c, st, 0, 50, tone(500, 0.5))
	c.sip(990*time.Millisecond, alice, bob, "INVITE sip:bob@192.0.2.20 SIP/2.0", "2 INVITE", sdp(alice, pcma, two.crypto))
	c.sip(995*time.Millisecond, bob, alice, "SIP/2.0 200 OK", "2 INVITE", sdp(bob, pcma, one.crypto))
	two.speak(c, st, time.Second, 50, tone(900, 0.5))
	s := play(t, c.mustListen(), sensorapi.AudioOptions{})
	for _, w := range []struct{ from, to, hz float64 }{{0, 1, 500}, {1, 2, 900}} {
		if v := share(s.sides[0], 8000, w.from, w.to, w.hz); v < 0.99 {
			t.Errorf("from %v s: %.3f of the power is at %v Hz", w.from, v, w.hz)
		}
	}
}

func TestSRTPWithoutAKeySaysSo(t *testing.T) {
	a, other := newSender(t, suites[0], 1, 0, 1, "", nil), newSender(t, suites[0], 77, 0, 1, "", nil)
	for _, w := range []struct{ name, line string }{
		{"another key", other.crypto},
		{"DTLS", "a=crypto:1 X inline:x\r\na=fingerprint:sha-256 00:11"},
	} {
		t.Run(w.name, func(t *testing.T) {
			c := newCall(t, sdp(alice, pcma, w.line), sdp(bob, pcma, w.line))
			a.speak(c, &stream{from: alice, to: bob, pt: 8, ssrc: 1, seq: 10}, 0, 50, tone(500, 0.5))
			_, err := c.listen()
			if p := problem(err); p.Code != protocol.CodeSRTPWithoutKey || p.Status != 409 {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestVoiceInTheClearThatWasAnnouncedAsSRTPIsHeard(t *testing.T) {
	line := fmt.Sprintf("a=crypto:1 %s inline:x", suites[0].name)
	c := newCall(t, sdp(alice, pcma, line), sdp(bob, pcma, line))
	c.send(&stream{from: alice, to: bob, pt: 8, ssrc: 1}, 0, 50, 160, tone(500, 0.5), nil)
	s := play(t, c.mustListen(), sensorapi.AudioOptions{})
	if v := share(s.sides[0], 8000, 0, 0.9, 500); v < 0.99 {
		t.Errorf("%.3f of the power is at 500 Hz", v)
	}
}

func TestSRTPSoundsTheSameWhereverOneBegins(t *testing.T) {
	a := newSender(t, suites[0], 1, 0, 1, "", nil)
	c := newCall(t, sdp(alice, pcma, a.crypto), sdp(bob, pcma, a.crypto))
	a.speak(c, &stream{from: alice, to: bob, pt: 8, ssrc: 1, seq: 65000}, 0, 1000, tone(500, 0.5))
	r := c.mustListen()
	whole := wav(t, r, sensorapi.AudioOptions{})
	w, err := r.WAV(t.Context(), sensorapi.AudioOptions{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	at := int64(44 + 4*8000*15)
	w.Seek(at, 0)
	got := make([]byte, 32000)
	if _, err := w.Read(got[:0]); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(got); {
		k, err := w.Read(got[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += k
	}
	if i := differ(got, whole[at:]); i >= 0 {
		t.Errorf("byte %d is another", i)
	}
}
