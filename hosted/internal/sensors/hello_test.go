package sensors

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/protocol/link"
)

// testTLSPair does a handshake over a pipe and gives both sides' errors.
func testTLSPair(t *testing.T, client *tls.Config, cert *tls.Certificate) (server, clientErr error) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	done := make(chan error, 1)
	go func() {
		done <- tls.Server(a, &tls.Config{Certificates: []tls.Certificate{*cert}, NextProtos: client.NextProtos}).Handshake()
		a.Close()
	}()
	clientErr = tls.Client(b, client).Handshake()
	b.Close()
	return <-done, clientErr
}

func TestHelloRefusesWithAStableCode(t *testing.T) {
	for _, c := range []struct {
		name string
		code string
		prep func(r *rig, id *link.Identity, info *protocol.SensorInfo)
	}{
		{"revoked", protocol.CodeRevoked, func(r *rig, id *link.Identity, _ *protocol.SensorInfo) {
			if err := r.store.RevokeSensor(t.Context(), r.tenant, id.UUID); err != nil {
				t.Fatal(err)
			}
		}},
		{"tenant suspended", protocol.CodeTenantSuspended, func(r *rig, _ *link.Identity, _ *protocol.SensorInfo) { r.store.suspended.Store(true) }},
		{"known bad build", protocol.CodeKnownBadBuild, func(_ *rig, _ *link.Identity, i *protocol.SensorInfo) { i.Version = "0.9" }},
		{"clock behind", protocol.CodeClockSkew, func(_ *rig, _ *link.Identity, i *protocol.SensorInfo) { i.Clock -= 11 * 60 * 1e6 }},
		{"clock ahead", protocol.CodeClockSkew, func(_ *rig, _ *link.Identity, i *protocol.SensorInfo) { i.Clock += 11 * 60 * 1e6 }},
		{"no number", protocol.CodeBadRequest, func(_ *rig, _ *link.Identity, i *protocol.SensorInfo) { i.SensorID = 0 }},
		{"number taken", protocol.CodeSensorIDCollision, func(r *rig, _ *link.Identity, i *protocol.SensorInfo) {
			r.enrol(r.tenant, 8)
			i.SensorID = 8
		}},
		{"key of another CA", protocol.CodeNotPaired, func(r *rig, id *link.Identity, _ *protocol.SensorInfo) {
			other := newRig(t, Limits{})
			mine := id.CA
			*id = *other.enrol(other.tenant, 7)
			id.CA = mine
		}},
		{"no certificate", protocol.CodeNotPaired, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, Limits{BadBuilds: []BadBuild{{Version: "0.9", Reason: "loses calls"}}})
			id, info := r.enrol(r.tenant, 7), r.info(7, "b")
			d := r.dialer(id)
			if c.prep != nil {
				c.prep(r, id, &info)
			} else {
				d.Identity = nil
			}
			for _, probe := range []bool{false, true} {
				conn, err := link.Connect(t.Context(), d, r.addr)
				if err != nil {
					t.Fatal(err)
				}
				_, err = conn.Hello(t.Context(), link.Hello{Info: info, Probe: probe})
				conn.Close()
				if p := wantProblem(t, err, c.code); p.Title == "" || p.Status/100 != 4 {
					t.Errorf("problem %+v", p)
				}
			}
		})
	}
}

func TestHelloRefusesVersionsItDoesNotSpeak(t *testing.T) {
	r := newRig(t, Limits{})
	for _, v := range [][2]int{{2, 9}, {0, 0}, {2, 1}} {
		wantProblem(t, r.svc.checkBuild(r.info(7, "b"), v[0], v[1]), protocol.CodeProtocolUnsupported)
	}
	if err := r.svc.checkBuild(r.info(7, "b"), 0, 9); err != nil {
		t.Error(err)
	}
}

