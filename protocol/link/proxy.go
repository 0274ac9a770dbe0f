package link

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"voiptop/protocol"
)

// ParseProxy reads the address of an HTTP proxy: http://[USER:PASSWORD@]HOST:PORT.
func ParseProxy(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, errors.New("not the address of a proxy") // url.Parse would repeat the password
	case u.Scheme != "http":
		return nil, fmt.Errorf("scheme %q: only http:// is known (the link through it is TLS all the way to hosted)", u.Scheme)
	case u.Hostname() == "" || u.Port() == "":
		return nil, errors.New("host or port is missing")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("nothing may follow the port")
	}
	return u, nil
}

// ThroughProxy connects by way of an HTTP proxy: CONNECT (RFC 9110 section 9.3.6), with Basic credentials where the address
// has them (RFC 7617). dial reaches the proxy; nil is the operating system's. No proxy is none: dial goes straight. Errors are a *protocol.Problem that
// names the proxy, never its password.
func ThroughProxy(proxy *url.URL, dial DialFunc) DialFunc {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	if proxy == nil {
		return dial
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, proxy.Host)
		if err != nil {
			return nil, proxyProblem(proxy, addr, "cannot be reached", err.Error(), "check server_proxy, and that the proxy runs")
		}
		stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
		through, err := connect(c, proxy, addr)
		if !stop() && err == nil {
			err = proxyProblem(proxy, addr, "does not answer", ctx.Err().Error(), "check server_proxy")
		}
		if err != nil {
			c.Close()
			return nil, err
		}
		return through, nil
	}
}

// maxProxyAnswer bounds the head of a proxy's answer.
const maxProxyAnswer = 64 << 10

func connect(c net.Conn, proxy *url.URL, addr string) (net.Conn, error) {
	req := "CONNECT " + addr + " HTTP/1.1\r\nHost: " + addr + "\r\n"
	if u := proxy.User; u != nil {
		password, _ := u.Password()
		req += "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)) + "\r\n"
	}
	if _, err := io.WriteString(c, req+"\r\n"); err != nil {
		return nil, proxyProblem(proxy, addr, "does not answer", err.Error(), "check server_proxy")
	}
	// The server of TLS is silent until the client has spoken, so what is read here is the proxy's answer and no more; what a
	// proxy sends too much stays in the reader.
	r := bufio.NewReader(&io.LimitedReader{R: c, N: maxProxyAnswer})
	res, err := http.ReadResponse(r, &http.Request{Method: http.MethodConnect})
	if err != nil {
		return nil, proxyProblem(proxy, addr, "does not answer as an HTTP proxy does", err.Error(), "check server_proxy")
	}
	res.Body.Close()
	switch {
	case res.StatusCode/100 == 2 && r.Buffered() > 0:
		return nil, proxyProblem(proxy, addr, "sends data of its own behind its answer", "", "connect without this proxy")
	case res.StatusCode/100 == 2:
		return c, nil
	case res.StatusCode == http.StatusProxyAuthRequired:
		return nil, proxyProblem(proxy, addr, "wants to know who asks", res.Status, "write server_proxy = http://USER:PASSWORD@"+proxy.Host)
	case res.StatusCode == http.StatusForbidden || res.StatusCode == http.StatusMethodNotAllowed:
		return nil, proxyProblem(proxy, addr, "does not let anybody through to it", res.Status, "allow CONNECT to "+addr+" in the proxy; many allow port 443 only: hosted may answer sensors there, too")
	}
	return nil, proxyProblem(proxy, addr, "could not connect", res.Status, "check server_destination, and what the proxy's log says")
}

func proxyProblem(proxy *url.URL, addr, what, detail, remedy string) *protocol.Problem {
	return &protocol.Problem{
		Code: protocol.CodeServerUnreachable, Title: "no way to hosted at " + addr + " through the proxy " + proxy.Host + ": it " + what, Detail: detail, Remedy: remedy,
	}
}
