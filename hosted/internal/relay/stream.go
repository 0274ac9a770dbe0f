package relay

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Stream is one answer on its way to a browser. It counts what goes out, and cuts a browser off that takes nothing. One
// goroutine uses it.
type Stream struct {
	http.ResponseWriter
	control      *http.ResponseController
	request      *http.Request
	gate         *Gate
	kind         Kind
	tenant, user int64
	sent         prometheus.Counter

	status  int
	bytes   int64
	err     error // of a write
	stalled bool  // that is why
	broken  bool  // it ends too early, and not because of the browser
}

// Status is the status that was answered, 0 while there is no answer.
func (s *Stream) Status() int { return s.status }

// Bytes is how much of the body went out.
func (s *Stream) Bytes() int64 { return s.bytes }

// Err is why nothing more can be sent to the browser; nil while it can.
func (s *Stream) Err() error { return s.err }

// WriteHeader implements http.ResponseWriter.
func (s *Stream) WriteHeader(status int) {
	if s.status == 0 && status >= 200 { // 1xx are not the answer
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

// chunk is how much is written under one deadline, so that a browser that reads slowly is told from one that stands still.
const chunk = 64 << 10

// Write implements http.ResponseWriter.
func (s *Stream) Write(b []byte) (n int, err error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	for len(b) > 0 && s.err == nil {
		m := 0
		s.watched(func() (err error) {
			m, err = s.ResponseWriter.Write(b[:min(len(b), chunk)])
			return err
		})
		n += m
		b = b[m:]
	}
	s.bytes += int64(n)
	if s.status/100 == 2 {
		s.sent.Add(float64(n))
	}
	return n, s.err
}

// FlushError is what http.ResponseController calls to send what is buffered.
func (s *Stream) FlushError() error {
	if s.err == nil {
		s.watched(s.control.Flush)
	}
	return s.err
}

// watched does a write that may not stand still. The deadline is taken away after it: in HTTP/2 a deadline that passes between
// two writes, because the sensor is slow, would end the stream as well. Where there are no deadlines (a test's recorder), none
// is set.
func (s *Stream) watched(write func() error) {
	begin := time.Now() // a deadline is in the system's time, whatever clock we are given
	_ = s.control.SetWriteDeadline(begin.Add(s.gate.Stalled))
	s.err = write()
	_ = s.control.SetWriteDeadline(time.Time{})
	s.stalled = s.err != nil && time.Since(begin) >= s.gate.Stalled // HTTP/2 has no error that says so
}

// Unwrap lets http.ResponseController reach the connection.
func (s *Stream) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// Break says that what was sent is not the whole; needed where no Content-Length tells.
func (s *Stream) Break() { s.broken = true }

// Done sends what is buffered, gives the stream's place back and counts how it ended.
func (s *Stream) Done() {
	if s.status != 0 && s.request.Context().Err() == nil {
		_ = s.FlushError() // net/http would do it after the handler, without a deadline
	}
	s.gate.leave(s, s.result())
}

func (s *Stream) result() string {
	want, err := strconv.ParseInt(s.Header().Get("Content-Length"), 10, 64)
	short := s.broken || err == nil && s.bytes < want && s.request.Method != http.MethodHead
	gone := s.request.Context().Err() != nil
	switch {
	case s.stalled:
		return "stalled"
	case s.err != nil, gone && (short || s.status == 0):
		return "cancelled"
	case s.status/100 != 2 && s.status != http.StatusNotModified:
		return "problem"
	case short:
		return "broken"
	}
	return "complete"
}
