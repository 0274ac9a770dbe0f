package hep

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/hex"
	"errors"
	"io"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"voiptop/sensord/internal/decode"
)

func end(s string) decode.Endpoint { return decode.EndpointOf(netip.MustParseAddrPort(s)) }

const invite = "INVITE sip:bob@example.com SIP/2.0\r\nCall-ID: 1@a\r\n\r\n"

func sample() Message {
	return Message{
		Version: 3, Type: SIP, Protocol: 17, Src: end("192.0.2.1:5060"), Dst: end("192.0.2.2:5070"),
		Time: 1_700_000_000_123_456_000, Agent: 2001, Key: []byte("hunter2"), Node: []byte("edge-1"), Correlation: []byte("1@a"), Payload: []byte(invite),
	}
}

func build(t testing.TB, m Message) []byte {
	t.Helper()
	b, err := Append(nil, &m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The bytes are laid out by hand from the specification, so that parser and builder are not only each other's mirror.
const byHand = "48455033" + "0065" + // HEP3, 101 bytes
	"0000" + "0001" + "0007" + "02" + // IPv4
	"0000" + "0002" + "0007" + "11" + // UDP
	"0000" + "0003" + "000a" + "c0000201" +
	"0000" + "0004" + "000a" + "c0000202" +
	"0000" + "0007" + "0008" + "13c4" +
	"0000" + "0008" + "0008" + "13ce" +
	"0000" + "0009" + "000a" + "6553f100" + // 1700000000
	"0000" + "000a" + "000a" + "0001e240" + // 123456
	"0000" + "000b" + "0007" + "01" + // SIP
	"0000" + "000c" + "000a" + "000007d1" + // 2001
	"0000" + "000f" + "0008" + "4f4b" // OK

func TestTheBytesOfTheSpecificationAreReadAndWritten(t *testing.T) {
	b, err := hex.DecodeString(byHand)
	if err != nil {
		t.Fatal(err)
	}
	want := sample()
	want.Key, want.Node, want.Correlation, want.Payload = nil, nil, nil, []byte("OK")
	var m Message
	if err := m.Parse(b); err != nil || !reflect.DeepEqual(m, want) {
		t.Errorf("parsed %+v %v\nwant   %+v", m, err, want)
	}
	if got := build(t, want); !bytes.Equal(got, b) {
		t.Errorf("built %x\nwant  %x", got, b)
	}
}

func TestWhatIsBuiltIsParsedAgain(t *testing.T) {
	for name, change := range map[string]func(*Message){
		"everything":         func(*Message) {},
		"IPv6":               func(m *Message) { m.Src, m.Dst = end("[2001:db8::1]:5060"), end("[2001:db8::2]:65535") },
		"IPv4 and IPv6":      func(m *Message) { m.Src = end("[2001:db8::1]:1") },
		"compressed":         func(m *Message) { m.Compressed = true },
		"nothing but a ping": func(m *Message) { m.Payload, m.Key, m.Node, m.Correlation = nil, nil, nil, nil },
		"a log line":         func(m *Message) { m.Type = 100 },
		"time zero":          func(m *Message) { m.Time = 0 },
	} {
		want := sample()
		change(&want)
		var got Message
		if err := got.Parse(build(t, want)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v %v\nwant %+v", name, got, err, want)
		}
	}
}

func TestChunksOfVendorsAndUnknownOnesArePassedOver(t *testing.T) {
	m := sample()
	b := build(t, m)
	b = append(b[:headLen:headLen], append([]byte{0, 2, 0, 15, 0, 7, 'x', 0, 0, 0, 99, 0, 6, 0, 7, 1, 0, 0, 6}, b[headLen:]...)...)
	b[4], b[5] = byte(len(b)>>8), byte(len(b))
	var got Message
	if err := got.Parse(b); err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("got %+v %v", got, err)
	}
}

func TestHostileMessagesAreRefused(t *testing.T) {
	whole := build(t, sample())
	with := func(at int, v ...byte) []byte {
		b := bytes.Clone(whole)
		copy(b[at:], v)
		return b
	}
	for name, c := range map[string]struct {
		in   []byte
		want error
	}{
		"empty":                         {nil, ErrNotHEP},
		"another mark":                  {with(3, '4'), ErrNotHEP},
		"a length below the header":     {with(4, 0, 5), ErrChunk},
		"a chunk of length 0":           {with(headLen+4, 0, 0), ErrChunk},
		"a chunk longer than all":       {with(headLen+4, 0xff, 0xff), ErrChunk},
		"an address that is too short":  {with(headLen+14+4, 0, 7), ErrChunk},
		"no address":                    {append([]byte("HEP3\x00\x0d"), 0, 0, 0, 11, 0, 7, 1), ErrAddress},
		"rest smaller than a chunk":     {append([]byte("HEP3\x00\x09"), 0, 0, 0), ErrChunk},
		"an address of a vendor's kind": {append([]byte("HEP3\x00\x10"), 0, 9, 0, 3, 0, 10, 1, 2, 3, 4), ErrAddress},
	} {
		var m Message
		if err := m.Parse(c.in); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestACutMessageGivesWhatIsThere(t *testing.T) {
	whole := build(t, sample())
	var m Message
	if err := m.Parse(whole[:len(whole)-10]); err != nil || !m.Cut || string(m.Payload) != invite[:len(invite)-10] {
		t.Errorf("got %q cut %v %v", m.Payload, m.Cut, err)
	}
}

func TestAMessageThatIsTooLongIsNotBuilt(t *testing.T) {
	m := sample()
	m.Payload = make([]byte, MaxMessage)
	if b, err := Append([]byte("before"), &m); !errors.Is(err, ErrTooLong) || string(b) != "before" {
		t.Errorf("got %d bytes and %v", len(b), err)
	}
	m.Payload = m.Payload[:MaxMessage-len(build(t, Message{Src: m.Src, Dst: m.Dst, Key: m.Key, Node: m.Node, Correlation: m.Correlation}))-chunkHead]
	if b := build(t, m); len(b) != MaxMessage {
		t.Errorf("the largest message has %d bytes", len(b))
	}
}

func TestOldVersionsAreRead(t *testing.T) {
	v1 := "\x01\x10\x02\x11\x13\xc4\x13\xce\xc0\x00\x02\x01\xc0\x00\x02\x02" + invite
	v2 := "\x02\x10\x02\x06\x13\xc4\x13\xce\xc0\x00\x02\x01\xc0\x00\x02\x02" + "\x00\xf1\x53\x65\x40\xe2\x01\x00\xd1\x07\x00\x00" + invite
	six := "\x01\x28\x0a\x11\x13\xc4\x13\xce" + strings.Repeat("\x20", 32) + invite
	var m Message
	want := Message{Version: 1, Type: SIP, Protocol: 17, Src: end("192.0.2.1:5060"), Dst: end("192.0.2.2:5070"), Payload: []byte(invite)}
	if err := m.ParseOld([]byte(v1)); err != nil || !reflect.DeepEqual(m, want) {
		t.Errorf("version 1: got %+v %v", m, err)
	}
	want.Version, want.Protocol, want.Time, want.Agent = 2, 6, 1_700_000_000_123_456_000, 2001
	if err := m.ParseOld([]byte(v2)); err != nil || !reflect.DeepEqual(m, want) || m.Carrier() != "tcp" {
		t.Errorf("version 2: got %+v %v", m, err)
	}
	if err := m.ParseOld([]byte(six)); err != nil || m.Src.String() != "[2020:2020:2020:2020:2020:2020:2020:2020]:5060" || string(m.Payload) != invite {
		t.Errorf("version 1, IPv6: got %+v %v", m, err)
	}
	for _, bad := range []string{"", v1[:16], v2[:28], "\x02" + v1[1:17], "\x03" + v1[1:], strings.Replace(v1, "\x10", "\x11", 1)} {
		if err := m.ParseOld([]byte(bad)); !errors.Is(err, ErrNotHEP) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func TestCarriersAreNamedAlsoByKamailiosNumbers(t *testing.T) {
	for p, want := range map[uint8]string{17: "udp", 6: "tcp", 22: "tls", 132: "sctp", 1: "udp", 2: "tcp", 3: "tls", 4: "sctp", 0: "udp"} {
		if got := (&Message{Protocol: p}).Carrier(); got != want {
			t.Errorf("%d: got %s, want %s", p, got, want)
		}
	}
}

func TestTypesHaveNames(t *testing.T) {
	for v, want := range map[Type]string{SIP: "sip", RTCP: "rtcp", 100: "log", 77: "77"} {
		if v.String() != want {
			t.Errorf("%d: got %s, want %s", v, v, want)
		}
	}
}

func deflated(t testing.TB, gz bool, text []byte) []byte {
	var b bytes.Buffer
	var w io.WriteCloser = zlib.NewWriter(&b)
	if gz {
		w = gzip.NewWriter(&b)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCompressedPayloadsAreRead(t *testing.T) {
	var f Inflater
	for range 2 {
		for _, gz := range []bool{false, true} {
			if got, err := f.Inflate(deflated(t, gz, []byte(invite))); err != nil || string(got) != invite {
				t.Errorf("gzip %v: got %q %v", gz, got, err)
			}
		}
		whole := deflated(t, false, []byte(strings.Repeat(invite, 10)))
		for name, bad := range map[string][]byte{
			"a bomb": deflated(t, false, make([]byte, 10<<20)), "a bomb in gzip": deflated(t, true, make([]byte, 10<<20)),
			"plain text": []byte(invite), "nothing": {}, "a broken checksum": append(bytes.Clone(whole[:len(whole)-1]), whole[len(whole)-1]^1),
		} {
			if _, err := f.Inflate(bad); !errors.Is(err, ErrCompressed) {
				t.Errorf("%s: got %v", name, err)
			}
		}
	}
	if got, err := f.Inflate(deflated(t, false, make([]byte, maxInflated))); err != nil || len(got) != maxInflated {
		t.Errorf("the largest: %d bytes, %v", len(got), err)
	}
}

func TestAStreamIsCutIntoMessagesWhereverItIsSplit(t *testing.T) {
	a, b := sample(), sample()
	b.Payload = []byte("BYE sip:x SIP/2.0\r\n\r\n")
	all := append([]byte("rubbish HEP HE"), build(t, a)...)
	all = append(all, "HEP3\x00\x03"...) // a length that cannot be
	all = append(all, build(t, b)...)
	for size := 1; size <= len(all); size++ {
		var f Framer
		var got []string
		for rest := all; len(rest) > 0; {
			n := min(size, len(rest))
			f.Feed(rest[:n], func(msg []byte) {
				var m Message
				if err := m.Parse(msg); err != nil {
					t.Fatal(err)
				}
				got = append(got, string(m.Payload))
			})
			rest = rest[n:]
		}
		if len(got) != 2 || got[0] != invite || got[1] != string(b.Payload) || f.Skipped != 14+6 {
			t.Fatalf("in pieces of %d: got %q, skipped %d", size, got, f.Skipped)
		}
	}
	var f Framer
	msg := build(t, a)
	f.Feed(msg[:20], func([]byte) { t.Error("half a message") })
	f.Gap()
	n := 0
	f.Feed(msg, func([]byte) { n++ })
	if n != 1 || f.Skipped != 20 {
		t.Errorf("after a gap: %d messages, skipped %d", n, f.Skipped)
	}
}

func TestTimeIsTheAgentsUnlessItCannotBe(t *testing.T) {
	const s = int64(time.Second)
	for name, c := range map[string]struct {
		in       [][2]int64 // told, arrival
		want     []int64
		replaced uint64
	}{
		"the message's own":               {[][2]int64{{100 * s, 100*s + 5}, {101 * s, 102 * s}}, []int64{100 * s, 101 * s}, 0},
		"not told":                        {[][2]int64{{0, 100 * s}}, []int64{100 * s}, 0},
		"a little ahead":                  {[][2]int64{{100*s + 3, 100 * s}}, []int64{100 * s}, 0},
		"a clock an hour ahead":           {[][2]int64{{3700 * s, 100 * s}}, []int64{100 * s}, 1},
		"a clock an hour behind":          {[][2]int64{{100 * s, 3700 * s}}, []int64{3700 * s}, 1},
		"never back":                      {[][2]int64{{100 * s, 100 * s}, {99 * s, 100 * s}}, []int64{100 * s, 100 * s}, 0},
		"the packets' clock was set back": {[][2]int64{{1000 * s, 1000 * s}, {100 * s, 100 * s}}, []int64{1000 * s, 100 * s}, 0},
	} {
		var k Clock
		for i, in := range c.in {
			if got := k.Time(in[0], in[1]); got != c.want[i] {
				t.Errorf("%s: message %d: got %d, want %d", name, i, got, c.want[i])
			}
		}
		if k.Replaced != c.replaced {
			t.Errorf("%s: replaced %d, want %d", name, k.Replaced, c.replaced)
		}
	}
}

func TestParsingAllocatesNothing(t *testing.T) {
	b := build(t, sample())
	var m Message
	var w Wrapper
	w.TCP(sample().Src, sample().Dst, b)
	if n := testing.AllocsPerRun(100, func() {
		if m.Parse(b) != nil {
			t.Fatal("not parsed")
		}
		w.TCP(m.Src, m.Dst, m.Payload)
	}); n != 0 {
		t.Errorf("%v allocations a message", n)
	}
}

func BenchmarkParse(b *testing.B) {
	msg := build(b, sample())
	var m Message
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		if m.Parse(msg) != nil {
			b.Fatal("not parsed")
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	m := sample()
	buf := make([]byte, 0, 2048)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Append(buf, &m); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzParse: what is parsed and built again says the same; a framer finds a whole message in it, however it is split.
func FuzzParse(f *testing.F) {
	f.Add(build(f, sample()), uint(7))
	six := sample()
	six.Src, six.Compressed = end("[2001:db8::1]:5060"), true
	f.Add(build(f, six), uint(1))
	b, _ := hex.DecodeString(byHand)
	f.Add(b, uint(30))
	f.Add([]byte("\x02\x10\x02\x06\x13\xc4\x13\xce\xc0\x00\x02\x01\xc0\x00\x02\x02\x00\xf1\x53\x65\x40\xe2\x01\x00\xd1\x07\x00\x00"+invite), uint(3))
	f.Fuzz(func(t *testing.T, b []byte, at uint) {
		var m, again Message
		if m.ParseOld(b) == nil && len(m.Payload) > len(b)-oldMinLen {
			t.Fatal("a payload longer than the message")
		}
		err := m.Parse(b)
		whole := Is(b) && length(b) >= headLen && length(b) <= len(b)
		var framer Framer
		frames := 0
		at %= uint(len(b) + 1)
		for _, part := range [][]byte{b[:at], b[at:]} {
			framer.Feed(part, func([]byte) { frames++ })
		}
		if whole && frames == 0 {
			t.Fatal("no message in the stream")
		}
		if len(framer.held) > MaxMessage || framer.Skipped > uint64(len(b)) {
			t.Fatalf("the framer holds %d bytes and skipped %d", len(framer.held), framer.Skipped)
		}
		if err != nil || m.Cut {
			return
		}
		out, err := Append(nil, &m)
		if err != nil {
			return // addresses of IPv4 as IPv6 make it longer
		}
		if err := again.Parse(out); err != nil || !reflect.DeepEqual(m, again) && micros(m.Time) {
			t.Fatalf("built again it says\n%+v %v, not\n%+v", again, err, m)
		}
	})
}

// micros reports whether a time is one that the builder can write: hostile chunks may tell more microseconds than a second
// has at the last second that there is.
func micros(t int64) bool { return t/1e9 < 1<<32 }

// FuzzInflate: no input panics, takes long or gives more than the bound.
func FuzzInflate(f *testing.F) {
	f.Add(deflated(f, false, []byte(invite)))
	f.Add(deflated(f, true, []byte(invite)))
	var in Inflater
	f.Fuzz(func(t *testing.T, b []byte) {
		if out, err := in.Inflate(b); err == nil && len(out) > maxInflated {
			t.Fatalf("%d bytes", len(out))
		}
	})
}
