package notify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"html/template"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/netip"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	"voiptop/hosted/internal/alert"
)

// Security says how a mail server is spoken to.
type Security string

// The ways.
const (
	StartTLS Security = "starttls" // plain, then TLS; without it nothing is sent (RFC 3207)
	TLS      Security = "tls"      // from the first byte on (RFC 8314)
	NoTLS    Security = "none"     // for a server on this machine
)

// SMTP is the mail server that mail is handed to.
type SMTP struct {
	Addr     string // host:port
	Security Security
	From     string // address, or Name <address>
	User     string // "": no log-in
	Password string
}

// Check says what is wrong with the settings.
func (c *SMTP) Check() error {
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		return fmt.Errorf("--smtp %q: want HOST:PORT", c.Addr)
	}
	if _, err := mail.ParseAddress(c.From); err != nil {
		return fmt.Errorf("--smtp-from %q: want an address, or Name <address>", c.From)
	}
	switch c.Security {
	case StartTLS, TLS:
	case NoTLS:
		if c.User != "" {
			return fmt.Errorf("--smtp-tls none: a password is not sent without TLS; leave --smtp-user out")
		}
	default:
		return fmt.Errorf("--smtp-tls %q: want starttls, tls or none", c.Security)
	}
	return nil
}

// mail hands a message to the mail server.
func (s *Sender) mail(ctx context.Context, d Delivery) error {
	c := s.cfg.SMTP
	if c == nil {
		return ErrNoMail
	}
	from, err := mail.ParseAddress(c.From)
	if err != nil {
		return fmt.Errorf("--smtp-from: %w", err)
	}
	text, err := compose(from, d, s.cfg.Now())
	if err != nil {
		return err
	}
	client, err := s.dialMail(ctx, c)
	if err != nil {
		return fmt.Errorf("mail server: %w", err)
	}
	defer client.Close()
	if err := handOver(client, from.Address, d.Receiver.Addresses, text); err != nil {
		return fmt.Errorf("mail server: %w", err)
	}
	_ = client.Quit() // the server has taken it already
	return nil
}

func (s *Sender) dialMail(ctx context.Context, c *SMTP) (_ *smtp.Client, err error) {
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.Addr)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			conn.Close()
		}
	}()
	if t, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(t); err != nil {
			return nil, err
		}
	}
	settings := &tls.Config{ServerName: host, RootCAs: s.cfg.Roots, MinVersion: tls.VersionTLS12}
	if c.Security == TLS {
		conn = tls.Client(conn, settings)
	}
	client, err := smtp.NewClient(conn, host)
	if err != nil {
		return nil, err
	}
	if err := client.Hello(literal(conn.LocalAddr())); err != nil {
		return nil, err
	}
	if c.Security == StartTLS {
		if ok, _ := client.Extension("STARTTLS"); !ok {
			return nil, fmt.Errorf("it offers no STARTTLS, and nothing is sent without; see --smtp-tls")
		}
		if err := client.StartTLS(settings); err != nil {
			return nil, err
		}
	}
	if c.User != "" {
		if err := client.Auth(smtp.PlainAuth("", c.User, c.Password, host)); err != nil {
			return nil, fmt.Errorf("log-in as %s: %w", c.User, err)
		}
	}
	return client, nil
}

// literal names this host to a mail server by its address (RFC 5321 section 4.1.3): it need not have a name.
func literal(a net.Addr) string {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return "localhost"
	}
	ip := ap.Addr().Unmap().WithZone("")
	if ip.Is6() {
		return "[IPv6:" + ip.String() + "]"
	}
	return "[" + ip.String() + "]"
}

