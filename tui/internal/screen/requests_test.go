package screen

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
)

// requests are some that were answered, refused, and not answered at all, newest first.
func requests() (out []protocol.Transaction) {
	for i, x := range []struct {
		method, from, to, event string
		status                  int
		reason                  string
	}{
		{"OPTIONS", "", "", "", 0, ""},
		{"REGISTER", "1001", "1001", "", 200, "OK"},
		{"REGISTER", "1004", "1004", "", 403, "Forbidden"},
		{"SUBSCRIBE", "2001", "2002", "dialog", 489, "Bad Event"},
		{"MESSAGE", "Žluťoučký", "2002", "", 202, "Accepted"},
	} {
		first := protocol.TimeOf(epoch.Add(-time.Duration(i) * time.Minute))
		r := protocol.Transaction{
			Method: x.method, CallID: fmt.Sprint("r", i), From: x.from, FromDomain: "pbx.example", To: x.to, ToDomain: "pbx.example", Event: x.event, Src: "10.0.0.11:5060", Dst: "[2001:db8::5]:5060",
			Transport: "udp", UserAgent: "Yealink SIP-T46U", First: first, Last: first + 1, Attempts: 1, Status: x.status, Reason: x.reason, End: protocol.TransactionAnswered, Count: 1,
		}
		if x.status > 0 {
			r.ResponseMS = ptr(float64(i) * 12.5)
		} else {
			r.End, r.Attempts = protocol.TransactionTimeout, 11
		}
		out = append(out, r)
	}
	out[2].Count, out[2].Challenges, out[2].Expires, out[2].Contacts = 17, 1, ptr(int64(600)), []string{"sip:1004@10.0.0.11"}
	return out
}

func TestRequestsOutsideOfCallsLookAsTheyShould(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 10}} {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			src := pbx()
			src.outside = requests()
			s := newScreen(t, src, size[0], size[1], asciiLook)
			s.feed(src)
			s.keys("3", "tab", "down", "down")
			golden(t, fmt.Sprintf("requests_%dx%d", size[0], size[1]), s.text())
		})
	}
}

func TestRegistrationsAndRequestsHaveFiltersOfTheirOwn(t *testing.T) {
	src := pbx()
	src.outside = requests()
	s := newScreen(t, src, 100, 30, asciiLook)
	s.feed(src)
	s.keys("3", "/", "1004", "enter")
	s.want(`1 of \d+ shown`)
	s.keys("tab")
	s.want(`5 requests`)
	s.keys("/", "failed", "enter")
	s.want(`2 of 5 shown`)
	s.keys("1", "3")
	s.want(`/ failed +2 of 5 shown`)
	s.keys("y")
	if got := s.term.String(); !strings.Contains(got, base64.StdEncoding.EncodeToString([]byte("r2"))) {
		t.Errorf("the terminal got %q", got)
	}
	s.keys("/", " no-such", "enter")
	s.want(`None of 5 requests matches`)
	s.keys("esc", "tab")
	s.want(`/ 1004 `)
}

func TestRequestsThatCannotBeReadSayWhy(t *testing.T) {
	src := pbx()
	src.regsErr = &protocol.Problem{Code: protocol.CodeSensorOffline, Status: http.StatusServiceUnavailable, Title: "the sensor does not answer"}
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.keys("3", "tab")
	s.want(`(?s)the sensor does not answer.*r tries again`)
	src.regsErr = nil
	s.keys("r")
	s.want(`No requests outside of calls`)
}
