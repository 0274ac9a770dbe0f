package main

import (
	"net/http"
	"strings"
	"testing"

	"voiptop/protocol/sensorapi"
)

// The digits of a call whose rule has them blanked are not heard either, whatever the listener asks for.
func TestACallWhoseDigitsAreMaskedIsPlayedWithoutThem(t *testing.T) {
	for rule, want := range map[string]bool{"all: keep rtp mask dtmf": true, "all: keep rtp": false} {
		b, _, c := playBack(t, "baresip-dtmf", rule, "")
		res, err := sensorapi.Dial(b.socket).HTTP.Get("http://sensor/v1/calls/" + c.ID.String() + "/audio")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if tag := res.Header.Get("ETag"); res.StatusCode != http.StatusOK || strings.Contains(tag, "dtmf=mute") != want {
			t.Errorf("%s: %s, %s", rule, res.Status, tag)
		}
	}
}
