package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"voiptop/hosted/internal/alert/watch"
	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/httpapi"
	"voiptop/hosted/internal/lobby"
	"voiptop/hosted/internal/relay"
	"voiptop/hosted/internal/sensors"
	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/postgres"
	"voiptop/hosted/web"
	"voiptop/protocol"
	"voiptop/protocol/link"
)

// serveFlags are the options of `hosted serve`.
type serveFlags struct {
	http, cert, key string
	sensors, public string
	retention       int
	trusted         []string
	streams         relay.Limits
	direct          directFlags
	oidc            oidcFlags
	mcpWrite        bool
	alerts          alertFlags
	nodes           nodeFlags
	logFormat       string
	logLevel        slog.Level
}

func newServe(db *database) *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the service: sensors' link, API and GUI",
		Long: "Run the service: sensors' link, API and GUI. The first start makes the tenant\n\"" + defaultTenant +
			"\" and its user admin, and prints the password once. Plain HTTP is meant\n" +
			"for this machine or for behind a proxy that does TLS (give --trusted-proxy).",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return serve(c.Context(), db, f, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&f.http, "http", "127.0.0.1:8080", "`HOST:PORT` of the API and the GUI")
	c.Flags().StringVar(&f.cert, "http-tls-cert", "", "certificate `FILE` (PEM) for --http; with --http-tls-key")
	c.Flags().StringVar(&f.key, "http-tls-key", "", "key `FILE` (PEM) for --http")
	c.Flags().StringVar(&f.sensors, "sensors", fmt.Sprintf(":%d", link.Port), "`HOST:PORT` that sensors dial")
	c.Flags().StringVar(&f.public, "public-name", "", "`HOST:PORT` that sensors dial, as they are told (this host's name and the port of --sensors)")
	c.Flags().IntVar(&f.retention, "retention-days", 25, "`DAYS` that calls are kept")
	c.Flags().IntVar(&f.streams.PerUser, "downloads-per-user", 16, "at most `N` captures and recordings of one user under way at a time")
	c.Flags().IntVar(&f.streams.PerTenant, "downloads-per-tenant", 200, "at most `N` of all users of a tenant")
	c.Flags().DurationVar(&f.streams.Stalled, "download-stall", 5*time.Minute, "a browser that takes nothing for so long is cut off")
	c.Flags().IntVar(&f.streams.Calls, "archive-calls", 1000, "at most `N` calls in one zip")
	f.direct.add(c)
	c.Flags().StringSliceVar(&f.trusted, "trusted-proxy", nil, "`NETWORK` (CIDR) of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed")
	f.oidc.add(c)
	c.Flags().BoolVar(&f.mcpWrite, "mcp-allow-write", false, "let assistants at /mcp change capture rules, with a token that has the right")
	f.alerts.add(c)
	f.nodes.add(c)
	c.Flags().StringVar(&f.logFormat, "log-format", "text", "`FORMAT` of the log: text or json")
	c.Flags().TextVar(&f.logLevel, "log-level", slog.LevelInfo, "`LEVEL` of the log: debug, info, warn or error")
	c.MarkFlagsRequiredTogether("http-tls-cert", "http-tls-key")
	return c
}

// service is what serve runs.
type service struct {
	serveFlags
	store    store.Store
	now      func() time.Time
	log      *slog.Logger
	web      net.Listener
	link     net.Listener // sensors dial it
	lobby    *lobby.Lobby // of those who have not proved who they are
	links    *sensors.Service
	node     node           // this process as one of several
	watch    *watch.Service // keeps the alerts
	handler  http.Handler
	leaving  atomic.Bool   // it was asked to stop: no new work, please
	stopping chan struct{} // closed when the HTTP server shuts down
}

// Times of the supervisor.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 32 << 10
)

