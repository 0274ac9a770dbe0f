package relay

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"voiptop/protocol"
)

// CodeTooManyDownloads is the code of the problem of who has as many streams as may run at a time.
const CodeTooManyDownloads = "too-many-downloads"

// Kind says what a stream carries, for metrics.
type Kind string

// The kinds of streams.
const (
	KindCapture Kind = "capture" // the packets of one call, or of one group of calls
	KindArchive Kind = "archive" // a zip of captures
	KindAudio   Kind = "audio"   // the voice of a call, or a picture of it
	KindExport  Kind = "export"  // records of calls
	KindDirect  Kind = "direct"  // what is said of a capture or audio that goes from the sensor straight to the browser
)

// Limits bound what streams take of hosted, of all its nodes together where they are counted together. Zero fields take the default.
type Limits struct {
	PerUser   int           // streams of one user at a time; 16
	PerTenant int           // streams of all users of a tenant at a time; 200
	Stalled   time.Duration // a browser that takes nothing for so long is cut off; 5 minutes
	Calls     int           // in one archive; 1000
}

// Shared counts the streams of all nodes of hosted together.
type Shared interface {
	// SetStreams says how many streams of a user run on this node.
	SetStreams(ctx context.Context, tenant, user int64, running int) error
	// Streams is how many run on all nodes, by user.
	Streams(ctx context.Context, tenant int64) (map[int64]int, error)
}

// Gate admits streams and counts them. It is safe for use by many goroutines.
type Gate struct {
	Limits
	shared   Shared // nil: this node is alone
	running  *prometheus.GaugeVec
	ended    *prometheus.CounterVec
	bytes    *prometheus.CounterVec
	refused  *prometheus.CounterVec
	past     prometheus.Counter
	mu       sync.Mutex
	byUser   map[int64]int
	byTenant map[int64]int
	telling  map[holder]*turn // who tells the other nodes of a user's streams
}

// holder is whose streams are counted.
type holder struct{ tenant, user int64 }

// turn is held by who tells of a holder's streams.
type turn struct {
	sync.Mutex
	n int // who have it, or wait
}

// NewGate makes a gate that registers its metrics with r; nil: nowhere.
func NewGate(l Limits, r prometheus.Registerer) *Gate { return NewSharedGate(l, nil, r) }

// NewSharedGate makes a gate whose limits hold for all nodes of hosted together.
func NewSharedGate(l Limits, shared Shared, r prometheus.Registerer) *Gate {
	setDefault(&l.PerUser, 16)
	setDefault(&l.PerTenant, 200)
	setDefault(&l.Stalled, 5*time.Minute)
	setDefault(&l.Calls, 1000)
	f := promauto.With(r)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	return &Gate{
		Limits: l, shared: shared,
		running: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "hosted_streams_running", Help: "Captures and audio on their way to browsers, by kind.",
		}, []string{"kind"}),
		ended:   counter("hosted_streams_total", "Captures and audio that browsers asked for, by kind and how it ended.", "kind", "result"),
		bytes:   counter("hosted_stream_bytes_total", "Bytes of captures and audio that were passed on, by kind.", "kind"),
		refused: counter("hosted_streams_refused_total", "Captures and audio that were refused because too many ran, by whose limit.", "limit"),
		past: f.NewCounter(prometheus.CounterOpts{
			Name: "hosted_direct_bytes_total", Help: "Bytes of captures and audio that sensors sent straight to browsers, as they say.",
		}),
		byUser:   map[int64]int{},
		byTenant: map[int64]int{},
		telling:  map[holder]*turn{},
	}
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// retryBusy is when one may ask again who has too many streams, in seconds: nobody knows when they end.
const retryBusy = "5"

// Enter admits a stream of a user to the client that w answers, or fails with problem too-many-downloads. Whoever has a
// Stream calls its Done.
func (g *Gate) Enter(w http.ResponseWriter, r *http.Request, kind Kind, tenant, user int64) (*Stream, error) {
	h := holder{tenant, user}
	if err := g.take(h); err != nil {
		return nil, err
	}
	if err := g.takeShared(r.Context(), h); err != nil {
		<-g.giveBack(h) // who is refused takes no place from others by asking again
		return nil, err
	}
	g.running.WithLabelValues(string(kind)).Inc()
	return &Stream{
		ResponseWriter: w, control: http.NewResponseController(w), request: r,
		gate: g, kind: kind, tenant: tenant, user: user, sent: g.bytes.WithLabelValues(string(kind)),
	}, nil
}

