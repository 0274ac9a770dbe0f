//go:build unix

package doctor

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// owner is the user that a file belongs to.
func owner(path string) (uid uint32, ok bool) {
	st, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return sys.Uid, true
}

// try asks test(1) as another user. It opens nothing.
func try(ctx context.Context, a *Account, op, path string) (bool, error) {
	if os.Geteuid() != 0 {
		return false, errors.ErrUnsupported
	}
	test, err := exec.LookPath("test")
	if err != nil {
		return false, errors.ErrUnsupported
	}
	c := exec.CommandContext(ctx, test, op, path)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: a.UID, Gid: a.GID, Groups: a.Groups}}
	var exit *exec.ExitError
	switch err := c.Run(); {
	case err == nil:
		return true, nil
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		return false, nil
	default:
		return false, err
	}
}