func serve(ctx context.Context, db *database, f serveFlags, stdout, stderr io.Writer) (err error) {
	log, err := newLog(f, stderr)
	if err != nil {
		return err
	}
	if f.retention < 1 {
		return fmt.Errorf("--retention-days %d: want at least 1", f.retention)
	}
	if l := f.streams; l.PerUser < 1 || l.PerTenant < 1 || l.Calls < 1 || l.Stalled < time.Second {
		return errors.New("--downloads-per-user, --downloads-per-tenant and --archive-calls: want at least 1; --download-stall: at least 1s")
	}
	trusted, err := parseNetworks(f.trusted)
	if err != nil {
		return err
	}
	direct, err := f.direct.settings()
	if err != nil {
		return err
	}
	s := &service{serveFlags: f, now: db.now, log: log, stopping: make(chan struct{})}
	if s.web, err = listen("--http", f.http); err != nil {
		return err
	}
	defer s.web.Close()
	if s.link, err = listen("--sensors", f.sensors); err != nil {
		return err
	}
	defer s.link.Close()
	db.logUpgrade(log)
	if s.store, err = db.open(ctx, s.keep()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.store.Close()) }()
	if p, ok := s.store.(*postgres.Store); ok {
		if err := p.RowSecurity(); err != nil {
			log.Warn("the database does not keep tenants apart, only hosted's own statements do", "err", err)
		}
	}
	if err := firstStart(ctx, s.store, s.now, stderr); err != nil {
		return err
	}
	ca, err := sensors.LoadCA(ctx, s.store, s.now)
	if err != nil {
		return err
	}
	m := newMetrics(s.now)
	m.tenants.tenants, m.tenants.uses = s.store.Tenants, func() map[store.TenantID]sensors.Use { return s.links.Uses() }
	people := auth.New(s.store, s.now)
	providers, err := f.oidc.services(s, people)
	if err != nil {
		return err
	}
	sender, err := f.alerts.sender(s)
	if err != nil {
		return err
	}
	if s.node, err = f.nodes.node(s, ca, m); err != nil {
		return err
	}
	if s.node.listener != nil {
		defer s.node.listener.Close()
	}
	s.lobby = newLobby(m.registry)
	s.links = sensors.New(sensors.Config{
		Lobby: s.lobby,
		Store: s.store, CA: ca, Log: log, Clock: s.now, Metrics: m.registry, Node: s.node.id(), Cluster: s.node.others(),
		Limits: sensors.Limits{KeepDays: f.retention},
		Stored: func(t store.TenantID, calls []protocol.CDR) { m.tenants.count(t, calls); s.watch.Stored(t, calls) },
	})
	s.watch = watch.New(watch.Config{Store: s.store, Sender: sender, Links: s.links, Base: s.guiURL(), Log: log, Now: s.now, Metrics: m.registry})
	s.handler = httpapi.New(httpapi.Config{
		Store: s.store, Auth: people, OIDC: providers, MCPWrite: f.mcpWrite, Links: s.node.links(s.links), Direct: direct, Gate: s.node.gate(f.streams, m), GUI: web.FS(), Server: s.publicName, Trusted: trusted,
		Metrics: m.handler(), MetricsOf: m.of, Observe: m.observe, Watch: s.watch, Log: log, Now: s.now, Done: s.stopping, Ready: s.ready, Proved: proved(s.lobby),
	})
	if s.node.Cluster != nil {
		if err := s.node.Join(ctx); err != nil {
			return err
		}
	}
	fmt.Fprintf(stdout, "hosted %s: %s://%s, sensors at %s\n", protocol.Version, s.scheme(), s.web.Addr(), s.link.Addr())
	return s.run(ctx, m)
}

func (s *service) keep() time.Duration { return time.Duration(s.retention) * 24 * time.Hour }

// run serves until ctx ends or a part fails; the first that ends stops the others. What goes on is ended in order: the
// sensors go to other nodes and downloads come to their end before the parts that serve them stop.
func (s *service) run(ctx context.Context, m *metrics) error {
	work, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	g, ctx := errgroup.WithContext(ctx)
	server := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	watchDoor(server, s.lobby)
	if s.cert != "" {
		c, err := loadCertificate(s.cert, s.key, s.log, s.now)
		if err != nil {
			return err
		}
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
		s.links.Share(server)
		m.registry.MustRegister(c.metric())
		g.Go(func() error { c.reload(ctx); return nil })
	}
	g.Go(func() error {
		err := s.serveHTTP(server)
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("HTTP server: %w", err)
	})
	g.Go(func() error {
		defer end()
		<-ctx.Done()
		return s.drain(server)
	})
	counting, counted := context.WithCancel(context.WithoutCancel(ctx)) // alerts count what sensors send until the last is gone
	g.Go(func() error {
		defer counted()
		if err := s.links.Serve(work, s.link); err != nil {
			return fmt.Errorf("sensors' link: %w", err)
		}
		return nil
	})
	s.node.run(work, g.Go)
	g.Go(func() error { s.watch.Run(counting); return nil })
	g.Go(func() error { s.maintain(ctx, m); return nil })
	g.Go(func() error { s.supervise(ctx); return nil })
	err := g.Wait()
	s.log.Info("stopped")
	return err
}

