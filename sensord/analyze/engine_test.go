package analyze

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/decode"
)

// discard is a Sink that holds calls.
type discard struct {
	KeepsNothing
	calls []*protocol.CDR
}

func (d *discard) Call(c *protocol.CDR) { d.calls = append(d.calls, c) }

func packets(tb testing.TB, cfg gen.Config) []Packet {
	tb.Helper()
	var file bytes.Buffer
	if _, err := gen.Generate(&file, cfg); err != nil {
		tb.Fatal(err)
	}
	src, err := Open([]string{"-"}, &file)
	if err != nil {
		tb.Fatal(err)
	}
	defer src.Close()
	var all []Packet
	for {
		var p Packet
		switch err := src.Next(&p); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			tb.Fatal(err)
		}
		p.Data = bytes.Clone(p.Data)
		all = append(all, p)
	}
}

func TestRTPPacketsAllocateNothingInTheEngine(t *testing.T) {
	all := packets(t, gen.Config{Calls: 1, RTCP: false})
	e := New(Config{}, &discard{})
	half := len(all) / 2
	for i := range all[:half] {
		e.Packet(&all[i])
	}
	rest := all[half : len(all)-20] // without the end of the call
	i := 0
	if n := testing.AllocsPerRun(len(rest)-2, func() {
		e.Packet(&rest[i])
		i++
	}); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
	c := protocol.Counters{}
	e.Counters(c)
	if c[protocol.CountRTP] < uint64(len(rest)) || c["rtp.unbound"] != 0 {
		t.Errorf("the packets were no RTP of the call: %v", c)
	}
}

