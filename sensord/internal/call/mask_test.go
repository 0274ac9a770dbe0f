package call

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"voiptop/protocol"
	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sip"
)

// wire puts a datagram's payload behind the transport header that it came with, checksum and all, and 20 bytes more.
func wire(d *decode.Datagram, options int) *decode.Datagram {
	be := binary.BigEndian
	size := 8
	if d.Transport == decode.TCP {
		size = 20 + options
	}
	b := make([]byte, 20+size, 20+size+len(d.Payload))
	be.PutUint16(b[20:], d.Src.Port)
	be.PutUint16(b[22:], d.Dst.Port)
	b = append(b, d.Payload...)
	at := 26
	if d.Transport == decode.TCP {
		b[32] = byte(size/4) << 4
		at = 36
	} else {
		be.PutUint16(b[24:], uint16(len(b)-20))
	}
	if n := ^sum(b[20:]); n != 0 {
		be.PutUint16(b[at:], n)
	} else {
		be.PutUint16(b[at:], 0xffff)
	}
	d.Packet = &capture.Packet{Time: d.Time, Data: b, Length: len(b)}
	d.HeaderLen = 20 + size
	d.Payload = b[d.HeaderLen:]
	return d
}

// sum is the one's complement sum (RFC 1071), here without a pseudo header, which no change touches.
func sum(b []byte) uint16 {
	s := uint32(0)
	for i := 0; i+1 < len(b); i += 2 {
		s += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	if len(b)%2 == 1 {
		s += uint32(b[len(b)-1]) << 8
	}
	s = s&0xffff + s>>16
	return uint16(s + s>>16)
}

func event(pt uint8, seq uint16, events ...byte) []byte {
	b := rtpPacket(pt, seq, 1000, 1)[:12]
	for _, e := range events {
		b = append(b, e, 0x8a, 3, 0x20)
	}
	return b
}

var blanked = decide(func(*Subject) Decision { return Decision{Rule: "pin", Keep: protocol.KeepRTP, MaskDTMF: true} })

const dtmfFormats = "a=rtpmap:101 telephone-event/8000\r\na=rtpmap:121 red/8000"

func TestTelephoneEventsAreBlankedInKeptPackets(t *testing.T) {
	s := newSim(t, decideBy(blanked))
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP, "RTP/AVP 8 101 121", dtmfFormats)})
	s.sip(2, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP, "RTP/AVP 8 101 121", dtmfFormats)})
	red := rtpPacket(121, 7, 1000, 1)[:12]
	red = append(red, 0x80|101, 0, 0, 4, 0x80|8, 0, 0, 3, 101) // an event, three bytes of voice, an event
	red = append(red, 5, 0x8a, 3, 0x20, 1, 2, 3, 7, 0x8a, 3, 0x20)
	for i, c := range []struct {
		name     string
		in, want []byte
	}{
		{"voice", rtpPacket(8, 1, 0, 1), rtpPacket(8, 1, 0, 1)},
		{"an event", event(101, 2, 5), event(101, 2, 255)},
		{"two events", event(101, 3, 1, 2), event(101, 3, 255, 255)},
		{"a type that SDP does not tell", event(98, 4, 9), event(98, 4, 255)},
		{"such a type with voice", rtpPacket(98, 5, 0, 1), rtpPacket(98, 5, 0, 1)},
		{"half an event", event(101, 6, 5)[:14], event(101, 6, 5)[:14]},
		{"redundant events", red, append(append(red[:21:21], 255, 0x8a, 3, 0x20, 1, 2, 3, 255), red[29:]...)},
		{"redundancy that is cut", red[:17], red[:17]},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.kept = nil
			d := wire(s.datagram(3+float64(i)*0.02, aliceRTP, bobRTP, c.in), 0)
			before := bytes.Clone(d.Packet.Data)
			s.t.Media(d)
			if len(s.kept) != 1 {
				t.Fatalf("%d packets were kept", len(s.kept))
			}
			got := s.kept[0].data
			if !bytes.Equal(got[28:], c.want) {
				t.Errorf("got  %x\nwant %x", got[28:], c.want)
			}
			if n := sum(got[20:]); n != 0xffff {
				t.Errorf("the checksum is off: %04x", n)
			}
			if !bytes.Equal(d.Packet.Data, before) {
				t.Error("the packet itself was changed")
			}
		})
	}
	s.hangUp(9, "")
	r := s.finish(9)
	check(t, "digits in the record", r.Streams[0].DTMF, strings.Repeat("*", len(r.Streams[0].DTMF)))
	if r.Streams[0].DTMF == "" {
		t.Error("there are none")
	}
}

func TestAChecksumThatIsNotThereStaysAway(t *testing.T) {
	s := newSim(t, decideBy(blanked))
	s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP, "RTP/AVP 8 101", dtmfFormats)})
	s.kept = nil
	d := wire(s.datagram(3, aliceRTP, bobRTP, event(101, 2, 5)), 0)
	d.Packet.Data[26], d.Packet.Data[27] = 0, 0
	s.t.Media(d)
	if got := s.kept[0].data; got[26]|got[27] != 0 || got[40] != 255 {
		t.Errorf("got %x", got)
	}
}

