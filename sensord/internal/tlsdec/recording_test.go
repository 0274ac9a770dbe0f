package tlsdec

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"voiptop/sensord/internal/decode"
)

// flight is what one end wrote at once.
type flight struct {
	server bool
	b      []byte
}

// recording is a TLS connection as a capture would have seen it, its secrets, and what was said.
type recording struct {
	flights []flight
	keys    []byte
	said    [2]string // by client, by server
	state   tls.ConnectionState
}

// recorder notes what is written to a connection.
type recorder struct {
	net.Conn
	server bool
	mu     *sync.Mutex
	to     *[]flight
}

func (r recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	*r.to = append(*r.to, flight{r.server, bytes.Clone(b)})
	r.mu.Unlock()
	return r.Conn.Write(b)
}

var certificates = sync.OnceValue(func() map[string]tls.Certificate {
	out := map[string]tls.Certificate{}
	ec, err1 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	rs, err2 := rsa.GenerateKey(rand.Reader, 2048)
	if err := errors.Join(err1, err2); err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pbx"}, NotAfter: time.Now().Add(time.Hour)}
	for name, key := range map[string]interface {
		Public() any
	}{"ecdsa": publicKey{ec, &ec.PublicKey}, "rsa": publicKey{rs, &rs.PublicKey}} {
		k := key.(publicKey)
		der, err := x509.CreateCertificate(rand.Reader, template, template, k.pub, k.key)
		if err != nil {
			panic(err)
		}
		out[name] = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: k.key}
	}
	return out
})

type publicKey struct{ key, pub any }

func (k publicKey) Public() any { return k.pub }

// record makes a connection in which client and server say lines in turn, and a big one each.
func record(t testing.TB, client, server *tls.Config, lines int) *recording {
	t.Helper()
	r := &recording{}
	var mu sync.Mutex
	var keys bytes.Buffer
	a, b := loopback(t)
	client, server = client.Clone(), server.Clone()
	client.InsecureSkipVerify, client.KeyLogWriter = true, &keys
	if server.Certificates == nil {
		server.Certificates = []tls.Certificate{certificates()["rsa"], certificates()["ecdsa"]}
	}
	c := tls.Client(recorder{a, false, &mu, &r.flights}, client)
	s := tls.Server(recorder{b, true, &mu, &r.flights}, server)
	done := make(chan error, 1)
	go func() {
		err := s.Handshake()
		for i := 0; err == nil; i++ {
			in := make([]byte, len(line(0, i, lines)))
			if _, err = io.ReadFull(s, in); err == nil {
				_, err = io.WriteString(s, line(1, i, lines))
			}
		}
		done <- err
	}()
	for i := range lines {
		out := line(0, i, lines)
		if _, err := io.WriteString(c, out); err != nil {
			t.Fatal(err)
		}
		in := make([]byte, len(line(1, i, lines)))
		if _, err := io.ReadFull(c, in); err != nil {
			t.Fatal(err)
		}
		r.said[0] += out
		r.said[1] += string(in)
	}
	r.state = c.ConnectionState()
	c.Close()
	if err := <-done; !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	r.keys = keys.Bytes()
	return r
}

func loopback(t testing.TB) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{client, server} {
		c.SetDeadline(time.Now().Add(20 * time.Second))
		t.Cleanup(func() { c.Close() })
	}
	return client, server
}

// line is what an end (0 client, 1 server) says; the one in the middle fills several records.
func line(who, i, of int) string {
	if of > 2 && i == of/2 {
		return strings.Repeat(fmt.Sprintf("%c", 'a'+who), 40_000) + "\n"
	}
	return fmt.Sprintf("this is line %d of %s\n", i, [...]string{"the client", "the server"}[who])
}

// heard is what a Table made of a recording.
type heard struct {
	table *Table
	said  [2]strings.Builder
	gaps  int
	from  netip.AddrPort
	ended int
}

func (h *heard) Plain(d *decode.Datagram, b []byte, gap bool) bool {
	who := 0
	if d.Src.AddrPort() != h.from {
		who = 1
	}
	if gap {
		h.gaps++
		h.said[who].WriteString("[gap]")
	}
	h.said[who].Write(b)
	return true
}

func (h *heard) Close() { h.ended++ }

var clientAddr, serverAddr = netip.MustParseAddrPort("10.0.0.1:40000"), netip.MustParseAddrPort("10.0.0.2:5061")

// listen makes a table with one that listens.
func listen(cfg Config) *heard {
	h := &heard{from: clientAddr}
	h.table = New(cfg, func() Stream { return h })
	return h
}

// player gives flights to a table as decode would.
type player struct {
	h     *heard
	now   int64
	begun [2]bool
	gone  [2]bool
	gap   [2]bool
}

func (p *player) feed(f flight) {
	who := 0
	d := decode.Datagram{Src: decode.EndpointOf(clientAddr), Dst: decode.EndpointOf(serverAddr)}
	if f.server {
		who = 1
		d.Src, d.Dst = d.Dst, d.Src
	}
	if p.gone[who] {
		return
	}
	p.now += 1e6
	d.Time, d.Transport, d.Stream, d.Payload, d.Length = p.now, decode.TCP, uint64(who+1), f.b, len(f.b)
	d.Fresh, d.Gap = !p.begun[who], p.gap[who]
	p.begun[who], p.gap[who] = true, false
	p.h.table.Feed(&d)
	p.gone[who] = d.Ignore
}

func (p *player) end() {
	for who := range 2 {
		if !p.gone[who] {
			p.h.table.Feed(&decode.Datagram{Time: p.now, Stream: uint64(who + 1), End: true})
		}
	}
}

// cutInto cuts flights into pieces of n bytes at most.
func cutInto(in []flight, n int) (out []flight) {
	for _, f := range in {
		for b := f.b; len(b) > 0; b = b[min(n, len(b)):] {
			out = append(out, flight{f.server, b[:min(n, len(b))]})
		}
	}
	return out
}

func (h *heard) counters() map[string]uint64 {
	m := map[string]uint64{}
	h.table.Counters(func(name string, n uint64) {
		if n > 0 {
			m[name] = n
		}
	})
	return m
}

// sameAs compares what was heard with what was said, and wants no count but that of a connection that was read.
func (h *heard) sameAs(t *testing.T, r *recording) {
	t.Helper()
	for who := range 2 {
		if got := h.said[who].String(); got != r.said[who] {
			t.Errorf("side %d: heard %d bytes, said %d", who, len(got), len(r.said[who]))
		}
	}
	if m := h.counters(); len(m) != 1 || m["tls.decrypted"] != 1 {
		t.Errorf("counted %v", m)
	}
}
