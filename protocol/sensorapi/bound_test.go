package sensorapi

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"voiptop/protocol"
)

// endless answers with one JSON value that never ends.
func endless(begin string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, err := io.WriteString(w, begin)
		for chunk := strings.Repeat("x", 64<<10); err == nil; {
			_, err = io.WriteString(w, chunk)
		}
	})
}

func TestAnAnswerWithoutEndIsGivenUp(t *testing.T) {
	const most = 1 << 20
	for name, tt := range map[string]struct {
		begin string
		ask   func(context.Context, *Client) error
	}{
		"info":         {`{"name":"`, func(ctx context.Context, c *Client) error { _, err := c.Info(ctx); return err }},
		"health":       {`{"info":{"name":"`, func(ctx context.Context, c *Client) error { _, err := c.Health(ctx); return err }},
		"a call":       {`{"call_id":"`, func(ctx context.Context, c *Client) error { _, err := c.Call(ctx, "x"); return err }},
		"calls":        {`[{"call_id":"`, func(ctx context.Context, c *Client) error { _, err := c.Calls(ctx, 1, protocol.UUID{}); return err }},
		"live":         {`{"calls":[{"call_id":"`, func(ctx context.Context, c *Client) error { _, err := c.Snapshot(ctx); return err }},
		"rules":        {`{"text":"`, func(ctx context.Context, c *Client) error { _, err := c.SetRules(ctx, Rules{}); return err }},
		"hosted rules": {`{"text":"`, func(ctx context.Context, c *Client) error { _, err := c.SetHostedRules(ctx, HostedRules{}); return err }},
		"limits":       {`{"x":"`, func(ctx context.Context, c *Client) error { _, err := c.SetLimits(ctx, Limits{}); return err }},
		"the second line of a view": {`{"t":null}` + "\n" + `{"calls":[{"call_id":"`, func(ctx context.Context, c *Client) error {
			return c.Watch(ctx, func(*protocol.LiveUpdate) error { return nil })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(endless(tt.begin))
			defer srv.Close()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := tt.ask(t.Context(), &Client{HTTP: srv.Client(), Base: srv.URL, MaxAnswer: most})
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), "larger than") {
				t.Errorf("got %v, want that the answer is too large", err)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 64*most {
				t.Errorf("%d MiB were taken for it", n>>20)
			}
		})
	}
}

func TestManyLinesOfAViewMayBeLargerTogether(t *testing.T) {
	line := `{"calls":[{"call_id":"` + strings.Repeat("x", 1000) + `"}]}` + "\n"
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat(line, 100))
	}))
	defer srv.Close()
	n := 0
	err := (&Client{HTTP: srv.Client(), Base: srv.URL, MaxAnswer: 4 << 10}).Watch(t.Context(), func(*protocol.LiveUpdate) error { n++; return nil })
	if n != 100 || err == nil || !strings.Contains(err.Error(), "EOF") {
		t.Errorf("%d lines, %v; want 100 and the end", n, err)
	}
}
