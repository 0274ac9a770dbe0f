package direct

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"voiptop/protocol/sensorapi"
)

// head is the first message of the sensor.
type head struct {
	Name string `json:"name,omitempty"`
	Type string `json:"type"`
	Tag  string `json:"tag,omitempty"`
	From int64  `json:"from"`
	Size int64  `json:"size"` // of the whole file; -1: not known
}

// tail is its last one, behind the bytes.
type tail struct {
	Bytes  int64  `json:"bytes"`            // that were sent in this transfer
	SHA256 string `json:"sha256,omitempty"` // of them
	Error  string `json:"error,omitempty"`  // the file could not be read to its end
}

// What the browser says: "got N" (bytes of this transfer that it has put away), and after the tail, as its last word, one of these.
const (
	wordGot = "got "
	wordOK  = "ok"
	wordBad = "bad"
)

// transfer sends one file.
type transfer struct {
	*peer
	file   *File
	from   int64
	emit   func(sensorapi.DirectEvent) error
	limits Limits

	sums struct {
		sync.Mutex
		sums
	}
}

// sums is how far a transfer is, in bytes of it.
type sums struct{ sent, got int64 }

func (t *transfer) state() sums {
	t.sums.Lock()
	defer t.sums.Unlock()
	return t.sums.sums
}

func (t *transfer) event(state string) sensorapi.DirectEvent {
	s := t.state()
	return sensorapi.DirectEvent{State: state, Sent: s.sent, Got: s.got}
}

// run works until the transfer has ended; code says why it failed, "" that it did not.
func (t *transfer) run(ctx context.Context) (code string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	connect := time.NewTimer(t.limits.Connect)
	defer connect.Stop()
	select {
	case <-t.open:
	case <-connect.C:
		return sensorapi.DirectNotConnected, fmt.Errorf("no channel within %s", t.limits.Connect)
	case <-t.gone:
		return t.why(sensorapi.DirectNotConnected)
	case <-ctx.Done():
		return sensorapi.DirectCancelled, ctx.Err()
	}
	type result struct {
		code string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		code, err := t.send(ctx)
		done <- result{code, err}
	}()
	beat := time.NewTicker(t.limits.Beat)
	defer beat.Stop()
	err = t.emit(t.event(sensorapi.DirectConnected))
	for err == nil {
		select {
		case r := <-done:
			return r.code, r.err
		case <-beat.C:
			err = t.emit(t.event(sensorapi.DirectRunning))
		}
	}
	cancel() // nobody listens any more
	<-done
	return sensorapi.DirectCancelled, err
}

// send sends head, bytes and tail, and waits for the browser's last word.
func (t *transfer) send(ctx context.Context) (code string, err error) {
	if err := t.say(head{Name: t.file.Name, Type: t.file.Type, Tag: t.file.Tag, From: t.from, Size: t.file.Size}); err != nil {
		return t.why(sensorapi.DirectBroken)
	}
	watch := newWatchdog(t.limits.Idle)
	defer watch.stop()
	sum, buf := sha256.New(), make([]byte, message)
	for end := false; !end; {
		n, err := io.ReadFull(t.file, buf)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			end = true
		case err != nil:
			_ = t.say(tail{Error: "the sensor cannot read the file"}) // what is wrong with its disk is not the browser's to know
			return sensorapi.DirectUnreadable, err
		}
		if n == 0 {
			break
		}
		if code, err := t.wait(ctx, watch, func(s sums) bool { return s.sent-s.got+int64(n) <= window && t.channel.BufferedAmount() < high }); err != nil {
			return code, err
		}
		_, _ = sum.Write(buf[:n]) // a hash takes everything
		if err := t.channel.Send(buf[:n]); err != nil {
			return t.why(sensorapi.DirectBroken)
		}
		t.sums.Lock()
		t.sums.sent += int64(n)
		t.sums.Unlock()
	}
	return t.finish(ctx, watch, sum)
}

func (t *transfer) finish(ctx context.Context, watch *watchdog, sum hash.Hash) (code string, err error) {
	sent := t.state().sent
	if err := t.say(tail{Bytes: sent, SHA256: hex.EncodeToString(sum.Sum(nil))}); err != nil {
		return t.why(sensorapi.DirectBroken)
	}
	for {
		if code, err := t.wait(ctx, watch, func(s sums) bool { return s.got == sent }); err != nil {
			return code, err
		}
		select {
		case m := <-t.said:
			switch m {
			case wordOK:
				return "", nil
			case wordBad:
				return sensorapi.DirectDamaged, errors.New("the browser has other bytes than were sent")
			}
			t.misbehaved("its last word is %q", m)
		case <-t.gone:
			return t.why(sensorapi.DirectBroken)
		case <-watch.t.C:
			return sensorapi.DirectStalled, errors.New("the browser says no last word")
		case <-ctx.Done():
			return sensorapi.DirectCancelled, ctx.Err()
		}
	}
}

// say sends a message of words.
func (t *transfer) say(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return t.channel.SendText(string(b))
}

// wait waits until ready, and takes what the browser says meanwhile.
func (t *transfer) wait(ctx context.Context, watch *watchdog, ready func(sums) bool) (code string, err error) {
	for {
		s := t.state()
		if ready(s) {
			return "", nil
		}
		select {
		case m := <-t.said:
			t.heed(m)
		case <-t.wake:
		case <-t.gone:
			return t.why(sensorapi.DirectBroken)
		case <-watch.t.C:
			if !watch.progress(s) {
				return sensorapi.DirectStalled, fmt.Errorf("the browser took less than %d bytes in %s", step, t.limits.Idle)
			}
		case <-ctx.Done():
			return sensorapi.DirectCancelled, ctx.Err()
		}
	}
}

// heed takes how much the browser has.
func (t *transfer) heed(m string) {
	digits, ok := strings.CutPrefix(m, wordGot)
	n, err := strconv.ParseInt(digits, 10, 64)
	t.sums.Lock()
	ok = ok && err == nil && n > t.sums.got && n <= t.sums.sent
	if ok {
		t.sums.got = n
	}
	t.sums.Unlock()
	if !ok {
		t.misbehaved("it says %q", m)
	}
}

// watchdog tells a browser that is slow from one that stands still.
type watchdog struct {
	t    *time.Ticker
	seen sums
}

func newWatchdog(idle time.Duration) *watchdog { return &watchdog{t: time.NewTicker(idle)} }

func (w *watchdog) stop() { w.t.Stop() }

// progress reports whether the browser took, since it was asked last, a step or all there was.
func (w *watchdog) progress(s sums) bool {
	ok := s.got-w.seen.got >= min(step, w.seen.sent-w.seen.got)
	w.seen = s
	return ok
}
