package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// written is what an operation leaves in the audit log.
type written struct {
	action string
	where  string // the test that holds it, where that needs more than a request; or why nothing is written
	path   string // with which ids; "": the operation's
	body   any
}

// Whatever changes something, or takes packets, sound or records along, is written down. A new operation is added here.
func TestEveryChangeAndEveryDownloadIsWrittenDown(t *testing.T) {
	w, _ := newAlertWorld(t)
	admin := w.as("admin")
	call := w.call(1, func(c *protocol.CDR) { c.Capture.Kept = protocol.KeepRTP })
	w.stored(w.acme, w.s1.uuid, call)
	w.s1.captures[call.ID.String()], w.s1.voices[call.ID.String()] = []byte("packets"), []byte("sound")
	w.incident(w.acme, "1-1")
	made := func(path string, body any) string {
		t.Helper()
		var x struct{ ID any }
		admin.do("POST", path, body).into(t, &x)
		if n, ok := x.ID.(float64); ok {
			return fmt.Sprint(int64(n))
		}
		return fmt.Sprint(x.ID)
	}
	hook := object{"name": "noc", "kind": "slack", "url": "https://hooks.example/x"}
	hour := w.now().Add(time.Hour).Format(time.RFC3339)
	one := func(path string) string { // an id of a list, not that of the session which asks
		t.Helper()
		var list []object
		admin.get(path).into(t, &list)
		for _, x := range list {
			if x["current"] != true {
				return fmt.Sprint(x["id"])
			}
		}
		t.Fatalf("%s: %+v", path, list)
		return ""
	}
	var receiver, spare, alert, silence, search string
	receiver, spare = made("/alerts/receivers", hook), made("/alerts/receivers", object{"name": "spare", "kind": "slack", "url": "https://hooks.example/y"})
	alert, silence, search = made("/alerts", fewAnswered(object{"receivers": []json.Number{json.Number(receiver)}})), made("/silences", object{"to": hour}), made("/searches", object{"name": "x", "where": "status>=500"})
	admin.do("POST", "/tokens", object{"label": "old"})
	w.as("admin") // another session
	victim := w.enrol(w.acme, 91)
	asset := "/calls/" + call.ID.String()
	relayed := "/sensors/" + w.s1.uuid.String() + "/api"
	const nothing, direct, provider = "nothing is changed", "TestADirectTransferIsArrangedAndAudited", "oidc_test.go"
	all := map[string]written{
		"PUT /session/password":                                {action: auth.ActionPassword, body: m{"current": password, "password": "another horse"}},
		"POST /session":                                        {action: auth.ActionLogin, body: m{"name": "viewer", "password": password}},
		"DELETE /session":                                      {action: auth.ActionLogout},
		"POST /session/links":                                  {where: provider},
		"DELETE /session/links":                                {where: provider},
		"POST /oidc/logout":                                    {where: provider},
		"POST /oidc/{provider}/logout":                         {where: provider},
		"DELETE /sessions":                                     {action: auth.ActionSessionEnd},
		"DELETE /sessions/{session}":                           {action: auth.ActionSessionEnd, path: "/sessions/" + one("/sessions")},
		"POST /tokens":                                         {action: auth.ActionToken, body: m{"label": "x"}},
		"DELETE /tokens/{token}":                               {action: auth.ActionTokenRemove, path: "/tokens/" + one("/tokens")},
		"POST /searches":                                       {action: auth.ActionSearchSave, body: m{"name": "y", "where": "mos<3"}},
		"PUT /searches/{search}":                               {action: auth.ActionSearchSave, path: "/searches/" + search, body: m{"name": "z", "where": "mos<3"}},
		"DELETE /searches/{search}":                            {action: auth.ActionSearchDrop, path: "/searches/" + search},
		"GET /calls.csv":                                       {action: auth.ActionExportOpen},
		"GET /calls.ndjson":                                    {action: auth.ActionExportOpen},
		"GET /captures":                                        {action: auth.ActionCaptureOpen},
		"GET /calls/{id}/capture":                              {action: auth.ActionCaptureOpen, path: asset + "/capture"},
		"GET /calls/{id}/messages":                             {action: auth.ActionCaptureOpen, path: asset + "/messages"},
		"GET /calls/{id}/audio":                                {action: auth.ActionAudioOpen, path: asset + "/audio"},
		"GET /calls/{id}/audio/peaks":                          {action: auth.ActionAudioOpen, path: asset + "/audio/peaks"},
		"GET /calls/{id}/audio/spectrogram":                    {action: auth.ActionAudioOpen, path: asset + "/audio/spectrogram"},
		"POST /calls/{id}/capture/direct":                      {where: direct},
		"POST /calls/{id}/audio/direct":                        {where: direct},
		"GET /sensors/{uuid}/api/calls/{id}/capture":           {action: auth.ActionCaptureOpen, path: relayed + asset + "/capture"},
		"GET /sensors/{uuid}/api/calls/{id}/messages":          {action: auth.ActionCaptureOpen, path: relayed + asset + "/messages"},
		"GET /sensors/{uuid}/api/calls/{id}/audio":             {action: auth.ActionAudioOpen, path: relayed + asset + "/audio"},
		"GET /sensors/{uuid}/api/calls/{id}/audio/peaks":       {action: auth.ActionAudioOpen, path: relayed + asset + "/audio/peaks"},
		"GET /sensors/{uuid}/api/calls/{id}/audio/spectrogram": {action: auth.ActionAudioOpen, path: relayed + asset + "/audio/spectrogram"},
		"PUT /sensors/{uuid}/api/rules":                        {action: auth.ActionRules, path: relayed + "/rules", body: m{"revision": 0, "text": "x: keep rtp when caller:1*\n"}},
		"POST /sensors/tokens":                                 {action: auth.ActionEnrolToken, body: m{}},
		"DELETE /sensors/{uuid}":                               {action: auth.ActionRevoke, path: "/sensors/" + victim.String()},
		"PUT /rules":                                           {action: auth.ActionRules, body: m{"revision": 0, "text": "x: keep rtp when caller:1*\n"}},
		"POST /rules/check":                                    {where: nothing},
		"POST /alerts":                                         {action: "alert.change", body: fewAnswered(nil)},
		"POST /alerts/preview":                                 {where: nothing},
		"PUT /alerts/{alert}":                                  {action: "alert.change", path: "/alerts/" + alert, body: fewAnswered(object{"revision": 1, "receivers": []json.Number{json.Number(receiver)}})},
		"POST /alerts/{alert}/test":                            {action: "alert.test", path: "/alerts/" + alert + "/test", body: m{}},
		"DELETE /alerts/{alert}":                               {action: "alert.remove", path: "/alerts/" + alert},
		"POST /alerts/receivers":                               {action: "receiver.change", body: hook},
		"PUT /alerts/receivers/{receiver}":                     {action: "receiver.change", path: "/alerts/receivers/" + receiver, body: hook},
		"POST /alerts/receivers/{receiver}/test":               {action: "alert.test", path: "/alerts/receivers/" + receiver + "/test", body: m{}},
		"DELETE /alerts/receivers/{receiver}":                  {action: "receiver.remove", path: "/alerts/receivers/" + spare},
		"PUT /alerts/history/{incident}/acknowledgement":       {action: "alert.acknowledge", path: "/alerts/history/1-1/acknowledgement", body: m{}},
		"POST /silences":                                       {action: "silence.add", body: m{"to": hour}},
		"DELETE /silences/{silence}":                           {action: "silence.end", path: "/silences/" + silence},
		"POST /users":                                          {action: auth.ActionUserAdd, body: m{"name": "new"}},
		"PUT /users/{name}":                                    {action: auth.ActionRole, path: "/users/viewer", body: m{"rights": []string{"listen"}}},
		"DELETE /users/{name}":                                 {action: auth.ActionUserRemove, path: "/users/viewer"},
	}
	last := func(op string) int { // what ends the session or takes things away comes last
		switch {
		case op == "PUT /session/password":
			return 3
		case op == "DELETE /session":
			return 4
		case op == "DELETE /sessions":
			return 2
		case strings.HasPrefix(op, "DELETE"):
			return 1
		}
		return 0
	}
	const takes = store.RightListen | store.RightDownload | store.RightExport
	for order := range 5 {
		for op, n := range needs() {
			method, path, _ := strings.Cut(op, " ")
			if method == http.MethodGet && n.rights&takes == 0 {
				continue
			}
			x, ok := all[op]
			if !ok && order == 0 {
				t.Errorf("%s: what does it leave in the audit log?", op)
			}
			if last(op) != order || x.action == "" {
				continue
			}
			if x.path != "" {
				path = x.path
			}
			before := len(w.audited(w.acme, x.action))
			who := admin
			if op == "POST /session" {
				who = w.anonymous()
			}
			if a := who.do(method, path, x.body); a.status/100 != 2 {
				t.Errorf("%s %s: %d %s", method, path, a.status, a.body)
			} else if len(w.audited(w.acme, x.action)) == before {
				t.Errorf("%s leaves no %s in the audit log", op, x.action)
			}
		}
	}
	for op := range all {
		if _, ok := needs()[op]; !ok {
			t.Errorf("%s is no operation", op)
		}
	}
}
