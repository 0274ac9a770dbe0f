package sensors

import (
	"context"
	"net/http"
	"sync"
	"time"

	"voiptop/protocol/link"
)

const (
	leaveLook  = 50 * time.Millisecond // between looks whether a sensor is still needed here
	leaveAsk   = 2 * time.Second       // for a sensor's answer
	leaveSlots = 256                   // sensors that are told at a time
)

// Leave sends the sensors to other nodes: it takes no new ones, and tells each that is linked here to go as soon as no
// capture and no recording is on its way from it. It returns when all have gone or ctx ends; what is left then ends with
// Serve.
func (s *Service) Leave(ctx context.Context) {
	s.leave.Do(func() { close(s.leaving) })
	slots := make(chan struct{}, leaveSlots)
	var wg sync.WaitGroup
	for _, x := range s.live() {
		wg.Go(func() {
			for !x.unused() {
				select {
				case <-ctx.Done():
					return
				case <-x.up.Done():
					return
				case <-time.After(leaveLook):
				}
			}
			slots <- struct{}{}
			defer func() { <-slots }()
			x.sendAway(ctx)
		})
	}
	wg.Wait()
}

// isLeaving tells whether Leave was called.
func (s *Service) isLeaving() bool {
	select {
	case <-s.leaving:
		return true
	default:
		return false
	}
}

// unused tells whether nothing is on its way on the bulk connection.
func (x *session) unused() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.bigUsers == 0 && x.bigWait == nil
}

// sendAway asks the sensor to go to another node. One that is too old to know the request, or does not answer, loses its
// connection: it comes back, and finds another node where nobody listens here.
func (x *session) sendAway(ctx context.Context) {
	defer x.up.Close()
	ctx, cancel := context.WithTimeout(ctx, leaveAsk)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, link.BaseURL+link.PathMove, nil)
	if err != nil {
		return
	}
	res, err := x.smallRoundTrip(req)
	if err != nil {
		return
	}
	res.Body.Close()
	if res.StatusCode/100 == 2 {
		select {
		case <-x.up.Done(): // it goes by itself
		case <-ctx.Done():
		}
	}
}
