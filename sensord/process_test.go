package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/sensord/conf"
)

// asProgram makes the test binary be sensord itself, so that tests can kill a process of its own.
const asProgram = "SENSORD_TEST_IS_SENSORD"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestClosedTerminalStopsTheSensorInOrder(t *testing.T) {
	b := newBench(t, "id_sensor = 1")
	cmd := b.process(nil, "-r", b.oneCall(), "--speed", "0.1", "--now")
	api := b.api()
	b.until("a call runs", func() bool {
		u, err := api.Snapshot(t.Context())
		return err == nil && len(u.Calls) == 1
	})
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, b.log.String())
	}
	b.start("-r", b.oneCall(), "--stay")
	list, err := b.api().Calls(t.Context(), 10, protocol.UUID{})
	if err != nil || !slices.ContainsFunc(list, func(c protocol.CDR) bool { return c.EndCause == protocol.EndInterrupted }) {
		t.Errorf("no interrupted call among %d (%v)", len(list), err)
	}
}

func TestReloadSaysWhatARestartWouldChangeAndStopsNothing(t *testing.T) {
	b := newBench(t, "id_sensor = 1\ninterface = lo")
	next := notified(t, b.dir)
	cmd := b.process([]string{"NOTIFY_SOCKET=" + os.Getenv("NOTIFY_SOCKET")}, "-r", b.oneCall(), "--stay")
	if got := next(20 * time.Second); got != "READY=1" {
		t.Fatalf("first got %q, want READY=1", got)
	}
	was := readFile(t, filepath.Join(b.dir, "v.conf"))
	for _, c := range []struct{ conf, says string }{
		{was, "the configuration is as it was"},
		{was + "sipport = 5061\nringbuffer = 64\n", `systemctl restart sensord applies it" keys="ringbuffer, sipport"`},
		{was + "sipport = many\n", "sipport: found \\\"many\\\""},
	} {
		b.write("v.conf", c.conf)
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		b.until("the log says "+c.says, func() bool { return strings.Contains(b.log.String(), c.says) })
	}
	if _, err := b.api().Health(t.Context()); err != nil {
		t.Errorf("it does not answer any more: %v", err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, b.log.String())
	}
}

func TestTheUnitsOfThePackagesAreValid(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip(err)
	}
	for _, name := range []string{"sensord", "hosted"} {
		unit := strings.ReplaceAll(readFile(t, "../"+name+"/package/"+name+".service"), "/usr/bin/"+name, "/bin/true")
		path := filepath.Join(t.TempDir(), name+".service")
		if err := os.WriteFile(path, []byte(unit), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(analyze, "verify", "--man=no", "--recursive-errors=no", path).CombinedOutput()
		if err != nil || strings.Contains(string(out), filepath.Base(path)) {
			t.Errorf("%v\n%s\n%s", err, out, unit)
		}
	}
}

// The folders that the unit and the package make are those that sensord uses unless the file says otherwise.
func TestThePackageMakesTheFoldersOfTheDefaults(t *testing.T) {
	c := conf.Default()
	unit, script := readFile(t, "package/sensord.service"), readFile(t, "package/postinstall.sh")
	for _, want := range []string{
		"RuntimeDirectory=" + strings.TrimPrefix(filepath.Dir(c.Socket), "/run/") + "\n",
		"StateDirectory=" + strings.TrimPrefix(c.StateDir, "/var/lib/") + "\n", "ReadWritePaths=-" + c.SpoolDir + " ",
	} {
		if !strings.Contains(unit, want) {
			t.Errorf("the unit has no %q", want)
		}
	}
	if want := "for dir in " + c.StateDir + " " + c.SpoolDir + ";"; !strings.Contains(script, want) {
		t.Errorf("the package's script has no %q", want)
	}
}

// process starts sensord as a process of its own, with its configuration, the environment and the arguments.
func (b *bench) process(env []string, args ...string) *exec.Cmd {
	b.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	args = append([]string{exe, "-c", filepath.Join(b.dir, "v.conf")}, args...)
	if b.inNamespaceOf != 0 {
		args = append([]string{"nsenter", "-n", "-t", strconv.Itoa(b.inNamespaceOf)}, args...) // which becomes what it runs
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(append(os.Environ(), asProgram+"=1"), env...)
	cmd.Stderr = &b.log
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return cmd
}
