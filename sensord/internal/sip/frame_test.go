package sip

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

func three() (all []byte, want []string) {
	for _, m := range [][]byte{
		crlf("REGISTER sip:r SIP/2.0\nCall-ID: 1\nContent-Length: 0\n\n"),
		crlf("INVITE sip:a@b SIP/2.0\nCall-ID: 2\nContent-Length: 8\n\nv=0\nx=y\n")[:len(crlf("INVITE sip:a@b SIP/2.0\nCall-ID: 2\nContent-Length: 8\n\n"))+8],
		crlf("SIP/2.0 200 OK\nl: 0\n\n"),
	} {
		all = append(append(all, m...), "\r\n\r\n"...) // keep-alive between
		want = append(want, string(m))
	}
	return all, want
}

func TestFramerCutsTheSameMessagesHoweverTheStreamIsSplit(t *testing.T) {
	all, want := three()
	for n := 1; n <= len(all); n++ {
		var f Framer
		var got []string
		for at := 0; at < len(all); at += n {
			f.Feed(all[at:min(at+n, len(all))], func(m []byte) { got = append(got, string(m)) })
		}
		if !slices.Equal(got, want) {
			t.Fatalf("pieces of %d bytes: got %q", n, got)
		}
	}
}

func TestFramerFindsTheNextMessageAfterAGap(t *testing.T) {
	all, want := three()
	var f Framer
	var got []string
	emit := func(m []byte) { got = append(got, string(m)) }
	f.Feed(all[:20], emit) // the start of the first, then a hole
	f.Gap()
	f.Feed(all[40:], emit)
	if !slices.Equal(got, want[1:]) || f.Skipped == 0 {
		t.Errorf("got %q, skipped %d", got, f.Skipped)
	}
}

func TestFramerWithoutContentLengthEndsAtTheNextMessage(t *testing.T) {
	var f Framer
	var got []string
	f.Feed(crlf("BYE sip:a SIP/2.0\nCall-ID: 1\n\nbody\nSIP/2.0 200 OK\nl:0\n\n"), func(m []byte) { got = append(got, string(m)) })
	if len(got) != 2 || !bytes.HasSuffix([]byte(got[0]), []byte("body\r\n")) {
		t.Errorf("got %q", got)
	}
}

func TestFramerHoldsABoundedAmount(t *testing.T) {
	var f Framer
	f.Feed([]byte("INVITE sip:a SIP/2.0\r\n"), func([]byte) {})
	junk := bytes.Repeat([]byte("X-Header: and no end\r\n"), 100)
	for range 1000 {
		f.Feed(junk, func([]byte) { t.Fatal("a message came out of junk") })
		if len(f.held) > MaxFramed+len(junk) {
			t.Fatalf("holds %d bytes", len(f.held))
		}
	}
}

func FuzzFramer(f *testing.F) {
	all, _ := three()
	f.Add(all, uint64(1))
	f.Add(append([]byte("rest of something\r\n"), all...), uint64(2))
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		var fr Framer
		total := 0
		for rest := b; len(rest) > 0; {
			n := 1 + r.IntN(min(len(rest), 64))
			fr.Feed(rest[:n], func(m []byte) {
				total += len(m)
				if !LooksLikeSIP(m) {
					t.Fatalf("emitted %q", m)
				}
			})
			rest = rest[n:]
		}
		if total+len(fr.held) > len(b) {
			t.Fatalf("%d bytes in, %d out and %d held", len(b), total, len(fr.held))
		}
	})
}

// wsFrame writes one frame; mask 0 means unmasked.
func wsFrame(first byte, mask uint32, data []byte) []byte {
	b := []byte{first, 0}
	switch {
	case len(data) < 126:
		b[1] = byte(len(data))
	case len(data) < 1<<16:
		b[1] = 126
		b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	default:
		b[1] = 127
		b = binary.BigEndian.AppendUint64(b, uint64(len(data)))
	}
	data = bytes.Clone(data)
	if mask != 0 {
		b[1] |= 0x80
		b = binary.BigEndian.AppendUint32(b, mask)
		unmask(data, b[len(b)-4:])
	}
	return append(b, data...)
}

func TestWSFramerReadsMaskedFragmentedAndSplitFrames(t *testing.T) {
	head := crlf("GET /ws HTTP/1.1\nHost: x\nUpgrade: WebSocket\nConnection: Upgrade\n\n")
	if !IsUpgrade(head) {
		t.Fatal("the upgrade is not recognised")
	}
	all := slices.Concat(head,
		wsFrame(0x81, 0x01020304, invite),
		wsFrame(0x89, 0x0a0b0c0d, []byte("ping")),
		wsFrame(0x01, 0x11111111, invite[:50]), wsFrame(0x80, 0x22222222, invite[50:]),
		wsFrame(0x82, 0, invite))
	for _, n := range []int{1, 7, 100, len(all)} {
		var f WSFramer
		count := 0
		for at := 0; at < len(all); at += n {
			f.Feed(all[at:min(at+n, len(all))], func(m []byte) {
				if !bytes.Equal(m, invite) {
					t.Fatalf("got %q", m)
				}
				count++
			})
		}
		if count != 3 {
			t.Errorf("pieces of %d bytes: %d messages, want 3", n, count)
		}
	}
	if !IsFrame(wsFrame(0x81, 0x01020304, invite)) || IsFrame(wsFrame(0x81, 0, []byte("hello, I am a chat message"))) {
		t.Error("IsFrame does not tell SIP from other frames")
	}
}

func FuzzWSFramer(f *testing.F) {
	f.Add(wsFrame(0x81, 0x01020304, invite), uint8(9))
	f.Add(wsFrame(0x01, 0, invite[:50]), uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, n uint8) {
		var fr WSFramer
		total := 0
		for at := 0; at < len(b); at += int(n) + 1 {
			fr.Feed(b[at:min(at+int(n)+1, len(b))], func(m []byte) { total += len(m) })
		}
		if total > len(b) {
			t.Fatalf("%d bytes in, %d out", len(b), total)
		}
	})
}

func TestTheLastLineOfACutMessageIsLeftOutUnlessItIsWhole(t *testing.T) {
	const head = "INVITE sip:a SIP/2.0\r\nCall-ID: 12345\r\n"
	for message, want := range map[string]string{
		head + "Via: x\r":                       head,
		head[:36]:                               head[:22],
		head[:10]:                               "",
		head:                                    head,
		head + "\r\nm=audio 40":                 head + "\r\n",
		head + "l: 90\r\n\r\nv=0\r\nm=audio 40": head + "l: 90\r\n\r\nv=0\r\n",
		head + "l: 15\r\n\r\nv=0\r\nm=audio 40": head + "l: 15\r\n\r\nv=0\r\nm=audio 40",
		head + "Content-Length: 3\r\n\r\nv=0OPTIONS s": head + "Content-Length: 3\r\n\r\nv=0OPTIONS s",
	} {
		if got := string(WholeLines([]byte(message))); got != want {
			t.Errorf("%q: got %q, want %q", message, got, want)
		}
	}
}
