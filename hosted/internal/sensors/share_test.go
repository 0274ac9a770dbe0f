package sensors

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"voiptop/protocol/link"
)

// website is a web server with TLS that shares its door with the sensors of r, and a browser that believes it.
func website(t *testing.T, r *rig) (addr string, browser *http.Client) {
	t.Helper()
	model := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	t.Cleanup(model.Close)
	server := &http.Server{
		Handler:   http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { io.WriteString(w, req.Proto) }),
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: model.TLS.Certificates},
	}
	r.svc.Share(server)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.ServeTLS(ln, "", "")
	t.Cleanup(func() { server.Close() })
	browser = model.Client()
	browser.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	return ln.Addr().String(), browser
}

func TestSensorsComeInAtTheWebServersDoor(t *testing.T) {
	r := newRig(t, Limits{})
	id := r.enrol(r.tenant, 7)
	addr, browser := website(t, r)
	c, err := link.Connect(t.Context(), r.dialer(id), addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a, err := c.Hello(t.Context(), link.Hello{Info: r.info(7, "boot")})
	if err != nil || a.UUID != id.UUID {
		t.Errorf("hello: %+v, %v", a, err)
	}
	res, err := browser.Get("https://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); string(b) != "HTTP/2.0" {
		t.Errorf("the browser got %q", b)
	}
}

func TestGuestsCountAsConnectionsAndEndWithTheService(t *testing.T) {
	r := newRig(t, Limits{Connections: 1})
	id := r.enrol(r.tenant, 7)
	addr, _ := website(t, r)
	var c *link.Client
	r.eventually("the connection that enrolled is counted out", func() (ok bool) {
		var err error
		if c, err = link.Connect(t.Context(), r.dialer(id), addr); err != nil {
			return false
		}
		if _, err = c.Hello(t.Context(), link.Hello{Info: r.info(7, "boot")}); err != nil {
			c.Close()
		}
		return err == nil
	})
	defer c.Close()
	if more, err := link.Connect(t.Context(), r.dialer(id), addr); err == nil {
		defer more.Close()
		if _, err := more.Hello(t.Context(), link.Hello{Info: r.info(7, "boot")}); err == nil {
			t.Error("a second connection, where one is allowed")
		}
	}
	r.end()
	<-c.Done()
}