func handOver(client *smtp.Client, from string, to []string, text []byte) error {
	if err := client.Mail(from); err != nil {
		return err
	}
	for _, a := range to {
		if err := client.Rcpt(a); err != nil {
			return fmt.Errorf("%s: %w", a, err)
		}
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	return w.Close()
}

// compose writes the mail (RFC 5322): plain text and HTML, both in UTF-8. All about one incident is one thread: the first has the
// incident's Message-ID, and the others answer it.
func compose(from *mail.Address, d Delivery, now time.Time) ([]byte, error) {
	m := &d.Message
	_, domain, _ := strings.Cut(from.Address, "@")
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d", m.Tenant, m.Incident, d.ReceiverID))
	thread := "<alert-" + hex.EncodeToString(sum[:12]) + "@" + domain + ">"
	var b bytes.Buffer
	parts := multipart.NewWriter(&b)
	head := &bytes.Buffer{}
	field := func(name, value string) { fmt.Fprintf(head, "%s: %s\r\n", name, value) }
	field("From", from.String())
	field("To", strings.Join(d.Receiver.Addresses, ",\r\n "))
	field("Subject", folded(subject(m)))
	field("Date", now.UTC().Format(time.RFC1123Z))
	if m.Event == alert.EventFiring {
		field("Message-ID", thread)
	} else {
		field("Message-ID", fmt.Sprintf("<alert-%s-%s-%d@%s>", hex.EncodeToString(sum[:12]), m.Event, m.Time, domain))
		if m.Event != alert.EventTest {
			field("In-Reply-To", thread)
			field("References", thread)
		}
	}
	field("List-Id", fmt.Sprintf("alerts of hosted <alerts.%s>", domain))
	field("Auto-Submitted", "auto-generated") // RFC 3834: nobody's holiday message answers it
	field("X-Auto-Response-Suppress", "All")
	field("MIME-Version", "1.0")
	field("Content-Type", "multipart/alternative; boundary="+parts.Boundary())
	head.WriteString("\r\n")
	var page bytes.Buffer
	if err := mailPage.Execute(&page, m); err != nil {
		return nil, fmt.Errorf("write mail: %w", err)
	}
	for _, p := range []struct{ kind, text string }{{"text/plain", mailText(m)}, {"text/html", page.String()}} {
		w, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {p.kind + "; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"}})
		if err != nil {
			return nil, fmt.Errorf("write mail: %w", err)
		}
		q := quotedprintable.NewWriter(w)
		if _, err := q.Write([]byte(strings.ReplaceAll(p.text, "\n", "\r\n"))); err != nil {
			return nil, fmt.Errorf("write mail: %w", err)
		}
		if err := q.Close(); err != nil {
			return nil, fmt.Errorf("write mail: %w", err)
		}
	}
	if err := parts.Close(); err != nil {
		return nil, fmt.Errorf("write mail: %w", err)
	}
	return append(head.Bytes(), b.Bytes()...), nil
}

// subject is the same for all of a thread, but for what stands in front.
func subject(m *alert.Message) string {
	s := "[" + string(m.Alert.Severity) + "] " + m.Summary
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// folded encodes a field's text (RFC 2047), in lines that a mail server takes.
func folded(s string) string {
	return strings.ReplaceAll(mime.QEncoding.Encode("utf-8", s), "?= =?", "?=\r\n =?")
}

func mailText(m *alert.Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n\n", m.Summary, m.Alert.Condition)
	for _, k := range m.Keys {
		b.WriteString("- ")
		if k.Label != "" {
			b.WriteString(k.Label + ": ")
		}
		b.WriteString(k.Text + "\n")
		if k.Link != "" {
			b.WriteString("  " + k.Link + "\n")
		}
	}
	if m.More > 0 {
		fmt.Fprintf(&b, "- and %d more\n", m.More)
	}
	fmt.Fprintf(&b, "\nSince %s UTC", m.Started.Std().Format("2006-01-02 15:04:05"))
	if m.Ended != 0 {
		fmt.Fprintf(&b, ", until %s UTC", m.Ended.Std().Format("2006-01-02 15:04:05"))
	}
	b.WriteString("\n")
	if m.Alert.Note != "" {
		b.WriteString("\n" + m.Alert.Note + "\n")
	}
	fmt.Fprintf(&b, "\nThe alert, to acknowledge or to silence it:\n%s\n\n-- \nhosted, tenant %s\n", m.Page, m.Tenant)
	return b.String()
}

var mailPage = template.Must(template.New("mail").Funcs(template.FuncMap{
	"utc": func(m alert.Message, ended bool) string {
		t := m.Started
		if ended {
			t = m.Ended
		}
		return t.Std().Format("2006-01-02 15:04:05") + " UTC"
	},
	"colour": func(m alert.Message) string {
		switch {
		case m.Event == alert.EventResolved:
			return "#1a7f37"
		case m.Alert.Severity == "bad":
			return "#cf222e"
		case m.Alert.Severity == "warn":
			return "#bc4c00"
		}
		return "#0969da"
	},
}).Parse(`<!doctype html>
<html><body style="font: 15px/1.5 system-ui, sans-serif; color: #1f2328">
<p style="border-left: 5px solid {{colour .}}; padding-left: 12px; font-size: 17px"><strong>{{.Summary}}</strong></p>
<p>{{.Alert.Condition}}</p>
<ul>
{{range .Keys}}<li>{{with .Label}}{{.}}: {{end}}{{.Text}}{{with .Link}} - <a href="{{.}}">the calls</a>{{end}}</li>
{{end}}{{with .More}}<li>and {{.}} more</li>
{{end}}</ul>
<p>Since {{utc . false}}{{if .Ended}}, until {{utc . true}}{{end}}</p>
{{with .Alert.Note}}<p style="white-space: pre-wrap">{{.}}</p>
{{end}}<p><a href="{{.Page}}">Open the alert</a> to acknowledge or to silence it.</p>
<p style="color: #656d76">hosted, tenant {{.Tenant}}</p>
</body></html>
`))
