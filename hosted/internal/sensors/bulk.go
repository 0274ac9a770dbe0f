package sensors

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"voiptop/hosted/internal/relay"
	"voiptop/protocol/link"
)

// bulk carries requests on the bulk connection, which the sensor is asked to dial when there is none.
func (x *session) bulk() http.RoundTripper { return roundTrip(x.bulkRoundTrip) }

// errSilent ends a request that the sensor does not begin to answer.
var errSilent = errors.New("the sensor does not begin to answer")

func (x *session) bulkRoundTrip(r *http.Request) (*http.Response, error) {
	cc, err := x.acquireBulk(r.Context())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	late := time.AfterFunc(x.answerWithin, func() { cancel(errSilent) })
	res, err := cc.RoundTrip(r.WithContext(ctx))
	if inTime := late.Stop(); err == nil && !inTime { // the answer and the deadline came together
		res.Body.Close()
		err = errSilent
	}
	if err != nil {
		x.releaseBulk(cc)
		cancel(err)
		if errors.Is(context.Cause(ctx), errSilent) {
			err = relay.Offline(fmt.Sprintf("it is connected, and has not begun to answer within %s", x.answerWithin))
		}
		return nil, err
	}
	res.Body = &releasing{ReadCloser: res.Body, release: func() { cancel(nil); x.releaseBulk(cc) }}
	return res, nil
}

// releasing tells when the reader is done with a body.
type releasing struct {
	io.ReadCloser
	once    sync.Once
	release func()
}

func (b *releasing) Close() error {
	err := b.ReadCloser.Close()
	b.once.Do(b.release)
	return err
}

// acquireBulk gives the bulk connection, after it has come.
func (x *session) acquireBulk(ctx context.Context) (*http.ClientConn, error) {
	ctx, cancel := context.WithTimeout(ctx, link.DialTimeout)
	defer cancel()
	for {
		x.mu.Lock()
		if x.ended {
			x.mu.Unlock()
			return nil, relay.Offline("its connection ended")
		}
		if cc := x.big; cc != nil && cc.Err() == nil {
			x.bigUsers++
			x.mu.Unlock()
			return cc, nil
		}
		ask := x.bigWait == nil
		if ask {
			x.bigWait = make(chan struct{})
		}
		came := x.bigWait
		x.mu.Unlock()
		if ask {
			if err := x.openBulk(ctx); err != nil {
				x.mu.Lock()
				if x.bigWait == came {
					close(came)
					x.bigWait = nil
				}
				x.mu.Unlock()
				return nil, err
			}
		}
		select {
		case <-came:
		case <-ctx.Done():
			x.mu.Lock()
			if x.bigWait == came { // it did not come: the next one asks again
				close(came)
				x.bigWait = nil
			}
			x.mu.Unlock()
			return nil, relay.Offline("it did not open a connection for captures in time")
		}
	}
}

func (x *session) openBulk(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, link.BaseURL+link.PathOpenBulk, nil)
	if err != nil {
		return err
	}
	res, err := x.smallRoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusAccepted {
		return relay.Offline("it refuses a connection for captures: " + res.Status)
	}
	return nil
}

// releaseBulk ends one request's use of the connection.
func (x *session) releaseBulk(cc *http.ClientConn) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.big != cc {
		return
	}
	if x.bigUsers--; x.bigUsers == 0 {
		x.closeWhenIdle(cc)
	}
}

// closeWhenIdle closes the bulk connection when nobody has used it for a while. Called with x.mu held.
func (x *session) closeWhenIdle(cc *http.ClientConn) {
	if x.idle != nil {
		x.idle.Stop()
	}
	x.idle = time.AfterFunc(x.bulkIdle, func() {
		x.mu.Lock()
		idle := x.big == cc && x.bigUsers == 0
		if idle {
			x.big = nil // whoever comes now asks for a new one
		}
		x.mu.Unlock()
		if idle {
			cc.Close()
		}
	})
}
