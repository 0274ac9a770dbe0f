package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"voiptop/hosted/internal/relay"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// Codes of the problems that only this API has, beside protocol's and auth's.
const (
	codeCrossOrigin    = "cross-origin"
	codeTooLarge       = "too-large"
	codeTooManyLive    = "too-many-streams" // of running calls
	codeTooSlow        = "search-too-slow"
	codeSeveralSensors = "several-sensors" // have what is wanted
)

// asProblem is the problem that an error is or stands for; nil: it is our fault.
func asProblem(err error) *protocol.Problem {
	var p *protocol.Problem
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, store.ErrNotFound):
		return notFound("there is no such thing")
	case errors.Is(err, store.ErrCursor):
		return badRequest("after", "is no cursor of this list", "give what `next` of the page before said")
	case errors.Is(err, store.ErrTooSlow):
		return &protocol.Problem{
			Code: codeTooSlow, Status: http.StatusServiceUnavailable, Title: "the search takes too long",
			Remedy: "narrow it by time, or by a number, an address or a Call-ID",
		}
	case errors.As(err, &tooLarge):
		return &protocol.Problem{Code: codeTooLarge, Status: http.StatusRequestEntityTooLarge, Title: fmt.Sprintf("the request is larger than %d bytes", tooLarge.Limit)}
	}
	return nil
}

// answer writes err as a problem. What is no problem is our fault: it is logged, and the client learns nothing of it.
func (a *api) answer(w http.ResponseWriter, r *http.Request, err error) {
	p := asProblem(err)
	switch {
	case p != nil:
	case r.Context().Err() != nil:
		return // the client is gone
	default:
		a.Log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
		p = &protocol.Problem{
			Code: protocol.CodeInternal, Status: http.StatusInternalServerError, Title: "the server could not answer",
			Remedy: "try again; the server's log has the reason",
		}
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="hosted"`)
	}
	if wantsPage(r) && p.Status != 0 {
		writePage(w, p)
		return
	}
	sensorapi.WriteProblem(w, p)
}

func notFound(title string) *protocol.Problem {
	return &protocol.Problem{Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: title}
}

// notAllowed says which methods there are, in a header, too.
func notAllowed(w http.ResponseWriter, r *http.Request, allow []string) *protocol.Problem {
	w.Header().Set("Allow", strings.Join(allow, ", "))
	return &protocol.Problem{
		Code: protocol.CodeBadRequest, Status: http.StatusMethodNotAllowed, Title: "no " + r.Method + " here, only " + strings.Join(allow, ", "),
	}
}

// wantJSON is a problem if the body of a request is said to be something else.
func wantJSON(r *http.Request) error {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return &protocol.Problem{
			Code: protocol.CodeBadRequest, Status: http.StatusUnsupportedMediaType,
			Title: fmt.Sprintf("the body is %q, want application/json", r.Header.Get("Content-Type")),
		}
	}
	return nil
}

func badRequest(field, title, remedy string) *protocol.Problem {
	return &protocol.Problem{
		Code: protocol.CodeBadRequest, Status: http.StatusBadRequest, Title: field + " " + title, Remedy: remedy,
		Fields: map[string]string{"field": field},
	}
}

func offline(s store.Sensor) *protocol.Problem {
	return &protocol.Problem{
		Code: protocol.CodeSensorOffline, Status: http.StatusServiceUnavailable,
		Title:  fmt.Sprintf("the sensor %s (id_sensor %d) is offline", s.Info.Name, s.SensorID),
		Detail: "last seen " + protocol.TimeOf(s.LastSeen).String(),
		Remedy: "run `voipmon doctor` on the sensor's machine",
		Fields: map[string]string{
			"sensor": s.UUID.String(), "last_seen": protocol.TimeOf(s.LastSeen).String(), protocol.FieldRetryAfter: relay.RetryOffline,
		},
	}
}

func writeJSON(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(b, '\n')) // the client is gone: nobody is left to tell
	return nil
}

// readJSON reads the body of a request. An empty body leaves v as it is.
func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	return readJSONUpTo(maxBody, w, r, v)
}

func readJSONUpTo(limit int64, w http.ResponseWriter, r *http.Request, v any) error {
	if r.ContentLength != 0 {
		if err := wantJSON(r); err != nil {
			return err
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return err
	case err != nil:
		return badRequest("body", "cannot be read: "+err.Error(), "send it whole, and without a pause")
	}
	if !utf8.Valid(body) { // encoding/json would put other characters in its place
		return badRequest("body", "is no UTF-8", "send JSON in UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err = d.Decode(v)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return badRequest("body", "is not what is expected: "+err.Error(), "see "+Prefix+"/openapi.yaml")
	case d.More():
		return badRequest("body", "goes on after its end", "send one JSON object")
	}
	return nil
}
