package doctor

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/link"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/conf"
	"voiptop/tui/doctor/nft"
)

// Env is the world as checks see it. NewEnv gives the real one; tests replace parts.
type Env struct {
	ConfPath string
	Now      func() time.Time
	Dial     link.DialFunc
	Root     string // what /proc, /etc and /sys are below, "" for /

	// Resolve asks as sensord does: Go's resolver, which reads /etc/resolv.conf and /etc/hosts and nothing else.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// SystemResolve asks as the C library does, with all of /etc/nsswitch.conf. errors.ErrUnsupported: no way to ask.
	SystemResolve func(ctx context.Context, host string) ([]netip.Addr, error)

	Machine     func() (string, error)                          // of the kernel, as uname -m
	ClockSynced func() (bool, error)                            // what the kernel says of its clock
	Disk        func(dir string) (free, size uint64, err error) // bytes
	Ruleset     func(context.Context) ([]byte, error)           // of the firewall, as nft -j list ruleset
	Unit        func(ctx context.Context, name string) (map[string]string, error)
	Log         func(ctx context.Context, unit string, span time.Duration) ([]string, error)
	Programs    []string // where a sensord that does not run is looked for
	Interfaces  func() ([]net.Interface, error)
	Addresses   func() ([]net.Addr, error)                                                // of this machine
	Lookup      func(name string) (*Account, error)                                       // a user, by name or number
	Try         func(ctx context.Context, a *Account, op, path string) (ok bool, _ error) // test(1) as that user

	api     API // nil: the socket that the configuration names
	conf    memo[*conf.Config]
	health  memo[protocol.Health]
	rules   memo[sensorapi.Rules]
	ident   memo[*link.Identity]
	hello   memo[*link.HelloAnswer]
	who     memo[*Account]
	ruleset memo[*nft.Ruleset]
	helloAt time.Duration // clock of hosted minus ours
	server  string        // the first that accepted a connection
	reached bool          // whether one does was tried
}

// memo keeps the answer to a question that several checks ask.
type memo[T any] struct {
	done bool
	v    T
	err  error
}

func (m *memo[T]) get(f func() (T, error)) (T, error) {
	if !m.done {
		m.v, m.err = f()
		m.done = true
	}
	return m.v, m.err
}

// NewEnv is the real world.
func NewEnv(confPath string) *Env {
	resolver := &net.Resolver{PreferGo: true}
	programs := []string{"/usr/sbin/sensord", "/usr/local/sbin/sensord", "/usr/bin/sensord", "/usr/local/bin/sensord"}
	if p, err := exec.LookPath("sensord"); err == nil {
		programs = append([]string{p}, programs...)
	}
	if p, err := os.Executable(); err == nil {
		programs = append(programs, filepath.Join(filepath.Dir(p), "sensord"))
	}
	return &Env{
		ConfPath: confPath,
		Now:      time.Now,
		Dial:     (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		Resolve: func(ctx context.Context, host string) ([]netip.Addr, error) {
			return resolver.LookupNetIP(ctx, "ip", host)
		},
		SystemResolve: getent,
		Machine:       machine,
		ClockSynced:   clockSynced,
		Disk:          disk,
		Ruleset:       ruleset,
		Unit:          unit,
		Log:           unitLog,
		Programs:      programs,
		Interfaces:    net.Interfaces,
		Addresses:     net.InterfaceAddrs,
		Lookup:        lookup,
		Try:           try,
	}
}

// begin forgets what was learned in the run before.
func (e *Env) begin() {
	e.conf, e.health, e.rules = memo[*conf.Config]{}, memo[protocol.Health]{}, memo[sensorapi.Rules]{}
	e.ident, e.hello, e.who = memo[*link.Identity]{}, memo[*link.HelloAnswer]{}, memo[*Account]{}
	e.ruleset = memo[*nft.Ruleset]{}
	e.server, e.reached = "", false
}

func (e *Env) path(p string) string { return filepath.Join(e.Root, p) }

// Conf is the configuration as far as it was understood. err is that of reading the file, not of its contents.
func (e *Env) Conf() (*conf.Config, error) {
	return e.conf.get(func() (*conf.Config, error) {
		c, err := conf.Load(e.ConfPath)
		var inside conf.Errors
		if errors.As(err, &inside) {
			err = nil
		}
		return c, err
	})
}

// config is Conf for checks that need conf-readable; the defaults when the user skipped that.
func (e *Env) config() *conf.Config {
	if c, err := e.Conf(); err == nil {
		return c
	}
	return conf.Default()
}

// Health asks the running sensor how it does.
func (e *Env) Health(ctx context.Context) (protocol.Health, error) {
	return e.health.get(func() (protocol.Health, error) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if e.api != nil {
			return e.api.Health(ctx)
		}
		return sensorapi.Dial(e.config().Socket).Health(ctx)
	})
}

