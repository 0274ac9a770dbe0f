package link

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
)

// proxy is an HTTP proxy that answers CONNECT with answer; behind an answer of 200 it copies both ways.
func proxy(t *testing.T, answer func(*http.Request) string) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r := bufio.NewReader(c)
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				text := answer(req)
				io.WriteString(c, text)
				if !strings.HasPrefix(text, "HTTP/1.1 200") {
					return
				}
				up, err := net.Dial("tcp", req.Host)
				if err != nil {
					return
				}
				defer up.Close()
				go io.Copy(up, r)
				io.Copy(c, up)
			}()
		}
	}()
	return ln.Addr().String()
}

func TestProxyIsAskedToConnectWithCredentials(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		c, err := echo.Accept()
		if err == nil {
			io.Copy(c, c)
			c.Close()
		}
	}()
	var got *http.Request
	addr := proxy(t, func(r *http.Request) string {
		got = r
		return "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"
	})
	u, err := ParseProxy("http://pbx:se%3Acret@" + addr)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ThroughProxy(u, nil)(t.Context(), "tcp", echo.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "hello")
	b := make([]byte, 5)
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "hello" {
		t.Errorf("%q, %v", b, err)
	}
	if got.Method != "CONNECT" || got.Host != echo.Addr().String() || got.Header.Get("Proxy-Authorization") != "Basic cGJ4OnNlOmNyZXQ=" {
		t.Errorf("%s %s %v", got.Method, got.Host, got.Header)
	}
}

func TestProxyThatDoesNotConnectSaysWhyAndKeepsItsPassword(t *testing.T) {
	for _, c := range []struct{ answer, want string }{
		{"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "wants to know who asks"},
		{"HTTP/1.1 403 Forbidden\r\n\r\n", "does not let anybody through"},
		{"HTTP/1.1 502 Bad Gateway\r\n\r\n", "could not connect"},
		{"SSH-2.0-OpenSSH_9\r\n", "does not answer as an HTTP proxy does"},
		{"", "does not answer as an HTTP proxy does"},
		{"HTTP/1.1 200 OK\r\n\r\nsurprise", "data of its own"},
		{"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 70_000), "does not answer as an HTTP proxy does"},
		{"HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 70_000), "does not answer as an HTTP proxy does"},
	} {
		u, _ := ParseProxy("http://pbx:hush@" + proxy(t, func(*http.Request) string { return c.answer }))
		_, err := (&Dialer{Net: ThroughProxy(u, nil), Now: time.Now}).Dial(t.Context(), "hosted.invalid:60023", ALPNUp)
		var p *protocol.Problem
		if !errors.As(err, &p) || p.Code != protocol.CodeServerUnreachable || !strings.Contains(p.Title, c.want) {
			t.Errorf("%.40q: %v", c.answer, err)
			continue
		}
		if text := p.Title + p.Detail + p.Remedy; strings.Contains(text, "hush") {
			t.Errorf("the password is in %q", text)
		}
	}
}

func TestSilentProxyIsGivenUp(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	u, _ := ParseProxy("http://" + ln.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := ThroughProxy(u, nil)(ctx, "tcp", "192.0.2.1:60023"); err == nil {
		t.Error("a connection through a proxy that never answered")
	}
}

func TestWrongProxyAddresses(t *testing.T) {
	for _, s := range []string{"", "proxy:3128", "https://proxy:3128", "http://proxy", "http://proxy:3128/path", "http://a:hush@[::1", "http://:3128"} {
		if _, err := ParseProxy(s); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v", s, err)
		}
	}
}
