package notify

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"voiptop/hosted/internal/alert"
)

// mailServer speaks SMTP (RFC 5321) with STARTTLS or TLS and AUTH PLAIN, and takes mail from who has logged in.
type mailServer struct {
	net.Listener
	tls        *tls.Config
	noStartTLS bool
	refuse     string // a recipient
	mu         sync.Mutex
	mails      []received
}

type received struct {
	from string
	to   []string
	text string
	tls  bool
	user string
}

func newMailServer(t *testing.T, change func(*mailServer)) (*mailServer, Config) {
	t.Helper()
	cert, roots := certificate(t)
	s := &mailServer{tls: &tls.Config{Certificates: []tls.Certificate{cert}}}
	if change != nil {
		change(s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Listener = l
	t.Cleanup(func() { l.Close() })
	return s, Config{Roots: roots, SMTP: &SMTP{Addr: l.Addr().String(), Security: StartTLS, From: "hosted <alerts@voip.example>", User: "bob", Password: "hunter2"}}
}

func (s *mailServer) serve(implicit bool) {
	for {
		c, err := s.Accept()
		if err != nil {
			return
		}
		if implicit {
			c = tls.Server(c, s.tls)
		}
		go s.talk(c, implicit)
	}
}

func (s *mailServer) talk(c net.Conn, secure bool) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	r := bufio.NewReader(c)
	say := func(format string, args ...any) { fmt.Fprintf(c, format+"\r\n", args...) }
	say("220 mail.example ESMTP")
	m := received{}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			say("250-mail.example")
			if !secure && !s.noStartTLS {
				say("250-STARTTLS")
			}
			say("250 AUTH PLAIN")
		case "STARTTLS":
			say("220 go ahead")
			c = tls.Server(c, s.tls)
			r, secure = bufio.NewReader(c), true
		case "AUTH":
			raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
			if !secure || string(raw) != "\x00bob\x00hunter2" {
				say("535 5.7.8 authentication failed")
				continue
			}
			m.user = "bob"
			say("235 welcome")
		case "MAIL":
			if m.user == "" && secure {
				say("530 5.7.0 authentication required")
				continue
			}
			m.from = between(rest, "<", ">")
			say("250 ok")
		case "RCPT":
			to := between(rest, "<", ">")
			if to == s.refuse {
				say("550 5.1.1 no such user")
				continue
			}
			m.to = append(m.to, to)
			say("250 ok")
		case "DATA":
			say("354 go on")
			var b strings.Builder
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				b.WriteString(strings.TrimPrefix(line, "."))
			}
			m.text, m.tls = b.String(), secure
			s.mu.Lock()
			s.mails = append(s.mails, m)
			s.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("500 what?")
		}
	}
}

func between(s, a, b string) string {
	_, s, _ = strings.Cut(s, a)
	s, _, _ = strings.Cut(s, b)
	return s
}

var toMail = alert.Receiver{Name: "noc", Kind: alert.KindMail, Addresses: []string{"noc@example.org", "boss@example.org"}}

func TestMailGoesThroughARealServerInOneThread(t *testing.T) {
	for name, implicit := range map[string]bool{"STARTTLS": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			server, c := newMailServer(t, nil)
			go server.serve(implicit)
			if implicit {
				c.SMTP.Security = TLS
			}
			s := newSender(c)
			for _, e := range []alert.Event{alert.EventFiring, alert.EventResolved} {
				if err := s.Send(t.Context(), Delivery{Receiver: toMail, ReceiverID: 5, Message: message(e)}); err != nil {
					t.Fatal(err)
				}
			}
			server.mu.Lock()
			defer server.mu.Unlock()
			first, second := server.mails[0], server.mails[1]
			if !first.tls || first.user != "bob" || first.from != "alerts@voip.example" || !slices.Equal(first.to, toMail.Addresses) {
				t.Errorf("%+v", first)
			}
			a, b := parse(t, first.text), parse(t, second.text)
			if id := a.Get("Message-Id"); id == "" || b.Get("In-Reply-To") != id || b.Get("References") != id || b.Get("Message-Id") == id || a.Get("In-Reply-To") != "" {
				t.Errorf("the end does not answer the begin: %v, %v", a.Header, b.Header)
			}
			for field, want := range map[string]string{
				"From": `"hosted" <alerts@voip.example>`, "Subject": "[bad] FIRING: few answered - sensor 3 (Žluťoučký <pbx>): 12 %", "List-Id": "alerts of hosted <alerts.voip.example>",
				"Auto-Submitted": "auto-generated", "Date": "Fri, 20 Nov 2026 22:30:00 +0000",
			} {
				if a.Get(field) != want {
					t.Errorf("%s: %q, want %q", field, a.Get(field), want)
				}
			}
			for _, want := range []string{"call the carrier", "12 %, of 50 calls", "https://voip.example/calls?where=a%3Cb&from=x", "https://voip.example/alerts?incident=7-1", "Žluťoučký <pbx>"} {
				if !strings.Contains(a.plain, want) {
					t.Errorf("the text lacks %q:\n%s", want, a.plain)
				}
			}
			if !strings.Contains(a.html, `<a href="https://voip.example/calls?where=a%3Cb&amp;from=x">`) || !strings.Contains(a.html, "Žluťoučký &lt;pbx&gt;") || strings.Contains(a.html, "<!channel>") {
				t.Errorf("the page:\n%s", a.html)
			}
		})
	}
}

