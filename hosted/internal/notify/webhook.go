package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"voiptop/hosted/internal/alert"
	"voiptop/protocol"
)

// Headers of a webhook.
const (
	HeaderSignature = "Voiptop-Signature" // t=UNIX SECONDS,v1=HEX, see Sign
	HeaderDelivery  = "Voiptop-Delivery"  // the same in each attempt
)

// maxAnswer is how much of an answer is read.
const maxAnswer = 64 << 10

// Sign is the value of HeaderSignature: HMAC-SHA256, with the receiver's key, of the time, a dot and the body. Who checks it
// also checks that the time is not long ago, so that nobody can send an old message again.
func Sign(key string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(t + "."))
	h.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(h.Sum(nil))
}

// client dials what guard lets it dial, follows no redirect and asks no proxy: both would let a URL lead elsewhere.
func (s *Sender) client() *http.Client {
	d := &net.Dialer{Timeout: s.cfg.Timeout, Control: func(network, address string, _ syscall.RawConn) error { return s.guard(network, address) }}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: d.DialContext, TLSClientConfig: &tls.Config{RootCAs: s.cfg.Roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: s.cfg.Timeout, MaxIdleConns: 20, MaxConnsPerHost: 4, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 32 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (s *Sender) post(ctx context.Context, d Delivery) error {
	body, err := bodyOf(d)
	if err != nil {
		return err
	}
	u, err := url.Parse(d.Receiver.URL)
	if err != nil {
		return fmt.Errorf("the URL cannot be read")
	}
	if u.Scheme != "https" && len(s.cfg.Private) == 0 {
		return fmt.Errorf("the URL is not https://, and what goes to the internet is encrypted")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.Receiver.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "hosted/"+protocol.Version)
	req.Header.Set(HeaderDelivery, strconv.FormatInt(d.ID, 10))
	if d.Receiver.Key != "" {
		req.Header.Set(HeaderSignature, Sign(d.Receiver.Key, s.cfg.Now(), body))
	}
	res, err := s.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer)) // so that the connection can be used again
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("the server answered %d %s", res.StatusCode, http.StatusText(res.StatusCode))
	}
	return nil
}

// bodyOf is the message as the kind of receiver understands it.
func bodyOf(d Delivery) ([]byte, error) {
	switch d.Receiver.Kind {
	case alert.KindSlack:
		return json.Marshal(map[string]string{"text": chatText(&d.Message)})
	case alert.KindTeams:
		return json.Marshal(teamsCard(&d.Message))
	}
	return json.Marshal(d.Message)
}

// chatEscape keeps what others chose, a user agent or an alert's name, from being read as a link or a mention.
var chatEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// chatText is the message in Slack's notation, which Mattermost reads as well.
func chatText(m *alert.Message) string {
	var b strings.Builder
	b.WriteString(icon(m) + " *" + chatEscape.Replace(m.Summary) + "*\n")
	b.WriteString(chatEscape.Replace(m.Alert.Condition) + "\n")
	for _, k := range m.Keys {
		b.WriteString("• ")
		if k.Label != "" {
			b.WriteString(chatEscape.Replace(k.Label) + ": ")
		}
		b.WriteString(chatEscape.Replace(k.Text))
		if k.Link != "" {
			b.WriteString(" - <" + k.Link + "|calls>")
		}
		b.WriteString("\n")
	}
	if m.More > 0 {
		fmt.Fprintf(&b, "• and %d more\n", m.More)
	}
	if m.Alert.Note != "" {
		b.WriteString("> " + strings.ReplaceAll(chatEscape.Replace(m.Alert.Note), "\n", "\n> ") + "\n")
	}
	b.WriteString("<" + m.Page + "|Open the alert> (" + chatEscape.Replace(m.Tenant) + ")")
	return b.String()
}

func icon(m *alert.Message) string {
	switch {
	case m.Event == alert.EventResolved:
		return "✅"
	case m.Event == alert.EventTest:
		return "🔧"
	case m.Alert.Severity == protocol.SeverityBad:
		return "🔴"
	case m.Alert.Severity == protocol.SeverityWarn:
		return "🟠"
	}
	return "🔵"
}

type object = map[string]any

// teamsCard is an adaptive card, as workflows of Microsoft Teams take it.
func teamsCard(m *alert.Message) object {
	text := func(s string, more object) object {
		o := object{"type": "TextBlock", "text": markdown(s), "wrap": true}
		for k, v := range more {
			o[k] = v
		}
		return o
	}
	body := []object{text(icon(m)+" "+m.Summary, object{"weight": "Bolder", "size": "Medium"}), text(m.Alert.Condition, object{"isSubtle": true})}
	for _, k := range m.Keys {
		line := markdown(k.Text)
		if k.Label != "" {
			line = markdown(k.Label) + ": " + line
		}
		if k.Link != "" {
			line += " [calls](" + k.Link + ")"
		}
		body = append(body, object{"type": "TextBlock", "text": "- " + line, "wrap": true})
	}
	if m.More > 0 {
		body = append(body, text(fmt.Sprintf("and %d more", m.More), nil))
	}
	if m.Alert.Note != "" {
		body = append(body, text(m.Alert.Note, object{"separator": true}))
	}
	card := object{
		"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "body": body,
		"actions": []object{{"type": "Action.OpenUrl", "title": "Open the alert", "url": m.Page}},
	}
	return object{"type": "message", "attachments": []object{{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}}}
}

// markdown keeps a text from being read as Markdown.
func markdown(s string) string { return markdownEscape.Replace(s) }

var markdownEscape = strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, "*", `\*`, "_", `\_`, "`", "\\`")
