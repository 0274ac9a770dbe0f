// Package notify tells receivers what package alert has to say: it makes the body that each kind of receiver understands and
// sends it, by HTTPS or by mail. One call is one attempt; what failed says why in words that hold no secret.
//
// It is not for deciding what is told and when (package alert), nor for trying again (package watch, which calls it). The API's
// test button calls it too.
package notify

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"voiptop/hosted/internal/alert"
)

// Config is what New needs.
type Config struct {
	Private []netip.Prefix // networks beside the public ones that webhooks may go to; see blocked
	SMTP    *SMTP          // nil: mail cannot be sent
	Now     func() time.Time
	Timeout time.Duration  // of one attempt; 0: 10 s
	Roots   *x509.CertPool // that webhooks' and mail servers' certificates must lead to; nil: the system's
}

// Sender sends. It may be used by many goroutines at once.
type Sender struct {
	cfg  Config
	http *http.Client
}

// ErrNoMail says that mail cannot be sent.
var ErrNoMail = errors.New("mail is not set up: start hosted with --smtp and --smtp-from")

// New makes a sender.
func New(c Config) *Sender {
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	s := &Sender{cfg: c}
	s.http = s.client()
	return s
}

// HasMail reports whether mail can be sent.
func (s *Sender) HasMail() bool { return s.cfg.SMTP != nil }

// Delivery is a message to a receiver.
type Delivery struct {
	Receiver   alert.Receiver
	ReceiverID int64
	ID         int64 // of the notice: the same in each attempt, so that a webhook knows what it has had already
	Message    alert.Message
}

// Send makes one attempt. An error says what went wrong without the receiver's secrets.
func (s *Sender) Send(ctx context.Context, d Delivery) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	var err error
	if d.Receiver.Kind == alert.KindMail {
		err = s.mail(ctx, d)
	} else {
		err = s.post(ctx, d)
	}
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", s.cfg.Timeout)
	}
	return plain(err)
}

// plain takes the URL, which is a secret, out of an error.
func plain(err error) error {
	if errors.Is(err, ErrPrivate) {
		return ErrPrivate // and not which address a name leads to
	}
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// ErrPrivate says that a webhook's address is none of the internet.
var ErrPrivate = errors.New("the address is in a private network; hosted's operator may allow it with --alert-private-networks")

// inner are networks that netip has no word for.
var inner = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // RFC 1122: this host
	netip.MustParsePrefix("100.64.0.0/10"),   // RFC 6598: carriers' NAT
	netip.MustParsePrefix("192.0.0.0/24"),    // RFC 6890: protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),    // RFC 5737: documentation, as the next two
	netip.MustParsePrefix("198.51.100.0/24"), //
	netip.MustParsePrefix("203.0.113.0/24"),  //
	netip.MustParsePrefix("198.18.0.0/15"),   // RFC 2544: benchmarks
	netip.MustParsePrefix("240.0.0.0/4"),     // RFC 1112: reserved, with broadcast
	netip.MustParsePrefix("64:ff9b::/96"),    // RFC 6052: NAT64, leads to any IPv4 address
	netip.MustParsePrefix("64:ff9b:1::/48"),  // RFC 8215: the same
	netip.MustParsePrefix("100::/64"),        // RFC 6666: discard
	netip.MustParsePrefix("2001::/23"),       // RFC 2928: Teredo and other assignments
	netip.MustParsePrefix("2001:db8::/32"),   // RFC 3849: documentation
	netip.MustParsePrefix("2002::/16"),       // RFC 3056: 6to4, leads to any IPv4 address
	netip.MustParsePrefix("fec0::/10"),       // RFC 3879: site-local
	netip.MustParsePrefix("::/96"),           // RFC 4291: IPv4-compatible
}

// blocked reports whether a webhook may not go to an address: what is not the internet may be hosted's own network, where
// who writes a webhook's URL has no business.
func (s *Sender) blocked(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range s.cfg.Private {
		if p.Contains(a) {
			return false
		}
	}
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return true // loopback, link-local, multicast, unspecified; RFC 1918 and RFC 4193
	}
	for _, p := range inner {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// guard refuses a connection to a blocked address. It sees the address after the name was resolved, just before it is dialled,
// so that no name leads elsewhere in between.
func (s *Sender) guard(_, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return err
	}
	if s.blocked(a) {
		return ErrPrivate
	}
	return nil
}
