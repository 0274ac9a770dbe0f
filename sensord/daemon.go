package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"voiptop/protocol"
	"voiptop/protocol/link"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/analyze"
	"voiptop/sensord/conf"
	"voiptop/sensord/internal/bpf"
	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/direct"
	"voiptop/sensord/internal/hep"
	"voiptop/sensord/internal/journal"
	"voiptop/sensord/internal/spool"
	"voiptop/sensord/internal/uplink"
)

// daemon holds the parts of a running sensor. newDaemon opens them, run starts and ends them.
type daemon struct {
	conf     *conf.Config
	opt      options
	log      *slog.Logger
	keys     *keyLog // nil when none is configured
	info     protocol.SensorInfo
	rules    *rulebook
	journal  *journal.Journal
	spool    *spool.Spool
	source   capture.Source
	pipeline *pipeline
	viewer   *viewer
	streams  *streamViewer
	uplink   *uplink.Uplink // nil when no server is configured
	listener net.Listener

	maxChannels atomic.Int64 // what hosted allows, 0: not known
	metrics     net.Listener // nil unless configured

	hepIn    *hep.Listener // nil unless it listens for HEP
	hepInput uint16        // the listener's number among the source's inputs
	hepOut   *hep.Sender   // nil unless HEP is sent

	transactions recent // requests outside of calls that ended last

	listening *listening
	direct    *direct.Service // nil unless direct_download allows it
	reading   chan struct{}   // has room for so many as read captures for their messages
}

func newDaemon(c *conf.Config, o options, log *slog.Logger) (_ *daemon, err error) {
	if err := c.CheckLive(len(o.read) > 0); err != nil {
		return nil, err
	}
	d := &daemon{conf: c, opt: o, log: log, listening: newListening(), direct: newDirect(c, log), reading: make(chan struct{}, messagesAtOnce)}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if d.source, err = d.open(); err != nil {
		return nil, err
	}
	if d.listener, err = listenSocket(c.Socket); err != nil {
		return nil, err
	}
	if c.MetricsListen != "" {
		if d.metrics, err = net.Listen("tcp", c.MetricsListen); err != nil {
			return nil, fmt.Errorf("metrics_listen: %w; choose another address in %s", err, c.Path)
		}
	}
	if err := d.giveUp(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.StateDir, 0o750); err != nil {
		return nil, fmt.Errorf("state_dir: %w; %s", err, writable(c.StateDir, c.Path))
	}
	ruleFile := c.RuleFile
	if ruleFile == "" {
		ruleFile = filepath.Join(c.StateDir, "local.rules")
	}
	d.rules = openRules(ruleFile, c.StateDir, len(c.Servers) > 0, log)
	if err := d.rules.unusable(); err != nil && len(o.read) > 0 { // of a replay somebody waits for what the rules keep
		return nil, err
	}
	if d.journal, err = journal.Open(journal.Config{Dir: filepath.Join(c.StateDir, "journal"), Clock: time.Now, Log: log}); err != nil {
		return nil, err
	}
	if n, err := d.journal.Interrupt(); err != nil {
		return nil, err
	} else if n > 0 {
		log.Warn("sensord ended without being stopped; the calls that ran are interrupted", "calls", n)
	}
	if d.spool, err = openSpool(c, log); err != nil {
		return nil, fmt.Errorf("spooldir: %w; %s", err, writable(c.SpoolDir, c.Path))
	}
	d.info = sensorInfo(c, d.source)

	ec := analyze.Config{
		SensorID: c.SensorID, SIPPorts: c.SIPPorts, MaxCalls: c.MaxCalls, Decide: analyze.ByRules(d.rules.take()),
		RTPTimeout: c.RTPTimeout, ByeTimeout: c.NoRTPTimeout, AbsoluteTimeout: c.AbsoluteTimeout,
		MatchHeaders: c.MatchHeaders, InbandDTMF: c.InbandDTMF, NoFaxTones: !c.FaxDetect,
	}
	d.hook(&ec)
	engine := analyze.New(ec, sink{d})
	if c.TLSKeyLog != "" {
		d.keys = &keyLog{path: c.TLSKeyLog, log: log}
		engine.Keys(d.keys.read())
	}
	d.pipeline = newPipeline(d.source, engine)
	d.viewer = &viewer{pipeline: d.pipeline, counters: d.counters, now: time.Now}
	d.streams = &streamViewer{pipeline: d.pipeline, now: time.Now}

	api := sensorapi.NewHandler(sensor{d})
	if len(c.Servers) > 0 {
		d.uplink = uplink.New(uplink.Config{
			Servers: c.Servers, Alternatives: c.Alternatives, Dial: link.ThroughProxy(c.Proxy, nil), Fingerprint: c.Fingerprint, IdentityDir: filepath.Join(c.StateDir, "identity"), Token: string(c.Token),
			Info: d.sensorInfo, Paired: d.rules.paired, Handler: overLink(c, d.rules, d.setLimits, directly{sensor{d}, d.direct}, api), Journal: d.journal, Limits: d.limited, Log: log,
		})
	}
	return d, nil
}

