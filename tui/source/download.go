package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// Downloader is a Source that sends captures as files: of a call or a whole conversation, all of them or the rest.
type Downloader interface {
	Source
	// Download writes what q asks for of a call to w: one pcapng file or, of a group from hosted when several sensors have some,
	// a zip with a pcapng file of each. name is what to call it, by its extension also what it is; n counts what was written. The
	// errors are those of Capture. From q.From on it may be another capture than that of the bytes before: the caller compares
	// some.
	Download(ctx context.Context, id string, q sensorapi.CaptureRequest, w io.Writer) (name string, n int64, err error)
}

// Sized is a writer that wants to know how much will come. Capture and Download tell one before its first byte: how many
// bytes, or -1 when nobody knows. What has come already it counts itself.
type Sized interface {
	io.Writer
	SetSize(total int64)
}

// fruitless is how often in a row a download that broke off may bring nothing before it is given up.
const fruitless = 5

// download copies what ask begins to w. When it breaks off and the server names what it sends by a tag, it is asked for the
// rest, after a pause that grows.
func download(ctx context.Context, q sensorapi.CaptureRequest, w io.Writer, pause time.Duration,
	ask func(sensorapi.CaptureRequest) (*sensorapi.Download, error),
) (name string, n int64, err error) {
	out := &output{Writer: w}
	for failed := 0; ; {
		var d *sensorapi.Download
		if d, err = ask(q); err == nil {
			switch {
			case d.From != q.From: // only of a tag that is another one now
				err = errors.New("the capture has changed since the download began")
			case n == 0:
				if s, ok := w.(Sized); ok {
					s.SetSize(d.Size)
				}
				name, q.IfTag = d.Name, d.Tag
			}
			if err != nil {
				d.Close()
				return name, n, err
			}
			var m int64
			m, err = io.Copy(out, d)
			d.Close()
			n += m
			q.From += m
			if m > 0 {
				failed = 0
			}
		} else if n == 0 || !passing(err) {
			return name, n, err
		}
		if err == nil || out.err != nil || q.IfTag == "" {
			return name, n, err
		}
		if failed++; failed > fruitless {
			return name, n, err
		}
		select {
		case <-ctx.Done():
			return name, n, err
		case <-time.After(pause * time.Duration(failed)):
		}
	}
}

// passing reports whether a server that answers so may have the rest a little later.
func passing(err error) bool {
	var p *protocol.Problem
	return errors.As(err, &p) && (p.Code == protocol.CodeServerUnreachable || p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests)
}

// output tells an error of the writer from one of the network.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(b []byte) (n int, err error) {
	n, o.err = o.Writer.Write(b)
	return n, o.err
}

// Capture streams the packets of a call from its sensor. A download that breaks off goes on where it was.
func (h *Hosted) Capture(ctx context.Context, id string, w io.Writer) (int64, error) {
	_, n, err := h.Download(ctx, id, sensorapi.CaptureRequest{}, w)
	return n, err
}

// Download implements Downloader.
func (h *Hosted) Download(ctx context.Context, id string, q sensorapi.CaptureRequest, w io.Writer) (name string, n int64, err error) {
	if id, err = h.resolve(ctx, id); err != nil {
		return "", 0, err
	}
	name, n, err = download(ctx, q, w, h.pause, func(q sensorapi.CaptureRequest) (*sensorapi.Download, error) {
		req, err := h.request(ctx, http.MethodGet, "/calls/"+url.PathEscape(id)+"/capture", nil)
		if err != nil {
			return nil, err
		}
		q.Apply(req)
		res, err := h.send(req)
		if err != nil {
			return nil, err
		}
		d, err := sensorapi.ReadDownload(res)
		if err != nil {
			res.Body.Close()
		}
		return d, err
	})
	return name, n, captureError(id, n, err)
}

// Capture writes the packets of a call.
func (s *sensor) Capture(ctx context.Context, id string, w io.Writer) (int64, error) {
	_, n, err := s.Download(ctx, id, sensorapi.CaptureRequest{}, w)
	return n, err
}

// Download implements Downloader.
func (s *sensor) Download(ctx context.Context, id string, q sensorapi.CaptureRequest, w io.Writer) (name string, n int64, err error) {
	name, n, err = download(ctx, q, w, time.Second, func(q sensorapi.CaptureRequest) (*sensorapi.Download, error) {
		d, err := s.api.Download(ctx, id, q)
		return d, s.explain(err)
	})
	return name, n, captureError(id, n, err)
}

// captureError says of which call the error is, if its packets had begun to come.
func captureError(id string, n int64, err error) error {
	if err != nil && n > 0 {
		return fmt.Errorf("capture of %s: %w", id, err)
	}
	return err
}
