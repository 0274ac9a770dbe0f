package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// Hosted reads a hosted service by its HTTP API.
type Hosted struct {
	base  string // scheme and host, without a slash at its end
	token string
	http  *http.Client
	pause time.Duration // before a download that broke off goes on
}

// NewHosted reads the service at a URL like https://voip.example. token is an API token, or "" when Login follows.
func NewHosted(rawURL, token string) (*Hosted, error) {
	u, err := url.Parse(rawURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("hosted %q: want a URL like https://voip.example", rawURL)
	}
	jar, _ := cookiejar.New(nil) // fails never: it has no options
	return &Hosted{
		base:  u.Scheme + "://" + u.Host + strings.TrimSuffix(u.Path, "/"),
		token: token,
		pause: time.Second,
		http: &http.Client{Jar: jar, Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer().DialContext, TLSHandshakeTimeout: 5 * time.Second,
			ResponseHeaderTimeout: 20 * time.Second, ForceAttemptHTTP2: true,
		}},
	}, nil
}

// Login begins a session with name and password.
func (h *Hosted) Login(ctx context.Context, name, password string) error {
	b, _ := json.Marshal(map[string]string{"name": name, "password": password}) // strings: cannot fail
	res, err := h.do(ctx, http.MethodPost, "/session", b)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// Name is the service's URL.
func (h *Hosted) Name() string { return h.base }

// Info describes the service: its version and host.
func (h *Hosted) Info(ctx context.Context) (protocol.SensorInfo, error) {
	var v struct {
		Version string `json:"version"`
		Commit  string `json:"commit"`
	}
	if err := h.get(ctx, "/version", &v); err != nil {
		return protocol.SensorInfo{}, err
	}
	_, host, _ := strings.Cut(h.base, "://")
	return protocol.SensorInfo{Name: host, Version: v.Version, Commit: v.Commit, Source: "all sensors"}, nil
}

// Watch follows the running calls of all sensors that are online.
func (h *Hosted) Watch(ctx context.Context, emit func(*protocol.LiveUpdate) error) error {
	return follow(ctx, h, "/live", "calls", emit)
}

// follow reads lines of JSON until emit or the service ends it.
func follow[T any](ctx context.Context, h *Hosted, path, what string, emit func(*T) error) error {
	res, err := h.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	for d := json.NewDecoder(res.Body); ; {
		u := new(T)
		switch err := d.Decode(u); {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return &protocol.Problem{Code: protocol.CodeServerUnreachable, Title: h.base + " has closed the live " + what}
		case err != nil:
			return fmt.Errorf("live %s of %s: %w", what, h.base, err)
		}
		if err := emit(u); err != nil {
			return err
		}
	}
}

// Calls lists ended calls, newest first.
func (h *Hosted) Calls(ctx context.Context, limit int, after string) ([]protocol.CDR, string, error) {
	p, err := h.search(ctx, url.Values{"limit": {strconv.Itoa(limit)}, "after": {after}})
	return p.Calls, p.Next, err
}

// Search finds ended calls by a condition, newest first. The service reads it with the groups and the zone of the tenant's rules.
func (h *Hosted) Search(ctx context.Context, where string, limit int, after string) (Page, error) {
	return h.search(ctx, url.Values{"where": {where}, "limit": {strconv.Itoa(limit)}, "after": {after}})
}

func (h *Hosted) search(ctx context.Context, q url.Values) (Page, error) {
	if q.Get("after") == "" {
		q.Del("after")
	}
	var page struct {
		Calls    []protocol.CDR `json:"calls"`
		Next     string         `json:"next"`
		Searched protocol.Time  `json:"searched"`
	}
	err := h.get(ctx, "/calls?"+q.Encode(), &page)
	return Page{page.Calls, page.Next, page.Searched}, err
}

// Call finds a call by its UUID or Call-ID.
func (h *Hosted) Call(ctx context.Context, id string) (*protocol.CDR, error) {
	id, err := h.resolve(ctx, id)
	if err != nil {
		return nil, err
	}
	c := &protocol.CDR{}
	if err := h.get(ctx, "/calls/"+id, c); err != nil {
		return nil, err
	}
	return c, nil
}

// resolve answers the UUID of a call that is named by UUID or Call-ID.
func (h *Hosted) resolve(ctx context.Context, id string) (string, error) {
	if _, err := protocol.ParseUUID(id); err == nil {
		return id, nil
	}
	found, err := h.search(ctx, url.Values{"q": {id}, "limit": {"20"}})
	if err != nil {
		return "", err
	}
	for i := range found.Calls {
		if found.Calls[i].CallID == id {
			return found.Calls[i].ID.String(), nil
		}
	}
	return "", notFound("no call " + strconv.Quote(id))
}

// Sensors lists the tenant's sensors.
func (h *Hosted) Sensors(ctx context.Context) (list []SensorStatus, err error) {
	return list, h.get(ctx, "/sensors", &list)
}

// Registrations asks all sensors that are online.
func (h *Hosted) Registrations(ctx context.Context) ([]protocol.Registration, error) {
	all, err := ofEach[protocol.Registration](ctx, h, "/registrations")
	protocol.SortRegistrations(all)
	return all, err
}

// ofEach asks all sensors that are online for a list, a few at a time.
func ofEach[T any](ctx context.Context, h *Hosted, path string) ([]T, error) {
	sensors, err := h.Sensors(ctx)
	if err != nil {
		return nil, err
	}
	lists, errs := make([][]T, len(sensors)), make([]error, len(sensors))
	var g errgroup.Group
	g.SetLimit(4)
	for i, s := range sensors {
		if !s.Online || s.Revoked {
			continue
		}
		g.Go(func() error {
			if errs[i] = h.get(ctx, "/sensors/"+s.UUID.String()+"/api"+path, &lists[i]); errs[i] != nil {
				errs[i] = fmt.Errorf("sensor %s: %w", s.Name, errs[i])
			}
			return nil
		})
	}
	_ = g.Wait() // the errors are in errs: one sensor's does not hide the others' answers
	return slices.Concat(lists...), errors.Join(errs...)
}

// Rules answers the tenant's rules, or those of a sensor.
func (h *Hosted) Rules(ctx context.Context, sensor protocol.UUID) (r sensorapi.Rules, err error) {
	return r, h.get(ctx, rulesPath(sensor), &r)
}

// SetRules replaces the tenant's rules, or those of a sensor.
func (h *Hosted) SetRules(ctx context.Context, sensor protocol.UUID, in sensorapi.Rules) (out sensorapi.Rules, err error) {
	in.Hosted = nil // not the sensor's to change
	b, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	res, err := h.do(ctx, http.MethodPut, rulesPath(sensor), b)
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	return out, json.NewDecoder(res.Body).Decode(&out)
}

func rulesPath(sensor protocol.UUID) string {
	if sensor.IsZero() {
		return "/rules"
	}
	return "/sensors/" + sensor.String() + "/api/rules"
}

// Close gives the connections back.
func (h *Hosted) Close() error {
	h.http.CloseIdleConnections()
	return nil
}

func (h *Hosted) get(ctx context.Context, path string, v any) error {
	res, err := h.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(v); err != nil {
		return fmt.Errorf("read answer of %s: %w", path, err)
	}
	return nil
}

// do sends a request below /api/v1 and answers with a response of status 2xx, or with the problem.
func (h *Hosted) do(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	req, err := h.request(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	return h.send(req)
}

func (h *Hosted) request(ctx context.Context, method, path string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, h.base+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if h.token != "" {
		req.Header.Set("Authorization", "Bearer "+h.token)
	}
	return req, nil
}

func (h *Hosted) send(req *http.Request) (*http.Response, error) {
	res, err := h.http.Do(req)
	if err != nil {
		if req.Context().Err() != nil {
			return nil, err
		}
		return nil, &protocol.Problem{
			Code: protocol.CodeServerUnreachable, Title: "cannot reach " + h.base,
			Detail: rootCause(err), Remedy: "check the URL and the network",
		}
	}
	if res.StatusCode/100 != 2 {
		defer res.Body.Close()
		return nil, sensorapi.ReadProblem(res)
	}
	return res, nil
}

// rootCause drops the request line that net/http puts before an error: the title names the server already.
func rootCause(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}
