package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"voiptop/fixtures/gen"
	"voiptop/fixtures/stack"
	"voiptop/protocol"
)

const ended = "../../../fixtures/pcap/sipp-answered-pcmu"

// clone copies the disk of a sensor to another machine, which goes to another node.
func (p *pair) clone(s, to *stack.Stack) *stack.Stack {
	p.t.Helper()
	c := to.Another(p.t.TempDir())
	if err := os.CopyFS(filepath.Join(c.Dir, "state", "identity"), os.DirFS(filepath.Join(s.Dir, "state", "identity"))); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(c.Dir, "state", "identity", "key.pem"), 0o600); err != nil {
		p.t.Fatal(err)
	}
	conf, err := os.ReadFile(s.Conf)
	if err != nil {
		p.t.Fatal(err)
	}
	text := strings.ReplaceAll(strings.ReplaceAll(string(conf), s.Dir, c.Dir), s.Servers, to.Sensors)
	for path, b := range map[string][]byte{c.Conf: []byte(text), filepath.Join(c.Dir, "sensor.rules"): nil} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
	p.t.Cleanup(func() { c.Close() })
	return c
}

// refused waits until a sensor says over its socket that hosted refuses it, and answers why.
func (p *pair) refused(s *stack.Stack) (why *protocol.Problem) {
	p.t.Helper()
	p.eventually("the sensor is refused", func() bool {
		h, err := health(p.ctx, s.Socket)
		if err != nil {
			return false
		}
		why = h.Link.LastError
		return h.Link.State == "refused"
	})
	return why
}

// A key on two machines, of which one is at each node, is found as if both were at one; and so is a number that two sensors want.
func TestCollisionsAreFoundAcrossNodes(t *testing.T) {
	both(t, func(t *testing.T, args ...string) {
		p := start(t, time.Minute, args...)
		first := p.sensor(p.a, p.ca, 1, "", p.a)
		p.run(first, "-r", ended, "--stay")
		at := p.at(p.cb, 1, "a")
		p.eventually("the first sensor answers through the other node", func() bool { // so it is there for all nodes, both ways
			_, err := p.cb.File(p.ctx, "/sensors/"+at.UUID.String()+"/api/info")
			return err == nil
		})
		copied := p.clone(first, p.b)
		p.run(copied, "-r", ended, "--stay")
		if why := p.refused(copied); why.Code != protocol.CodeSensorIDCollision || why.Fields["reason"] != "cloned-key" || why.Fields["addr"] == "" {
			t.Errorf("the copied disk at the other node: %+v", why)
		}
		if s := p.at(p.ca, 1, "a"); !s.Online {
			t.Errorf("the first sensor was disturbed: %+v", s)
		}

		// The first ends: the copy is the only one now, and may stay.
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		if err := copied.KillSensor(); err != nil {
			t.Fatal(err)
		}
		p.run(copied, "-r", ended, "--stay")
		p.at(p.ca, 1, "b")

		// Another sensor with the same number is refused at the other node when it wants to enrol.
		other := p.a.Another(t.TempDir())
		other.Servers = p.a.Sensors
		if err := other.Pair(p.ctx, p.ca, 1, ""); err == nil || !strings.Contains(err.Error(), "id_sensor 1 is taken") {
			t.Errorf("a second sensor with number 1: %v", err)
		}
	})
}

// A user's and a tenant's downloads are counted over all nodes.
func TestDownloadsAreLimitedOverAllNodes(t *testing.T) {
	p := start(t, time.Minute, "--downloads-per-user", "2", "--downloads-per-tenant", "3")
	s := p.sensor(p.a, p.ca, 1, "all: keep rtp\n", p.a)
	pcap := filepath.Join(t.TempDir(), "long.pcap")
	traffic(t, pcap, gen.Config{Seed: 3, Calls: 1, Talk: 25 * time.Minute})
	p.run(s, "-r", pcap, "--stay")
	var call protocol.CDR
	p.eventually("the call is kept", func() bool {
		call = p.calls(p.ca, 1)[0]
		return call.Capture.Bytes > 0
	})
	tokens := map[string]string{}
	for _, name := range []string{"ann", "bob"} {
		for _, command := range [][]string{{"user", "add", name, "--role", "user"}, {"user", "token", name}} {
			out, err := exec.CommandContext(p.ctx, filepath.Join(bin, "hosted"), append(command, "--db", p.db)...).Output()
			if err != nil {
				t.Fatalf("hosted %v: %v", command, err)
			}
			tokens[name] = strings.TrimSpace(string(out))
		}
	}
	path := "/calls/" + call.ID.String() + "/capture"
	p.begin(p.a.URL, "/api/v1"+path, tokens["ann"])
	second := p.begin(p.b.URL, "/api/v1"+path, tokens["ann"])
	for name, node := range map[string]*stack.Stack{"a": p.a, "b": p.b} {
		if res, got := get(p.ctx, t, node, tokens["ann"], path, "Range", "bytes=0-9"); res.StatusCode != http.StatusTooManyRequests || !strings.Contains(string(got), "of the user") {
			t.Errorf("a third one of the user at node %s: %s %s", name, res.Status, got)
		}
	}
	p.begin(p.b.URL, "/api/v1"+path, tokens["bob"])
	if res, got := get(p.ctx, t, p.a, tokens["bob"], path, "Range", "bytes=0-9"); res.StatusCode != http.StatusTooManyRequests || !strings.Contains(string(got), "of the tenant") {
		t.Errorf("a fourth one of the tenant: %s %s", res.Status, got)
	}
	second.Close()
	p.eventually("there is room again", func() bool {
		res, _ := get(p.ctx, t, p.a, tokens["bob"], path, "Range", "bytes=0-9")
		return res.StatusCode == http.StatusPartialContent
	})
}
