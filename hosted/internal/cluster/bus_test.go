package cluster

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

func TestNodesWorkOnWithoutNATSAndFindItAgain(t *testing.T) {
	r := newRig(t)
	server, port := r.nats(-1)
	a, b := r.node("a", withNATS(port)), r.node("b", withNATS(port))
	one := r.must(r.comes(a, 1, "boot", names("one")))
	r.eventually("the link is announced", func() bool { return b.bus.complete() && b.bus.find(one.id).Node == a.ID() })
	server.Shutdown()
	r.eventually("NATS is away", func() bool { return !a.bus.connected() && !b.bus.connected() })
	two := r.must(r.comes(a, 2, "boot", names("two")))
	b.sees(one.id, "a")
	b.sees(two.id, "a")
	if name, err := b.asks(two.id); name != "two" || err != nil {
		t.Errorf("without NATS: %q, %v", name, err)
	}
	one.stop()
	b.sees(one.id, "")
	r.nats(port)
	r.eventually("all is known again", func() bool {
		return b.bus.connected() && b.bus.complete() && b.bus.find(two.id).Node == a.ID() && b.bus.find(one.id).Node == ""
	})
}

// A sensor is announced when it says hello, a moment before it can be called: who asks in between is not misled for good.
func TestASensorThatIsAskedForTooEarlyIsFoundLater(t *testing.T) {
	r := newRig(t)
	_, port := r.nats(-1)
	a, b := r.node("a", withNATS(port)), r.node("b", withNATS(port))
	r.eventually("they know each other", b.bus.complete)
	r.early = func(id protocol.UUID) {
		r.eventually("the link is announced", func() bool { return b.bus.find(id).Node == a.ID() })
		if _, err := b.asks(id); err == nil {
			t.Error("it answers without a connection to ask it on")
		}
	}
	s := r.must(r.comes(a, 1, "boot", names("at a")))
	r.eventually("all is known", b.bus.complete)
	b.sees(s.id, "a")
	if name, err := b.asks(s.id); name != "at a" || err != nil || b.bus.find(s.id).Node != a.ID() {
		t.Errorf("asked later: %q, %v", name, err)
	}
}

func TestAHostedStartsThoughNATSIsNotThereYet(t *testing.T) {
	r := newRig(t)
	server, port := r.nats(-1)
	server.Shutdown()
	a, b := r.node("a", withNATS(port)), r.node("b", withNATS(port))
	s := r.must(r.comes(a, 1, "boot", names("one")))
	b.sees(s.id, "a")
	r.nats(port)
	r.eventually("the link is announced", func() bool { return b.bus.complete() && b.bus.find(s.id).Node == a.ID() })
}

func TestAnnouncementsThatAreLostAreMadeGood(t *testing.T) {
	r := newRig(t)
	_, port := r.nats(-1)
	a, b := r.node("a", withNATS(port)), r.node("b", withNATS(port))
	r.eventually("they know each other", b.bus.complete)
	const many = 2*partSize + 7 // a list in three parts
	a.bus.mu.Lock()
	for i := range many {
		p := place{Tenant: r.tenant, Sensor: protocol.UUID{5}, Generation: uint64(i + 1)}
		binary.BigEndian.PutUint32(p.Sensor[12:], uint32(i))
		a.bus.ours[p.Sensor] = p
		a.bus.seq++
	}
	a.bus.mu.Unlock()
	r.eventually("all links are known though none was announced", func() bool { return len(b.bus.tenant(r.tenant)) == many && b.bus.complete() })
	// One ends unheard, the next change shows that something is missing.
	a.bus.mu.Lock()
	var ended, next place
	for _, p := range a.bus.ours {
		ended, next = next, p
	}
	delete(a.bus.ours, ended.Sensor)
	a.bus.seq++
	a.bus.mu.Unlock()
	a.bus.unlinked(store.SensorLink{Tenant: next.Tenant, Sensor: next.Sensor, Generation: next.Generation})
	r.eventually("both ends are known", func() bool { return len(b.bus.tenant(r.tenant)) == many-2 && b.bus.complete() })
}