// take counts a stream here, unless there are too many.
func (g *Gate) take(h holder) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.byUser[h.user] >= g.PerUser:
		return g.tooMany("user", g.PerUser)
	case g.byTenant[h.tenant] >= g.PerTenant:
		return g.tooMany("tenant", g.PerTenant)
	}
	g.byUser[h.user]++
	g.byTenant[h.tenant]++
	return nil
}

// takeShared counts it for all nodes. It is written down first and counted then, so that of two nodes that admit at the same
// time none admits too many; at the brim both may refuse.
func (g *Gate) takeShared(ctx context.Context, h holder) error {
	if g.shared == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, tellWait)
	defer cancel()
	if err := g.tell(ctx, h); err != nil {
		return fmt.Errorf("count a stream: %w", err)
	}
	all, err := g.shared.Streams(ctx, h.tenant)
	if err != nil {
		return fmt.Errorf("count streams: %w", err)
	}
	sum := 0
	for _, n := range all {
		sum += n
	}
	switch {
	case all[h.user] > g.PerUser:
		return g.tooMany("user", g.PerUser)
	case sum > g.PerTenant:
		return g.tooMany("tenant", g.PerTenant)
	}
	return nil
}

const (
	tellWait  = 5 * time.Second
	tellTries = 8
)

// tell says how many streams of a user run here now. One at a time does, so that the last that is told is the last that was.
func (g *Gate) tell(ctx context.Context, h holder) error {
	g.mu.Lock()
	t := g.telling[h]
	if t == nil {
		t = &turn{}
		g.telling[h] = t
	}
	t.n++
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if t.n--; t.n == 0 {
			delete(g.telling, h)
		}
	}()
	t.Lock()
	defer t.Unlock()
	g.mu.Lock()
	n := g.byUser[h.user]
	g.mu.Unlock()
	return g.shared.SetStreams(ctx, h.tenant, h.user, n)
}

// giveBack ends the count of a stream, here and for all nodes. What the others are not told now they are told at the user's next
// stream or, if there is none, when this node ends. told is closed when it was tried once.
func (g *Gate) giveBack(h holder) (told <-chan struct{}) {
	first := make(chan struct{})
	g.mu.Lock()
	count(g.byUser, h.user)
	count(g.byTenant, h.tenant)
	g.mu.Unlock()
	if g.shared == nil {
		close(first)
		return first
	}
	go func() {
		for try := range tellTries {
			ctx, cancel := context.WithTimeout(context.Background(), tellWait)
			err := g.tell(ctx, h)
			cancel()
			if try == 0 {
				close(first)
			}
			if err == nil {
				return
			}
			time.Sleep(100 * time.Millisecond << try)
		}
	}()
	return first
}

// Past counts bytes that went from a sensor straight to a browser.
func (g *Gate) Past(bytes int64) { g.past.Add(float64(bytes)) }

func (g *Gate) tooMany(whose string, limit int) error {
	g.refused.WithLabelValues(whose).Inc()
	return &protocol.Problem{
		Code: CodeTooManyDownloads, Status: http.StatusTooManyRequests,
		Title:  fmt.Sprintf("%d downloads of the %s are running already", limit, whose),
		Remedy: "wait until one has ended, or cancel one", Fields: map[string]string{"limit": whose, protocol.FieldRetryAfter: retryBusy},
	}
}

func (g *Gate) leave(s *Stream, result string) {
	g.giveBack(holder{s.tenant, s.user})
	g.running.WithLabelValues(string(s.kind)).Dec()
	g.ended.WithLabelValues(string(s.kind), result).Inc()
}

// count takes one from a count, and the count away when none is left.
func count(of map[int64]int, key int64) {
	if of[key]--; of[key] == 0 {
		delete(of, key)
	}
}
