package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
)

func TestDigitsAreNotHeardByWhoMayNotSeeNumbers(t *testing.T) {
	w := newWorld(t)
	kept := w.call(1, rtp)
	w.stored(w.acme, w.s1.uuid, kept)
	id := kept.ID.String()
	w.s1.voices[id] = []byte("voice")
	for name, rights := range map[string]store.Rights{"ear": store.RightListen, "whole": store.RightListen | store.RightNumbers} {
		_, err := w.store.CreateUser(t.Context(), store.User{Tenant: w.acme, Name: name, Password: passwordHash, Role: store.RoleUser, Rights: rights, Created: w.now()})
		w.ok(err)
		for _, path := range []string{
			"/calls/" + id + "/audio", "/calls/" + id + "/audio/peaks?dtmf=", "/calls/" + id + "/audio/spectrogram?dtmf=loud&dtmf=",
			"/sensors/" + w.s1.uuid.String() + "/api/calls/" + id + "/audio",
		} {
			before := len(w.audited(w.acme, auth.ActionAudioOpen))
			if a := w.as(name).get(path); a.status != http.StatusOK && name == "ear" {
				t.Errorf("%s, %s: %d %s", name, path, a.status, a.body)
			}
			log := w.audited(w.acme, auth.ActionAudioOpen)
			if len(log) == before {
				t.Fatalf("%s, %s: not audited", name, path)
			}
			last := w.s1.asked[len(w.s1.asked)-1]
			if muted := strings.Contains(last, "dtmf=mute") && strings.Count(last, "dtmf") == 1; muted != (name == "ear") {
				t.Errorf("%s, %s: the sensor was asked %q", name, path, last)
			}
			if muted := strings.Contains(log[0].Detail, "dtmf=mute"); muted != (name == "ear") {
				t.Errorf("%s, %s: audited as %q", name, path, log[0].Detail)
			}
		}
	}
}
