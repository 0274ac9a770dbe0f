package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"voiptop/protocol/mask"
	"voiptop/protocol/mcp"
	"voiptop/sensord/conf"
	"voiptop/tui/doctor"
	"voiptop/tui/source"
)

// mcpCommand is what `voipmon mcp` was asked for.
type mcpCommand struct {
	source  source.Options
	conf    string
	root    string // folder of capture files that may be analysed
	numbers bool
	write   bool
}

func newMCP() *cobra.Command {
	var m mcpCommand
	c := &cobra.Command{
		Use:                   "mcp [--sensor SOCKET | --hosted URL | -r FILE ...] [--root DIR]",
		DisableFlagsInUseLine: true,
		Short:                 "let an assistant ask about calls (Model Context Protocol)",
		Long: `Mcp speaks the Model Context Protocol on standard input and output, for
assistants that start it as their server. Its tools search calls, explain what
was wrong with one, count, and look at running calls, sensors, registrations and
capture rules: of the sensor on this machine, of capture files, or of a hosted
service, which then decides what the API token may. Tools only read, unless
--allow-write; no packets and no voice are given; numbers are masked unless
--numbers. docs/mcp.md has examples for assistants' settings.`,
		Example: `  voipmon mcp
  voipmon mcp -r yesterday.pcap
  voipmon mcp --root /srv/captures
  VOIPTOP_TOKEN=vtu_... voipmon mcp --hosted https://voip.example`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			m.source.Token = os.Getenv("VOIPTOP_TOKEN")
			return m.run(c.Context(), c.InOrStdin(), c.OutOrStdout())
		},
	}
	f := c.Flags()
	f.StringVar(&m.source.Socket, "sensor", "", "ask the sensor that listens on `SOCKET` (default the one in voipmonitor.conf, or /run/sensord/sensord.sock)")
	f.StringVar(&m.source.Hosted, "hosted", "", "ask the hosted service at `URL`, with the API token in VOIPTOP_TOKEN or ~/.config/voiptop/token")
	f.StringArrayVarP(&m.source.Files, "read", "r", nil, "ask about the calls in capture `FILE`s")
	f.StringVar(&m.source.KeyLog, "keylog", "", "with -r: decrypt TLS with the secrets in `FILE`, an SSLKEYLOGFILE")
	f.StringVarP(&m.conf, "config", "c", conf.DefaultPath, "configuration `FILE` that the tool doctor checks")
	f.StringVar(&m.root, "root", "", "folder `DIR` whose capture files may be analysed; none unless given")
	f.BoolVar(&m.numbers, "numbers", false, "show numbers and names whole")
	f.BoolVar(&m.write, "allow-write", false, "let the assistant replace the sensor's capture rules; needs --numbers")
	c.MarkFlagsMutuallyExclusive("sensor", "hosted", "read")
	c.MarkFlagsMutuallyExclusive("hosted", "root")
	c.MarkFlagsMutuallyExclusive("hosted", "numbers")
	c.MarkFlagsMutuallyExclusive("hosted", "allow-write")
	c.MarkFlagsMutuallyExclusive("read", "allow-write")
	return c
}

func (m *mcpCommand) run(ctx context.Context, in io.Reader, out io.Writer) error {
	if m.source.Hosted != "" {
		return m.bridge(ctx, in, out)
	}
	if m.write && !m.numbers {
		return exitError{2, "--allow-write needs --numbers: rules whose numbers are masked cannot be written back"}
	}
	src, err := source.Open(ctx, m.source)
	if err != nil {
		return exitError{2, err.Error()}
	}
	defer src.Close()
	local := &localCalls{src: src, now: time.Now}
	o := mcp.Options{Now: time.Now}
	if !m.numbers {
		key := make([]byte, 32) // marks hold as long as the program runs
		_, _ = rand.Read(key)   // never fails: crypto/rand documents it
		o.Mask, local.masked = mask.New(key), true
	}
	if len(m.source.Files) == 0 {
		socket := m.source.Socket
		if socket == "" {
			socket = source.DefaultSocket(m.conf)
		}
		local.sensor = newSensorHealth(socket)
		o.Doctor = localDoctor{doctor.NewEnv(m.conf)}
		if m.write {
			o.Writer = local
		}
	}
	if m.root != "" {
		dir, err := os.OpenRoot(m.root)
		if err != nil {
			return exitError{2, "--root: " + err.Error()}
		}
		defer dir.Close()
		f := &folder{dir: dir}
		local.folder, o.Analyzer = f, f
	}
	if err := mcp.ServeLines(ctx, mcp.New(local, o), in, out); err != nil {
		return exitError{2, err.Error()}
	}
	return nil
}

// bridge passes everything on to hosted.
func (m *mcpCommand) bridge(ctx context.Context, in io.Reader, out io.Writer) error {
	token, err := source.Token(m.source.Token)
	if err != nil {
		return exitError{2, err.Error()}
	}
	if token == "" {
		return exitError{2, fmt.Sprintf("%s: no API token: set VOIPTOP_TOKEN or write it to %s; the page Account of the service makes one for assistants", m.source.Hosted, source.TokenPath())}
	}
	server, end, err := mcp.Bridge(ctx, strings.TrimSuffix(m.source.Hosted, "/")+"/mcp", &http.Client{Transport: tokenTransport(token)})
	if err != nil {
		return exitError{2, err.Error()}
	}
	err = mcp.ServeLines(ctx, server, in, out)
	if err = errors.Join(err, end()); err != nil {
		return exitError{2, err.Error()}
	}
	return nil
}

// tokenTransport sends an API token with every request.
type tokenTransport string

func (t tokenTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(t))
	return http.DefaultTransport.RoundTrip(r)
}
