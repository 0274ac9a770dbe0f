package source

import (
	"context"
	"io"

	"voiptop/protocol/sensorapi"
)

// Continuer is a Source that sends the rest of a capture.
type Continuer interface {
	Source
	// Continue is Capture, or with group CaptureGroup, of what stands from the byte from on. n counts what was written. The
	// capture may be another one than that of the bytes before: the caller compares some.
	Continue(ctx context.Context, id string, group bool, from int64, w io.Writer) (name string, n int64, err error)
}

// Continue implements Continuer.
func (h *Hosted) Continue(ctx context.Context, id string, group bool, from int64, w io.Writer) (name string, n int64, err error) {
	return h.download(ctx, id, sensorapi.CaptureRequest{Group: group, From: from}, w)
}

// Continue implements Continuer.
func (s *sensor) Continue(ctx context.Context, id string, group bool, from int64, w io.Writer) (name string, n int64, err error) {
	return s.download(ctx, id, sensorapi.CaptureRequest{Group: group, From: from}, w)
}
