// Package direct sends a file of the sensor's - a capture, or what is to be heard of a call - straight to a browser, over a WebRTC
// data channel (RFC 8831): encrypted between the two, by ways that hosted does not see. Hosted passes on only what they need to find each
// other (sensorapi.DirectOffer and its answer). sensord serves it over the link.
//
// It is not for rights: who asks has been allowed the file. It is not for the other way round: a browser sends nothing but how much it
// has. docs/adr/direct-download.md says why things are as they are, docs/protocol.md what is said on the channel.
//
// What a browser can make the sensor do is bounded: transfers at a time, time to connect, time without progress, what is sent and not
// yet taken, addresses that are tried, bytes that it may say.
package direct

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// Mode says with whom the sensor connects.
type Mode int

// The modes.
const (
	LAN      Mode = iota // browsers in private networks, and in the sensor's own; STUN servers are not asked
	Anywhere             // any browser that finds a way
)

// Config is what New needs.
type Config struct {
	Mode     Mode
	PortFrom uint16 // UDP ports of transfers, from this one to PortTo; 0: the system chooses
	PortTo   uint16
	Log      *slog.Logger
	Limits   Limits
}

// Limits bound transfers. Zero fields take the default.
type Limits struct {
	Transfers int           // at a time; 8
	Connect   time.Duration // until the channel is open; 5 s
	Idle      time.Duration // in which the browser must have taken 64 KiB, or all that was sent; 30 s
	Beat      time.Duration // between two events while it runs; 5 s
}

// Bounds of one transfer.
const (
	message = 32 << 10 // bytes of the file in a message
	window  = 4 << 20  // sent, and the browser has not said that it took them
	high    = 1 << 20  // handed to SCTP and not acknowledged there
	low     = high / 2 // from there on more is handed over
	step    = 64 << 10 // see Limits.Idle
	gather  = 1500 * time.Millisecond
	heard   = 64 << 10 // SCTP's buffer of what the browser sends
	word    = 64       // bytes of one message of the browser's
)

// Times of ICE (RFC 8445).
const (
	iceDisconnected = 5 * time.Second
	iceFailed       = 10 * time.Second
	iceKeepAlive    = 2 * time.Second
	stunWait        = time.Second
)

// File is what is sent.
type File struct {
	Name string // "": the browser has another
	Type string // media type
	Tag  string // stands for these very bytes; "": there is none
	Size int64  // bytes; -1: not known before it has been read, then it is sent from its beginning
	io.ReadSeekCloser
}

// Service makes transfers. It is safe for use by many goroutines.
type Service struct {
	Config
	remote remoteFilter

	mu      sync.Mutex
	running int
	counts  protocol.Counters
}

// New makes a service. It opens nothing; each transfer opens its own ports and closes them.
func New(c Config) *Service {
	if c.Limits.Transfers == 0 {
		c.Limits.Transfers = 8
	}
	for _, d := range []struct {
		v *time.Duration
		d time.Duration
	}{{&c.Limits.Connect, 5 * time.Second}, {&c.Limits.Idle, 30 * time.Second}, {&c.Limits.Beat, 5 * time.Second}} {
		if *d.v == 0 {
			*d.v = d.d
		}
	}
	return &Service{Config: c, counts: protocol.Counters{}, remote: remoteFilter{lan: c.Mode == LAN, own: ownNetworks}}
}

// api is the library as one transfer needs it: what the machine's network is like may have changed since the last. Only where the browser
// hides its addresses behind names is mDNS listened to.
func (s *Service) api(names bool) (*webrtc.API, error) {
	se := webrtc.SettingEngine{LoggerFactory: logs{s.Log}}
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	se.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	if names {
		se.SetICEMulticastDNSMode(ice.MulticastDNSModeQueryOnly)
	}
	se.SetICETimeouts(iceDisconnected, iceFailed, iceKeepAlive)
	se.SetSTUNGatherTimeout(stunWait)
	se.SetRemoteIPFilter(s.remote.allows)
	se.SetIncludeLoopbackCandidate(loopbackOnly())
	se.SetSCTPMaxReceiveBufferSize(heard)
	se.SetSCTPMaxMessageSize(word)
	if s.PortFrom != 0 {
		if err := se.SetEphemeralUDPPortRange(s.PortFrom, s.PortTo); err != nil {
			return nil, fmt.Errorf("ports of direct transfers: %w", err)
		}
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(se), webrtc.WithMediaEngine(&webrtc.MediaEngine{}), webrtc.WithInterceptorRegistry(&interceptor.Registry{})), nil
}

// Serve makes one transfer: open gives the file when there is room for it. It calls emit with each event, the last of them included, and returns
// when everything that belonged to the transfer has ended. An error before the first event is a problem to answer with; one after it says
// why the events stopped.
func (s *Service) Serve(ctx context.Context, o sensorapi.DirectOffer, open func() (*File, error), emit func(sensorapi.DirectEvent) error) error {
	if !s.enter() {
		s.count("direct.refused.busy", 1)
		return &protocol.Problem{
			Code: protocol.CodeBusy, Status: http.StatusServiceUnavailable, Title: fmt.Sprintf("%d direct transfers are running already", s.Limits.Transfers),
			Remedy: "wait until one has ended, or download through hosted", Fields: map[string]string{protocol.FieldRetryAfter: "5"},
		}
	}
	defer s.leave()
	sdp, err := cleanOffer(o.SDP, s.remote.allowsAddr)
	if err != nil {
		s.count("direct.refused.offer", 1)
		return &protocol.Problem{Code: protocol.CodeBadRequest, Status: http.StatusBadRequest, Title: "offer of a direct transfer: " + err.Error()}
	}
	f, err := open()
	if err != nil {
		return err
	}
	defer f.Close()
	from := int64(0)
	if o.From > 0 && o.From <= f.Size && (o.IfTag == "" || o.IfTag == f.Tag) {
		if from, err = f.Seek(o.From, io.SeekStart); err != nil {
			return fmt.Errorf("read from byte %d on: %w", o.From, err)
		}
	}
	p, err := s.newPeer(o, hidden(sdp))
	if err != nil {
		return err
	}
	defer p.close()
	answer, err := p.answer(ctx, sdp)
	if err != nil {
		s.count("direct.refused.offer", 1)
		return &protocol.Problem{Code: protocol.CodeBadRequest, Status: http.StatusBadRequest, Title: "offer of a direct transfer: " + err.Error()}
	}
	s.count("direct.transfers", 1)
	if err := emit(sensorapi.DirectEvent{State: sensorapi.DirectAnswer, SDP: answer}); err != nil {
		s.count("direct.failed."+sensorapi.DirectCancelled, 1)
		return err
	}
	t := &transfer{peer: p, file: f, from: from, emit: emit, limits: s.Limits}
	code, err := t.run(ctx)
	s.count("direct.bytes", uint64(t.state().sent))
	last := t.event(sensorapi.DirectComplete)
	if code == "" {
		s.count("direct.complete", 1)
	} else {
		s.count("direct.failed."+code, 1)
		last.State, last.Code = sensorapi.DirectFailed, code
		s.Log.Debug("a direct transfer failed", "code", code, "err", err, "sent", last.Sent, "got", last.Got)
	}
	return emit(last)
}

// Counters adds what became of transfers.
func (s *Service) Counters(c protocol.Counters) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, v := range s.counts {
		c[k] = v
	}
}

func (s *Service) count(name string, n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[name] += n
}

func (s *Service) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running >= s.Limits.Transfers {
		return false
	}
	s.running++
	return true
}

func (s *Service) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
}
