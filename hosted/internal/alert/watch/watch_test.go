package watch

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/alert"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

func TestAnEngineerGetsOneMessageWhenItBreaksAndOneWhenItIsOver(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.alert(nil)
		n := r.start(nil)
		defer n.stop()
		time.Sleep(time.Minute)
		r.traffic(n, 10*time.Minute, true)
		r.told()
		r.traffic(n, 30*time.Minute, false)
		r.told(alert.EventFiring)
		m := r.sent.last().Message
		if m.Tenant != "acme" || m.Alert.Name != "few answered" || !strings.HasPrefix(m.Keys[0].Link, "https://voip.example/calls?") || m.Keys[0].Calls == 0 {
			r.Errorf("message %+v", m)
		}
		r.traffic(n, 10*time.Minute, true)
		r.told(alert.EventResolved)
		if again := r.sent.last().Message; again.Incident != m.Incident || again.Ended == 0 {
			r.Errorf("the end of %s: %+v", m.Incident, again)
		}
		if all := r.incidents(); len(all) != 1 || all[0].End != alert.EndOver {
			r.Errorf("history %+v", all)
		}
		notices, err := r.store.Notices(r.Context(), r.tenant.ID, m.Incident)
		r.ok(err)
		if len(notices) != 2 || notices[0].Done.IsZero() || notices[0].Attempts[0].Result != "ok" || notices[0].Name != "noc" {
			r.Errorf("messages %+v", notices)
		}
	})
}

func TestOfSeveralNodesOneTellsAndAnotherTakesOver(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.alert(nil)
		one, two := r.start(nil), r.start(nil)
		defer two.stop()
		time.Sleep(time.Minute)
		for range 20 { // each node gets half of the calls, and neither of them alone enough
			r.calls(one, time.Now(), 1, false)
			r.calls(two, time.Now(), 1, false)
			time.Sleep(90 * time.Second)
		}
		r.told(alert.EventFiring)
		one.stop()
		r.traffic(two, 5*time.Minute, false)
		r.told()
		r.traffic(two, 10*time.Minute, true)
		r.told(alert.EventResolved)
	})
}

func TestANodeThatDiesIsReplacedWhenItsLeaseEnds(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.alert(nil)
		held, err := r.store.Lease(r.Context(), leaseName, "dead", time.Now(), leaseFor)
		if err != nil || !held {
			r.Fatal(held, err)
		}
		n := r.start(nil)
		defer n.stop()
		time.Sleep(30 * time.Second)
		r.traffic(n, 10*time.Minute, false)
		r.told(alert.EventFiring)
	})
}

func TestARestartChangesNothing(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.alert(func(s *alert.Spec) { s.RepeatMS = 3_600_000 })
		n := r.start(nil)
		time.Sleep(time.Minute)
		r.traffic(n, 10*time.Minute, false)
		r.told(alert.EventFiring)
		n.stop()
		time.Sleep(10 * time.Minute)
		n = r.start(nil)
		r.traffic(n, 5*time.Minute, false)
		r.told() // still firing: told already
		n.stop()
		n = r.start(nil)
		defer n.stop()
		r.traffic(n, 10*time.Minute, true)
		r.told(alert.EventResolved)
	})
}

func TestCountsSurviveARestart(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.alert(func(s *alert.Spec) { s.WindowMS, s.MinCalls = 3_600_000, 100 })
		n := r.start(nil)
		time.Sleep(time.Minute)
		r.traffic(n, 9*time.Minute, false) // 90 calls
		n.stop()
		r.told()
		n = r.start(nil)
		defer n.stop()
		time.Sleep(time.Minute)
		r.traffic(n, 2*time.Minute, false)
		r.told(alert.EventFiring)
	})
}

