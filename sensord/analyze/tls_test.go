package analyze

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/hep"
)

// wireTap is a connection of which every write becomes a packet of a capture.
type wireTap struct {
	net.Conn
	src, dst decode.Endpoint
	wrapper  *hep.Wrapper
	tap      *tapped
}

type tapped struct {
	mu      sync.Mutex
	packets []Packet
}

func (w wireTap) Write(b []byte) (int, error) {
	w.tap.mu.Lock()
	for rest := b; len(rest) > 0; rest = rest[min(1400, len(rest)):] {
		data, _ := w.wrapper.TCP(w.src, w.dst, rest[:min(1400, len(rest))])
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano() + int64(len(w.tap.packets))*1e7
		w.tap.packets = append(w.tap.packets, Packet{Time: at, Data: bytes.Clone(data), Length: len(data), Link: capture.LinkRaw})
	}
	w.tap.mu.Unlock()
	return w.Conn.Write(b)
}

// overTLS records a TLS connection over which client and server say these pieces in turn.
func overTLS(t *testing.T, conf *tls.Config, pieces ...[]byte) (packets []Packet, keys []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var log bytes.Buffer
	client, server := conf.Clone(), conf.Clone()
	client.InsecureSkipVerify, client.KeyLogWriter = true, &log
	server.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	at, from := decode.EndpointOf(netip.MustParseAddrPort("192.0.2.1:40123")), decode.EndpointOf(netip.MustParseAddrPort("192.0.2.2:5061"))
	tap := &tapped{}
	ends := []*tls.Conn{
		tls.Client(wireTap{a, at, from, &hep.Wrapper{}, tap}, client), tls.Server(wireTap{b, from, at, &hep.Wrapper{}, tap}, server),
	}
	done := make(chan error, 1)
	go func() { done <- ends[1].Handshake() }()
	if err := ends[0].Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for i, p := range pieces {
		if _, err := ends[i%2].Write(p); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(ends[1-i%2], make([]byte, len(p))); err != nil {
			t.Fatal(err)
		}
	}
	return tap.packets, log.Bytes()
}

// dialog is a call's messages, client's and server's in turn.
func dialog(via string) [][]byte {
	m := func(first, cseq, tag, rest string) []byte {
		return []byte(first + "\r\nVia: SIP/2.0/" + via + " 192.0.2.1:40123;branch=z9hG4bK" + cseq[:1] + "\r\nFrom: \"Ann\" <sip:1001@example.net>;tag=a\r\nTo: <sip:1002@example.net>" + tag +
			"\r\nCall-ID: over-tls@192.0.2.1\r\nCSeq: " + cseq + "\r\n" + rest + "Content-Length: 0\r\n\r\n")
	}
	return [][]byte{
		m("INVITE sip:1002@example.net SIP/2.0", "1 INVITE", "", "Subject: "+strings.Repeat("long ", 600)+"\r\n"),
		m("SIP/2.0 200 OK", "1 INVITE", ";tag=b", ""),
		m("ACK sip:1002@example.net SIP/2.0", "1 ACK", ";tag=b", ""),
		m("BYE sip:1001@example.net SIP/2.0", "2 BYE", ";tag=b", ""),
		m("SIP/2.0 200 OK", "2 BYE", ";tag=b", ""),
	}
}

