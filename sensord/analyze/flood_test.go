package analyze

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"voiptop/protocol"
)

// A peer that wants to fill the memory: each of these never repeats itself, and nothing of it ever ends. When it has gone on for
// long the engine holds no more than after the first part.
func TestAHostilePeerFillsNoMemory(t *testing.T) {
	const usual = 20_000 // packets, of which each table is full
	filler := "User-Agent: " + strings.Repeat("u", 300) + "\r\nP-Asserted-Identity: <sip:" + strings.Repeat("9", 300) + "@x>\r\n"
	sdp := func(r *rand.Rand) string {
		return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio %d RTP/AVP 0 8\r\n", 1024+2*r.IntN(30000))
	}
	message := func(first, callID, tags string, cseq int, method, body string) []byte {
		return fmt.Appendf(nil, "%s\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK%s%d\r\n%s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n%sContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s",
			first, callID, cseq, tags, callID, cseq, method, filler, len(body), body)
	}
	const ask, tags = "INVITE sip:b@x SIP/2.0", "From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>"
	sip := func(b []byte) func(int64) Packet {
		return func(at int64) Packet { return udpFrame(at, 5060, 5060, b) }
	}
	rtp := func(i int, port uint16, r *rand.Rand) func(int64) Packet {
		b := make([]byte, 172)
		b[0] = 0x80
		binary.BigEndian.PutUint16(b[2:], uint16(i))
		binary.BigEndian.PutUint32(b[8:], r.Uint32())
		return func(at int64) Packet { return udpFrame(at, 4000, port, b) }
	}
	for name, attack := range map[string]func(i int, r *rand.Rand) func(at int64) Packet{
		"calls": func(i int, r *rand.Rand) func(int64) Packet {
			return sip(message(ask, fmt.Sprint("c", i), tags, 1, "INVITE", sdp(r)))
		},
		"messages of few calls": func(i int, r *rand.Rand) func(int64) Packet {
			return sip(message(ask, fmt.Sprint("m", i%100), tags, i, "INVITE", sdp(r)))
		},
		"forks": func(i int, r *rand.Rand) func(int64) Packet {
			if i < 100 {
				return sip(message(ask, fmt.Sprint("f", i%100), tags, 1, "INVITE", sdp(r)))
			}
			return sip(message("SIP/2.0 183 Progress", fmt.Sprint("f", i%100), tags+fmt.Sprint(";tag=", i), 1, "INVITE", sdp(r)))
		},
		"registrations": func(i int, _ *rand.Rand) func(int64) Packet {
			who := fmt.Sprintf("From: <sip:%d@x>;tag=1\r\nTo: <sip:%[1]d@x>\r\nContact: <sip:%[1]d@192.0.2.1>;expires=3600", i)
			return sip(message("REGISTER sip:x SIP/2.0", fmt.Sprint("r", i), who, 1, "REGISTER", ""))
		},
		"sources of one stream": func(i int, r *rand.Rand) func(int64) Packet {
			if i == 0 {
				return sip(message(ask, "one", tags, 1, "INVITE", "v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio 4002 RTP/AVP 0\r\n"))
			}
			return rtp(i, 4002, r)
		},
		"streams of no call": func(i int, r *rand.Rand) func(int64) Packet { return rtp(i, uint16(1024+r.IntN(60000)), r) },
		"half messages over TCP": func(i int, r *rand.Rand) func(int64) Packet {
			b := string(message(ask, fmt.Sprint("t", i), tags, 1, "INVITE", sdp(r)))
			return func(at int64) Packet {
				p := segment(at, r.Uint32(), b[:len(b)-200])
				binary.BigEndian.PutUint16(p.Data[20:], uint16(i)) // another stream each
				return p
			}
		},
		"fragments": func(i int, r *rand.Rand) func(int64) Packet {
			return func(at int64) Packet {
				p := udpFrame(at, 5060, 5060, make([]byte, 1400))
				binary.BigEndian.PutUint32(p.Data[12:], r.Uint32())
				binary.BigEndian.PutUint16(p.Data[4:], uint16(i))
				p.Data[6] = 0x20 // more to come
				return p
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			sink, part := &counting{}, usual
			if name == "half messages over TCP" {
				part = 2 * usual
			}
			e := New(Config{MaxCalls: 500, MaxMessages: 50, Decide: keepAll(protocol.KeepSIP)}, sink)
			r := rand.New(rand.NewPCG(1, 2))
			before := heap()
			var first uint64
			for i := range 2 * part {
				p := attack(i, r)(int64(1e18) + int64(i)*1e4) // 100,000 a second: no timeout passes
				e.Packet(&p)
				if i == part {
					first = heap()
				}
			}
			if last := heap(); last > max(first, before)+8<<20 || last > before+64<<20 {
				t.Errorf("the engine holds %d KiB after the first part and %d KiB after another; before it was %d", first>>10, last>>10, before>>10)
			}
			if e.Running() > 500 {
				t.Errorf("%d calls run", e.Running())
			}
			e.Close()
		})
	}
}
