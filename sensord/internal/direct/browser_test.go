package direct

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"voiptop/protocol/sensorapi"
)

// browser is what the GUI does (hosted/web/src/download/direct.ts), in Go.
type browser struct {
	pc      *webrtc.PeerConnection
	channel *webrtc.DataChannel
	every   int64         // it says how much it has each so many bytes; 0: never
	slow    time.Duration // with each message
	mute    bool          // it says no last word

	mu     sync.Mutex
	head   head
	tail   tail
	bytes  []byte
	n      int64 // of them
	keep   bool
	said   int64
	opened chan struct{}
	ended  chan struct{} // the tail has come
}

// settings is the browser's network: on a machine that has but loopback, that.
func settings() (se webrtc.SettingEngine) {
	se.LoggerFactory = logs{slog.New(slog.DiscardHandler)}
	se.SetIncludeLoopbackCandidate(loopbackOnly())
	return se
}

func newBrowser(t testing.TB, change func(*webrtc.DataChannelInit)) (*browser, string) {
	t.Helper()
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings())).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	return browserOf(t, pc, change)
}

func browserOf(t testing.TB, pc *webrtc.PeerConnection, change func(*webrtc.DataChannelInit)) (*browser, string) {
	t.Helper()
	protocol := Protocol
	init := &webrtc.DataChannelInit{Protocol: &protocol}
	if change != nil {
		change(init)
	}
	c, err := pc.CreateDataChannel("file", init)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{pc: pc, channel: c, every: 256 << 10, keep: true, opened: make(chan struct{}), ended: make(chan struct{})}
	c.OnOpen(func() { close(b.opened) })
	c.OnMessage(b.take)
	t.Cleanup(b.close)
	return b, b.offer(t)
}

func (b *browser) offer(t testing.TB) string {
	t.Helper()
	o, err := b.pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(b.pc)
	if err := b.pc.SetLocalDescription(o); err != nil {
		t.Fatal(err)
	}
	<-gathered
	return b.pc.LocalDescription().SDP
}

func (b *browser) close() { _ = b.pc.GracefulClose() }

// answer takes the sensor's, but not what it says of the size of messages: a browser that means harm would not.
func (b *browser) answer(sdp string) error {
	sdp = regexp.MustCompile(`a=max-message-size:\d+`).ReplaceAllString(sdp, "a=max-message-size:262144")
	return b.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: sdp})
}

func (b *browser) take(m webrtc.DataChannelMessage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	time.Sleep(b.slow)
	if !m.IsString {
		if b.keep {
			b.bytes = append(b.bytes, m.Data...)
		}
		b.n += int64(len(m.Data))
		if b.every > 0 && b.n-b.said >= b.every {
			b.got()
		}
		return
	}
	if b.head.Type == "" {
		_ = json.Unmarshal(m.Data, &b.head)
		return
	}
	_ = json.Unmarshal(m.Data, &b.tail)
	if b.n > b.said && b.every > 0 {
		b.got()
	}
	if sum := sha256.Sum256(b.bytes); !b.mute {
		word := wordOK
		if b.keep && hex.EncodeToString(sum[:]) != b.tail.SHA256 {
			word = wordBad
		}
		_ = b.channel.SendText(word)
	}
	close(b.ended)
}

func (b *browser) got() {
	b.said = b.n
	_ = b.channel.SendText(fmt.Sprint(wordGot, b.n))
}

// fetch has a service send to the browser; the events are those that hosted would see.
func (b *browser) fetch(ctx context.Context, s *Service, o sensorapi.DirectOffer, open func() (*File, error)) (events []sensorapi.DirectEvent, err error) {
	err = s.Serve(ctx, o, open, func(e sensorapi.DirectEvent) error {
		events = append(events, e)
		if e.State == sensorapi.DirectAnswer {
			return b.answer(e.SDP)
		}
		return nil
	})
	b.mu.Lock() // it may be about its last word; after that it is still
	defer b.mu.Unlock()
	return events, err
}