// run works until ctx ends or, for a replay, until every CDR is delivered.
func (d *daemon) run(ctx context.Context) error {
	defer d.close()
	d.log.Info("sensord started", "version", protocol.Version, "commit", protocol.Commit, "source", d.info.Source,
		"id_sensor", d.conf.SensorID, "socket", d.conf.Socket)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	ended := make(chan struct{})
	g.Go(func() error {
		return d.pipeline.run(ctx, func() { close(ended) })
	})
	g.Go(func() error { d.rules.watch(ctx); return nil })
	g.Go(func() error { d.followRules(ctx); return nil })
	g.Go(func() error { d.keepSpool(ctx); return nil })
	g.Go(func() error { d.supervise(ctx); return nil })
	if d.checkpointed() {
		g.Go(func() error { d.checkpoint(ctx); return nil })
	}
	if d.keys != nil {
		g.Go(func() error {
			d.keys.follow(ctx, func(lines []byte) error {
				return d.pipeline.ask(func(e *analyze.Engine) { e.Keys(lines) })
			})
			return nil
		})
	}
	g.Go(func() error { return serve(ctx, d.listener, sensorapi.NewHandler(sensor{d})) })
	if d.metrics != nil {
		m := http.NewServeMux()
		m.Handle("GET /metrics", sensorapi.MetricsHandler(sensor{d}.Health))
		g.Go(func() error { return serve(ctx, d.metrics, m) })
	}
	if d.uplink != nil {
		g.Go(func() error { return d.uplink.Run(ctx) })
	}
	if d.hepOut != nil {
		g.Go(func() error { return d.hepOut.Run(ctx) })
	}
	if len(d.opt.read) > 0 && !d.opt.stay {
		g.Go(func() error {
			defer stop()
			return d.delivered(ctx, ended)
		})
	}
	err := g.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	serr := d.journal.Sync()
	if serr == nil {
		serr = d.journal.RemoveCheckpoint()
	}
	if err == nil {
		err = serr
	}
	d.log.Info("sensord stopped", "undelivered", d.journal.State().Pending)
	return err
}

// delivered waits until a replay has been read, its CDRs are in hosted and its HEP is sent.
func (d *daemon) delivered(ctx context.Context, ended <-chan struct{}) error {
	select {
	case <-ctx.Done():
		return nil
	case <-ended:
	}
	st := d.source.Stats()
	d.log.Info("replay done", "packets", st.Packets, "calls", d.counters()[protocol.CountCallsEnded])
	for _, w := range st.Warnings {
		d.log.Warn("the input was not read to its end", "file", w.Input, "offset", w.Offset, "reason", w.Text)
	}
	d.sentHEP(ctx)
	if d.uplink == nil {
		return nil
	}
	if err := d.journal.Sync(); err != nil {
		return err
	}
	return d.upload(ctx)
}

