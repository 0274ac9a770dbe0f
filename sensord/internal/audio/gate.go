package audio

import (
	"context"
	"net/http"
	"time"

	"voiptop/protocol"
)

// Gate bounds the work that is done at a time: decoding must not take the machine from the telephone system beside it. A nil
// Gate bounds nothing.
type Gate struct {
	work chan struct{} // those that decode now
	open chan struct{} // WAV files that are open

	pictures chan struct{}
}

// NewGate lets so many decode at a time, and so many WAV files be open.
func NewGate(work, open int) *Gate {
	return &Gate{make(chan struct{}, work), make(chan struct{}, open), make(chan struct{}, 1)}
}

// enter waits for its turn.
func (g *Gate) enter(ctx context.Context) error {
	if g == nil {
		return ctx.Err()
	}
	select {
	case g.work <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *Gate) leave() {
	if g != nil {
		<-g.work
	}
}

// TryOpen counts a WAV file that is opened. It answers false when there are too many.
func (g *Gate) TryOpen() bool {
	select {
	case g.open <- struct{}{}:
		return true
	default:
		return false
	}
}

// Closed takes it off.
func (g *Gate) Closed() { <-g.open }

// ErrBusy is the answer when there is too much to do.
var ErrBusy error = &protocol.Problem{
	Code: protocol.CodeBusy, Status: http.StatusServiceUnavailable, Title: "the sensor is busy with other listeners",
	Remedy: "ask again in some seconds", Fields: map[string]string{protocol.FieldRetryAfter: "3"},
}

// drawWait is how long a picture waits for the one that is drawn.
const drawWait = 5 * time.Second

// draw waits for its turn to draw a waveform or a spectrogram, which goes over the whole call: one at a time. leave ends it.
func (g *Gate) draw(ctx context.Context) (leave func(), err error) {
	if g == nil {
		return func() {}, ctx.Err()
	}
	t := time.NewTimer(drawWait)
	defer t.Stop()
	select {
	case g.pictures <- struct{}{}:
		return func() { <-g.pictures }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-t.C:
		return nil, ErrBusy
	}
}