func TestAnnouncementsOfOthersAreNotBelieved(t *testing.T) {
	r := newRig(t)
	_, port := r.nats(-1)
	a, b := r.node("a", withNATS(port)), r.node("b", withNATS(port))
	s := r.must(r.comes(a, 1, "boot", names("one")))
	r.eventually("the link is announced", func() bool { return b.bus.find(s.id).Node == a.ID() })
	c, err := nats.Connect(fmt.Sprintf("nats://127.0.0.1:%d", port))
	r.ok(err)
	defer c.Close()
	forged := &message{Node: store.Node{ID: "evil", Name: "evil", Addr: "192.0.2.1:1"}, Seq: 1, Up: []place{{r.tenant, s.id, 99}}}
	for _, key := range [][]byte{nil, []byte("guess")} {
		data, err := seal(key, forged)
		r.ok(err)
		r.ok(c.Publish(a.bus.subject+".node", data))
	}
	r.ok(c.Publish(a.bus.subject+".node", []byte("{}")))
	r.ok(c.Flush())
	time.Sleep(200 * time.Millisecond)
	if l := b.bus.find(s.id); l.Node != a.ID() {
		t.Errorf("the sensor is believed to be at %q", l.Node)
	}
	if s.gone() {
		t.Error("the sensor was disconnected")
	}
	for _, n := range b.others() {
		if n.ID == "evil" {
			t.Error("a node was believed")
		}
	}
}

func TestRulesThatWereChangedAtOneNodeAreToldToTheOthersAtOnce(t *testing.T) {
	r := newRig(t)
	_, port := r.nats(-1)
	told := make(chan string, 10)
	a, b := r.node("a", withNATS(port)), r.node("b", withNATS(port))
	b.Attach(kicked{b.local, func() { told <- "b" }})
	r.eventually("they know each other", func() bool { return a.bus.complete() && b.bus.complete() })
	a.RulesChanged()
	select {
	case <-told:
	case <-time.After(10 * time.Second):
		t.Error("the other node is not told")
	}
}

type kicked struct {
	Local
	f func()
}

func (k kicked) RulesChanged() { k.f() }

func TestAMessageIsOnlyOpenedWithItsKey(t *testing.T) {
	m := &message{Node: store.Node{ID: "x", Name: "n"}, Seq: 7, Down: []place{{1, protocol.UUID{2}, 3}}, Parts: 1}
	data, err := seal([]byte("key"), m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := open([]byte("key"), data)
	if err != nil || !reflect.DeepEqual(&got, m) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := open([]byte("other"), data); !errors.Is(err, errForged) {
		t.Errorf("with another key: %v", err)
	}
	for i := range data {
		bad := append([]byte(nil), data...)
		bad[i] ^= 1
		if _, err := open([]byte("key"), bad); !errors.Is(err, errForged) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
}

// FuzzOpen: what opens is what somebody with the key sealed, and says the same when it is sealed again.
func FuzzOpen(f *testing.F) {
	key := []byte("key")
	data, err := seal(key, &message{Node: store.Node{ID: "x"}, Up: []place{{1, protocol.UUID{2}, 3}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data, false)
	f.Add([]byte(`{"up":[{"t":1,"s":"00000000-0000-0000-0000-000000000001","g":2}]}`), true)
	f.Fuzz(func(t *testing.T, data []byte, sign bool) {
		if sign {
			data = append(sum(key, data), data...)
		}
		m, err := open(key, data)
		if err != nil {
			return
		}
		again, err := seal(key, &m)
		if err != nil {
			t.Fatalf("what was opened cannot be sealed: %v", err)
		}
		n, err := open(key, again)
		if err != nil {
			t.Fatalf("what was sealed cannot be opened: %v", err)
		}
		if third, err := seal(key, &n); err != nil || !bytes.Equal(again, third) {
			t.Fatalf("%s becomes %s, %v", again, third, err)
		}
	})
}
