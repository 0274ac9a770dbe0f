package tlsdec

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// openssl runs s_server and s_client with a recorder between them. script gives both ends what they are typed.
type openssl struct {
	t      *testing.T
	dir    string
	addr   string
	server *process
	mu     sync.Mutex
	seen   []flight
}

// process is a running program that is typed to; what it writes is looked into.
type process struct {
	in  io.WriteCloser
	mu  sync.Mutex
	out bytes.Buffer
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

// shows waits until the program has written text.
func (p *process) shows(t *testing.T, text string) {
	t.Helper()
	for range 1000 {
		p.mu.Lock()
		ok := bytes.Contains(p.out.Bytes(), []byte(text))
		p.mu.Unlock()
		if ok {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("no %q in:\n%s", text, &p.out)
}

func (p *process) types(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(p.in, text); err != nil {
		t.Fatal(err)
	}
}

func (o *openssl) run(args ...string) *process {
	o.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	cmd := exec.CommandContext(ctx, "openssl", args...)
	cmd.Dir = o.dir
	p := &process{}
	cmd.Stdout, cmd.Stderr = p, p
	var err error
	if p.in, err = cmd.StdinPipe(); err != nil {
		o.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() {
		stop()
		p.in.Close()
		_ = cmd.Wait() // killed
	})
	return p
}

func startOpenSSL(t *testing.T, args ...string) *openssl {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	o := &openssl{t: t, dir: t.TempDir()}
	cert := certificates()["rsa"]
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	file := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	if err := os.WriteFile(filepath.Join(o.dir, "cert.pem"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	backend := free.Addr().String()
	free.Close()
	o.server = o.run(append([]string{"s_server", "-accept", backend, "-cert", "cert.pem", "-keylogfile", "keys.log"}, args...)...)
	o.server.shows(t, "ACCEPT")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	o.addr = l.Addr().String()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", backend)
			if err != nil {
				c.Close()
				return
			}
			t.Cleanup(func() { c.Close(); s.Close() })
			go o.pass(c, s, false)
			go o.pass(s, c, true)
		}
	}()
	return o
}

func (o *openssl) pass(from, to net.Conn, server bool) {
	defer to.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if n > 0 {
			o.mu.Lock()
			o.seen = append(o.seen, flight{server, bytes.Clone(b[:n])})
			o.mu.Unlock()
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// play gives what was seen to a table and returns what it heard.
func (o *openssl) play() *heard {
	o.t.Helper()
	keys, err := os.ReadFile(filepath.Join(o.dir, "keys.log"))
	if err != nil {
		o.t.Fatal(err)
	}
	h := listen(Config{})
	h.table.Keys(keys)
	p := &player{h: h}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range cutInto(o.seen, 1000) {
		p.feed(f)
	}
	p.end()
	h.table.Close()
	return h
}

// talk lets both ends say a line, and waits until the other has it.
func (o *openssl) talk(client *process, word string) {
	o.t.Helper()
	client.types(o.t, "client "+word+"\n")
	o.server.shows(o.t, "client "+word)
	o.server.types(o.t, "server "+word+"\n")
	client.shows(o.t, "server "+word)
}

func (h *heard) is(t *testing.T, client, server string, counts map[string]uint64) {
	t.Helper()
	if got := h.said[0].String(); got != client {
		t.Errorf("client: heard %q, want %q", got, client)
	}
	if got := h.said[1].String(); got != server {
		t.Errorf("server: heard %q, want %q", got, server)
	}
	got := h.counters()
	for name, n := range counts {
		if got[name] != n {
			t.Errorf("%s %d, want %d", name, got[name], n)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("counted besides: %v", got)
	}
}

func TestOpenSSLsConnectionsAreReadUnderEverySuite(t *testing.T) {
	for _, args := range [][]string{
		{"-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"},
		{"-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"},
		{"-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"},
		{"-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"},
		{"-tls1_2", "-cipher", "ECDHE-RSA-CHACHA20-POLY1305"},
		{"-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384"},
		{"-tls1_2", "-cipher", "DHE-RSA-CHACHA20-POLY1305"},
		{"-tls1_2", "-cipher", "AES256-GCM-SHA384"},
		{"-tls1_2", "-cipher", "AES128-SHA"},
		{"-tls1_2", "-cipher", "AES256-SHA256"},
		{"-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256"},
		{"-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA384"},
	} {
		t.Run(args[2], func(t *testing.T) {
			o := startOpenSSL(t)
			c := o.run(append([]string{"s_client", "-connect", o.addr}, args...)...)
			o.talk(c, "one")
			o.talk(c, "two")
			o.play().is(t, "client one\nclient two\n", "server one\nserver two\n", map[string]uint64{"tls.decrypted": 1})
		})
	}
}

func TestKeyUpdatesOfBothEndsAreFollowed(t *testing.T) {
	o := startOpenSSL(t)
	c := o.run("s_client", "-connect", o.addr, "-tls1_3")
	o.talk(c, "one")
	c.types(t, "K\n") // and asks the server for one
	time.Sleep(300 * time.Millisecond)
	o.talk(c, "two")
	o.server.types(t, "k\n")
	time.Sleep(300 * time.Millisecond)
	o.talk(c, "three")
	c.types(t, "k\n")
	time.Sleep(300 * time.Millisecond)
	o.talk(c, "four")
	h := o.play()
	c.shows(t, "KEYUPDATE")
	h.is(t, "client one\nclient two\nclient three\nclient four\n", "server one\nserver two\nserver three\nserver four\n", map[string]uint64{"tls.decrypted": 1})
}

func TestEarlyDataIsPassedOver(t *testing.T) {
	o := startOpenSSL(t, "-early_data")
	if err := os.WriteFile(filepath.Join(o.dir, "early"), []byte("this comes early\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := o.run("s_client", "-connect", o.addr, "-tls1_3", "-sess_out", "session")
	o.talk(c, "one")
	c.types(t, "Q\n")
	o.server.shows(t, "DONE")
	o.mu.Lock()
	o.seen = nil // the first connection
	o.mu.Unlock()
	c = o.run("s_client", "-connect", o.addr, "-tls1_3", "-sess_in", "session", "-early_data", "early")
	o.server.shows(t, "this comes early")
	o.talk(c, "two")
	o.play().is(t, "client two\n", "server two\n", map[string]uint64{"tls.decrypted": 1, "tls.early-data": 2}) // the data, and its end
}

func TestRenegotiationIsGivenUpAndCounted(t *testing.T) {
	o := startOpenSSL(t, "-client_renegotiation")
	c := o.run("s_client", "-connect", o.addr, "-tls1_2")
	o.talk(c, "one")
	c.types(t, "R\n")
	c.shows(t, "RENEGOTIATING")
	o.server.shows(t, "-----END SSL SESSION PARAMETERS-----")
	o.talk(c, "two")
	o.play().is(t, "client one\n", "server one\n", map[string]uint64{"tls.decrypted": 1, "tls.undecrypted.renegotiated": 1})
}

func TestSuitesThatAreNotKnownAreCounted(t *testing.T) {
	for _, args := range [][]string{
		{"-tls1_2", "-cipher", "AES128-CCM"},
		{"-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"},
	} {
		t.Run(args[2], func(t *testing.T) {
			o := startOpenSSL(t, args...)
			c := o.run(append([]string{"s_client", "-connect", o.addr}, args...)...)
			o.talk(c, "one")
			o.play().is(t, "", "", map[string]uint64{"tls.undecrypted.suite": 1})
		})
	}
}
