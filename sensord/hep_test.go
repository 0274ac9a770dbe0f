package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/hep"
	"voiptop/sensord/internal/sip"
)

// freePort is a port that nobody listens on, on UDP and TCP.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// signalling is the SIP of generated calls as HEP messages, captured in the last moments.
type signalling struct{ messages []hep.Message }

func (s *signalling) Datagram(d *decode.Datagram) {
	if sip.LooksLikeSIP(d.Payload) {
		s.messages = append(s.messages, hep.Message{Type: hep.SIP, Protocol: 17, Src: d.Src, Dst: d.Dst, Time: d.Time - d.Time%1000, Agent: 2001, Payload: bytes.Clone(d.Payload)})
	}
}

func captured(t *testing.T, file string) []hep.Message {
	t.Helper()
	src, err := capture.Open([]string{file}, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	s := &signalling{}
	x := decode.New(decode.Config{}, s)
	var p capture.Packet
	for src.Next(&p) == nil {
		x.Packet(&p)
	}
	shift := time.Now().UnixMicro()*1000 - s.messages[len(s.messages)-1].Time
	for i := range s.messages {
		s.messages[i].Time += shift
	}
	return s.messages
}

// sendTo sends messages over one connection.
func sendTo(t *testing.T, network string, port int, key string, list []hep.Message) {
	t.Helper()
	c, err := net.Dial(network, fmt.Sprint("127.0.0.1:", port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, m := range list {
		m.Key = []byte(key)
		b, err := hep.Append(nil, &m)
		if err == nil {
			_, err = c.Write(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestCallsThatComeByHEPAreRecordedKeptAndSentOn(t *testing.T) {
	homer, err := hep.Listen(hep.ListenConfig{Address: "127.0.0.1:0", Key: "onwards"})
	if err != nil {
		t.Fatal(err)
	}
	defer homer.Close()
	port := freePort(t)
	b := newBench(t, fmt.Sprintf("id_sensor = 9\nsensor_name = pbx-9\nhep = yes\nhep_bind_ip = 127.0.0.1\nhep_bind_port = %d\nhep_auth_key = hunter2\n"+
		"hep_send = tcp:%s\nhep_send_key = onwards\nrules_file = %%s", port, homer.Addr()))
	conf := readFile(t, b.write("v.conf", strings.Replace(readFile(t, b.dir+"/v.conf"), "%s", b.write("keep.rules", "all: keep sip\n"), 1)))
	file, truth := b.traffic(gen.Config{Seed: 8, Calls: 4, Rate: 20, Talk: time.Second, Ring: 300 * time.Millisecond, NoMedia: true})
	b.start()
	api, ctx := b.api(), t.Context()
	if i, _ := api.Info(ctx); i.Source != fmt.Sprint("hep udp+tcp 127.0.0.1:", port) {
		t.Errorf("source %q with\n%s", i.Source, conf)
	}
	b.until("it is connected to Homer", func() bool { h, _ := api.Health(ctx); return len(h.Problems) == 0 })

	all := captured(t, file)
	sendTo(t, "udp", port, "hunter3", all) // of a stranger
	sendTo(t, "udp", port, "hunter2", all[:len(all)/2])
	b.until("the first half has arrived", func() bool {
		h, _ := api.Health(ctx)
		return h.Counters["hep.sip"] == uint64(len(all)/2)
	})
	sendTo(t, "tcp", port, "hunter2", all[len(all)/2:])

	var got []hep.Message
	var p capture.Packet
	x := decode.New(decode.Config{}, receiver(func(m hep.Message) { got = append(got, m) }))
	for end := time.Now().Add(10 * time.Second); len(got) < len(all) && time.Now().Before(end); {
		if err := homer.Next(&p); err == nil {
			x.Packet(&p)
		} else if !errors.Is(err, capture.ErrIdle) {
			t.Fatal(err)
		}
	}
	if len(got) != len(all) {
		t.Fatalf("Homer has %d of %d messages", len(got), len(all))
	}
	for i, m := range got {
		want := all[i]
		if m.Type != hep.SIP || m.Src != want.Src || m.Dst != want.Dst || m.Time != want.Time || m.Agent != 9 || string(m.Node) != "pbx-9" || !bytes.Equal(m.Payload, want.Payload) {
			t.Errorf("message %d on its way to Homer became\n%+v, was\n%+v", i, m, want)
		}
	}

	var list []protocol.CDR
	b.until("all calls are in the history", func() bool {
		list, _ = api.Calls(ctx, 100, protocol.UUID{})
		return len(list) == len(truth.List)
	})
	for _, want := range truth.List {
		c, err := api.Call(ctx, want.CallID)
		if err != nil {
			t.Fatal(err)
		}
		if c.Caller != want.Caller || c.Status != want.Status || c.Transport != "udp" || c.Capture.Kept != protocol.KeepSIP || int(c.Capture.Packets) != len(c.Messages) {
			t.Errorf("call %s: got %s %d %s, kept %+v of %d messages", want.CallID, c.Caller, c.Status, c.Transport, c.Capture, len(c.Messages))
		}
	}
	h, err := api.Health(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if n := h.Counters; n["hep.listen.dropped.key"] != uint64(len(all)) || n["hep.send.messages"] != uint64(len(all)) || n["hep.time.replaced"] != 0 {
		t.Errorf("counters %v", n)
	}

	r, err := api.Capture(ctx, truth.List[0].CallID)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := io.ReadAll(r)
	r.Close()
	if err != nil {
		t.Fatal(err)
	}
	sees(t, b.write("kept.pcapng", string(kept)), truth.List[0].CallID)
}

type receiver func(hep.Message)

func (f receiver) Datagram(d *decode.Datagram) {
	var m hep.Message
	if m.Parse(d.Payload) == nil {
		m.Payload, m.Node = bytes.Clone(m.Payload), bytes.Clone(m.Node)
		f(m)
	}
}

// sees checks that tshark finds plain SIP of the call in a kept capture.
func sees(t *testing.T, file, callID string) {
	t.Helper()
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Log("no tshark here: the capture is not read by another program")
		return
	}
	out, err := exec.Command(tshark, "-r", file, "-Y", "sip && !_ws.malformed && ip.checksum.status != 0 && udp.checksum.status != 0",
		"-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-T", "fields", "-e", "sip.Call-ID").Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	lines := strings.Fields(string(out))
	for _, l := range lines {
		if l != callID {
			t.Errorf("tshark sees call %s, want %s", l, callID)
		}
	}
	if len(lines) < 5 {
		t.Errorf("tshark sees %d messages", len(lines))
	}
}

func TestReplayedCallsAreSentToHomerWithTheirReports(t *testing.T) {
	homer, err := hep.Listen(hep.ListenConfig{Address: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer homer.Close()
	b := newBench(t, fmt.Sprintf("id_sensor = 9\nhep_send_id = 4711\nhep_send = %s", homer.Addr()))
	file, truth := b.traffic(gen.Config{Seed: 9, Calls: 1, Talk: 15 * time.Second, RTCP: true})
	b.start("-r", file)
	if s := b.wait(); s != 0 {
		t.Fatalf("exit status %d\n%s", s, b.log.String())
	}
	types := map[hep.Type]int{}
	x := decode.New(decode.Config{DuplicateWindow: -1}, receiver(func(m hep.Message) {
		types[m.Type]++
		if m.Agent != 4711 {
			t.Errorf("agent %d", m.Agent)
		}
		if m.Type != hep.RTCP {
			return
		}
		if string(m.Correlation) != truth.List[0].CallID || m.Payload[0] != '{' {
			t.Errorf("report %q of call %q", m.Payload, m.Correlation)
		}
	}))
	var p capture.Packet
	for homer.Next(&p) == nil {
		x.Packet(&p)
	}
	if types[hep.SIP] != len(captured(t, file)) || types[hep.RTCP] < 2 {
		t.Errorf("Homer has %v, want %d SIP messages and some reports", types, len(captured(t, file)))
	}
}

func TestATakenHEPPortEndsWithAMessage(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b := newBench(t, fmt.Sprintf("id_sensor = 1\nhep = yes\nhep_bind_ip = 127.0.0.1\nhep_bind_port = %d", l.Addr().(*net.TCPAddr).Port))
	b.start()
	if s := b.wait(); s == 0 || !strings.Contains(b.log.String(), "hep_bind_port") {
		t.Errorf("exit status %d:\n%s", s, b.log.String())
	}
}

// TestHEPBesideAnInterface runs itself in a network of its own, where it may capture on lo.
func TestHEPBesideAnInterface(t *testing.T) {
	const inner = "SENSORD_TEST_NAMESPACE"
	if os.Getenv(inner) == "" {
		if os.Geteuid() != 0 {
			t.Skip("not root: no network of its own")
		}
		cmd := exec.Command("unshare", "-n", "sh", "-c", `ip link set lo up && exec "$0" -test.run '^TestHEPBesideAnInterface$' -test.v`, os.Args[0])
		cmd.Env = append(os.Environ(), inner+"=1")
		out, err := cmd.CombinedOutput()
		if strings.Contains(string(out), "unshare failed") || strings.Contains(string(out), "not found") {
			t.Skipf("no network of its own: %s", out)
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	homer, err := hep.Listen(hep.ListenConfig{Address: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer homer.Close()
	port := freePort(t)
	b := newBench(t, fmt.Sprintf("id_sensor = 9\ninterface = lo\nringbuffer = 8\nhep = yes\nhep_bind_ip = 127.0.0.1\nhep_bind_port = %d\nhep_send = %s", port, homer.Addr()))
	file, truth := b.traffic(gen.Config{Seed: 10, Calls: 2, Rate: 20, Talk: time.Second, Ring: 300 * time.Millisecond, NoMedia: true})
	b.start()
	api, ctx := b.api(), t.Context()
	all := captured(t, file)
	sendTo(t, "udp", port, "", all)
	b.until("all calls are in the history", func() bool {
		list, _ := api.Calls(ctx, 100, protocol.UUID{})
		return len(list) >= len(truth.List)
	})
	h, err := api.Health(ctx)
	if err != nil {
		t.Fatal(err)
	}
	// lo shows the message to the listener and the one to Homer; neither is taken again, nor sent on again.
	n := h.Counters
	if want := uint64(len(all)); n["hep.sip"] != want || n["hep.send.messages"] != want || n["hep.ignored"] < 2*want ||
		n["sip.duplicates"] != 0 || n["sip.retransmissions"] != 0 || n[protocol.CountCallsEnded] != uint64(len(truth.List)) {
		t.Errorf("%d messages sent, counters %v", want, n)
	}
	if !strings.HasPrefix(h.Info.Source, "lo, hep udp+tcp 127.0.0.1:") {
		t.Errorf("source %s", h.Info.Source)
	}
}

func TestMessagesAreSentWithTheProtocolThatCarriedThem(t *testing.T) {
	for transport, want := range map[string]uint8{"udp": 17, "tcp": 6, "tls": 6, "ws": 6, "wss": 6, "sctp": 132} {
		if got := ipProtocol(transport); got != want {
			t.Errorf("%s: got %d, want %d", transport, got, want)
		}
	}
}
