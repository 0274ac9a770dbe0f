package link

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net/http"
	"time"

	"voiptop/protocol"
)

// Client is the sensor's side of one up connection. Its errors are a *protocol.Problem when hosted refuses, or the
// reason why it could not be asked.
type Client struct {
	cc   *http.ClientConn
	conn *Conn
}

// Connect opens an up connection to addr.
func Connect(ctx context.Context, d *Dialer, addr string) (*Client, error) {
	conn, err := d.Dial(ctx, addr, ALPNUp)
	if err != nil {
		return nil, err
	}
	cc, err := NewClientConn(ctx, conn)
	if err != nil {
		return nil, err
	}
	return &Client{cc: cc, conn: conn}, nil
}

// Done is closed when the connection is.
func (c *Client) Done() <-chan struct{} { return c.conn.Done() }

// Close ends the connection.
func (c *Client) Close() error {
	err := c.cc.Close()
	c.conn.Close()
	return err
}

// Hello introduces the sensor. It comes before everything else but Enrol and Renew.
func (c *Client) Hello(ctx context.Context, h Hello) (*HelloAnswer, error) {
	h.MinVersion, h.MaxVersion = MinVersion, MaxVersion
	a := &HelloAnswer{}
	return a, c.call(ctx, PathHello, h, a)
}

// Send delivers a batch that EncodeBatch made. The answer means that it is stored.
func (c *Client) Send(ctx context.Context, batch []byte) (*BatchAnswer, error) {
	a := &BatchAnswer{}
	return a, c.post(ctx, PathCDRs, batch, "zstd", a)
}

// Renew asks for a new certificate for the identity's key.
func (c *Client) Renew(ctx context.Context, id *Identity) (*EnrolAnswer, error) {
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, id.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	a := &EnrolAnswer{}
	return a, c.call(ctx, PathRenew, RenewRequest{CSR: csr}, a)
}

func (c *Client) call(ctx context.Context, path string, in, out any) error {
	b, err := Marshal(in)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return c.post(ctx, path, b, "", out)
}

func (c *Client) post(ctx context.Context, path string, body []byte, encoding string, out any) error {
	ctx, cancel := context.WithTimeout(ctx, AnswerTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, BaseURL+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", TypeCBOR)
	if encoding != "" {
		req.Header.Set("Content-Encoding", encoding)
	}
	res, err := c.cc.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("ask hosted for %s: %w", path, err)
	}
	defer res.Body.Close()
	return readAnswer(res, out)
}

// Enrolment is what Enrol needs.
type Enrolment struct {
	Server  string // host:port
	Token   Token
	Dir     string // where the identity goes
	Info    protocol.SensorInfo
	Replace bool             // an identity that is there already
	Net     DialFunc         // nil: the operating system's
	Now     func() time.Time // the clock
}

// Enrol redeems a token: it makes a key, has hosted sign it, and stores the identity. When the answer was lost, doing it
// again with the same token gives the same sensor.
func Enrol(ctx context.Context, e Enrolment) (*Identity, error) {
	if id, err := LoadIdentity(e.Dir); err == nil && !e.Replace {
		return nil, fmt.Errorf("%s holds an identity already: sensor %s of tenant %q at %s; replace it with --force", e.Dir, id.UUID, id.Link.Tenant, id.Link.Server)
	}
	key, err := pendingKey(e.Dir)
	if err != nil {
		return nil, err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: e.Info.Name}}, key)
	if err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	c, err := Connect(ctx, &Dialer{Trust: Trust{Fingerprint: e.Token.CA}, Net: e.Net, Now: e.Now}, e.Server)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	a := &EnrolAnswer{}
	err = c.call(ctx, PathEnrol, EnrolRequest{Secret: e.Token.Secret, CSR: csr, Info: e.Info, MinVersion: MinVersion, MaxVersion: MaxVersion}, a)
	if err != nil {
		return nil, err
	}
	if sha256.Sum256(a.CA) != e.Token.CA {
		return nil, errors.New("hosted answers with another CA than the token names: make a new token")
	}
	lf := Pairing{Server: e.Server, Tenant: a.Tenant, SensorID: a.SensorID, Enrolled: protocol.TimeOf(e.Now())}
	if err := store(e.Dir, key, a, lf); err != nil {
		return nil, err
	}
	return LoadIdentity(e.Dir)
}

// CheckHello says hello as a probe: hosted makes all its checks and opens no session. `voipmon doctor` asks so while the
// sensor runs.
func CheckHello(ctx context.Context, d *Dialer, addr string, info protocol.SensorInfo) (*HelloAnswer, error) {
	c, err := Connect(ctx, d, addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Hello(ctx, Hello{Info: info, Probe: true})
}