func (e *Env) identityDir() string { return filepath.Join(e.config().StateDir, "identity") }

// Identity is that of the sensor.
func (e *Env) Identity() (*link.Identity, error) {
	return e.ident.get(func() (*link.Identity, error) { return link.LoadIdentity(e.identityDir()) })
}

// trust says what hosted is held to: the paired CA, server_fingerprint, or the CA that the token names.
func (e *Env) trust() (t link.Trust, known bool, err error) {
	c := e.config()
	if id, err := e.Identity(); err == nil {
		t.CA, known = id.CA, true
	}
	if c.Fingerprint != "" {
		if t.Fingerprint, err = link.ParseFingerprint(c.Fingerprint); err != nil {
			return t, false, err
		}
		known = true
	}
	if !known && c.Token != "" {
		token, err := link.ParseToken(string(c.Token))
		if err != nil {
			return t, false, err
		}
		t.Fingerprint, known = token.CA, true
	}
	return t, known, nil
}

// Hello says hello to hosted as a probe, once.
func (e *Env) Hello(ctx context.Context) (*link.HelloAnswer, error) {
	return e.hello.get(func() (*link.HelloAnswer, error) {
		if e.reached && e.server == "" {
			return nil, errNotReached // trying again would only take as long again
		}
		id, err := e.Identity()
		if err != nil {
			return nil, err
		}
		t, _, err := e.trust()
		if err != nil {
			return nil, err
		}
		d := &link.Dialer{Identity: id, Trust: t, Net: e.dial(), Now: e.Now}
		before := e.Now()
		a, err := link.CheckHello(ctx, d, e.target(), e.sensorInfo(ctx))
		if err == nil {
			after := e.Now()
			e.helloAt = a.Clock.Std().Sub(before.Add(after.Sub(before) / 2))
		}
		return a, err
	})
}

// errNotReached is that no server accepted a connection, as the checks of the network have said.
var errNotReached = errors.New("hosted was not reached")

// dial is how hosted is reached: straight, or through server_proxy.
func (e *Env) dial() link.DialFunc { return link.ThroughProxy(e.config().Proxy, e.Dial) }

// target is the server to talk to: the first that accepted a connection, else the first that is configured.
func (e *Env) target() string {
	if e.server != "" {
		return e.server
	}
	if s := e.config().Servers; len(s) > 0 {
		return s[0]
	}
	return ""
}

// sensorInfo is what the sensor says of itself in hello: asked of the running one, else put together as it would.
func (e *Env) sensorInfo(ctx context.Context) protocol.SensorInfo {
	if h, err := e.Health(ctx); err == nil {
		h.Info.Clock = protocol.TimeOf(e.Now())
		return h.Info
	}
	c := e.config()
	name := c.Name
	if name == "" {
		name, _ = os.Hostname() // none is shown as none
	}
	id, _ := os.ReadFile(e.path("/etc/machine-id"))
	return protocol.SensorInfo{
		SensorID: c.SensorID, Name: name, Version: protocol.Version, Commit: protocol.Commit, OS: runtime.GOOS, Arch: runtime.GOARCH,
		MachineID: string(bytes.TrimSpace(id)), Clock: protocol.TimeOf(e.Now()),
	}
}

// getent asks the C library for the addresses of a name.
func getent(ctx context.Context, host string) ([]netip.Addr, error) {
	path, err := exec.LookPath("getent")
	if err != nil {
		return nil, errors.ErrUnsupported
	}
	out, err := exec.CommandContext(ctx, path, "ahosts", host).Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	var list []netip.Addr
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) > 0 {
			if a, err := netip.ParseAddr(f[0]); err == nil {
				list = append(list, a)
			}
		}
	}
	return list, nil
}
