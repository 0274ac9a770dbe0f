package direct

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"voiptop/protocol/sensorapi"
)

// Protocol is what a browser names its channel's protocol: the version of what is said on it.
const Protocol = "voiptop-file/1"

// peer is the connection to one browser. The library calls its methods from goroutines of its own.
type peer struct {
	pc   *webrtc.PeerConnection
	open chan struct{} // closed when the channel can be used
	gone chan struct{} // closed when it can no more
	wake chan struct{} // of 1: something changed
	said chan string   // what the browser says, in order
	once struct{ open, gone sync.Once }

	mu      sync.Mutex
	channel *webrtc.DataChannel // nil until the browser has opened it
	code    string              // why it is gone
	err     error
}

// inbox is how many messages of a browser wait. It says something for each 256 KiB, so that there are 16 in a window.
const inbox = 64

func (s *Service) newPeer(o sensorapi.DirectOffer, names bool) (*peer, error) {
	conf := webrtc.Configuration{}
	if s.Mode == Anywhere {
		for _, server := range o.STUN {
			conf.ICEServers = append(conf.ICEServers, webrtc.ICEServer{URLs: []string{"stun:" + server}})
		}
	}
	api, err := s.api(names)
	if err != nil {
		return nil, err
	}
	pc, err := api.NewPeerConnection(conf)
	if err != nil {
		return nil, fmt.Errorf("direct transfer: %w", err)
	}
	p := &peer{pc: pc, open: make(chan struct{}), gone: make(chan struct{}), wake: make(chan struct{}, 1), said: make(chan string, inbox)}
	pc.OnDataChannel(p.take)
	pc.OnConnectionStateChange(func(st webrtc.PeerConnectionState) {
		switch st {
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			p.end("", errors.New("the connection is "+st.String()))
		default: // "disconnected" may pass
		}
	})
	return p, nil
}

// take takes the browser's channel. There is one.
func (p *peer) take(c *webrtc.DataChannel) {
	p.mu.Lock()
	second := p.channel != nil
	if !second {
		p.channel = c
	}
	p.mu.Unlock()
	if second || c.Protocol() != Protocol || !c.Ordered() || c.MaxRetransmits() != nil || c.MaxPacketLifeTime() != nil {
		p.misbehaved("it opens a channel %q of protocol %q", clip(c.Label()), clip(c.Protocol()))
		return
	}
	c.SetBufferedAmountLowThreshold(low)
	c.OnBufferedAmountLow(p.stir)
	c.OnMessage(func(m webrtc.DataChannelMessage) {
		if !m.IsString || len(m.Data) > word {
			p.misbehaved("it sends %d bytes", len(m.Data))
			return
		}
		select {
		case p.said <- string(m.Data):
		default:
			p.misbehaved("it says more than it has to")
		}
	})
	c.OnOpen(func() { p.once.open.Do(func() { close(p.open) }) })
	c.OnClose(func() { p.end("", errors.New("the browser has closed the channel")) })
}

// stir has the sender look again.
func (p *peer) stir() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *peer) misbehaved(format string, args ...any) {
	p.end(sensorapi.DirectMisbehaved, fmt.Errorf("the browser does not keep to the protocol: "+format, args...))
}

// end says once why there is nothing more to be done.
func (p *peer) end(code string, err error) {
	p.once.gone.Do(func() {
		p.mu.Lock()
		p.code, p.err = code, err
		p.mu.Unlock()
		close(p.gone)
	})
}

// why is the reason given to end; otherwise is the code of an end that has none.
func (p *peer) why(otherwise string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.code == "" {
		return otherwise, p.err
	}
	return p.code, p.err
}

// answer takes the browser's offer and gives the answer with all of the sensor's candidates: hosted passes on one message each way.
func (p *peer) answer(ctx context.Context, offer string) (string, error) {
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", err
	}
	a, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(a); err != nil {
		return "", err
	}
	t := time.NewTimer(gather)
	defer t.Stop()
	select {
	case <-gathered:
	case <-t.C: // a STUN server that does not answer holds nobody up
	case <-ctx.Done():
		return "", ctx.Err()
	}
	return p.pc.LocalDescription().SDP, nil
}

// close ends the connection and everything that runs for it.
func (p *peer) close() { _ = p.pc.GracefulClose() }
