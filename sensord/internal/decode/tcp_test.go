package decode

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"voiptop/sensord/internal/capture"
)

const (
	fin = 1
	syn = 2
	rst = 4
	ack = 16
)

func segmentFrame(seq uint32, flags byte, data string) []byte {
	return ethernet(etherIPv4, ipv4{}.packet(protoTCP, tcp(5060, 5061, seq, flags, []byte(data))))
}

// feed gives frames to a decoder, gap nanoseconds apart.
func feed(x *Decoder, gap int64, frames ...[]byte) {
	for _, f := range frames {
		x.Packet(&capture.Packet{Time: x.d.Time + gap, Data: slices.Clip(f), Length: len(f), Link: 1})
	}
}

func TestStreamsComeInOrder(t *testing.T) {
	s := segmentFrame
	tests := []struct {
		name   string
		frames [][]byte
		want   string
		gaps   int
	}{
		{"in order", [][]byte{s(99, syn, ""), s(100, ack, "abc"), s(103, ack, "def")}, "abcdef", 0},
		{"joined in the middle", [][]byte{s(100, ack, "abc"), s(103, ack, "def")}, "abcdef", 1},
		{"out of order", [][]byte{s(99, syn, ""), s(106, ack, "ghi"), s(103, ack, "def"), s(100, ack, "abc")}, "abcdefghi", 0},
		{"sequence numbers come round", [][]byte{s(0xfffffffe, syn, ""), s(2, ack, "def"), s(0xffffffff, ack, "abc")}, "abcdef", 0},
		{"retransmitted", [][]byte{s(99, syn, ""), s(100, ack, "abc"), s(100, ack, "abc"), s(103, ack, "def")}, "abcdef", 0},
		{"retransmitted with more", [][]byte{s(99, syn, ""), s(100, ack, "abc"), s(101, ack, "bcdef")}, "abcdef", 0},
		{"held twice", [][]byte{s(99, syn, ""), s(103, ack, "def"), s(103, ack, "def"), s(102, ack, "cdefg"), s(100, ack, "ab")}, "abcdefg", 0},
		{"keep-alive", [][]byte{s(99, syn, ""), s(100, ack, "abc"), s(102, ack, "x"), s(103, ack, "def")}, "abcdef", 0},
		{"data with SYN", [][]byte{s(99, syn, "abc"), s(103, ack, "def")}, "abcdef", 0},
		{"lost", [][]byte{s(99, syn, ""), s(100, ack, "abc"), s(106, ack, "ghi")}, "abcghi", 1},
		{"lost after SYN", [][]byte{s(99, syn, ""), s(103, ack, "def")}, "def", 1},
		{"FIN with data", [][]byte{s(99, syn, ""), s(100, ack|fin, "abc")}, "abc", 0},
		{"FIN before its data", [][]byte{s(99, syn, ""), s(103, ack|fin, ""), s(100, ack, "abc")}, "abc", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, c := run(Config{}, 1, tt.frames...)
			if len(got.bytes) != 1 || got.bytes[1] != tt.want || got.gaps != tt.gaps || got.ended != 1 {
				t.Errorf("got %v, %d gaps, %d ended, counters %v", got.bytes, got.gaps, got.ended, c)
			}
			for i, d := range got.grams {
				if d.Fresh != (i == 0) || d.Transport != TCP || d.Src.Port != 5060 {
					t.Errorf("run %d: %+v", i, d)
				}
			}
		})
	}
}

func TestANewConnectionIsANewStream(t *testing.T) {
	s := segmentFrame
	for name, between := range map[string][][]byte{
		"after FIN":        {s(103, ack|fin, ""), s(999, syn, "")},
		"after RST":        {s(103, rst, ""), s(999, syn, "")},
		"after SYN":        {s(999, syn, "")},
		"far away, no SYN": {},
	} {
		t.Run(name, func(t *testing.T) {
			second := uint32(1000)
			if len(between) == 0 {
				second = 1 << 30
			}
			frames := append([][]byte{s(99, syn, ""), s(100, ack, "abc")}, between...)
			got, _ := run(Config{}, 1, append(frames, s(second, ack, "def"))...)
			if len(got.bytes) != 2 || got.bytes[1] != "abc" || got.bytes[2] != "def" || got.ended != 2 {
				t.Errorf("got %v, %d ended", got.bytes, got.ended)
			}
		})
	}
}

