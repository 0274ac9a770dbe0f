package sensorapi

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"voiptop/protocol"
)

func TestAProblemThatWillPassSaysWhenToAskAgain(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status int
		retry  string
		code   string
	}{
		{&protocol.Problem{Code: protocol.CodeBusy, Status: 503, Fields: map[string]string{protocol.FieldRetryAfter: "7"}}, 503, "7", protocol.CodeBusy},
		{&protocol.Problem{Code: protocol.CodeNotFound, Status: 404}, 404, "", protocol.CodeNotFound},
		{errors.New("disk full"), 500, "", protocol.CodeInternal},
	} {
		w := httptest.NewRecorder()
		WriteProblem(w, tt.err)
		if got := w.Header().Get("Retry-After"); w.Code != tt.status || got != tt.retry {
			t.Errorf("%v: status %d, Retry-After %q, want %d, %q", tt.err, w.Code, got, tt.status, tt.retry)
		}
		var p *protocol.Problem
		if err := ReadProblem(&http.Response{StatusCode: w.Code, Body: w.Result().Body}); !errors.As(err, &p) || p.Code != tt.code {
			t.Errorf("%v is read as %v", tt.err, err)
		}
	}
}
