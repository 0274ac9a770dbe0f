package sipp

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// port finds a UDP port that is free on an address.
func port(t *testing.T, host string) int {
	t.Helper()
	l, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Skipf("no UDP on %s: %v", host, err)
	}
	defer l.Close()
	return l.LocalAddr().(*net.UDPAddr).Port
}

var pauses = regexp.MustCompile(`<pause milliseconds="(\d+)"/>`)

// sipp itself plays the two sides of a recorded call against each other, to their end and without an unexpected message.
func TestSippPlaysTheScenariosAgainstEachOther(t *testing.T) {
	program, err := exec.LookPath("sipp")
	if err != nil {
		t.Skip("sipp is not installed (package sip-tester)")
	}
	for _, c := range []struct {
		fixture string
		nth     int
		host    string
	}{
		{"sipp-answered-pcmu", 0, "127.0.0.1"},
		{"sipp-auth", 0, "127.0.0.1"},
		{"sipp-busy", 0, "127.0.0.1"},
		{"sipp-cancelled", 0, "127.0.0.1"},
		{"sipp-hold", 0, "127.0.0.1"},
		{"sipp-ipv6", 0, "::1"},
		{"sipp-unusual", 0, "127.0.0.1"},
		{"baresip-g722", 0, "127.0.0.1"},
		{"kamailio-fork", 0, "127.0.0.1"},
		{"kamailio-redirect", 0, "127.0.0.1"},
		{"baresip-transfer", 0, "127.0.0.1"},
		{"sipp-retransmit", 0, "127.0.0.1"},
	} {
		t.Run(c.fixture, func(t *testing.T) {
			t.Parallel()
			_, call, _ := fixture(t, c.fixture, c.nth)
			dir := t.TempDir()
			for _, f := range call.Files(nil) {
				b := pauses.ReplaceAllFunc(f.Data, func(p []byte) []byte { // a test does not wait as people talk
					ms, _ := strconv.Atoi(string(pauses.FindSubmatch(p)[1]))
					return fmt.Appendf(nil, `<pause milliseconds="%d"/>`, min(ms, 200))
				})
				if err := os.WriteFile(filepath.Join(dir, f.Name), b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			uas, uac := port(t, c.host), port(t, c.host)
			run := func(side string, more ...string) (*exec.Cmd, *bytes.Buffer) {
				args := []string{"-sf", side + ".xml", "-m", "1", "-nostdin", "-timeout", "50s", "-timeout_error", "-trace_err", "-error_file", side + ".log", "-i", c.host, "-au", "1009", "-ap", "secret"}
				cmd := exec.CommandContext(ctx, program, append(args, more...)...)
				out := &bytes.Buffer{}
				cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
				cmd.Env = append(os.Environ(), "TERM=xterm")
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				return cmd, out
			}
			callee, calleeOut := run("uas", "-p", strconv.Itoa(uas))
			waitBound(t, c.host, uas)
			caller, callerOut := run("uac", "-p", strconv.Itoa(uac), net.JoinHostPort(c.host, strconv.Itoa(uas)))
			errCaller, errCallee := caller.Wait(), callee.Wait()
			if errCaller != nil || errCallee != nil {
				for _, side := range []string{"uac", "uas"} {
					log, _ := os.ReadFile(filepath.Join(dir, side+".log"))
					xml, _ := os.ReadFile(filepath.Join(dir, side+".xml"))
					t.Logf("%s: %s\n%s", side, log, xml)
				}
				t.Errorf("caller: %v, callee: %v\n%.3000s\n%.3000s", errCaller, errCallee, callerOut, calleeOut)
			}
		})
	}
}

// waitBound waits until somebody has a port.
func waitBound(t *testing.T, host string, port int) {
	t.Helper()
	for range 200 {
		l, err := net.ListenPacket("udp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return
		}
		l.Close()
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("sipp does not listen on %s port %d", host, port)
}
