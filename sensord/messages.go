package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/analyze"
	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/spool"
)

const (
	messagesAtOnce  = 2                // captures that are read for their messages
	messagesTimeout = 20 * time.Second // for one page: the telephone system comes first
)

// Messages implements sensorapi.MessageReader. The capture is read from its beginning for each page, up to the page's end.
func (s sensor) Messages(ctx context.Context, id string, o sensorapi.MessageOptions) (*sensorapi.MessagePage, error) {
	ctx, cancel := context.WithTimeout(ctx, messagesTimeout)
	defer cancel()
	select {
	case s.d.reading <- struct{}{}:
		defer func() { <-s.d.reading }()
	case <-ctx.Done():
		return nil, &protocol.Problem{
			Code: protocol.CodeBusy, Status: http.StatusServiceUnavailable, Title: "the sensor is reading other captures",
			Remedy: "try again", Fields: map[string]string{protocol.FieldRetryAfter: "5"},
		}
	}
	in, c, page, err := s.keptPackets(ctx, id)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var keys []byte
	if s.d.conf.TLSKeyLog != "" {
		keys, _ = analyze.ReadKeyLog(s.d.conf.TLSKeyLog) // without it what was kept in clear can be read
	}
	n, bytes := 0, 0
	err = analyze.Messages(ctx, in, keys, func(d *analyze.Datagram, callID, message []byte, transport string) error {
		if string(callID) != c.CallID {
			return nil
		}
		if n++; n <= o.After {
			return nil
		}
		if len(page.Messages) == o.Limit || bytes > 0 && bytes+len(message) > sensorapi.MaxMessageBytes {
			page.Next = n - 1
			return analyze.ErrEnough
		}
		bytes += len(message)
		page.Messages = append(page.Messages, sensorapi.Message{
			N: n, T: protocol.TimeFromNanos(d.Time), Src: d.Src.String(), Dst: d.Dst.String(), Transport: transport, Raw: slices.Clone(message),
		})
		return nil
	})
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, &protocol.Problem{
			Code: protocol.CodeBusy, Status: http.StatusServiceUnavailable, Title: "the capture could not be read in time",
			Remedy: "try again, or download it", Fields: map[string]string{protocol.FieldRetryAfter: "30"},
		}
	case err != nil:
		return nil, err
	case n == 0 && !page.Running:
		return nil, &protocol.Problem{
			Code: protocol.CodeCaptureNotKept, Status: http.StatusNotFound, Title: "no message can be read in the packets that were kept",
			Detail: "they may be encrypted", Remedy: "docs/tls.md says how a sensor is told the keys",
		}
	}
	return page, nil
}

// keptPackets opens what is kept of an ended call, or kept or held so far of one that runs.
func (s sensor) keptPackets(ctx context.Context, id string) (analyze.Source, *protocol.CDR, *sensorapi.MessagePage, error) {
	c, err := s.Call(ctx, id)
	if err != nil {
		return nil, nil, nil, err
	}
	page := &sensorapi.MessagePage{Messages: []sensorapi.Message{}}
	in, err := s.packets(c.ID)
	if errors.Is(err, spool.ErrRunning) || err != nil && c.End == 0 {
		page.Running = true
		in, err = s.packetsSoFar(c.ID)
	}
	return in, c, page, s.captureProblem(ctx, c.ID.String(), err)
}

// packetsSoFar opens the packets of a call that runs.
func (s sensor) packetsSoFar(u protocol.UUID) (analyze.Source, error) {
	f, err := s.d.spool.Peek(u)
	if err != nil {
		return nil, err
	}
	return sourceOf(f)
}

// sourceOf reads the packets of a file, and closes it with them.
func sourceOf(f io.ReadCloser) (analyze.Source, error) {
	file := &guarded{r: f}
	src, err := capture.Open([]string{"-"}, capture.Options{Stdin: file})
	if err != nil {
		f.Close()
		return nil, err
	}
	return &fileSource{src, file}, nil
}
