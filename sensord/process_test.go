package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
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
