package analyze

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/json"
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
	"voiptop/sensord/internal/hep"
	"voiptop/sensord/internal/sip"
)

// listed is a Source of packets in memory.
type listed struct {
	packets []Packet
	next    int
}

func (l *listed) Next(p *Packet) error {
	if l.next == len(l.packets) {
		return io.EOF
	}
	*p = l.packets[l.next]
	l.next++
	return nil
}

func (l *listed) Stats() capture.Stats { return capture.Stats{} }
func (l *listed) Close() error         { return nil }

var agent, collector = decode.EndpointOf(netip.MustParseAddrPort("203.0.113.1:40000")), decode.EndpointOf(netip.MustParseAddrPort("203.0.113.2:9060"))

// encapsulator replaces the packets of SIP messages by what a capture agent would send of them.
type encapsulator struct {
	t       *testing.T
	send    func(p *Packet, m *hep.Message) [][]byte
	out     []Packet
	packet  *Packet
	handled bool
}

func (e *encapsulator) Datagram(d *decode.Datagram) {
	if !sip.LooksLikeSIP(d.Payload) {
		return
	}
	e.handled = true
	m := &hep.Message{Type: hep.SIP, Protocol: 17, Src: d.Src, Dst: d.Dst, Time: d.Time, Agent: 1, Payload: d.Payload}
	for _, b := range e.send(e.packet, m) {
		e.out = append(e.out, Packet{Time: e.packet.Time, Data: bytes.Clone(b), Length: len(b), Link: capture.LinkRaw})
	}
}

func encapsulate(t *testing.T, all []Packet, send func(*Packet, *hep.Message) [][]byte) []Packet {
	e := &encapsulator{t: t, send: send}
	x := decode.New(decode.Config{DuplicateWindow: -1}, e)
	for i := range all {
		e.packet, e.handled = &all[i], false
		x.Packet(e.packet)
		if !e.handled {
			e.out = append(e.out, all[i])
		}
	}
	return e.out
}