func TestAGapIsSkippedAfterASecond(t *testing.T) {
	got := &sink{}
	x := New(Config{}, got)
	feed(x, 1e6, segmentFrame(99, syn, ""), segmentFrame(100, ack, "abc"), segmentFrame(106, ack, "ghi"))
	if got.bytes[1] != "abc" {
		t.Fatalf("got %v", got.bytes)
	}
	other := ethernet(etherIPv4, ipv4{}.packet(protoUDP, udp(3, 4, []byte("later"))))
	feed(x, 2e9, other)
	if got.bytes[1] != "abcghi" || got.gaps != 1 || counted(x)["decode.tcp.gaps"] != 1 {
		t.Errorf("got %v, %d gaps", got.bytes, got.gaps)
	}
	if d := got.grams[1]; d.HeaderLen != 54 || d.Frame != 3 || d.Time != 3e6 || got.grams[2].Time != 2e9+3e6 {
		t.Errorf("held run: %+v", d)
	}
}

func TestAGapIsSkippedWhenTheOtherSideHasTheBytes(t *testing.T) {
	reply := func(acknowledges uint32) []byte {
		b := tcp(5061, 5060, 900, ack, nil)
		binary.BigEndian.PutUint32(b[8:], acknowledges)
		return ethernet(etherIPv4, ipv4{src: [4]byte{10, 0, 0, 2}, dst: [4]byte{10, 0, 0, 1}}.packet(protoTCP, b))
	}
	got := &sink{}
	x := New(Config{}, got)
	feed(x, 1e6, segmentFrame(99, syn, ""), segmentFrame(103, ack, "def"), reply(100), segmentFrame(109, ack, "jkl"))
	if len(got.bytes) != 0 {
		t.Fatalf("got %v: it may be sent again", got.bytes)
	}
	feed(x, 1e6, reply(106))
	if got.bytes[1] != "def" || got.gaps != 1 || got.grams[0].Time != 2e6 {
		t.Fatalf("got %v, %d gaps", got.bytes, got.gaps)
	}
	feed(x, 1e6, segmentFrame(106, ack, "ghi"), segmentFrame(115, ack, "pqr"), segmentFrame(121, ack, "vwx"), reply(200))
	if got.bytes[1] != "defghijklpqrvwx" || got.gaps != 3 || counted(x)["decode.tcp.gaps"] != 3 {
		t.Errorf("got %v, %d gaps", got.bytes, got.gaps)
	}
	if d := got.grams[2]; d.Time != 6e6 {
		t.Errorf("what waited for bytes that came is of the time %d, want that of these", d.Time)
	}
}

func TestAnIgnoredStreamIsSilent(t *testing.T) {
	x := New(Config{}, nil)
	h := handler(func(d *Datagram) { d.Ignore = true })
	n := 0
	x.h = handler(func(d *Datagram) { n++; h(d) })
	feed(x, 1, segmentFrame(100, ack, "abc"), segmentFrame(103, ack, "def"), segmentFrame(120, ack, "x"), segmentFrame(106, ack|fin, ""))
	x.Flush()
	if n != 1 || x.streams.bytes != 0 || len(x.streams.byKey) != 0 {
		t.Errorf("%d calls, %d bytes held, %d streams", n, x.streams.bytes, len(x.streams.byKey))
	}
}

type handler func(*Datagram)

func (h handler) Datagram(d *Datagram) { h(d) }

func TestStreamsAreBounded(t *testing.T) {
	x := New(Config{MaxStreams: 50, MaxStreamBytes: 20_000}, &sink{})
	for i := range 5000 {
		f := ethernet(etherIPv4, ipv4{src: [4]byte{10, 1, byte(i >> 8), byte(i)}}.packet(protoTCP, tcp(1, 2, uint32(i%3*1000), ack, make([]byte, 500))))
		feed(x, 1e5, f)
		g := ethernet(etherIPv4, ipv4{src: [4]byte{10, 1, byte(i >> 8), byte(i)}}.packet(protoTCP, tcp(1, 2, uint32(i%3*1000+5000), ack, make([]byte, 500))))
		feed(x, 1e5, g)
		st := &x.streams
		if len(st.byKey) > 50 || st.byUse.Len() != len(st.byKey) || st.bytes > 20_000 {
			t.Fatalf("%d streams, %d bytes are held", len(st.byKey), st.bytes)
		}
	}
	x.Flush()
	if x.streams.bytes != 0 || x.streams.byHold.Len() != 0 || x.streams.byUse.Len() != 0 {
		t.Errorf("after the end %d bytes, %d streams are held", x.streams.bytes, x.streams.byUse.Len())
	}
}

func TestAnySegmentationGivesTheSameBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	text := strings.Repeat("INVITE sip:bob@example.com SIP/2.0\r\n", 50)
	for round := range 200 {
		var frames [][]byte
		start := r.Uint32()
		for at := 0; at < len(text); {
			n := min(1+r.IntN(100), len(text)-at)
			from := max(0, at-r.IntN(30)) // overlaps what came before
			frames = append(frames, segmentFrame(start+1+uint32(from), ack, text[from:at+n]))
			if r.IntN(5) == 0 {
				frames = append(frames, frames[len(frames)-1])
			}
			at += n
		}
		for i := range frames { // neighbours change places
			if j := i + r.IntN(4); j < len(frames) {
				frames[i], frames[j] = frames[j], frames[i]
			}
		}
		got, c := run(Config{}, 1, append([][]byte{segmentFrame(start, syn, "")}, frames...)...)
		if got.bytes[1] != text || got.gaps != 0 {
			t.Fatalf("round %d: %d bytes of %d, counters %v", round, len(got.bytes[1]), len(text), c)
		}
	}
}

func sctpChunk(flags byte, tsn uint32, stream, seq uint16, data string) []byte {
	b := slices.Concat([]byte{0, flags}, u16(uint16(16+len(data))), u32(tsn), u16(stream), u16(seq), u32(0), []byte(data))
	return append(b, make([]byte, (4-len(b)%4)%4)...)
}

func sctpFrame(chunks ...[]byte) []byte {
	return ethernet(etherIPv4, ipv4{}.packet(protoSCTP, slices.Concat(u16(5060), u16(5061), u32(1), u32(0), slices.Concat(chunks...))))
}

func TestSCTPMessagesComeWhole(t *testing.T) {
	const b, e, u = 2, 1, 4
	sack := slices.Concat([]byte{3, 0}, u16(16), make([]byte, 12))
	tests := []struct {
		name   string
		frames [][]byte
		want   []string
	}{
		{"two in a packet", [][]byte{sctpFrame(sack, sctpChunk(b|e, 1, 0, 0, "one"), sctpChunk(b|e, 2, 0, 1, "two"))}, []string{"one", "two"}},
		{"in pieces", [][]byte{sctpFrame(sctpChunk(b, 1, 0, 0, "on")), sctpFrame(sctpChunk(0, 2, 0, 0, "e an")), sctpFrame(sctpChunk(e, 3, 0, 0, "d two"))}, []string{"one and two"}},
		{"pieces out of order", [][]byte{sctpFrame(sctpChunk(e, 0, 0, 0, "c")), sctpFrame(sctpChunk(b, 0xfffffffe, 0, 0, "a")), sctpFrame(sctpChunk(0, 0xffffffff, 0, 0, "b"))}, []string{"abc"}},
		{"unordered, mixed", [][]byte{sctpFrame(sctpChunk(b|u, 1, 0, 7, "a")), sctpFrame(sctpChunk(b|u, 3, 0, 8, "x")), sctpFrame(sctpChunk(e|u, 2, 0, 7, "b")), sctpFrame(sctpChunk(e|u, 4, 0, 8, "y"))}, []string{"ab", "xy"}},
		{"retransmitted", [][]byte{sctpFrame(sctpChunk(b|e, 1, 0, 0, "one")), sctpFrame(sctpChunk(b|e, 1, 0, 0, "one"))}, []string{"one"}},
		{"never whole", [][]byte{sctpFrame(sctpChunk(b, 1, 0, 0, "on"))}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, c := run(Config{}, 1, tt.frames...)
			if !slices.Equal(got.payloads, tt.want) {
				t.Errorf("got %q, want %q, counters %v", got.payloads, tt.want, c)
			}
		})
	}
}

