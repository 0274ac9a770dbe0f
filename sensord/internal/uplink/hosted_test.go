package uplink

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/link"
)

// hosted is the other end of the link, as little of it as an uplink needs: real TLS and HTTP/2, a store in memory.
type hosted struct {
	t    *testing.T
	ca   *x509.Certificate
	key  crypto.Signer
	addr string
	ln   net.Listener
	up   *http.Server
	now  func() time.Time

	mu       sync.Mutex
	refuse   *protocol.Problem // answers hello
	life     time.Duration     // of certificates
	poison   map[string]bool   // Call-IDs that it cannot take
	most     int               // CDRs in a batch
	cursor   link.Cursor
	calls    map[string]int // how often each Call-ID was stored
	lost     uint64
	hellos   int
	renewals int
	session  []byte
	downs    []*http.ClientConn
	bulks    []*http.ClientConn
	open     map[*link.Conn]bool
}

func newHosted(t *testing.T) *hosted {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	h := &hosted{
		t: t, key: key, now: time.Now, life: link.CertLife, poison: map[string]bool{}, most: link.MaxBatch,
		calls: map[string]int{}, session: []byte("0123456789abcdef"), open: map[*link.Conn]bool{},
	}
	h.ca = h.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil, key.Public(), time.Hour)
	h.ln, err = net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	h.addr = h.ln.Addr().String()
	t.Cleanup(h.stop)
	h.start()
	return h
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (h *hosted) sign(c, parent *x509.Certificate, pub crypto.PublicKey, life time.Duration) *x509.Certificate {
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	c.NotBefore, c.NotAfter = h.now().Add(-time.Minute), h.now().Add(life)
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, pub, h.key)
	if err != nil {
		panic(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return out
}

func (h *hosted) token() string { return link.NewToken(sha256.Sum256(h.ca.Raw)).Text() }

// start accepts connections on h.ln.
func (h *hosted) start() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(h.t, err)
	leaf := h.sign(&x509.Certificate{DNSNames: []string{link.ServerName}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, h.ca, key.Public(), time.Hour)
	cfg := &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{link.ALPNUp, link.ALPNDown, link.ALPNBulk}, ClientAuth: tls.RequestClientCert,
		Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw, h.ca.Raw}, PrivateKey: key}},
	}
	m := http.NewServeMux()
	m.HandleFunc("POST "+link.PathEnrol, h.enrol)
	m.HandleFunc("POST "+link.PathRenew, h.renew)
	m.HandleFunc("POST "+link.PathHello, h.hello)
	m.HandleFunc("POST "+link.PathCDRs, h.cdrs)
	h.up = link.NewServer(m)
	ups := link.NewListener()
	go func() { _ = h.up.Serve(ups) }() // ends with the test
	go func() {
		for {
			c, err := h.ln.Accept()
			if err != nil {
				return
			}
			go h.accept(tls.Server(c, cfg), ups)
		}
	}()
}

func (h *hosted) accept(c *tls.Conn, ups *link.Listener) {
	if c.Handshake() != nil {
		c.Close()
		return
	}
	conn := link.NewConn(c)
	h.mu.Lock()
	h.open[conn] = true
	h.mu.Unlock()
	if conn.ALPN() == link.ALPNUp {
		ups.Give(conn)
		return
	}
	cc, err := link.NewClientConn(context.Background(), conn)
	if err != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if conn.ALPN() == link.ALPNBulk {
		h.bulks = append(h.bulks, cc)
	} else {
		h.downs = append(h.downs, cc)
	}
}

// drop cuts all connections.
func (h *hosted) drop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.open {
		c.Close()
	}
	h.open, h.downs, h.bulks = map[*link.Conn]bool{}, nil, nil
}

func (h *hosted) stop() {
	h.ln.Close()
	h.up.Close()
	h.drop()
}

func (h *hosted) certify(w http.ResponseWriter, der []byte) {
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		link.WriteProblem(w, err)
		return
	}
	id := protocol.UUID{1, 2, 3}
	cert := h.sign(&x509.Certificate{URIs: []*url.URL{link.SensorURI(3, id)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, h.ca, csr.PublicKey, h.life)
	link.WriteMessage(w, link.EnrolAnswer{Cert: cert.Raw, CA: h.ca.Raw, UUID: id, TenantID: 3, Tenant: "Acme", SensorID: 7})
}

func (h *hosted) enrol(w http.ResponseWriter, r *http.Request) {
	var in link.EnrolRequest
	if err := link.ReadMessage(r.Body, link.MaxMessage, &in); err != nil {
		link.WriteProblem(w, err)
		return
	}
	h.certify(w, in.CSR)
}

func (h *hosted) renew(w http.ResponseWriter, r *http.Request) {
	var in link.RenewRequest
	if err := link.ReadMessage(r.Body, link.MaxMessage, &in); err != nil {
		link.WriteProblem(w, err)
		return
	}
	h.mu.Lock()
	h.renewals++
	h.life = link.CertLife
	h.mu.Unlock()
	h.certify(w, in.CSR)
}

func (h *hosted) hello(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hellos++
	if h.refuse != nil {
		link.WriteProblem(w, h.refuse)
		return
	}
	link.WriteMessage(w, link.HelloAnswer{Version: 1, Session: h.session, Tenant: "Acme", Cursor: h.cursor, Server: "test"})
}

func (h *hosted) cdrs(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	b, err := link.DecodeBatch(body)
	if err != nil {
		link.WriteProblem(w, err)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(b.CDRs) > h.most {
		link.WriteProblem(w, &protocol.Problem{Code: protocol.CodeBadRequest, Status: http.StatusRequestEntityTooLarge, Title: "too many"})
		return
	}
	list := make([]protocol.CDR, len(b.CDRs))
	for i, raw := range b.CDRs {
		if err := link.Unmarshal(raw, &list[i]); err != nil || h.poison[list[i].CallID] {
			link.WriteProblem(w, &protocol.Problem{
				Code: protocol.CodeBadRequest, Status: http.StatusBadRequest, Title: "cannot take it",
				Fields: map[string]string{link.FieldSeq: big.NewInt(int64(b.First) + int64(i)).String()},
			})
			return
		}
	}
	if b.Epoch == h.cursor.Epoch && b.First > h.cursor.Next+b.Lost || b.Epoch < h.cursor.Epoch {
		link.WriteProblem(w, &protocol.Problem{Code: protocol.CodeSequenceGap, Status: http.StatusConflict, Title: "gap"})
		return
	}
	for i := range list {
		if b.Epoch > h.cursor.Epoch || b.First+uint64(i) >= h.cursor.Next {
			h.calls[list[i].CallID]++
		}
	}
	h.lost += b.Lost
	h.cursor = link.Cursor{Epoch: b.Epoch, Next: b.First + uint64(len(list))}
	link.WriteMessage(w, link.BatchAnswer{Cursor: h.cursor})
}

// stored gives how many calls there are, and how many of them more than once.
func (h *hosted) stored() (n, twice int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, k := range h.calls {
		if k > 1 {
			twice++
		}
	}
	return len(h.calls), twice
}

func (h *hosted) set(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}