func TestDigitsInInfoAreBlanked(t *testing.T) {
	for _, c := range []struct{ name, kind, body, want string }{
		{"dtmf-relay", "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "Signal=X\r\nDuration=160\r\n"},
		{"with blanks", "application/dtmf-relay", "Duration = 160\r\n Signal = \"12\" \r\n", "Duration = 160\r\n Signal = \"XX\" \r\n"},
		{"dtmf", "Application/DTMF", "5", "X"},
		{"several", "application/dtmf", "1234#\r\n", "XXXXX\r\n"},
		{"another body", "text/plain", "5", "5"},
		{"an empty body", "application/dtmf", "", ""},
	} {
		for _, compact := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, compact), func(t *testing.T) {
				s := newSim(t, decideBy(blanked))
				s.setUp(0, "", aliceRTP, bobRTP)
				name, length := "Content-Type", "Content-Length"
				if compact {
					name, length = "c", "l"
				}
				head := "INFO sip:1002@198.51.100.20 SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK-i\r\nFrom: <sip:1001@example.net>;tag=a\r\nTo: <sip:1002@example.org>;tag=b\r\n" +
					"Call-ID: call-1@alice\r\nCSeq: 2 INFO\r\nAccept: application/dtmf-relay\r\n" + name + ": " + c.kind + "\r\n" + length + fmt.Sprintf(": %d\r\n\r\n", len(c.body))
				var m sip.Message
				if err := m.Parse([]byte(head + c.body)); err != nil {
					t.Fatal(err)
				}
				s.kept = nil
				d := wire(s.datagram(3, alice, bob, []byte(head+c.body)), 0)
				s.t.SIP(d, &m, nil, "udp")
				got := s.kept[0].data
				if string(got[28:]) != head+c.want {
					t.Errorf("got %q", got[28:])
				}
				if sum(got[20:]) != 0xffff {
					t.Error("the checksum is off")
				}
				s.hangUp(9, "")
				if r := s.finish(9); strings.Trim(r.DTMFInfo, "*") != "" || (r.DTMFInfo == "") != (c.kind == "text/plain" || c.body == "" || len(c.body) > 6 && c.name == "several") {
					t.Errorf("digits in the record: %q", r.DTMFInfo)
				}
			})
		}
	}
}

func infoMessage(n int, body string) string {
	return fmt.Sprintf("INFO sip:1002@198.51.100.20 SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK-%d\r\nFrom: <sip:1001@example.net>;tag=a\r\nTo: <sip:1002@example.org>;tag=b\r\n"+
		"Call-ID: call-1@alice\r\nCSeq: %d INFO\r\nContent-Type: application/dtmf-relay\r\nContent-Length: %d\r\n\r\n%s", n, n, len(body), body)
}

func TestASegmentWithSeveralMessagesHasNoDigitLeft(t *testing.T) {
	s := newSim(t, decideBy(blanked))
	s.setUp(0, "", aliceRTP, bobRTP)
	first, second := "ACK sip:1002@198.51.100.20 SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK-9\r\nFrom: <sip:1001@example.net>;tag=a\r\nTo: <sip:1002@example.org>;tag=b\r\n"+
		"Call-ID: call-1@alice\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n", infoMessage(2, "Signal=4\r\n")
	d := s.datagram(3, alice, bob, []byte(first+second+infoMessage(3, "Signal=9\r\n")))
	d.Transport = decode.TCP
	wire(d, 12)
	s.kept = nil
	for _, part := range []string{first, second} {
		var m sip.Message
		if err := m.Parse([]byte(part)); err != nil {
			t.Fatal(err)
		}
		s.t.SIP(d, &m, nil, "tcp")
	}
	check(t, "packets", len(s.kept), 1)
	got := s.kept[0].data
	if want := first + infoMessage(2, "Signal=X\r\n") + infoMessage(3, "Signal=X\r\n"); string(got[52:]) != want {
		t.Errorf("got %q", got[52:])
	}
	if sum(got[20:]) != 0xffff {
		t.Error("the checksum is off")
	}
}

func TestAnInfoThatIsNotInOnePieceIsKeptWithoutItsPayload(t *testing.T) {
	s := newSim(t, decideBy(blanked))
	s.setUp(0, "", aliceRTP, bobRTP)
	whole := infoMessage(2, "Signal=4\r\n")
	for cut := 10; cut < len(whole); cut += 40 {
		d := s.datagram(3, alice, bob, []byte(whole[cut:]))
		d.Transport = decode.TCP
		wire(d, 0)
		early := wire(s.datagram(3, alice, bob, []byte(whole[:cut])), 0)
		d.Earlier = []capture.Packet{*early.Packet}
		d.EarlierFrame = early.Frame
		var m sip.Message
		if err := m.Parse([]byte(strings.Replace(whole, "z9hG4bK-2", fmt.Sprint("z9hG4bK-", cut), 1))); err != nil {
			t.Fatal(err)
		}
		s.kept = nil
		s.t.SIP(d, &m, nil, "tcp")
		check(t, "packets", len(s.kept), 2)
		for i, k := range s.kept {
			if len(k.data) > 40 {
				t.Errorf("cut at %d, packet %d: %q", cut, i, k.data)
			}
		}
	}
}

