package httpapi

import (
	"net/http"

	"voiptop/hosted/internal/auth"
)

// withoutDigits makes a request for a call's voice, its waveform or spectrogram one for these without the digits that are dialled in
// it, if who asks may not see numbers: digits are numbers, cards and PINs.
func withoutDigits(r *http.Request, id auth.Identity) *http.Request {
	if id.May(auth.RightNumbers) {
		return r
	}
	muted := r.Clone(r.Context())
	q := muted.URL.Query()
	q.Set("dtmf", "mute")
	muted.URL.RawQuery = q.Encode()
	return muted
}
