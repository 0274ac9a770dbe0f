package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"voiptop/protocol"
	"voiptop/protocol/link"
	"voiptop/sensord/conf"
)

// tokenEnv is where `voipmon pair` looks for the token first, because an environment is not shown by ps.
const tokenEnv = "VOIPMON_TOKEN"

type pairOptions struct {
	conf, server, token string
	force               bool
}

// newPair is `voipmon pair`.
func newPair() *cobra.Command {
	var o pairOptions
	cmd := &cobra.Command{
		Use:   "pair",
		Short: "pair this sensor with a hosted, once, with a token",
		Long: "Pair makes this sensor's key, has hosted sign it, and stores both below\n" +
			"state_dir. The token, from hosted's page Sensors, is read from " + tokenEnv + ",\n" +
			"from cloud_token in the configuration, or from standard input. It works once,\n" +
			"for an hour, and names the hosted that it is from: it is given to no other.",
		Example: "  voipmon pair --server hosted.example.net <token.txt",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return pair(cmd.Context(), o, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.server, "server", "", "hosted at `HOST[:PORT]` (default: server_destination)")
	f.StringVar(&o.token, "token", "", "the `TOKEN`; better in "+tokenEnv+" or on standard input, where ps does not show it")
	f.StringVarP(&o.conf, "config", "c", conf.DefaultPath, "configuration `FILE` of the sensor")
	f.BoolVar(&o.force, "force", false, "pair anew although this sensor is paired")
	return cmd
}

func pair(ctx context.Context, o pairOptions, stdin io.Reader, stdout, stderr io.Writer) error {
	c, err := conf.Load(o.conf)
	var wrong conf.Errors
	switch {
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "%v\n", err) // pairing needs little of the file
	case err != nil:
		return err
	}
	if c.SensorID == 0 {
		return fmt.Errorf("%s: id_sensor is not set: give this sensor a number from 1 to 65535 that no other of yours has", o.conf)
	}
	server := o.server
	if server == "" && len(c.Servers) > 0 {
		server = c.Servers[0]
	}
	if server == "" {
		return fmt.Errorf("which hosted? name it with --server HOST:PORT, or set server_destination in %s", o.conf)
	}
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(strings.Trim(server, "[]"), strconv.Itoa(link.Port))
	}
	text, err := readToken(o, string(c.Token), stdin, stderr)
	if err != nil {
		return err
	}
	token, err := link.ParseToken(text)
	if err != nil {
		return err
	}
	name := c.Name
	if name == "" {
		name, _ = os.Hostname() // hosted shows sensors without a name too
	}
	dir := filepath.Join(c.StateDir, "identity")
	id, err := link.Enrol(ctx, link.Enrolment{
		Server: server, Token: token, Dir: dir, Replace: o.force, Net: link.ThroughProxy(c.Proxy, nil), Now: time.Now,
		Info: protocol.SensorInfo{
			SensorID: c.SensorID, Name: name, Version: protocol.Version, Commit: protocol.Commit,
			OS: runtime.GOOS, Arch: runtime.GOARCH, Clock: protocol.TimeOf(time.Now()),
		},
	})
	if err != nil {
		return exitError{1, err.Error()}
	}
	if err := adopt(dir, c.StateDir); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "paired\n  sensor      %s\n  id_sensor   %d\n  tenant      %s\n  hosted      %s\n  hosted's CA %s\n  certificate valid until %s, renewed by itself\n  identity    %s\n",
		id.UUID, id.Link.SensorID, id.Link.Tenant, server, link.Fingerprint(id.CA), id.Cert.NotAfter.UTC().Format("2006-01-02"), dir)
	if len(c.Servers) == 0 {
		fmt.Fprintf(stdout, "set `server_destination = %s` in %s so that sensord connects\n", server, o.conf)
	}
	return nil
}

// readToken finds the token, without waiting for one that nobody will type.
func readToken(o pairOptions, configured string, stdin io.Reader, stderr io.Writer) (string, error) {
	switch env := os.Getenv(tokenEnv); {
	case o.token != "" && o.token != "-":
		fmt.Fprintf(stderr, "voipmon: other users of this machine can see a token on the command line; use %s or standard input\n", tokenEnv)
		return o.token, nil
	case o.token == "" && env != "":
		return env, nil
	case o.token == "" && configured != "":
		return configured, nil
	}
	if f, ok := stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(stderr, "Token (from hosted's page Sensors; it is not shown): ")
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(stderr)
		return string(b), err
	}
	line, err := bufio.NewReader(io.LimitReader(stdin, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the token from standard input: %w", err)
	}
	if strings.TrimSpace(line) == "" {
		return "", fmt.Errorf("no token: give it in %s or on standard input; hosted's page Sensors makes one", tokenEnv)
	}
	return line, nil
}

// adopt gives what root wrote below dir to the owner of like, so that a sensord that is not root can read it.
func adopt(dir, like string) error {
	st, err := os.Stat(like)
	if err != nil {
		return fmt.Errorf("state_dir: %w", err)
	}
	owner, ok := st.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 || owner.Uid == 0 {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(owner.Uid), int(owner.Gid))
	})
}
