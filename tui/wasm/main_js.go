package main

import (
	"context"
	"encoding/json"
	"syscall/js"

	"voiptop/tui/internal/opened"
)

// main gives the worker its object and waits for questions for ever. The worker's memory goes when the page lets it go.
func main() {
	s := &session{asked: map[int]context.CancelFunc{}}
	js.Global().Set("voiptop", js.ValueOf(map[string]any{
		"open":   js.FuncOf(s.open),
		"ask":    js.FuncOf(s.ask),
		"cancel": js.FuncOf(s.cancel),
	}))
	select {}
}

// session is one opened capture. What JavaScript calls must return at once: the work is done in goroutines, which one thread runs.
type session struct {
	capture *opened.Capture
	stop    context.CancelFunc
	asked   map[int]context.CancelFunc // questions that are not answered yet
}

// open(options, progress, done) opens a capture and reads it to its end.
//
//	options   {"paths": [...], "keylog": "", "dir": "..."} as JSON
//	progress  called with packets and calls
//	done      called with "" and the report as JSON, or with why there is nothing
//
// It answers at once; ask may be called from then on.
func (s *session) open(_ js.Value, args []js.Value) any {
	var o struct {
		Paths  []string `json:"paths"`
		KeyLog string   `json:"keylog"`
		Dir    string   `json:"dir"`
	}
	text, progress, done := args[0].String(), args[1], args[2]
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go func() {
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			done.Invoke("options: "+err.Error(), "")
			return
		}
		c, err := opened.New(opened.Options{Paths: o.Paths, KeyLog: o.KeyLog, Dir: o.Dir, Progress: func(packets, calls uint64) {
			progress.Invoke(packets, calls)
		}})
		if err != nil {
			done.Invoke(err.Error(), "")
			return
		}
		s.capture = c
		sum := c.Read(ctx)
		b, err := json.Marshal(sum.Report())
		if err != nil {
			done.Invoke(err.Error(), "")
			return
		}
		done.Invoke("", string(b))
	}()
	return nil
}

// ask(n, target, done) asks the capture: target is the path and the query of a GET request, n a number to cancel it by. done is called
// with the status, the media type, the name to save the answer under, the answer as bytes or null, and the path of the file that it
// stands in or "", and whether that file is the asker's.
func (s *session) ask(_ js.Value, args []js.Value) any {
	n, target, done := args[0].Int(), args[1].String(), args[2]
	ctx, cancel := context.WithCancel(context.Background())
	s.asked[n] = cancel
	go func() {
		a := &opened.Answer{Status: 409, Type: "application/problem+json", Body: []byte(`{"code":"not-found","status":409,"title":"no capture is open"}`)}
		if s.capture != nil {
			a = s.capture.Answer(ctx, target)
		}
		delete(s.asked, n)
		cancel()
		body := js.Null()
		if a.File == "" {
			body = js.Global().Get("Uint8Array").New(len(a.Body))
			js.CopyBytesToJS(body, a.Body)
		}
		done.Invoke(a.Status, a.Type, a.Name, body, a.File, a.Once)
	}()
	return nil
}

// cancel(n) ends a question; cancel(-1) the reading, of which what came is there.
func (s *session) cancel(_ js.Value, args []js.Value) any {
	n := args[0].Int()
	if n < 0 && s.stop != nil {
		s.stop()
	}
	if f := s.asked[n]; f != nil {
		f()
	}
	return nil
}