// keepSpool removes captures that retention no longer covers.
func (d *daemon) keepSpool(ctx context.Context) {
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	for {
		d.spool.Retain(time.Now())
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// close ends what newDaemon opened; parts that were not opened are nil.
func (d *daemon) close() {
	for _, l := range []net.Listener{d.listener, d.metrics} {
		if l != nil {
			l.Close()
		}
	}
	if d.source != nil {
		d.source.Close()
	}
	if d.spool != nil {
		if err := d.spool.Close(); err != nil {
			d.log.Error("close the spool", "err", err)
		}
	}
	if d.journal != nil {
		if err := d.journal.Close(); err != nil {
			d.log.Error("close the journal", "err", err)
		}
	}
}

func openSource(c *conf.Config, o options, log *slog.Logger) (capture.Source, error) {
	if len(o.read) > 0 {
		return capture.NewReplay(o.read, capture.ReplayOptions{Speed: o.speed, Loop: o.loop, ToNow: o.now})
	}
	live := capture.LiveOptions{Promisc: c.Promisc, RingBytes: c.RingBufferMB << 20, Log: log}
	if c.Filter != "" {
		f, err := bpf.Parse(c.Filter)
		if err != nil {
			return nil, wrongFilter(c, err)
		}
		live.Filter = f
	}
	s, err := capture.Live(c.Interfaces, live)
	if bad := (*bpf.Error)(nil); errors.As(err, &bad) {
		return nil, wrongFilter(c, err)
	}
	return s, err
}

// writable is what to do about a folder that cannot be used.
func writable(dir, conf string) string {
	who := strconv.Itoa(os.Geteuid())
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	return fmt.Sprintf("let user %s write there (chown %s %s; under systemd also ReadWritePaths=%s in systemctl edit sensord), or name another folder in %s", who, who, dir, dir, conf)
}

func wrongFilter(c *conf.Config, err error) error {
	at := c.Place("filter")
	if at.Line == 0 {
		at = c.Place("interface_ip_filter")
	}
	return fmt.Errorf("%s: %s: %w; see docs/filter.md", at, at.Key, err)
}

// sink takes what the engine finds: records go to the journal, packets to the spool.
type sink struct{ d *daemon }

func (s sink) Call(c *protocol.CDR) {
	if s.d.journal.Has(c.ID) {
		return // a replay that was begun again after a crash
	}
	if err := s.d.journal.Append(c); err != nil {
		s.d.log.Error("CDR not journaled", "call_id", c.CallID, "err", err)
	}
}

func (s sink) Keep(c *analyze.KeptCall, p *analyze.Packet, headers int) {
	s.d.spool.Keep(c, p, headers)
}

func (s sink) Decided(c *analyze.KeptCall) { s.d.spool.Decided(c) }

func (s sink) Kept(c *analyze.KeptCall) protocol.Capture { return s.d.spool.Kept(c) }

// listenSocket makes the unix socket of the sensor API, and the folder that it stands in. A socket that nobody listens on is left
// from a crash and goes.
func listenSocket(path string) (net.Listener, error) {
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return nil, fmt.Errorf("api_socket %s: another sensord is running; stop it or name another socket", path)
	}
	if st, err := os.Lstat(path); err == nil && st.Mode()&os.ModeSocket != 0 {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("api_socket: %w", err)
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("api_socket: %w; name a path that sensord may write to", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("api_socket: %w; name a path that sensord may write to", err)
	}
	if err := os.Chmod(path, 0o660); err != nil {
		l.Close()
		return nil, fmt.Errorf("api_socket: %w", err)
	}
	return l, nil
}

func serve(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("sensor API: %w", err)
	}
	return nil
}

// sensorName is what the sensor is called: its conf's name, or the host's.
func sensorName(c *conf.Config) string {
	if c.Name != "" {
		return c.Name
	}
	name, _ := os.Hostname() // no name is shown as no name
	return name
}

func sensorInfo(c *conf.Config, s capture.Source) protocol.SensorInfo {
	var boot [8]byte
	rand.Read(boot[:]) // never fails
	machine, _ := os.ReadFile("/etc/machine-id")
	return protocol.SensorInfo{
		SensorID: c.SensorID, Name: sensorName(c), Version: protocol.Version, Commit: protocol.Commit, OS: runtime.GOOS, Arch: runtime.GOARCH,
		BootID: hex.EncodeToString(boot[:]), MachineID: strings.TrimSpace(string(machine)),
		Capabilities: capabilities(c), Started: protocol.TimeOf(time.Now()),
		Source: strings.Join(s.Stats().Inputs, ", "),
	}
}