func TestOldCallsOfASensorThatWasAwayAreNoAlarm(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.alert(nil)
		n := r.start(nil)
		defer n.stop()
		time.Sleep(time.Minute)
		r.traffic(n, 5*time.Minute, true)
		r.calls(n, time.Now().Add(-time.Hour), 500, false)
		r.traffic(n, 5*time.Minute, true)
		r.told()
		if all := r.incidents(); len(all) != 0 {
			r.Errorf("incidents %+v", all)
		}
	})
}

func TestANewAlertKnowsTheCallsFromBeforeItOnce(t *testing.T) {
	inBubble(t, func(r *rig) {
		n := r.start(nil)
		defer n.stop()
		for range 10 {
			r.calls(n, time.Now(), 3, false)
			time.Sleep(time.Minute)
		}
		a := r.alert(func(s *alert.Spec) {
			s.Metric, s.Side, s.WindowMS, s.Threshold, s.MinCalls = alert.Calls, alert.Above, 3_600_000, 1000, 0
		})
		r.calls(n, time.Now().Add(time.Second), 2, false) // before it counts by itself
		time.Sleep(20 * time.Second)
		r.calls(n, time.Now(), 4, false)
		time.Sleep(2 * time.Minute)
		states, err := r.store.AlertStates(r.Context(), r.tenant.ID)
		r.ok(err)
		st, err := decode[alert.State](states[0].Data)
		r.ok(err)
		if k := st.Keys[""]; len(states) != 1 || states[0].Alert != a.ID || k == nil || k.Calls != 36 {
			r.Errorf("counted %+v, want 36: 30 from before, 2 just behind, 4 later", st.Keys[""])
		}
	})
}

func TestAMessageIsTriedAgainUntilItIsDelivered(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.alert(nil)
		n := r.start(nil)
		defer n.stop()
		time.Sleep(time.Minute)
		r.sent.breaks(true)
		r.traffic(n, 10*time.Minute, false)
		r.traffic(n, 10*time.Minute, true) // it is over before anybody could be told
		r.told()
		if r.sent.tries < 4 || r.sent.tries > 12 {
			r.Errorf("%d attempts in 20 minutes", r.sent.tries)
		}
		r.sent.breaks(false)
		time.Sleep(25 * time.Minute)
		r.told(alert.EventFiring, alert.EventResolved) // in this order
		incident := r.incidents()[0].ID
		notices, err := r.store.Notices(r.Context(), r.tenant.ID, incident)
		r.ok(err)
		attempts := notices[0].Attempts
		if last := attempts[len(attempts)-1]; last.Result != "ok" || attempts[0].Result != "connection refused" || notices[0].Done.IsZero() || !notices[0].Next.IsZero() {
			r.Errorf("attempts %+v", attempts)
		}
	})
}

func TestAMessageIsGivenUpAfterHours(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.alert(nil)
		n := r.start(nil)
		defer n.stop()
		time.Sleep(time.Minute)
		r.sent.breaks(true)
		r.traffic(n, 5*time.Minute, false)
		time.Sleep(12 * time.Hour)
		if want := len(waits) + 1; r.sent.tries%want != 0 || r.sent.tries == 0 {
			r.Errorf("%d attempts, want %d for each message", r.sent.tries, want)
		}
		due, err := r.store.DueNotices(r.Context(), time.Now().Add(24*time.Hour), 10)
		r.ok(err)
		if len(due) != 0 || !strings.Contains(r.log.String(), "given up") {
			r.Errorf("still due: %+v", due)
		}
	})
}

