package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// lookEvery is how often the files of a certificate are looked at, while browsers come.
const lookEvery = time.Second

// certificate is that of the web server. It is read anew when its files change, or when SIGHUP says so: connections that are
// open stay. Files that do not fit together, or cannot be read, leave the old one in force: whoever renews writes one after the other.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger
	now               func() time.Time

	mu     sync.Mutex
	pair   *tls.Certificate
	ends   time.Time
	read   [2]stamp // of the files, when pair was read
	failed [2]stamp // when reading them failed last
	looked time.Time
}

// stamp is what tells that a file has changed.
type stamp struct {
	changed time.Time
	size    int64
}

func loadCertificate(certFile, keyFile string, log *slog.Logger, now func() time.Time) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log, now: now}
	c.read = c.stamps()
	var err error
	if c.pair, c.ends, err = c.load(); err != nil {
		return nil, fmt.Errorf("--http-tls-cert, --http-tls-key: %w", err)
	}
	return c, nil
}

func (c *certificate) stamps() (s [2]stamp) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if f, err := os.Stat(name); err == nil {
			s[i] = stamp{f.ModTime(), f.Size()}
		}
	}
	return s
}

func (c *certificate) load() (*tls.Certificate, time.Time, error) {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return nil, time.Time{}, err
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("%s: %w", c.certFile, err)
	}
	return &pair, leaf.NotAfter, nil
}

// get is tls.Config.GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.looked) >= lookEvery || now.Before(c.looked) {
		c.looked = now
		c.renew(false)
	}
	return c.pair, nil
}

// renew reads the files if they have changed, or anyway. The mutex is held.
func (c *certificate) renew(anyway bool) {
	is := c.stamps()
	if is == c.read && !anyway {
		return
	}
	pair, ends, err := c.load()
	if err != nil {
		if is != c.failed || anyway {
			c.log.Error("the new certificate is not used, the old one stays", "cert", c.certFile, "error", err, "old_ends", c.ends)
		}
		c.failed = is
		return
	}
	c.pair, c.ends, c.read = pair, ends, is
	c.log.Info("the certificate was read anew", "cert", c.certFile, "ends", ends)
}

// reload reads the files anew at each SIGHUP until ctx ends.
func (c *certificate) reload(ctx context.Context) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			c.mu.Lock()
			c.renew(true)
			c.mu.Unlock()
		}
	}
}

// metric tells when the certificate ends.
func (c *certificate) metric() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "hosted_http_certificate_end_timestamp_seconds", Help: "When the certificate of the web server ends, Unix time.",
	}, func() float64 {
		c.mu.Lock()
		defer c.mu.Unlock()
		return float64(c.ends.Unix())
	})
}
