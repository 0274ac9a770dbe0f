package httpapi

import (
	"errors"
	"io"
	"net/http"
	"time"

	"voiptop/protocol"
)

// A client that is slow, on purpose or not, keeps a connection and what is to be sent on it. So that this ends, each piece of an
// answer must be taken within Config.Patience, and a body must be there as soon. Handlers that set deadlines of their own, for
// streams, keep them. Deadlines are the connection's own time; a test's recorder has none.

// piece is how much of an answer is written under one deadline.
const piece = 64 << 10

// steady is a ResponseWriter that does not wait for ever.
type steady struct {
	http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
	own      bool // the handler sets deadlines
}

// SetWriteDeadline is what http.ResponseController calls for the handler.
func (s *steady) SetWriteDeadline(t time.Time) error {
	s.own = true
	return s.control.SetWriteDeadline(t)
}

// Write implements http.ResponseWriter.
func (s *steady) Write(b []byte) (n int, err error) {
	for first := true; first || len(b) > 0 && err == nil; first = false {
		var m int
		s.hurry(func() { m, err = s.ResponseWriter.Write(b[:min(len(b), piece)]) })
		n += m
		b = b[m:]
	}
	return n, err
}

// FlushError is what http.ResponseController calls.
func (s *steady) FlushError() (err error) {
	s.hurry(func() { err = s.control.Flush() })
	return err
}

// hurry does a write. The deadline is taken away after it: in HTTP/2 one that passes between two writes ends the stream as well.
func (s *steady) hurry(write func()) {
	if s.own {
		write()
		return
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(s.patience))
	write()
	_ = s.control.SetWriteDeadline(time.Time{})
}

// Unwrap lets http.ResponseController reach the connection.
func (s *steady) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// timedBody is a body with a deadline, which ends when all of it is there: a request may take longer than its body. What is not
// there in time net/http does not wait for either, and the connection ends.
type timedBody struct {
	io.ReadCloser
	control *http.ResponseController
}

// Read implements io.Reader.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// hasten serves a request to a client that may be slow.
func (a *api) hasten(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		if r.ContentLength != 0 {
			_ = control.SetReadDeadline(time.Now().Add(a.Patience))
			r.Body = &timedBody{r.Body, control}
			if r.Method == http.MethodGet || r.Method == http.MethodHead { // nobody will read it, and the answer may take long
				if _, err := io.CopyN(io.Discard, r.Body, maxBody); !errors.Is(err, io.EOF) {
					w.Header().Set("Connection", "close")
					a.answer(w, r, &protocol.Problem{Code: protocol.CodeBadRequest, Status: http.StatusBadRequest, Title: r.Method + " has a body, and not a small one", Remedy: "send none"})
					return
				}
			}
		}
		s := &steady{ResponseWriter: w, control: control, patience: a.Patience}
		defer func() { _ = control.SetWriteDeadline(time.Now().Add(a.Patience)) }() // net/http sends what is left after this
		next.ServeHTTP(s, r)
	})
}