func TestASensorThatGoesAwayIsToldOfAndOneThatComesBackToo(t *testing.T) {
	inBubble(t, func(r *rig) {
		other := r.enrol(4, "branch")
		r.alert(func(s *alert.Spec) {
			s.Name, s.Metric, s.Side, s.Threshold, s.MinCalls = "offline", alert.Offline, alert.Above, 180, 0
		})
		links := &noLinks{}
		links.set(r.sensor.UUID, other.UUID)
		n := r.start(links)
		time.Sleep(10 * time.Minute)
		r.told()
		links.set(r.sensor.UUID)
		time.Sleep(3 * time.Minute)
		r.told()
		time.Sleep(90 * time.Second)
		r.told(alert.EventFiring)
		if m := r.sent.last().Message; len(m.Keys) != 1 || m.Keys[0].Label != "sensor 4 (branch)" || m.Keys[0].Link != "" || !strings.Contains(m.Summary, "offline for 3 min") {
			r.Errorf("message %+v", m)
		}
		links.set(r.sensor.UUID, other.UUID)
		time.Sleep(time.Minute)
		r.told(alert.EventResolved)
		// hosted is down for an hour: sensors that come back at once were not away.
		n.stop()
		time.Sleep(time.Hour)
		links.set()
		n = r.start(links)
		defer n.stop()
		time.Sleep(90 * time.Second)
		links.set(r.sensor.UUID, other.UUID)
		time.Sleep(10 * time.Minute)
		r.told()
	})
}

func TestSwitchingOffEndsAnIncidentAndRemovingToo(t *testing.T) {
	inBubble(t, func(r *rig) {
		a := r.alert(nil)
		n := r.start(nil)
		defer n.stop()
		time.Sleep(time.Minute)
		r.traffic(n, 10*time.Minute, false)
		r.told(alert.EventFiring)
		a = r.change(a, func(s *alert.Spec) { s.Threshold, s.Name = 30, "renamed" })
		r.traffic(n, 2*time.Minute, false)
		r.told() // the same figures: it goes on
		a = r.change(a, func(s *alert.Spec) { s.Enabled = false })
		time.Sleep(time.Minute)
		r.told(alert.EventResolved)
		if all := r.incidents(); len(all) != 1 || all[0].End != alert.EndChanged || all[0].Name != "renamed" {
			r.Errorf("history %+v", all)
		}
		a = r.change(a, func(s *alert.Spec) { s.Enabled = true })
		time.Sleep(time.Minute)
		r.traffic(n, 5*time.Minute, false)
		r.told(alert.EventFiring)
		r.ok(r.store.DeleteAlert(r.Context(), r.tenant.ID, a.ID))
		time.Sleep(time.Minute)
		r.told() // whom to tell is gone with it
		for _, i := range r.incidents() {
			if i.Ended == 0 {
				r.Errorf("%s lasts though its alert is gone", i.ID)
			}
		}
		if states, err := r.store.AlertStates(r.Context(), r.tenant.ID); err != nil || len(states) != 0 {
			r.Errorf("states %v, %v", states, err)
		}
	})
}

func TestASilencedAlertTellsNobodyUntilTheSilenceEnds(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.alert(nil)
		_, err := r.store.CreateSilence(r.Context(), store.Silence{Tenant: r.tenant.ID, From: time.Now(), To: time.Now().Add(20 * time.Minute)}, 10)
		r.ok(err)
		n := r.start(nil)
		defer n.stop()
		time.Sleep(time.Minute)
		r.traffic(n, 18*time.Minute, false)
		r.told()
		r.traffic(n, 3*time.Minute, false)
		r.told(alert.EventFiring)
	})
}

func TestATenantsMessagesAreBounded(t *testing.T) {
	inBubble(t, func(r *rig) {
		for range 3 {
			r.alert(nil)
		}
		n := r.start(nil)
		defer n.stop()
		for range maxPerHour - 1 {
			n.budget.take(r.tenant.ID, time.Now())
		}
		time.Sleep(time.Minute)
		r.traffic(n, 10*time.Minute, false)
		r.told(alert.EventFiring)
		unsent := 0
		for _, i := range r.incidents() {
			notices, err := r.store.Notices(r.Context(), r.tenant.ID, i.ID)
			r.ok(err)
			for _, x := range notices {
				if x.Done.IsZero() {
					unsent++
					if !strings.Contains(x.Attempts[0].Result, "messages in an hour") {
						r.Errorf("%+v", x)
					}
				}
			}
		}
		if unsent != 2 {
			r.Errorf("%d messages say that they were not sent, want 2", unsent)
		}
		if !n.budget.take(r.tenant.ID, time.Now().Add(time.Hour)) {
			r.Error("there is no room an hour later")
		}
	})
}

