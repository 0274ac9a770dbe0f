package sensors

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"voiptop/hosted/internal/relay"
)

// benchSize is how much is copied in one round.
const benchSize = 128 << 20

// BenchmarkRelay measures a capture on its way from a sensor through hosted to a browser, and in turns with it the same bytes
// over one bare TLS connection on loopback. "ratio" is the relay's throughput to the copy's. Everything is in one process:
// the relay has the sensor's encryption, hosted's decryption, two copies and the browser to pay for with the same cores.
//
//	go test ./hosted/internal/sensors -run XXX -bench Relay -benchtime 5x
func BenchmarkRelay(b *testing.B) {
	for _, browser := range []string{"http1", "https1", "https2"} {
		b.Run(browser, func(b *testing.B) {
			api := &captures{data: noise(benchSize)}
			r := newRig(b, Limits{})
			s, err := r.online(r.enrol(r.tenant, 7), r.info(7, "b"), api)
			if err != nil {
				b.Fatal(err)
			}
			gate := relay.NewGate(relay.Limits{}, nil)
			web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				x, err := gate.Enter(w, q, relay.KindCapture, 1, 1)
				if err != nil {
					b.Error(err)
					return
				}
				defer x.Done()
				r.svc.Relay(x, q, s.id.UUID, q.URL.EscapedPath())
			}))
			client := &http.Client{}
			switch browser {
			case "http1":
				web.Start()
			default:
				web.EnableHTTP2 = browser == "https2"
				web.StartTLS()
				client = web.Client()
			}
			defer web.Close()
			buf := make([]byte, 256<<10)
			relayed := func() time.Duration {
				begin := time.Now()
				res, err := client.Get(web.URL + "/v1/calls/x/capture")
				if err != nil {
					b.Fatal(err)
				}
				defer res.Body.Close()
				drain(b, res.Body, buf)
				return time.Since(begin)
			}
			bare := bareTLS(b)
			relayed() // opens the bulk connection
			var direct, through time.Duration
			b.SetBytes(benchSize)
			for b.Loop() {
				through += relayed()
				b.StopTimer()
				direct += bare(buf)
				b.StartTimer()
			}
			b.ReportMetric(benchSize*float64(b.N)/direct.Seconds()/1e6, "bareTLS-MB/s")
			b.ReportMetric(direct.Seconds()/through.Seconds(), "ratio")
		})
	}
}

func drain(b *testing.B, r io.Reader, buf []byte) {
	n, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{r}, buf)
	if err != nil || n != benchSize {
		b.Fatalf("%d bytes, %v", n, err)
	}
}

// bareTLS gives what copies benchSize over a TLS 1.3 connection on loopback and says how long it took.
func bareTLS(b *testing.B) func(buf []byte) time.Duration {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		b.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS13})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { ln.Close() })
	data := noise(1 << 20)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func(c net.Conn) {
				defer c.Close()
				for range benchSize / len(data) {
					if _, err := c.Write(data); err != nil {
						return
					}
				}
			}(c)
		}
	}()
	return func(buf []byte) time.Duration {
		c, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13})
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		begin := time.Now()
		drain(b, c, buf)
		return time.Since(begin)
	}
}
