package sensors

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// A tenant's channels are divided among its sensors, on whichever nodes they are: each may use what is set aside for it in
// the store, and the sum of that is the tenant's limit at most. A sensor's share follows its use. It grows only by what is
// free, and what a sensor gives back is free only after the sensor has said so, and never less than it uses: so the sum of
// all limits and all use stays below the tenant's, but for three exceptions that docs/scaling.md tells: each sensor has at least
// one channel; a new one begins with an equal part before the others have made room; and one that is away for long keeps its
// last limit while its part goes to others.

const (
	shareEvery = 2 * time.Second // while a tenant uses much of its channels
	shareIdle  = 5               // times that long otherwise
	shareKeep  = 5 * time.Minute // how long the part of a sensor that is away stays set aside
	shareLate  = 5 * time.Second // for a sensor's answer
	shareAsks  = 64              // sensors that are asked at a time
)

// firstShare is what a sensor may use that has just come: what was set aside for it before, or what is free, or the equal
// part that it will have as soon as the others have made room.
func firstShare(limit, had int, all store.LinkTotals, linked bool) int {
	if limit <= 0 {
		return 0 // no limit
	}
	n := all.Linked
	if !linked {
		n++
	}
	free := limit - (all.Granted - had)
	if had > 0 {
		return min(limit, max(had, free))
	}
	return min(limit, max(1, free, limit/n))
}

// shares divides limit among sensors that want channels for so many calls. When there is enough, each has what it wants and a
// part of what nobody wants, half of that in equal parts and half in proportion; else those that want little have it, and the
// others equal parts (max-min fairness). The sum is limit, or more where sensors are more than channels: each has one.
func shares(limit int, wanted []int) []int {
	n, out := len(wanted), make([]int, len(wanted))
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return wanted[a] - wanted[b] })
	left, sum := limit, 0
	for k, i := range order {
		out[i] = min(wanted[i], left/(n-k))
		left -= out[i]
		sum += out[i]
	}
	spare := left
	for k, i := range order {
		part := spare / n
		if sum > 0 {
			part = spare/2/n + (spare-spare/2)*out[i]/sum
		}
		if k == n-1 {
			part = left // and what rounding left
		}
		left -= part
		out[i] = max(1, out[i]+part)
	}
	return out
}

// shareState is what was so when a tenant's channels were divided last.
type shareState struct {
	limit, linked int
	next          time.Time // when to look again though nothing of this has changed
}

// divideChannels keeps the shares of the sensors that are linked here until ctx ends. Two questions to the store tell for all
// tenants where a sensor has come or gone, at any node, or the limit is another.
func (s *Service) divideChannels(ctx context.Context) {
	states := map[store.TenantID]shareState{}
	every(ctx, s.cfg.Limits.Share, s.shareNow, func() {
		here := map[store.TenantID][]*session{}
		for _, x := range s.live() {
			if x.callable() {
				here[x.sensor.Tenant] = append(here[x.sensor.Tenant], x)
			}
		}
		for tenant := range states {
			if here[tenant] == nil {
				delete(states, tenant)
			}
		}
		if len(here) == 0 {
			return
		}
		if err := s.divideAll(ctx, here, states); err != nil && ctx.Err() == nil {
			s.log.Warn("channels are not divided", "err", err)
		}
	})
}

// divideAll divides the channels of the tenants where it is time, or something has changed.
func (s *Service) divideAll(ctx context.Context, here map[store.TenantID][]*session, states map[store.TenantID]shareState) error {
	tenants, err := s.cfg.Store.Tenants(ctx)
	if err != nil {
		return err
	}
	totals, err := s.cfg.Store.LinkTotals(ctx)
	if err != nil {
		return err
	}
	now := s.cfg.Clock()
	for _, t := range tenants {
		list, was := here[t.ID], states[t.ID]
		is := shareState{limit: t.MaxChannels, linked: totals[t.ID].Linked, next: was.next}
		if list == nil || is == was && now.Before(was.next) {
			continue
		}
		busy, err := s.divide(ctx, t, list)
		if err != nil {
			return err
		}
		if is.next = now; !busy {
			is.next = now.Add((shareIdle - 1) * s.cfg.Limits.Share)
		}
		states[t.ID] = is
	}
	return nil
}

// shareSoon looks at the shares now: a sensor came.
func (s *Service) shareSoon() {
	select {
	case s.shareNow <- struct{}{}:
	default:
	}
}

