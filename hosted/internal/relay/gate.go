package relay

import (
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
)

// Limits bound what streams take of one hosted process. Zero fields take the default.
type Limits struct {
	PerUser   int           // streams of one user at a time; 16
	PerTenant int           // streams of all users of a tenant at a time; 200
	Stalled   time.Duration // a browser that takes nothing for so long is cut off; 5 minutes
	Calls     int           // in one archive; 1000
}

// Gate admits streams and counts them. It is safe for use by many goroutines.
type Gate struct {
	Limits
	running  *prometheus.GaugeVec
	ended    *prometheus.CounterVec
	bytes    *prometheus.CounterVec
	refused  *prometheus.CounterVec
	mu       sync.Mutex
	byUser   map[int64]int
	byTenant map[int64]int
}

// NewGate makes a gate that registers its metrics with r; nil: nowhere.
func NewGate(l Limits, r prometheus.Registerer) *Gate {
	setDefault(&l.PerUser, 16)
	setDefault(&l.PerTenant, 200)
	setDefault(&l.Stalled, 5*time.Minute)
	setDefault(&l.Calls, 1000)
	f := promauto.With(r)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	return &Gate{
		Limits: l,
		running: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "hosted_streams_running", Help: "Captures and audio on their way to browsers, by kind.",
		}, []string{"kind"}),
		ended:    counter("hosted_streams_total", "Captures and audio that browsers asked for, by kind and how it ended.", "kind", "result"),
		bytes:    counter("hosted_stream_bytes_total", "Bytes of captures and audio that were passed on, by kind.", "kind"),
		refused:  counter("hosted_streams_refused_total", "Captures and audio that were refused because too many ran, by whose limit.", "limit"),
		byUser:   map[int64]int{},
		byTenant: map[int64]int{},
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
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.byUser[user] >= g.PerUser:
		return nil, g.tooMany("user", g.PerUser)
	case g.byTenant[tenant] >= g.PerTenant:
		return nil, g.tooMany("tenant", g.PerTenant)
	}
	g.byUser[user]++
	g.byTenant[tenant]++
	g.running.WithLabelValues(string(kind)).Inc()
	return &Stream{
		ResponseWriter: w, control: http.NewResponseController(w), request: r,
		gate: g, kind: kind, tenant: tenant, user: user, sent: g.bytes.WithLabelValues(string(kind)),
	}, nil
}

func (g *Gate) tooMany(whose string, limit int) error {
	g.refused.WithLabelValues(whose).Inc()
	return &protocol.Problem{
		Code: CodeTooManyDownloads, Status: http.StatusTooManyRequests,
		Title:  fmt.Sprintf("%d downloads of the %s are running already", limit, whose),
		Remedy: "wait until one has ended, or cancel one", Fields: map[string]string{"limit": whose, protocol.FieldRetryAfter: retryBusy},
	}
}

func (g *Gate) leave(s *Stream, result string) {
	g.mu.Lock()
	count(g.byUser, s.user)
	count(g.byTenant, s.tenant)
	g.mu.Unlock()
	g.running.WithLabelValues(string(s.kind)).Dec()
	g.ended.WithLabelValues(string(s.kind), result).Inc()
}

// count takes one from a count, and the count away when none is left.
func count(of map[int64]int, key int64) {
	if of[key]--; of[key] == 0 {
		delete(of, key)
	}
}
