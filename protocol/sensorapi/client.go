package sensorapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"voiptop/protocol"
)

// Client calls a sensor's API. Base is the URL that the routes are below, without a slash at its end.
type Client struct {
	HTTP *http.Client
	Base string
	// MaxAnswer is how many bytes of JSON one answer, or one line of an endless answer, may have; 0: 64 MiB.
	MaxAnswer int64
}

// Dial gives a client of the sensor that listens on a unix socket. It does not connect yet.
func Dial(socket string) *Client {
	t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}
	return &Client{HTTP: &http.Client{Transport: t}, Base: "http://sensor"}
}

// Info asks who the sensor is.
func (c *Client) Info(ctx context.Context) (i protocol.SensorInfo, err error) {
	return i, c.get(ctx, "/v1/info", &i)
}

// Health asks how the sensor does.
func (c *Client) Health(ctx context.Context) (h protocol.Health, err error) {
	return h, c.get(ctx, "/v1/health", &h)
}

// Snapshot lists the running calls.
func (c *Client) Snapshot(ctx context.Context) (*protocol.LiveUpdate, error) {
	u := &protocol.LiveUpdate{}
	return u, c.get(ctx, "/v1/live?once=1", u)
}

// Watch calls emit with the running calls and then with what changes, until ctx ends, emit fails or the sensor goes.
func (c *Client) Watch(ctx context.Context, emit func(*protocol.LiveUpdate) error) error {
	return watch(ctx, c, "/v1/live", "live calls", emit)
}

// watch reads lines of JSON until emit or the sensor ends it.
func watch[T any](ctx context.Context, c *Client, path, what string, emit func(*T) error) error {
	res, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	for d := c.decoder(res.Body); ; {
		u := new(T)
		if err := d.decode(u); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if err := emit(u); err != nil {
			return err
		}
	}
}

// Calls lists ended calls, newest first.
func (c *Client) Calls(ctx context.Context, limit int, before protocol.UUID) (list []protocol.CDR, err error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if !before.IsZero() {
		q.Set("before", before.String())
	}
	return list, c.get(ctx, "/v1/calls?"+q.Encode(), &list)
}

// Call fetches one call by UUID or Call-ID.
func (c *Client) Call(ctx context.Context, id string) (*protocol.CDR, error) {
	d := &protocol.CDR{}
	return d, c.get(ctx, "/v1/calls/"+url.PathEscape(id), d)
}

// Registrations tells who is registered, and who fails to.
func (c *Client) Registrations(ctx context.Context) (list []protocol.Registration, err error) {
	return list, c.get(ctx, "/v1/registrations", &list)
}

// Transactions lists the requests outside of calls that ended last, newest first.
func (c *Client) Transactions(ctx context.Context, limit int) (list []protocol.Transaction, err error) {
	return list, c.get(ctx, "/v1/transactions?limit="+strconv.Itoa(limit), &list)
}

// Rules fetches the local rules.
func (c *Client) Rules(ctx context.Context) (r Rules, err error) {
	return r, c.get(ctx, "/v1/rules", &r)
}

// SetRules replaces the local rules.
func (c *Client) SetRules(ctx context.Context, in Rules) (out Rules, err error) {
	b, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	res, err := c.do(ctx, http.MethodPut, "/v1/rules", bytes.NewReader(b))
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	return out, c.decoder(res.Body).decode(&out)
}

func (c *Client) get(ctx context.Context, path string, v any) error {
	res, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if err := c.decoder(res.Body).decode(v); err != nil {
		return fmt.Errorf("read answer of %s: %w", path, err)
	}
	return nil
}

// do sends a request and answers with a response of status 2xx, or with the problem.
func (c *Client) do(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.Base+path, body)
	if err != nil {
		return nil, err
	}
	return c.send(req)
}

func (c *Client) send(req *http.Request) (*http.Response, error) {
	res, err := c.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode/100 != 2 {
		defer res.Body.Close()
		return nil, ReadProblem(res)
	}
	return res, nil
}