// drain lets go of browsers and sensors.
func (s *service) drain(server *http.Server) error {
	s.leaving.Store(true)
	if s.node.Cluster != nil {
		s.node.Leave()
	}
	time.Sleep(s.nodes.wait)
	close(s.stopping)
	ctx, cancel := context.WithTimeout(context.Background(), s.nodes.drain)
	defer cancel()
	var g errgroup.Group
	g.Go(func() error { s.links.Leave(ctx); return nil })
	g.Go(func() error {
		if err := server.Shutdown(ctx); err != nil { // downloads that are still going on
			return server.Close()
		}
		return nil
	})
	return g.Wait()
}

// ready says why this node should get no requests; nil while it should.
func (s *service) ready(ctx context.Context) error {
	if s.leaving.Load() {
		return errors.New("this node stops")
	}
	if err := s.store.Ping(ctx); err != nil {
		s.log.Error("store does not answer", "error", err)
		return errors.New("the store does not answer")
	}
	return nil
}

func (s *service) serveHTTP(server *http.Server) error {
	if s.cert != "" {
		return server.ServeTLS(s.web, "", "") // the certificate is in server.TLSConfig
	}
	return server.Serve(s.web)
}

func (s *service) scheme() string {
	if s.cert != "" {
		return "https"
	}
	return "http"
}

// publicName is what a new sensor is told to dial.
func (s *service) publicName() string { return publicName(s.public, s.link.Addr().String()) }

// publicName is what --public-name says, or else the address that is listened on, with this host's name for all its
// addresses.
func publicName(flag, addr string) string {
	if flag != "" {
		return flag
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		if name, err := os.Hostname(); err == nil {
			host = name
		}
	}
	return net.JoinHostPort(host, port)
}

// listen says which option to change when it cannot.
func listen(flag, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s %s: the port is in use: stop the program that holds it (`ss -ltnp` names it) or choose another address", flag, addr)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s %s: the port needs more rights: choose one from 1024 up", flag, addr)
	case err != nil:
		return nil, fmt.Errorf("%s %s: %w; want HOST:PORT or :PORT", flag, addr, err)
	}
	return l, nil
}

func newLog(f serveFlags, w io.Writer) (*slog.Logger, error) {
	o := &slog.HandlerOptions{Level: f.logLevel}
	switch f.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(w, o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, o)), nil
	}
	return nil, fmt.Errorf("--log-format %q: want text or json", f.logFormat)
}

func parseNetworks(list []string) (nets []netip.Prefix, err error) {
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			ip, e := netip.ParseAddr(s)
			if e != nil {
				return nil, fmt.Errorf("--trusted-proxy %q: want a network like 10.0.0.0/8 or an address", s)
			}
			p = netip.PrefixFrom(ip, ip.BitLen())
		}
		nets = append(nets, p)
	}
	return nets, nil
}

// firstStart makes a tenant and its administrator where there is none, and prints the password, which is stored nowhere.
func firstStart(ctx context.Context, s store.Store, now func() time.Time, out io.Writer) error {
	tenants, err := s.Tenants(ctx)
	if err != nil {
		return err
	}
	if len(tenants) == 0 {
		t, err := s.CreateTenant(ctx, defaultTenant)
		if errors.Is(err, store.ErrExists) {
			return nil // another node is faster, and prints it
		}
		if err != nil {
			return err
		}
		tenants = append(tenants, t)
	}
	for _, t := range tenants {
		users, err := s.Users(ctx, t.ID)
		if err != nil || len(users) > 0 {
			return err
		}
	}
	password := auth.NewPassword()
	_, err = s.CreateUser(ctx, store.User{Tenant: tenants[0].ID, Name: "admin", Password: auth.HashPassword(password), Role: store.RoleAdmin, Rights: store.AllRights, Created: now()})
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\nfirst start: log in as admin with password %s\n(shown only this once; `hosted user password admin` sets a new one)\n\n", password)
	return err
}
