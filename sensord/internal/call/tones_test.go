package call

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"
	"unsafe"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
)

// sing plays PCMA for a time, of which each packet has the tones that play says.
func (s *sim) sing(sec float64, n int, src, dst string, ssrc uint32, play func(at float64) []float64) {
	for i := range n {
		b := make([]byte, 12+160)
		b[0], b[1] = 0x80, 8
		binary.BigEndian.PutUint16(b[2:], uint16(i))
		binary.BigEndian.PutUint32(b[4:], uint32(160*i))
		binary.BigEndian.PutUint32(b[8:], ssrc)
		for j := range 160 {
			t := float64(160*i+j) / 8000
			v := 0.0
			for _, hz := range play(t) {
				v += 5000 * math.Sin(2*math.Pi*hz*t)
			}
			b[12+j] = gen.ALaw(int(v))
		}
		s.t.Media(s.datagram(sec+0.02*float64(i), src, dst, b))
	}
}

// five is the digit 5, pressed for 80 ms after a second, and again.
func five(at float64) []float64 {
	if at >= 1 && at < 1.08 || at >= 2 && at < 2.08 {
		return []float64{770, 1336}
	}
	return nil
}

// calling is a fax.
func calling(at float64) []float64 {
	if at >= 1 && math.Mod(at-1, 3.5) < 0.5 {
		return []float64{1100}
	}
	return nil
}

func inband(c *Config) { c.InbandDTMF = true }

var withKeys = []string{"RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000"}

// sung plays a call whose caller's sound is play.
func sung(t *testing.T, play func(float64) []float64, formats []string, change ...func(*Config)) *protocol.CDR {
	s := newSim(t, change...)
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP, formats...)})
	s.sip(2, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP, formats...)})
	s.sing(2.1, 900, aliceRTP, bobRTP, 1, play)
	s.talk(2.1, 900, bobRTP, aliceRTP, 8, 2)
	s.hangUp(21, "")
	return s.finish(21)
}

func TestDigitsWithinTheVoiceAreHeardWhereTheyAreAskedFor(t *testing.T) {
	c := sung(t, five, nil)
	check(t, "not asked for", c.Streams[0].DTMFInband, "")
	c = sung(t, five, nil, inband)
	check(t, "asked for", c.Streams[0].DTMFInband, "55")
	check(t, "of the other", c.Streams[1].DTMFInband, "")
	check(t, "finding", string(findings(c)["dtmf-missing"]), "")
	c = sung(t, five, withKeys, inband)
	check(t, "finding where telephone-events were agreed", string(findings(c)["dtmf-missing"]), "info")
	c = sung(t, five, nil, inband, decideBy(decide(func(*Subject) Decision { return Decision{Rule: "all", Keep: protocol.KeepSIP, MaskDTMF: true} })))
	check(t, "masked", c.Streams[0].DTMFInband, "**")
}

func TestAFaxIsHeard(t *testing.T) {
	c := sung(t, calling, nil)
	check(t, "tones", len(c.Streams[0].Tones), 1)
	check(t, "tone", c.Streams[0].Tones[0], "cng")
	check(t, "finding, where none answered", string(findings(c)["fax-over-g711"]), "info")
	c = sung(t, calling, nil, func(c *Config) { c.NoFaxTones = true })
	check(t, "tones where they are not asked for", len(c.Streams[0].Tones), 0)
	check(t, "finding", string(findings(c)["fax-over-g711"]), "")
	key := []string{"RTP/SAVP 8", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"}
	c = sung(t, calling, key, inband)
	check(t, "in what is encrypted", len(c.Streams[0].Tones)+len(c.Streams[0].DTMFInband), 0)
}

// The calling fax stops when the other answers: one burst, and the answer, are a fax. One burst alone is a beep.
func TestOneBurstIsAFaxThatCallsIfTheOtherAnswers(t *testing.T) {
	once := func(at float64) []float64 {
		if at >= 1 && at < 1.5 {
			return []float64{1100}
		}
		return nil
	}
	for name, c := range map[string]struct {
		answer       []float64
		caller, text string
	}{
		"answered": {[]float64{2100}, "[cng]", "A fax goes over G.711: each lost packet may cost the page."},
		"a beep":   {nil, "[]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			s.setUp(0, "", aliceRTP, bobRTP)
			s.sing(2.1, 900, aliceRTP, bobRTP, 1, once)
			s.sing(2.1, 900, bobRTP, aliceRTP, 2, func(at float64) []float64 {
				if at >= 2 && at < 5 {
					return c.answer
				}
				return nil
			})
			s.hangUp(21, "")
			r := s.finish(21)
			check(t, "the caller's tones", fmt.Sprint(r.Streams[0].Tones), c.caller)
			text := ""
			for _, f := range r.Findings {
				if f.Code == "fax-over-g711" {
					text = f.Text
				}
			}
			check(t, "finding", text, c.text)
		})
	}
}

// What goes from one processor to another with every packet of media is less than half of a line of their caches.
func TestWhatIsKnownOfAPacketIsSmall(t *testing.T) {
	check(t, "bytes", unsafe.Sizeof(RTP{}), uintptr(24))
}
