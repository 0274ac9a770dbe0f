package cluster

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// Bounds of the connections between nodes. As on the link (protocol/link), a stream that nobody reads holds 512 KiB at most, and
// small requests do not share a connection with captures and audio.
const (
	streamBuffer = 512 << 10
	maxStreams   = 256
	frameSize    = 64 << 10
	dialWait     = 3 * time.Second
	answerWait   = 75 * time.Second // longer than the sensor has: the node that asks it answers first
	idleConn     = 90 * time.Second
)

// prefix is where a node has its sensors for other nodes: prefix, the UUID, and the path of the sensor's API or what is asked of
// the node itself.
const prefix = "/node/v1/sensors/"

// peers are the connections to other nodes.
type peers struct{ small, bulk *http.Transport }

func newPeers(t *tls.Config) *peers { return &peers{newTransport(t), newTransport(t)} }

func newTransport(t *tls.Config) *http.Transport {
	return &http.Transport{
		DialContext:     (&net.Dialer{Timeout: dialWait, KeepAlive: 10 * time.Second}).DialContext,
		TLSClientConfig: t.Clone(), TLSHandshakeTimeout: dialWait, ResponseHeaderTimeout: answerWait, IdleConnTimeout: idleConn,
		Protocols: onlyHTTP2(), HTTP2: http2Config(), DisableCompression: true,
	}
}

func onlyHTTP2() *http.Protocols {
	p := &http.Protocols{}
	p.SetHTTP2(true)
	return p
}

func http2Config() *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxConcurrentStreams: maxStreams, MaxReadFrameSize: frameSize,
		MaxReceiveBufferPerStream: streamBuffer, MaxReceiveBufferPerConnection: (maxStreams + 1) * streamBuffer,
		SendPingTimeout: 5 * time.Second, PingTimeout: 5 * time.Second, WriteByteTimeout: 20 * time.Second,
	}
}

func (p *peers) close() {
	p.small.CloseIdleConnections()
	p.bulk.CloseIdleConnections()
}

// relay passes a request for a sensor on to its node.
func (p *peers) relay(r *http.Request, n store.Node, sensor protocol.UUID, bulk bool) (*http.Response, error) {
	path := prefix + sensor.String() + r.URL.EscapedPath()
	u, err := url.Parse("https://" + n.Addr + path)
	if err != nil {
		return nil, fmt.Errorf("node %s: %w", n.Name, err)
	}
	u.RawQuery = r.URL.RawQuery
	r.URL, r.Host = u, ""
	t := p.small
	if bulk {
		t = p.bulk
	}
	res, err := t.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("node %s at %s: %w", n.Name, n.Addr, err)
	}
	return res, nil
}

// ask asks a node about a sensor's link of a generation, and tells whether it says yes.
func (p *peers) ask(ctx context.Context, n store.Node, sensor protocol.UUID, what string, generation uint64) (bool, error) {
	u := "https://" + n.Addr + prefix + sensor.String() + "/" + what + "?generation=" + strconv.FormatUint(generation, 10)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u, nil)
	if err != nil {
		return false, err
	}
	res, err := p.small.RoundTrip(req)
	if err != nil {
		return false, fmt.Errorf("ask node %s at %s: %w", n.Name, n.Addr, err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 4<<10)) // so that the connection is used again
	switch res.StatusCode {
	case http.StatusNoContent:
		return true, nil
	case http.StatusNotFound:
		return false, nil
	}
	return false, fmt.Errorf("ask node %s at %s: it answers %s", n.Name, n.Addr, res.Status)
}
