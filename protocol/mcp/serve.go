package mcp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// maxBody bounds a message.
const maxBody = 256 << 10

// ServeHTTP answers one request of the streamable HTTP transport, without sessions: a POST holds one message, and its answer
// is JSON. It is for whoever has found out who asks; the caller bounds the time that the body may take.
func ServeHTTP(w http.ResponseWriter, r *http.Request, server *sdk.Server) {
	w = noStore{w}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "only POST: there are no sessions and no streams", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("a message has at most %d bytes", maxBody))
		return
	case err != nil:
		refuse(w, http.StatusBadRequest, "the message cannot be read")
		return
	case bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("[")):
		refuse(w, http.StatusBadRequest, "batches are not taken: send one message a request")
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server }, &sdk.StreamableHTTPOptions{
		Stateless: true, JSONResponse: true, MaxRequestBodyBytes: maxBody, PropagateRequestCancellation: true,
		// A bearer token is what lets in; no browser sends one by itself. A proxy on this host is no rebinding.
		DisableLocalhostProtection: true,
	}).ServeHTTP(w, r)
}

// noStore keeps answers out of caches, whatever the SDK says of them.
type noStore struct{ http.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (n noStore) WriteHeader(status int) {
	n.Header().Set("Cache-Control", "no-store")
	n.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (n noStore) Write(b []byte) (int, error) {
	n.Header().Set("Cache-Control", "no-store") // where no status was written before; later it has no effect
	return n.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (n noStore) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// refuse answers a message that cannot be taken, with JSON-RPC's "invalid request".
func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":%q}}`+"\n", text)
}

// ServeLines answers messages that come line by line, as `voipmon mcp` gets them, until in ends or ctx does.
func ServeLines(ctx context.Context, server *sdk.Server, in io.Reader, out io.Writer) error {
	err := server.Run(ctx, &sdk.IOTransport{Reader: io.NopCloser(in), Writer: nopCloser{out}})
	if errors.Is(err, io.EOF) || ctx.Err() != nil {
		return nil
	}
	return err
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
