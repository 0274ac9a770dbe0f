package sensorapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"voiptop/protocol"
)

func (h handler) capture(w http.ResponseWriter, r *http.Request) {
	open := h.s.Capture
	switch v := r.URL.Query().Get("group"); v {
	case "", "0":
	case "1":
		g, ok := h.s.(GroupCapturer)
		if !ok {
			WriteProblem(w, &protocol.Problem{Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: "this sensor does not merge captures"})
			return
		}
		open = g.CaptureGroup
	default:
		badRequest(w, fmt.Sprintf("group %q: want 1", v))
		return
	}
	f, err := open(r.Context(), r.PathValue("id"))
	if err != nil {
		WriteProblem(w, err)
		return
	}
	defer f.Close()
	head := w.Header()
	head.Set("Content-Type", "application/vnd.tcpdump.pcap")
	head.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", f.Name))
	if f.Tag != "" {
		head.Set("ETag", `"`+f.Tag+`"`)
	}
	if f.Size >= 0 {
		http.ServeContent(w, r, f.Name, f.ModTime, f)
		return
	}
	head.Set("Accept-Ranges", "none")
	if _, err := io.Copy(w, f); err != nil {
		panic(http.ErrAbortHandler) // the client must not take what it has for the whole
	}
}

// CaptureRequest says what of a capture is wanted.
type CaptureRequest struct {
	Group bool  // of all calls of the call's group
	From  int64 // the first byte that is wanted
	// IfTag is the Download.Tag of the bytes before From. If the capture is another one now, all of it is sent.
	IfTag string
}

// Apply makes req, a GET of a capture, ask for what is wanted.
func (q CaptureRequest) Apply(req *http.Request) {
	if q.Group {
		v := req.URL.Query()
		v.Set("group", "1")
		req.URL.RawQuery = v.Encode()
	}
	if q.From > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", q.From))
		if q.IfTag != "" {
			req.Header.Set("If-Range", `"`+q.IfTag+`"`)
		}
	}
}

// Download is a capture on its way. Its reader ends with an error when the other side breaks off.
type Download struct {
	Name string // file name that the sensor offers, "" if it offers none
	From int64  // where in the capture the first byte that is read stands: what was asked for, or 0
	Size int64  // of the whole capture; -1: not known
	Tag  string // stands for these very bytes; ""
	io.ReadCloser
}

// ReadDownload reads the answer to a request of a capture, which has status 2xx.
func ReadDownload(res *http.Response) (*Download, error) {
	d := &Download{Size: res.ContentLength, Tag: strings.Trim(res.Header.Get("ETag"), `"`), ReadCloser: res.Body}
	if _, p, err := mime.ParseMediaType(res.Header.Get("Content-Disposition")); err == nil {
		d.Name = p["filename"]
	}
	if res.StatusCode != http.StatusPartialContent {
		return d, nil
	}
	rest, ok := strings.CutPrefix(res.Header.Get("Content-Range"), "bytes ")
	span, size, ok2 := strings.Cut(rest, "/")
	from, _, ok3 := strings.Cut(span, "-")
	var err, err2 error
	d.From, err = strconv.ParseInt(from, 10, 64)
	d.Size, err2 = strconv.ParseInt(size, 10, 64)
	if err = errors.Join(err, err2); !ok || !ok2 || !ok3 || err != nil || d.From < 0 || d.From > d.Size {
		return nil, fmt.Errorf("a part of a capture came with Content-Range %q", res.Header.Get("Content-Range"))
	}
	return d, nil
}

// Capture opens the kept packets of a call. The caller closes the reader.
func (c *Client) Capture(ctx context.Context, id string) (io.ReadCloser, error) {
	d, err := c.Download(ctx, id, CaptureRequest{})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Download opens the kept packets of a call or its group, or the rest of them. The caller closes it.
func (c *Client) Download(ctx context.Context, id string, q CaptureRequest) (*Download, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Base+"/v1/calls/"+url.PathEscape(id)+"/capture", nil)
	if err != nil {
		return nil, err
	}
	q.Apply(req)
	res, err := c.send(req)
	if err != nil {
		return nil, err
	}
	d, err := ReadDownload(res)
	if err != nil {
		res.Body.Close()
	}
	return d, err
}