func mustAppend(t *testing.T, m *hep.Message) []byte {
	t.Helper()
	b, err := hep.Append(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func analysed(t *testing.T, all []Packet, cfg Config) (string, Summary) {
	t.Helper()
	var list []*protocol.CDR
	s, err := Run(context.Background(), &listed{packets: all}, cfg, func(c *protocol.CDR) error {
		list = append(list, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), s
}

// generated is traffic with everything in it but retransmissions of SIP, on times that HEP can tell.
func generated(t *testing.T) []Packet {
	all := packets(t, gen.Small(11))
	for i := range all {
		all[i].Time -= all[i].Time % 1000
	}
	return all
}

func TestCallsInHEPAreTheCallsOnTheWire(t *testing.T) {
	all := generated(t)
	want, s := analysed(t, all, Config{SensorID: 3})
	if s.Calls < 90 || s.Streams < 100 {
		t.Fatalf("only %d calls, %d streams", s.Calls, s.Streams)
	}
	var udp, tcp hep.Wrapper
	one := func(b []byte, _ int) [][]byte { return [][]byte{b} }
	for name, send := range map[string]func(*Packet, *hep.Message) [][]byte{
		"over UDP": func(_ *Packet, m *hep.Message) [][]byte { return one(udp.UDP(agent, collector, mustAppend(t, m))) },
		"over TCP, in small segments": func(_ *Packet, m *hep.Message) (out [][]byte) {
			for b := mustAppend(t, m); len(b) > 0; {
				n := min(len(b), 333)
				p, _ := tcp.TCP(agent, collector, b[:n])
				out = append(out, bytes.Clone(p))
				b = b[n:]
			}
			return out
		},
		"compressed": func(_ *Packet, m *hep.Message) [][]byte {
			var z bytes.Buffer
			w := zlib.NewWriter(&z)
			if _, err := w.Write(m.Payload); err != nil {
				t.Fatal(err)
			}
			w.Close()
			c := *m
			c.Payload, c.Compressed = z.Bytes(), true
			return one(udp.UDP(agent, collector, mustAppend(t, &c)))
		},
		"from an agent without a clock": func(_ *Packet, m *hep.Message) [][]byte {
			c := *m
			c.Time = 0
			return one(udp.UDP(agent, collector, mustAppend(t, &c)))
		},
		"in version 1 or 2 of the protocol": func(p *Packet, m *hep.Message) [][]byte {
			six := m.Src.AddrPort().Addr().Is6()
			b := []byte{1, 16, 2, 17, byte(m.Src.Port >> 8), byte(m.Src.Port), byte(m.Dst.Port >> 8), byte(m.Dst.Port)}
			if six {
				b[1], b[2] = 40, 10
				b = append(append(b, m.Src.IP[:]...), m.Dst.IP[:]...)
			} else {
				b[0] = 2
				b = append(append(b, m.Src.IP[12:]...), m.Dst.IP[12:]...)
				s, us := uint32(p.Time/1e9), uint32(p.Time%1e9/1e3)
				b = append(b, byte(s), byte(s>>8), byte(s>>16), byte(s>>24), byte(us), byte(us>>8), byte(us>>16), byte(us>>24), 1, 0, 0, 0)
			}
			return one(udp.UDP(agent, collector, append(b, m.Payload...)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, s := analysed(t, encapsulate(t, all, send), Config{SensorID: 3})
			if got != want {
				t.Errorf("other records than on the wire:\n%s\n%s", difference(got, want), difference(want, got))
			}
			if s.Counters["hep.sip"] < 500 || s.Counters["hep.unparsed"] != 0 || s.Counters["hep.time.replaced"] != 0 {
				t.Errorf("counters %v", s.Counters)
			}
		})
	}
}

// difference is the part of a where it begins to differ from b.
func difference(a, b string) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return a[max(0, i-200):min(len(a), i+200)]
}

func TestHEPIsFoundOnAnyPortAlsoWhenSIPPortsAreNamed(t *testing.T) {
	var w hep.Wrapper
	all := encapsulate(t, generated(t), func(_ *Packet, m *hep.Message) [][]byte {
		p, _ := w.UDP(agent, decode.EndpointOf(netip.MustParseAddrPort("203.0.113.2:12345")), mustAppend(t, m))
		return [][]byte{p}
	})
	if _, s := analysed(t, all, Config{SIPPorts: []uint16{5999}}); s.Calls < 90 {
		t.Errorf("%d calls", s.Calls)
	}
}

func TestHEPThatIsNotWantedIsIgnored(t *testing.T) {
	var w hep.Wrapper
	all := encapsulate(t, generated(t), func(_ *Packet, m *hep.Message) [][]byte {
		p, _ := w.UDP(agent, collector, mustAppend(t, m))
		return [][]byte{p}
	})
	_, s := analysed(t, all, Config{HEP: func(p *Packet, m *HEPMessage) bool { return m.Agent != 1 || p.Link != capture.LinkRaw }})
	if s.Calls != 0 || s.Counters["hep.ignored"] < 500 {
		t.Errorf("%d calls, counters %v", s.Calls, s.Counters)
	}
}

// keeper is a Sink that keeps what rules keep.
type keeper struct {
	discard
	kept []Packet
}

func (k *keeper) Keep(_ *KeptCall, p *Packet, _ int) {
	c := *p
	c.Data = bytes.Clone(p.Data)
	k.kept = append(k.kept, c)
}

func TestKeptCallsOfHEPHaveThePacketsAsTheyWere(t *testing.T) {
	var w hep.Wrapper
	all := encapsulate(t, packets(t, gen.Config{Seed: 5, Calls: 1}), func(_ *Packet, m *hep.Message) [][]byte {
		p, _ := w.UDP(agent, collector, mustAppend(t, m))
		return [][]byte{p}
	})
	k := &keeper{}
	e := New(Config{Decide: keepAll(protocol.KeepRTP)}, k)
	for i := range all {
		e.Packet(&all[i])
	}
	e.Close()
	again := &discard{}
	e = New(Config{}, again)
	for i := range k.kept {
		e.Packet(&k.kept[i])
	}
	e.Close()
	n := protocol.Counters{}
	e.Counters(n)
	if len(k.kept) != len(all) || n["hep.sip"] != 0 {
		t.Errorf("%d packets of %d kept, counters %v", len(k.kept), len(all), n)
	}
	if len(k.calls) != 1 || len(again.calls) != 1 {
		t.Fatalf("%d calls, then %d", len(k.calls), len(again.calls))
	}
	a, b := k.calls[0], again.calls[0]
	if a.Src != b.Src || a.Dst != b.Dst || a.Status != b.Status || len(a.Messages) != len(b.Messages) || len(b.Streams) != 2 {
		t.Errorf("the kept packets give\n%+v\nnot\n%+v", b, a)
	}
}

func TestReportsInHEPAreHeardOfStreamsOnTheWire(t *testing.T) {
	var w hep.Wrapper
	all := packets(t, gen.Config{Seed: 6, Calls: 1, RTCP: true})
	want, _ := analysed(t, all, Config{})
	var out []Packet
	x := decode.New(decode.Config{}, handlerFunc(func(d *decode.Datagram) {
		j, err := hep.AppendRTCPJSON(nil, d.Payload)
		if err != nil {
			out = append(out, *d.Packet)
			return
		}
		p, _ := w.UDP(agent, collector, mustAppend(t, &hep.Message{Type: hep.RTCP, Protocol: 17, Src: d.Src, Dst: d.Dst, Time: d.Time, Payload: j}))
		out = append(out, Packet{Time: d.Time, Data: bytes.Clone(p), Length: len(p), Link: capture.LinkRaw})
	}))
	for i := range all {
		x.Packet(&all[i])
	}
	got, s := analysed(t, out, Config{})
	if s.Counters["hep.rtcp"] < 3 || s.Counters["rtcp.packets"] != s.Counters["hep.rtcp"] {
		t.Errorf("counters %v", s.Counters)
	}
	if got != want {
		t.Errorf("got %s, want %s", difference(got, want), difference(want, got))
	}
}

type handlerFunc func(d *decode.Datagram)

func (f handlerFunc) Datagram(d *decode.Datagram) { f(d) }

func TestTheEngineHandsOutSIPAndRTCP(t *testing.T) {
	all := packets(t, gen.Config{Seed: 7, Calls: 2, RTCP: true})
	var messages, reports uint64
	cfg := Config{
		SIP: func(d *Datagram, b []byte, transport string) {
			messages++
			if !sip.LooksLikeSIP(b) || transport != "udp" || d.Src.Port == 0 {
				t.Errorf("%s %s %.20q", transport, d.Src, b)
			}
		},
		RTCP: func(d *Datagram, callID string) {
			reports++
			if d.Payload[0]>>6 != 2 || !strings.Contains(callID, "@") {
				t.Errorf("%q %x", callID, d.Payload)
			}
		},
	}
	_, s := analysed(t, all, cfg)
	if messages == 0 || messages != s.Counters[protocol.CountSIP] || reports == 0 || reports != s.Counters["rtcp.packets"] {
		t.Errorf("%d messages and %d reports, counters %v", messages, reports, s.Counters)
	}
}

func TestCountersOfHEPAreDocumented(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "counters.md"))
	if err != nil {
		t.Fatal(err)
	}
	u := &unwrapper{bad: 1, ignored: 1, empty: 1, compressed: 1, damaged: 1}
	u.clock.Replaced = 1
	n := protocol.Counters{}
	u.counters(n)
	if len(n) != 6 {
		t.Errorf("%d counters: %v", len(n), n)
	}
	for name := range n {
		if !bytes.Contains(doc, []byte("`"+name+"`")) {
			t.Errorf("%s is not in docs/counters.md", name)
		}
	}
}

// FuzzHEP: whatever is in a HEP message, it is counted once, and what it carries may be kept as a packet that can be read.
func FuzzHEP(f *testing.F) {
	for _, m := range []hep.Message{
		{Type: hep.SIP, Protocol: 17, Src: agent, Dst: collector, Payload: []byte("INVITE sip:b@h SIP/2.0\r\nCall-ID: x\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCSeq: 1 INVITE\r\n\r\n")},
		{Type: hep.RTCP, Src: agent, Dst: collector, Payload: []byte(`{"type":200,"ssrc":1,"report_blocks":[{}]}`)},
		{Type: hep.RTP, Src: agent, Dst: collector, Payload: []byte{0x80, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 2}},
		{Type: hep.SIP, Compressed: true, Payload: []byte("x\x9c\x03\x00\x00\x00\x00\x01")},
		{Type: 100},
	} {
		b, err := hep.Append(nil, &m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var w hep.Wrapper
		data, _ := w.UDP(agent, collector, b)
		if data == nil || !hep.Is(b) {
			return
		}
		k := &keeper{}
		e := New(Config{Decide: keepAll(protocol.KeepRTP)}, k)
		e.Packet(&Packet{Time: 1e18, Data: data, Length: len(data), Link: capture.LinkRaw})
		e.Close()
		n := protocol.Counters{}
		e.hep.counters(n)
		met := uint64(0)
		for _, c := range e.hep.types {
			met += c
		}
		bad := n["hep.unparsed"]
		if met == 1 && e.hep.message.Type == hep.RTCP {
			bad = 0 // JSON that is no report counts as both
		}
		if met+bad != 1 {
			t.Fatalf("counters %v", n)
		}
		for _, p := range k.kept {
			whole := false
			decode.New(decode.Config{}, handlerFunc(func(d *decode.Datagram) { whole = whole || d.Length > 0 })).Packet(&p)
			if !whole {
				t.Fatalf("kept %x", p.Data)
			}
		}
	})
}