func TestProbeOpensNoSessionAndDisturbsNone(t *testing.T) {
	r := newRig(t, Limits{})
	id := r.enrol(r.tenant, 7)
	s, err := r.online(id, r.info(7, "b"), nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := link.CheckHello(t.Context(), r.dialer(id), r.addr, r.info(7, ""))
	if err != nil || a.Session != nil || a.Tenant != "Acme" {
		t.Fatalf("%+v, %v", a, err)
	}
	time.Sleep(20 * time.Millisecond)
	if s.gone() || r.svc.Client(id.UUID) == nil {
		t.Error("the probe ended the sensor's session")
	}
}

func TestSensorWithAFreeNumberMayChangeIt(t *testing.T) {
	r := newRig(t, Limits{})
	id := r.enrol(r.tenant, 7)
	if err := r.hello(id, r.info(9, "b")); err != nil {
		t.Fatal(err)
	}
	s, err := r.store.SensorByNumber(t.Context(), r.tenant, 9)
	if err != nil || s.UUID != id.UUID {
		t.Errorf("number 9 is held by %s, %v; want %s", s.UUID, err, id.UUID)
	}
}

func TestSecondMachineWithTheSameKeyIsRefusedWhileTheFirstAnswers(t *testing.T) {
	r := newRig(t, Limits{})
	id := r.enrol(r.tenant, 7)
	first, err := r.online(id, r.info(7, "first"), nil)
	if err != nil {
		t.Fatal(err)
	}
	p := wantProblem(t, r.hello(id, r.info(7, "second")), protocol.CodeSensorIDCollision)
	if p.Fields["reason"] != "cloned-key" || p.Fields["name"] != "pbx-first" {
		t.Errorf("fields %v", p.Fields)
	}
	if first.gone() {
		t.Error("the first was disconnected")
	}
	// The first ends, and the second comes again: now it is the only one.
	first.stop()
	r.eventually("the first is offline", func() bool { return len(r.svc.Online(r.tenant)) == 0 })
	if err := r.hello(id, r.info(7, "second")); err != nil {
		t.Error(err)
	}
}

func TestReconnectOfTheSameProcessReplacesItsSession(t *testing.T) {
	r := newRig(t, Limits{})
	id := r.enrol(r.tenant, 7)
	old, err := r.online(id, r.info(7, "b"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.online(id, r.info(7, "b"), nil); err != nil {
		t.Fatal(err)
	}
	r.eventually("the old session has ended", old.gone)
}

func TestTwoMachinesThatReplaceEachOtherAreQuarantined(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	note := func(stored []byte, boot string) (_ []byte, quarantined, fresh bool) { // as the nodes do by turns, through the store
		b := readBoots(stored)
		quarantined, fresh = b.note(boot, now)
		stored, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		return stored, quarantined, fresh
	}
	var known []byte
	for i, step := range []struct {
		boot               string
		after              time.Duration
		quarantined, fresh bool
	}{
		{"a", 0, false, false},
		{"b", 10 * time.Second, false, false},
		{"a", 10 * time.Second, false, false}, // first flap
		{"b", 10 * time.Second, false, false},
		{"a", 10 * time.Second, true, true}, // third
		{"b", 10 * time.Second, true, false},
		{"a", 5 * time.Minute, false, false}, // over
	} {
		now = now.Add(step.after)
		var q, f bool
		if known, q, f = note(known, step.boot); q != step.quarantined || f != step.fresh {
			t.Errorf("step %d: quarantined %v, fresh %v; want %v, %v", i, q, f, step.quarantined, step.fresh)
		}
	}
	known = nil
	for i := range 500 { // a sensor that crashes all the time is nobody's copy, and costs no more and more
		now = now.Add(time.Second)
		var q bool
		if known, q, _ = note(known, fmt.Sprint("boot ", i)); q {
			t.Fatal("a sensor that restarts often is quarantined")
		}
	}
	if n := len(readBoots(known).Seen); n > maxBoots+1 {
		t.Errorf("%d starts are remembered", n)
	}
	if b := readBoots([]byte("garbage")); len(b.Seen) != 0 {
		t.Errorf("garbage is read as %+v", b)
	}
}

func TestASecondHelloOnAConnectionIsRefusedAndDisturbsNothing(t *testing.T) {
	r := newRig(t, Limits{})
	id := r.enrol(r.tenant, 7)
	s, err := r.online(id, r.info(7, "b"), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.up.Hello(t.Context(), link.Hello{Info: r.info(7, "b")})
	wantProblem(t, err, protocol.CodeBadRequest)
	if l, err := r.store.SensorLink(t.Context(), r.tenant, id.UUID); err != nil || l.Generation != 1 || l.Node == "" {
		t.Errorf("its link: %+v, %v", l, err)
	}
	if s.gone() || r.svc.Client(id.UUID) == nil {
		t.Error("the sensor was disconnected")
	}
}

// A hosted that crashed left links in the store; its successor takes them over, whatever process the sensor is by now.
func TestLinksThatACrashLeftBehindHoldNobodyUp(t *testing.T) {
	r := newRig(t, Limits{})
	id := r.enrol(r.tenant, 7)
	if err := r.store.UpdateSensorLink(t.Context(), r.tenant, id.UUID, func(l *store.SensorLink, _ store.LinkTotals) error {
		l.Node, l.Generation, l.Boot, l.Since = "crashed", 5, "before", r.now()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.online(id, r.info(7, "after"), nil); err != nil {
		t.Fatal(err)
	}
	if l, err := r.store.SensorLink(t.Context(), r.tenant, id.UUID); err != nil || l.Generation != 6 || l.Boot != "after" {
		t.Errorf("its link: %+v, %v", l, err)
	}
}

func TestRevocationClosesLiveLinks(t *testing.T) {
	for _, c := range []struct {
		name string
		tell bool
	}{{"told", true}, {"by another process", false}} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, Limits{Recheck: 50 * time.Millisecond})
			id := r.enrol(r.tenant, 7)
			s, err := r.online(id, r.info(7, "b"), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.store.RevokeSensor(t.Context(), r.tenant, id.UUID); err != nil {
				t.Fatal(err)
			}
			if c.tell {
				r.svc.Disconnect(id.UUID)
			}
			r.eventually("the link is closed", func() bool { return s.gone() && r.svc.Client(id.UUID) == nil })
			wantProblem(t, r.hello(id, r.info(7, "b")), protocol.CodeRevoked)
		})
	}
}

func TestTenantsDoNotSeeEachOthersSensors(t *testing.T) {
	r := newRig(t, Limits{})
	other := r.newTenant("Other")
	a, b := r.enrol(r.tenant, 7), r.enrol(other, 7)
	sa, err := r.online(a, r.info(7, "a"), nil)
	if err != nil {
		t.Fatal(err)
	}
	sb, err := r.online(b, r.info(7, "b"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		tenant store.TenantID
		want   protocol.UUID
	}{{r.tenant, a.UUID}, {other, b.UUID}} {
		if got := r.svc.Online(c.tenant); len(got) != 1 || got[0] != c.want {
			t.Errorf("tenant %d sees %v, want %v", c.tenant, got, c.want)
		}
	}
	// The same numbers and the same call ids: each goes to its own tenant.
	if _, err := sa.up.Send(t.Context(), batch(t, 1, 1, 0, 3)); err != nil {
		t.Fatal(err)
	}
	if _, err := sb.up.Send(t.Context(), batch(t, 1, 1, 0, 2)); err != nil {
		t.Fatal(err)
	}
	if n, m := r.stored(r.tenant), r.stored(other); n != 3 || m != 2 {
		t.Errorf("%d and %d calls, want 3 and 2", n, m)
	}
}

// A down connection that knows the certificate but not the session, as a copy of the disk would, gets no requests.
func TestReverseConnectionWithoutTheSessionIsRefused(t *testing.T) {
	r := newRig(t, Limits{})
	id := r.enrol(r.tenant, 7)
	c, err := link.Connect(t.Context(), r.dialer(id), r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Hello(t.Context(), link.Hello{Info: r.info(7, "b")}); err != nil {
		t.Fatal(err)
	}
	down, err := r.dialer(id).Dial(t.Context(), r.addr, link.ALPNDown)
	if err != nil {
		t.Fatal(err)
	}
	err = link.ServeConn(t.Context(), down, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		link.WriteMessage(w, link.Session{Session: make([]byte, 16)})
	}))
	if err != nil {
		t.Fatal(err)
	}
	if r.svc.Client(id.UUID) != nil {
		t.Error("hosted calls a connection that does not know its session")
	}
}

func TestConnectionWithoutHelloIsClosed(t *testing.T) {
	r := newRig(t, Limits{HelloWithin: time.Second}) // long enough to enrol on a machine that is busy
	id := r.enrol(r.tenant, 7)
	c, err := link.Connect(t.Context(), r.dialer(id), r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	select {
	case <-c.Done():
	case <-time.After(20 * time.Second):
		t.Error("still open after 20 s")
	}
}

func TestStrangersAreToldWhereTheyAre(t *testing.T) {
	r := newRig(t, Limits{})
	dial := func() net.Conn {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		return c
	}
	answer := func(c net.Conn, say string) string {
		if _, err := io.WriteString(c, say); err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(c) // the end may be a reset
		return string(b)
	}
	foreignTLS := func(alpn ...string) net.Conn {
		return tls.Client(dial(), &tls.Config{InsecureSkipVerify: true, NextProtos: alpn, MaxVersion: tls.VersionTLS12})
	}
	for _, c := range []struct {
		name, say string
		conn      net.Conn
		http      bool
	}{
		{"plain HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", dial(), true},
		{"another protocol", "REGISTER sip:x SIP/2.0\r\n", dial(), false},
		{"HTTPS of a browser", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", foreignTLS("h2", "http/1.1"), true},
		{"TLS without ALPN", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", foreignTLS(), true},
		{"TLS with foreign ALPN", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", foreignTLS("imap"), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := answer(c.conn, c.say)
			if !strings.Contains(got, "port where sensors connect") || strings.HasPrefix(got, "HTTP/1.1 421") != c.http {
				t.Errorf("answer %q", got)
			}
		})
	}
}

func TestListenerSurvivesGarbage(t *testing.T) {
	r := newRig(t, Limits{})
	for _, b := range [][]byte{{0x16}, {0x16, 3, 1, 0xff, 0xff}, bytes.Repeat([]byte{0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0}, 100), {0}, {}} {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write(b) // it may be closed already
		c.Close()
	}
	if err := r.hello(r.enrol(r.tenant, 7), r.info(7, "b")); err != nil {
		t.Error(err)
	}
}