// divide asks the tenant's sensors here what they use, and gives each its share. busy: it is worth to look again soon.
func (s *Service) divide(ctx context.Context, t store.Tenant, list []*session) (busy bool, err error) {
	if t.MaxChannels <= 0 {
		return false, nil
	}
	links, err := s.cfg.Store.SensorLinks(ctx, t.ID)
	if err != nil {
		return false, err
	}
	granted, sum := map[protocol.UUID]int{}, 0
	for _, l := range links {
		granted[l.Sensor] = l.Granted
		sum += l.Granted
	}
	if len(links) == 1 && sum == t.MaxChannels && list[0].share.said == sum { // alone, and it has all
		return false, nil
	}
	s.askAll(ctx, list, func(x *session) int { return granted[x.sensor.UUID] })

	// What is to be less is less in the store only after the sensor has agreed; what is to be more, before it hears of it.
	lower, raise := map[protocol.UUID]int{}, map[protocol.UUID]int{}
	now := s.cfg.Clock()
	err = s.cfg.Store.UpdateSensorLinks(ctx, t.ID, func(all []store.SensorLink) error {
		sum := note(all, list, now)
		busy = plan(all, list, t.MaxChannels, lower, raise)
		grant(all, raise, t.MaxChannels-sum)
		return nil
	})
	if err != nil {
		return busy, err
	}
	s.askAll(ctx, list, func(x *session) int { return max(lower[x.sensor.UUID], raise[x.sensor.UUID]) })
	if len(lower) == 0 {
		return busy, nil
	}
	return true, s.cfg.Store.UpdateSensorLinks(ctx, t.ID, func(all []store.SensorLink) error {
		for i := range all {
			l := &all[i]
			x := find(list, l)
			if want, ok := lower[l.Sensor]; ok && x != nil && x.share.said == want {
				l.Used = x.share.used
				l.Granted = min(l.Granted, max(want, x.share.used))
			}
		}
		return nil
	})
}

// note records what the sensors here use, frees what was set aside for those that are away for long, and answers the sum of
// what is set aside.
func note(all []store.SensorLink, list []*session, now time.Time) (sum int) {
	for i := range all {
		l := &all[i]
		if x := find(list, l); x != nil && x.share.said > 0 {
			l.Used = x.share.used + x.share.over
		}
		if l.Node == "" && now.Sub(l.Since) > shareKeep {
			l.Granted = 0
		}
		sum += l.Granted
	}
	return sum
}

// plan says which of the sensors here get less and which more.
func plan(all []store.SensorLink, list []*session, limit int, lower, raise map[protocol.UUID]int) (busy bool) {
	var used []int
	var linked []*store.SensorLink
	away, sum := 0, 0
	for i := range all {
		if all[i].Node == "" {
			away += all[i].Granted
			continue
		}
		linked = append(linked, &all[i])
		used = append(used, all[i].Used)
		sum += all[i].Used
	}
	if len(linked) == 0 {
		return false
	}
	for i, want := range shares(max(0, limit-away), used) {
		l := linked[i]
		x := find(list, l)
		if x == nil || x.share.fixed {
			continue
		}
		want = min(want, limit)
		slack := limit / 50 // do not follow every call
		switch {
		case want < l.Granted && (l.Granted-want > slack || l.Granted > limit || sumGranted(all) > limit):
			lower[l.Sensor] = want
		case want > l.Granted && (want-l.Granted > slack || l.Used >= l.Granted):
			raise[l.Sensor] = want
		}
	}
	return sum > limit/2 || len(lower)+len(raise) > 0 || sumGranted(all) > limit
}

func sumGranted(all []store.SensorLink) (n int) {
	for i := range all {
		n += all[i].Granted
	}
	return n
}

// grant sets aside what is to be more, as far as free goes.
func grant(all []store.SensorLink, raise map[protocol.UUID]int, free int) {
	for i := range all {
		l := &all[i]
		want, ok := raise[l.Sensor]
		if !ok {
			continue
		}
		more := min(want-l.Granted, max(0, free))
		if more <= 0 {
			delete(raise, l.Sensor)
			continue
		}
		free -= more
		l.Granted += more
		raise[l.Sensor] = l.Granted
	}
}

// find gives the session of a link that is held here.
func find(list []*session, l *store.SensorLink) *session {
	for _, x := range list {
		if x.sensor.UUID == l.Sensor && x.link.Generation == l.Generation {
			return x
		}
	}
	return nil
}

// sessionShare is what a session knows of its sensor's channels. The goroutine of divideChannels owns it.
type sessionShare struct {
	said  int  // the limit that the sensor has confirmed; 0: none
	used  int  // channels in use
	over  int  // running calls that have none
	fixed bool // the sensor is too old to be told otherwise than by hello
}

// askAll tells sensors their limits, where limit says one that is not 0, and hears what they use.
func (s *Service) askAll(ctx context.Context, list []*session, limit func(*session) int) {
	slots := make(chan struct{}, shareAsks)
	done := make(chan struct{}, len(list))
	for _, x := range list {
		n := limit(x)
		if n == 0 || x.share.fixed {
			done <- struct{}{}
			continue
		}
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; done <- struct{}{} }()
			ctx, cancel := context.WithTimeout(ctx, shareLate)
			defer cancel()
			got, err := clientOf(x).SetLimits(ctx, sensorapi.Limits{MaxChannels: n})
			var p *protocol.Problem
			switch {
			case err == nil:
				x.share.said, x.share.used, x.share.over = got.MaxChannels, got.Channels, got.OverLimit
			case errors.As(err, &p) && (p.Status == http.StatusNotFound || p.Status == http.StatusMethodNotAllowed):
				x.share.fixed = true
			default:
				s.log.Debug("a sensor does not say what channels it uses", "sensor", x.sensor.UUID.String(), "err", err)
			}
		}()
	}
	for range list {
		<-done
	}
}