func TestSamePacketsGiveTheSameBytes(t *testing.T) {
	var file bytes.Buffer
	if _, err := gen.Generate(&file, gen.Small(3)); err != nil {
		t.Fatal(err)
	}
	run := func() string {
		list, _, err := Files(context.Background(), []string{"-"}, bytes.NewReader(file.Bytes()), Config{SensorID: 5})
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if a, b := run(), run(); a != b || len(a) < 10000 {
		t.Errorf("two runs differ (%d and %d bytes)", len(a), len(b))
	}
}

func TestLiveCallsAreThoseThatRun(t *testing.T) {
	all := packets(t, gen.Small(1))
	sink := &discard{}
	e := New(Config{}, sink)
	most := 0
	for i := range all {
		e.Packet(&all[i])
		if i%5000 != 0 {
			continue
		}
		live := e.Live(nil)
		if len(live) != e.Running() {
			t.Fatalf("%d rows, %d calls", len(live), e.Running())
		}
		most = max(most, len(live))
		for j := range live {
			l := &live[j]
			c := e.Find(l.ID.String())
			if c == nil || c.CallID != l.CallID || (c.MOS == nil) != (l.MOS == nil) || c.MOS != nil && *c.MOS != *l.MOS {
				t.Fatalf("row %+v, record %+v", l, c)
			}
			if j > 0 && l.Start < live[j-1].Start {
				t.Fatal("rows are not in the order of their start")
			}
		}
	}
	e.Close()
	if most < 10 || e.Running() != 0 || len(sink.calls) != 100 {
		t.Errorf("at most %d live, %d left, %d records", most, e.Running(), len(sink.calls))
	}
}

func TestSIPPortsRestrictWhereSIPIsLookedFor(t *testing.T) {
	all := packets(t, gen.Config{Calls: 2, NoMedia: true})
	for _, c := range []struct {
		ports    []uint16
		want     int
		unlisted bool
	}{{nil, 2, false}, {[]uint16{5060}, 2, false}, {[]uint16{7777}, 0, true}} {
		sink := &discard{}
		e := New(Config{SIPPorts: c.ports}, sink)
		for i := range all {
			e.Packet(&all[i])
		}
		e.Close()
		if len(sink.calls) != c.want {
			t.Errorf("ports %v: %d calls, want %d", c.ports, len(sink.calls), c.want)
		}
		n := protocol.Counters{}
		if e.Counters(n); (n[protocol.CountSIPUnlisted] > 10) != c.unlisted {
			t.Errorf("ports %v: %d messages on others", c.ports, n[protocol.CountSIPUnlisted])
		}
	}
}

const callText = "INVITE sip:1002@example.org SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z1\r\nFrom: <sip:1001@a>;tag=1\r\nTo: <sip:1002@b>\r\n" +
	"Call-ID: stream-call\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n" +
	"SIP/2.0 486 Busy Here\r\nVia: SIP/2.0/TCP x;branch=z1\r\nFrom: <sip:1001@a>;tag=1\r\nTo: <sip:1002@b>;tag=2\r\n" +
	"Call-ID: stream-call\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"

// stream feeds the pieces of one TCP stream.
func stream(e *Engine, number uint64, pieces ...[]byte) (ignored bool) {
	for i, b := range pieces {
		d := &decode.Datagram{
			Time: int64(i+1) * 1e9, Transport: decode.TCP, Stream: number, Fresh: i == 0, Payload: b, Length: len(b),
			Src: decode.EndpointOf(netip.MustParseAddrPort("192.0.2.1:40000")), Dst: decode.EndpointOf(netip.MustParseAddrPort("192.0.2.2:5060")),
			Frame: uint64(i + 1), Packet: &capture.Packet{Data: b},
		}
		(*handler)(e).Datagram(d)
		if d.Ignore {
			return true
		}
	}
	(*handler)(e).Datagram(&decode.Datagram{Transport: decode.TCP, Stream: number, End: true})
	return false
}

func wsText(b string) []byte {
	f := []byte{0x81, 126}
	f = binary.BigEndian.AppendUint16(f, uint16(len(b)))
	return append(f, b...)
}

func TestSIPOverStreams(t *testing.T) {
	half := len(callText) / 2
	first := strings.Index(callText, "SIP/2.0 486")
	for _, c := range []struct {
		name      string
		pieces    [][]byte
		transport string
	}{
		{"both messages in one piece", [][]byte{[]byte(callText)}, "tcp"},
		{"cut in the middle", [][]byte{[]byte(callText[:half]), []byte(callText[half:])}, "tcp"},
		{"joined in the middle of a message", [][]byte{[]byte("tail: of a header\r\nl: 0\r\n\r\n" + callText)}, "tcp"},
		{"WebSocket from its upgrade on", [][]byte{[]byte("GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"), wsText(callText[:first]), wsText(callText[first:])}, "ws"},
		{"WebSocket joined later", [][]byte{wsText(callText[:first]), wsText(callText[first:])}, "ws"},
		{"WebSocket joined at a frame whose length has the byte of a line's end", [][]byte{wsText(callText[:first-2] + "X: " + strings.Repeat("x", 0x20a-first-5) + "\r\n\r\n"), wsText(callText[first:])}, "ws"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sink := &discard{}
			e := New(Config{}, sink)
			if stream(e, 1, c.pieces...) {
				t.Fatal("the stream was ignored")
			}
			e.Close()
			if len(sink.calls) != 1 || sink.calls[0].Status != 486 || sink.calls[0].Transport != c.transport {
				t.Fatalf("got %+v", sink.calls)
			}
			if len(e.flows) != 0 {
				t.Errorf("%d flows are left", len(e.flows))
			}
		})
	}
}

func TestStreamsThatAreNotSIPAreLeftAlone(t *testing.T) {
	e := New(Config{}, &discard{})
	if !stream(e, 1, []byte{0x16, 3, 1, 0, 100, 1, 0, 0, 96}) {
		t.Error("TLS is still looked at")
	}
	html := make([][]byte, 2*maxTries)
	for i := range html {
		html[i] = []byte("<p>some text\r\n")
	}
	if !stream(e, 2, html...) {
		t.Error("HTTP is still looked at")
	}
	if len(e.flows) != 0 || e.count.tls != 1 {
		t.Errorf("%d flows, %d TLS streams", len(e.flows), e.count.tls)
	}
}

