package call

import "voiptop/sensord/internal/decode"

// maxForks bounds the dialogs of one INVITE that are told apart.
const maxForks = 4

// forks are the dialogs that 2xx responses to one INVITE made, by the callee's tag (RFC 3261 section 13.2.2.4): where several
// were answered the caller keeps one and ends the others, which does not end the call.
type forks struct {
	to   decode.Endpoint // whom the responses were sent to: what a B2BUA says on its other side may have another tag
	tags [maxForks]digest
	gone [maxForks]bool
}

// answered notes the dialog of a response with a callee's tag.
func (f *forks) answered(to *decode.Endpoint, tag digest) {
	if f.tags[0] == 0 {
		f.to.Put(to)
	}
	if !f.to.Equal(to) {
		return
	}
	for i := range f.tags {
		if f.tags[i] == 0 {
			f.tags[i] = tag
		}
		if f.tags[i] == tag {
			return
		}
	}
}

// bye says whether a BYE between two tags leaves no dialog.
func (f *forks) bye(from, to digest) bool {
	known, left := false, false
	for i, t := range f.tags {
		switch {
		case t == 0:
		case t == from || t == to:
			known, f.gone[i] = true, true
		default:
			left = left || !f.gone[i]
		}
	}
	return !known || !left
}