func TestAnotherTenantsTrafficIsNotCounted(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.alert(nil)
		n := r.start(nil)
		defer n.stop()
		time.Sleep(time.Minute)
		for range 20 {
			n.Stored(r.tenant.ID+1, slices.Repeat([]protocol.CDR{{End: protocol.TimeOf(time.Now()), Status: 503}}, 10))
			time.Sleep(30 * time.Second)
		}
		r.told()
	})
}

func TestAPreviewSaysWhenItWouldHaveFired(t *testing.T) {
	inBubble(t, func(r *rig) {
		n := r.start(nil)
		defer n.stop()
		r.traffic(n, time.Hour, true)
		r.traffic(n, 20*time.Minute, false)
		r.traffic(n, time.Hour, true)
		s := alert.Spec{Name: "x", Metric: alert.ASR, Threshold: 40, WindowMS: 300_000}
		s.Defaults()
		now := time.Now()
		p, err := n.Preview(r.Context(), r.tenant.ID, s, now.Add(-24*time.Hour), now)
		r.ok(err)
		if len(p.Incidents) != 1 || p.Calls != 1400 || p.From != protocol.TimeOf(now.Add(-24*time.Hour)) {
			r.Fatalf("%+v", p)
		}
		if d := p.Incidents[0].Ended.Sub(p.Incidents[0].Started); d < 15*time.Minute || d > 25*time.Minute {
			r.Errorf("it would have fired for %s, want about 20 min", d)
		}
		s.Metric, s.Side, s.Threshold = alert.Offline, alert.Above, 10
		s.By = alert.BySensor
		if p, err := n.Preview(r.Context(), r.tenant.ID, s, now.Add(-time.Hour), now); err != nil || p.From != 0 {
			r.Errorf("of sensors that have said nothing: %+v, %v", p, err)
		}
	})
}

func TestComparedWithAWeekAgo(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.alert(func(s *alert.Spec) {
			s.Metric, s.Side, s.LastWeek, s.Threshold, s.MinCalls = alert.Calls, alert.Below, true, 50, 0
		})
		n := r.start(nil)
		r.traffic(n, time.Hour, true)
		n.stop()
		time.Sleep(7*24*time.Hour - time.Hour)
		n = r.start(nil)
		defer n.stop()
		r.traffic(n, 20*time.Minute, true)
		r.told()
		time.Sleep(6 * time.Minute)
		r.told(alert.EventFiring)
		if m := r.sent.last().Message; !strings.Contains(m.Alert.Condition, "50 % of last week's") {
			r.Errorf("%s", m.Alert.Condition)
		}
	})
}

// slowStore finds no past calls in time.
type slowStore struct{ store.Store }

func (slowStore) Calls(ctx context.Context, _ store.TenantID, _ store.CallQuery) (store.CallPage, error) {
	<-ctx.Done()
	return store.CallPage{}, ctx.Err()
}

func TestAWindowThatIsNotAllCountedIsNoReasonToMissCalls(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.calls(nil, time.Now().Add(-10*time.Minute), 20, true) // which the store does not find in time
		r.store = slowStore{r.store}
		r.alert(func(s *alert.Spec) {
			s.Metric, s.Side, s.Threshold, s.WindowMS, s.MinCalls = alert.Calls, alert.Below, 5, 3_600_000, 0
		})
		n := r.start(nil)
		defer n.stop()
		time.Sleep(55 * time.Minute)
		r.told()
		time.Sleep(10 * time.Minute) // now the whole window is known to be without calls
		r.told(alert.EventFiring)
	})
}
