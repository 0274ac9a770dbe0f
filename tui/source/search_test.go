package source_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/tui/source"
)

func TestHostedSearchesByACondition(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch {
		case r.URL.Path != "/api/v1/calls" || q.Get("limit") != "7":
			t.Errorf("asked for %s", r.URL)
		case q.Get("where") == "mos<":
			sensorapi.WriteProblem(w, &protocol.Problem{Code: "bad-condition", Status: http.StatusUnprocessableEntity, Title: "the condition cannot be read"})
		case q.Get("where") != "caller:+420* and mos<3" || q.Get("after") != "x":
			t.Errorf("asked for %s", r.URL)
		default:
			_, _ = w.Write([]byte(`{"calls":[{"call_id":"a"}],"next":"y","searched":"2026-11-22T10:00:00.000000Z"}`))
		}
	}))
	defer srv.Close()
	h, err := source.NewHosted(srv.URL, "token")
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.Search(t.Context(), "caller:+420* and mos<3", 7, "x")
	if err != nil || len(p.Calls) != 1 || p.Next != "y" || p.Searched.String() != "2026-11-22T10:00:00.000000Z" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := h.Search(t.Context(), "mos<", 7, ""); code(err) != "bad-condition" {
		t.Errorf("a wrong condition: %v", err)
	}
}