func TestMailThatCannotBeSentSaysWhyAndNeverThePassword(t *testing.T) {
	for name, tt := range map[string]struct {
		server func(*mailServer)
		change func(*Config)
		want   string
	}{
		"no STARTTLS":           {func(s *mailServer) { s.noStartTLS = true }, nil, "offers no STARTTLS"},
		"a wrong password":      {nil, func(c *Config) { c.SMTP.Password = "wrong-password" }, "log-in as bob: 535"},
		"a foreign certificate": {nil, func(c *Config) { c.Roots = nil }, "certificate"},
		"no such recipient":     {func(s *mailServer) { s.refuse = "boss@example.org" }, nil, "boss@example.org: 550"},
	} {
		t.Run(name, func(t *testing.T) {
			server, c := newMailServer(t, tt.server)
			go server.serve(false)
			if tt.change != nil {
				tt.change(&c)
			}
			err := newSender(c).Send(t.Context(), Delivery{Receiver: toMail, Message: message(alert.EventFiring)})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "wrong-password") {
				t.Errorf("error %v tells the password", err)
			}
			if len(server.mails) != 0 {
				t.Errorf("something was sent: %+v", server.mails)
			}
		})
	}
}

func TestAMailServerOnThisMachineNeedsNoTLS(t *testing.T) {
	server, c := newMailServer(t, func(s *mailServer) { s.noStartTLS = true })
	go server.serve(false)
	c.SMTP.Security, c.SMTP.User, c.SMTP.Password = NoTLS, "", ""
	if err := newSender(c).Send(t.Context(), Delivery{Receiver: toMail, Message: message(alert.EventTest)}); err != nil {
		t.Fatal(err)
	}
	if m := parse(t, server.mails[0].text); m.Get("In-Reply-To") != "" || m.Get("Message-Id") == "" {
		t.Errorf("a test is a thread of its own: %v", m.Header)
	}
}

func TestNothingInAMessageAddsAHeader(t *testing.T) {
	m := message(alert.EventFiring)
	m.Summary = "x\r\nBcc: eve@example.org\r\n\r\nbody " + strings.Repeat("ž", 300)
	from, err := mail.ParseAddress("a@voip.example")
	if err != nil {
		t.Fatal(err)
	}
	text, err := compose(from, Delivery{Receiver: toMail, Message: m}, now)
	if err != nil {
		t.Fatal(err)
	}
	p := parse(t, string(text))
	if p.Get("Bcc") != "" || !strings.Contains(p.Get("Subject"), "Bcc: eve") {
		t.Errorf("header %v", p.Header)
	}
	for line := range strings.Lines(string(text)) {
		if len(line) > 1000 || !strings.HasSuffix(line, "\r\n") {
			t.Errorf("a line of %d bytes: %.80q", len(line), line)
		}
	}
}

func TestMailSettingsAreChecked(t *testing.T) {
	good := SMTP{Addr: "mail.example:587", Security: StartTLS, From: "a@voip.example"}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for option, change := range map[string]func(*SMTP){
		"--smtp ": func(s *SMTP) { s.Addr = "mail.example" }, "--smtp-from": func(s *SMTP) { s.From = "nobody" }, "--smtp-tls \"maybe\"": func(s *SMTP) { s.Security = "maybe" },
		"--smtp-tls none": func(s *SMTP) { s.Security, s.User = NoTLS, "bob" },
	} {
		s := good
		change(&s)
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), option) {
			t.Errorf("%s: %v", option, err)
		}
	}
}

// parsed is a mail as a mail program shows it.
type parsed struct {
	mail.Header
	plain, html string
}

func (p parsed) Get(field string) string {
	s, err := new(mime.WordDecoder).DecodeHeader(p.Header.Get(field))
	if err != nil {
		return err.Error()
	}
	return s
}

func parse(t *testing.T, text string) parsed {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	p := parsed{Header: m.Header}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatal(kind, err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for _, to := range []*string{&p.plain, &p.html} {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		*to = string(b)
	}
	return p
}
