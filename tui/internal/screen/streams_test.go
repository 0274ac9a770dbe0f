package screen

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
)

// streaming is a fake that tells of the streams of its running calls, and of nothing more.
type streaming struct{ *fake }

func (f streaming) update() *protocol.StreamUpdate {
	u := &protocol.StreamUpdate{T: 1, Snapshot: true}
	c := f.calls[id(1)]
	for i := range c.Streams {
		u.Streams = append(u.Streams, protocol.LiveStreamOf(c, &c.Streams[i]))
	}
	u.Total = len(u.Streams)
	return u
}

func (f streaming) WatchStreams(context.Context, func(*protocol.StreamUpdate) error) error {
	return nil
}

// streams opens the view, and has the pane take what its feed would bring.
func (s *screenTest) streams(updates ...*protocol.StreamUpdate) *streamsFeed {
	s.t.Helper()
	s.keys("4")
	f := s.m.streams.feed
	if f == nil {
		s.t.Fatal("nothing is watched")
	}
	for _, u := range updates {
		f.change(func(c *streamsChange) { c.merge(u) })
	}
	s.told(f)
	return f
}

// told says that a feed has something; the command that waits for the next is left out.
func (s *screenTest) told(f *streamsFeed) {
	s.m.streams.ctx, s.m.streams.stop = context.WithCancel(s.t.Context())
	s.m.streams.stop()
	s.send(streamsWake{f})
}

func TestStreamsAreListedWorstFirst(t *testing.T) {
	src := streaming{pbx()}
	s := newScreen(t, src, 120, 40, asciiLook)
	s.feed(src.fake)
	s.streams(src.update())
	s.want(`4 streams`)
	if got := s.m.streams.shown[0].(*streamRow).about; got.SSRC != 0x90ce41f3 {
		t.Errorf("the worst is %v", got.SSRC)
	}
	s.want(`gaps 1x12 3x4 10\+x3`) // from the call's record
	s.keys("s")                    // loss
	s.keys("/", "from-caller", "enter")
	s.want(`2 of 4 shown`)
	s.keys("esc", "g", "enter")
	s.want(`\[Streams 4\]`)
	s.want(`(?m)^>.*198.51.100.9:30008 +> 10.0.0.5:30002`)
	s.keys("esc")
	s.want(`\[4 Streams\]`)
}

func TestTheListOfStreamsLooksAsItShould(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 10}} {
		src := streaming{pbx()}
		s := newScreen(t, src, size[0], size[1], asciiLook)
		s.feed(src.fake)
		s.streams(src.update())
		golden(t, fmt.Sprintf("streamlist_%dx%d", size[0], size[1]), s.text())
	}
}

func TestAStreamOpensItsCallAlsoWhenThatIsNotHereYet(t *testing.T) {
	src := streaming{pbx()}
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src.fake)
	s.streams(src.update())
	s.m.streams.preview.cdr = nil
	s.keys("enter")
	s.want(`(?m)^>198.51.100.9:30008`)
	s.keys("k") // the choice is the user's from then on
	s.send(detailMsg{id: id(1), cdr: src.calls[id(1)]})
	s.wantNot(`(?m)^>198.51.100.9:30008`)
}

func TestDeltasOfStreamsChangeRowsInTheirPlaces(t *testing.T) {
	src := streaming{pbx()}
	s := newScreen(t, src, 120, 40, asciiLook)
	s.feed(src.fake)
	first := src.update()
	f := s.streams(first)
	row := first.Streams[0]
	row.About, row.Packets, row.MOS = nil, 77_777, 1.5
	f.change(func(c *streamsChange) {
		c.merge(&protocol.StreamUpdate{Streams: []protocol.LiveStream{row}, Gone: []protocol.StreamID{first.Streams[1].ID}, Total: 9})
	})
	s.told(f)
	s.want(`3 streams`)
	s.want(`the 3 worst of 9`)
	if got := s.m.streams.shown[0].(*streamRow); got.s.Packets != 77_777 || got.about.Src != first.Streams[0].About.Src {
		t.Errorf("the worst is now %+v of %+v", got.s, got.about)
	}
	f.change(func(c *streamsChange) { c.conn, c.err = lost, errors.New("the sensor has gone") })
	s.told(f)
	s.want(`the sensor has gone`)
	s.want(`3 streams`)
}

func TestStreamsStandStillWhilePaused(t *testing.T) {
	src := streaming{pbx()}
	s := newScreen(t, src, 120, 40, asciiLook)
	s.feed(src.fake)
	first := src.update()
	f := s.streams(first)
	s.keys("p")
	f.change(func(c *streamsChange) {
		c.merge(&protocol.StreamUpdate{Snapshot: true, Streams: first.Streams[:2], Total: 2})
	})
	s.told(f)
	s.want(`4 streams`)
	s.keys("p")
	s.want(`2 streams`)
}

func TestStreamsAreWatchedWhileTheyAreSeen(t *testing.T) {
	src := streaming{pbx()}
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src.fake)
	s.streams(src.update())
	s.keys("1")
	if s.m.streams.feed != nil {
		t.Error("they are watched although nobody sees them")
	}
	s.keys("4")
	if s.m.streams.feed == nil {
		t.Error("they are not watched")
	}
}

func TestASourceWithoutStreamsSaysSo(t *testing.T) {
	src := pbx()
	s := newScreen(t, src, 80, 24, asciiLook)
	s.feed(src)
	s.keys("4")
	s.want(`not to be had here`)
}

// ticking tells of a stream again and again.
type ticking struct {
	streaming
	stop error
}

func (f ticking) WatchStreams(ctx context.Context, emit func(*protocol.StreamUpdate) error) error {
	u := f.update()
	if err := emit(u); err != nil {
		return err
	}
	row := u.Streams[0]
	row.About = nil
	row.Packets++
	if err := emit(&protocol.StreamUpdate{Streams: []protocol.LiveStream{row}}); err != nil {
		return err
	}
	return f.stop
}

func TestAFeedOfStreamsGathersWhatChanges(t *testing.T) {
	f := newStreamsFeed(ticking{streaming{pbx()}, nil}, time.Now)
	f.run(t.Context()) // it has an end
	c := f.take()
	if c.conn != ended || !c.fresh || len(c.rows) != 4 {
		t.Fatalf("%+v", c)
	}
	for _, s := range c.rows {
		if s.About == nil {
			t.Error("a delta made a row forget whose it is")
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	f = newStreamsFeed(ticking{streaming{pbx()}, errors.New("gone")}, time.Now)
	done := make(chan struct{})
	go func() { f.run(ctx); close(done) }()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if c := f.take(); c.conn == lost && strings.Contains(c.err.Error(), "gone") {
			break
		}
		if time.Now().After(end) {
			t.Fatal("that it failed is never told")
		}
	}
	cancel()
	<-done
}