// inWebSocket puts the upgrade before messages and each into a frame, masked from the client (RFC 6455 section 5.2).
func inWebSocket(messages [][]byte) [][]byte {
	sum := sha1.Sum([]byte("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	out := [][]byte{
		[]byte("GET /ws HTTP/1.1\r\nHost: example.net\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n"),
		[]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"),
	}
	for i, m := range messages {
		f := []byte{0x81, 126}
		f = binary.BigEndian.AppendUint16(f, uint16(len(m)))
		if i%2 == 0 {
			mask := [4]byte{1, 2, 3, 4}
			f[1] |= 0x80
			f = append(f, mask[:]...)
			for j, c := range m {
				f = append(f, c^mask[j%4])
			}
		} else {
			f = append(f, m...)
		}
		out = append(out, f)
	}
	return out
}

func analyseAll(packets []Packet, cfg Config, sink Sink) protocol.Counters {
	e := New(cfg, sink)
	for i := range packets {
		e.Packet(&packets[i])
	}
	e.Close()
	n := protocol.Counters{}
	e.Counters(n)
	return n
}

func TestSIPOverTLSAndWebSocketOverTLSIsReadWithAKeyLog(t *testing.T) {
	for transport, pieces := range map[string][][]byte{"tls": dialog("TLS"), "wss": inWebSocket(dialog("WSS"))} {
		for name, conf := range map[string]*tls.Config{"1.3": {MinVersion: tls.VersionTLS13}, "1.2": {MaxVersion: tls.VersionTLS12}} {
			t.Run(transport+" "+name, func(t *testing.T) {
				packets, keys := overTLS(t, conf, pieces...)
				sink := &discard{}
				n := analyseAll(packets, Config{TLSKeys: keys}, sink)
				if len(sink.calls) != 1 {
					t.Fatalf("%d calls, counters %v", len(sink.calls), n)
				}
				c := sink.calls[0]
				if c.Transport != transport || c.Status != 200 || c.EndCause != protocol.EndBye || len(c.Messages) != 5 || c.CallerName != "Ann" || c.Src != "192.0.2.1:40123" {
					t.Errorf("record %+v", c)
				}
				for i := 1; i < len(c.Messages); i++ {
					if c.Messages[i].T <= c.Messages[i-1].T {
						t.Errorf("message %d does not come after the one before: %v", i, c.Messages)
					}
				}
				if n["tls.decrypted"] != 1 || n["tls.streams"] != 0 || n["sip.stream.skipped"] != 0 {
					t.Errorf("counters %v", n)
				}
			})
		}
	}
}

func TestKeysThatComeLateGiveTheSameRecord(t *testing.T) {
	packets, keys := overTLS(t, &tls.Config{MinVersion: tls.VersionTLS13}, dialog("TLS")...)
	record := func(late bool) string {
		sink := &discard{}
		e := New(Config{TLSKeys: []byte{}}, sink)
		if !late {
			e.Keys(keys)
		}
		for i := range packets {
			e.Packet(&packets[i])
		}
		e.Tick(packets[len(packets)-1].Time + 1e9)
		e.Keys(keys)
		e.Close()
		if len(sink.calls) != 1 {
			t.Fatalf("%d calls", len(sink.calls))
		}
		return string(sink.calls[0].AppendJSON(nil))
	}
	if early, late := record(false), record(true); early != late {
		t.Errorf("early %s\n late %s", early, late)
	}
}

func TestTLSWithoutAKeyLogIsCountedAndLeftAlone(t *testing.T) {
	packets, _ := overTLS(t, &tls.Config{}, dialog("TLS")...)
	sink := &discard{}
	if n := analyseAll(packets, Config{}, sink); n["tls.streams"] != 2 || len(sink.calls) > 0 {
		t.Errorf("%d calls, counters %v", len(sink.calls), n)
	}
	if n := analyseAll(packets, Config{TLSKeys: []byte{}}, sink); n["tls.streams"] != 0 || n["tls.undecrypted.no-key"] != 1 {
		t.Errorf("with an empty key log: counters %v", n)
	}
}

func TestTLSThatCarriesNoSIPIsLeftAlone(t *testing.T) {
	var pieces [][]byte
	for range 3 * maxTries {
		pieces = append(pieces, []byte("this is no SIP\r\n"))
	}
	packets, keys := overTLS(t, &tls.Config{}, pieces...)
	if n := analyseAll(packets, Config{TLSKeys: keys}, &discard{}); n["tls.other"] != 1 || n["sip.messages"] != 0 {
		t.Errorf("counters %v", n)
	}
}

func TestTLSJoinedAfterItsHandshakeIsCounted(t *testing.T) {
	packets, keys := overTLS(t, &tls.Config{MinVersion: tls.VersionTLS13}, dialog("TLS")...)
	if n := analyseAll(packets[len(packets)-4:], Config{TLSKeys: keys}, &discard{}); n["tls.joined"] != 2 || n["sip.messages"] != 0 {
		t.Errorf("counters %v", n)
	}
}

// packetKeeper keeps the packets of calls.
type packetKeeper struct {
	discard
	kept []Packet
}

func (k *packetKeeper) Keep(_ *KeptCall, p *Packet, _ int) {
	q := *p
	q.Data = bytes.Clone(p.Data)
	k.kept = append(k.kept, q)
}

func TestMessagesOfATLSCallAreKeptInClear(t *testing.T) {
	packets, keys := overTLS(t, &tls.Config{MinVersion: tls.VersionTLS13}, dialog("TLS")...)
	k := &packetKeeper{}
	analyseAll(packets, Config{TLSKeys: keys, Decide: keepAll(protocol.KeepSIP)}, k)
	if len(k.kept) != 5 {
		t.Fatalf("%d packets kept, want one a message", len(k.kept))
	}
	again := &discard{} // what is kept is a capture like any other
	if n := analyseAll(k.kept, Config{}, again); len(again.calls) != 1 || len(again.calls[0].Messages) != 5 || n["sip.messages"] != 5 {
		t.Errorf("the kept packets give %d calls, counters %v", len(again.calls), n)
	}
}

// What is read of the recorded calls is what tshark reads with the same secrets.
func TestTsharkDecryptsTheSameMessages(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed")
	}
	file := filepath.Join("..", "..", "fixtures", "pcap", "baresip-tls", "in.pcapng")
	var got []string
	_, sum, err := Files(context.Background(), []string{file}, nil, Config{SIP: func(d *Datagram, m []byte, transport string) {
		line, _, _ := bytes.Cut(m, []byte("\r\n"))
		got = append(got, fmt.Sprintf("%d.%09d %s", d.Time/1e9, d.Time%1e9, line))
		if transport != "tls" {
			t.Errorf("transport %s of %s", transport, line)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("tshark", "-n", "-r", file, "-Y", "sip", "-T", "fields", "-E", "separator=;", "-e", "frame.time_epoch", "-e", "sip.Request-Line", "-e", "sip.Status-Line")
	cmd.Env = append(os.Environ(), "LC_ALL=C", "HOME="+t.TempDir())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		f := strings.Split(s.Text(), ";")
		want = append(want, f[0]+" "+strings.Join(f[1:], ""))
	}
	strip := func(l []string) string { return strings.ReplaceAll(strings.Join(l, "\n"), ";", "") }
	if len(got) != 18 || strip(got) != strip(want) {
		t.Errorf("read:\n%s\ntshark:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if sum.Counters["tls.decrypted"] != 2 {
		t.Errorf("counters %v", sum.Counters)
	}
}