func TestOfEncryptedVoiceOnlyTheHeadersAreKeptWhereDigitsAreBlanked(t *testing.T) {
	const savp = "RTP/SAVP 8 101"
	for name, keep := range map[string]func(*Subject) Decision{
		"decided at once": blanked,
		"decided at the end": func(c *Subject) Decision {
			if c.State == protocol.StateEnded {
				return blanked(c)
			}
			return Decision{Open: protocol.KeepRTP, MaskDTMF: true}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t, decideBy(decide(keep)))
			s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP, savp)})
			s.sip(2, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP, savp)})
			s.talk(3, 10, aliceRTP, bobRTP, 8, 1)
			s.hangUp(9, "")
			r := s.finish(9)
			check(t, "kept", r.Capture.Kept, protocol.KeepHeaders)
			for _, k := range s.kept {
				if !k.said.Open && k.headers < len(k.data) && k.said.Keep != protocol.KeepHeaders {
					t.Fatal("voice was given to be stored")
				}
			}
			check(t, "what the sink hears last", s.ended[0].Keep, protocol.KeepHeaders)
		})
	}
}

func TestTheRecordOfACallWithBlankedDigitsDoesNotTellThem(t *testing.T) {
	final := Decision{Rule: "pin", MaskDTMF: true} // keeps no packets
	for _, mask := range []bool{true, false} {
		final.MaskDTMF = mask
		s := newSim(t, decideBy(decide(func(*Subject) Decision { return final })))
		s.sip(0, alice, bob, msg{first: inviteLine, cseq: "1 INVITE", sdp: audioSDP(aliceRTP, "RTP/AVP 8 101", dtmfFormats)})
		s.sip(2, bob, alice, msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: audioSDP(bobRTP)}) // telephone-event was not agreed
		s.talk(3, 100, aliceRTP, bobRTP, 8, 1)
		for i, e := range []byte{7, 3, 7, 3} {
			b := event(101, uint16(1100+i), e)
			binary.BigEndian.PutUint32(b[4:], uint32(20000+1000*i))
			s.t.Media(s.datagram(6+float64(i)/10, aliceRTP, bobRTP, b))
		}
		running, err := json.Marshal(s.t.Find("call-1@alice"))
		if err != nil {
			t.Fatal(err)
		}
		s.hangUp(9, "")
		ended, err := json.Marshal(s.finish(9))
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range [][]byte{running, ended} {
			if bytes.Contains(b, []byte("7373")) == mask || bytes.Contains(b, []byte("digits ****")) != mask || !bytes.Contains(b, []byte("dtmf-missing")) {
				t.Errorf("mask %v: %s", mask, b)
			}
		}
	}
}

// FuzzMasking: whatever a packet holds, its copy has the same length, differs in digits only, and is as masked as can be.
func FuzzMasking(f *testing.F) {
	f.Add([]byte(infoMessage(2, "Signal=4\r\n")), uint16(0), true)
	f.Add([]byte(infoMessage(2, "Signal=4\r\n")+infoMessage(3, "Signal=16\r\nDuration=100")), uint16(12), false)
	f.Add(event(101, 1, 5, 6), uint16(0), true)
	f.Fuzz(func(t *testing.T, b []byte, options uint16, udp bool) {
		d := &decode.Datagram{Src: decode.Endpoint{Port: 5060}, Dst: decode.Endpoint{Port: 5062}, Payload: b}
		if !udp {
			d.Transport = decode.TCP
		}
		wire(d, int(options%11)*4)
		var k masking
		once := bytes.Clone(k.maskMessages(d, d.Packet).Data)
		if len(once) != len(d.Packet.Data) || sum(once[20:]) != sum(d.Packet.Data[20:]) {
			t.Fatalf("length %d of %d, sum %04x", len(once), len(d.Packet.Data), sum(once[20:]))
		}
		if again := k.maskMessages(d, &capture.Packet{Data: once}).Data; !bytes.Equal(again, once) {
			t.Fatalf("masked again %q becomes %q", once, again)
		}
		s := &stream{pt: 101, types: []format{{101, &codec{name: "red"}}, {102, &codec{name: "telephone-event"}}}}
		k.copy(d, d.Packet)
		s.maskEvents(&k, b, 0)
		if len(k.data) != len(d.Packet.Data) || sum(k.data[20:]) != sum(d.Packet.Data[20:]) {
			t.Fatalf("blanked events change the packet's sum: %x became %x", d.Packet.Data, k.data)
		}
	})
}
