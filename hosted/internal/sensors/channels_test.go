package sensors

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol/link"
	"voiptop/protocol/sensorapi"
)

func TestSharesFollowUseAndSumUpToTheLimit(t *testing.T) {
	for _, c := range []struct {
		limit  int
		wanted []int
		want   []int
	}{
		{100, []int{0}, []int{100}},
		{100, []int{0, 0}, []int{50, 50}},
		{100, []int{40, 0}, []int{85, 15}},     // what nobody wants: half in equal parts, half to who uses more
		{100, []int{90, 90}, []int{50, 50}},    // too little for both
		{100, []int{10, 500}, []int{10, 90}},   // who wants little has it
		{10, []int{20, 1, 20}, []int{5, 1, 4}}, // 9 for two
		{2, []int{5, 5, 5}, []int{1, 1, 1}},    // each has one
	} {
		if got := shares(c.limit, c.wanted); fmt.Sprint(got) != fmt.Sprint(c.want) && !(c.limit == 10 && got[0]+got[2] == 9 && got[1] == 1) {
			t.Errorf("%d among %v: %v, want %v", c.limit, c.wanted, got, c.want)
		}
	}
	for range 2000 {
		limit, wanted := 1+rand.IntN(3000), make([]int, 1+rand.IntN(20))
		for i := range wanted {
			wanted[i] = rand.IntN(1 + rand.IntN(2000))
		}
		sum, all := 0, 0
		got := shares(limit, wanted)
		for i, n := range got {
			sum += n
			all += wanted[i]
			if n < 1 {
				t.Fatalf("%d among %v: %v gives nothing to one", limit, wanted, got)
			}
		}
		if sum > limit+len(wanted) || len(wanted) <= limit && sum < limit {
			t.Fatalf("%d among %v: %v sums up to %d", limit, wanted, got, sum)
		}
		for i := range got {
			if all <= limit && got[i] < wanted[i] {
				t.Fatalf("%d among %v: %v gives less than wanted where there is enough", limit, wanted, got)
			}
		}
	}
}