func TestSCTPIsBounded(t *testing.T) {
	x := New(Config{}, &sink{})
	for i := range 2000 {
		feed(x, 1, sctpFrame(sctpChunk(2, uint32(i*2), uint16(i), 0, "begin")))
	}
	if n := x.messages.byAge.Len(); n != maxMessages || len(x.messages.byKey) != n {
		t.Errorf("%d messages are held", n)
	}
	x.messages.init()
	x.messages.byAge.Init()
	for i := range 1000 {
		feed(x, 1, sctpFrame(sctpChunk(0, uint32(100_000+i), 1, 0, strings.Repeat("x", 1000))))
		for _, e := range x.messages.byKey {
			if m := e.Value.(*message); len(m.chunks) > maxChunks || m.bytes > maxMessageBytes {
				t.Fatalf("a message of %d chunks, %d bytes", len(m.chunks), m.bytes)
			}
		}
	}
}

// FuzzDecode feeds a capture of arbitrary frames. Whatever they hold, payloads lie where they are said to be, times do not
// go back, and what is held stays within its bounds.
func FuzzDecode(f *testing.F) {
	add := func(link uint16, frames ...[]byte) {
		var b []byte
		for _, x := range frames {
			b = append(b, u16(uint16(len(x)))...)
			b = append(b, x...)
		}
		f.Add(link, b)
	}
	text := []byte(strings.Repeat(hello, 30))
	add(1, pieces(false, 1, udp(1, 2, text), 400)...)
	add(1, pieces(true, 1, udp(1, 2, text), 400)...)
	add(1, segmentFrame(99, syn, ""), segmentFrame(106, ack, "ghi"), segmentFrame(100, ack, "abcdef"), segmentFrame(109, fin, ""))
	add(1, sctpFrame(sctpChunk(2, 1, 0, 0, "on"), sctpChunk(1, 2, 0, 0, "e")))
	add(1, ethernet(etherIPv4, ipv4{}.packet(protoGRE, slices.Concat([]byte{0x10, 0, 0x88, 0xbe}, make([]byte, 12), segmentFrame(1, ack, "x")))))
	add(113, slices.Concat(make([]byte, 14), u16(etherMPLS), []byte{0, 0, 1, 0}, ipv6(protoESP, make([]byte, 60))))
	cfg := Config{MaxFragments: 4, MaxFragmentBytes: 4000, MaxStreams: 4, MaxStreamBytes: 4000}
	f.Fuzz(func(t *testing.T, link uint16, b []byte) {
		var now, last int64
		streams := map[uint64]int64{}
		h := handler(func(d *Datagram) {
			switch before := streams[d.Stream]; {
			case d.Time > now:
				t.Fatalf("time %d of a frame that is to come", d.Time)
			case d.Stream != 0 && d.Time < before:
				t.Fatalf("stream %d goes back from %d to %d", d.Stream, before, d.Time)
			case d.Stream == 0 && !d.Cut && d.Time < last:
				t.Fatalf("time goes back from %d to %d", last, d.Time)
			case d.Stream == 0 && !d.Cut:
				last = d.Time
			}
			streams[d.Stream] = d.Time
			if d.HeaderLen > 0 && string(d.Packet.Data[d.HeaderLen:d.HeaderLen+len(d.Payload)]) != string(d.Payload) {
				t.Fatalf("payload is not at HeaderLen %d", d.HeaderLen)
			}
			if d.Length < len(d.Payload) || d.Cut != (d.Length > len(d.Payload)) {
				t.Fatalf("length %d, payload %d, cut %v", d.Length, len(d.Payload), d.Cut)
			}
			if (d.Stream != 0) != (d.Transport == TCP) {
				t.Fatalf("stream %d of transport %d", d.Stream, d.Transport)
			}
		})
		x := New(cfg, h)
		for ; len(b) >= 2; now += 1e8 {
			n := min(int(binary.BigEndian.Uint16(b)), len(b)-2)
			x.Packet(&capture.Packet{Time: now, Data: b[2 : 2+n : 2+n], Length: n, Link: link})
			b = b[2+n:]
			if x.fragments.byAge.Len() > 4 || x.fragments.bytes > 4000 || len(x.streams.byKey) > 4 || x.streams.bytes > 4000 {
				t.Fatalf("too much is held: %d %d %d %d", x.fragments.byAge.Len(), x.fragments.bytes, len(x.streams.byKey), x.streams.bytes)
			}
		}
		x.Flush()
		if x.fragments.bytes != 0 || x.streams.bytes != 0 || len(x.streams.byKey) != 0 {
			t.Fatalf("something is held after the end: %s", fmt.Sprint(x.fragments.bytes, x.streams.bytes, len(x.streams.byKey)))
		}
	})
}