// TestCapturesOfOthersAreRead runs over captures that others made, damaged ones among them.
func TestCapturesOfOthersAreRead(t *testing.T) {
	var files []string
	for _, dir := range []string{"captures", "torture/bad-captures"} {
		_ = filepath.WalkDir(filepath.Join("..", "..", "..", "shared", dir), func(path string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				files = append(files, path)
			}
			return nil
		})
	}
	if len(files) == 0 {
		t.Skip("no captures here")
	}
	read := 0
	for _, f := range files {
		list, sum, err := Files(context.Background(), []string{f}, nil, Config{})
		if err != nil {
			continue // no capture: said so, and that is all there is to do
		}
		read++
		if uint64(len(list)) != sum.Calls {
			t.Errorf("%s: %d records, %d counted", f, len(list), sum.Calls)
		}
		for _, c := range list {
			if _, err := json.Marshal(c); err != nil || c.Start == 0 || c.End < c.Start || c.EndCause == "" {
				t.Errorf("%s: %v: %+v", f, err, c)
			}
		}
	}
	if read < 60 {
		t.Errorf("%d captures could be read", read)
	}
}

// FuzzEngine changes frames of good traffic. Whatever comes, the engine does not panic, stays in its bounds and ends clean.
func FuzzEngine(f *testing.F) {
	all := packets(f, gen.Small(9))
	for i := 0; i < len(all); i += 97 {
		f.Add(uint16(i), uint16(40), byte(0x55), []byte("Content-Length: 5\r\n"))
	}
	f.Fuzz(func(t *testing.T, from, at uint16, xor byte, insert []byte) {
		sink := &discard{}
		e := New(Config{MaxCalls: 4, MaxMessages: 5}, sink)
		start := int(from) % len(all)
		for i, p := range all[start:min(start+200, len(all))] {
			data := bytes.Clone(p.Data)
			switch pos := (int(at) + i) % len(data); i % 3 {
			case 0:
				data[pos] ^= xor
			case 1:
				data = append(data[:pos:pos], append(insert, data[pos:]...)...)
			}
			p.Data, p.Length = data, len(data)
			e.Packet(&p)
			if e.Running() > 4 {
				t.Fatalf("%d calls run", e.Running())
			}
		}
		e.Live(nil)
		e.Close()
		if e.Running() != 0 {
			t.Fatal("calls are left after Close")
		}
		for _, c := range sink.calls {
			if c.End < c.Start || c.EndCause == "" || len(c.Messages) > 5 {
				t.Fatalf("record %+v", c)
			}
			if _, err := json.Marshal(c); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestEveryCounterIsDocumented looks the names up that the generator's traffic and the captures of others give rise to.
func TestEveryCounterIsDocumented(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "counters.md"))
	if err != nil {
		t.Fatal(err)
	}
	e := New(Config{}, &discard{})
	for _, p := range packets(t, gen.Small(2)) {
		e.Packet(&p)
		p.Link = 250 // of nothing
		e.Packet(&p)
	}
	n := protocol.Counters{}
	e.Counters(n)
	paths, _ := filepath.Glob(filepath.Join("..", "..", "..", "shared", "captures", "*"))
	for _, f := range paths {
		if _, sum, err := Files(context.Background(), []string{f}, nil, Config{}); err == nil {
			for name, v := range sum.Counters {
				n[name] += v
			}
		}
	}
	families := []string{"sip.requests.", "sip.responses.", "transactions.ok.", "transactions.refused.", "transactions.unanswered.", "decode.linktype.", "decode.ethertype.", "decode.ipproto.", "decode.ppp."}
	for name := range n {
		for _, f := range families {
			if strings.HasPrefix(name, f) {
				name = f
			}
		}
		if !strings.Contains(string(doc), "`"+name) {
			t.Errorf("%s is not in docs/counters.md", name)
		}
	}
	if len(n) < 20 {
		t.Errorf("only %d counters: %v", len(n), n)
	}
}