func TestANewSensorBeginsWithWhatIsFreeOrAnEqualPart(t *testing.T) {
	for _, c := range []struct {
		limit, had int
		all        store.LinkTotals
		linked     bool
		want       int
	}{
		{2000, 0, store.LinkTotals{}, false, 2000},                            // alone
		{2000, 0, store.LinkTotals{Linked: 1, Granted: 2000}, false, 1000},    // the other makes room soon
		{2000, 0, store.LinkTotals{Linked: 1, Granted: 500}, false, 1500},     // the rest is free
		{2000, 700, store.LinkTotals{Linked: 2, Granted: 2000}, true, 700},    // it comes again: what it had
		{2000, 3000, store.LinkTotals{Linked: 1, Granted: 3000}, true, 2000},  // the limit was lowered
		{1, 0, store.LinkTotals{Linked: 4, Granted: 4}, false, 1},             // at least one
		{0, 0, store.LinkTotals{Linked: 4, Granted: 4}, false, 0},             // no limit
		{2000, 2000, store.LinkTotals{Linked: 0, Granted: 2000}, false, 2000}, // it was away for a moment
		{2000, 0, store.LinkTotals{Linked: 0, Granted: 2000}, false, 2000},    // alone, while one that went away holds all
	} {
		if got := firstShare(c.limit, c.had, c.all, c.linked); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// phones are the calls of a fake sensor: as many as it wants and has channels for. A lower limit ends none.
type phones struct {
	mu     sync.Mutex
	wanted int
	limit  int
	used   int
	told   int
}

func (p *phones) step() {
	switch {
	case p.used < p.wanted && p.used < p.limit:
		p.used = min(p.wanted, p.limit)
	case p.used > p.wanted:
		p.used = p.wanted
	case p.used > p.limit: // calls end by and by
		p.used--
	}
}

func (p *phones) want(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = n
	p.step()
}

// bound is what the sensor may use or uses.
func (p *phones) bound() (limit, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limit, max(p.limit, p.used)
}

func (p *phones) handler() http.Handler {
	m := http.NewServeMux()
	m.Handle("PUT "+sensorapi.PathLimits, sensorapi.LimitsHandler(func(_ context.Context, l sensorapi.Limits) (sensorapi.Limits, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.limit = l.MaxChannels
		p.told++
		p.step()
		return sensorapi.Limits{MaxChannels: p.limit, Channels: p.used, OverLimit: max(0, p.wanted-p.used)}, nil
	}))
	return m
}

// twoNodes is a rig with a second node on the same store.
func twoNodes(t *testing.T, limits Limits) (a, b *rig) {
	a = newRig(t, limits)
	b = &rig{t: t, store: a.store, ca: a.ca, tenant: a.tenant}
	b.svc = New(Config{Store: b.store, CA: b.ca, Limits: limits, Clock: a.now, Log: testLog(t)})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.addr = ln.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.svc.Serve(ctx, ln) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return a, b
}

// calling brings a sensor with phones online.
func (r *rig) calling(number uint16) (*phones, *sensor) {
	r.t.Helper()
	p := &phones{}
	s, err := r.online(r.enrol(r.tenant, number), r.info(number, fmt.Sprint("boot", number)), p.handler())
	if err != nil {
		r.t.Fatal(err)
	}
	p.mu.Lock()
	if p.told == 0 {
		p.limit = s.answer.Limits.MaxChannels
	}
	p.mu.Unlock()
	return p, s
}

func (r *rig) setChannels(n int) {
	r.t.Helper()
	t, err := r.store.Tenant(r.t.Context(), r.tenant)
	if err != nil {
		r.t.Fatal(err)
	}
	t.MaxChannels = n
	if err := r.store.UpdateTenant(r.t.Context(), t); err != nil {
		r.t.Fatal(err)
	}
}

func TestATenantsChannelsAreDividedAmongItsSensorsAtTwoNodes(t *testing.T) {
	a, b := twoNodes(t, Limits{Share: 20 * time.Millisecond})
	a.setChannels(100)
	first, _ := a.calling(1)
	if limit, _ := first.bound(); limit != 100 {
		t.Errorf("alone it may use %d channels, want all", limit)
	}
	second, gone := b.calling(2)
	both := func(what string, x, y func(limit int) bool) {
		t.Helper()
		a.eventually(what, func() bool {
			first.want(first.wanted)
			second.want(second.wanted)
			l, _ := first.bound()
			m, _ := second.bound()
			return x(l) && y(m)
		})
	}
	about := func(n int) func(int) bool { return func(m int) bool { return m >= n-3 && m <= n+3 } }
	both("equal parts without calls", about(50), about(50))

	// From here on the sum of what they may use and what they use never passes the limit, however the load moves.
	stop := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			_, x := first.bound()
			_, y := second.bound()
			if x+y > 100 {
				t.Errorf("%d and %d channels, together more than 100", x, y)
				return
			}
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	first.want(40)
	both("who calls has more", about(85), about(15))
	second.want(90)
	both("both have what they want as far as it goes", func(m int) bool { return m >= 40 && m <= 52 }, func(m int) bool { return m >= 48 })
	first.want(0)
	both("the load has moved", func(m int) bool { return m < 20 }, func(m int) bool { return m > 85 })
	a.setChannels(60)
	both("the tenant's limit was lowered", func(m int) bool { return m <= 30 }, func(m int) bool { return m <= 60 })
	a.setChannels(100)
	both("and raised", func(m int) bool { return m >= 1 }, func(m int) bool { return m > 85 })
	close(stop)
	watch.Wait()

	// A sensor that is away keeps its part for a while, and then others have it.
	gone.stop()
	a.eventually("the second is offline, and its part set aside", func() bool {
		l, err := a.store.SensorLink(t.Context(), a.tenant, gone.id.UUID)
		return err == nil && l.Node == "" && l.Granted >= 80
	})
	a.ahead.Store(int64(shareKeep + time.Minute))
	a.eventually("the other has all", func() bool { l, _ := first.bound(); return l == 100 })
}

// A sensor that knows nothing of limits while it is linked keeps what hello told it; it is not asked again and again.
func TestASensorThatCannotBeToldKeepsItsFirstShare(t *testing.T) {
	r := newRig(t, Limits{Share: 10 * time.Millisecond})
	r.setChannels(100)
	var asked sync.Map
	old, err := r.online(r.enrol(r.tenant, 1), r.info(1, "old"), http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		n, _ := asked.LoadOrStore(q.URL.Path, new(int))
		*n.(*int)++
		http.NotFound(w, q)
	}))
	if err != nil {
		t.Fatal(err)
	}
	if n := old.answer.Limits.MaxChannels; n != 100 {
		t.Errorf("it may use %d", n)
	}
	p, _ := r.calling(2)
	r.eventually("the new one has its equal part", func() bool { l, _ := p.bound(); return l == 50 })
	time.Sleep(100 * time.Millisecond)
	if l, err := r.store.SensorLink(t.Context(), r.tenant, old.id.UUID); err != nil || l.Granted != 100 {
		t.Errorf("the old one's part: %+v, %v", l, err)
	}
	if n, ok := asked.Load(sensorapi.PathLimits); ok && *n.(*int) > 1 {
		t.Errorf("it was asked %d times", *n.(*int))
	}
}

func TestASensorIsSentAwayWhenNothingIsOnItsWay(t *testing.T) {
	r := newRig(t, Limits{})
	var told sync.WaitGroup
	told.Add(1)
	var s *sensor
	m := http.NewServeMux()
	m.HandleFunc("POST "+link.PathMove, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		told.Done()
		go s.up.Close()
	})
	release := make(chan struct{})
	m.HandleFunc("GET /v1/calls/x/capture", func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-release
		_, _ = w.Write([]byte("packets"))
	})
	var err error
	if s, err = r.online(r.enrol(r.tenant, 1), r.info(1, "b"), m); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link.BaseURL+"/v1/calls/x/capture", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.svc.Transport(s.id.UUID, true).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	left := make(chan struct{})
	go func() { defer close(left); r.svc.Leave(t.Context()) }()
	time.Sleep(3 * leaveLook)
	if s.gone() {
		t.Fatal("the sensor was sent away in the middle of a download")
	}
	if c, err := net.Dial("tcp", r.addr); err == nil {
		c.Close()
		t.Error("new sensors are taken")
	}
	close(release)
	if b, err := drainBody(res); err != nil || string(b) != "packets" {
		t.Errorf("the download: %q %v", b, err)
	}
	told.Wait()
	<-left
	r.eventually("it is gone", s.gone)
	if l, err := r.store.SensorLink(t.Context(), r.tenant, s.id.UUID); err != nil || l.Generation != 1 {
		t.Errorf("its link: %+v, %v", l, err)
	}
}
